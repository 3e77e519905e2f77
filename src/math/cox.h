/* Cox's proportional-hazards regression (Cox 1972) with Breslow's or Efron's treatment of ties, by Newton's method, and
 * Breslow's estimate of the baseline hazard. Formulas: docs/methods/table-models.md. */
#ifndef MNK_MATH_COX_H
#define MNK_MATH_COX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef enum mnk_cox_ties { MNK_COX_EFRON, MNK_COX_BRESLOW } mnk_cox_ties;

typedef struct mnk_cox_problem {
    size_t n, d;
    const double *x;      /* [n*d]; finite */
    const double *time;   /* [n] follow-up; finite */
    const uint8_t *event; /* [n] 1: the event came at `time`, 0: censored then */
    const double *weight; /* [n] >= 0; NULL: ones */
    double ridge;         /* adds ridge/2 |b|^2 to the negative log partial likelihood */
    mnk_cox_ties ties;
} mnk_cox_problem;

typedef struct mnk_cox {
    size_t d;
    double *beta;       /* [d] log hazard ratios */
    double *covariance; /* [d*d] inverse of the observed information, ridge included */
    double objective;   /* negative log partial likelihood + ridge/2 |b|^2 */
    int iterations;
    bool converged;
    long singular; /* coefficient without information of its own, -1 when none */
} mnk_cox;

/* MNK_ERR_INPUT for values that are not finite and when there is no event. Not converging is not an error. */
mnk_status mnk_cox_fit(const mnk_cox_problem *problem, mnk_cox *out, mnk_error *err) MNK_CHECK;
void mnk_cox_close(mnk_cox *m);

/* Cumulative baseline hazard: a step function, H(t) = sum over events until t of weight / sum_{at risk} weight e^score. */
typedef struct mnk_baseline {
    size_t steps;
    double *time, *hazard; /* [steps] ascending */
} mnk_baseline;
mnk_status mnk_baseline_fit(const double *score, const double *time, const uint8_t *event, const double *weight, size_t n,
                            mnk_baseline *out, mnk_error *err) MNK_CHECK;
double mnk_baseline_at(const mnk_baseline *b, double t); /* 0 before the first event */
void mnk_baseline_close(mnk_baseline *b);

#endif
