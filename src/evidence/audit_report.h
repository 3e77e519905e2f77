/* The page of an audit: answer, policy, and every number by group, with controls beside them. */
#ifndef MNK_EVIDENCE_AUDIT_REPORT_H
#define MNK_EVIDENCE_AUDIT_REPORT_H

#include "manikin/evidence.h"

/* gate [gates] as judged (0: no policy). hide_real: rows of real records are not named. */
mnk_status mnk_audit_page(const mnk_result *r, const mnk_gate *gate, size_t gates, bool hide_real, const char *path, bool force,
                          mnk_error *err) MNK_CHECK;

#endif
