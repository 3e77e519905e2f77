#include <stddef.h>

#include "nn/gemm.h"

#include <dnnl.h>

#include "base/parallel.h"

/* Below this many multiply-adds a product is not worth waking threads for. */
#define SERIAL_MACS 100000.0
/* Blocks of one product at most: enough for 4 threads, few enough that packing the other operand anew for each costs little. */
#define BLOCKS 4
/* Units aimed at in a batch of products, so that 2 to 4 threads end together. */
#define UNITS 16
/* Blocks are multiples of the register tiles of the kernels (up to 48 x 8). */
#define GRAIN 16

typedef struct blocking {
    int rows, columns, row_blocks, column_blocks;
} blocking;

static int ceil_div(int a, int b) { return (a + b - 1) / b; }

/* Cuts the longer side of the result; a function of the shape alone. */
static blocking plan_blocks(int count, int m, int n, int k) {
    blocking b = {m, n, 1, 1};
    if ((double)count * m * n * k < SERIAL_MACS) return b;
    int want = ceil_div(UNITS, count);
    if (want > BLOCKS) want = BLOCKS;
    int *side = m >= n ? &b.rows : &b.columns;
    int size = ceil_div(ceil_div(*side, want), GRAIN) * GRAIN;
    if (size < *side) *side = size;
    b.row_blocks = ceil_div(m, b.rows);
    b.column_blocks = ceil_div(n, b.columns);
    return b;
}

typedef struct product {
    bool ta, tb;
    int k;
    const float *a, *b;
    float *c;
    int lda, ldb, ldc;
    float beta;
} product;

/* rows x columns of the result from (row, column) on, by one thread. */
static void multiply_block(const product *p, int row, int column, int rows, int columns) {
    size_t r = (size_t)row, s = (size_t)column, lda = (size_t)p->lda, ldb = (size_t)p->ldb, ldc = (size_t)p->ldc;
    dnnl_sgemm(p->ta ? 'T' : 'N', p->tb ? 'T' : 'N', rows, columns, p->k, 1.0f, p->a + (p->ta ? r : r * lda), p->lda,
               p->b + (p->tb ? s * ldb : s), p->ldb, p->beta, p->c + r * ldc + s, p->ldc);
}

void mnk_gemm_f32_batch(int count, bool ta, bool tb, int m, int n, int k, const float *a, size_t stride_a, int lda,
                        const float *b, size_t stride_b, int ldb, float beta, float *c, size_t stride_c, int ldc) {
    if (count <= 0 || m <= 0 || n <= 0) return;
    blocking p = plan_blocks(count, m, n, k);
    int per_product = p.row_blocks * p.column_blocks, units = count * per_product;
    product q = {ta, tb, k, a, b, c, lda, ldb, ldc, beta};
    if (units == 1) {
        int threads = mnk_blas_enter();
        multiply_block(&q, 0, 0, m, n);
        mnk_blas_leave(threads);
        return;
    }
#pragma omp parallel for schedule(dynamic, 1)
    for (int u = 0; u < units; u++) {
        size_t which = (size_t)(u / per_product);
        int block = u % per_product, row = block / p.column_blocks * p.rows, column = block % p.column_blocks * p.columns;
        product own = q;
        own.a += which * stride_a, own.b += which * stride_b, own.c += which * stride_c;
        multiply_block(&own, row, column, row + p.rows > m ? m - row : p.rows, column + p.columns > n ? n - column : p.columns);
    }
}

void mnk_gemm_f32(bool ta, bool tb, int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta, float *c,
                  int ldc) {
    mnk_gemm_f32_batch(1, ta, tb, m, n, k, a, 0, lda, b, 0, ldb, beta, c, 0, ldc);
}
