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
    char level[16];
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

/* ---- intervals ---- */

static const char *const smooth[] = {"ks_complement",
                                     "tv_complement",
                                     "wasserstein",
                                     "js_distance",
                                     "correlation_similarity",
                                     "rank_correlation_similarity",
                                     "contingency_similarity",
                                     "binned_accuracy_1",
                                     "binned_accuracy_2",
                                     "boundary_adherence",
                                     "category_adherence",
                                     "missing_similarity"};
enum { SMOOTH = sizeof smooth / sizeof *smooth };

static mnk_result *marginals(const mnk_table *train, const mnk_table *synthetic) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table_evaluate_config c = quick();
    mnk_table_judge *j = NULL;
    mnk_result *r = NULL;
    c.replicates = 0;
    c.triples = 0;
    assert_ok(mnk_table_judge_open(train, NULL, synthetic, &c, NULL, &j, &err));
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    assert_ok(mnk_table_judge_run(j, NULL, MNK_TABLE_MARGINALS, r, &err));
    mnk_table_judge_close(j);
    return r;
}

static double standard_error(const mnk_metric *m) { /* from the side that is not clipped */
    return fmax(m->high - m->value, m->value - m->low) / mnk_normal_quantile(0.975);
}

static mnk_table *resampled(const mnk_table *t, uint64_t item, uint32_t step) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *out = NULL;
    size_t row[2 * GOLDEN_N];
    mnk_rng r = mnk_rng_at(9, MNK_PURPOSE_TEST, item, step);
    for (size_t i = 0; i < t->n; i++) row[i] = (size_t)mnk_rng_below(&r, t->n);
    assert_ok(mnk_table_select(t, row, t->n, &out, &err));
    return out;
}

/* The standard error by influence is what resampling both sets gives. */
static void test_intervals(void **state) {
    (void)state;
    enum { DRAWS = 150 };
    mnk_table *train, *synthetic;
    static double draw[SMOOTH][DRAWS];
    golden_pair(&train, &synthetic);
    mnk_result *r = marginals(train, synthetic);
    for (size_t d = 0; d < DRAWS; d++) {
        mnk_table *a = resampled(train, d, 0), *b = resampled(synthetic, d, 1);
        mnk_result *both = marginals(a, b), *fixed = marginals(train, b); /* adherence holds train's bounds fixed */
        for (size_t k = 0; k < SMOOTH; k++)
            draw[k][d] = mnk_result_find(strstr(smooth[k], "adherence") ? fixed : both, smooth[k], "", "")->value;
        mnk_result_close(both);
        mnk_result_close(fixed);
        mnk_table_close(a);
        mnk_table_close(b);
    }
    size_t bad = 0;
    for (size_t k = 0; k < SMOOTH; k++) {
        const double ratio = standard_error(mnk_result_find(r, smooth[k], "", "")) / mnk_sd(draw[k], DRAWS);
        print_message("# %-28s standard error / bootstrap %.3f\n", smooth[k], ratio);
        bad += !(ratio > 0.7 && ratio < 1.45);
    }
    assert_int_equal(bad, 0);
    mnk_result_close(r);
    mnk_table_close(train);
    mnk_table_close(synthetic);
}

