/* The marginal of every pair of axes under a junction tree, also of pairs that no clique holds, exactly: every state of the
 * first axis is entered as evidence and carried through the tree. */
#ifndef MNK_LEARN_TABLE_PRIVATE_PAIRS_H
#define MNK_LEARN_TABLE_PRIVATE_PAIRS_H

#include "learn/table/private/junction.h"

typedef struct mnk_pair_table {
    size_t axes;
    const int32_t *size;
    size_t *start; /* [axes * axes] of the table of a < b, b runs fastest */
    double *p;
} mnk_pair_table;

/* Room for all pairs. MNK_ERR_MEMORY names the need before it is taken. `size` is kept, not copied. */
mnk_status mnk_pair_table_open(size_t axes, const int32_t *size, mnk_pair_table *out, mnk_error *err) MNK_CHECK;
void mnk_pair_table_close(mnk_pair_table *t);
/* Beliefs of j must be up to date (mnk_junction_infer). Same numbers for any number of threads. */
mnk_status mnk_pair_table_fill(mnk_pair_table *t, const mnk_junction *j, mnk_error *err) MNK_CHECK;

static inline double *mnk_pair_at(const mnk_pair_table *t, size_t a, size_t b) { return t->p + t->start[a * t->axes + b]; }

#endif
