/* Studies whose samples pass the audit first: what they keep, and the numbers for the evidence. */
#ifndef MNK_STUDY_GATED_H
#define MNK_STUDY_GATED_H

#include "manikin/keep.h"

/* results/<name>.json with the counts; a file of an earlier run without a gate is removed when k is NULL. */
mnk_status mnk_gated_save(const char *dir, const char *name, const mnk_keep *k, const mnk_keep_report *r, uint64_t seed,
                          mnk_error *err) MNK_CHECK;
/* "812 of 1024 drawn kept (79.3 %); authentic 150, alpha 90 fall" of such a file; "" when there is none. */
mnk_status mnk_gated_words(const char *dir, const char *name, char out[256], mnk_error *err) MNK_CHECK;

#endif