/* Every row twice, once more as a row of the same person: no more is known than from the rows alone. */
static void test_persons(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *once[2], *twice[2] = {NULL}, *alone[2] = {NULL};
    golden_pair(&once[0], &once[1]);
    for (int k = 0; k < 2; k++) {
        size_t row[2 * GOLDEN_N];
        for (size_t i = 0; i < 2 * GOLDEN_N; i++) row[i] = i / 2;
        assert_ok(mnk_table_select(once[k], row, 2 * GOLDEN_N, &alone[k], &err));
        assert_ok(mnk_table_select(once[k], row, 2 * GOLDEN_N, &twice[k], &err));
        twice[k]->person = mnk_alloc(2 * GOLDEN_N, sizeof *twice[k]->person);
        for (size_t i = 0; i < 2 * GOLDEN_N; i++) twice[k]->person[i] = (int32_t)(i / 2);
        twice[k]->persons = GOLDEN_N;
    }
    mnk_result *a = marginals(once[0], once[1]), *b = marginals(twice[0], twice[1]), *c = marginals(alone[0], alone[1]);
    for (size_t k = 0; k < SMOOTH; k++) {
        if (!strncmp(smooth[k], "binned", 6) || !strcmp(smooth[k], "js_distance")) continue; /* doubled rows move the bins */
        const mnk_metric *x = mnk_result_find(a, smooth[k], "", ""), *y = mnk_result_find(b, smooth[k], "", "");
        assert_true(fabs(x->value - y->value) < 0.01);
        assert_true(fabs(standard_error(y) / standard_error(x) - 1) < 0.03);
        assert_true(fabs(standard_error(mnk_result_find(c, smooth[k], "", "")) / standard_error(x) - sqrt(0.5)) < 0.03);
    }
    for (int k = 0; k < 2; k++) mnk_table_close(once[k]), mnk_table_close(twice[k]), mnk_table_close(alone[k]);
    mnk_result_close(a);
    mnk_result_close(b);
    mnk_result_close(c);
}

/* ---- MMD ---- */

static mnk_points normal_points(size_t n, uint32_t stream, float shift) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_points p;
    float x[2 * 64];
    uint16_t code[64];
    mnk_rng r = mnk_rng_at(4, MNK_PURPOSE_TEST, n, stream);
    mnk_rng_normal_f32(&r, x, 2 * n);
    for (size_t i = 0; i < n; i++) x[2 * i] += shift, code[i] = (uint16_t)mnk_rng_below(&r, 3);
    assert_ok(mnk_points_open(x, n, 2, NULL, &p, &err));
    assert_ok(mnk_points_add_codes(&p, code, 1, &err));
    return p;
}

/* The p-value is level under one population and sees another. */
static void test_mmd(void **state) {
    (void)state;
    enum { TRIALS = 200 };
    mnk_error err = MNK_ERROR_INIT;
    size_t rejected = 0, found = 0;
    for (uint32_t t = 0; t < TRIALS; t++) {
        mnk_points a = normal_points(40, 3 * t, 0), b = normal_points(40, 3 * t + 1, 0), c = normal_points(40, 3 * t + 2, 1.2f);
        mnk_mmd null, far;
        assert_ok(mnk_mmd_gaussian(&a, &b, 0, 99, t, &null, &err));
        assert_ok(mnk_mmd_gaussian(&a, &c, 0, 99, t, &far, &err));
        rejected += null.p <= 0.05;
        found += far.p <= 0.05;
        mnk_points_close(&a);
        mnk_points_close(&b);
        mnk_points_close(&c);
    }
    double low, high;
    mnk_clopper_pearson((double)rejected, TRIALS, 0.999, &low, &high);
    assert_true(low <= 0.05 && high >= 0.05);
    assert_true(found > 0.9 * TRIALS);
}

/* ---- subsets ---- */

static void test_subset(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *train, *synthetic, *only[2] = {NULL};
    mnk_table_evaluate_config c = quick();
    mnk_table_judge *j = NULL;
    mnk_result *r = NULL;
    uint8_t mask[2][GOLDEN_N], few[GOLDEN_N] = {1, 1, 1};
    golden_pair(&train, &synthetic);
    for (int k = 0; k < 2; k++) {
        size_t row[GOLDEN_N], n = 0;
        const mnk_table *t = k ? synthetic : train;
        for (size_t i = 0; i < GOLDEN_N; i++) {
            mask[k][i] = t->code[SEX][i] == 1;
            if (mask[k][i]) row[n++] = i;
        }
        assert_ok(mnk_table_select(t, row, n, &only[k], &err));
    }
    mnk_result *alone = marginals(only[0], only[1]);
    assert_ok(mnk_table_judge_open(train, NULL, synthetic, &c, NULL, &j, &err));
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    const mnk_table_rows women = {"women", mask[0], NULL, mask[1], 1}, none = {"few", few, NULL, mask[1], 2};
    assert_ok(mnk_table_judge_run(j, &women, MNK_TABLE_FIDELITY, r, &err));
    for (size_t k = 0; k < SMOOTH; k++) {
        const mnk_metric *a = mnk_result_find(alone, smooth[k], "", ""), *b = mnk_result_find(r, smooth[k], "", "women");
        assert_true(a->value == b->value && a->n == b->n && a->low == b->low);
    }
    assert_true(mnk_result_find(r, "coverage", "mixed", "women")->n <= only[0]->n);
    assert_ok(mnk_table_judge_run(j, &none, MNK_TABLE_FIDELITY, r, &err));
    const mnk_metric *m = mnk_result_find(r, "ks_complement", "", "few");
    assert_true(isnan(m->value) && strstr(m->note, "too few"));
    assert_true(isnan(mnk_result_find(r, "coverage", "mixed", "few")->value));
    mnk_table_judge_close(j);
    mnk_result_close(r);
    mnk_result_close(alone);
    for (int k = 0; k < 2; k++) mnk_table_close(only[k]);
    mnk_table_close(train);
    mnk_table_close(synthetic);
}

