/* Gates on single items: what is kept, what the draws cost, hopeless gates, what dropping does; fidelity by subgroup. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/parallel.h"
#include "base/rng.h"
#include "manikin/fairness.h"
#include "manikin/keep.h"

enum { SEX, AGE, WEIGHT, HEIGHT, COLUMNS, ROWS = 400 };

static mnk_schema *schema(void) {
    static const char *const names[COLUMNS] = {"sex", "age", "weight", "height"};
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = NULL;
    assert_ok(mnk_schema_new(COLUMNS, &s, &err));
    for (size_t c = 0; c < COLUMNS; c++) assert_ok(mnk_schema_text(&s->column[c].name, names[c], &err));
    s->column[SEX].type = MNK_COLUMN_CATEGORY;
    s->column[SEX].roles = MNK_COLUMN_IS_SUBGROUP;
    s->column[SEX].is_open = true;
    assert_ok(mnk_schema_add_level(s, SEX, "female", NULL, &err));
    assert_ok(mnk_schema_add_level(s, SEX, "male", NULL, &err));
    return s;
}

static mnk_table *people(mnk_schema *s, size_t n, uint32_t stream) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *t = NULL;
    assert_ok(mnk_table_new(s, n, &t, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(5, MNK_PURPOSE_TEST, i, stream);
        t->code[SEX][i] = mnk_rng_uniform(&r) < 0.5;
        t->number[AGE][i] = 50 + 12 * mnk_rng_normal(&r);
        t->number[HEIGHT][i] = 165 + 12 * t->code[SEX][i] + 6 * mnk_rng_normal(&r);
        t->number[WEIGHT][i] = t->number[HEIGHT][i] - 95 + 8 * mnk_rng_normal(&r);
    }
    assert_ok(mnk_table_finish(t, &err));
    return t;
}

typedef struct fixture {
    mnk_table *train, *holdout;
    mnk_table_evaluate_config config;
} fixture;

static fixture setup(void) {
    mnk_schema *s = schema();
    fixture f = {people(s, ROWS, 0), people(s, ROWS, 1), {0}};
    mnk_schema_close(s);
    mnk_table_evaluate_defaults(&f.config);
    f.config.replicates = 50, f.config.permutations = 19, f.config.mmd_items = 100, f.config.find_rules = false;
    return f;
}

static void teardown(fixture *f) {
    mnk_table_close(f->train);
    mnk_table_close(f->holdout);
}

static mnk_table_generator *generator(const fixture *f, const char *kind, char path[256]) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table_generator *g = NULL;
    snprintf(path, 256, "/tmp/mnk_test_keep_%s_%d.safetensors", kind, (int)getpid());
    assert_ok(mnk_table_generator_train(kind, f->train, NULL, 0, 3, path, true, NULL, &err));
    assert_ok(mnk_table_generator_open(path, &g, &err));
    return g;
}

/* Every kept row passes an audit of its own, they are the first that do, and threads change nothing. */
static void test_draws_until_enough_pass(void **state) {
    (void)state;
    fixture f = setup();
    char path[256];
    mnk_error err = MNK_ERROR_INIT;
    mnk_table_generator *g = generator(&f, "gaussian", path);
    mnk_keep keep;
    mnk_keep_report r, again;
    mnk_table *few = NULL, *many = NULL;
    assert_ok(mnk_keep_parse("authentic,alpha=0.8", &keep, &err));
    mnk_table_sample_options o = {.n = 60, .seed = 9};
    mnk_threads_set(1);
    assert_ok(mnk_keep_sample_table(g, &o, &keep, f.train, &f.config, NULL, &few, &r, &err));
    o.n = 500;
    mnk_threads_set(2);
    assert_ok(mnk_keep_sample_table(g, &o, &keep, f.train, &f.config, NULL, &many, &again, &err));
    mnk_threads_set(0);
    assert_int_equal(few->n, 60);
    assert_int_equal(many->n, 500);
    assert_int_equal(r.kept, 60);
    assert_true(r.drawn > r.kept && r.dropped[0] > 0 && r.dropped[1] > 0 && r.dropped[2] == 0 && r.dropped[3] == 0);
    assert_true(again.drawn > again.kept && (double)again.kept / (double)again.drawn > 0.2);
    for (size_t i = 0; i < few->n; i++) /* a longer draw begins with a shorter one, however many were drawn at a time */
        for (size_t c = 1; c < COLUMNS; c++) assert_true(few->number[c][i] == many->number[c][i]);
    mnk_table *same = NULL; /* on train's schema: both have the same levels in the same order */
    mnk_audit a;
    assert_ok(mnk_table_new(f.train->schema, many->n, &same, &err));
    for (size_t i = 0; i < many->n; i++) {
        same->code[SEX][i] = many->code[SEX][i];
        for (size_t c = 1; c < COLUMNS; c++) same->number[c][i] = many->number[c][i];
    }
    assert_ok(mnk_table_finish(same, &err));
    assert_ok(mnk_audit_tables(f.train, same, &f.config, NULL, &a, &err));
    for (size_t i = 0; i < a.n; i++) assert_true(mnk_keep_item(&keep, &a, i));
    mnk_audit_close(&a);
    mnk_table_close(same);
    mnk_table_close(few);
    mnk_table_close(many);
    mnk_table_generator_close(g);
    (void)remove(path);
    teardown(&f);
}

