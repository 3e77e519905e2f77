#include "math/linalg.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { TILE = 192, CHUNK = 256 };

typedef struct means_ctx {
    const float *x;
    size_t d;
} means_ctx;

static void means_block(void *ctx, size_t begin, size_t end, double *partial) {
    const means_ctx *c = ctx;
    for (size_t i = begin; i < end; i++)
        for (size_t k = 0; k < c->d; k++) partial[k] += (double)c->x[i * c->d + k];
}

static mnk_status means(const float *x, size_t n, size_t d, double *mean, mnk_error *err) {
    means_ctx ctx = {x, d};
    memset(mean, 0, d * sizeof *mean);
    if (mnk_parallel_sum(n, 1024, d, mean, means_block, &ctx)) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for means");
    for (size_t k = 0; k < d; k++) mean[k] /= (double)n;
    return MNK_OK;
}

/* sum over `count` of u_i v_i for pairs of tiles: products of rows (covariance) or of columns (Gram matrix). */
typedef struct product_ctx {
    const float *x;
    const double *mean;
    double *out;
    size_t n, d, tiles;
    int gram;
    atomic_int failed;
} product_ctx;

/* Centred doubles: rows r0.. of items, columns c0.., as block[rows][columns]. */
static void centred(const product_ctx *c, size_t r0, size_t rows, size_t c0, size_t columns, double *block) {
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < columns; k++) block[i * columns + k] = (double)c->x[(r0 + i) * c->d + c0 + k] - c->mean[c0 + k];
}

static size_t part(size_t total, size_t begin, size_t size) { return total - begin < size ? total - begin : size; }

static void product_tile(void *ctx, size_t task) {
    product_ctx *c = ctx;
    size_t ti = 0;
    while ((ti + 1) * (ti + 2) / 2 <= task) ti++;
    const size_t tj = task - ti * (ti + 1) / 2, size = c->gram ? c->n : c->d, depth = c->gram ? c->d : c->n;
    const size_t i0 = ti * TILE, j0 = tj * TILE, ni = part(size, i0, TILE), nj = part(size, j0, TILE);
    double *a = mnk_alloc_aligned(2 * TILE * CHUNK + TILE * TILE, sizeof *a);
    if (!a) {
        atomic_store(&c->failed, 1);
        return;
    }
    double *b = a + TILE * CHUNK, *sum = b + TILE * CHUNK;
    for (size_t r0 = 0; r0 < depth; r0 += CHUNK) {
        const size_t nr = part(depth, r0, CHUNK);
        if (c->gram) {
            centred(c, i0, ni, r0, nr, a);
            centred(c, j0, nj, r0, nr, b);
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)ni, (int)nj, (int)nr, 1, a, (int)nr, b, (int)nr, 1, sum,
                        (int)nj);
        } else {
            centred(c, r0, nr, i0, ni, a);
            centred(c, r0, nr, j0, nj, b);
            cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)ni, (int)nj, (int)nr, 1, a, (int)ni, b, (int)nj, 1, sum,
                        (int)nj);
        }
    }
    for (size_t i = 0; i < ni; i++)
        for (size_t j = 0; j < nj; j++) c->out[(i0 + i) * size + j0 + j] = c->out[(j0 + j) * size + i0 + i] = sum[i * nj + j];
    mnk_free(a);
}

/* Covariance (or, with `gram`, the n x n matrix of centred inner products), divided by n-1. */
static mnk_status products(const float *x, size_t n, size_t d, const double *mean, double *out, int gram, mnk_error *err) {
    const size_t size = gram ? n : d, tiles = (size + TILE - 1) / TILE;
    product_ctx c = {.x = x, .mean = mean, .out = out, .n = n, .d = d, .tiles = tiles, .gram = gram};
    mnk_parallel_for(tiles * (tiles + 1) / 2, product_tile, &c);
    if (atomic_load(&c.failed)) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a covariance of %zu columns", d);
    for (size_t i = 0; i < size * size; i++) out[i] /= (double)(n - 1);
    return MNK_OK;
}

