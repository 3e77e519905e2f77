/* Columns as small codes: levels or bins fitted on train, missing always code 0. And the rows of numeric columns in order. */
#ifndef MNK_EVALUATE_TABLE_BINS_H
#define MNK_EVALUATE_TABLE_BINS_H

#include "evaluate/table/sets.h"

typedef enum mnk_binning {
    MNK_BINS_LEVELS, /* every level; numbers in ten bins of equal width over train's range (SDMetrics) */
    MNK_BINS_TOP     /* the ten most frequent levels with five rows or more, the others together; numbers in about ten bins of
                        equal count, dates too (mostlyai-qa) */
} mnk_binning;

typedef struct mnk_binned {
    size_t columns;
    size_t *levels;             /* [columns] codes run from 0 (missing) to levels-1 */
    uint16_t **code[MNK_ROLES]; /* [columns][n]; NULL for a set that is not there */
} mnk_binned;

/* most: levels beyond this many (by frequency in train) share the last code; 65535 at most. */
mnk_status mnk_binned_open(const mnk_table_sets *s, mnk_binning how, size_t most, mnk_binned *out, mnk_error *err) MNK_CHECK;
void mnk_binned_close(mnk_binned *b);

/* Rows with a value, ascending by it (then by row), of every numeric column. */
typedef struct mnk_orders {
    size_t columns;
    uint32_t **row[MNK_ROLES]; /* [columns]; NULL for columns of codes and absent sets */
    size_t *n[MNK_ROLES];      /* [columns] */
} mnk_orders;
mnk_status mnk_orders_open(const mnk_table_sets *s, mnk_orders *out, mnk_error *err) MNK_CHECK;
void mnk_orders_close(mnk_orders *o);

#endif
