/* Dense linear algebra in double precision: covariance, symmetric eigenvalues, principal components. Same numbers for any
 * number of threads. */
#ifndef MNK_MATH_LINALG_H
#define MNK_MATH_LINALG_H

#include <stddef.h>

#include "base/error.h"

/* mean[d] and the covariance cov[d*d] (divisor n-1, symmetric, both halves filled) of x [n][d]; n >= 2. */
mnk_status mnk_covariance(const float *x, size_t n, size_t d, double *mean, double *cov, mnk_error *err) MNK_CHECK;

/* Eigenvalues of the symmetric a [n][n], ascending in values[n]; a is overwritten: row i becomes the unit eigenvector of
 * values[i] when `vectors`, else rubbish. */
mnk_status mnk_eigen_symmetric(double *a, size_t n, double *values, int vectors, mnk_error *err) MNK_CHECK;

/* c = a * b for n x n matrices, row by row. c must be another array. */
void mnk_matrix_multiply(const double *a, const double *b, double *c, size_t n, int transpose_a);

/* Principal components of a sample: y_k = scale_k * axis_k . (x - mean). */
typedef struct mnk_pca {
    size_t d, m;
    float *mean;      /* [d] */
    float *axis;      /* [m*d], scaled rows: whitening is in here */
    double *variance; /* [m] descending variances along the unit axes */
    double total;     /* variance of all d coordinates */
} mnk_pca;

/* Fits the m largest components of x [n][d] (m <= d, m < n). `whiten` scales each to variance 1; components of variance
 * below 1e-10 of the first are left out (m shrinks). */
mnk_status mnk_pca_fit(const float *x, size_t n, size_t d, size_t m, int whiten, mnk_pca *out, mnk_error *err) MNK_CHECK;
/* y [n][m] */
void mnk_pca_apply(const mnk_pca *p, const float *x, size_t n, float *y);
/* Divides every axis by the fourth root of its variance (at least 1e-6 of the first): halfway between counting every direction
 * as it is and counting all alike. */
void mnk_pca_half_whiten(mnk_pca *p);
void mnk_pca_close(mnk_pca *p);

#endif