/* A collapsed column hides from no mean: constant, or empty, in synthetic. */
static void test_collapse(void **state) {
    (void)state;
    mnk_table *train, *synthetic;
    golden_pair(&train, &synthetic);
    mnk_result *before = marginals(train, synthetic);
    for (size_t i = 0; i < GOLDEN_N; i++) synthetic->number[AGE][i] = 60, synthetic->number[DOSE][i] = NAN;
    mnk_result *after = marginals(train, synthetic);
    static const char *const ids[] = {"ks_complement",  "correlation_similarity", "rank_correlation_similarity",
                                      "range_coverage", "binned_accuracy_1",      "missing_similarity"};
    for (size_t k = 0; k < sizeof ids / sizeof *ids; k++)
        assert_true(mnk_result_find(after, ids[k], "", "")->value < mnk_result_find(before, ids[k], "", "")->value - 0.01);
    mnk_result_close(before);
    mnk_result_close(after);
    mnk_table_close(train);
    mnk_table_close(synthetic);
}

/* One column, no numbers, nothing but missing, one value: judged all the same, and a figure that is not there says why. */
static void test_edges(void **state) {
    (void)state;
    static const struct {
        const char *name;
        unsigned kept; /* bits of the columns that stay */
        size_t empty, constant;
    } edge[] = {{"one number", 1u << AGE, COLUMNS, COLUMNS},
                {"one category", 1u << WARD, COLUMNS, COLUMNS},
                {"no numbers", 1u << SEX | 1u << WARD | 1u << STAGE, COLUMNS, COLUMNS},
                {"no categories", 1u << AGE | 1u << DOSE | 1u << VISITS, COLUMNS, COLUMNS},
                {"an empty number", 63, DOSE, COLUMNS},
                {"an empty category", 63, WARD, COLUMNS},
                {"a constant number", 63, COLUMNS, AGE},
                {"a constant category", 63, COLUMNS, WARD}};
    for (size_t k = 0; k < sizeof edge / sizeof *edge; k++) {
        mnk_error err = MNK_ERROR_INIT;
        mnk_table *t[2];
        mnk_result *r = NULL;
        mnk_table_evaluate_config c = quick();
        golden_pair(&t[0], &t[1]);
        c.compat = 6;
        for (size_t col = 0; col < COLUMNS; col++) {
            if (!(edge[k].kept >> col & 1)) t[0]->schema->column[col].roles = MNK_COLUMN_IS_IGNORE;
            for (size_t i = 0; i < GOLDEN_N && (col == edge[k].empty || col == edge[k].constant); i++)
                for (int s = 0; s < 2; s++) {
                    if (col < SEX) t[s]->number[col][i] = col == edge[k].empty ? (double)NAN : 7;
                    else t[s]->code[col][i] = col == edge[k].empty ? -1 : 1;
                }
        }
        if (mnk_evaluate_tables(t[0], t[1], t[1], &c, NULL, &r, &err) != MNK_OK) fail_msg("%s: %s", edge[k].name, err.message);
        for (size_t m = 0; m < r->metrics; m++)
            if (isnan(r->metric[m].value) && !*r->metric[m].note)
                fail_msg("%s: %s is not there", edge[k].name, r->metric[m].id);
        assert_non_null(mnk_result_find(r, "coverage", "mixed", ""));
        assert_non_null(mnk_result_find(r, "binned_accuracy_1", "", ""));
        mnk_result_close(r);
        mnk_table_close(t[0]);
        mnk_table_close(t[1]);
    }
}