mnk_status mnk_covariance(const float *x, size_t n, size_t d, double *mean, double *cov, mnk_error *err) {
    if (n < 2) return MNK_FAIL(err, MNK_ERR_INPUT, "a covariance needs two items, here %zu", n);
    MNK_TRY(means(x, n, d, mean, err));
    return products(x, n, d, mean, cov, 0, err);
}

mnk_status mnk_eigen_symmetric(double *a, size_t n, double *values, int vectors, mnk_error *err) {
    /* column-major reading of a symmetric matrix is the same matrix, and its columns of vectors are our rows */
    int threads = mnk_blas_enter(),
        info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, vectors ? 'V' : 'N', 'L', (int)n, a, (int)n, values);
    mnk_blas_leave(threads);
    return info == 0 ? MNK_OK : MNK_FAIL(err, MNK_ERR_FAILED, "eigenvalues of a %zu x %zu matrix: LAPACK code %d", n, n, info);
}

void mnk_matrix_multiply(const double *a, const double *b, double *c, size_t n, int transpose_a) {
    int threads = mnk_blas_enter();
    cblas_dgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, CblasNoTrans, (int)n, (int)n, (int)n, 1, a, (int)n, b,
                (int)n, 0, c, (int)n);
    mnk_blas_leave(threads);
}

/* The m largest eigenpairs of the symmetric a [n][n]; vectors[m*n] unit rows, both in descending order. */
static mnk_status largest(double *a, size_t n, size_t m, double *values, double *vectors, mnk_error *err) {
    double *w = NULL, *z = NULL;
    int *support = NULL, found = 0, info = 0;
    mnk_status status = MNK_NEW(w, n, err);
    if (status == MNK_OK) status = MNK_NEW(z, n * m, err);
    if (status == MNK_OK) status = MNK_NEW(support, 2 * n, err);
    if (status == MNK_OK) {
        int threads = mnk_blas_enter();
        info = LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'I', 'L', (int)n, a, (int)n, 0, 0, (int)(n - m + 1), (int)n, 0, &found, w,
                              z, (int)n, support);
        mnk_blas_leave(threads);
        if (info != 0 || found != (int)m)
            status = MNK_FAIL(err, MNK_ERR_FAILED, "principal components of %zu columns: LAPACK code %d", n, info);
    }
    for (size_t k = 0; k < m && status == MNK_OK; k++) {
        values[k] = w[m - 1 - k] > 0 ? w[m - 1 - k] : 0;
        memcpy(vectors + k * n, z + (m - 1 - k) * n, n * sizeof *z);
    }
    mnk_free(w);
    mnk_free(z);
    mnk_free(support);
    return status;
}

/* Components of the rows through their n x n inner products (fewer items than coordinates): axis = X'u / |X'u|. */
static void axes_from_gram(const float *x, size_t n, size_t d, const double *mean, const double *u, size_t m, double *axis) {
    for (size_t k = 0; k < m; k++) {
        double *v = axis + k * d, norm = 0;
        memset(v, 0, d * sizeof *v);
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < d; c++) v[c] += u[k * n + i] * ((double)x[i * d + c] - mean[c]);
        for (size_t c = 0; c < d; c++) norm += v[c] * v[c];
        norm = norm > 0 ? 1 / sqrt(norm) : 0;
        for (size_t c = 0; c < d; c++) v[c] *= norm;
    }
}

/* LAPACK leaves the sign of a vector open: the largest coordinate is made positive. */
static void fix_sign(double *v, size_t d) {
    size_t top = 0;
    for (size_t c = 1; c < d; c++)
        if (fabs(v[c]) > fabs(v[top])) top = c;
    if (v[top] < 0)
        for (size_t c = 0; c < d; c++) v[c] = -v[c];
}

