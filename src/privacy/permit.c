#include "privacy/permit.h"

#include <math.h>

#include "base/mem.h"
#include "privacy/grid_gaussian.h"

static mnk_status use(mnk_permit *p, mnk_mechanism_kind kind, mnk_error *err) {
    if (!p->noise) return MNK_FAIL(err, MNK_ERR_FAILED, "noise asked for without a ledger entry");
    if (p->mechanism.kind != kind)
        return MNK_FAIL(err, MNK_ERR_FAILED, "the ledger entry is for %s, not for %s", mnk_mechanism_name(p->mechanism.kind),
                        mnk_mechanism_name(kind));
    if (p->left == 0)
        return MNK_FAIL(err, MNK_ERR_FAILED, "the ledger entry \"%s\" is used up: it allows %llu draws", p->mechanism.what,
                        (unsigned long long)p->mechanism.count);
    mnk_noise_after_fork(p->noise);
    return MNK_OK;
}

mnk_status mnk_permit_gaussian(mnk_permit *p, double *values, size_t n, mnk_error *err) {
    mnk_grid_gaussian g;
    MNK_TRY(use(p, MNK_MECHANISM_GAUSSIAN, err));
    MNK_TRY(mnk_grid_gaussian_open(p->mechanism.noise, p->change, n, &g, err));
    p->left--;
    mnk_grid_gaussian_add(&g, p->noise, values, n);
    mnk_grid_gaussian_close(&g);
    return MNK_OK;
}

mnk_status mnk_permit_gaussian_f32(mnk_permit *p, float *values, size_t n, mnk_error *err) {
    mnk_grid_gaussian g;
    MNK_TRY(use(p, MNK_MECHANISM_GAUSSIAN, err));
    MNK_TRY(mnk_grid_gaussian_open(p->mechanism.noise, p->change, n, &g, err));
    p->left--;
    mnk_grid_gaussian_add_f32(&g, p->noise, values, n);
    mnk_grid_gaussian_close(&g);
    return MNK_OK;
}

static mnk_status check_counts(const int64_t *counts, size_t n, mnk_error *err) {
    const int64_t most = (int64_t)1 << 60;
    for (size_t i = 0; i < n; i++)
        if (counts[i] > most || counts[i] < -most) return MNK_FAIL(err, MNK_ERR_USAGE, "count %zu is beyond 2^60", i);
    return MNK_OK;
}

mnk_status mnk_permit_discrete_gaussian(mnk_permit *p, int64_t *counts, size_t n, mnk_error *err) {
    mnk_discrete_gaussian g;
    MNK_TRY(use(p, MNK_MECHANISM_DISCRETE_GAUSSIAN, err));
    MNK_TRY(check_counts(counts, n, err));
    if (!mnk_discrete_gaussian_open(p->mechanism.noise, &g))
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "discrete Gaussian noise of %g: from 0.001 to 2^25 can be drawn",
                        p->mechanism.noise);
    p->left--;
    for (size_t i = 0; i < n; i++) counts[i] += mnk_noise_discrete_gaussian(p->noise, &g);
    return MNK_OK;
}

mnk_status mnk_permit_discrete_laplace(mnk_permit *p, int64_t *counts, size_t n, mnk_error *err) {
    enum { BITS = 20 };
    const double scale = ceil(ldexp(p->mechanism.noise, BITS)); /* never less noise than was charged */
    MNK_TRY(use(p, MNK_MECHANISM_DISCRETE_LAPLACE, err));
    MNK_TRY(check_counts(counts, n, err));
    if (!(scale >= 1 && scale <= ldexp(1, 52)))
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "discrete Laplace noise of %g: up to 2^32 can be drawn", p->mechanism.noise);
    p->left--;
    for (size_t i = 0; i < n; i++) counts[i] += mnk_noise_discrete_laplace(p->noise, (uint64_t)scale, (uint64_t)1 << BITS);
    return MNK_OK;
}

/* Candidates drawn uniformly are kept with probability exp(-epsilon (best - score) / (2 sensitivity)); scores are whole
 * multiples of sensitivity / 2^20, differences are exact. */
mnk_status mnk_permit_select(mnk_permit *p, const double *score, size_t n, size_t *chosen, mnk_error *err) {
    enum { BITS = 20, SHIFT = 60 };
    int64_t *units = NULL, best = INT64_MIN;
    *chosen = 0;
    MNK_TRY(use(p, MNK_MECHANISM_EXPONENTIAL, err));
    if (n == 0) return MNK_FAIL(err, MNK_ERR_USAGE, "nothing to choose from");
    MNK_TRY(MNK_NEW(units, n, err));
    for (size_t i = 0; i < n; i++) {
        double x = ldexp(score[i] / p->mechanism.sensitivity, BITS);
        if (!(fabs(x) < ldexp(1, 52))) {
            mnk_free(units);
            return MNK_FAIL(err, MNK_ERR_USAGE, "score %zu (%g) is not finite or beyond 2^32 sensitivities", i, score[i]);
        }
        units[i] = llrint(x);
        if (units[i] > best) best = units[i];
    }
    /* one person moves a rounded score by at most 2^20 + 1 units; the chance per unit, rounded down, in units of 2^-60 */
    const uint64_t per_unit = (uint64_t)floor(ldexp(fmin(p->mechanism.epsilon, 64) / (2 * (ldexp(1, BITS) + 2)), SHIFT));
    p->left--;
    for (;;) {
        size_t i = (size_t)mnk_noise_below(p->noise, n);
        if (!mnk_noise_bernoulli_exp(p->noise, (mnk_u128)(uint64_t)(best - units[i]) * per_unit, (mnk_u128)1 << SHIFT))
            continue;
        *chosen = i;
        break;
    }
    mnk_free(units);
    return MNK_OK;
}

mnk_status mnk_permit_batch(mnk_permit *p, size_t people, uint32_t *member, size_t *n, mnk_error *err) {
    *n = 0;
    MNK_TRY(use(p, MNK_MECHANISM_GAUSSIAN, err));
    if (p->batches_left == 0) return MNK_FAIL(err, MNK_ERR_FAILED, "the ledger entry allows no further batch");
    if (people > UINT32_MAX) return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "batches of %zu people", people);
    p->batches_left--;
    const bool all = p->mechanism.sampling_rate >= 1;
    const uint64_t below = all ? 0 : (uint64_t)ldexp(p->mechanism.sampling_rate, 64);
    for (size_t i = 0; i < people; i++)
        if (all || mnk_noise_u64(p->noise) < below) member[(*n)++] = (uint32_t)i;
    return MNK_OK;
}
