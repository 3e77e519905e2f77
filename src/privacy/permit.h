/* Permits: the only way to noise. A ledger gives one for each entry it has made durable (ledger.h); the permit draws with the
 * parameters of that entry and no others, and no more often than the entry says, so that what was done and what was accounted
 * for cannot differ. Every function fails with MNK_ERR_FAILED, touching nothing, when the permit is of another kind or used up.
 *
 *     mnk_permit permit;
 *     MNK_TRY(mnk_ledger_charge(ledger, &(mnk_mechanism){.kind = MNK_MECHANISM_GAUSSIAN, .noise = s * clip, .sensitivity =
 * clip, .sampling_rate = q, .count = 100, .what = "gradients"}, &permit, err)); for (100 steps) { mnk_permit_batch(&permit,
 * people, member, &m, err); … mnk_permit_gaussian_f32(&permit, sum, n, err); }
 *
 * Noise is exact on integers and on a power-of-two grid. What nobody claims: the time a draw takes depends on the draw. */
#ifndef MNK_PRIVACY_PERMIT_H
#define MNK_PRIVACY_PERMIT_H

#include "manikin/privacy.h"
#include "privacy/noise.h"

typedef struct mnk_permit {
    mnk_noise *noise; /* the ledger's; do not draw from it */
    mnk_mechanism mechanism;
    double change;         /* of the query, the smallest that the guarantee counts on: rounding may not lengthen it unpaid */
    uint64_t left;         /* draws not made yet */
    uint64_t batches_left; /* Poisson batches not drawn yet */
} mnk_permit;

/* Adds N(0, noise^2) to each of n coordinates of one query whose L2 change by one person is at most `sensitivity`, on a grid
 * of at most noise * 2^-24 (grid_gaussian.h). One use. */
mnk_status mnk_permit_gaussian(mnk_permit *p, double *values, size_t n, mnk_error *err) MNK_CHECK;
mnk_status mnk_permit_gaussian_f32(mnk_permit *p, float *values, size_t n, mnk_error *err) MNK_CHECK;

/* Adds exact discrete noise to n counts, one query whose change by one person is at most `sensitivity` (in L2, L1). The
 * discrete Gaussian has a loss distribution for sensitivity 1 only: a histogram, where a person is in one cell, under
 * MNK_ADD_REMOVE. A person in c cells by 1 each: state sqrt(c) and be accounted by Renyi divergences, or split the query into c
 * of sensitivity 1. Counts must stay within +-2^60. One use. */
mnk_status mnk_permit_discrete_gaussian(mnk_permit *p, int64_t *counts, size_t n, mnk_error *err) MNK_CHECK;
mnk_status mnk_permit_discrete_laplace(mnk_permit *p, int64_t *counts, size_t n, mnk_error *err) MNK_CHECK;

/* Exponential mechanism over n finite scores, each of which one person changes by at most `sensitivity`: exact sampling after
 * rounding the scores to sensitivity * 2^-20 (and widening the sensitivity for it). One use. */
mnk_status mnk_permit_select(mnk_permit *p, const double *score, size_t n, size_t *chosen, mnk_error *err) MNK_CHECK;

/* A Poisson batch: each of 0..people-1 independently with probability sampling_rate (rounded down to 2^-64). member: room for
 * `people` numbers, ascending; *n may be 0, and the step must be taken all the same: noise alone. One batch a use. */
mnk_status mnk_permit_batch(mnk_permit *p, size_t people, uint32_t *member, size_t *n, mnk_error *err) MNK_CHECK;

#endif
