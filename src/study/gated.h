/* Studies whose samples pass the audit first: what they keep, and the numbers for the evidence. */
#ifndef MNK_STUDY_GATED_H
#define MNK_STUDY_GATED_H

#include "manikin/keep.h"

/* results/<name>.json with the counts and, where both are given, every figure before and after; a file of an earlier run
 * without a gate is removed when k is NULL. */
mnk_status mnk_gated_save(const char *dir, const char *name, const mnk_keep *k, const mnk_keep_report *r,
                          const mnk_result *before, const mnk_result *after, uint64_t seed, mnk_error *err) MNK_CHECK;
/* "812 of 1024 drawn kept (79.3 %); fall: 150 by authentic, 90 by alpha; coverage 0.81 to 0.78 (lower)" of such a file; "" when
 * there is none. */
mnk_status mnk_gated_words(const char *dir, const char *name, char out[256], mnk_error *err) MNK_CHECK;
/* Fidelity of the first drawn rows without the gate, and of those kept. */
mnk_status mnk_gated_judge(const mnk_table *train, const mnk_table *holdout, const mnk_table *rows,
                           const mnk_table_evaluate_config *config, const mnk_observer *observer, mnk_result **out,
                           mnk_error *err) MNK_CHECK;

#endif
