/* Judging a table by models at the size of diabetes130: 60,897 rows x 45 columns, three classes, several rows a person. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/parallel.h"
#include "base/rng.h"
#include "bench.h"
#include "manikin/usefulness_table.h"

enum { ROWS = 60897, NUMBERS = 12, CODES = 30, LABEL = NUMBERS + CODES, PERSON, COLUMNS };

static mnk_error err;

static void must(mnk_status status) {
    if (status == MNK_OK) return;
    fprintf(stderr, "bench_table_models: %s\n", err.message);
    exit(1);
}

/* Codes of 2 to 700 levels, as diagnoses and drugs have. */
static size_t levels_of(size_t c) { return c == LABEL ? 3 : c < NUMBERS + 3 ? 700 : c < NUMBERS + 10 ? 12 : 3; }

static mnk_schema *make_schema(void) {
    mnk_schema *s;
    must(mnk_schema_new(COLUMNS, &s, &err));
    for (size_t c = 0; c < COLUMNS; c++) {
        char text[32];
        int32_t code;
        snprintf(text, sizeof text, "c%zu", c);
        must(mnk_schema_text(&s->column[c].name, text, &err));
        s->column[c].type = c < NUMBERS || c == PERSON ? MNK_COLUMN_NUMERIC : MNK_COLUMN_CATEGORY;
        if (c == LABEL) s->column[c].roles = MNK_COLUMN_IS_LABEL;
        if (c == PERSON) s->column[c].roles = MNK_COLUMN_IS_PERSON;
        if (c == LABEL - 1 || c == LABEL - 2) s->column[c].roles = MNK_COLUMN_IS_SUBGROUP;
        for (size_t l = 0; s->column[c].type == MNK_COLUMN_CATEGORY && l < levels_of(c); l++) {
            snprintf(text, sizeof text, "L%zu", l);
            must(mnk_schema_add_level(s, c, text, &code, &err));
        }
    }
    return s;
}

static mnk_table *make_table(mnk_schema *s, size_t n, uint64_t seed) {
    mnk_table *t;
    must(mnk_table_new(s, n, &t, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_TEST, i, 0);
        double sum = 0.0;
        for (size_t c = 0; c < NUMBERS; c++) sum += t->number[c][i] = floor(10.0 * mnk_rng_normal(&r));
        for (size_t c = NUMBERS; c < LABEL; c++) {
            double u = mnk_rng_uniform(&r);
            t->code[c][i] = u < 0.03 ? -1 : (int32_t)(u * u * u * (double)levels_of(c));
            sum += 3.0 * (t->code[c][i] == 0);
        }
        double y = sum + 60.0 * mnk_rng_normal(&r);
        t->code[LABEL][i] = y < 30.0 ? 0 : y < 110.0 ? 1 : 2;
        t->number[PERSON][i] = (double)(seed * 1000000 + i * 7 / 10);
    }
    must(mnk_table_finish(t, &err));
    return t;
}

int main(int argc, char **argv) {
    bench_options o;
    bench_parse(argc, argv, &o);
    mnk_schema *s = make_schema();
    mnk_table *train = make_table(s, ROWS, 1), *holdout = make_table(s, ROWS / 5, 2), *synthetic = make_table(s, ROWS, 3);
    mnk_table_models_config c;
    mnk_table_models_defaults(&c);
    mnk_result *r;
    must(mnk_result_open("evaluate", 1, &r, &err));
    double start = bench_now_s();
    must(mnk_table_c2st(train, holdout, synthetic, &c, NULL, r, &err));
    printf("%-52s %8.2f s\n", "two-sample tests, 60,897 rows x 43 columns", bench_now_s() - start);
    start = bench_now_s();
    must(mnk_table_usefulness(train, holdout, synthetic, &c, NULL, r, &err));
    printf("%-52s %8.2f s\n", "usefulness (4 arms, 2 models, 3 seeds) and fairness", bench_now_s() - start);
    start = bench_now_s();
    must(mnk_table_effects(train, holdout, synthetic, "c42 = L2 ~ c0 + c1 + c2 + c40", &c, r, &err));
    printf("%-52s %8.2f s\n", "odds ratios", bench_now_s() - start);
    mnk_result_close(r);
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_table_close(synthetic);
    mnk_schema_close(s);
    return 0;
}
