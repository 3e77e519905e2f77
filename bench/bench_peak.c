/* What the machine can do at most: fused multiply-adds on registers, and matrix products as the engine calls them. */
#include "bench.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "nn/backend.h"

typedef struct product {
    int m, n, k;
    float *a, *b, *c;
} product;

static void multiply(void *ctx) {
    product *p = ctx;
    mnk_backend_find("auto")->gemm(false, false, p->m, p->n, p->k, p->a, p->k, p->b, p->n, 0, p->c, p->n);
}

int main(int argc, char **argv) {
    bench_options o;
    bench_parse(argc, argv, &o);
    static const int sizes[][3] = {{1024, 1024, 1024}, {2048, 2048, 2048}, {500, 256, 256},
                                   {256, 256, 500},    {500, 256, 128},    {64, 8192, 128}};
    for (int threads = 1; threads <= o.threads; threads *= 2) {
        mnk_threads_set(threads);
        double peak = bench_peak_gflops();
        printf("fused multiply-add      %d threads  %7.1f GFLOP/s\n", threads, peak);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            product p = {sizes[i][0], sizes[i][1], sizes[i][2], NULL, NULL, NULL};
            p.a = mnk_alloc_aligned((size_t)p.m * p.k, sizeof *p.a);
            p.b = mnk_alloc_aligned((size_t)p.k * p.n, sizeof *p.b);
            p.c = mnk_alloc_aligned((size_t)p.m * p.n, sizeof *p.c);
            if (!p.a || !p.b || !p.c) return 1;
            double rate = 2e-9 * p.m * p.n * p.k / bench_best_s(o.seconds, multiply, &p);
            printf("product %4dx%4dx%4d  %d threads  %7.1f GFLOP/s  %3.0f %% of peak\n", p.m, p.n, p.k, threads, rate,
                   100 * rate / peak);
            mnk_free(p.a), mnk_free(p.b), mnk_free(p.c);
        }
    }
    return 0;
}
