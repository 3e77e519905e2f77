/* What always holds in train although it would often fail if the columns had nothing to do with each other. */
#ifndef MNK_EVALUATE_TABLE_FOUND_H
#define MNK_EVALUATE_TABLE_FOUND_H

#include "evaluate/table/sets.h"

typedef enum mnk_found_kind {
    MNK_FOUND_NEVER_BOTH, /* state a of column a and state b of column b never meet */
    MNK_FOUND_AT_MOST,    /* where column a is in state a, the number b is at most `bound` */
    MNK_FOUND_AT_LEAST,   /* … at least */
    MNK_FOUND_ORDER       /* number a <= number b */
} mnk_found_kind;

/* States of a column: its levels 0.., -1 missing, and for numbers -2: present. */
typedef struct mnk_found {
    mnk_found_kind kind;
    size_t a, b; /* compared columns */
    int32_t state_a, state_b;
    double bound;
    double expected; /* train rows that would break it if a and b were independent */
} mnk_found;

/* Rules that no row of train breaks and that `expected` of them would: with T things looked at, expected >= ln(T / 0.01), so
 * that under independence one rule in a hundred tables is found by chance. At most `most`, by `expected` descending. */
mnk_status mnk_found_rules(const mnk_table_sets *s, size_t most, mnk_found **out, size_t *n, mnk_error *err) MNK_CHECK;
bool mnk_found_breaks(const mnk_found *f, const mnk_table_sets *s, int role, size_t row);
/* In words, with the row's values. */
void mnk_found_words(const mnk_found *f, const mnk_table_sets *s, int role, size_t row, char out[96]);

#endif
