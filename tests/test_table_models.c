#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "evaluate/models/formula.h"
#include "evaluate/models/gaps.h"
#include "evaluate/models/scores.h"
#include "golden/models_golden.h"
#include "manikin/fairness.h"
#include "manikin/usefulness_table.h"
#include "math/auc.h"
#include "patients.h"

enum { N = sizeof golden_time / sizeof *golden_time };

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance * fmax(1e-3, fabs(want)))) fail_msg("got %.17g, want %.17g", got, want);
}

static mnk_result *result(void) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r;
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    r->threads = 0;
    return r;
}

static mnk_table_models_config quick(void) {
    mnk_table_models_config c;
    mnk_table_models_defaults(&c);
    c.rounds = 60;
    c.bootstrap = 100;
    return c;
}

static mnk_table *some(mnk_schema *s, size_t n, uint64_t seed, double strength) {
    return patients(s, &(patients_options){.n = n, .seed = seed, .strength = strength, .offset = seed * 100000});
}

/* ---- scores ---- */

/* Influence numbers against the derivative they stand for: the score with one item weighted a little more. */
static void test_influence(void **state) {
    (void)state;
    double predicted[N], influence[N];
    for (int i = 0; i < N; i++) predicted[i] = golden_x[3 * i];
    mnk_scored s = {0, influence};
    for (int which = 0; which < 2; which++) {
        (which ? mnk_score_r2 : mnk_score_rmse)(golden_z, predicted, N, &s);
        double sum = 0.0;
        for (int i = 0; i < N; i++) sum += influence[i];
        assert_true(fabs(sum) < 1e-9);
        for (int i = 0; i < N; i += 17) { /* weight of item i: 1 + h */
            double h = 1e-6, w = 0, sy = 0, sse = 0, sst = 0;
            for (int j = 0; j < N; j++) w += j == i ? 1 + h : 1, sy += golden_z[j] * (j == i ? 1 + h : 1);
            for (int j = 0; j < N; j++) {
                sse += (j == i ? 1 + h : 1) * pow(golden_z[j] - predicted[j], 2);
                sst += (j == i ? 1 + h : 1) * pow(golden_z[j] - sy / w, 2);
            }
            double moved = which ? 1 - sse / sst : sqrt(sse / w);
            near((moved - s.value) / h * N / sqrt(N * (N - 1.0)), influence[i], 1e-4);
        }
    }
    int32_t unit[4] = {0, 0, 1, 1};
    double a[4] = {1, 2, -3, 1}, b[4] = {0, 1, 0, 1};
    near(mnk_influence_sd(a, NULL, unit, 4), sqrt(9 + 4), 1e-12);
    near(mnk_influence_sd(a, b, unit, 4), sqrt(4 + 9), 1e-12);
    near(mnk_influence_sd(a, NULL, NULL, 4), sqrt(15), 1e-12);
}

/* scikit-learn and numpy. */
static void test_calibration(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    double slope, se, ece;
    assert_ok(mnk_calibration_slope(golden_p, golden_y, N, &slope, &se, &err));
    near(slope, golden_calibration[0], 1e-6);
    assert_true(se > 0.05 && se < 1.0);
    assert_ok(mnk_calibration_ece(golden_p, golden_y, N, 10, &ece, &err));
    near(ece, golden_calibration[1], 1e-12);
    mnk_gap_rows r = {.n = N, .positive = golden_y, .predicted = golden_p, .groups = 1, .threshold = 0.5};
    int32_t group[N] = {0};
    r.group = group;
    mnk_group_rates rate;
    assert_ok(mnk_group_rates_of(&r, NULL, &rate, &err));
    near(rate.error, golden_calibration[2], 1e-12);
}

