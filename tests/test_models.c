#include "test.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "evaluate/models/model.h"
#include "golden/models_golden.h"
#include "math/auc.h"
#include "math/cox.h"
#include "math/glm.h"
#include "math/survival.h"

enum { N = sizeof golden_time / sizeof *golden_time, D = 3 };

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance * fmax(1e-3, fabs(want)))) fail_msg("got %.17g, want %.17g", got, want);
}

static void as_double(const unsigned char *from, double *to) {
    for (int i = 0; i < N; i++) to[i] = from[i];
}

/* R glm() and lm(), scikit-learn with ridge. */
static void test_regressions(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    double y[N];
    as_double(golden_y, y);
    mnk_glm m;
    mnk_glm_problem p = {MNK_GLM_LOGISTIC, N, D, golden_x, y, golden_weight, NULL, 0.0};
    assert_ok(mnk_glm_fit(&p, &m, &err));
    assert_true(m.converged && m.singular < 0);
    for (int j = 0; j < 4; j++) near(m.beta[j], golden_logistic[j], 1e-8);
    for (int j = 0; j < 16; j++) near(m.covariance[j], golden_logistic[4 + j], 1e-7);
    mnk_glm_close(&m);
    p.ridge = 2.5;
    assert_ok(mnk_glm_fit(&p, &m, &err));
    for (int j = 0; j < 4; j++) near(m.beta[j], golden_logistic_ridge[j], 1e-6);
    mnk_glm_close(&m);
    p = (mnk_glm_problem){MNK_GLM_LINEAR, N, D, golden_x, golden_z, NULL, NULL, 0.0};
    assert_ok(mnk_glm_fit(&p, &m, &err));
    for (int j = 0; j < 4; j++) near(m.beta[j], golden_linear[j], 1e-9);
    for (int j = 0; j < 16; j++) near(m.covariance[j], golden_linear[4 + j], 1e-9);
    mnk_glm_close(&m);
    p.ridge = 2.5;
    assert_ok(mnk_glm_fit(&p, &m, &err));
    for (int j = 0; j < 4; j++) near(m.beta[j], golden_linear_ridge[j], 1e-9);
    mnk_glm_close(&m);
}

/* Separated and collinear columns are told, not guessed. */
static void test_regressions_without_answer(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    double x[40], y[20];
    mnk_glm m;
    for (int i = 0; i < 20; i++) x[2 * i] = i, x[2 * i + 1] = 3.0 - 2.0 * i, y[i] = i % 3 == 0;
    mnk_glm_problem p = {MNK_GLM_LOGISTIC, 20, 2, x, y, NULL, NULL, 0.0};
    assert_ok(mnk_glm_fit(&p, &m, &err));
    assert_true(!m.converged && m.singular == 2);
    mnk_glm_close(&m);
    for (int i = 0; i < 20; i++) y[i] = i > 9, x[i] = i;
    p.d = 1;
    assert_ok(mnk_glm_fit(&p, &m, &err));
    assert_true(!m.converged || sqrt(m.covariance[3]) > 100.0);
    mnk_glm_close(&m);
    x[7] = NAN;
    assert_int_equal(mnk_glm_fit(&p, &m, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "row 7"));
}

static void cox_case(mnk_cox_ties ties, const double *weight, const double *want) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_cox_problem p = {N, D, golden_x, golden_time, golden_event, weight, 0.0, ties};
    mnk_cox m;
    assert_ok(mnk_cox_fit(&p, &m, &err));
    assert_true(m.converged);
    for (int j = 0; j < 3; j++) near(m.beta[j], want[j], 1e-7);
    for (int j = 0; j < 9; j++) near(m.covariance[j], want[3 + j], 1e-6);
    near(m.objective, want[12], 1e-10);
    mnk_cox_close(&m);
}

