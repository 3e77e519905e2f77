#include "math/kde.h"

#include <math.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "math/linalg.h"

/* a = l l^T in place of the lower triangle; false when a pivot is not clearly positive. */
static bool cholesky(double *a, size_t d, double least) {
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = a[i * d + j];
            for (size_t k = 0; k < j; k++) sum -= a[i * d + k] * a[j * d + k];
            if (i != j) a[i * d + j] = sum / a[j * d + j];
            else if (!(sum > least)) return false;
            else a[i * d + i] = sqrt(sum);
        }
    return true;
}

static void invert_lower(const double *l, size_t d, double *out) {
    for (size_t j = 0; j < d; j++)
        for (size_t i = j; i < d; i++) {
            double sum = i == j;
            for (size_t k = j; k < i; k++) sum -= l[i * d + k] * out[k * d + j];
            out[i * d + j] = sum / l[i * d + i];
        }
}

static void whiten(const double *inverse, size_t d, const float *x, double *y) {
    for (size_t i = 0; i < d; i++) {
        y[i] = 0;
        for (size_t k = 0; k <= i; k++) y[i] += inverse[i * d + k] * (double)x[k];
    }
}

mnk_status mnk_kde_open(const float *x, size_t n, size_t d, mnk_kde *out, mnk_error *err) {
    double *mean = NULL, *cov = NULL, *factor = NULL, trace = 0;
    mnk_status status = MNK_OK;
    *out = (mnk_kde){.n = n, .d = d};
    if (n < 2 || d < 1) return MNK_FAIL(err, MNK_ERR_INPUT, "density of %zu points in %zu dimensions", n, d);
    MNK_OUT(MNK_NEW(mean, d, err));
    MNK_OUT(MNK_NEW(cov, d * d, err));
    MNK_OUT(MNK_NEW(factor, d * d, err));
    MNK_OUT(MNK_NEW(out->inverse, d * d, err));
    MNK_OUT(MNK_NEW(out->x, n * d, err));
    MNK_OUT(mnk_covariance(x, n, d, mean, cov, err));
    const double scott = pow((double)n, -2.0 / ((double)d + 4));
    for (size_t i = 0; i < d * d; i++) cov[i] *= scott;
    for (size_t i = 0; i < d; i++) trace += cov[i * d + i];
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < d * d; i++) factor[i] = cov[i];
        for (size_t i = 0; i < d && again; i++) factor[i * d + i] += fmax(1e-12, 1e-6 * trace / (double)d);
        if (cholesky(factor, d, again ? 0 : 1e-9 * trace / (double)d)) break;
        if (again) MNK_OUT(MNK_FAIL(err, MNK_ERR_FAILED, "density: a covariance is not positive"));
    }
    invert_lower(factor, d, out->inverse);
    out->log_norm = -log((double)n) - 0.5 * (double)d * log(2 * M_PI);
    for (size_t i = 0; i < d; i++) out->log_norm -= log(factor[i * d + i]);
    for (size_t i = 0; i < n; i++) whiten(out->inverse, d, x + i * d, out->x + i * d);
out:
    mnk_free(mean);
    mnk_free(cov);
    mnk_free(factor);
    if (status != MNK_OK) mnk_kde_close(out);
    return status;
}

typedef struct evaluation {
    const mnk_kde *k;
    const float *y;
    double *out;
    int failed;
} evaluation;

static void one(void *ctx, size_t i) {
    evaluation *e = ctx;
    const size_t n = e->k->n, d = e->k->d;
    double *half = mnk_alloc(n + d, sizeof *half), *at = half + n, most = -INFINITY, sum = 0;
    if (!half) {
        __atomic_store_n(&e->failed, 1, __ATOMIC_RELAXED);
        return;
    }
    whiten(e->k->inverse, d, e->y + i * d, at);
    for (size_t j = 0; j < n; j++) {
        double d2 = 0;
        for (size_t c = 0; c < d; c++) d2 += (at[c] - e->k->x[j * d + c]) * (at[c] - e->k->x[j * d + c]);
        half[j] = -0.5 * d2;
        most = fmax(most, half[j]);
    }
    for (size_t j = 0; j < n; j++)
        if (half[j] - most > -40) sum += exp(half[j] - most); /* the rest adds less than 1e-17 each */
    e->out[i] = e->k->log_norm + most + log(sum);
    mnk_free(half);
}

mnk_status mnk_kde_log(const mnk_kde *k, const float *y, size_t m, double *out, mnk_error *err) {
    evaluation e = {k, y, out, 0};
    mnk_parallel_for(m, one, &e);
    return e.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a density") : MNK_OK;
}

void mnk_kde_close(mnk_kde *k) {
    if (!k) return;
    mnk_free(k->x);
    mnk_free(k->inverse);
    *k = (mnk_kde){0};
}
