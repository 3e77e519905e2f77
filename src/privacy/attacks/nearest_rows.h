/* Nearest synthetic rows of a real row on some columns: numbers by their difference over the range in the synthetic table (at
 * most 1), levels and missingness by equality; the sum over columns (Gower 1971). Ties are all nearest. */
#ifndef MNK_PRIVACY_ATTACKS_NEAREST_ROWS_H
#define MNK_PRIVACY_ATTACKS_NEAREST_ROWS_H

#include "privacy/attacks/disclosure.h"

typedef struct mnk_gower {
    const mnk_table *synthetic;
    const mnk_columns *columns;
    double *range; /* [columns] of numbers; 0: levels */
} mnk_gower;

mnk_status mnk_gower_open(const mnk_table *synthetic, const mnk_columns *columns, mnk_gower *out, mnk_error *err) MNK_CHECK;
void mnk_gower_close(mnk_gower *g);
double mnk_gower_distance(const mnk_gower *g, size_t synthetic_row, const mnk_table *t, size_t row);
double mnk_gower_nearest(const mnk_gower *g, const mnk_table *t, size_t row); /* the smallest distance */

#endif
