/* Gaussian kernel density estimates (Scott 1992, section 6.3): one kernel at every point, its covariance that of the points
 * times n^(-2/(d+4)). */
#ifndef MNK_MATH_KDE_H
#define MNK_MATH_KDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct mnk_kde {
    size_t n, d;
    double *x;       /* [n*d] the points with the kernel's covariance made the unit matrix */
    double *inverse; /* [d*d] lower triangle: what does that (inverse of the Cholesky factor) */
    double log_norm; /* -log n - d/2 log 2 pi - log |factor| */
} mnk_kde;

/* x [n][d], n > d. Where the points lie in a subspace, every variance is raised by 1e-6 of their mean (or to 1e-12). */
mnk_status mnk_kde_open(const float *x, size_t n, size_t d, mnk_kde *out, mnk_error *err) MNK_CHECK;
/* log density at the m points y [m][d]; never -infinity: sums of exponentials are taken from the largest. */
mnk_status mnk_kde_log(const mnk_kde *k, const float *y, size_t m, double *out, mnk_error *err) MNK_CHECK;
void mnk_kde_close(mnk_kde *k);

#endif
