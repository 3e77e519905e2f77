/* Generators of tables: fit (with densities and the model file) and sampling on 10,000 x 15 mixed columns (6 numbers, 9 codes
 * of 2 to 20 levels); with the operand "large" also arf on 1,000,000 x 20. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "bench.h"
#include "manikin/table_generator.h"

static mnk_error err;

static void must(mnk_status status) {
    if (status == MNK_OK) return;
    fprintf(stderr, "bench_table_generators: %s\n", err.message);
    exit(1);
}

static double number(int kind, double z, mnk_rng *r) {
    switch (kind % 5) {
    case 0: return z;
    case 1: return 0.8 * z + 0.6 * mnk_rng_normal(r);
    case 2: return exp(z);
    case 3: return round(10 * mnk_rng_gamma(r, 2));
    default: return (mnk_rng_uniform(r) < 0.5 ? -3 : 3) + 0.5 * z;
    }
}

static mnk_table *mixed(size_t n, size_t numbers, size_t codes) {
    static const int levels[] = {2, 3, 4, 5, 6, 8, 10, 15, 20};
    mnk_schema *s = NULL;
    mnk_table *t = NULL;
    char text[32];
    must(mnk_schema_new(numbers + codes, &s, &err));
    for (size_t c = 0; c < numbers + codes; c++) {
        snprintf(text, sizeof text, "c%zu", c);
        must(mnk_schema_text(&s->column[c].name, text, &err));
        s->column[c].decimals = c < numbers ? 3 : -1;
        if (c < numbers) continue;
        s->column[c].type = MNK_COLUMN_CATEGORY;
        for (int k = 0; k < levels[(c - numbers) % 9]; k++) {
            snprintf(text, sizeof text, "v%d", k);
            must(mnk_schema_add_level(s, c, text, NULL, &err));
        }
    }
    must(mnk_table_new(s, n, &t, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, i, 11);
        double z = mnk_rng_normal(&r);
        for (size_t c = 0; c < numbers; c++) t->number[c][i] = round(1e3 * number((int)c, z, &r)) / 1e3;
        for (size_t c = numbers; c < numbers + codes; c++) {
            double k = s->column[c].levels, p = 0.5 + 0.2 * z + 0.3 * (mnk_rng_uniform(&r) - 0.5);
            t->code[c][i] = (int32_t)fmax(0, fmin(k - 1, k * p));
        }
    }
    must(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void run(const char *name, const mnk_table *t, size_t draws) {
    char path[128];
    mnk_table_generator *g = NULL;
    mnk_table *s = NULL;
    struct rusage u;
    snprintf(path, sizeof path, "/tmp/manikin-bench-%ld.model", (long)getpid());
    double start = bench_now_s(), cpu = cpu_s();
    must(mnk_table_generator_train(name, t, NULL, 0, 1, path, true, NULL, &err));
    double fit = bench_now_s() - start, fit_cpu = cpu_s() - cpu;
    must(mnk_table_generator_open(path, &g, &err));
    mnk_table_sample_options o = {.n = draws, .seed = 1};
    start = bench_now_s(), cpu = cpu_s();
    must(mnk_table_generator_sample(g, &o, NULL, &s, NULL, &err));
    double draw = bench_now_s() - start, draw_cpu = cpu_s() - cpu;
    getrusage(RUSAGE_SELF, &u);
    printf("%-10s %10.2f %10.2f %14.0f %14.0f %10.0f\n", name, fit, fit_cpu, (double)draws / draw, (double)draws / draw_cpu,
           (double)u.ru_maxrss / 1024);
    fflush(stdout);
    mnk_table_close(s);
    mnk_table_generator_close(g);
    unlink(path);
}

int main(int argc, char **argv) {
    bench_options o;
    int first = bench_parse(argc, argv, &o);
    mnk_table *t = mixed(10000, 6, 9);
    printf("generators of tables, 10,000 x 15 mixed columns, %d threads\n", o.threads);
    printf("%-10s %10s %10s %14s %14s %10s\n", "", "fit s", "fit CPU s", "rows/s", "rows/CPU s", "peak MB");
    /* networks are timed by the step in bench_table_neural, private generators by study_private_tables */
    static const char *const names[] = {"arf", "cart", "gaussian", "bootstrap", "shuffle"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) run(names[k], t, 300000);
    mnk_table_close(t);
    if (first < argc && strcmp(argv[first], "large") == 0) {
        t = mixed(1000000, 8, 12);
        printf("1,000,000 x 20\n");
        run("arf", t, 300000);
        mnk_table_close(t);
    }
    return 0;
}
