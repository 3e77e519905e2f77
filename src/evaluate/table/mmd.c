#include "evaluate/table/mmd.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "evaluate/table/families.h"
#include "math/stats.h"

typedef struct kernel {
    size_t n, m, all, d, codes;
    float *x;       /* [all][d] both sets, item by item */
    uint16_t *code; /* [all][codes] */
    double *k;      /* [all][all], the diagonal 0: it takes no part in the unbiased estimate */
    double width2;
} kernel;

static mnk_status pool(const mnk_points *x, const mnk_points *y, kernel *g, mnk_error *err) {
    *g = (kernel){.n = x->n, .m = y->n, .all = x->n + y->n, .d = x->d, .codes = x->codes};
    MNK_TRY(MNK_NEW(g->x, g->all * g->d, err));
    MNK_TRY(MNK_NEW(g->code, g->all * g->codes, err));
    MNK_TRY(MNK_NEW(g->k, g->all * g->all, err));
    for (size_t i = 0; i < g->all; i++) {
        const mnk_points *p = i < g->n ? x : y;
        const size_t row = i < g->n ? i : i - g->n;
        memcpy(g->x + i * g->d, p->x + row * g->d, g->d * sizeof *g->x);
        for (size_t c = 0; c < g->codes; c++) g->code[i * g->codes + c] = p->code[c * p->n + row];
    }
    return MNK_OK;
}

/* As mnk_points_distance2, with both items in one piece. */
static double distance2(const kernel *g, size_t i, size_t j) {
    const float *a = g->x + i * g->d, *b = g->x + j * g->d;
    const uint16_t *p = g->code + i * g->codes, *q = g->code + j * g->codes;
    double sum = 0;
    uint16_t differ = 0;
    for (size_t k = 0; k < g->d; k++) {
        const double t = (double)a[k] - (double)b[k];
        sum += t * t;
    }
    for (size_t c = 0; c < g->codes; c++) differ = (uint16_t)(differ + (p[c] != q[c]));
    return sum + differ;
}

static void distance_row(void *ctx, size_t i) { /* the upper half; no two rows write one place */
    const kernel *g = ctx;
    for (size_t j = i + 1; j < g->all; j++) g->k[i * g->all + j] = g->k[j * g->all + i] = distance2(g, i, j);
}

static void kernel_row(void *ctx, size_t i) {
    const kernel *g = ctx;
    for (size_t j = 0; j < g->all; j++)
        if (i != j) g->k[i * g->all + j] = exp(-g->k[i * g->all + j] / (2 * g->width2));
}

/* k-th smallest of x[n], which is put out of order (Hoare 1961). */
static double select_kth(double *x, size_t n, size_t k) {
    size_t low = 0, high = n - 1;
    while (low < high) {
        const double pivot = x[low + (high - low) / 2];
        size_t i = low, j = high;
        while (i <= j) {
            while (x[i] < pivot) i++;
            while (x[j] > pivot) j--;
            if (i <= j) {
                const double t = x[i];
                x[i] = x[j], x[j] = t;
                i++;
                if (j-- == 0) break;
            }
        }
        if (k <= j && j < n) high = j;
        else if (k >= i) low = i;
        else return x[k];
    }
    return x[k];
}

static mnk_status median_distance2(const kernel *g, double *out, mnk_error *err) {
    const size_t pairs = g->all * (g->all - 1) / 2;
    double *d = NULL;
    size_t at = 0;
    MNK_TRY(MNK_NEW(d, pairs, err));
    for (size_t i = 0; i < g->all; i++)
        for (size_t j = i + 1; j < g->all; j++) d[at++] = g->k[i * g->all + j];
    const double high = select_kth(d, pairs, pairs / 2);
    *out = pairs % 2 ? high : (high + select_kth(d, pairs / 2, pairs / 2 - 1)) / 2; /* the lower half stands before it */
    mnk_free(d);
    return MNK_OK;
}

/* Unbiased MMD^2 of the split into items with w = 1 and those with w = 0, from within = w'Kw and whole = 1'Kw. */
static double mmd2(double within, double whole, double total, double n, double m) {
    const double cross = whole - within, other = total - 2 * whole + within;
    return within / (n * (n - 1)) + other / (m * (m - 1)) - 2 * cross / (n * m);
}

/* Variance over items of 2 (own/(n-1) - other/m). */
static double projection_variance(const kernel *g, size_t from, size_t to) {
    const size_t n = to - from, m = g->all - n;
    double mean = 0, sum = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = from; i < to; i++) {
            double own = 0, other = 0;
            for (size_t j = 0; j < g->all; j++) *(j >= from && j < to ? &own : &other) += g->k[i * g->all + j];
            const double t = 2 * (own / (double)(n - 1) - other / (double)m);
            if (pass) sum += (t - mean) * (t - mean);
            else mean += t / (double)n;
        }
    return sum / (double)(n - 1);
}

