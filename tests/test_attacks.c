#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "evidence/policy.h"
#include "golden/attacks_golden.h"
#include "manikin/attack.h"
#include "math/kde.h"
#include "patients.h"
#include "privacy/attacks/attack.h"
#include "privacy/attacks/disclosure.h"
#include "privacy/attacks/judge.h"
#include "privacy/attacks/sets.h"
#include "privacy/attacks/shadow.h"
#include "privacy/attacks/singling_out.h"

static void near(double got, double wanted, double tolerance) {
    if (!(fabs(got - wanted) <= tolerance * fmax(1, fabs(wanted)))) fail_msg("%.15g instead of %.15g", got, wanted);
}

/* The points of attacks_golden.py. */
static float *points(size_t n, size_t d, size_t salt) {
    float *x = mnk_alloc(n * d, sizeof *x);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = (float)((double)(((i + salt) * 37 + j * 61 + (i + salt) * (i + 3) * (j + 5) * 13) % 1009) / 1009);
    return x;
}

static void test_statistics_against_golden(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    float *s = points(40, 3, 0), *r = points(30, 3, 500), *t = points(12, 3, 900);
    double out[12];
    mnk_kde kde;
    assert_ok(mnk_kde_open(s, 40, 3, &kde, &err));
    assert_ok(mnk_kde_log(&kde, t, 12, out, &err));
    for (size_t i = 0; i < 12; i++) near(out[i], golden_log_kde[i], 1e-6); /* points are f32 here, f64 there */
    mnk_kde_close(&kde);
    mnk_attack_problem p = {0};
    assert_ok(mnk_points_open(s, 40, 3, NULL, &p.points[MNK_SIDE_SYNTHETIC], &err));
    assert_ok(mnk_points_open(r, 30, 3, NULL, &p.points[MNK_SIDE_REFERENCE], &err));
    assert_ok(mnk_points_open(t, 12, 3, NULL, &p.points[MNK_SIDE_TARGET], &err));
    /* distances of the sweep are f32 products */
    assert_ok(mnk_attack_distance(&p, out, &err));
    for (size_t i = 0; i < 12; i++) near(out[i], golden_distance[i], 1e-5);
    assert_ok(mnk_attack_distance_calibrated(&p, out, &err));
    for (size_t i = 0; i < 12; i++) near(out[i], golden_calibrated[i], 1e-5);
    assert_ok(mnk_attack_monte_carlo(&p, out, &err));
    for (size_t i = 0; i < 12; i++) near(out[i], golden_monte_carlo[i], 1e-12);
    mnk_attack_problem_close(&p);
    mnk_free(s);
    mnk_free(r);
    mnk_free(t);
}

static void test_risks_against_golden(void **state) {
    (void)state;
    const double *golden[] = {golden_risk_0, golden_risk_1, golden_risk_2, golden_risk_3};
    for (size_t k = 0; k < 4; k++) {
        const double *g = golden[k];
        const mnk_risk r = mnk_risk_of(g[0], (size_t)g[1], g[2], (size_t)g[3], g[4]);
        near(r.value, g[5], 1e-9), near(r.low, g[6], 1e-9), near(r.high, g[7], 1e-9);
    }
    assert_true(isnan(mnk_risk_of(0, 0, 0, 10, .95).value));
    assert_true(isnan(mnk_risk_of(10, 10, 10, 10, .95).value)); /* always right on unseen rows: nothing left to learn */
    static const size_t match[] = {0, 1, 1, 2, 3, 0, 5, 1, 8, 1};
    near(mnk_singling_expected(match, 10, 50, 50), golden_singling[0], 1e-9);
    near(mnk_singling_expected(match, 10, 50, 20), golden_singling[1], 1e-9);
    near(mnk_singling_expected(match, 10, 50, 1), golden_singling[2], 1e-9);
    near(mnk_singling_expected(match, 10, 50, 200), golden_singling_beyond[0], 0.01); /* weights on a grid of 1 % */
}

