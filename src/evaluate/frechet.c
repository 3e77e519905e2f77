#include "evaluate/frechet.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "math/linalg.h"

/* With S1 = E' L E and M = L^1/2 E S2 E' L^1/2 = U' W U the trace of the root is sum sqrt(w). The gradients used for the
 * standard error are dFD/dS2 = I - T and dFD/dS1 = I - T^-1, T = S1^1/2 (S1^1/2 S2 S1^1/2)^-1/2 S1^1/2 being the map that
 * carries the second Gaussian onto the first (Olkin & Pukelsheim 1982; Peyre & Cuturi 2019, 2.31). */
typedef struct gaussians {
    size_t d;
    double *mean1, *mean2, *s1, *s2; /* s1 becomes its eigenvectors */
    double *l, *w, *m, *a, *b;       /* l, w: eigenvalues; m, a, b: d x d work */
} gaussians;

static void gaussians_close(gaussians *g) {
    double *all[] = {g->mean1, g->mean2, g->s1, g->s2, g->l, g->w, g->m, g->a, g->b};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mnk_free(all[i]);
}

static mnk_status gaussians_open(gaussians *g, size_t d, mnk_error *err) {
    *g = (gaussians){.d = d};
    MNK_TRY(MNK_NEW(g->mean1, d, err));
    MNK_TRY(MNK_NEW(g->mean2, d, err));
    MNK_TRY(MNK_NEW(g->l, d, err));
    MNK_TRY(MNK_NEW(g->w, d, err));
    MNK_TRY(MNK_NEW(g->s1, d * d, err));
    MNK_TRY(MNK_NEW(g->s2, d * d, err));
    MNK_TRY(MNK_NEW(g->m, d * d, err));
    MNK_TRY(MNK_NEW(g->a, d * d, err));
    return MNK_NEW(g->b, d * d, err);
}

/* to[i][j] = scale_i * rows[i][j] */
static void scale_rows(const double *rows, const double *scale, size_t d, double *to) {
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) to[i * d + j] = scale[i] * rows[i * d + j];
}

static void transpose(const double *a, size_t d, double *to) {
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) to[j * d + i] = a[i * d + j];
}

static void powers(const double *x, size_t d, double power, double *to) {
    double top = 0;
    for (size_t i = 0; i < d; i++) top = x[i] > top ? x[i] : top;
    for (size_t i = 0; i < d; i++) to[i] = x[i] > 1e-12 * top ? pow(x[i], power) : 0; /* pseudo-inverse of what is singular */
}

/* Fills l, w, the eigenvectors (rows) of S1 in s1 and those of M in m; returns tr(S1) + tr(S2) - 2 tr(root). */
static mnk_status decompose(gaussians *g, double *trace, mnk_error *err) {
    const size_t d = g->d;
    double sum = 0;
    for (size_t i = 0; i < d; i++) sum += g->s1[i * d + i] + g->s2[i * d + i];
    MNK_TRY(mnk_eigen_symmetric(g->s1, d, g->l, 1, err));
    powers(g->l, d, 0.5, g->w);
    scale_rows(g->s1, g->w, d, g->a);             /* A = L^1/2 E */
    mnk_matrix_multiply(g->a, g->s2, g->b, d, 0); /* A S2 */
    transpose(g->a, d, g->m);
    mnk_matrix_multiply(g->b, g->m, g->a, d, 0); /* A S2 A' */
    memcpy(g->m, g->a, d * d * sizeof *g->m);
    MNK_TRY(mnk_eigen_symmetric(g->m, d, g->w, 1, err));
    for (size_t i = 0; i < d; i++) sum -= g->w[i] > 0 ? 2 * sqrt(g->w[i]) : 0;
    *trace = sum;
    return MNK_OK;
}

/* out = I - E' L^p U' W^q U L^p E: p = 1/2, q = -1/2 gives I - T; p = -1/2, q = 1/2 gives I - T^-1. */
static mnk_status gradient(const gaussians *g, double p, double q, double *out, mnk_error *err) {
    const size_t d = g->d;
    double *scale = NULL;
    MNK_TRY(MNK_NEW(scale, d, err));
    powers(g->l, d, p, scale);
    scale_rows(g->s1, scale, d, g->a);           /* L^p E */
    mnk_matrix_multiply(g->m, g->a, g->b, d, 0); /* U L^p E */
    powers(g->w, d, q, scale);
    scale_rows(g->b, scale, d, g->a); /* W^q U L^p E */
    mnk_matrix_multiply(g->b, g->a, out, d, 1);
    for (size_t i = 0; i < d * d; i++) out[i] = (i % (d + 1) == 0) - out[i];
    mnk_free(scale);
    return MNK_OK;
}

typedef struct influence_ctx {
    const float *x;
    const double *mean, *other, *q;
    size_t d;
} influence_ctx;

/* Sums of phi and phi^2, phi(x) = 2 (mean - other).(x - mean) + (x - mean)' Q (x - mean). */
static void influence_block(void *ctx, size_t begin, size_t end, double *partial) {
    const influence_ctx *c = ctx;
    for (size_t i = begin; i < end; i++) {
        double phi = 0;
        for (size_t r = 0; r < c->d; r++) {
            const double t = (double)c->x[i * c->d + r] - c->mean[r], *row = c->q + r * c->d;
            double sum = 2 * (c->mean[r] - c->other[r]);
            for (size_t k = 0; k < c->d; k++) sum += row[k] * ((double)c->x[i * c->d + k] - c->mean[k]);
            phi += t * sum;
        }
        partial[0] += phi;
        partial[1] += phi * phi;
    }
}

static mnk_status influence_variance(const float *x, size_t n, size_t d, const double *mean, const double *other,
                                     const double *q, double *variance, mnk_error *err) {
    influence_ctx ctx = {x, mean, other, q, d};
    double total[2] = {0, 0};
    if (mnk_parallel_sum(n, 64, 2, total, influence_block, &ctx)) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    *variance = (total[1] - total[0] * total[0] / (double)n) / (double)(n - 1);
    return MNK_OK;
}

mnk_status mnk_frechet(const float *x, size_t n, const float *y, size_t m, size_t d, int with_se, mnk_estimate *out,
                       mnk_error *err) {
    gaussians g;
    double *q = NULL, trace = 0, v1 = 0, v2 = 0;
    mnk_status status = gaussians_open(&g, d, err);
    *out = (mnk_estimate){0};
    if (status == MNK_OK) status = mnk_covariance(x, n, d, g.mean1, g.s1, err);
    if (status == MNK_OK) status = mnk_covariance(y, m, d, g.mean2, g.s2, err);
    MNK_OUT(status);
    MNK_OUT(decompose(&g, &trace, err));
    for (size_t k = 0; k < d; k++) out->value += (g.mean1[k] - g.mean2[k]) * (g.mean1[k] - g.mean2[k]);
    out->value = fmax(out->value + trace, 0); /* rounding of equal sets */
    if (!with_se) goto out;
    MNK_OUT(MNK_NEW(q, d * d, err));
    MNK_OUT(gradient(&g, -0.5, 0.5, q, err));
    MNK_OUT(influence_variance(x, n, d, g.mean1, g.mean2, q, &v1, err));
    MNK_OUT(gradient(&g, 0.5, -0.5, q, err));
    MNK_OUT(influence_variance(y, m, d, g.mean2, g.mean1, q, &v2, err));
    out->se = sqrt(v1 / (double)n + v2 / (double)m);
out:
    mnk_free(q);
    gaussians_close(&g);
    return status;
}
