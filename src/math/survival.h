/* Judging predictions of survival: Harrell's c-index and the Brier score under censoring. Both come with one influence number
 * per item (math/auc.h): variance = sum of squares, paired differences by subtraction.
 * Formulas and sources: docs/methods/table-usefulness.md. */
#ifndef MNK_MATH_SURVIVAL_H
#define MNK_MATH_SURVIVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* order[n]: items by time, ascending or descending, equal times by item. */
mnk_status mnk_order_by_time(const double *time, size_t n, bool descending, size_t *order, mnk_error *err) MNK_CHECK;

typedef struct mnk_concordance {
    double value;                   /* (concordant + tied/2) / pairs; NaN without comparable pairs */
    double concordant, tied, pairs; /* counts; pairs = comparable ones */
} mnk_concordance;

/* Harrell's c (Harrell et al. 1982) of risk[i] (higher: the event comes sooner). A pair is comparable when the earlier time is
 * an event; a censored time counts as later than an event at the same time; two events at the same time are not comparable.
 * influence ([n], may be NULL): the infinitesimal jackknife of the ratio. O(n log n). */
mnk_status mnk_concordance_harrell(const double *time, const uint8_t *event, const double *risk, size_t n, double *influence,
                                   mnk_concordance *out, mnk_error *err) MNK_CHECK;

/* Kaplan-Meier curve of `event`: survival[k] from time[k] (inclusive) on; 1 before. With `censoring` the curve of being
 * censored, with events taken as before censorings at the same time. */
typedef struct mnk_km {
    size_t steps;
    double *time, *survival;
} mnk_km;
mnk_status mnk_km_fit(const double *time, const uint8_t *event, size_t n, bool censoring, mnk_km *out,
                      mnk_error *err) MNK_CHECK;
double mnk_km_at(const mnk_km *k, double t);     /* S(t) */
double mnk_km_before(const mnk_km *k, double t); /* S(t-) */
void mnk_km_close(mnk_km *k);

/* Brier score of survival probabilities at `grid` (ascending), weighted by the inverse probability of not being censored
 * (Graf et al. 1999), integrated by trapezoids over the grid and divided by its length.
 * survival: n x m, P(T_i > grid_k). censoring: curve of the test set. influence ([n], may be NULL) treats that curve as known.
 */
mnk_status mnk_brier_integrated(const double *time, const uint8_t *event, size_t n, const mnk_km *censoring, const double *grid,
                                size_t m, const double *survival, double *influence, double *value, mnk_error *err) MNK_CHECK;

#endif
