/* Frechet distance between Gaussians fitted to two samples, and the kernel inception distance (unbiased MMD^2 with a cubic
 * kernel), in any encoding. */
#ifndef MNK_EVALUATE_FRECHET_H
#define MNK_EVALUATE_FRECHET_H

#include <stddef.h>

#include "base/error.h"

typedef struct mnk_estimate {
    double value;
    double se; /* standard error by the delta method; 0 when not asked for */
} mnk_estimate;

/* |m1-m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2) of x [n][d] and y [m][d], covariances with n-1, two symmetric
 * eigen-decompositions, negative eigenvalues clipped at 0 (Dowson & Landau 1982; Heusel et al. 2017). n, m >= 2. */
mnk_status mnk_frechet(const float *x, size_t n, const float *y, size_t m, size_t d, int with_se, mnk_estimate *out,
                       mnk_error *err) MNK_CHECK;

/* Unbiased MMD^2 with k(x, y) = (x.y/d + 1)^3 (Binkowski et al. 2018) over all pairs; se from the row means of the
 * U-statistic (Hajek projection). */
mnk_status mnk_kid(const float *x, size_t n, const float *y, size_t m, size_t d, mnk_estimate *out, mnk_error *err) MNK_CHECK;

#endif
