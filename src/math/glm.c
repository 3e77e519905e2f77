#include "math/glm.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

/* ---- small dense systems ---- */

long mnk_solve_definite(double *a, size_t d, double *g) {
    for (size_t i = 0; i < d; i++) { /* Cholesky-Banachiewicz, row by row */
        double *row = a + i * d, diagonal = row[i], pivot = diagonal;
        for (size_t j = 0; j < i; j++) {
            double sum = row[j];
            for (size_t k = 0; k < j; k++) sum -= row[k] * a[j * d + k];
            row[j] = sum / a[j * d + j];
            pivot -= row[j] * row[j];
        }
        if (!(pivot > 1e-10 * diagonal)) return (long)i;
        row[i] = sqrt(pivot);
    }
    for (size_t i = 0; i < d; i++) {
        for (size_t k = 0; k < i; k++) g[i] -= a[i * d + k] * g[k];
        g[i] /= a[i * d + i];
    }
    for (size_t i = d; i-- > 0;) {
        g[i] /= a[i * d + i];
        for (size_t k = 0; k < i; k++) g[k] -= a[i * d + k] * g[i];
    }
    return -1;
}

void mnk_invert_factored(double *a, size_t d) {
    int threads = mnk_blas_enter();
    LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'U', (lapack_int)d, a, (lapack_int)d);
    mnk_blas_leave(threads);
    for (size_t i = 0; i < d; i++)
        for (size_t j = i + 1; j < d; j++) a[i * d + j] = a[j * d + i];
}

/* ---- sums over rows: objective, gradient and information of one iterate ---- */

typedef struct sums {
    const mnk_glm_problem *p;
    const double *beta;
    bool curvature; /* also the gradient and the information */
    atomic_int failed;
} sums;

/* log(1 + e^x) without overflow */
static double log1pexp(double x) { return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

static void row_terms(const mnk_glm_problem *p, size_t i, double eta, double *loss, double *residual, double *curvature) {
    double w = p->weight ? p->weight[i] : 1.0, y = p->y[i];
    if (p->family == MNK_GLM_LINEAR) {
        *residual = w * (y - eta), *curvature = w, *loss = 0.5 * w * (y - eta) * (y - eta);
        return;
    }
    double mu = eta >= 0.0 ? 1.0 / (1.0 + exp(-eta)) : exp(eta) / (1.0 + exp(eta));
    *residual = w * (y - mu);
    *curvature = w * mu * (1.0 - mu);
    *loss = w * (log1pexp(eta) - y * eta);
}

/* partial: loss, gradient[m], information[m*m] (lower half), m = d + 1 */
static void add_block(void *ctx, size_t begin, size_t end, double *partial) {
    sums *s = ctx;
    const mnk_glm_problem *p = s->p;
    enum { STRIP = 256 }; /* rows at once: stays in cache */
    size_t d = p->d, m = d + 1;
    double *strip = mnk_alloc_aligned(STRIP * m, sizeof *strip);
    if (!strip) {
        atomic_store(&s->failed, 1);
        return;
    }
    for (size_t at = begin; at < end; at += STRIP) {
        size_t rows = end - at < STRIP ? end - at : STRIP;
        for (size_t r = 0; r < rows; r++) {
            const double *x = p->x + (at + r) * d;
            double eta = s->beta[0] + (p->offset ? p->offset[at + r] : 0.0), loss, residual, curvature;
            for (size_t j = 0; j < d; j++) eta += x[j] * s->beta[j + 1];
            row_terms(p, at + r, eta, &loss, &residual, &curvature);
            partial[0] += loss;
            if (!s->curvature) continue;
            partial[1] += residual;
            for (size_t j = 0; j < d; j++) partial[2 + j] += residual * x[j];
            double root = sqrt(curvature);
            strip[r * m] = root;
            for (size_t j = 0; j < d; j++) strip[r * m + 1 + j] = root * x[j];
        }
        if (s->curvature)
            cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (int)m, (int)rows, 1.0, strip, (int)m, 1.0, partial + 1 + m,
                        (int)m);
    }
    mnk_free(strip);
}

/* Fills `total`; with the ridge's share. */
static mnk_status evaluate(const mnk_glm_problem *p, const double *beta, bool curvature, double *total, mnk_error *err) {
    size_t m = p->d + 1, width = curvature ? 1 + m + m * m : 1, block = p->n / 32 + 1;
    if (block < 1024) block = 1024;
    sums s = {.p = p, .beta = beta, .curvature = curvature};
    memset(total, 0, width * sizeof *total);
    if (mnk_parallel_sum(p->n, block, width, total, add_block, &s) || atomic_load(&s.failed))
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a regression on %zu columns", p->d);
    for (size_t j = 1; j < m; j++) {
        total[0] += 0.5 * p->ridge * beta[j] * beta[j];
        if (!curvature) continue;
        total[1 + j] -= p->ridge * beta[j];
        total[1 + m + j * m + j] += p->ridge;
    }
    return MNK_OK;
}