/* A rule that is lenient to one group has a gap far from chance; a fair one has not. */
static void test_gaps(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    enum { M = 1200 };
    static uint8_t y[M];
    static double fair[M], biased[M];
    static int32_t group[M];
    for (size_t i = 0; i < M; i++) {
        mnk_rng rng = mnk_rng_at(5, MNK_PURPOSE_TEST, i, 0);
        double p = mnk_rng_uniform(&rng);
        y[i] = mnk_rng_uniform(&rng) < p;
        group[i] = (int32_t)(i % 3);
        fair[i] = p;
        biased[i] = group[i] == 2 ? fmin(1.0, p + 0.3) : p;
    }
    mnk_gap odds, calibration;
    mnk_gap_rows r = {.n = M, .positive = y, .predicted = fair, .group = group, .groups = 3, .threshold = 0.5};
    assert_ok(mnk_gaps(&r, 200, 0.95, 1, &odds, &calibration, &err));
    assert_true(odds.value < 0.15 && calibration.value < 0.08 && odds.chance > 0.02 && odds.chance < 0.12);
    r.predicted = biased;
    assert_ok(mnk_gaps(&r, 200, 0.95, 1, &odds, &calibration, &err));
    if (!(odds.low > 0.25 && odds.low <= odds.value && odds.high >= odds.value)) fail_msg("odds %.3f", odds.value);
    assert_true(calibration.low > 0.15 && (calibration.group[0] == 2 || calibration.group[1] == 2));
    mnk_group_rates g[3];
    assert_ok(mnk_group_rates_of(&r, NULL, g, &err));
    double tp = 0, pos = 0;
    for (int i = 2; i < M; i += 3) tp += y[i] && biased[i] >= 0.5, pos += y[i];
    near(g[2].tpr, tp / pos, 1e-12);
    r.groups = 1;
    assert_ok(mnk_gaps(&r, 200, 0.95, 1, &odds, &calibration, &err));
    assert_true(isnan(odds.value));
}

/* ---- usefulness ---- */

static void test_classes(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = patients_schema();
    s->column[P_TIME].roles = s->column[P_EVENT].roles = MNK_COLUMN_IS_IGNORE;
    s->column[P_COST].roles = MNK_COLUMN_IS_IGNORE;
    mnk_table *train = some(s, 1200, 1, 1.0), *test = some(s, 800, 2, 1.0), *good = some(s, 1500, 3, 1.0);
    mnk_table *bad = patients_shuffled(good, 4);
    mnk_table_models_config c = quick();
    c.fairness = false;
    mnk_result *r = result(), *q = result();
    assert_ok(mnk_table_usefulness(train, test, good, &c, NULL, r, &err));
    assert_ok(mnk_table_usefulness(train, test, bad, &c, NULL, q, &err));
    assert_true(r->warnings == 0);
    static const char *const kinds[] = {"boosting", "logistic"};
    for (int k = 0; k < 2; k++) {
        char id[64], gain[64];
        snprintf(id, sizeof id, "macro_auc.tstr.%s", kinds[k]);
        snprintf(gain, sizeof gain, "macro_auc_gain.tstr.%s", kinds[k]);
        const mnk_metric *m = found(r, id, ""), *g = found(r, gain, "");
        if (!(m->value > 0.66 && m->low < m->value && m->high > m->value)) fail_msg("%s %.3f", id, m->value);
        assert_true(fabs(reference_of(m, "floor") - 0.5) < 0.1 && reference_of(m, "trtr") > 0.66);
        if (!(g->low < 0.02 && g->high > -0.02)) fail_msg("%s %.3f [%.3f, %.3f]", gain, g->value, g->low, g->high);
        m = found(q, id, ""), g = found(q, gain, "");
        if (!(fabs(m->value - 0.5) < 0.1 && g->high < -0.05)) fail_msg("shuffled: %s %.3f, gain %.3f", id, m->value, g->value);
        snprintf(id, sizeof id, "macro_auc.trts.%s", kinds[k]);
        assert_true(found(r, id, "")->value > 0.66 && fabs(found(q, id, "")->value - 0.5) < 0.1);
        snprintf(id, sizeof id, "macro_auc.trs.%s", kinds[k]);
        assert_true(found(r, id, "")->value > 0.66);
    }
    mnk_result_close(r);
    mnk_result_close(q);
    /* nobody dies in the synthetic table: not dropped, but wrong */
    r = result();
    for (size_t i = 0; i < good->n; i++) good->code[P_DIED][i] = 0;
    assert_ok(mnk_table_usefulness(train, test, good, &c, NULL, r, &err));
    assert_true(found(r, "auc.tstr.boosting", "yes")->value == 0.5);
    assert_non_null(strstr(found(r, "auc.tstr.boosting", "yes")->note, "absent"));
    double deaths = 0;
    for (size_t i = 0; i < test->n; i++) deaths += test->code[P_DIED][i];
    near(found(r, "accuracy.tstr.logistic", "")->value, 1.0 - deaths / (double)test->n, 1e-9);
    assert_int_equal(r->warnings, 1);
    assert_non_null(strstr(r->warning[0], "no synthetic row of class \"yes\""));
    mnk_result_close(r);
    mnk_table_close(train);
    mnk_table_close(test);
    mnk_table_close(good);
    mnk_table_close(bad);
    mnk_schema_close(s);
}

