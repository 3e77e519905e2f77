#include "base/parallel.h"

#include <cblas.h>
#include <omp.h>

#include "base/mem.h"

void mnk_threads_set(int n) {
    openblas_set_num_threads(1); /* its OpenMP build changes OpenMP's own number here: ours comes last */
    omp_set_num_threads(n > 0 ? n : omp_get_num_procs());
}

int mnk_blas_enter(void) {
    int threads = omp_get_max_threads();
    if (!omp_in_parallel()) omp_set_num_threads(1);
    return threads;
}

void mnk_blas_leave(int threads) {
    if (!omp_in_parallel()) omp_set_num_threads(threads);
}

int mnk_threads(void) { return omp_get_max_threads(); }

void mnk_parallel_for(size_t n, void (*f)(void *ctx, size_t i), void *ctx) {
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t i = 0; i < n; i++) f(ctx, i);
}

int mnk_parallel_sum(size_t n, size_t block, size_t width, double *total,
                     void (*f)(void *ctx, size_t begin, size_t end, double *partial), void *ctx) {
    size_t blocks = (n + block - 1) / block;
    double *partial = mnk_alloc(blocks * width, sizeof *partial);
    if (!partial) return -1;
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t b = 0; b < blocks; b++) f(ctx, b * block, (b + 1) * block < n ? (b + 1) * block : n, partial + b * width);
    for (size_t b = 0; b < blocks; b++)
        for (size_t k = 0; k < width; k++) total[k] += partial[b * width + k];
    mnk_free(partial);
    return 0;
}
