/* Single questions about a table, asked by mnk_table_describe. Formulas: docs/methods/tables.md. */
#ifndef MNK_DATA_TABLE_CHECKS_H
#define MNK_DATA_TABLE_CHECKS_H

#include "manikin/table.h"

/* How well one column alone predicts the label: categories and the 32 quantile groups of numbers (missing is a group) get the
 * label's rate, or mean, in one half of the persons, and are judged on the other half; the two halves' figures are averaged.
 * Label of codes: AUC, of the class that is told best; label of numbers: R squared. NaN where too few rows say anything. */
typedef struct mnk_leak {
    double value;
    int32_t level; /* the class; -1 for a label of numbers */
    size_t n;      /* rows with a label */
} mnk_leak;
mnk_status mnk_table_leak(const mnk_table *t, size_t column, size_t label, mnk_leak *out, mnk_error *err) MNK_CHECK;

/* first[i]: the first row that agrees with row i in every data column but `except` (-1: none); i itself when it is the first.
 */
mnk_status mnk_table_same_rows(const mnk_table *t, long except, size_t *first, mnk_error *err) MNK_CHECK;

/* A number that looks like a code for missing: 0 among measurements that are never 0 (by the heading), or one that stands apart
 * from all others as codes do: 0 below, -1 …, 99 …, 9999 above. False when none. */
typedef struct mnk_odd_value {
    double value, nearest; /* nearest: the closest other value */
    size_t n;
} mnk_odd_value;
mnk_status mnk_table_odd_value(const mnk_table *t, size_t column, mnk_odd_value *out, bool *found, mnk_error *err) MNK_CHECK;

#endif
