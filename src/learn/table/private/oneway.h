/* The first step of mst and aim: every column's own counts with noise, and rare bins merged by them. */
#ifndef MNK_LEARN_TABLE_PRIVATE_ONEWAY_H
#define MNK_LEARN_TABLE_PRIVATE_ONEWAY_H

#include "learn/table/private/budget.h"
#include "learn/table/private/counts.h"
#include "learn/table/private/estimate.h"

/* Measures every column under `permit` (one use a column, noise `sd` a count), merges the bins below three standard
 * deviations, and adds the cells' counts to `m`. r's bins become cells. */
mnk_status mnk_oneway_measure(mnk_budget *budget, mnk_permit *permit, double sd, mnk_axes *axes, mnk_rows *r,
                              mnk_measurements *m, mnk_error *err) MNK_CHECK;
/* The same for a pair: counts of cells, noise, `m`. *at: number of the measurement (NULL allowed). */
mnk_status mnk_pair_measure(mnk_budget *budget, mnk_permit *permit, double sd, const mnk_rows *r, size_t a, size_t b,
                            mnk_measurements *m, size_t *at, mnk_error *err) MNK_CHECK;
/* Sizes of the axes in cells: [columns], released with mnk_free. */
mnk_status mnk_axes_sizes(const mnk_axes *axes, int32_t **out, mnk_error *err) MNK_CHECK;

#endif