/* ---- Newton ---- */

static mnk_status check(const mnk_glm_problem *p, mnk_error *err) {
    if (p->n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "regression without rows");
    for (size_t i = 0; i < p->n; i++) {
        bool fine = isfinite(p->y[i]) && (!p->weight || (isfinite(p->weight[i]) && p->weight[i] >= 0.0));
        for (size_t j = 0; j < p->d; j++) fine &= isfinite(p->x[i * p->d + j]);
        if (!fine) return MNK_FAIL(err, MNK_ERR_INPUT, "regression: row %zu has a value that is not finite", i);
    }
    return MNK_OK;
}

/* beta + step/2^k, the first that does not make the objective worse; false when none does. */
static mnk_status line_search(const mnk_glm_problem *p, mnk_glm *m, const double *step, double *trial, bool *moved,
                              mnk_error *err) {
    double scale = 1.0, value;
    *moved = false;
    for (int k = 0; k < 30 && !*moved; k++, scale *= 0.5) {
        for (size_t j = 0; j <= p->d; j++) trial[j] = m->beta[j] + scale * step[j];
        MNK_TRY(evaluate(p, trial, false, &value, err));
        if (!(value <= m->objective + 1e-13 * fabs(m->objective))) continue;
        memcpy(m->beta, trial, (p->d + 1) * sizeof *trial);
        m->objective = value;
        *moved = true;
    }
    return MNK_OK;
}

/* After the last step: the inverse information, times the residual variance for least squares. */
static void finish_covariance(const mnk_glm_problem *p, mnk_glm *m, double *information) {
    size_t k = p->d + 1;
    double scale = 1.0, weights = 0.0, penalty = 0.0;
    mnk_invert_factored(information, k);
    if (p->family == MNK_GLM_LINEAR) {
        for (size_t i = 0; i < p->n; i++) weights += p->weight ? p->weight[i] : 1.0;
        for (size_t j = 1; j < k; j++) penalty += p->ridge * m->beta[j] * m->beta[j];
        scale = weights > (double)k ? (2.0 * m->objective - penalty) / (weights - (double)k) : NAN;
    }
    for (size_t j = 0; j < k * k; j++) m->covariance[j] = scale * information[j];
}

mnk_status mnk_glm_fit(const mnk_glm_problem *p, mnk_glm *out, mnk_error *err) {
    enum { ITERATIONS = 60 };
    mnk_status status = MNK_OK;
    size_t m = p->d + 1;
    double *total = NULL, *trial = NULL;
    *out = (mnk_glm){.d = p->d, .singular = -1};
    MNK_TRY(check(p, err));
    MNK_OUT(MNK_NEW(total, 1 + m + m * m, err));
    MNK_OUT(MNK_NEW(trial, m, err));
    MNK_OUT(MNK_NEW(out->beta, m, err));
    MNK_OUT(MNK_NEW(out->covariance, m * m, err));
    for (; out->iterations < ITERATIONS; out->iterations++) {
        double *gradient = total + 1, *information = gradient + m, decrement = 0.0;
        MNK_OUT(evaluate(p, out->beta, true, total, err));
        out->objective = total[0];
        memcpy(trial, gradient, m * sizeof *trial);
        out->singular = mnk_solve_definite(information, m, gradient);
        if (out->singular >= 0) break;
        for (size_t j = 0; j < m; j++) decrement += trial[j] * gradient[j]; /* Newton decrement: distance to the minimum */
        if (decrement <= 1e-16 * (1.0 + fabs(out->objective))) {
            out->converged = true;
            finish_covariance(p, out, information);
            break;
        }
        if (decrement <= 1e-8 * (1.0 + fabs(out->objective))) { /* near: the objective's rounding would only mislead */
            for (size_t j = 0; j < m; j++) out->beta[j] += gradient[j];
            continue;
        }
        bool moved;
        MNK_OUT(line_search(p, out, gradient, trial, &moved, err));
        if (!moved) break;
    }
out:
    mnk_free(total);
    mnk_free(trial);
    if (status != MNK_OK) mnk_glm_close(out);
    return status;
}

void mnk_glm_eta(const mnk_glm *m, const double *x, size_t n, double *eta) {
    for (size_t i = 0; i < n; i++) {
        double sum = m->beta[0];
        for (size_t j = 0; j < m->d; j++) sum += x[i * m->d + j] * m->beta[j + 1];
        eta[i] = sum;
    }
}

void mnk_glm_close(mnk_glm *m) {
    mnk_free(m->beta);
    mnk_free(m->covariance);
    m->beta = m->covariance = NULL;
}