/* R survival: coxph with both ways with ties, with and without weights; basehaz; survfit; concordance. */
static void test_survival(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    static const double at[] = {1, 2, 4, 6};
    cox_case(MNK_COX_EFRON, NULL, golden_cox_efron);
    cox_case(MNK_COX_BRESLOW, NULL, golden_cox_breslow);
    cox_case(MNK_COX_EFRON, golden_weight, golden_cox_efron_weighted);
    cox_case(MNK_COX_BRESLOW, golden_weight, golden_cox_breslow_weighted);
    double score[N], influence[N];
    for (int i = 0; i < N; i++) {
        score[i] = 0.0;
        for (int j = 0; j < D; j++) score[i] += golden_cox_breslow[j] * golden_x[i * D + j];
    }
    mnk_baseline b;
    assert_ok(mnk_baseline_fit(score, golden_time, golden_event, NULL, N, &b, &err));
    for (int k = 0; k < 4; k++) near(mnk_baseline_at(&b, at[k]), golden_baseline[k], 1e-8);
    assert_true(mnk_baseline_at(&b, 0.1) == 0.0);
    mnk_baseline_close(&b);
    mnk_km km;
    assert_ok(mnk_km_fit(golden_time, golden_event, N, false, &km, &err));
    for (int k = 0; k < 4; k++) near(mnk_km_at(&km, at[k]), golden_km[k], 1e-12);
    mnk_km_close(&km);
    mnk_concordance c;
    assert_ok(mnk_concordance_harrell(golden_time, golden_event, golden_risk, N, influence, &c, &err));
    near(c.value, golden_concordance[0], 1e-13);
    near(mnk_influence_covariance(influence, influence, N), golden_concordance[1], 1e-10);
    assert_true(c.concordant == golden_pairs[1] && c.tied == golden_pairs[2] && c.pairs == golden_pairs[3]);
}

static void test_brier(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    static const double at[] = {1, 2, 4, 6};
    enum { M = 33 };
    double grid[M], survival[N * M], value, influence[N];
    mnk_km censoring;
    assert_ok(mnk_km_fit(golden_time, golden_event, N, true, &censoring, &err));
    for (int k = 0; k < 4; k++) {
        near(mnk_km_at(&censoring, at[k]), golden_censoring[2 * k], 1e-12);
        near(mnk_km_before(&censoring, at[k]), golden_censoring[2 * k + 1], 1e-12);
    }
    for (int k = 0; k < M; k++) grid[k] = 8.0 * k / (M - 1);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < M; k++) survival[i * M + k] = exp(-0.05 * grid[k] * exp(golden_risk[i]));
    assert_ok(mnk_brier_integrated(golden_time, golden_event, N, &censoring, grid, M, survival, influence, &value, &err));
    near(value, golden_ibs[0], 1e-11);
    double sum = 0.0;
    for (int i = 0; i < N; i++) sum += influence[i];
    assert_true(fabs(sum) < 1e-12);
    mnk_km_close(&censoring);
    uint8_t none[N] = {0};
    mnk_cox_problem p = {N, D, golden_x, golden_time, none, NULL, 0.0, MNK_COX_EFRON};
    mnk_cox m;
    assert_int_equal(mnk_cox_fit(&p, &m, &err), MNK_ERR_INPUT);
}

/* ---- the table of models ---- */