/* Whole training rows drawn again are all copies: refused with the rate, not drawn for ever. */
static void test_hopeless_gates_are_refused(void **state) {
    (void)state;
    fixture f = setup();
    char path[256];
    mnk_error err = MNK_ERROR_INIT;
    mnk_table_generator *g = generator(&f, "bootstrap", path);
    mnk_keep keep;
    mnk_table *out = NULL;
    assert_ok(mnk_keep_parse("no-copy", &keep, &err));
    mnk_table_sample_options o = {.n = 100, .seed = 9};
    assert_int_equal(mnk_keep_sample_table(g, &o, &keep, f.train, &f.config, NULL, &out, NULL, &err), MNK_ERR_INPUT);
    assert_null(out);
    if (!strstr(err.message, "0 of the first") || !strstr(err.message, "more than")) fail_msg("%s", err.message);
    assert_non_null(strstr(err.hint, "no-copy"));
    mnk_error_clear(&err);
    o.persons = 5;
    assert_int_equal(mnk_keep_sample_table(g, &o, &keep, f.train, &f.config, NULL, &out, NULL, &err), MNK_ERR_USAGE);
    mnk_table_generator_close(g);
    (void)remove(path);
    teardown(&f);
}

static mnk_result *with(const char *id, double value, double half) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    mnk_metric *m = mnk_result_add_metric(r, id, "fidelity");
    m->value = value, m->low = value - half, m->high = value + half;
    return r;
}

static void one_effect(const char *id, double a, double b, double half, const char *verdict, bool selects) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *before = with(id, a, half), *after = with(id, b, half), *r = NULL;
    mnk_keep keep;
    assert_ok(mnk_keep_parse("authentic", &keep, &err));
    assert_ok(mnk_result_open("audit-gate", 1, &r, &err));
    assert_ok(mnk_keep_effect(&keep, before, after, r, &err));
    assert_int_equal(r->metrics, 2);
    assert_true(mnk_result_find(r, id, "", "before")->value == a && mnk_result_find(r, id, "", "after")->value == b);
    assert_string_equal(mnk_result_find(r, id, "", "after")->verdict, verdict);
    assert_true((strstr(mnk_result_find(r, id, "", "after")->note, "by construction") != NULL) == selects);
    mnk_result_close(before);
    mnk_result_close(after);
    mnk_result_close(r);
}

