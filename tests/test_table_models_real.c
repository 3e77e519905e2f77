/* Real tables, where the shared data are: what the judges say of a holdout, of shuffled columns and of copies. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "manikin/usefulness_table.h"
#include "math/glm.h"
#include "patients.h"

static void role(const mnk_table *t, const char *name, unsigned bits) {
    long c = mnk_schema_find(t->schema, name);
    if (c < 0) fail_msg("no column %s", name);
    t->schema->column[c].roles |= bits;
}

/* Rows of one of three parts, by person. */
static mnk_table *part(const mnk_table *t, uint64_t seed, double from, double to) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *out;
    size_t *row, n = 0;
    assert_ok(MNK_NEW(row, t->n, &err));
    for (size_t i = 0; i < t->n; i++) {
        mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_TEST, t->person ? (uint64_t)t->person[i] : i, 7);
        double u = mnk_rng_uniform(&rng);
        if (u >= from && u < to) row[n++] = i;
    }
    assert_ok(mnk_table_select(t, row, n, &out, &err));
    mnk_free(row);
    return out;
}

static mnk_table *open_table(const char *name, const char *label, const char *person) {
    const char *path = test_real_data(name);
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *t;
    mnk_table_options options = {.label_column = label, .person_column = person};
    if (!path) return NULL;
    assert_ok(mnk_table_open(path, &options, NULL, &t, &err));
    return t;
}

static mnk_result *judge(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                         const mnk_table_models_config *c) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r;
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    assert_ok(mnk_table_models(train, holdout, synthetic, c, NULL, r, &err));
    for (size_t k = 0; k < r->metrics; k++) /* a value, or why there is none */
        if (isnan(r->metric[k].value) && !*r->metric[k].note) fail_msg("%s: no value, no note", r->metric[k].id);
    return r;
}