static void test_numbers_and_survival(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = patients_schema();
    s->column[P_DIED].roles = MNK_COLUMN_IS_IGNORE;
    s->column[P_COST].roles = MNK_COLUMN_IS_LABEL;
    mnk_table *train = some(s, 1000, 1, 1.0), *test = some(s, 700, 2, 1.0), *good = some(s, 1000, 3, 1.0);
    mnk_table *bad = patients_shuffled(good, 4);
    mnk_table_models_config c = quick();
    c.fairness = false;
    mnk_result *r = result(), *q = result();
    assert_ok(mnk_table_usefulness(train, test, good, &c, NULL, r, &err));
    assert_ok(mnk_table_usefulness(train, test, bad, &c, NULL, q, &err));
    static const char *const linear[] = {"linear", "cox"};
    for (int survival = 0; survival < 2; survival++)
        for (int k = 0; k < 2; k++) {
            char id[64], gain[64];
            const char *name = survival ? "c_index" : "r2", *kind = k ? linear[survival] : "boosting";
            double nothing = survival ? 0.5 : 0.0;
            snprintf(id, sizeof id, "%s.tstr.%s", name, kind);
            snprintf(gain, sizeof gain, "%s_gain.tstr.%s", name, kind);
            const mnk_metric *m = found(r, id, ""), *g = found(r, gain, "");
            if (!(m->low > nothing + 0.12 && reference_of(m, "trtr") > nothing + 0.12)) fail_msg("%s %.3f", id, m->value);
            if (!(g->low < 0.03 && g->high > -0.03)) fail_msg("%s %.3f [%.3f, %.3f]", gain, g->value, g->low, g->high);
            m = found(q, id, ""), g = found(q, gain, "");
            if (!(m->value < nothing + 0.1 && g->high < -0.05)) fail_msg("shuffled: %s %.3f", id, m->value);
        }
    const mnk_metric *brier = found(r, "brier.tstr.cox", "");
    assert_true(brier->value < reference_of(brier, "floor") - 0.02 && found(q, "brier_gain.tstr.cox", "")->low > 0.01);
    assert_true(found(r, "rmse.tstr.linear", "")->value < found(q, "rmse.tstr.linear", "")->value);
    mnk_result_close(r);
    mnk_result_close(q);
    r = result(); /* no synthetic patient has an event */
    for (size_t i = 0; i < good->n; i++) good->number[P_EVENT][i] = 0.0;
    assert_ok(mnk_table_usefulness(train, test, good, &c, NULL, r, &err));
    assert_true(found(r, "c_index.tstr.boosting", "")->value == 0.5);
    mnk_result_close(r);
    r = result();
    for (size_t i = 0; i < good->n; i++) good->number[P_COST][i] = NAN;
    assert_int_equal(mnk_table_usefulness(train, test, good, &c, NULL, r, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "cost"));
    mnk_result_close(r);
    mnk_table_close(train);
    mnk_table_close(test);
    mnk_table_close(good);
    mnk_table_close(bad);
    mnk_schema_close(s);
}

