/* The neural generators of tables on 10,000 x 15 mixed columns (6 numbers: normal, correlated, log-normal, rounded gamma,
 * bimodal, uniform; 9 codes of 2 to 20 levels): rows * epochs a second in training, rows a second in drawing. And what a
 * private step (--dp, 500 rows expected) costs beside a plain one of 500 rows with the same loss and packs, run by turns. Peers
 * on such a table: reference line in docs/methods/table-generators.md. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "base/rng.h"
#include "bench.h"
#include "manikin/table_generator.h"

enum { ROWS = 10000, NUMBERS = 6, CODES = 9, COLUMNS = NUMBERS + CODES, STEPS = 100, BATCH = 500, DRAWN = 50000 };
static const size_t levels[CODES] = {2, 3, 4, 5, 8, 10, 12, 16, 20};

static mnk_error err;

static void must(mnk_status status) {
    if (status == MNK_OK) return;
    fprintf(stderr, "bench_table_neural: %s\n", err.message);
    exit(1);
}

static mnk_table *make(void) {
    mnk_schema *s;
    mnk_table *t;
    char text[32];
    int32_t code;
    must(mnk_schema_new(COLUMNS, &s, &err));
    for (size_t c = 0; c < COLUMNS; c++) {
        snprintf(text, sizeof text, "c%zu", c);
        must(mnk_schema_text(&s->column[c].name, text, &err));
        if (c < NUMBERS) continue;
        s->column[c].type = MNK_COLUMN_CATEGORY;
        for (size_t l = 0; l < levels[c - NUMBERS]; l++) {
            snprintf(text, sizeof text, "L%zu", l);
            must(mnk_schema_add_level(s, c, text, &code, &err));
        }
    }
    s->column[NUMBERS].roles = MNK_COLUMN_IS_LABEL;
    must(mnk_table_new(s, ROWS, &t, &err));
    for (size_t i = 0; i < ROWS; i++) {
        mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, i, 80);
        double a = mnk_rng_normal(&r);
        t->number[0][i] = a;
        t->number[1][i] = 0.8 * a + 0.6 * mnk_rng_normal(&r);
        t->number[2][i] = exp(mnk_rng_normal(&r));
        t->number[3][i] = floor(10 * mnk_rng_gamma(&r, 2));
        t->number[4][i] = mnk_rng_normal(&r) + (mnk_rng_uniform(&r) < 0.4 ? 6 : 0);
        t->number[5][i] = mnk_rng_uniform(&r);
        for (size_t c = 0; c < CODES; c++) {
            double u = mnk_rng_uniform(&r), bent = u * sqrt(u);
            t->code[NUMBERS + c][i] = (int32_t)(bent * (double)levels[c]);
        }
        t->code[NUMBERS][i] = a + mnk_rng_normal(&r) > 0.5;
    }
    must(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

/* Seconds of a training run of `steps` steps, with further settings until NULL; what is not a step is taken off by the
 * difference of two runs. */
static double train_s(const char *name, const mnk_table *t, int steps, const char *path, const char *const *more) {
    char floor_[32], ledger[64];
    const char *setting[16] = {floor_, "check=1000000", "batch=500"};
    size_t n = 3;
    snprintf(floor_, sizeof floor_, "steps-min=%d", steps);
    snprintf(ledger, sizeof ledger, "%s.ledger", path);
    for (; *more; more++) setting[n++] = *more;
    remove(ledger); /* made-up rows, trained on again and again */
    double start = bench_now_s();
    must(mnk_table_generator_train(name, t, setting, n, 1, path, true, NULL, &err));
    double passed = bench_now_s() - start;
    remove(ledger);
    return passed;
}

static double step_s(const char *name, const mnk_table *t, const char *path, const char *const *more) {
    double less = train_s(name, t, STEPS / 4, path, more), all = train_s(name, t, STEPS, path, more);
    return (all - less) / (STEPS - STEPS / 4);
}

static void private_step(const char *name, const mnk_table *t, const char *path) {
    static const char *const dp[] = {"dp=true", "epsilon=8", "delta=1e-6", "public-schema=true", "sample-rate=0.05", NULL},
                             *const gan[] = {"loss=hinge", "pack=1", "epochs=1", NULL}, *const vae[] = {"epochs=1", NULL};
    double plain = INFINITY, with = INFINITY;
    for (int i = 0; i < 3; i++) {
        plain = fmin(plain, step_s(name, t, path, strcmp(name, "ctgan") == 0 ? gan : vae));
        with = fmin(with, step_s(name, t, path, dp));
    }
    printf("%-6s private step %6.2f ms, plain step %6.2f ms: %.2f times\n", name, 1000 * with, 1000 * plain, with / plain);
}

int main(int argc, char **argv) {
    static const char *const names[] = {"ctgan", "tvae"};
    static const char path[] = "bench_table_neural.model";
    bench_options o;
    bench_parse(argc, argv, &o);
    mnk_table *t = make();
    for (size_t k = 0; k < 2; k++) {
        double best = INFINITY, whole = INFINITY;
        for (int i = 0; i < 3; i++) {
            static const char *const one[] = {"epochs=1", NULL};
            double less = train_s(names[k], t, STEPS / 4, path, one), more = train_s(names[k], t, STEPS, path, one);
            best = fmin(best, (more - less) / (STEPS - STEPS / 4)), whole = fmin(whole, less);
        }
        mnk_table_generator *g;
        mnk_table *drawn;
        must(mnk_table_generator_open(path, &g, &err));
        mnk_table_sample_options q = {.n = DRAWN, .seed = 1};
        double start = bench_now_s();
        must(mnk_table_generator_sample(g, &q, NULL, &drawn, NULL, &err));
        double draw = bench_now_s() - start;
        printf("%-6s 10,000 x 15: %6.2f ms a step of %d rows, %8.0f rows*epochs/s; the rest of a run %.2f s; drawing %8.0f "
               "rows/s\n",
               names[k], 1000 * best, BATCH, BATCH / best, whole - best * STEPS / 4, DRAWN / draw);
        mnk_table_close(drawn);
        mnk_table_generator_close(g);
        private_step(names[k], t, path);
    }
    remove(path);
    mnk_table_close(t);
    return 0;
}
