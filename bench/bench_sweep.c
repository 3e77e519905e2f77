/* The evaluation sweep (half a matrix within each set, one whole between) against the machine's own matrix product. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "math/sweep.h"

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Highest resident memory since the last reset, in MB (VmHWM; 5 in clear_refs resets it). */
static double rss_mb(int reset) {
    char line[128];
    long kb = 0;
    FILE *f = reset ? fopen("/proc/self/clear_refs", "w") : NULL;
    if (f) {
        fputs("5", f);
        fclose(f);
    }
    f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kb) == 1) break;
    if (f) fclose(f);
    return (double)kb / 1024.0;
}

typedef struct peak_ctx {
    const float *a;
    float *c;
    int d;
} peak_ctx;

static void peak_task(void *ctx, size_t i) {
    const peak_ctx *p = ctx;
    (void)i;
    float *c = p->c + i * 1024 * 1024;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, 1024, 1024, p->d, 1, p->a, p->d, p->a + 1024 * (size_t)p->d, p->d, 0,
                c, 1024);
}

/* Best of several rounds of large products with this inner dimension, all threads busy: GFLOP/s. */
static double peak_gflops(int d) {
    size_t tasks = (size_t)mnk_threads() * 2;
    float *a = mnk_alloc_aligned(2048 * (size_t)d, sizeof *a), *c = mnk_alloc_aligned(tasks * 1024 * 1024, sizeof *c);
    if (!a || !c) exit(1);
    for (size_t i = 0; i < 2048 * (size_t)d; i++) a[i] = (float)(i % 97) * 0.01f;
    peak_ctx ctx = {a, c, d};
    double best = 0;
    for (int r = 0; r < 6; r++) {
        double t = now_s();
        mnk_parallel_for(tasks, peak_task, &ctx);
        double g = 2.0 * 1024 * 1024 * d * (double)tasks / (now_s() - t) * 1e-9;
        if (g > best) best = g;
    }
    mnk_free(a);
    mnk_free(c);
    return best;
}

static int sweep(const float *x, const float *y, size_t n, size_t d, int k, double *seconds) {
    mnk_points px = {0}, py = {0};
    mnk_knn kx = {0}, ky = {0};
    mnk_cross cross = {0};
    mnk_error err = MNK_ERROR_INIT;
    double t0 = now_s();
    float *mean = mnk_alloc(d, sizeof *mean), *ra = mnk_alloc(n, sizeof *ra), *rb = mnk_alloc(n, sizeof *rb),
          *t2 = mnk_alloc(n, sizeof *t2);
    uint8_t *rank = mnk_alloc(n, 1);
    int bad = !mean || !ra || !rb || !t2 || !rank || mnk_column_means(x, n, d, mean, &err) ||
              mnk_points_open(x, n, d, mean, &px, &err) || mnk_points_open(y, n, d, mean, &py, &err) ||
              mnk_sweep_self(&px, k, &kx, &err) || mnk_sweep_self(&py, k, &ky, &err);
    for (size_t i = 0; i < n && !bad; i++) {
        ra[i] = kx.d2[i * (size_t)k + (size_t)k - 1];
        rb[i] = ky.d2[i * (size_t)k + (size_t)k - 1];
        t2[i] = kx.d2[i * (size_t)k];
        rank[i] = (uint8_t)(i % 30);
    }
    const mnk_cross_in in = {ra, rb, t2, rank};
    bad = bad || mnk_sweep_cross(&px, &py, &in, &cross, &err);
    *seconds = now_s() - t0;
    if (bad) fprintf(stderr, "%s\n", err.message);
    mnk_points_close(&px);
    mnk_points_close(&py);
    mnk_knn_close(&kx);
    mnk_knn_close(&ky);
    mnk_cross_close(&cross);
    mnk_free(mean);
    mnk_free(ra);
    mnk_free(rb);
    mnk_free(t2);
    mnk_free(rank);
    return bad;
}

static int run(size_t n, size_t d, int rounds, double target_s) {
    float *x = mnk_alloc_aligned(n * d, sizeof *x), *y = mnk_alloc_aligned(n * d, sizeof *y);
    if (!x || !y) return 1;
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, i, 0), s = mnk_rng_at(1, MNK_PURPOSE_TEST, i, 1);
        mnk_rng_normal_f32(&r, x + i * d, d);
        mnk_rng_normal_f32(&s, y + i * d, d);
    }
    double before = rss_mb(1), best = 1e9, t = 0;
    int bad = 0;
    for (int r = 0; r < rounds && !bad; r++) {
        bad = sweep(x, y, n, d, 5, &t);
        if (t < best) best = t;
    }
    double beyond = rss_mb(0) - before, flop = 2.0 * 2.0 * (double)n * (double)n * (double)d, peak = peak_gflops((int)d);
    printf("sweep %6zu x %6zu x %4zu  %7.3f s  target %4.1f s  product alone %6.3f s  ratio %4.2f  beyond inputs %6.1f MB\n", n,
           n, d, best, target_s, flop / peak * 1e-9, best / (flop / peak * 1e-9), beyond);
    mnk_free(x);
    mnk_free(y);
    return bad;
}

int main(int argc, char **argv) {
    mnk_threads_set(argc > 1 ? atoi(argv[1]) : 0);
    printf("threads %d\n", mnk_threads());
    return run(5000, 16, 5, 0.5) || run(5000, 64, 5, 0.5) || run(10000, 512, 2, 5.0);
}