/* Persons stay on one side; nobody twice; caps hold. */
static void test_dealing(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    int32_t person[200];
    uint8_t side[50] = {0};
    mnk_attack_config c;
    mnk_attack_deal d;
    mnk_attack_defaults(&c);
    for (int i = 0; i < 200; i++) person[i] = (i * 7) % 50;
    assert_ok(mnk_attack_deal_open(100, 200, 90, NULL, person, &c, &d, &err));
    assert_int_equal(d.members, 100);
    assert_int_equal(d.references + d.others, 200);
    assert_int_equal(d.references, 100); /* persons have four rows each */
    assert_int_equal(d.synthetics, 90);
    for (size_t i = 0; i < d.references; i++) side[person[d.reference[i]]] |= 1;
    for (size_t i = 0; i < d.others; i++) side[person[d.other[i]]] |= 2;
    for (int p = 0; p < 50; p++) assert_true(side[p] == 1 || side[p] == 2);
    mnk_attack_deal_close(&d);
    c.max_items = 60;
    assert_ok(mnk_attack_deal_open(100, 200, 90, NULL, person, &c, &d, &err));
    assert_int_equal(d.members, 60);
    for (size_t i = 1; i < d.members; i++) assert_true(d.member[i] > d.member[i - 1] && d.member[i] < 100);
    mnk_attack_deal_close(&d);
}

/* ---- textbook figures ---- */

/* zip, age (coarse), salary, disease of nine people: the 3-diverse table of Li, Li & Venkatasubramanian (2007), tables 3 and 4;
 * its first class has salaries 3k, 4k, 5k at a distance of 0.375 from the whole. */
static void test_anonymity_of_textbook_table(void **state) {
    (void)state;
    static const char *const names[] = {"class", "salary", "disease"};
    static const int32_t class[9] = {0, 0, 0, 1, 1, 1, 2, 2, 2}, disease[9] = {0, 1, 2, 1, 3, 4, 4, 5, 2};
    static const double salary[9] = {3, 4, 5, 6, 11, 8, 7, 9, 10};
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s;
    mnk_table *t;
    mnk_anonymous a;
    size_t quasi = 0;
    const mnk_columns one = {1, &quasi}, none = {0, &quasi};
    assert_ok(mnk_schema_new(3, &s, &err));
    for (size_t c = 0; c < 3; c++) {
        assert_ok(mnk_schema_text(&s->column[c].name, names[c], &err));
        s->column[c].type = c == 1 ? MNK_COLUMN_NUMERIC : MNK_COLUMN_CATEGORY;
        for (int32_t v = 0, code; v < 6 && c != 1; v++)
            assert_ok(mnk_schema_add_level(s, c, (const char[]){(char)('a' + v), 0}, &code, &err));
    }
    assert_ok(mnk_table_new(s, 9, &t, &err));
    for (size_t i = 0; i < 9; i++) t->code[0][i] = class[i], t->number[1][i] = salary[i], t->code[2][i] = disease[i];
    assert_ok(mnk_table_finish(t, &err));
    assert_ok(mnk_anonymity_of(t, &one, 1, &a, &err));
    assert_int_equal(a.k, 3);
    assert_int_equal(a.l, 3);
    near(a.l_entropy, 3, 1e-12);
    near(a.t, 0.375, 1e-12); /* {6k, 8k, 11k} alone would be 0.167 */
    assert_ok(mnk_anonymity_of(t, &none, 1, &a, &err));
    assert_int_equal(a.k, 9);
    near(a.t, 0, 1e-12);
    assert_ok(mnk_anonymity_of(t, &one, 2, &a, &err));
    assert_int_equal(a.l, 3);
    near(a.t, 1.0 / 2 * (2.0 / 9 + 1.0 / 9 + 1.0 / 9 + 1.0 / 9 + 2.0 / 9 + 1.0 / 9), 1e-12); /* equal distance: third class */
    t->code[2][1] = 0;  /* two of the first class have the same disease */
    t->code[0][0] = -1; /* missing is a class of its own */
    assert_ok(mnk_anonymity_of(t, &one, 2, &a, &err));
    assert_int_equal(a.k, 1);
    assert_int_equal(a.l, 1);
    near(a.l_entropy, 1, 1e-12);
    mnk_table_close(t);
    mnk_schema_close(s);
}

/* ---- whole audits of tables ---- */

static mnk_table *some(mnk_schema *s, size_t n, uint64_t seed) {
    return patients(s, &(patients_options){.n = n, .seed = seed, .strength = 1.0, .offset = seed * 100000});
}

static const mnk_metric *metric(const mnk_result *r, const char *id, const char *encoding) {
    const mnk_metric *m = mnk_result_find(r, id, encoding, "");
    if (!m) fail_msg("no metric %s", id);
    return m;
}

static mnk_attack_config quick(void) {
    mnk_attack_config c;
    mnk_attack_defaults(&c);
    c.attempts = 150;
    c.quasi = "age,sex,site,code";
    c.sensitive = "died,cost";
    return c;
}

