/* Canaries of private tables: they pass right noise, catch too little of it, and are named as what they are. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "learn/private_canary.h"
#include "learn/table/kind.h"
#include "learn/table/private/budget.h"
#include "manikin/table_generator.h"
#include "privacy/ledger.h"

static mnk_error err = MNK_ERROR_INIT;
static const char *const kinds[] = {"mst", "aim"};
enum { KINDS = 2, COLUMNS = 4, ROWS = 3000 };

static void expect(mnk_status got, mnk_status want, const char *part) {
    if (got != want || !strstr(err.message, part))
        fail_msg("status %d, wanted %d with \"%s\": %s", (int)got, (int)want, part, err.message);
    mnk_error_clear(&err);
}

/* Four numbers in 0..1, each near the one before. */
static mnk_table *measurements(void) {
    mnk_schema *s = NULL;
    mnk_table *t = NULL;
    assert_ok(mnk_schema_new(COLUMNS, &s, &err));
    for (size_t c = 0; c < COLUMNS; c++) {
        assert_ok(mnk_schema_text(&s->column[c].name, (const char[]){(char)('a' + c), 0}, &err));
        s->column[c].type = MNK_COLUMN_NUMERIC, s->column[c].low = 0, s->column[c].high = 1;
    }
    assert_ok(mnk_table_new(s, ROWS, &t, &err));
    for (size_t i = 0; i < ROWS; i++) {
        mnk_rng rng = mnk_rng_at(9, MNK_PURPOSE_TEST, i, 0);
        double x = mnk_rng_uniform(&rng);
        for (size_t c = 0; c < COLUMNS; c++) t->number[c][i] = x, x = fmod(x + 0.2 * mnk_rng_uniform(&rng), 1);
    }
    assert_ok(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

typedef struct audit {
    double bound, claimed, canaries, correct, guesses;
    char line[512], facts[256];
} audit;

static double member(const char *text, const char *name) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(text, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : NAN;
}

/* The kind by itself, because the fault is no option. */
static mnk_status run(const char *name, const mnk_table *t, uint64_t seed, double fault, bool reproducible, audit *out) {
    const mnk_generator_kind *kind = mnk_generator_kind_find(name);
    _Alignas(16) unsigned char config[MNK_KIND_CONFIG_BYTES] = {0};
    char path[512], ledger[600];
    void *model = NULL;
    snprintf(path, sizeof path, "%s/%s.model", test_folder("table_canaries"), name);
    snprintf(ledger, sizeof ledger, "%s.ledger", path);
    mnk_options_defaults(kind->options, config);
    mnk_private_config *c = (mnk_private_config *)config;
    c->target = (mnk_private_target){.epsilon = 1, .delta = 1e-6, .reproducible = reproducible};
    c->bins = 16, c->canaries = 400, c->noise_fault = fault;
    mnk_fit_context context = {.seed = seed, .model_path = path};
    mnk_status status = kind->fit(t, config, &context, &model, &err);
    *out = (audit){0};
    if (context.ledger) snprintf(out->facts, sizeof out->facts, "%s", mnk_ledger_state(context.ledger)->public_facts);
    if (context.guarantee.s) {
        const char *block = strstr(context.guarantee.s, "\"audit\"");
        assert_non_null(block);
        assert_non_null(strstr(context.guarantee.s, "\"for_release\":false"));
        out->bound = member(block, "epsilon_at_least"), out->claimed = member(block, "epsilon_claimed");
        out->canaries = member(block, "canaries"), out->correct = member(block, "correct");
        out->guesses = member(block, "guesses");
    }
    snprintf(out->line, sizeof out->line, "%s", context.privacy);
    kind->close(model);
    mnk_ledger_close(context.ledger);
    mnk_text_clear(&context.guarantee);
    remove(ledger);
    return status;
}

static void test_canaries_are_rows(void **state) {
    (void)state;
    enum { M = 200 };
    mnk_table *t = measurements();
    mnk_axes axes = {0};
    mnk_row_canaries c = {0};
    mnk_rows real = {0}, all = {0};
    uint32_t row[ROWS];
    int64_t before[17 * 17], after[17 * 17], in = 0, sum = 0;
    for (uint32_t i = 0; i < ROWS; i++) row[i] = i;
    assert_ok(mnk_axes_open(t->schema, 16, &axes, &err));
    assert_ok(mnk_row_canaries_open(M, &axes, true, 1, &c, &err));
    assert_ok(mnk_rows_open(&axes, t, row, ROWS, &real, &err));
    assert_ok(mnk_rows_open(&axes, t, row, ROWS, &all, &err));
    assert_ok(mnk_row_canaries_join(&c, &all, &err));
    for (size_t i = 0; i < M; i++) in += c.coin[i] > 0.5;
    assert_true(in > M / 3 && in < 2 * M / 3 && all.rows == ROWS + (size_t)in);
    mnk_rows_count_pair(&real, 0, 3, before);
    mnk_rows_count_pair(&all, 0, 3, after);
    for (size_t i = 0; i < M; i++) /* each that is in is one row more in its cell */
        if (c.coin[i] > 0.5) before[c.bin[i] * 17 + c.bin[3 * M + i]]++;
    for (size_t k = 0; k < 17 * 17; k++) assert_true(before[k] == after[k]), sum += after[k];
    assert_true(sum == ROWS + in);
    mnk_rows_close(&real), mnk_rows_close(&all);
    mnk_row_canaries_close(&c);
    mnk_axes_clear(&axes);
    mnk_table_close(t);
}

/* Counts without noise tell the coin of whoever is alone in a cell, also where bins share a cell. */
static void test_scores(void **state) {
    (void)state;
    enum { M = 40, BINS = 17, CELLS = 16 };
    mnk_table *t = measurements();
    mnk_axes axes = {0};
    mnk_row_canaries c = {0};
    double noisy[CELLS * BINS], alone[CELLS * BINS] = {0};
    int64_t count[CELLS * BINS];
    size_t lone = 0;
    const mnk_axis_set pair = {2, {1, 2}};
    mnk_axis *merged;
    assert_ok(mnk_axes_open(t->schema, 16, &axes, &err));
    assert_ok(mnk_row_canaries_open(M, &axes, true, 2, &c, &err));
    merged = &axes.axis[1];
    for (int32_t b = 0; b < BINS; b++) merged->cell[b] = b == 0 ? 15 : b - 1; /* bins 0 and 16 are one cell */
    merged->cells = CELLS;
    for (size_t k = 0; k < CELLS * BINS; k++) count[k] = (int64_t)(k % 7); /* real rows; what they are does not matter */
    for (size_t i = 0; i < M; i++) {
        const size_t k = (size_t)merged->cell[c.bin[M + i]] * BINS + c.bin[2 * M + i];
        alone[k]++, count[k] += c.coin[i] > 0.5;
    }
    for (size_t k = 0; k < CELLS * BINS; k++) noisy[k] = (double)count[k];
    assert_ok(mnk_row_canaries_look(&c, &axes, &pair, count, noisy, CELLS * BINS, &err));
    for (size_t i = 0; i < M; i++)
        if (alone[(size_t)merged->cell[c.bin[M + i]] * BINS + c.bin[2 * M + i]] == 1)
            lone++, assert_true((c.memory[i] > 0) == (c.coin[i] > 0.5) && fabs(c.memory[i]) > 10);
    assert_true(lone > M / 2);
    mnk_row_canaries_close(&c);
    mnk_axes_clear(&axes);
    mnk_table_close(t);
}

static void test_audit(void **state) {
    (void)state;
    mnk_table *t = measurements();
    audit a;
    for (int k = 0; k < KINDS; k++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            assert_ok(run(kinds[k], t, seed, 0, true, &a));
            assert_true(a.canaries == 400 && fabs(a.claimed - 1) < 1e-3 && a.bound >= 0 && a.bound <= a.claimed);
            assert_true(a.guesses >= 8 && a.correct >= 0.4 * a.guesses);
            assert_non_null(strstr(a.line, "NOT FOR RELEASE"));
            assert_non_null(strstr(a.facts, "400 canaries"));
            expect(run(kinds[k], t, seed, 50, true, &a), MNK_ERR_GATE, "refute");
            assert_true(a.bound > a.claimed && a.correct > 0.9 * a.guesses);
            assert_string_equal(a.line, "");
        }
        expect(run(kinds[k], t, 1, 50, false, &a), MNK_ERR_USAGE, "reproducible");
    }
    mnk_table_close(t);
}

static mnk_status train(const char *kind, const mnk_table *t, const char *canaries, const char *path) {
    return mnk_table_generator_train(
        kind, t, (const char *const[]){"epsilon=1", "delta=1e-6", "bins=16", "steps=50", "reproducible-noise=true", canaries},
        6, 1, path, true, NULL, &err);
}

/* By the option, through the frame. */
static void test_model(void **state) {
    (void)state;
    mnk_table *t = measurements();
    char path[512], ledger[600];
    for (int k = 0; k < KINDS; k++) {
        mnk_table_generator *g = NULL;
        snprintf(path, sizeof path, "%s/whole_%s.model", test_folder("table_canaries"), kinds[k]);
        snprintf(ledger, sizeof ledger, "%s.ledger", path);
        expect(train(kinds[k], t, "canaries=5", path), MNK_ERR_USAGE, "20 or more");
        assert_false(mnk_path_exists(ledger)); /* nothing was spent */
        assert_ok(train(kinds[k], t, "canaries=400", path));
        assert_ok(mnk_table_generator_open(path, &g, &err));
        assert_non_null(strstr(mnk_table_generator_describe(g)->privacy, "NOT FOR RELEASE"));
        assert_true(fabs((double)mnk_table_generator_describe(g)->rows - ROWS - 200) < 150);
        mnk_table_generator_close(g);
    }
    expect(train("dp-merf", t, "canaries=400", path), MNK_ERR_USAGE, "canaries");
    mnk_table_close(t);
}

int main(void) {
    mnk_threads_set(1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_canaries_are_rows), cmocka_unit_test(test_scores),
                                       cmocka_unit_test(test_audit), cmocka_unit_test(test_model)};
    return MNK_RUN_TESTS("canaries of private tables", tests);
}
