/* The privacy accountant by setting (goal: 0.2 s each), noise in draws a second with chi-square tests on 1e7 draws from the
 * system's generator, and ledger entries a second on this disk. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "manikin/privacy.h"
#include "math/stats.h"
#include "privacy/grid_gaussian.h"
#include "privacy/ledger.h"

typedef struct setting {
    double noise, rate, steps, delta;
} setting;

/* privacy.md's table: MNIST and CIFAR recipes, tables, extremes. */
static const setting settings[] = {{1.1, .01, 1000, 1e-5},
                                   {1.1, .01, 10000, 1e-5},
                                   {1, 256 / 60000., 14100, 1e-5},
                                   {1.3, 250 / 60000., 3600, 1e-5},
                                   {.7, 256 / 60000., 10575, 1e-5},
                                   {4, .01, 10000, 1e-5},
                                   {2, .05, 500, 1e-6},
                                   {.8, .001, 20000, 1e-5},
                                   {.5, .001, 10000, 1e-5},
                                   {1.5, .1, 100, 1e-5},
                                   {3, .2, 1000, 1e-6},
                                   {1, .02, 1500, 1e-4},
                                   {.6, .004, 5000, 1e-6},
                                   {8, .5, 500, 1e-5},
                                   {1, 64 / 5000., 3000, 2e-4},
                                   {1.2, .032, 1500, 1e-3},
                                   {1, 1e-3, 1, 1e-5},
                                   {1, 1, 1, 1e-5},
                                   {10, 1, 100, 1e-6},
                                   {1.5, .04, 2250, 1e-5}};

typedef struct job {
    const setting *s;
    mnk_guarantee g;
} job;

static void account(void *ctx) {
    job *j = ctx;
    mnk_mechanisms list = {0};
    mnk_mechanism m = {
        .kind = MNK_MECHANISM_GAUSSIAN, .noise = j->s->noise, .sampling_rate = j->s->rate, .count = (uint64_t)j->s->steps};
    mnk_error err = MNK_ERROR_INIT;
    if (mnk_mechanisms_add(&list, &m, &err) != MNK_OK || mnk_privacy_epsilon(&list, j->s->delta, &j->g, &err) != MNK_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    mnk_mechanisms_clear(&list);
}

static void bench_accountant(const bench_options *o) {
    double worst = 0;
    printf("%-8s %-10s %-8s %-8s %12s %12s %9s\n", "noise", "rate", "steps", "delta", "pld", "rdp", "ms");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        job j = {&settings[i], {0}};
        double t = bench_best_s(o->seconds, account, &j);
        printf("%-8g %-10.6g %-8g %-8g %12.8f %12.8f %9.1f\n", j.s->noise, j.s->rate, j.s->steps, j.s->delta, j.g.by_pld,
               j.g.by_rdp, 1e3 * t);
        if (t > worst) worst = t;
    }
    printf("slowest setting %.3f s\n", worst);
}

/* p-value of Pearson's statistic by Wilson and Hilferty, cells expecting 20 and more, tails joined. */
static double p_of(const double *expected, const double *seen, int cells, int *used) {
    double statistic = 0, e = 0, n = 0;
    *used = 0;
    for (int i = 0; i < cells; i++) {
        e += expected[i], n += seen[i];
        if (e < 20 && i + 1 < cells) continue;
        statistic += (n - e) * (n - e) / fmax(e, 1), *used += 1, e = n = 0;
    }
    double freedom = *used - 1, z = (cbrt(statistic / freedom) - (1 - 2 / (9 * freedom))) / sqrt(2 / (9 * freedom));
    return 1 - mnk_normal_cdf(z);
}