static mnk_status fit(const float *x, size_t n, size_t d, size_t m, int whiten, mnk_pca *p, mnk_error *err) {
    const int gram = n < d;
    const size_t size = gram ? n : d;
    double *mean = NULL, *matrix = NULL, *vectors = NULL, *axis = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(mean, d, err));
    MNK_OUT(MNK_NEW(matrix, size * size, err));
    MNK_OUT(MNK_NEW(vectors, m * size, err));
    MNK_OUT(MNK_NEW(axis, m * d, err));
    MNK_OUT(means(x, n, d, mean, err));
    MNK_OUT(products(x, n, d, mean, matrix, gram, err));
    for (size_t i = 0; i < size; i++) p->total += matrix[i * size + i];
    MNK_OUT(largest(matrix, size, m, p->variance, vectors, err));
    if (gram) axes_from_gram(x, n, d, mean, vectors, m, axis);
    else memcpy(axis, vectors, m * d * sizeof *axis);
    while (m > 1 && p->variance[m - 1] <= 1e-10 * p->variance[0]) m--;
    p->m = m;
    for (size_t k = 0; k < m; k++) {
        const double scale = whiten ? (p->variance[k] > 0 ? 1 / sqrt(p->variance[k]) : 0) : 1;
        fix_sign(axis + k * d, d);
        for (size_t c = 0; c < d; c++) p->axis[k * d + c] = (float)(axis[k * d + c] * scale);
    }
    for (size_t c = 0; c < d; c++) p->mean[c] = (float)mean[c];
out:
    mnk_free(mean);
    mnk_free(matrix);
    mnk_free(vectors);
    mnk_free(axis);
    return status;
}

mnk_status mnk_pca_fit(const float *x, size_t n, size_t d, size_t m, int whiten, mnk_pca *out, mnk_error *err) {
    *out = (mnk_pca){.d = d, .m = m};
    if (m < 1 || m > d || m >= n)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%zu principal components of %zu items with %zu values", m, n, d);
    mnk_status status = MNK_NEW(out->mean, d, err);
    if (status == MNK_OK) status = MNK_NEW(out->axis, m * d, err);
    if (status == MNK_OK) status = MNK_NEW(out->variance, m, err);
    if (status == MNK_OK) status = fit(x, n, d, m, whiten, out, err);
    if (status != MNK_OK) mnk_pca_close(out);
    return status;
}

typedef struct apply_ctx {
    const mnk_pca *p;
    const float *x;
    float *y;
    size_t n;
} apply_ctx;

static void apply_block(void *ctx, size_t block) {
    const apply_ctx *c = ctx;
    const mnk_pca *p = c->p;
    const size_t begin = block * 64, rows = part(c->n, begin, 64);
    for (size_t i = begin; i < begin + rows; i++)
        for (size_t k = 0; k < p->m; k++) {
            const float *a = p->axis + k * p->d, *v = c->x + i * p->d;
            float lane[16] = {0};
            double sum = 0;
            size_t q = 0;
            for (; q + 16 <= p->d; q += 16)
                for (int l = 0; l < 16; l++) lane[l] += a[q + (size_t)l] * (v[q + (size_t)l] - p->mean[q + (size_t)l]);
            for (; q < p->d; q++) sum += (double)a[q] * (double)(v[q] - p->mean[q]);
            for (int l = 0; l < 16; l++) sum += (double)lane[l];
            c->y[i * p->m + k] = (float)sum;
        }
}

void mnk_pca_apply(const mnk_pca *p, const float *x, size_t n, float *y) {
    apply_ctx c = {p, x, y, n};
    mnk_parallel_for((n + 63) / 64, apply_block, &c);
}

void mnk_pca_half_whiten(mnk_pca *p) {
    for (size_t k = 0; k < p->m; k++) {
        const float scale = (float)pow(fmax(p->variance[k], 1e-6 * p->variance[0]), -0.25);
        for (size_t q = 0; q < p->d; q++) p->axis[k * p->d + q] *= scale;
    }
}

void mnk_pca_close(mnk_pca *p) {
    if (!p) return;
    mnk_free(p->mean);
    mnk_free(p->axis);
    mnk_free(p->variance);
    *p = (mnk_pca){0};
}
