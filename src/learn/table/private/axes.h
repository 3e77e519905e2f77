/* The axes of a private model: every working column as at most MNK_AXIS_BINS bins that follow from the schema alone, and the
 * cells that marginals are measured in, which follow from noisy counts. Nothing here may look at a row but mnk_axes_encode.
 *
 * Bin 0 is "missing". A column of codes has bin 1 + code. A column of numbers has bins of equal width between its bounds;
 * whole numbers have bins of whole width. */
#ifndef MNK_LEARN_TABLE_PRIVATE_AXES_H
#define MNK_LEARN_TABLE_PRIVATE_AXES_H

#include "base/rng.h"
#include "learn/table/tensors.h"
#include "manikin/table.h"

#define MNK_AXIS_BINS 256

typedef struct mnk_axis {
    bool is_number;
    int32_t bins;                /* with bin 0 */
    double low, width;           /* numbers: bin b > 0 is [low + (b-1) width, low + b width] */
    int32_t cells;               /* <= bins */
    int32_t cell[MNK_AXIS_BINS]; /* cell of each bin */
    double share[MNK_AXIS_BINS]; /* of the bin within its cell; sums to 1 over the cell's bins */
} mnk_axis;

typedef struct mnk_axes {
    size_t columns;
    mnk_axis *axis; /* [columns] */
} mnk_axes;

/* One cell a bin. `bins`: of a column of numbers at most. MNK_ERR_INPUT names the column of numbers that has no bounds. */
mnk_status mnk_axes_open(const mnk_schema *s, size_t bins, mnk_axes *out, mnk_error *err) MNK_CHECK;
void mnk_axes_clear(mnk_axes *a);
/* Bin of a cell; a value outside the bounds takes the outer bin. */
uint8_t mnk_axis_bin(const mnk_axis *a, const mnk_table *t, size_t column, size_t row);
/* bin[column * n + i] of row index[i]. */
void mnk_axes_encode(const mnk_axes *a, const mnk_table *t, const uint32_t *index, size_t n, uint8_t *bin);
/* Bins whose noisy count is below `least` share one cell, within which they are drawn by their noisy counts after those were
 * brought to the simplex. A lone rare bin stays. `noisy` [bins] becomes [cells]. Post-processing: spends nothing. */
void mnk_axis_merge(mnk_axis *a, double *noisy, double least);
/* Writes a cell of the table: a bin of the model's cell, a value in the bin. */
void mnk_axis_put(const mnk_axis *a, int32_t cell, mnk_rng *rng, mnk_table *t, size_t column, size_t row);

mnk_status mnk_axes_save(const mnk_axes *a, mnk_tensors *file, mnk_error *err) MNK_CHECK;
mnk_status mnk_axes_read(const mnk_tensors_in *in, const mnk_schema *s, mnk_axes *out, mnk_error *err) MNK_CHECK;

/* The nearest point of the simplex scaled to `total` (Duchi et al. 2008); in place. total > 0, n > 0. */
void mnk_simplex(double *x, size_t n, double total);

#endif