/* ---- fairness ---- */

/* The generator knows nothing of men: models trained on its rows fail on men, and on men alone. */
static void test_fairness(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = patients_schema();
    s->column[P_TIME].roles = s->column[P_EVENT].roles = s->column[P_COST].roles = MNK_COLUMN_IS_IGNORE;
    mnk_table *train = some(s, 2000, 1, 1.6), *test = some(s, 1200, 2, 1.6);
    mnk_table *blind = patients(s, &(patients_options){.n = 2000, .seed = 3, .strength = 1.6, .male_strength = -3.2});
    for (size_t i = 0; i < test->n; i++) /* site c: 12 rows */
        if (test->code[P_SITE][i] == 2 && i > 240) test->code[P_SITE][i] = 0;
    mnk_table_models_config c = quick();
    c.seeds = 2;
    mnk_result *r = result();
    assert_ok(mnk_table_usefulness(train, test, blind, &c, NULL, r, &err));
    const mnk_metric *men = found(r, "subgroup_auc_gain.tstr.boosting", "sex=male");
    const mnk_metric *women = found(r, "subgroup_auc_gain.tstr.boosting", "sex=female");
    if (!(men->high < -0.3 && women->low > -0.08)) fail_msg("men %.3f, women %.3f", men->value, women->value);
    const mnk_metric *worst = found(r, "worst_group_auc.tstr.boosting", "");
    assert_non_null(strstr(worst->note, "male"));
    assert_true(worst->value < 0.4 && worst->low < worst->value && reference_of(worst, "trtr") > 0.7);
    const mnk_metric *few = found(r, "subgroup_auc.tstr.boosting", "site=c");
    assert_true(isnan(few->value) && isnan(few->low));
    assert_non_null(strstr(few->note, "too few"));
    assert_true(found(r, "subgroup_auc.tstr.boosting", "sex=male & site=a")->value < 0.4);
    assert_true(isnan(found(r, "subgroup_slope.tstr.boosting", "site=c")->value));
    const mnk_metric *slope = found(r, "subgroup_slope.tstr.boosting", "sex=male");
    assert_true(slope->high < 0.0 && found(r, "subgroup_slope.trtr.boosting", "sex=male")->low > 0.5);
    const mnk_metric *odds = found(r, "equalised_odds_gap.tstr.boosting", "sex");
    if (!(odds->low > reference_of(odds, "chance") && odds->value > reference_of(odds, "trtr")))
        fail_msg("odds gap %.3f, chance %.3f", odds->value, reference_of(odds, "chance"));
    assert_true(found(r, "calibration_gap.trtr.boosting", "site")->value < 0.15);
    mnk_result_close(r);
    mnk_table_close(train);
    mnk_table_close(test);
    mnk_table_close(blind);
    mnk_schema_close(s);
}

typedef struct seen {
    size_t groups, pairs, rows;
    bool fine;
} seen;

static mnk_status look(void *ctx, const mnk_subgroup_rows *rows, mnk_error *err) {
    seen *s = ctx;
    (void)err;
    s->groups++;
    s->pairs += rows->group->pair;
    s->rows += rows->group->pair ? 0 : rows->train_n;
    s->fine &= rows->group->number == s->groups && !rows->holdout && rows->synthetic != NULL;
    return MNK_OK;
}