/* ---- refusals ---- */

static void test_refused(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *train, *synthetic, *other = NULL, *tiny = NULL;
    mnk_table_evaluate_config c = quick();
    mnk_result *r = NULL;
    const size_t rows[3] = {0, 1, 2};
    golden_pair(&train, &synthetic);
    mnk_schema *s = golden_schema();
    other = golden_table(s, golden_train);
    mnk_schema_close(s);
    assert_int_equal(mnk_evaluate_tables(train, NULL, other, &c, NULL, &r, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "schema"));
    mnk_error_clear(&err);
    assert_ok(mnk_table_select(train, rows, 3, &tiny, &err));
    assert_int_equal(mnk_evaluate_tables(train, NULL, tiny, &c, NULL, &r, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "3 rows"));
    mnk_error_clear(&err);
    synthetic->number[DOSE][17] = INFINITY;
    assert_int_equal(mnk_evaluate_tables(train, NULL, synthetic, &c, NULL, &r, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "row 17"));
    assert_non_null(strstr(err.message, "dose"));
    mnk_error_clear(&err);
    c.neighbours = 0;
    assert_int_equal(mnk_evaluate_tables(train, NULL, train, &c, NULL, &r, &err), MNK_ERR_USAGE);
    mnk_error_clear(&err);
    c = quick();
    for (size_t k = 0; k < COLUMNS; k++) train->schema->column[k].roles = MNK_COLUMN_IS_IGNORE;
    assert_int_equal(mnk_evaluate_tables(train, NULL, train, &c, NULL, &r, &err), MNK_ERR_INPUT);
    assert_null(r);
    mnk_table_close(train);
    mnk_table_close(synthetic);
    mnk_table_close(other);
    mnk_table_close(tiny);
}

/* Memory that runs out anywhere is said and leaves nothing behind. */
static void test_no_memory(void **state) {
    (void)state;
    mnk_table *train, *synthetic;
    mnk_table_evaluate_config c = quick();
    golden_pair(&train, &synthetic);
    c.replicates = 10, c.permutations = 9, c.mmd_items = 20, c.max_items = 40;
    mnk_threads_set(1);
    size_t refused = 0;
    for (long n = 1; n < 4000; n = n < 60 ? n + 1 : n + 41) {
        mnk_error err = MNK_ERROR_INIT;
        mnk_result *r = NULL;
        mnk_alloc_fail_after(n);
        mnk_status status = mnk_evaluate_tables(train, synthetic, synthetic, &c, NULL, &r, &err);
        mnk_alloc_fail_after(0);
        if (status != MNK_OK) {
            assert_int_equal(status, MNK_ERR_MEMORY);
            assert_null(r);
            refused++;
        }
        mnk_result_close(r);
    }
    assert_true(refused > 60);
    mnk_threads_set(0);
    mnk_table_close(train);
    mnk_table_close(synthetic);
}

/* ---- persons, and what misses together: small enough to be worked out by hand ---- */

enum { P_PERSON, P_DAY, P_STATE, P_X, P_Y, P_COLUMNS };

/* Eight persons of three visits: `path` gives the states of even and odd persons, gap the days between their visits; then
 * `single` persons of one visit. x misses in every second row; y in the same rows (together), or in pairs of rows. */
