/* What privacy costs: the same generator at several budgets, each made several times, as one result. docs/methods/tradeoff.md.
 */
#ifndef MANIKIN_TRADEOFF_H
#define MANIKIN_TRADEOFF_H

#include "manikin/result.h"

/* One synthetic set that was made and judged. */
typedef struct mnk_tradeoff_point {
    const char *arm;    /* what repeats of the same have in common: "mst-e0.1" */
    const char *series; /* what budgets of the same generator have in common: "mst" */
    double epsilon;     /* claimed; NaN: no guarantee */
    double delta;
    const mnk_result *judged, *audit; /* audit NULL: not attacked */
} mnk_tradeoff_point;

/* Adds to r, group "tradeoff", for every arm in order of appearance (subset = arm), each the mean over its repeats (n of them):
 * `epsilon` (column = series; NaN: none), then what of these every repeat has: utility (the first metric of the axis in rank.h,
 * in tables macro_auc.tstr.boosting; reference "trtr"), `binned_accuracy_2` (1 minus the total variation over pairs of columns;
 * reference "holdout"), `max_attack_auc` (reference "copy"). Intervals contain the choice of the test records and, from two
 * repeats on, the generator's own randomness: variance W + B/n with W the mean of the repeats' own variances (their test
 * records are the same, so these do not average out) and B the variance between repeats; Student's t with (n - 1) ((W +
 * B/n)/(B/n))^2 degrees of freedom (Rubin 1987). Note: spread of the repeats. NaN where some repeat lacks the figure that
 * others have. Then for each two neighbouring budgets of a series `utility_cost` (subset = arm of the smaller budget, column =
 * series): utility at the larger minus utility at the smaller, both variances added. Their errors are positively correlated
 * (one test set), so this errs towards "not shown". References "from" and "to": the budgets. */
MNK_API mnk_status mnk_tradeoff(const mnk_tradeoff_point *point, size_t n, double level, mnk_result *r,
                                mnk_error *err) MNK_CHECK;

#endif