/* Two informative columns (the second by its square, which no linear model sees), one of noise. */
static void made(size_t n, uint64_t seed, mnk_task task, mnk_training *t) {
    mnk_error err = MNK_ERROR_INIT;
    *t = (mnk_training){.features = {n, 3, 3, NULL, NULL}};
    assert_ok(MNK_NEW(t->features.tree, n * 3, &err));
    assert_ok(MNK_NEW(t->features.linear, n * 3, &err));
    assert_ok(MNK_NEW(t->unit, n, &err));
    assert_ok(mnk_outcome_open(task, 3, n, &t->outcome, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_TEST, i, 0);
        double x[3], u = mnk_rng_uniform(&rng);
        for (int j = 0; j < 3; j++) t->features.linear[i * 3 + (size_t)j] = x[j] = mnk_rng_normal(&rng);
        for (int j = 0; j < 3; j++) t->features.tree[i * 3 + (size_t)j] = (float)x[j];
        double eta = 1.2 * x[0] + 0.9 * (x[1] * x[1] - 1.0);
        t->unit[i] = (int32_t)i;
        if (task == MNK_TASK_CLASSES) t->outcome.label[i] = u < 0.1 ? 2 : eta + 2.0 * mnk_rng_normal(&rng) > 0.0;
        if (task == MNK_TASK_NUMBER) t->outcome.value[i] = 50.0 + 10.0 * eta + 10.0 * mnk_rng_normal(&rng);
        if (task == MNK_TASK_SURVIVAL) {
            double life = mnk_rng_exponential(&rng) * exp(-eta), end = 2.0 * mnk_rng_exponential(&rng);
            t->outcome.value[i] = fmin(life, end);
            t->outcome.event[i] = life <= end;
        }
    }
}

/* scikit-learn's one-vs-rest logistic regression, ridge 1. */
static void test_one_vs_rest(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    double linear[N * D], prob[8 * 3];
    int32_t label[N], unit[N];
    memcpy(linear, golden_x, sizeof linear);
    for (int i = 0; i < N; i++) label[i] = golden_label[i], unit[i] = i;
    mnk_training t = {{N, 0, D, NULL, linear}, {MNK_TASK_CLASSES, N, 3, label, NULL, NULL}, unit};
    mnk_model_settings s = mnk_model_defaults(1);
    mnk_model *m;
    assert_ok(mnk_model_fit(&mnk_logistic, &t, &s, &m, &err));
    mnk_features some = {8, 0, D, NULL, linear};
    assert_ok(mnk_model_predict(m, &some, prob, &err));
    for (int i = 0; i < 24; i++) near(prob[i], golden_ovr[i], 1e-6);
    mnk_model_close(m);
}

/* xgboost's Python interface with the same settings. */
static void test_boosting_golden(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    float tree[N * D];
    double prob[8 * 3];
    int32_t label[N], unit[N];
    for (int i = 0; i < N * D; i++) tree[i] = (float)golden_x[i];
    for (int i = 0; i < N; i += 7) tree[i * D + 1] = NAN;
    mnk_model_settings s = mnk_model_defaults(1);
    s.patience = 0, s.rounds = 20;
    for (int classes = 2; classes <= 3; classes++) {
        for (int i = 0; i < N; i++) label[i] = classes == 2 ? golden_y[i] : golden_label[i], unit[i] = i;
        mnk_training t = {{N, D, 0, tree, NULL}, {MNK_TASK_CLASSES, N, classes, label, NULL, NULL}, unit};
        mnk_features some = {8, D, 0, tree, NULL};
        mnk_model *m;
        assert_ok(mnk_model_fit(&mnk_boosting, &t, &s, &m, &err));
        assert_ok(mnk_model_predict(m, &some, prob, &err));
        for (int i = 0; i < 8; i++)
            for (int k = 0; k < classes; k++) {
                double want = classes == 3 ? golden_boosting_softprob[3 * i + k] : golden_boosting_binary[i];
                near(prob[i * classes + k], classes == 2 && k == 0 ? 1.0 - want : want, 1e-6);
            }
        mnk_model_close(m);
    }
}

static double auc_of(const double *prob, int classes, int k, const mnk_outcome *o) {
    mnk_error err = MNK_ERROR_INIT;
    static double score[4000];
    static uint8_t positive[4000];
    mnk_auc a;
    for (size_t i = 0; i < o->n; i++) score[i] = prob[i * (size_t)classes + (size_t)k], positive[i] = o->label[i] == k;
    assert_ok(mnk_auc_delong(score, positive, o->n, NULL, &a, &err));
    return a.value;
}