static mnk_result *audit(const mnk_table *t, const mnk_table *h, const mnk_table *s, const mnk_attack_config *c) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    assert_ok(mnk_attack_tables(t, h, s, NULL, c, NULL, &r, &err));
    return r;
}

static void test_copy_of_train_is_caught(void **state) {
    (void)state;
    mnk_schema *s = patients_schema();
    mnk_table *train = some(s, 300, 1), *holdout = some(s, 300, 2);
    const mnk_attack_config c = quick();
    mnk_result *r = audit(train, holdout, train, &c);
    assert_true(metric(r, "exact_copies", "")->value == 1);
    assert_true(metric(r, "max_attack_auc", "mixed")->low > 0.95);
    assert_true(metric(r, "control_attack_auc", "mixed")->low > 0.95);
    assert_true(metric(r, "epsilon_lower_bound", "mixed")->value > 2);
    assert_true(metric(r, "risk.singling_out", "")->value > 0.95);
    assert_true(metric(r, "risk.linkability", "")->value > 0.95);
    assert_true(metric(r, "risk.inference", "")->value > 0.9);
    assert_true(isnan(metric(r, "max_tpr_0.1", "mixed")->value));
    assert_non_null(strstr(metric(r, "max_tpr_0.1", "mixed")->note, "not estimable: 150 non-members, 2995 are needed"));
    const mnk_metric *risk = metric(r, "risk.singling_out_multivariate", "");
    assert_true(risk->n > 0 && risk->n <= 150);
    size_t flagged = 0;
    for (size_t i = 0; i < r->flags; i++) flagged += strcmp(r->flag[i].flag, "at_risk") == 0;
    assert_int_equal(flagged, 20);
    mnk_result_close(r);
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_schema_close(s);
}

/* Fresh samples of the population: the corrected interval covers 1/2, in (nearly) all of several audits. */
static void test_fresh_sample_is_not_accused(void **state) {
    (void)state;
    enum { AUDITS = 6 };
    size_t accused = 0, risky = 0;
    mnk_schema *s = patients_schema();
    for (uint64_t k = 0; k < AUDITS; k++) {
        mnk_table *train = some(s, 300, 10 + 3 * k), *holdout = some(s, 400, 11 + 3 * k), *fresh = some(s, 300, 12 + 3 * k);
        mnk_attack_config c = quick();
        c.seed = k + 1, c.hide_real = true;
        mnk_result *r = audit(train, holdout, fresh, &c);
        const mnk_metric *m = metric(r, "max_attack_auc", "mixed");
        assert_true(m->high > 0.5 && reference_of(m, "copy") > 0.95);
        accused += m->low > 0.5;
        assert_true(metric(r, "null_false_alarms", "mixed")->value <= 0.12);
        assert_true(metric(r, "exact_copies", "")->value == 0);
        static const char *const risks[] = {"risk.singling_out", "risk.linkability", "risk.inference"};
        for (size_t i = 0; i < 3; i++) risky += metric(r, risks[i], "")->low > 0.05;
        for (size_t i = 0; i < r->flags; i++) { /* no real record is named */
            assert_string_not_equal(r->flag[i].flag, "at_risk");
            assert_int_equal(r->flag[i].of, -1);
        }
        mnk_result_close(r);
        mnk_table_close(train);
        mnk_table_close(holdout);
        mnk_table_close(fresh);
    }
    assert_true(accused <= 1); /* P(2 or more of 6 at 5 %) = 0.03 */
    assert_true(risky <= 1);
    mnk_schema_close(s);
}

/* A leak between the extremes: a third of the synthetic rows are training rows with noise. */
static void test_partial_leak_is_seen(void **state) {
    (void)state;
    mnk_schema *s = patients_schema();
    mnk_table *train = some(s, 300, 40), *holdout = some(s, 400, 41), *made = some(s, 300, 42);
    for (size_t i = 0; i < 300; i += 2)
        for (size_t c = 0; c < P_COLUMNS; c++) {
            if (c == P_PERSON) continue;
            if (train->code[c]) made->code[c][i] = train->code[c][i];
            else made->number[c][i] = train->number[c][i] * (c == P_AGE || c == P_COST ? 1.002 : 1);
        }
    const mnk_attack_config c = quick();
    mnk_result *r = audit(train, holdout, made, &c);
    const mnk_metric *m = metric(r, "max_attack_auc", "mixed");
    assert_true(m->low > 0.55 && m->value < 0.95);
    assert_true(metric(r, "exact_copies", "")->value == 0);
    assert_true(metric(r, "near_copies", "mixed")->value > 0.3);
    assert_true(metric(r, "risk.linkability", "")->low > 0.1);
    mnk_result_close(r);
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_table_close(made);
    mnk_schema_close(s);
}