/* 569 x 30 without a heading of its own. */
static mnk_table *wdbc(const char *path) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s;
    mnk_table *t;
    char line[2048];
    int32_t code;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_ok(mnk_schema_new(31, &s, &err));
    for (size_t c = 0; c < 31; c++) {
        char name[16];
        snprintf(name, sizeof name, "x%zu", c);
        assert_ok(mnk_schema_text(&s->column[c].name, name, &err));
    }
    s->column[30].type = MNK_COLUMN_CATEGORY;
    s->column[30].roles = MNK_COLUMN_IS_LABEL;
    assert_ok(mnk_schema_add_level(s, 30, "malignant", &code, &err));
    assert_ok(mnk_schema_add_level(s, 30, "benign", &code, &err));
    assert_ok(mnk_table_new(s, 569, &t, &err));
    assert_non_null(fgets(line, sizeof line, f));
    for (size_t i = 0; i < 569; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        char *at = line;
        for (size_t c = 0; c < 30; c++) t->number[c][i] = strtod(at, &at), at++;
        t->code[30][i] = (int32_t)strtol(at, NULL, 10);
    }
    fclose(f);
    assert_ok(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

/* A normal distribution for each class: right in the means and covariances, wrong in all else. */
static mnk_table *class_normal(const mnk_table *t) {
    enum { D = 30 };
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *out;
    assert_ok(mnk_table_new(t->schema, t->n, &out, &err));
    for (int32_t k = 0; k < 2; k++) {
        double mean[D] = {0}, a[D * D] = {0}, unused[D] = {0}, n = 0;
        for (size_t i = 0; i < t->n; i++) n += t->code[D][i] == k;
        for (size_t c = 0; c < D; c++)
            for (size_t i = 0; i < t->n; i++) mean[c] += t->code[D][i] == k ? t->number[c][i] / n : 0.0;
        for (size_t i = 0; i < t->n; i++)
            for (size_t c = 0; c < D * D && t->code[D][i] == k; c++)
                a[c] += (t->number[c / D][i] - mean[c / D]) * (t->number[c % D][i] - mean[c % D]) / (n - 1.0);
        for (size_t c = 0; c < D; c++) a[c * D + c] *= 1.0 + 1e-6;
        assert_int_equal(mnk_solve_definite(a, D, unused), -1); /* a: its Cholesky factor */
        for (size_t i = 0; i < t->n; i++) {
            if (t->code[D][i] != k) continue;
            double z[D];
            mnk_rng rng = mnk_rng_at(5, MNK_PURPOSE_TEST, i, 9);
            for (size_t c = 0; c < D; c++) z[c] = mnk_rng_normal(&rng);
            out->code[D][i] = k;
            for (size_t c = 0; c < D; c++) {
                out->number[c][i] = mean[c];
                for (size_t j = 0; j <= c; j++) out->number[c][i] += a[c * D + j] * z[j];
            }
        }
    }
    assert_ok(mnk_table_finish(out, &err));
    return out;
}

/* The blind spots of evaluation practice: logistic two-sample tests do not see shuffled columns, boosting does; copies give an
 * AUC far below 0.5, which clipping would hide; models of shuffled rows are useless, whatever the marginals. */
static void test_breast_cancer(void **state) {
    (void)state;
    const char *path = test_real_data("tables_small/breast_cancer_wdbc.csv");
    if (!path) skip();
    mnk_table *all = wdbc(path), *train = part(all, 1, 0.0, 0.6), *holdout = part(all, 1, 0.6, 1.0);
    mnk_table *floor = patients_shuffled(train, 3), *normal = class_normal(train);
    mnk_table_models_config c;
    mnk_table_models_defaults(&c);
    mnk_result *r = judge(train, holdout, floor, &c), *q = judge(train, holdout, train, &c);
    const mnk_metric *m = found(r, "c2st.boosting", "");
    if (!(m->low > 0.85)) fail_msg("shuffled columns: boosting %.3f", m->value);
    assert_true(found(r, "c2st.logistic", "")->value < 0.55);
    if (!(fabs(reference_of(m, "holdout") - 0.5) < 0.12)) fail_msg("holdout %.3f", reference_of(m, "holdout"));
    m = found(q, "c2st_copying.boosting", "");
    if (!(m->high < 0.35 && q->warnings == 1)) fail_msg("copies: %.3f", m->value);
    m = found(q, "macro_auc.tstr.boosting", "");
    assert_true(m->value > 0.96 && found(q, "macro_auc.tstr.logistic", "")->value > 0.97);
    if (!(found(r, "macro_auc.tstr.boosting", "")->value < 0.8)) fail_msg("shuffled columns, still useful");
    assert_true(found(r, "macro_auc_gain.tstr.boosting", "")->high < -0.1);
    mnk_result_close(r);
    r = judge(train, holdout, normal, &c); /* as good a teacher as the real rows, and yet seen by boosting alone */
    m = found(r, "c2st.boosting", "");
    if (!(m->value > 0.65 && m->value < 0.97)) fail_msg("class-conditional normal: boosting %.3f", m->value);
    assert_true(found(r, "c2st.logistic", "")->value < 0.6 && found(r, "c2st_copying.boosting", "")->low > 0.5);
    assert_true(found(r, "macro_auc.tstr.boosting", "")->value > 0.94);
    mnk_result_close(r);
    mnk_result_close(q);
    mnk_table_close(normal);
    mnk_table_close(all);
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_table_close(floor);
}

/* Real rows in the place of synthetic ones cannot be told from train, and teach as well. */
static void test_support2(void **state) {
    (void)state;
    mnk_table *all = open_table("support2/support2_dev.csv", "hospdead", NULL);
    static const char *const later[] = {"sno",    "sps",   "aps",    "surv2m",  "surv6m",  "prg2m",   "prg6m", "dnr",
                                        "dnrday", "sfdm2", "totcst", "totmcst", "charges", "avtisst", "slos",  "hday"};
    if (!all) skip();
    for (size_t k = 0; k < sizeof later / sizeof *later; k++) role(all, later[k], MNK_COLUMN_IS_IGNORE);
    role(all, "d.time", MNK_COLUMN_IS_TIME);
    role(all, "death", MNK_COLUMN_IS_EVENT);
    role(all, "sex", MNK_COLUMN_IS_SUBGROUP);
    role(all, "race", MNK_COLUMN_IS_SUBGROUP);
    mnk_table *train = part(all, 2, 0.0, 0.4), *holdout = part(all, 2, 0.4, 0.7), *fresh = part(all, 2, 0.7, 1.0);
    mnk_table_models_config c;
    mnk_table_models_defaults(&c);
    c.effect = "Surv(d.time, death) ~ age + sex + ca; hospdead ~ age + sex";
    mnk_result *r = judge(train, holdout, fresh, &c);
    const mnk_metric *m = found(r, "c2st.boosting", "");
    if (!(m->low < 0.5 && m->high > 0.5)) fail_msg("fresh rows: %.3f [%.3f, %.3f]", m->value, m->low, m->high);
    static const char *const gains[] = {"c_index_gain.tstr.boosting", "c_index_gain.tstr.cox", "macro_auc_gain.tstr.boosting"};
    for (int k = 0; k < 3; k++)
        if (!(found(r, gains[k], "")->value > -0.04)) fail_msg("%s %.3f", gains[k], found(r, gains[k], "")->value);
    assert_true(found(r, "c_index.trtr.cox", "")->low > 0.62 && found(r, "macro_auc.trtr.logistic", "")->low > 0.75);
    m = found(r, "brier.trtr.cox", "");
    assert_true(m->value < 0.21 && m->value < reference_of(m, "floor"));
    assert_true(found(r, "hazard_ratio.train", "d.time ~ age")->low > 1.0);
    assert_true(found(r, "effect_agreement", "d.time")->value > 0.7);
    assert_true(found(r, "subgroup_auc.tstr.boosting", "sex=male")->low > 0.7);
    mnk_result_close(r);
    mnk_table_close(all);
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_table_close(fresh);
}

static void test_diabetes(void **state) {
    (void)state;
    mnk_table *all = open_table("diabetes130/diabetic_data_dev.csv.gz", "readmitted", "patient_nbr");
    if (!all) skip();
    mnk_table *train = part(all, 3, 0.0, 0.4), *holdout = part(all, 3, 0.4, 0.6), *fresh = part(all, 3, 0.6, 1.0);
    mnk_table_models_config c;
    mnk_table_models_defaults(&c);
    c.max_rows = 5000;
    c.c2st_rows = 2000;
    c.bootstrap = 100;
    c.seeds = 2;
    mnk_result *r = judge(train, holdout, fresh, &c);
    const mnk_metric *m = found(r, "c2st.boosting", "");
    if (!(m->low < 0.5 && m->high > 0.5)) fail_msg("fresh rows: %.3f [%.3f, %.3f]", m->value, m->low, m->high);
    m = found(r, "macro_auc.tstr.boosting", "");
    if (!(m->low > 0.58 && reference_of(m, "trtr") > 0.58)) fail_msg("TSTR %.3f", m->value);
    assert_non_null(strstr(m->note, "groups")); /* by person */
    mnk_result_close(r);
    mnk_table_close(all);
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_table_close(fresh);
}

/* Two hospitals: the other one's patients can be told apart at once (its missing values alone do), and teach less. */
static void test_two_hospitals(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *cleveland = open_table("heart_uci/cleveland.csv", "target", NULL), *hungarian;
    const char *path = test_real_data("heart_uci/hungarian.csv");
    if (!cleveland || !path) skip();
    mnk_table_options options = {.schema = cleveland->schema};
    assert_ok(mnk_table_open(path, &options, NULL, &hungarian, &err));
    mnk_table *train = part(cleveland, 4, 0.0, 0.6), *holdout = part(cleveland, 4, 0.6, 1.0);
    mnk_table_models_config c;
    mnk_table_models_defaults(&c);
    mnk_result *r = judge(train, holdout, hungarian, &c);
    const mnk_metric *m = found(r, "c2st.boosting", "");
    if (!(m->low > 0.9 && reference_of(m, "holdout") < 0.7)) fail_msg("the other hospital: %.3f", m->value);
    assert_true(r->warnings >= 1); /* classes 2 to 4 of Cleveland are not in Hungary */
    mnk_result_close(r);
    mnk_table_close(cleveland);
    mnk_table_close(hungarian);
    mnk_table_close(train);
    mnk_table_close(holdout);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_breast_cancer),
        cmocka_unit_test(test_support2),
        cmocka_unit_test(test_diabetes),
        cmocka_unit_test(test_two_hospitals),
    };
    return MNK_RUN_TESTS("table_models_real", tests);
}