static void test_subgroups(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = patients_schema();
    s->column[P_AGE].roles = MNK_COLUMN_IS_SUBGROUP;
    mnk_table *t = some(s, 400, 1, 1.0);
    seen all = {.fine = true};
    assert_ok(mnk_subgroups_each(t, NULL, t, true, look, &all, &err));
    assert_true(all.fine);
    assert_int_equal(all.groups - all.pairs, 4 + 2 + 3); /* quartiles of age, sex, site */
    assert_int_equal(all.rows, 3 * 400);                 /* each column's subgroups are everybody */
    assert_true(all.pairs <= 4 * 2 + 4 * 3 + 2 * 3 && all.pairs >= 24);
    s->column[P_AGE].roles = 0;
    s->column[P_CODE].roles = MNK_COLUMN_IS_SUBGROUP;
    mnk_subgroups *g;
    bool truncated;
    assert_ok(mnk_subgroups_open(t, false, &g, &truncated, &err));
    assert_true(truncated && mnk_subgroups_count(g) == 25);
    mnk_subgroups_close(g);
    mnk_table_close(t);
    mnk_schema_close(s);
}

/* ---- effects ---- */

static void test_formula(void **state) {
    (void)state;
    mnk_schema *s = patients_schema();
    mnk_formula f;
    mnk_error err = MNK_ERROR_INIT;
    assert_ok(mnk_formula_parse(" died = yes ~ age+ sex +`marker`", s, &f, &err));
    assert_true(!f.survival && f.outcome == P_DIED && f.terms == 3 && f.term[2] == P_MARKER);
    assert_string_equal(f.positive, "yes");
    assert_ok(mnk_formula_parse("Surv(time , event)~age", s, &f, &err));
    assert_true(f.survival && f.outcome == P_TIME && f.event == P_EVENT && f.terms == 1);
    static const char *const bad[] = {"",
                                      "died",
                                      "died ~",
                                      "died ~ age +",
                                      "died ~ age * sex",
                                      "died ~ age + age",
                                      "died ~ died",
                                      "Surv(time) ~ age",
                                      "Surv(time, event ~ age",
                                      "died ~ `age",
                                      "died = ~ age",
                                      "~ age",
                                      "died ~ age sex",
                                      "died ~ (age)"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        mnk_error_clear(&err);
        if (mnk_formula_parse(bad[k], s, &f, &err) != MNK_ERR_USAGE) fail_msg("\"%s\" was taken", bad[k]);
    }
    mnk_error_clear(&err);
    assert_int_equal(mnk_formula_parse("died ~ agee", s, &f, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.hint, "\"age\""));
    mnk_schema_close(s);
}