static void test_same_bytes_for_any_threads(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = patients_schema();
    mnk_table *train = some(s, 120, 50), *holdout = some(s, 120, 51), *made = some(s, 120, 52);
    const mnk_attack_config c = quick();
    char *json[2];
    const int threads = mnk_threads();
    for (int k = 0; k < 2; k++) {
        mnk_threads_set(k + 1);
        mnk_result *r = audit(train, holdout, made, &c);
        r->threads = 0, r->wall_s = 0;
        assert_ok(mnk_result_json(r, &json[k], &err));
        mnk_result_close(r);
    }
    mnk_threads_set(threads);
    assert_string_equal(json[0], json[1]);
    mnk_free(json[0]);
    mnk_free(json[1]);
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_table_close(made);
    mnk_schema_close(s);
}

static void refused(const mnk_table *t, const mnk_table *h, const mnk_table *s, const mnk_attack_config *c, mnk_status code,
                    const char *says) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    assert_int_equal(mnk_attack_tables(t, h, s, NULL, c, NULL, &r, &err), code);
    if (!strstr(err.message, says)) fail_msg("\"%s\" does not say \"%s\"", err.message, says);
    assert_null(r);
}

static void test_bad_input_is_refused(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = patients_schema();
    mnk_table *train = some(s, 100, 60), *holdout = some(s, 100, 61), *made = some(s, 100, 62), *few = some(s, 20, 63), *twins;
    mnk_attack_config c = quick();
    size_t row[100];
    refused(train, NULL, made, &c, MNK_ERR_USAGE, "--holdout is missing");
    refused(train, few, made, &c, MNK_ERR_INPUT, "holdout has 20 rows; the attacks need at least 40");
    refused(train, train, made, &c, MNK_ERR_INPUT, "is in train, too");
    for (size_t i = 0; i < 100; i++) row[i] = i;
    assert_ok(mnk_table_select(train, row, 50, &twins, &err));
    for (size_t i = 0; i < 50; i++) twins->number[P_PERSON][i] += 1e6; /* other names, the same rows */
    refused(train, twins, made, &c, MNK_ERR_INPUT, "50 of its 50 rows are equal to one of train");
    holdout->number[P_PERSON][7] = train->number[P_PERSON][3];
    refused(train, holdout, made, &c, MNK_ERR_INPUT, "the person of row 8 of the holdout is in train, too");
    holdout->number[P_PERSON][7] = 5e8;
    for (size_t col = 0; col < P_COLUMNS; col++)
        if (col != P_PERSON && train->code[col]) holdout->code[col][9] = train->code[col][4];
        else if (col != P_PERSON) holdout->number[col][9] = train->number[col][4];
    refused(train, holdout, made, &c, MNK_ERR_INPUT, "1 of its 100 rows are equal");
    mnk_table_close(holdout);
    holdout = some(s, 100, 61);
    c.quasi = "agee";
    refused(train, holdout, made, &c, MNK_ERR_USAGE, "did you mean \"age\"?");
    c.quasi = "age,died";
    refused(train, holdout, made, &c, MNK_ERR_USAGE, "quasi-identifier and sensitive");
    c.quasi = "age", c.link = "age,sex";
    refused(train, holdout, made, &c, MNK_ERR_USAGE, "separated by /");
    c.link = "age,sex/sex";
    refused(train, holdout, made, &c, MNK_ERR_USAGE, "stands on both sides");
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_table_close(made);
    mnk_table_close(few);
    mnk_table_close(twins);
    mnk_schema_close(s);
}

/* ---- shadows ---- */

static mnk_status repeats(void *ctx, const mnk_table *train, uint64_t seed, mnk_table **out, mnk_error *err) {
    size_t row[1000];
    (void)ctx;
    for (size_t i = 0; i < train->n; i++) row[i] = (i * 7 + seed) % train->n; /* every row in some order */
    return mnk_table_select(train, row, train->n, out, err);
}

static mnk_status ignores(void *ctx, const mnk_table *train, uint64_t seed, mnk_table **out, mnk_error *err) {
    (void)err;
    (void)ctx;
    *out = some(train->schema, train->n, 7000 + seed);
    return MNK_OK;
}