/* Both models learn; boosting also what is not linear; nothing is learnt from shuffled labels. */
static void test_models_learn(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    static double prob[2000 * 3], null_prob[2000 * 3];
    mnk_training train, test, null;
    made(2000, 1, MNK_TASK_CLASSES, &train);
    made(2000, 1, MNK_TASK_CLASSES, &null);
    made(2000, 2, MNK_TASK_CLASSES, &test);
    for (size_t i = 0; i < 2000; i++) null.outcome.label[i] = test.outcome.label[(i * 7 + 3) % 2000];
    mnk_model_settings s = mnk_model_defaults(1);
    double auc[2] = {0, 0};
    for (int kind = 0; kind < 2; kind++) {
        mnk_model *m;
        const mnk_model_kind *k = mnk_model_kinds(MNK_TASK_CLASSES)[kind];
        assert_ok(mnk_model_fit(k, &train, &s, &m, &err));
        assert_ok(mnk_model_predict(m, &test.features, prob, &err));
        mnk_model_close(m);
        assert_ok(mnk_model_fit(k, &null, &s, &m, &err));
        assert_ok(mnk_model_predict(m, &test.features, null_prob, &err));
        mnk_model_close(m);
        auc[kind] = auc_of(prob, 3, 1, &test.outcome);
        double nothing = auc_of(null_prob, 3, 1, &test.outcome);
        if (!(nothing > 0.44 && nothing < 0.56)) fail_msg("%s: AUC %.3f from shuffled labels", k->name, nothing);
        for (int i = 0; i < 2000; i++) near(prob[3 * i] + prob[3 * i + 1] + prob[3 * i + 2], 1.0, 1e-5);
    }
    if (!(auc[0] > auc[1] + 0.04 && auc[1] > 0.65)) fail_msg("AUC %.3f boosting, %.3f logistic", auc[0], auc[1]);
    mnk_training_close(&train);
    mnk_training_close(&test);
    mnk_training_close(&null);
}

static void test_numbers_and_survival(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    static double out[2000], curve[2000 * 2];
    mnk_training train, test;
    mnk_model_settings s = mnk_model_defaults(1);
    mnk_model *m;
    double r2[2], c[2];
    for (int kind = 0; kind < 2; kind++) {
        made(2000, 3, MNK_TASK_NUMBER, &train);
        made(2000, 4, MNK_TASK_NUMBER, &test);
        assert_ok(mnk_model_fit(mnk_model_kinds(MNK_TASK_NUMBER)[kind], &train, &s, &m, &err));
        assert_ok(mnk_model_predict(m, &test.features, out, &err));
        mnk_model_close(m);
        double rss = 0, mean = 0, tss = 0;
        for (int i = 0; i < 2000; i++) mean += test.outcome.value[i] / 2000;
        for (int i = 0; i < 2000; i++)
            rss += pow(test.outcome.value[i] - out[i], 2), tss += pow(test.outcome.value[i] - mean, 2);
        r2[kind] = 1 - rss / tss;
        mnk_training_close(&train);
        mnk_training_close(&test);
        made(2000, 5, MNK_TASK_SURVIVAL, &train);
        made(2000, 6, MNK_TASK_SURVIVAL, &test);
        assert_ok(mnk_model_fit(mnk_model_kinds(MNK_TASK_SURVIVAL)[kind], &train, &s, &m, &err));
        assert_ok(mnk_model_predict(m, &test.features, out, &err));
        mnk_model_survival(m, out, 2000, (double[]){0.1, 1.0}, 2, curve);
        mnk_model_close(m);
        for (int i = 0; i < 2000; i++) assert_true(curve[2 * i] >= curve[2 * i + 1] && curve[2 * i] <= 1.0);
        mnk_concordance h;
        assert_ok(mnk_concordance_harrell(test.outcome.value, test.outcome.event, out, 2000, NULL, &h, &err));
        c[kind] = h.value;
        mnk_training_close(&train);
        mnk_training_close(&test);
    }
    if (!(r2[0] > r2[1] + 0.1 && r2[1] > 0.2)) fail_msg("R2 %.3f boosting, %.3f linear", r2[0], r2[1]);
    if (!(c[0] > c[1] + 0.02 && c[1] > 0.65)) fail_msg("c-index %.3f boosting, %.3f Cox", c[0], c[1]);
}

