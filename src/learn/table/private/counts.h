/* Counts of the encoded rows over one and two columns, and the score of pairs against a model. Everything here is exact and
 * about real rows: it goes nowhere but into a permit. */
#ifndef MNK_LEARN_TABLE_PRIVATE_COUNTS_H
#define MNK_LEARN_TABLE_PRIVATE_COUNTS_H

#include "learn/table/private/axes.h"

typedef struct mnk_rows {
    size_t rows, columns;
    const mnk_axes *axes;
    uint8_t *cell; /* [columns][rows] cell of each row; bins until mnk_rows_merge */
} mnk_rows;

mnk_status mnk_rows_open(const mnk_axes *axes, const mnk_table *t, const uint32_t *row, size_t rows, mnk_rows *out,
                         mnk_error *err) MNK_CHECK;
void mnk_rows_close(mnk_rows *r);
/* Bins become the cells that the axes have now. */
void mnk_rows_merge(mnk_rows *r);

/* count: [bins or cells of the column] */
void mnk_rows_count(const mnk_rows *r, size_t column, int64_t *count, size_t cells);
/* count: [cells a * cells b], b runs fastest. */
void mnk_rows_count_pair(const mnk_rows *r, size_t a, size_t b, int64_t *count);

/* score[k] = the L1 distance between the counts of pair k and what model[k] says of it. Pairs are (0,1), (0,2) … (1,2) …;
 * `expected(ctx, a, b, out)` writes the model's counts of a pair and may be called from several threads. */
typedef void (*mnk_expected)(const void *ctx, size_t a, size_t b, double *out);
mnk_status mnk_rows_distances(const mnk_rows *r, mnk_expected expected, const void *ctx, double *score,
                              mnk_error *err) MNK_CHECK;

static inline size_t mnk_pairs(size_t columns) { return columns * (columns - 1) / 2; }

#endif