/* A generator that repeats its rows gives every target away; one that does not look at them none. */
static void test_shadows(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = patients_schema();
    mnk_table *train = some(s, 100, 70), *holdout = some(s, 101, 71);
    size_t target[4], outside = 0;
    mnk_auc auc[4];
    mnk_shadows shadows = {repeats, NULL, 40, 4, 1, 0.95};
    assert_ok(mnk_shadow_targets(train, holdout, 4, target, &err));
    assert_ok(mnk_shadow_run(&shadows, train, holdout, target, NULL, auc, &err));
    for (int t = 0; t < 4; t++)
        assert_true(auc[t].value == 1 && auc[t].positives > 8 && auc[t].positives + auc[t].negatives == 40);
    shadows.make = ignores;
    assert_ok(mnk_shadow_run(&shadows, train, holdout, target, NULL, auc, &err));
    for (int t = 0; t < 4; t++) {
        double low, high;
        mnk_auc_interval(&auc[t], 0.99, MNK_AUC_LOGIT, &low, &high);
        outside += low > 0.5 || high < 0.5;
    }
    assert_int_equal(outside, 0);
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_schema_close(s);
}

/* ---- policy ---- */

static void test_policy(void **state) {
    (void)state;
    static const char good[] =
        "manikin_policy: 1\ntitle: partners\ngate:\n  - max_attack_auc.high <= 0.6\n  - risk.singling_out.high <= 0.1\n"
        "  - exact_copies <= 0\n";
    static const struct {
        const char *text, *says;
        mnk_status code;
    } bad[] = {{"gate:\n  - a <= 1\n", "its first line must be manikin_policy: 1", MNK_ERR_INPUT},
               {"manikin_policy: 1\n", "no threshold", MNK_ERR_INPUT},
               {"manikin_policy: 2\ngate:\n  - a <= 1\n", "newer version", MNK_ERR_VERSION},
               {"manikin_policy: 1\ngate:\n  - a = 1\n", "p.yaml:3", MNK_ERR_INPUT},
               {"manikin_policy: 1\ngates:\n  - a <= 1\n", "p.yaml:2:1: unknown", MNK_ERR_INPUT},
               {"manikin_policy: 1\ngate: a <= 1\n", "a list named gate", MNK_ERR_INPUT}};
    mnk_error err = MNK_ERROR_INIT;
    mnk_policy p;
    mnk_gate gate[MNK_GATES_MAX];
    mnk_result *r;
    assert_ok(mnk_policy_parse(good, strlen(good), "p.yaml", &p, &err));
    assert_int_equal(p.rules, 3);
    assert_string_equal(p.title, "partners");
    assert_ok(mnk_result_open("audit", 1, &r, &err));
    mnk_metric *m = mnk_result_add_metric(r, "max_attack_auc", "membership");
    m->value = 0.5, m->low = 0.4, m->high = 0.61;
    m = mnk_result_add_metric(r, "risk.singling_out", "disclosure");
    m->value = 0.02, m->low = 0, m->high = 0.1;
    assert_ok(mnk_policy_judge(&p, r, gate, &err));
    assert_true(!gate[0].met && gate[0].value == 0.61 && gate[1].met && !gate[2].met && isnan(gate[2].value));
    assert_string_equal(metric(r, "gate.1", "")->verdict, "not met");
    assert_string_equal(metric(r, "gate.2", "")->verdict, "met");
    assert_int_equal(mnk_gates_check(gate, 3, "p.yaml", &err), MNK_ERR_GATE);
    assert_non_null(
        strstr(err.message, "2 of 3 thresholds of p.yaml were not met: max_attack_auc.high <= 0.6 (0.61, and others)"));
    mnk_result_close(r);
    mnk_policy_close(&p);
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        mnk_error_clear(&err);
        assert_int_equal(mnk_policy_parse(bad[k].text, strlen(bad[k].text), "p.yaml", &p, &err), bad[k].code);
        if (!strstr(err.message, bad[k].says)) fail_msg("\"%s\" does not say \"%s\"", err.message, bad[k].says);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics_against_golden),
        cmocka_unit_test(test_risks_against_golden),
        cmocka_unit_test(test_dealing),
        cmocka_unit_test(test_anonymity_of_textbook_table),
        cmocka_unit_test(test_copy_of_train_is_caught),
        cmocka_unit_test(test_fresh_sample_is_not_accused),
        cmocka_unit_test(test_partial_leak_is_seen),
        cmocka_unit_test(test_same_bytes_for_any_threads),
        cmocka_unit_test(test_bad_input_is_refused),
        cmocka_unit_test(test_shadows),
        cmocka_unit_test(test_policy),
    };
    return MNK_RUN_TESTS("attacks", tests);
}
