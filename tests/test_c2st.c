#include "test.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "evaluate/c2st.h"
#include "evaluate/models/design.h"
#include "manikin/usefulness_table.h"
#include "patients.h"

static mnk_table *some(mnk_schema *s, size_t n, uint64_t seed) {
    return patients(s, &(patients_options){.n = n, .seed = seed, .strength = 1.0, .offset = seed * 100000});
}

/* Numbers standardised, missing as a state of its own, rare and unknown levels together, nothing learnt from other tables. */
static void test_design(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = patients_schema();
    mnk_table *t = some(s, 500, 1), *u = some(s, 3, 2);
    bool skip[P_COLUMNS] = {[P_DIED] = true, [P_COST] = true, [P_TIME] = true, [P_EVENT] = true};
    mnk_design *d;
    mnk_features f;
    u->number[P_AGE][0] = 1e6;
    u->number[P_MARKER][1] = NAN;
    u->code[P_SITE][2] = -1;
    u->code[P_CODE][1] = 59; /* not among 500 rows */
    for (size_t i = 0; i < t->n; i++)
        if (t->code[P_CODE][i] == 59) t->code[P_CODE][i] = 0;
    assert_ok(mnk_design_fit(t, skip, NULL, &d, &err));
    assert_int_equal(mnk_design_columns(d), 5);
    assert_ok(mnk_design_apply(d, t, &f, &err));
    double sum = 0, square = 0;
    for (size_t i = 0; i < t->n; i++) sum += f.linear[i * f.linear_width], square += pow(f.linear[i * f.linear_width], 2);
    assert_true(fabs(sum) < 1e-8 && fabs(square / 500 - 1) < 1e-8);
    for (size_t i = 0; i < t->n; i++) { /* every row has one indicator of sex, one of site */
        const double *x = f.linear + i * f.linear_width;
        assert_true(x[1] + x[2] == 1.0 && x[3] + x[4] + x[5] == 1.0);
        assert_true((x[7] == 1.0) == (isnan(t->number[P_MARKER][i]) != 0));
        assert_true(isnan(f.tree[i * 5 + 3]) == isnan(t->number[P_MARKER][i]));
    }
    mnk_features_close(&f);
    assert_ok(mnk_design_apply(d, u, &f, &err));
    assert_true(f.linear[0] == 6.0); /* clipped */
    assert_true(f.linear[f.linear_width + 6] == 0.0 && f.linear[f.linear_width + 7] == 1.0);
    assert_true(f.linear[2 * f.linear_width + 3] + f.linear[2 * f.linear_width + 4] + f.linear[2 * f.linear_width + 5] == 0.0);
    assert_true(isnan(f.tree[2 * 5 + 2]));
    assert_true(f.linear[2 * f.linear_width - 1] == 1.0); /* the others of code */
    mnk_features_close(&f);
    mnk_design_close(d);
    memset(skip, 1, sizeof skip);
    assert_int_equal(mnk_design_fit(t, skip, NULL, &d, &err), MNK_ERR_INPUT);
    mnk_table_close(t);
    mnk_table_close(u);
    mnk_schema_close(s);
}

/* What is what: fresh rows 0.5, shuffled columns seen by boosting and not by logistic regression, copies below 0.5 where twins
 * are parted and 0.5 where they are kept together. */
static void test_blind_spots(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = patients_schema();
    s->column[P_PERSON].roles = MNK_COLUMN_IS_IGNORE; /* train and copy would share persons */
    mnk_table *train = some(s, 900, 1), *holdout = some(s, 900, 2), *fresh = some(s, 900, 3);
    mnk_table *floor = patients_shuffled(train, 4);
    mnk_table_models_config config;
    mnk_table_models_defaults(&config);
    mnk_result *r[3];
    const mnk_table *sets[] = {fresh, floor, train};
    for (int k = 0; k < 3; k++) {
        assert_ok(mnk_result_open("evaluate", 1, &r[k], &err));
        assert_ok(mnk_table_c2st(train, holdout, sets[k], &config, NULL, r[k], &err));
    }
    const mnk_metric *m = found(r[0], "c2st.boosting", ""), *c = found(r[0], "c2st_copying.boosting", "");
    if (!(m->low < 0.5 && m->high > 0.5)) fail_msg("fresh rows: %.3f [%.3f, %.3f]", m->value, m->low, m->high);
    if (!(c->value > 0.44 && c->value < 0.56)) fail_msg("fresh rows, copying: %.3f", c->value);
    assert_true(r[0]->warnings == 0);
    if (!(reference_of(m, "floor") > 0.75)) fail_msg("floor %.3f", reference_of(m, "floor"));
    if (!(fabs(reference_of(m, "copy") - 0.5) < 0.02)) fail_msg("copy, twins together: %.3f", reference_of(m, "copy"));
    if (!(reference_of(c, "copy") < 0.35)) fail_msg("copy, twins parted: %.3f", reference_of(c, "copy"));
    m = found(r[1], "c2st.boosting", ""), c = found(r[1], "c2st.logistic", "");
    if (!(m->low > 0.7 && c->value < 0.6)) fail_msg("shuffled columns: %.3f boosting, %.3f logistic", m->value, c->value);
    c = found(r[2], "c2st_copying.boosting", "");
    if (!(c->high < 0.4 && r[2]->warnings == 1)) fail_msg("copies: %.3f, %zu warnings", c->value, r[2]->warnings);
    for (int k = 0; k < 3; k++) mnk_result_close(r[k]);
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_table_close(fresh);
    mnk_table_close(floor);
    mnk_schema_close(s);
}

