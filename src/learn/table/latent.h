/* Correlated normal variables, some of them given. */
#ifndef MNK_LEARN_TABLE_LATENT_H
#define MNK_LEARN_TABLE_LATENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"

/* Makes a symmetric matrix [n*n] of correlations positive definite: shrinks it towards the identity by the first of 0.01, 0.02,
 * 0.05, 0.1, 0.2, 0.5, 1 that lets its Cholesky factor exist. Returns the shrinkage. */
double mnk_latent_repair(double *r, size_t n, double *scratch);

/* The distribution of n normals of mean 0 and covariance r, given those with given[i] != 0: prepared once a pattern. */
typedef struct mnk_latent {
    size_t n, known;
    uint32_t *index; /* [n] the known ones first */
    double *gain;    /* [free*known] conditional mean = gain * known values */
    double *factor;  /* [free*free] lower Cholesky factor of the conditional covariance, rows */
    double *block;   /* [known*known] lower Cholesky factor of the known ones' covariance */
} mnk_latent;

/* given may be NULL. r must be positive definite. */
mnk_status mnk_latent_open(const double *r, size_t n, const uint8_t *given, mnk_latent *out, mnk_error *err) MNK_CHECK;
void mnk_latent_clear(mnk_latent *l);
/* Fills the free ones of e[n]; the known ones stand there. `work` [n]. */
void mnk_latent_draw(const mnk_latent *l, double *e, double *work, mnk_rng *rng);

/* Log density of the known ones of e[n], without the constant. `work` [n]. */
double mnk_latent_log_density(const mnk_latent *l, const double *e, double *work);

/* Lower Cholesky factor in place (upper half is left); 0 when a is not positive definite. */
int mnk_cholesky(double *a, size_t n);

#endif