static mnk_schema *visit_schema(void) {
    static const char *const names[P_COLUMNS] = {"person", "day", "state", "x", "y"};
    static const mnk_column_type types[P_COLUMNS] = {MNK_COLUMN_ID, MNK_COLUMN_INTEGER, MNK_COLUMN_CATEGORY, MNK_COLUMN_NUMERIC,
                                                     MNK_COLUMN_NUMERIC};
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = NULL;
    assert_ok(mnk_schema_new(P_COLUMNS, &s, &err));
    for (size_t c = 0; c < P_COLUMNS; c++) {
        assert_ok(mnk_schema_text(&s->column[c].name, names[c], &err));
        s->column[c].type = types[c];
    }
    s->column[P_PERSON].roles = MNK_COLUMN_IS_PERSON;
    s->column[P_DAY].roles = MNK_COLUMN_IS_VISIT;
    assert_ok(mnk_schema_add_level(s, P_STATE, "a", NULL, &err));
    assert_ok(mnk_schema_add_level(s, P_STATE, "b", NULL, &err));
    return s;
}

static mnk_table *visit_table(mnk_schema *s, const char *const path[2], const double gap[2], size_t single, bool together) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *t = NULL;
    char text[32];
    assert_ok(mnk_table_new(s, 24 + single, &t, &err));
    for (size_t i = 0; i < t->n; i++) {
        const size_t person = i < 24 ? i % 8 : i - 16, visit = i < 24 ? i / 8 : 0; /* rows of a person do not stand together */
        snprintf(text, sizeof text, "p%zu", person);
        assert_ok(mnk_schema_add_level(s, P_PERSON, text, &t->code[P_PERSON][i], &err));
        t->number[P_DAY][i] = (double)visit * gap[person % 2];
        t->code[P_STATE][i] = path[person % 2][visit] - 'a';
        t->number[P_X][i] = i % 2 ? (double)NAN : 1.0 + (double)(i % 5);
        t->number[P_Y][i] = (together ? i % 2 : i / 2 % 2) ? (double)NAN : 2.0 + (double)(i % 3);
    }
    assert_ok(mnk_table_finish(t, &err));
    return t;
}

static void check_by_hand(const mnk_result *r, const char *id, double value, bool has_interval) {
    const mnk_metric *m = mnk_result_find(r, id, "", "");
    if (!m) fail_msg("no %s", id);
    if (fabs(m->value - value) > 1e-12) fail_msg("%s: %g, by hand %g", id, m->value, value);
    assert_true(m->low <= m->value && m->value <= m->high && (!has_interval || m->low < m->high));
}

static void test_visits_by_hand(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    static const char *const real[2] = {"aab", "abb"}, *const made[2] = {"aba", "bbb"};
    static const double ten[2] = {10, 10}, twenty[2] = {10, 20};
    mnk_schema *s = visit_schema();
    mnk_table *train = visit_table(s, real, ten, 0, true), *synthetic = visit_table(s, made, twenty, 8, false);
    mnk_table_evaluate_config c = quick();
    mnk_result *r = NULL;
    assert_ok(mnk_evaluate_tables(train, train, synthetic, &c, NULL, &r, &err));
    check_by_hand(r, "visit_counts", 0.5, true); /* nobody has one visit, and half of them */
    check_by_hand(r, "visit_gaps", 0.5, true);   /* 10 days, and 10 or 20 */
    /* of state and day, x and y: what the state does is in its own row */
    for (size_t k = 0; k < r->metrics; k++) {
        const mnk_metric *m = &r->metric[k];
        if (strcmp(m->column, "state") != 0) continue;
        if (!strcmp(m->id, "agreement_1")) assert_true(fabs(m->value - 1) < 1e-12); /* half of the visits in both */
        if (!strcmp(m->id, "agreement_2")) assert_true(fabs(m->value - 0) < 1e-12); /* none, and all */
    }
    assert_non_null(mnk_result_find(r, "agreement_2", "", ""));
    assert_true(reference(mnk_result_find(r, "agreement_2", "", ""), "holdout") == 1); /* here holdout is train */
    check_by_hand(r, "missing_pairs_similarity", 0.5, false);                          /* phi 1, and 0 */
    mnk_result_close(r);
    mnk_table_close(train);
    mnk_table_close(synthetic);
    mnk_schema_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_persons),
        cmocka_unit_test(test_mmd),
        cmocka_unit_test(test_subset),
        cmocka_unit_test(test_collapse),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_visits_by_hand),
    };
    return MNK_RUN_TESTS("table_metrics", tests);
}
