#include "bench.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/parallel.h"

typedef float v8 __attribute__((vector_size(32)));

static clockid_t clock_used = CLOCK_MONOTONIC;

void bench_use_cpu_clock(bool on) { clock_used = on ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC; }

double bench_now_s(void) {
    struct timespec t;
    clock_gettime(clock_used, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int bench_parse(int argc, char **argv, bench_options *o) {
    *o = (bench_options){.threads = 0, .seconds = 0.2};
    int i = 1;
    for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
        if (!strcmp(argv[i], "--cpu")) o->cpu = true, o->threads = 1;
        else if (!strcmp(argv[i], "--threads") && i + 1 < argc) o->threads = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--seconds") && i + 1 < argc) o->seconds = atof(argv[++i]);
        else {
            fprintf(stderr, "%s: unknown option %s (known: --threads N, --cpu, --seconds S)\n", argv[0], argv[i]);
            exit(2);
        }
    }
    mnk_threads_set(o->threads);
    o->threads = mnk_threads();
    bench_use_cpu_clock(o->cpu);
    return i;
}

double bench_best_s(double seconds, void (*f)(void *ctx), void *ctx) {
    f(ctx);
    double best = 1e30, start = bench_now_s();
    do {
        double t = bench_now_s();
        f(ctx);
        t = bench_now_s() - t;
        if (t < best) best = t;
    } while (bench_now_s() - start < seconds);
    return best;
}

/* Twelve independent chains hide the latency of two units of four to five cycles. */
static void multiply_add(void *ctx) {
    long *rounds = ctx;
    float sink = 0;
#pragma omp parallel reduction(+ : sink)
    {
        v8 a[12];
        for (int i = 0; i < 12; i++) a[i] = (v8){(float)i} + 1.0f;
        v8 x = (v8){0} + 0.999f, y = (v8){0} + 1e-3f;
        for (long r = 0; r < *rounds; r++) {
#pragma GCC unroll 12
            for (int i = 0; i < 12; i++) a[i] = a[i] * x + y;
            __asm__ volatile("" : "+x"(x)); /* the loop must run */
        }
        for (int i = 0; i < 12; i++) sink += a[i][0];
    }
    if (sink == 12345.0f) *rounds = 0;
}

double bench_peak_gflops(void) {
    long rounds = 4000000;
    double best = bench_best_s(0.3, multiply_add, &rounds);
    return (double)rounds * 12 * 8 * 2 * omp_get_max_threads() / best * 1e-9;
}
