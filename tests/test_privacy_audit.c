#include "test.h"

#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "math/stats.h"
#include "privacy/audit.h"

static mnk_error err = MNK_ERROR_INIT;

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance * (want == 0.0 ? 1.0 : fabs(want)))) fail_msg("got %.17g, want %.17g", got, want);
}

static void test_clopper_pearson(void **state) {
    (void)state;
    static const double golden[][3] = {
        {0, 0, .003682083897}, {5, .001625419518, .01162947056}, {500, .468549173, .531450827}, {990, .981686757, .995194489}};
    for (size_t i = 0; i < 4; i++) {
        double low, high;
        mnk_clopper_pearson(golden[i][0], 1000, .95, &low, &high);
        near(low, golden[i][1], 1e-9);
        near(high, golden[i][2], 1e-9);
    }
}

static void test_epsilon(void **state) {
    (void)state;
    near(mnk_audit_epsilon(500, 1000, 500, 1000, 0, .95), 0, 0);
    near(mnk_audit_epsilon(100, 1000, 1, 1000, 1e-5, .95), 2.692476571, 1e-9);
    near(mnk_audit_epsilon(200, 1000, 10, 1000, 1e-5, .95), 2.260644438, 1e-9);
    near(mnk_audit_epsilon_cap(1000, 1000, 1e-5, .95), 5.600577494, 1e-9);
    near(mnk_audit_epsilon_cap(10000, 10000, 0, .95), 7.904833181, 1e-9);
    /* the other side of the threshold: an attack that is sure of non-members */
    near(mnk_audit_epsilon(999, 1000, 900, 1000, 1e-5, .95), mnk_audit_epsilon(100, 1000, 1, 1000, 1e-5, .95), 1e-12);
    assert_true(isnan(mnk_audit_epsilon(11, 10, 0, 10, 0, .95)));
    near(mnk_audit_epsilon(0, 0, 0, 0, 0, .95), 0, 0);
}

static void test_one_run(void **state) {
    (void)state;
    static const double golden[][5] = {
        {1000, 600, 600, 1e-5, 5.2703995},  {100, 100, 100, 1e-5, 3.4902160},   {1000, 1000, 500, 0, 0},
        {1000, 1000, 600, 0, .2974679},     {1000, 1000, 800, 1e-5, 1.2539841}, {1000, 100, 95, 1e-5, 2.1651758},
        {10000, 1000, 900, 1e-5, 2.0151945}};
    for (size_t i = 0; i < 7; i++)
        near(mnk_audit_one_run((uint64_t)golden[i][0], (uint64_t)golden[i][1], (uint64_t)golden[i][2], golden[i][3], .95),
             golden[i][4], 1e-7);
    assert_true(isnan(mnk_audit_one_run(10, 5, 6, 0, .95)) && isnan(mnk_audit_one_run(10, 11, 6, 0, .95)));
    near(mnk_audit_one_run(10, 0, 0, 0, .95), 0, 0);
    double before = 0;
    for (uint64_t v = 50; v <= 100; v++) { /* better guesses never prove less */
        double e = mnk_audit_one_run(1000, 100, v, 1e-5, .95);
        assert_true(e >= before);
        before = e;
    }
}

/* Randomised response with a known epsilon, audited 400 times: the bound may exceed the truth in at most 5 % of audits. */
static void test_coverage(void **state) {
    (void)state;
    enum { AUDITS = 400, M = 500 };
    static const double truth[] = {.1, 1, 3};
    for (int t = 0; t < 3; t++) {
        int above = 0, above_one_run = 0;
        double mean = 0;
        for (int a = 0; a < AUDITS; a++) {
            mnk_rng rng = mnk_rng_at(11, MNK_PURPOSE_TEST, (uint64_t)a, (uint32_t)t);
            uint64_t tp = 0, fp = 0, right = 0;
            const double p = 1 / (1 + exp(-truth[t]));
            for (int i = 0; i < M; i++) {
                tp += mnk_rng_uniform(&rng) < p, fp += mnk_rng_uniform(&rng) >= p;
                right += mnk_rng_uniform(&rng) < p;
            }
            double e = mnk_audit_epsilon(tp, M, fp, M, 0, .95), one = mnk_audit_one_run(M, M, right, 0, .95);
            above += e > truth[t], above_one_run += one > truth[t];
            mean += one / AUDITS;
        }
        double low, high;
        mnk_clopper_pearson(above, AUDITS, .99, &low, &high);
        assert_true(low <= .05);
        mnk_clopper_pearson(above_one_run, AUDITS, .99, &low, &high);
        assert_true(low <= .05);
        assert_true(truth[t] < 1 || mean > .7 * truth[t]); /* and it is not idle */
    }
}

static void test_power(void **state) {
    (void)state;
    assert_true(mnk_audit_non_members_needed(.001) == 2995 && mnk_audit_non_members_needed(.01) == 299 &&
                mnk_audit_non_members_needed(.1) == 29);
    enum { N = 6000 };
    double *score;
    uint8_t *member;
    mnk_audit_power p;
    assert_ok(MNK_NEW(score, N, &err));
    assert_ok(MNK_NEW(member, N, &err));
    for (int i = 0; i < N; i++) member[i] = i & 1, score[i] = i / 2 % 3000 + (member[i] ? 1500 : 0); /* 3000 of each */
    assert_ok(mnk_audit_power_at(score, member, N, .001, .95, &p, &err));
    assert_true(p.is_estimable && p.fpr <= .001);
    near(p.fpr, .001, 1e-12); /* three of 3000 */
    near(p.tpr, 1503.0 / 3000, 1e-12);
    double low, high;
    mnk_clopper_pearson(1503, 3000, .95, &low, &high);
    near(p.tpr_low, low, 1e-12);
    near(p.tpr_high, high, 1e-12);
    assert_ok(mnk_audit_power_at(score, member, 5000, .001, .95, &p, &err)); /* 2500 non-members: silence, not 0 % */
    assert_true(!p.is_estimable && isnan(p.tpr) && p.needed == 2995);
    for (int i = 0; i < N; i++) score[i] = 1; /* all tied: nobody can be singled out */
    assert_ok(mnk_audit_power_at(score, member, N, .1, .95, &p, &err));
    assert_true(p.tpr == 0 && p.fpr == 0);
    score[7] = NAN;
    assert_true(mnk_audit_power_at(score, member, N, .1, .95, &p, &err) == MNK_ERR_INPUT);
    mnk_error_clear(&err);
    mnk_free(score);
    mnk_free(member);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clopper_pearson), cmocka_unit_test(test_epsilon),
                                       cmocka_unit_test(test_one_run), cmocka_unit_test(test_coverage),
                                       cmocka_unit_test(test_power)};
    return MNK_RUN_TESTS("privacy_audit", tests);
}
