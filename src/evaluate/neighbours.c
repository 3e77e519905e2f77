#include "evaluate/neighbours.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"

const char *const mnk_neighbour_ids[MNK_NB_METRICS] = {"alpha_precision", "beta_recall", "precision",
                                                       "recall",          "density",     "coverage"};
const char *const mnk_neighbour_groups[MNK_NB_METRICS] = {"fidelity",  "diversity", "fidelity",
                                                          "diversity", "fidelity",  "diversity"};

/* Weighted sums over synthetic and over real items, from which every value follows. */
typedef struct sums {
    double weight; /* of the items added */
    double precise, dense, alpha[MNK_ALPHA_LEVELS];
    double recalled, covered, beta[MNK_ALPHA_LEVELS];
} sums;

static void add_synthetic(const mnk_neighbours *s, size_t j, double w, sums *t) {
    t->weight += w;
    t->precise += s->cross.balls_b[j] ? w : 0;
    t->dense += w * s->cross.balls_b[j];
    if (s->alpha_rank[j] < MNK_ALPHA_LEVELS) t->alpha[s->alpha_rank[j]] += w;
}

static void add_real(const mnk_neighbours *s, size_t i, double w, sums *t) {
    t->weight += w;
    t->recalled += s->cross.inside_a[i] ? w : 0;
    t->covered += s->covered[i] ? w : 0;
    if (s->cross.rank_a[i] < MNK_ALPHA_LEVELS) t->beta[s->cross.rank_a[i]] += w;
}

static void values_of_synthetic(const mnk_neighbours *s, const sums *t, double *v) {
    const double n = t->weight;
    v[MNK_NB_PRECISION] = t->precise / n;
    v[MNK_NB_DENSITY] = t->dense / n / s->k;
    v[MNK_NB_ALPHA_PRECISION] = mnk_alpha_summary(mnk_alpha_deviation(t->alpha, n));
}

static void values_of_real(const sums *t, double *v) {
    const double n = t->weight;
    v[MNK_NB_RECALL] = t->recalled / n;
    v[MNK_NB_COVERAGE] = t->covered / n;
    v[MNK_NB_BETA_RECALL] = mnk_alpha_summary(mnk_alpha_deviation(t->beta, n));
}

typedef struct units_ctx {
    const mnk_neighbours *s;
    const int32_t *unit;
} units_ctx;

static void replicate_synthetic(void *ctx, const uint32_t *times, double *out) {
    const units_ctx *c = ctx;
    const mnk_neighbours *s = c->s;
    sums t = {0};
    double v[MNK_NB_METRICS];
    for (size_t j = 0; j < s->nb; j++) {
        const uint32_t w = times[c->unit ? (size_t)c->unit[j] : j];
        if (w) add_synthetic(s, j, w, &t);
    }
    values_of_synthetic(s, &t, v);
    out[0] = v[MNK_NB_PRECISION], out[1] = v[MNK_NB_DENSITY], out[2] = v[MNK_NB_ALPHA_PRECISION];
}

static void replicate_real(void *ctx, const uint32_t *times, double *out) {
    const units_ctx *c = ctx;
    const mnk_neighbours *s = c->s;
    sums t = {0};
    double v[MNK_NB_METRICS];
    for (size_t i = 0; i < s->na; i++) {
        const uint32_t w = times[c->unit ? (size_t)c->unit[i] : i];
        if (w) add_real(s, i, w, &t);
    }
    values_of_real(&t, v);
    out[0] = v[MNK_NB_RECALL], out[1] = v[MNK_NB_COVERAGE], out[2] = v[MNK_NB_BETA_RECALL];
}

mnk_status mnk_neighbours_intervals(mnk_neighbours *s, const mnk_units *real, const mnk_units *synthetic, size_t replicates,
                                    uint64_t seed, double level, mnk_error *err) {
    static const int of_synthetic[3] = {MNK_NB_PRECISION, MNK_NB_DENSITY, MNK_NB_ALPHA_PRECISION};
    static const int of_real[3] = {MNK_NB_RECALL, MNK_NB_COVERAGE, MNK_NB_BETA_RECALL};
    double low[3], high[3];
    units_ctx ctx = {s, synthetic ? synthetic->unit : NULL};
    mnk_bootstrap plan = {.units = synthetic ? synthetic->units : s->nb, .replicates = replicates, .seed = seed};
    MNK_TRY(mnk_bootstrap_run(&plan, 3, replicate_synthetic, &ctx, level, NULL, low, high, err));
    for (int k = 0; k < 3; k++) s->low[of_synthetic[k]] = low[k], s->high[of_synthetic[k]] = high[k];
    ctx.unit = real ? real->unit : NULL;
    plan.units = real ? real->units : s->na;
    MNK_TRY(mnk_bootstrap_run(&plan, 3, replicate_real, &ctx, level, NULL, low, high, err));
    for (int k = 0; k < 3; k++) s->low[of_real[k]] = low[k], s->high[of_real[k]] = high[k];
    return MNK_OK;
}