enum { BATCH = 64 };

typedef struct permute_ctx {
    const kernel *g;
    uint64_t seed;
    size_t permutations;
    double observed, total;
    const double *row_sum; /* [all] */
    uint32_t *larger;      /* [batches] */
    int *failed;           /* [batches] */
} permute_ctx;

/* One batch: columns of 0 and 1, one product with the kernel, and the quadratic forms. */
static void permute_batch(void *ctx, size_t batch) {
    const permute_ctx *c = ctx;
    const size_t all = c->g->all, first = batch * BATCH;
    const size_t n = c->permutations - first < BATCH ? c->permutations - first : BATCH;
    double *w = mnk_alloc(all * BATCH, sizeof *w), *kw = mnk_alloc(all * BATCH, sizeof *kw);
    size_t *order = mnk_alloc(all, sizeof *order);
    c->failed[batch] = !w || !kw || !order;
    for (size_t b = 0; b < n && !c->failed[batch]; b++) {
        mnk_rng r = mnk_rng_at(c->seed, MNK_PURPOSE_PERMUTE, first + b, 1);
        mnk_rng_permutation(&r, order, all);
        for (size_t i = 0; i < c->g->n; i++) w[order[i] * BATCH + b] = 1;
    }
    if (!c->failed[batch]) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)all, BATCH, (int)all, 1, c->g->k, (int)all, w, BATCH, 0, kw,
                    BATCH);
        for (size_t b = 0; b < n; b++) {
            double within = 0, whole = 0;
            for (size_t i = 0; i < all; i++)
                within += w[i * BATCH + b] * kw[i * BATCH + b], whole += w[i * BATCH + b] * c->row_sum[i];
            const double t = mmd2(within, whole, c->total, (double)c->g->n, (double)c->g->m);
            c->larger[batch] += t >= c->observed - 1e-12;
        }
    }
    mnk_free(w);
    mnk_free(kw);
    mnk_free(order);
}

static mnk_status permute(const kernel *g, double observed, size_t permutations, uint64_t seed, double *p, mnk_error *err) {
    const size_t batches = (permutations + BATCH - 1) / BATCH;
    double *row_sum = NULL, total = 0;
    permute_ctx c = {.g = g, .seed = seed, .permutations = permutations, .observed = observed};
    size_t larger = 0;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(row_sum, g->all, err));
    MNK_OUT(MNK_NEW(c.larger, batches, err));
    MNK_OUT(MNK_NEW(c.failed, batches, err));
    for (size_t i = 0; i < g->all; i++) {
        for (size_t j = 0; j < g->all; j++) row_sum[i] += g->k[i * g->all + j];
        total += row_sum[i];
    }
    c.row_sum = row_sum, c.total = total;
    mnk_parallel_for(batches, permute_batch, &c);
    for (size_t b = 0; b < batches; b++) {
        if (c.failed[b]) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for permutations"));
        larger += c.larger[b];
    }
    *p = (1 + (double)larger) / (1 + (double)permutations);
out:
    mnk_free(row_sum);
    mnk_free(c.larger);
    mnk_free(c.failed);
    return status;
}

mnk_status mnk_mmd_gaussian(const mnk_points *x, const mnk_points *y, double width2, size_t permutations, uint64_t seed,
                            mnk_mmd *out, mnk_error *err) {
    kernel g = {0};
    *out = (mnk_mmd){.p = NAN};
    if (x->n < 2 || y->n < 2)
        return MNK_FAIL(err, MNK_ERR_INPUT, "mmd2 needs two items on each side, here %zu and %zu", x->n, y->n);
    mnk_status status = MNK_OK;
    MNK_OUT(pool(x, y, &g, err));
    mnk_parallel_for(g.all, distance_row, &g);
    g.width2 = width2;
    if (!(width2 > 0)) MNK_OUT(median_distance2(&g, &g.width2, err));
    if (!(g.width2 > 0)) g.width2 = 1; /* more than half of all pairs are equal */
    mnk_parallel_for(g.all, kernel_row, &g);
    double xx = 0, xy = 0, yy = 0;
    for (size_t i = 0; i < g.all; i++) {
        double own = 0, other = 0;
        for (size_t j = 0; j < g.all; j++) *((i < g.n) == (j < g.n) ? &own : &other) += g.k[i * g.all + j];
        if (i < g.n) xx += own, xy += other;
        else yy += own;
    }
    out->width2 = g.width2;
    const double n = (double)g.n, m = (double)g.m;
    out->value = xx / (n * (n - 1)) + yy / (m * (m - 1)) - 2 * xy / (n * m);
    out->se = sqrt(projection_variance(&g, 0, g.n) / n + projection_variance(&g, g.n, g.all) / m);
    if (permutations) MNK_OUT(permute(&g, out->value, permutations, seed, &out->p, err));
out:
    mnk_free(g.x);
    mnk_free(g.code);
    mnk_free(g.k);
    return status;
}

