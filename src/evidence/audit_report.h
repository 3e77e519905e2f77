/* The page of an audit: answer, policy, and every number by group, with controls beside them. */
#ifndef MNK_EVIDENCE_AUDIT_REPORT_H
#define MNK_EVIDENCE_AUDIT_REPORT_H

#include "base/json.h"
#include "evidence/policy.h"
#include "manikin/evidence.h"

/* gate [policy->rules] as judged; policy NULL: none. hide_real: rows of real records are not named. */
mnk_status mnk_audit_page(const mnk_result *r, const mnk_policy *policy, const mnk_gate *gate, bool hide_real, const char *path,
                          bool force, mnk_error *err) MNK_CHECK;

/* ---- pieces that the pages of studies share (report_audit.c) ---- */

/* Which policy: its title and the hash of its bytes. */
void mnk_audit_policy(mnk_text *t, const char *title, const char *hash);
/* Every number of one audit, a table for each group it has, and the records at risk, under headings of the third rank. */
void mnk_audit_details(mnk_text *t, const mnk_result *r, bool hide_real);

#endif
