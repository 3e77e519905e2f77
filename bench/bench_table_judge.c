/* Mixed-type nearest neighbours: numbers and codes in one distance, the whole judgement of neighbours (both sets within
 * themselves and against each other, k 5). SDMetrics' calculate_dcr needs about 5 us of processor time a pair of 15 columns. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "bench.h"
#include "evaluate/neighbours.h"
#include "manikin/evaluate_table.h"

/* n rows of `numbers` normal coordinates and `codes` codes of 2 to 20 levels. */
static int make(size_t n, size_t numbers, size_t codes, uint32_t stream, mnk_points *out) {
    float *x = mnk_alloc(n * numbers + 1, sizeof *x);
    uint16_t *code = mnk_alloc(n * codes + 1, sizeof *code);
    mnk_error err = MNK_ERROR_INIT;
    int bad = !x || !code;
    for (size_t i = 0; i < n && !bad; i++) {
        mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, i, stream);
        mnk_rng_normal_f32(&r, x + i * numbers, numbers);
        for (size_t c = 0; c < codes; c++) code[i * codes + c] = (uint16_t)mnk_rng_below(&r, 2 + (c * 5) % 19);
    }
    bad = bad || mnk_points_open(x, n, numbers, NULL, out, &err) || mnk_points_add_codes(out, code, codes, &err);
    mnk_free(x);
    mnk_free(code);
    return bad;
}

typedef struct sets {
    mnk_points a, b;
    int bad;
} sets;

static void nearest(void *ctx) { /* what a distance to the closest record takes: one matrix */
    sets *s = ctx;
    mnk_cross cross = {0};
    mnk_error err = MNK_ERROR_INIT;
    s->bad |= mnk_sweep_cross(&s->a, &s->b, NULL, &cross, &err) != MNK_OK;
    mnk_cross_close(&cross);
}

static void everything(void *ctx) {
    sets *s = ctx;
    mnk_knn knn = {0};
    mnk_neighbours all = {0};
    mnk_error err = MNK_ERROR_INIT;
    s->bad |= mnk_sweep_self(&s->a, 5, &knn, &err) != MNK_OK || mnk_neighbours_open(&s->a, &knn, &s->b, &all, &err) != MNK_OK;
    mnk_knn_close(&knn);
    mnk_neighbours_close(&all);
}

static int run(const char *name, size_t n, size_t numbers, size_t codes, const bench_options *o) {
    sets s = {0};
    if (make(n, numbers, codes, 0, &s.a) || make(n, numbers, codes, 1, &s.b)) return 1;
    const double one = bench_best_s(o->seconds, nearest, &s), all = bench_best_s(o->seconds, everything, &s);
    printf("%-28s %6zu x %6zu x %2zu+%2zu  nearest %7.3f s  all neighbour metrics %7.3f s\n", name, n, n, numbers, codes, one,
           all);
    mnk_points_close(&s.a);
    mnk_points_close(&s.b);
    return s.bad;
}

/* The whole judgement of a table: two fifths are train, a fifth holdout, two fifths stand for synthetic. */
static int report(const char *path) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *t = NULL, *part[3] = {NULL};
    mnk_result *r = NULL;
    mnk_table_evaluate_config config;
    mnk_table_evaluate_defaults(&config);
    double start = bench_now_s();
    int bad = mnk_table_open(path, NULL, NULL, &t, &err) != MNK_OK;
    const double opened = bench_now_s() - start;
    size_t *row = bad ? NULL : mnk_alloc(t->n, sizeof *row);
    for (int k = 0; k < 3 && row && !bad; k++) {
        size_t n = 0;
        for (size_t i = 0; i < t->n; i++)
            if ((int)(i % 5) / 2 == (k == 1 ? 2 : k / 2)) row[n++] = i;
        bad = mnk_table_select(t, row, n, &part[k], &err) != MNK_OK;
    }
    start = bench_now_s();
    bad = bad || mnk_evaluate_tables(part[0], part[1], part[2], &config, NULL, &r, &err) != MNK_OK;
    if (bad) fprintf(stderr, "%s\n", err.message);
    else
        printf(
            "%zu rows, %zu columns: opened in %.2f s, judged in %.2f s (target for 60,897 rows 60 s), %zu metrics, %zu flags; "
            "at most %.0f MB\n",
            t->n, t->schema->columns, opened, bench_now_s() - start, r->metrics, r->flags,
            (double)mnk_evaluate_tables_bytes(part[0], part[1], part[2], &config) * 1e-6);
    for (int k = 0; k < 3; k++) mnk_table_close(part[k]);
    mnk_table_close(t);
    mnk_result_close(r);
    mnk_free(row);
    return bad;
}

int main(int argc, char **argv) {
    bench_options o = {.seconds = 2};
    const int first = bench_parse(argc, argv, &o);
    if (first < argc) return report(argv[first]);
    printf("threads %d (target for 10000 x 10000 x 15: 2 s)\n", mnk_threads());
    return run("mixed, six numbers", 10000, 6, 9, &o) || run("numbers only", 10000, 15, 0, &o) ||
           run("codes only", 10000, 0, 15, &o) || run("mixed, fifty columns", 10000, 10, 40, &o);
}
