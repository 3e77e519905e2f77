/* Parallel loops whose results do not depend on the number of threads.
 *
 * Rule of the house: a unit of work has a shape fixed by the problem, never by the thread count, and partial sums are
 * added in the order of the units. BLAS and oneDNN run single-threaded inside these loops. */
#ifndef MNK_BASE_PARALLEL_H
#define MNK_BASE_PARALLEL_H

#include <stddef.h>

/* Number of threads used by the loops below and by OpenMP regions; n <= 0 takes the machine's. Also sets OpenBLAS to
 * one thread. Call before work starts. */
void mnk_threads_set(int n);
int mnk_threads(void);

/* Around every BLAS or LAPACK call made outside a parallel loop. OpenBLAS's OpenMP build takes omp_get_max_threads() there,
 * whatever it was told, and its split sums would then depend on the thread count:
 *     int threads = mnk_blas_enter(); LAPACKE_dsyevd(...); mnk_blas_leave(threads); */
int mnk_blas_enter(void);
void mnk_blas_leave(int threads);

/* Calls f(ctx, i) for i = 0..n-1, any order, any thread. */
void mnk_parallel_for(size_t n, void (*f)(void *ctx, size_t i), void *ctx);

/* Splits 0..n-1 in blocks of `block` items, fixed by n and block alone; calls f(ctx, begin, end, partial) with a zeroed
 * accumulator of `width` doubles per block, and adds the accumulators to `total` in block order. Returns 0, or -1 when
 * memory is short. */
int mnk_parallel_sum(size_t n, size_t block, size_t width, double *total,
                     void (*f)(void *ctx, size_t begin, size_t end, double *partial), void *ctx);

#endif
