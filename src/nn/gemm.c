#include <stddef.h>

#include "nn/gemm.h"

#include <cblas.h>

/* Below this many multiply-adds a product is not worth waking threads for. */
#define SERIAL_MACS 100000.0
/* Units aimed at: enough to balance 2 to 4 threads, few enough that a block keeps BLAS efficient. */
#define UNITS 8
/* Blocks are multiples of the register tiles of the BLAS kernels (up to 16 rows, 8 columns or the reverse). */
#define GRAIN 16

typedef struct blocking {
    int rows, columns, row_blocks, column_blocks;
} blocking;

static int ceil_div(int a, int b) { return (a + b - 1) / b; }

/* Cuts the longer side of the result; a function of the shape alone. */
static blocking plan_blocks(int count, int m, int n, int k) {
    blocking b = {m, n, 1, 1};
    if ((double)count * m * n * k < SERIAL_MACS) return b;
    int want = ceil_div(2 * UNITS, count);
    if (want > UNITS) want = UNITS;
    int *side = m >= n ? &b.rows : &b.columns;
    int size = ceil_div(ceil_div(*side, want), GRAIN) * GRAIN;
    if (size < *side) *side = size;
    b.row_blocks = ceil_div(m, b.rows);
    b.column_blocks = ceil_div(n, b.columns);
    return b;
}

void mnk_gemm_f32_batch(int count, bool ta, bool tb, int m, int n, int k, const float *a, size_t stride_a, int lda,
                        const float *b, size_t stride_b, int ldb, float beta, float *c, size_t stride_c, int ldc) {
    if (count <= 0 || m <= 0 || n <= 0) return;
    blocking p = plan_blocks(count, m, n, k);
    int per_product = p.row_blocks * p.column_blocks, units = count * per_product;
#pragma omp parallel for schedule(dynamic, 1) if (units > 1)
    for (int u = 0; u < units; u++) {
        int product = u / per_product, block = u % per_product;
        size_t r = (size_t)(block / p.column_blocks) * (size_t)p.rows,
               s = (size_t)(block % p.column_blocks) * (size_t)p.columns;
        int rows = r + (size_t)p.rows > (size_t)m ? m - (int)r : p.rows;
        int columns = s + (size_t)p.columns > (size_t)n ? n - (int)s : p.columns;
        cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, rows, columns, k, 1.0f,
                    a + (size_t)product * stride_a + (ta ? r : r * (size_t)lda), lda,
                    b + (size_t)product * stride_b + (tb ? s * (size_t)ldb : s), ldb, beta,
                    c + (size_t)product * stride_c + r * (size_t)ldc + s, ldc);
    }
}

void mnk_gemm_f32(bool ta, bool tb, int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta, float *c,
                  int ldc) {
    mnk_gemm_f32_batch(1, ta, tb, m, n, k, a, 0, lda, b, 0, ldb, beta, c, 0, ldc);
}