static void bench_discrete(double sigma) {
    enum { DRAWS = 10000000, REACH = 1200 };
    static double expected[2 * REACH + 1], seen[2 * REACH + 1];
    double total = 0;
    int used;
    mnk_discrete_gaussian g;
    mnk_noise s;
    if (!mnk_discrete_gaussian_open(sigma, &g)) exit(1);
    mnk_noise_open(&s);
    memset(seen, 0, sizeof seen);
    for (int k = -REACH; k <= REACH; k++) total += expected[k + REACH] = exp(-0.5 * k * k / (sigma * sigma));
    for (int k = 0; k <= 2 * REACH; k++) expected[k] *= DRAWS / total;
    double t = bench_now_s();
    for (int i = 0; i < DRAWS; i++) {
        int64_t x = mnk_noise_discrete_gaussian(&s, &g);
        if (x >= -REACH && x <= REACH) seen[x + REACH]++;
    }
    t = bench_now_s() - t;
    double p = p_of(expected, seen, 2 * REACH + 1, &used);
    printf("discrete Gaussian sigma %-6g %d draws: %6.0f ns a draw, chi-square on %d cells p = %.3f\n", sigma, DRAWS,
           1e9 * t / DRAWS, used, p);
    mnk_noise_close(&s);
}

typedef struct vector {
    mnk_grid_gaussian g;
    mnk_noise s;
    float *x;
    size_t n;
} vector;

static void add_noise(void *ctx) {
    vector *v = ctx;
    mnk_grid_gaussian_add_f32(&v->g, &v->s, v->x, v->n);
}

static void bench_grid(const bench_options *o) {
    enum { CELLS = 1000, DRAWS = 10000000 };
    static double expected[CELLS], seen[CELLS];
    vector v = {.n = 1000000};
    mnk_error err = MNK_ERROR_INIT;
    int used;
    mnk_noise_open(&v.s);
    if (mnk_grid_gaussian_open(1, 1, v.n, &v.g, &err) != MNK_OK || MNK_NEW(v.x, v.n, &err) != MNK_OK) exit(1);
    double t = bench_best_s(o->seconds, add_noise, &v);
    printf("grid Gaussian, 1e6 gradients: %6.1f ms, %.1f ns a draw\n", 1e3 * t, 1e9 * t / (double)v.n);
    const double sd = sqrt(v.g.variance);
    for (int i = 0; i < CELLS; i++) expected[i] = (double)DRAWS / CELLS;
    for (int i = 0; i < DRAWS; i++)
        seen[(int)(mnk_normal_cdf((double)mnk_grid_gaussian_draw(&v.g, &v.s) / sd) * CELLS * (1 - 1e-15))]++;
    double p = p_of(expected, seen, CELLS, &used);
    printf("grid Gaussian %d draws: chi-square on %d cells p = %.3f\n", DRAWS, used, p);
    mnk_grid_gaussian_close(&v.g);
    mnk_noise_close(&v.s);
    mnk_free(v.x);
}

static void bench_ledger(void) {
    enum { ENTRIES = 200 };
    char path[64];
    mnk_error err = MNK_ERROR_INIT;
    mnk_ledger *l = NULL;
    mnk_permit permit;
    snprintf(path, sizeof path, "bench-%ld.ledger", (long)getpid());
    mnk_mechanism m = {.kind = MNK_MECHANISM_GAUSSIAN, .noise = 1};
    if (mnk_ledger_open(path, &(mnk_ledger_setup){.generator = "bench"}, false, &l, &err) != MNK_OK) {
        printf("ledger: %s\n", err.message);
        return;
    }
    double t = bench_now_s();
    for (int i = 0; i < ENTRIES; i++)
        if (mnk_ledger_charge(l, &m, &permit, &err) != MNK_OK) exit(1);
    printf("ledger: %.2f ms an entry, fsync included\n", 1e3 * (bench_now_s() - t) / ENTRIES);
    mnk_ledger_close(l);
    (void)unlink(path);
}

int main(int argc, char **argv) {
    bench_options o;
    bench_parse(argc, argv, &o);
    printf("threads %d\n", o.threads);
    bench_accountant(&o);
    bench_discrete(1);
    bench_discrete(20);
    bench_discrete(250);
    bench_grid(&o);
    bench_ledger();
    return 0;
}
