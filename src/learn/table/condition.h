/* What a condition says of single columns. */
#ifndef MNK_LEARN_TABLE_CONDITION_H
#define MNK_LEARN_TABLE_CONDITION_H

#include "learn/table/box.h"

/* Narrows `box` (of the user's columns) to what every row that meets `rule` (value 1) must lie in. Only single columns are
 * looked at: rows in the box need not meet the rule. */
mnk_status mnk_condition_box(const mnk_rule *rule, const mnk_schema *s, mnk_table_box *box, mnk_error *err) MNK_CHECK;
/* True when a column of the box has nothing left. */
bool mnk_condition_is_empty(const mnk_table_box *box, const mnk_schema *s, size_t *column);

#endif
