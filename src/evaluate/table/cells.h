/* Contingency tables of one, two or three binned columns against train's: 1 - total variation, with its expected value under
 * sampling alone. Behind tv_complement, contingency_similarity and the binned accuracies. */
#ifndef MNK_EVALUATE_TABLE_CELLS_H
#define MNK_EVALUATE_TABLE_CELLS_H

#include "evaluate/table/bins.h"
#include "evaluate/table/score.h"

typedef struct mnk_tuple {
    uint16_t column[3];
} mnk_tuple;

typedef struct mnk_cells {
    const mnk_binned *binned;
    const mnk_tuple *tuple; /* [units of the family] */
    int ways;               /* 1, 2, 3 */
    size_t most_cells;      /* of any tuple */
    bool drop_missing;      /* rows with a missing value take no part */
    double unseen;          /* added to train's count of cells that only synthetic has (SDMetrics: 1e-6), else 0 */
    int decimals;           /* round each figure as published; -1: no */
} mnk_cells;

/* The unit function; ctx is a mnk_cells. A tuple with more cells than most_cells gives NaN. */
void mnk_cells_unit(const void *ctx, const mnk_table_sets *s, size_t unit, void *scratch, mnk_score *score,
                    const mnk_influence *influence);
size_t mnk_cells_scratch(const mnk_cells *c, const mnk_table_sets *s);
/* Sets most_cells to what the largest tuple needs, at most `cap`. */
void mnk_cells_fit(mnk_cells *c, size_t units, size_t cap);

/* All tuples of `ways` of the columns that `takes` accepts (NULL: all), or a random choice of `most` of them when there are
 * more. *out is released with mnk_free. */
mnk_status mnk_tuples_list(const mnk_table_sets *s, int ways, size_t most,
                           bool (*takes)(const mnk_table_sets *, const mnk_tuple *), mnk_tuple **out, size_t *n,
                           bool *is_sample, mnk_error *err) MNK_CHECK;

#endif
