/* The judge of tables against golden values, its intervals, subsets, bad input, and any number of threads. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "evaluate/table/families.h"
#include "evaluate/table/mmd.h"
#include "golden/table_golden.h"
#include "manikin/evaluate_table.h"
#include "math/stats.h"
#include "table_tests.h"

enum { AGE, DOSE, VISITS, SEX, WARD, STAGE, COLUMNS };

static mnk_schema *golden_schema(void) {
    static const char *const names[COLUMNS] = {"age", "dose", "visits", "sex", "ward", "stage"};
    static const int levels[COLUMNS] = {0, 0, 0, 2, GOLDEN_WARDS, GOLDEN_STAGES};
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = NULL;
    char level[8];
    assert_ok(mnk_schema_new(COLUMNS, &s, &err));
    for (size_t c = 0; c < COLUMNS; c++) {
        assert_ok(mnk_schema_text(&s->column[c].name, names[c], &err));
        s->column[c].type = c == VISITS  ? MNK_COLUMN_INTEGER
                            : c < SEX    ? MNK_COLUMN_NUMERIC
                            : c == STAGE ? MNK_COLUMN_ORDINAL
                                         : MNK_COLUMN_CATEGORY;
        for (int l = 0; l < levels[c]; l++) {
            snprintf(level, sizeof level, "L%d", l);
            assert_ok(mnk_schema_add_level(s, c, level, NULL, &err));
        }
    }
    return s;
}

static mnk_table *golden_table(mnk_schema *s, const double values[COLUMNS][GOLDEN_N]) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *t = NULL;
    assert_ok(mnk_table_new(s, GOLDEN_N, &t, &err));
    for (size_t c = 0; c < COLUMNS; c++)
        for (size_t i = 0; i < GOLDEN_N; i++) {
            if (c < SEX) t->number[c][i] = values[c][i];
            else if (!isnan(values[c][i])) t->code[c][i] = (int32_t)values[c][i];
        }
    assert_ok(mnk_table_finish(t, &err));
    return t;
}

static void golden_pair(mnk_table **train, mnk_table **synthetic) {
    mnk_schema *s = golden_schema();
    *train = golden_table(s, golden_train);
    *synthetic = golden_table(s, golden_synthetic);
    mnk_schema_close(s);
}

static mnk_table_evaluate_config quick(void) {
    mnk_table_evaluate_config c;
    mnk_table_evaluate_defaults(&c);
    c.replicates = 50;
    c.permutations = 99;
    return c;
}

static double reference(const mnk_metric *m, const char *name) {
    for (int k = 0; k < m->references; k++)
        if (!strcmp(m->reference[k].name, name)) return m->reference[k].value;
    return NAN;
}

static void test_golden(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *train, *synthetic;
    mnk_result *r = NULL;
    mnk_table_evaluate_config c = quick();
    size_t bad = 0;
    c.compat = 6;
    golden_pair(&train, &synthetic);
    assert_ok(mnk_evaluate_tables(train, NULL, synthetic, &c, NULL, &r, &err));
    for (size_t k = 0; k < sizeof golden_metric / sizeof *golden_metric; k++) {
        const mnk_metric *m = mnk_result_find(r, golden_metric[k].id, golden_metric[k].encoding, "");
        if (!m) fail_msg("no %s", golden_metric[k].id);
        const double off = fabs(m->value - golden_metric[k].value), e = golden_metric[k].expected;
        const double off_e = isnan(e) ? 0 : fabs(reference(m, "expected") - e);
        if (!(off <= golden_metric[k].tolerance) || !(off_e <= 1e-9)) {
            print_message("# %s: %.12g, golden %.12g (expected %.12g, golden %.12g)\n", m->id, m->value, golden_metric[k].value,
                          reference(m, "expected"), e);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
    mnk_result_close(r);
    mnk_table_close(train);
    mnk_table_close(synthetic);
}

/* The same bytes for one, two and four threads, and again. */
static void test_threads(void **state) {
    (void)state;
    static const int threads[] = {1, 2, 4, 1};
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *train, *synthetic;
    mnk_table_evaluate_config c = quick();
    char *text[4] = {NULL};
    c.compat = 6;
    golden_pair(&train, &synthetic);
    for (int k = 0; k < 4; k++) {
        mnk_result *r = NULL;
        mnk_threads_set(threads[k]);
        assert_ok(mnk_evaluate_tables(train, synthetic, synthetic, &c, NULL, &r, &err));
        r->wall_s = 0;
        r->threads = 1;
        assert_ok(mnk_result_json(r, &text[k], &err));
        assert_string_equal(text[k], text[0]);
        mnk_result_close(r);
    }
    mnk_threads_set(0);
    for (int k = 0; k < 4; k++) mnk_free(text[k]);
    mnk_table_close(train);
    mnk_table_close(synthetic);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden), cmocka_unit_test(test_threads)};
    return MNK_RUN_TESTS("table_metrics", tests);
}
