/* Matrix products whose bytes do not depend on the number of threads: the result is cut into blocks whose shape follows
 * from (m, n, k) alone, and each block is one single-threaded call of dnnl_sgemm (faster
 * than OpenBLAS at these sizes: 96 against 80 % of peak on Zen 4, bench_peak). No sum is ever split between threads. */
#ifndef MNK_NN_GEMM_H
#define MNK_NN_GEMM_H

#include <stdbool.h>
#include <stddef.h>

/* C[m][n] = A'[m][k] B'[k][n] + beta C, row-major; ta/tb: the operand is stored transposed; beta 0 or 1.
 * lda, ldb, ldc: floats from one stored row to the next. */
void mnk_gemm_f32(bool ta, bool tb, int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta, float *c,
                  int ldc);

/* The same for `count` independent products whose operands lie `stride_*` floats apart, as one parallel loop. */
void mnk_gemm_f32_batch(int count, bool ta, bool tb, int m, int n, int k, const float *a, size_t stride_a, int lda,
                        const float *b, size_t stride_b, int ldb, float beta, float *c, size_t stride_c, int ldc);

#endif