static void test_effects_are_judged_against_chance(void **state) {
    (void)state;
    one_effect("coverage", 0.80, 0.70, 0.02, "lower", false);
    one_effect("coverage", 0.80, 0.79, 0.02, "cannot tell", false);
    one_effect("coverage", 0.80, 0.80 + 0.02 * sqrt(2) * 1.001, 0.02, "higher", false); /* at the border */
    one_effect("coverage", 0.80, 0.80 + 0.02 * sqrt(2) * 0.999, 0.02, "cannot tell", false);
    one_effect("coverage", 0.80, 0.80, 0.02, "no change", false);
    one_effect("authenticity", 0.5, 1, 0.02, "higher", true);
}

static double value(const mnk_result *r, const char *id, const char *subset) {
    for (size_t i = 0; i < r->metrics; i++)
        if (!strcmp(r->metric[i].id, id) && !strcmp(r->metric[i].subset, subset)) return r->metric[i].value;
    fail_msg("no %s of %s", id, subset);
    return NAN;
}

/* Men are made from other men's heights: the women of the table are fine, the men are not, and nothing else says so. */
static void test_fidelity_by_subgroup(void **state) {
    (void)state;
    fixture f = setup();
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *made = people(f.train->schema, ROWS, 2);
    for (size_t i = 0; i < made->n; i++)
        if (made->code[SEX][i] == 1) made->number[HEIGHT][i] += 60;
    assert_ok(mnk_table_finish(made, &err));
    mnk_result *r[2] = {NULL};
    for (int k = 0; k < 2; k++) {
        mnk_threads_set(k + 1);
        assert_ok(mnk_result_open("evaluate", 1, &r[k], &err));
        assert_ok(mnk_table_fidelity_by_subgroup(f.train, f.holdout, made, &f.config, NULL, r[k], &err));
    }
    mnk_threads_set(0);
    assert_true(value(r[0], "precision", "sex=female") > 0.8 && value(r[0], "precision", "sex=male") < 0.2);
    for (size_t i = 0, found = 0; i < r[0]->metrics; i++) {
        const mnk_metric *m = &r[0]->metric[i];
        found += !strcmp(m->id, "worst_subgroup.precision") && strstr(m->note, "sex=male") != NULL;
        if (i + 1 == r[0]->metrics) assert_int_equal(found, 1);
    }
    assert_int_equal(r[0]->metrics, r[1]->metrics);
    for (size_t i = 0; i < r[0]->metrics; i++)
        assert_memory_equal(&r[0]->metric[i].value, &r[1]->metric[i].value, 3 * sizeof(double));
    mnk_result_close(r[0]);
    mnk_result_close(r[1]);
    mnk_table_close(made);
    teardown(&f);
}

/* Five women: no number, and the note says why. */
static void test_small_subgroups_get_no_number(void **state) {
    (void)state;
    fixture f = setup();
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *made = people(f.train->schema, ROWS, 2);
    size_t women = 0;
    for (size_t i = 0; i < made->n; i++)
        if (made->code[SEX][i] == 0 && women++ >= 5) made->code[SEX][i] = 1;
    assert_ok(mnk_table_finish(made, &err));
    mnk_result *r = NULL;
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    assert_ok(mnk_table_fidelity_by_subgroup(f.train, f.holdout, made, &f.config, NULL, r, &err));
    size_t few = 0;
    for (size_t i = 0; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        if (strcmp(m->subset, "sex=female") != 0 || *m->column) continue;
        assert_true(isnan(m->value) && *m->note);
        few++;
    }
    assert_true(few > 5);
    mnk_result_close(r);
    mnk_table_close(made);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws_until_enough_pass),           cmocka_unit_test(test_hopeless_gates_are_refused),
        cmocka_unit_test(test_effects_are_judged_against_chance), cmocka_unit_test(test_fidelity_by_subgroup),
        cmocka_unit_test(test_small_subgroups_get_no_number),
    };
    return MNK_RUN_TESTS("keep", tests);
}
