/* Codes of many levels: the frequent ones stay, the rest are pooled by their common beginning. */
#ifndef MNK_LEARN_TABLE_POOLS_H
#define MNK_LEARN_TABLE_POOLS_H

#include "learn/table/recode.h"

/* Fills levels, work_levels, to_work, start, member and running of k for column c of t. */
mnk_status mnk_pools_fit(const mnk_table *t, size_t c, const mnk_recode_options *o, mnk_recode *k, mnk_error *err) MNK_CHECK;

#endif
