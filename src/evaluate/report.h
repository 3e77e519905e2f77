/* What evaluate says of the pictures themselves, outside any encoding: variety inside classes, label agreement, copies; and
 * its warnings. */
#ifndef MNK_EVALUATE_REPORT_H
#define MNK_EVALUATE_REPORT_H

#include "evaluate/encoding.h"

/* within_class_sd, label_agreement and copies of all images together. */
mnk_status mnk_report_whole(mnk_sets *s, const mnk_observer *o, mnk_result *r, mnk_error *err) MNK_CHECK;
/* within_class_sd and label_agreement of one class. */
mnk_status mnk_report_class(const mnk_sets *s, int label, mnk_result *r, mnk_error *err) MNK_CHECK;
/* Sentences for what the metrics of r show; after all of them are there. */
void mnk_report_warnings(const mnk_sets *s, mnk_result *r);

#endif
