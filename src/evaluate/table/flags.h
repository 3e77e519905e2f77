/* Rows to look at: copies of training rows, rows that break a rule. */
#ifndef MNK_EVALUATE_TABLE_FLAGS_H
#define MNK_EVALUATE_TABLE_FLAGS_H

#include "evaluate/table/sets.h"

/* copy[n of role] = 1 where a row equals a training row in every compared column; of[n] (may be NULL) the first such row. */
mnk_status mnk_table_exact_copies(const mnk_table_sets *s, int role, uint8_t *copy, uint32_t *of, mnk_error *err) MNK_CHECK;

/* exact_copies and near_copies (with flags) of synthetic, against holdout. */
mnk_status mnk_table_copies(const mnk_table_sets *s, const mnk_encoded *e, const mnk_observer *o, mnk_result *r,
                            mnk_error *err) MNK_CHECK;

/* found_rules_broken: the share of rows that break something that holds in all of train; flags in words. */
mnk_status mnk_table_found_rules(const mnk_table_sets *s, mnk_result *r, mnk_error *err) MNK_CHECK;
/* rules_broken: the same for the schema's rules. */
mnk_status mnk_table_named_rules(const mnk_table_sets *s, mnk_result *r, mnk_error *err) MNK_CHECK;

#endif
