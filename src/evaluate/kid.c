/* Kernel inception distance: see frechet.h. */
#include <cblas.h>
#include <math.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "evaluate/frechet.h"

enum { ROWS = 128, COLUMNS = 512 };

typedef struct rows_ctx {
    const float *a, *b;
    size_t na, nb, d;
    int same;    /* a is b: leave out the item itself */
    double *sum; /* [na] sum over b of k(a_i, b_j) */
    atomic_int failed;
} rows_ctx;

static void rows_task(void *ctx, size_t task) {
    rows_ctx *c = ctx;
    const size_t i0 = task * ROWS, ni = c->na - i0 < ROWS ? c->na - i0 : ROWS;
    float *tile = mnk_alloc_aligned(ROWS * COLUMNS, sizeof *tile);
    if (!tile) {
        atomic_store(&c->failed, 1);
        return;
    }
    for (size_t j0 = 0; j0 < c->nb; j0 += COLUMNS) {
        const size_t nj = c->nb - j0 < COLUMNS ? c->nb - j0 : COLUMNS;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)ni, (int)nj, (int)c->d, 1.0f / (float)c->d, c->a + i0 * c->d,
                    (int)c->d, c->b + j0 * c->d, (int)c->d, 0, tile, COLUMNS);
        for (size_t i = 0; i < ni; i++) {
            double lane[8] = {0};
            const float *t = tile + i * COLUMNS;
            size_t j = 0;
            for (; j + 8 <= nj; j += 8)
                for (int l = 0; l < 8; l++) {
                    const double v = (double)t[j + (size_t)l] + 1;
                    lane[l] += v * v * v;
                }
            for (; j < nj; j++) {
                const double v = (double)t[j] + 1;
                lane[0] += v * v * v;
            }
            if (c->same && i0 + i >= j0 && i0 + i < j0 + nj) {
                const double v = (double)t[i0 + i - j0] + 1;
                lane[1] -= v * v * v;
            }
            for (int l = 0; l < 8; l++) c->sum[i0 + i] += lane[l];
        }
    }
    mnk_free(tile);
}

static mnk_status row_sums(const float *a, size_t na, const float *b, size_t nb, size_t d, double *sum, mnk_error *err) {
    rows_ctx c = {.a = a, .b = b, .na = na, .nb = nb, .d = d, .same = a == b, .sum = sum};
    mnk_parallel_for((na + ROWS - 1) / ROWS, rows_task, &c);
    return atomic_load(&c.failed) ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a tile of kernel values") : MNK_OK;
}

/* Variance over items of 2 (own/(n-1) - other/m): how much one item moves the estimate. */
static double projection_variance(const double *own, size_t n, const double *other, size_t m) {
    double mean = 0, sum = 0;
    for (size_t i = 0; i < n; i++) mean += 2 * (own[i] / (double)(n - 1) - other[i] / (double)m) / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double t = 2 * (own[i] / (double)(n - 1) - other[i] / (double)m) - mean;
        sum += t * t;
    }
    return sum / (double)(n - 1);
}

mnk_status mnk_kid(const float *x, size_t n, const float *y, size_t m, size_t d, mnk_estimate *out, mnk_error *err) {
    *out = (mnk_estimate){0};
    if (n < 2 || m < 2)
        return MNK_FAIL(err, MNK_ERR_INPUT, "the kernel distance needs two items on each side, here %zu and %zu", n, m);
    double *sum = NULL;
    MNK_TRY(MNK_NEW(sum, 2 * (n + m), err));
    double *xx = sum, *xy = sum + n, *yy = sum + 2 * n, *yx = sum + 2 * n + m;
    mnk_status status = row_sums(x, n, x, n, d, xx, err);
    if (status == MNK_OK) status = row_sums(x, n, y, m, d, xy, err);
    if (status == MNK_OK) status = row_sums(y, m, y, m, d, yy, err);
    if (status == MNK_OK) status = row_sums(y, m, x, n, d, yx, err);
    if (status == MNK_OK) {
        double a = 0, b = 0, c = 0;
        for (size_t i = 0; i < n; i++) a += xx[i], c += xy[i];
        for (size_t j = 0; j < m; j++) b += yy[j];
        const double dn = (double)n, dm = (double)m;
        out->value = a / (dn * (dn - 1)) + b / (dm * (dm - 1)) - 2 * c / (dn * dm);
        out->se = sqrt(projection_variance(xx, n, xy, m) / dn + projection_variance(yy, m, yx, n) / dm);
    }
    mnk_free(sum);
    return status;
}