mnk_status mnk_support_ranks(const mnk_points *of, const mnk_points *items, uint8_t *rank, mnk_error *err) {
    mnk_centre centre = {0};
    double *distance = NULL, radius[MNK_ALPHA_LEVELS];
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_centre_open(of, &centre, err));
    MNK_OUT(MNK_NEW(distance, of->n > items->n ? of->n : items->n, err));
    mnk_centre_distances(of, &centre, distance);
    MNK_OUT(mnk_alpha_radii(distance, of->n, radius, err));
    if (items != of) mnk_centre_distances(items, &centre, distance);
    for (size_t j = 0; j < items->n; j++) rank[j] = mnk_alpha_rank(distance[j], radius);
out:
    mnk_centre_close(&centre);
    mnk_free(distance);
    return status;
}

mnk_status mnk_neighbours_open(const mnk_points *real, const mnk_knn *real_knn, const mnk_points *synthetic,
                               mnk_neighbours *out, mnk_error *err) {
    const int k = real_knn->k;
    *out = (mnk_neighbours){.na = real->n, .nb = synthetic->n, .k = k};
    if (real->n <= (size_t)k || synthetic->n <= (size_t)k)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%zu real and %zu synthetic items: the %d nearest others need more than %d",
                        real->n, synthetic->n, k, k);
    float *radius = NULL;
    uint8_t *rank_b = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(radius, 2 * real->n + synthetic->n, err));
    MNK_OUT(MNK_NEW(rank_b, synthetic->n, err));
    MNK_OUT(MNK_NEW(out->alpha_rank, synthetic->n, err));
    MNK_OUT(MNK_NEW(out->covered, real->n, err));
    MNK_OUT(mnk_sweep_self(synthetic, k, &out->self_b, err));
    MNK_OUT(mnk_support_ranks(synthetic, synthetic, rank_b, err)); /* the beta-supports of the paper */
    MNK_OUT(mnk_support_ranks(real, synthetic, out->alpha_rank, err));
    float *ball_a = radius, *near_a = radius + real->n, *ball_b = radius + 2 * real->n;
    for (size_t i = 0; i < real->n; i++) {
        ball_a[i] = real_knn->d2[i * (size_t)k + (size_t)k - 1];
        near_a[i] = real_knn->d2[i * (size_t)k];
    }
    for (size_t j = 0; j < synthetic->n; j++) ball_b[j] = out->self_b.d2[j * (size_t)k + (size_t)k - 1];
    const mnk_cross_in in = {ball_a, ball_b, near_a, rank_b};
    MNK_OUT(mnk_sweep_cross(real, synthetic, &in, &out->cross, err));
    for (size_t i = 0; i < real->n; i++) /* radius 0: equality counts, as in the sweep */
        out->covered[i] = out->cross.nearest_a2[i] < ball_a[i] || (ball_a[i] == 0 && out->cross.nearest_a2[i] == 0);
    sums t = {0}, u = {0};
    for (size_t j = 0; j < out->nb; j++) add_synthetic(out, j, 1, &t);
    for (size_t i = 0; i < out->na; i++) add_real(out, i, 1, &u);
    values_of_synthetic(out, &t, out->value);
    values_of_real(&u, out->value);
    for (int m = 0; m < MNK_NB_METRICS; m++) out->low[m] = out->high[m] = NAN;
out:
    mnk_free(radius);
    mnk_free(rank_b);
    if (status != MNK_OK) mnk_neighbours_close(out);
    return status;
}

void mnk_neighbours_close(mnk_neighbours *s) {
    if (!s) return;
    mnk_knn_close(&s->self_b);
    mnk_cross_close(&s->cross);
    mnk_free(s->alpha_rank);
    mnk_free(s->covered);
    *s = (mnk_neighbours){0};
}

mnk_status mnk_authenticity(const mnk_points *real, const mnk_points *synthetic, uint8_t *authentic, uint32_t *nearest_row,
                            float *nearest2, mnk_error *err) {
    if (real->n < 2) return MNK_FAIL(err, MNK_ERR_INPUT, "authenticity needs two real items, here %zu", real->n);
    mnk_knn knn = {0};
    mnk_cross cross = {0};
    mnk_status status = mnk_sweep_self(real, 1, &knn, err);
    if (status == MNK_OK) status = mnk_sweep_cross(real, synthetic, NULL, &cross, err);
    for (size_t j = 0; j < synthetic->n && status == MNK_OK; j++) {
        const uint32_t row = cross.nearest_b_index[j];
        authentic[j] = cross.nearest_b2[j] > knn.d2[row];
        if (nearest_row) nearest_row[j] = row;
        if (nearest2) nearest2[j] = cross.nearest_b2[j];
    }
    mnk_knn_close(&knn);
    mnk_cross_close(&cross);
    return status;
}
