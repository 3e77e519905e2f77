/* Scores of predictions as values with influence numbers (math/auc.h), so that every interval, by person, and every paired
 * difference is a sum of squares. Formulas: docs/methods/table-usefulness.md. */
#ifndef MNK_EVALUATE_MODELS_SCORES_H
#define MNK_EVALUATE_MODELS_SCORES_H

#include "evaluate/models/model.h"
#include "manikin/result.h"
#include "math/survival.h"

typedef struct mnk_scored {
    double value;      /* NaN: not estimable */
    double *influence; /* [n] */
} mnk_scored;

/* sqrt of sum over units of (sum of a - b)^2; b NULL: a alone; unit NULL: every item its own. NaN when memory is short. */
double mnk_influence_sd(const double *a, const double *b, const int32_t *unit, size_t n);

/* Root mean squared error and R2 = 1 - MSE/variance of y. influence [n] each. */
void mnk_score_rmse(const double *y, const double *predicted, size_t n, mnk_scored *out);
void mnk_score_r2(const double *y, const double *predicted, size_t n, mnk_scored *out);
/* mean of x */
void mnk_score_mean(const double *x, size_t n, mnk_scored *out);

/* Times at which survival is judged: `times` equal steps from 0 to the 90 % quantile of follow-up. */
enum { MNK_SURVIVAL_TIMES = 40 };
mnk_status mnk_survival_grid(const mnk_outcome *o, double grid[MNK_SURVIVAL_TIMES], mnk_error *err) MNK_CHECK;

/* Adds "<id>" with value and normal interval value -+ z sd; a note; returns the row, NULL when memory is short. */
mnk_metric *mnk_scores_metric(mnk_result *r, const char *id, const char *group, const char *subset, double value, double sd,
                              double level, size_t n);

#endif
