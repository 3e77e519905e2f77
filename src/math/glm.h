/* Least squares and logistic regression by Newton's method (iteratively reweighted least squares), with weights and ridge.
 * Formulas and sources: docs/methods/table-models.md. Same numbers for any number of threads. */
#ifndef MNK_MATH_GLM_H
#define MNK_MATH_GLM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef enum mnk_glm_family {
    MNK_GLM_LINEAR,  /* minimises sum w (y - eta)^2 / 2 + ridge/2 |b|^2 */
    MNK_GLM_LOGISTIC /* minimises -sum w [y eta - log(1 + e^eta)] + ridge/2 |b|^2, y in [0, 1] */
} mnk_glm_family;

typedef struct mnk_glm_problem {
    mnk_glm_family family;
    size_t n, d;
    const double *x;      /* [n*d] row by row; finite */
    const double *y;      /* [n] */
    const double *weight; /* [n] >= 0; NULL: ones */
    const double *offset; /* [n] added to eta; NULL: zeros */
    double ridge;         /* >= 0, on the d slopes, not on the intercept */
} mnk_glm_problem;

typedef struct mnk_glm {
    size_t d;
    double *beta;       /* [d+1] intercept first */
    double *covariance; /* [(d+1)^2] inverse of the observed information, ridge included; linear: times the residual
                           variance RSS/(sum w - d - 1) */
    double objective;   /* what was minimised */
    int iterations;
    bool converged; /* false: separated, collinear (then `singular`) or out of iterations; beta is the last iterate */
    long singular;  /* coefficient without information of its own, -1 when none */
} mnk_glm;

/* Values that are not finite give MNK_ERR_INPUT; n = 0 too. Not converging is not an error: see `converged`. */
mnk_status mnk_glm_fit(const mnk_glm_problem *problem, mnk_glm *out, mnk_error *err) MNK_CHECK;
/* eta[i] = intercept + x_i beta, without the offset. */
void mnk_glm_eta(const mnk_glm *m, const double *x, size_t n, double *eta);
void mnk_glm_close(mnk_glm *m);

/* Solves a b = g for a symmetric positive definite a [d][d] (row by row, lower half read; overwritten by its factor), g becomes
 * b. Returns -1, or the first coefficient whose pivot has lost all but 1e-10 of its diagonal: then nothing is solved. */
long mnk_solve_definite(double *a, size_t d, double *g);
/* a [d][d] factored by mnk_solve_definite becomes the inverse, both halves. */
void mnk_invert_factored(double *a, size_t d);

#endif