/* Under the null the interval covers 0.5 about as often as it says, and keeping twins together does not bend it. */
static void test_null(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    enum { RUNS = 40, ROWS = 200, D = 4 };
    int covered = 0;
    double mean = 0.0;
    for (uint64_t run = 0; run < RUNS; run++) {
        float x[2 * ROWS * D];
        int32_t unit[2 * ROWS];
        size_t units;
        mnk_rng rng = mnk_rng_at(run, MNK_PURPOSE_TEST, 3, 3);
        mnk_rng_normal_f32(&rng, x, 2 * ROWS * D);
        mnk_features a, b;
        assert_ok(mnk_features_plain(x, ROWS, D, x, ROWS, &a, &err));
        assert_ok(mnk_features_plain(x + ROWS * D, ROWS, D, x, ROWS, &b, &err));
        assert_ok(mnk_c2st_units(&a, &b, NULL, NULL, 0.01, unit, &units, &err));
        assert_true(units <= 2 * ROWS && units > 2 * ROWS - 40);
        mnk_c2st_settings s = mnk_c2st_defaults(run);
        mnk_c2st_task task = {&a, &b, unit, &mnk_logistic};
        mnk_auc auc;
        double low, high;
        assert_ok(mnk_c2st_run(&task, 1, &s, &auc, NULL, &err));
        mnk_auc_interval(&auc, 0.95, MNK_AUC_LOGIT, &low, &high);
        covered += low <= 0.5 && high >= 0.5;
        mean += auc.value / RUNS;
        mnk_features_close(&a);
        mnk_features_close(&b);
    }
    if (!(fabs(mean - 0.5) < 0.025)) fail_msg("mean AUC %.4f", mean);
    if (!(covered >= RUNS - 6)) fail_msg("covered %d of %d", covered, RUNS);
}

static void test_units(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    /* a: 0, 10, 20, 30; b: 0.001 (twin of 0), 10 (equal), 10 (equal), 100 (no one's) */
    float x[] = {0, 10, 20, 30, 0.001f, 10, 10, 100};
    int32_t unit[8], person[] = {7, 3, 3, -5};
    size_t units;
    mnk_features a, b;
    assert_ok(mnk_features_plain(x, 4, 1, x, 4, &a, &err));
    assert_ok(mnk_features_plain(x + 4, 4, 1, x, 4, &b, &err));
    assert_ok(mnk_c2st_units(&a, &b, NULL, NULL, 0.01, unit, &units, &err));
    assert_true(unit[0] == unit[4] && unit[1] == unit[5] && unit[1] == unit[6] && unit[2] != unit[3]);
    assert_true(unit[0] != unit[1]);
    assert_ok(mnk_c2st_units(&a, &b, person, NULL, 0.01, unit, &units, &err));
    assert_true(unit[1] == unit[2] && unit[2] == unit[6] && unit[0] != unit[3]);
    mnk_auc auc;
    mnk_c2st_settings s = mnk_c2st_defaults(1);
    mnk_c2st_task task = {&a, &b, unit, &mnk_logistic};
    assert_int_equal(mnk_c2st_run(&task, 1, &s, &auc, NULL, &err), MNK_ERR_INPUT); /* 4 rows, 3 folds */
    mnk_features_close(&a);
    mnk_features_close(&b);
}

static void test_threads(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = patients_schema();
    mnk_table *train = some(s, 300, 1), *holdout = some(s, 250, 2), *fresh = some(s, 300, 3);
    mnk_table_models_config config;
    mnk_table_models_defaults(&config);
    char *text[2];
    for (int k = 0; k < 2; k++) {
        mnk_result *r;
        mnk_threads_set(k + 1);
        assert_ok(mnk_result_open("evaluate", 1, &r, &err));
        r->threads = 0;
        assert_ok(mnk_table_c2st(train, holdout, fresh, &config, NULL, r, &err));
        assert_ok(mnk_result_json(r, &text[k], &err));
        mnk_result_close(r);
    }
    mnk_threads_set(0);
    assert_string_equal(text[0], text[1]);
    mnk_free(text[0]);
    mnk_free(text[1]);
    mnk_schema *other = patients_schema();
    mnk_table *foreign = some(other, 30, 1);
    mnk_result *r;
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    assert_int_equal(mnk_table_c2st(train, NULL, foreign, &config, NULL, r, &err), MNK_ERR_USAGE);
    mnk_result_close(r);
    mnk_table_close(foreign);
    mnk_schema_close(other);
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_table_close(fresh);
    mnk_schema_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_design), cmocka_unit_test(test_blind_spots), cmocka_unit_test(test_null),
        cmocka_unit_test(test_units),  cmocka_unit_test(test_threads),
    };
    return MNK_RUN_TESTS("c2st", tests);
}