/* The generator's own coefficients come back; fresh rows agree with train, rows without any effect do not. */
static void test_effects(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = patients_schema();
    mnk_table *train = some(s, 3000, 1, 1.0), *holdout = some(s, 3000, 2, 1.0), *good = some(s, 3000, 3, 1.0);
    mnk_table *bad = some(s, 3000, 4, 0.0);
    mnk_table_models_config c = quick();
    for (int survival = 0; survival < 2; survival++) {
        const char *formula = survival ? "Surv(time, event) ~ age + sex + marker" : "died ~ age + sex + marker";
        const char *age = survival ? "time ~ age" : "died ~ age", *sex = survival ? "time ~ sex=male" : "died ~ sex=male";
        const char *ratio = survival ? "hazard_ratio.train" : "odds_ratio.train", *all = survival ? "time" : "died";
        mnk_result *r = result(), *q = result();
        assert_ok(mnk_table_effects(train, holdout, good, formula, &c, r, &err));
        assert_ok(mnk_table_effects(train, holdout, bad, formula, &c, q, &err));
        const mnk_metric *m = found(r, ratio, age);
        if (!(m->low < exp(0.08) && m->high > exp(0.08))) fail_msg("age %.4f [%.4f, %.4f]", m->value, m->low, m->high);
        m = found(r, ratio, sex);
        if (!(m->low < exp(-0.7) && m->high > exp(-0.7))) fail_msg("sex %.4f [%.4f, %.4f]", m->value, m->low, m->high);
        m = found(r, "effect_bias", sex);
        assert_true(m->low < 0.0 && m->high > 0.0);
        m = found(q, "effect_bias", age);
        if (!(m->high < -0.05)) fail_msg("bias of age without effect %.4f", m->value);
        assert_true(found(r, "effect_overlap", age)->value > 0.2 && found(q, "effect_overlap", age)->value < 0.0);
        assert_true(found(r, "effect_agreement", all)->value == 1.0 && found(q, "effect_agreement", all)->value < 0.4);
        assert_true(reference_of(found(q, "effect_overlap_mean", all), "holdout") > 0.2);
        mnk_result_close(r);
        mnk_result_close(q);
    }
    /* levels that synthetic rows lack, an outcome that a term separates */
    mnk_result *r = result();
    for (size_t i = 0; i < good->n; i++) {
        if (good->code[P_SITE][i] == 2) good->code[P_SITE][i] = 0;
        if (good->code[P_SEX][i] == 1) good->code[P_DIED][i] = 0;
    }
    assert_ok(mnk_table_effects(train, NULL, good, "died ~ site + sex + age", &c, r, &err));
    assert_true(isnan(found(r, "odds_ratio.synthetic", "died ~ site=c")->value));
    assert_true(isnan(found(r, "odds_ratio.synthetic", "died ~ sex=male")->value));
    assert_true(!isnan(found(r, "odds_ratio.train", "died ~ site=c")->value));
    assert_true(!isnan(found(r, "odds_ratio.synthetic", "died ~ site=b")->value));
    assert_non_null(strstr(found(r, "odds_ratio.synthetic", "died ~ site=c")->note, "not estimable"));
    mnk_result_close(r);
    r = result();
    assert_int_equal(mnk_table_effects(train, NULL, good, "died ~ code", &c, r, &err), MNK_ERR_USAGE);
    mnk_result_close(r);
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_table_close(good);
    mnk_table_close(bad);
    mnk_schema_close(s);
}

/* ---- all together ---- */

static void test_threads(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = patients_schema();
    mnk_table *train = patients(s, &(patients_options){.n = 400, .seed = 1, .strength = 1.0, .rows_of_person = 2});
    mnk_table *test =
        patients(s, &(patients_options){.n = 300, .seed = 2, .strength = 1.0, .rows_of_person = 2, .offset = 5000});
    mnk_table *synthetic = some(s, 400, 3, 1.0);
    mnk_table_models_config c = quick();
    c.effect = "died ~ age + sex; Surv(time, event) ~ age;";
    char *text[2];
    for (int k = 0; k < 2; k++) {
        mnk_result *r = result();
        mnk_threads_set(k + 1);
        assert_ok(mnk_table_models(train, test, synthetic, &c, NULL, r, &err));
        assert_non_null(strstr(found(r, "macro_auc.tstr.boosting", "")->note, "groups")); /* intervals by person */
        assert_non_null(strstr(found(r, "c_index.tstr.cox", "")->note, "by person"));
        assert_non_null(found(r, "hazard_ratio.synthetic", "time ~ age"));
        assert_ok(mnk_result_json(r, &text[k], &err));
        mnk_result_close(r);
    }
    mnk_threads_set(0);
    assert_string_equal(text[0], text[1]);
    mnk_free(text[0]);
    mnk_free(text[1]);
    mnk_table_close(train);
    mnk_table_close(test);
    mnk_table_close(synthetic);
    mnk_schema_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_influence),
        cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_numbers_and_survival),
        cmocka_unit_test(test_fairness),
        cmocka_unit_test(test_subgroups),
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_effects),
        cmocka_unit_test(test_threads),
    };
    return MNK_RUN_TESTS("table_models", tests);
}
