/* The page's style sheet: calm, readable, greyscale- and print-proof. Attribute values in the page are always quoted. */
#ifndef MNK_EVIDENCE_STYLE_H
#define MNK_EVIDENCE_STYLE_H

extern const char mnk_report_style[];

#endif
