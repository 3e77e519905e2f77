#include "evaluate/models/gaps.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "math/glm.h"
#include "math/stats.h"
#include "math/survival.h"

enum { GROUPS_MAX = 64, SHUFFLES = 100 };

typedef struct sums {
    double n, positives, negatives, tp, fp, error;
} sums;

static void rates(const mnk_gap_rows *r, const int32_t *group, const uint32_t *weight, mnk_group_rates *out) {
    sums s[GROUPS_MAX];
    memset(s, 0, (size_t)r->groups * sizeof *s);
    for (size_t i = 0; i < r->n; i++) {
        if (group[i] < 0) continue;
        sums *g = &s[group[i]];
        double w = weight ? weight[i] : 1.0;
        bool called = r->predicted[i] >= r->threshold;
        g->n += w;
        g->error += w * (r->positive[i] - r->predicted[i]);
        if (r->positive[i]) g->positives += w, g->tp += called ? w : 0.0;
        else g->negatives += w, g->fp += called ? w : 0.0;
    }
    for (int k = 0; k < r->groups; k++)
        out[k] = (mnk_group_rates){s[k].tp / s[k].positives, s[k].fp / s[k].negatives, s[k].error / s[k].n};
}

static mnk_status check(const mnk_gap_rows *r, mnk_error *err) {
    return r->groups <= GROUPS_MAX
               ? MNK_OK
               : MNK_FAIL(err, MNK_ERR_INPUT, "%d subgroups of one column; at most %d", r->groups, GROUPS_MAX);
}

mnk_status mnk_group_rates_of(const mnk_gap_rows *r, const uint32_t *weight, mnk_group_rates *out, mnk_error *err) {
    MNK_TRY(check(r, err));
    rates(r, r->group, weight, out);
    return MNK_OK;
}

/* Largest differences; pair (may be NULL) receives the two groups of each. */
static void largest(const mnk_group_rates *g, int groups, double out[2], int pair[2][2]) {
    out[0] = out[1] = NAN;
    for (int a = 0; a < groups; a++)
        for (int b = a + 1; b < groups; b++) {
            double d[2] = {fmax(fabs(g[a].tpr - g[b].tpr), fabs(g[a].fpr - g[b].fpr)), fabs(g[a].error - g[b].error)};
            for (int k = 0; k < 2; k++) {
                if (isnan(d[k]) || d[k] <= out[k]) continue;
                out[k] = d[k];
                if (pair) pair[k][0] = a, pair[k][1] = b;
            }
        }
}

static void replicate(void *ctx, const uint32_t *times, double *out) {
    const mnk_gap_rows *r = ctx;
    mnk_group_rates g[GROUPS_MAX];
    uint32_t *weight = r->unit ? mnk_alloc(r->n + 1, sizeof *weight) : NULL;
    out[0] = out[1] = NAN;
    if (r->unit && !weight) return;
    for (size_t i = 0; weight && i < r->n; i++) weight[i] = times[r->unit[i]];
    rates(r, r->group, weight ? weight : times, g);
    largest(g, r->groups, out, NULL);
    mnk_free(weight);
}

static mnk_status chance(const mnk_gap_rows *r, uint64_t seed, double out[2], mnk_error *err) {
    mnk_status status = MNK_OK;
    size_t *order = NULL;
    int32_t *group = NULL;
    mnk_group_rates g[GROUPS_MAX];
    out[0] = out[1] = 0.0;
    MNK_OUT(MNK_NEW(order, r->n + 1, err));
    MNK_OUT(MNK_NEW(group, r->n + 1, err));
    for (uint32_t k = 0; k < SHUFFLES; k++) {
        double gap[2];
        mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_CHANCE, 0, k);
        mnk_rng_permutation(&rng, order, r->n);
        for (size_t i = 0; i < r->n; i++) group[i] = r->group[order[i]];
        rates(r, group, NULL, g);
        largest(g, r->groups, gap, NULL);
        for (int m = 0; m < 2; m++) out[m] += gap[m] / SHUFFLES;
    }
out:
    mnk_free(order);
    mnk_free(group);
    return status;
}

mnk_status mnk_gaps(const mnk_gap_rows *r, size_t replicates, double level, uint64_t seed, mnk_gap *odds, mnk_gap *calibration,
                    mnk_error *err) {
    mnk_group_rates g[GROUPS_MAX];
    double value[2], low[2], high[2], by_chance[2];
    int pair[2][2] = {{0, 0}, {0, 0}};
    *odds = *calibration = (mnk_gap){NAN, NAN, NAN, NAN, {0, 0}};
    MNK_TRY(check(r, err));
    if (r->groups < 2 || r->n == 0) return MNK_OK;
    rates(r, r->group, NULL, g);
    largest(g, r->groups, value, pair);
    mnk_bootstrap b = {.units = r->n, .replicates = replicates, .seed = seed};
    if (r->unit) {
        b.units = 0;
        for (size_t i = 0; i < r->n; i++)
            if ((size_t)r->unit[i] + 1 > b.units) b.units = (size_t)r->unit[i] + 1;
    }
    MNK_TRY(mnk_bootstrap_run(&b, 2, replicate, (void *)r, level, NULL, low, high, err));
    MNK_TRY(chance(r, seed, by_chance, err));
    *odds = (mnk_gap){value[0], low[0], high[0], by_chance[0], {pair[0][0], pair[0][1]}};
    *calibration = (mnk_gap){value[1], low[1], high[1], by_chance[1], {pair[1][0], pair[1][1]}};
    return MNK_OK;
}

mnk_status mnk_calibration_slope(const double *predicted, const uint8_t *positive, size_t n, double *slope, double *se,
                                 mnk_error *err) {
    mnk_status status = MNK_OK;
    double *x = NULL, *y = NULL;
    mnk_glm m = {0};
    *slope = *se = NAN;
    MNK_OUT(MNK_NEW(x, n + 1, err));
    MNK_OUT(MNK_NEW(y, n + 1, err));
    for (size_t i = 0; i < n; i++) {
        double p = fmin(fmax(predicted[i], 1e-6), 1.0 - 1e-6);
        x[i] = log(p) - log1p(-p);
        y[i] = positive[i];
    }
    mnk_glm_problem problem = {.family = MNK_GLM_LOGISTIC, .n = n, .d = 1, .x = x, .y = y};
    MNK_OUT(mnk_glm_fit(&problem, &m, err));
    if (m.converged && fabs(m.beta[1]) < 50.0) *slope = m.beta[1], *se = sqrt(m.covariance[3]);
out:
    mnk_glm_close(&m);
    mnk_free(x);
    mnk_free(y);
    return status;
}

mnk_status mnk_calibration_ece(const double *predicted, const uint8_t *positive, size_t n, int bins, double *ece,
                               mnk_error *err) {
    size_t *order = NULL;
    *ece = n ? 0.0 : NAN;
    MNK_TRY(MNK_NEW(order, n + 1, err));
    mnk_status status = mnk_order_by_time(predicted, n, false, order, err); /* ascending, ties by item */
    for (int b = 0; b < bins && status == MNK_OK && n; b++) {
        size_t from = n * (size_t)b / (size_t)bins, to = n * ((size_t)b + 1) / (size_t)bins;
        double error = 0.0;
        for (size_t i = from; i < to; i++) error += positive[order[i]] - predicted[order[i]];
        *ece += fabs(error) / (double)n;
    }
    mnk_free(order);
    return status;
}