/* ---- the metric ---- */

/* Up to `most` random rows of a subset, one a person: rows of one person cannot be exchanged singly. */
static mnk_status choose(const mnk_table_sets *s, const mnk_subset *subset, int role, uint64_t seed, size_t most, size_t *row,
                         size_t *count, mnk_error *err) {
    const mnk_table *t = s->table[role];
    size_t *order = NULL;
    uint8_t *taken = NULL;
    mnk_status status = MNK_OK;
    *count = 0;
    MNK_OUT(MNK_NEW(order, t->n, err));
    MNK_OUT(MNK_NEW(taken, t->persons + 1, err));
    mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_SUBSET, 16 + (uint64_t)role, subset->stream);
    mnk_rng_permutation(&r, order, t->n);
    for (size_t k = 0; k < t->n && *count < most; k++) {
        const size_t i = order[k], person = t->person ? (size_t)t->person[i] : i;
        if (!mnk_subset_has(subset, role, i) || taken[person]) continue;
        taken[person] = 1;
        row[(*count)++] = i;
    }
out:
    mnk_free(order);
    mnk_free(taken);
    return status;
}

static mnk_status points_of(const mnk_judge *j, const mnk_table_sets *s, const mnk_subset *subset, int role, mnk_points *out,
                            mnk_error *err) {
    size_t *row = NULL, n = 0;
    *out = (mnk_points){0};
    MNK_TRY(MNK_NEW(row, (size_t)s->config->mmd_items, err));
    mnk_status status = choose(s, subset, role, j->plan->seed, (size_t)s->config->mmd_items, row, &n, err);
    if (status == MNK_OK) status = mnk_encoded_points(j->encoded, (mnk_role)role, row, n, NULL, out, err);
    mnk_free(row);
    return status;
}

/* Both rows of the result: the discrepancy and the p-value of "one population". */
static mnk_status add_rows(const mnk_judge *j, const mnk_subset *subset, const mnk_mmd e[4], size_t n, mnk_error *err) {
    static const char *const name[4] = {"", "holdout", "copy", "floor"};
    const double half = mnk_normal_quantile((1 + j->plan->level) / 2) * e[0].se;
    mnk_metric *m =
        mnk_judge_metric(j->result, "mmd2", "fidelity", j->encoded->name, subset->name, e[0].value, n, j->plan->level);
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
    m->low = e[0].value - half, m->high = e[0].value + half;
    snprintf(m->note, sizeof m->note, "Gaussian kernel, width^2 %.4g by the median of d^2", e[0].width2);
    for (int k = 1; k < 4; k++)
        if (!isnan(e[k].value)) mnk_metric_add_reference(m, name[k], e[k].value);
    if (isnan(e[0].p)) return MNK_OK;
    m = mnk_judge_metric(j->result, "mmd_p", "fidelity", j->encoded->name, subset->name, e[0].p, n, j->plan->level);
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
    snprintf(m->note, sizeof m->note, "p-value of mmd2 under permutation: small means that the two can be told apart");
    for (int k = 1; k < 4; k++)
        if (!isnan(e[k].p)) mnk_metric_add_reference(m, name[k], e[k].p);
    return MNK_OK;
}

mnk_status mnk_table_mmd(const mnk_judge *j, const mnk_table_sets *s, const mnk_subset *subset, mnk_error *err) {
    static const int roles[4] = {MNK_ROLE_SYNTHETIC, MNK_ROLE_HOLDOUT, MNK_ROLE_TRAIN, MNK_ROLE_FLOOR};
    mnk_points train = {0}, other = {0};
    mnk_mmd e[4];
    size_t n = 0;
    mnk_status status = MNK_OK;
    MNK_OUT(points_of(j, s, subset, MNK_ROLE_TRAIN, &train, err));
    for (int k = 0; k < 4; k++) {
        e[k] = (mnk_mmd){NAN, NAN, NAN, NAN};
        if (!s->table[roles[k]]) continue;
        if (mnk_observe_stopped(j->observer)) MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while comparing"));
        MNK_OUT(points_of(j, s, subset, roles[k], &other, err));
        if (k == 0) n = other.n;
        if (k == 0 && (train.n < 2 || other.n < 2)) goto out; /* nothing to compare */
        if (other.n >= 2) /* the same kernel for the reference lines; the last two need no p-value */
            MNK_OUT(mnk_mmd_gaussian(&train, &other, k ? e[0].width2 : 0, k >= 2 ? 0 : (size_t)s->config->permutations,
                                     j->plan->seed, &e[k], err));
        mnk_points_close(&other);
    }
    MNK_OUT(add_rows(j, subset, e, n, err));
out:
    mnk_points_close(&train);
    mnk_points_close(&other);
    return status;
}