typedef struct fitting {
    const mnk_training *t;
    const mnk_features *test;
    double *out; /* [4][n*3] */
} fitting;

static void fit_in_thread(void *ctx, size_t i) {
    const fitting *f = ctx;
    mnk_error err = MNK_ERROR_INIT;
    mnk_model_settings s = mnk_model_defaults(i / 2);
    mnk_model *m = NULL;
    if (mnk_model_fit(mnk_model_kinds(MNK_TASK_CLASSES)[i % 2], f->t, &s, &m, &err) == MNK_OK &&
        mnk_model_predict(m, f->test, f->out + i * f->test->n * 3, &err) != MNK_OK)
        f->out[i * f->test->n * 3] = NAN;
    mnk_model_close(m);
}

static void test_threads(void **state) {
    (void)state;
    static double one[4 * 600 * 3], two[4 * 600 * 3];
    mnk_training train, test;
    made(1500, 7, MNK_TASK_CLASSES, &train);
    made(600, 8, MNK_TASK_CLASSES, &test);
    fitting f = {&train, &test.features, one};
    mnk_threads_set(1);
    mnk_parallel_for(4, fit_in_thread, &f);
    f.out = two;
    mnk_threads_set(2);
    mnk_parallel_for(4, fit_in_thread, &f);
    for (size_t i = 0; i < 2; i++) fit_in_thread(&f, i); /* and outside of a loop, with two threads about */
    assert_int_equal(mnk_threads(), 2);                  /* which xgboost leaves alone */
    mnk_threads_set(0);
    assert_memory_equal(one, two, sizeof one);
    assert_true(one[0] > 0.0 && one[0] < 1.0);
    assert_memory_not_equal(one, one + 2 * 600 * 3, 600 * 3 * sizeof *one); /* another seed, another model */
    mnk_training_close(&train);
    mnk_training_close(&test);
}

/* Classes without rows get probability 0; one class alone is predicted always. */
static void test_absent_classes(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    static double prob[300 * 3];
    mnk_training t;
    mnk_model *m;
    mnk_model_settings s = mnk_model_defaults(1);
    made(300, 9, MNK_TASK_CLASSES, &t);
    for (size_t i = 0; i < 300; i++)
        if (t.outcome.label[i] == 1) t.outcome.label[i] = 0;
    for (int kind = 0; kind < 2; kind++) {
        assert_ok(mnk_model_fit(mnk_model_kinds(MNK_TASK_CLASSES)[kind], &t, &s, &m, &err));
        assert_ok(mnk_model_predict(m, &t.features, prob, &err));
        mnk_model_close(m);
        for (int i = 0; i < 300; i++) assert_true(prob[3 * i + 1] == 0.0 && prob[3 * i] > 0.0 && prob[3 * i + 2] > 0.0);
    }
    for (size_t i = 0; i < 300; i++) t.outcome.label[i] = 2;
    assert_ok(mnk_model_fit(&mnk_boosting, &t, &s, &m, &err));
    assert_ok(mnk_model_predict(m, &t.features, prob, &err));
    mnk_model_close(m);
    assert_true(prob[0] == 0.0 && prob[1] == 0.0 && prob[2] == 1.0);
    mnk_training_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regressions),  cmocka_unit_test(test_regressions_without_answer),
        cmocka_unit_test(test_survival),     cmocka_unit_test(test_brier),
        cmocka_unit_test(test_one_vs_rest),  cmocka_unit_test(test_boosting_golden),
        cmocka_unit_test(test_models_learn), cmocka_unit_test(test_numbers_and_survival),
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_absent_classes),
    };
    return MNK_RUN_TESTS("models", tests);
}
