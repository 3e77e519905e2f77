/* Poisson sampling where one person is replaced: the accountant's bound against the same bound computed another way, against a
 * pair of datasets that occurs, and against relations that must hold. Values: tests/golden/replace_one_golden.py. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "golden/replace_one_golden.h"
#include "manikin/privacy.h"
#include "privacy/closed.h"

#define COUNT(x) (sizeof(x) / sizeof *(x))

static mnk_error err = MNK_ERROR_INIT;

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance * fabs(want))) fail_msg("got %.17g, want %.17g", got, want);
}

/* Contributions clipped to 1: a person replaced changes the query by 2. */
static mnk_mechanisms replaced(double s, double q, uint64_t uses) {
    mnk_mechanisms list = {.neighbours = MNK_REPLACE_ONE};
    mnk_mechanism m = {.kind = MNK_MECHANISM_GAUSSIAN, .noise = s, .sensitivity = 2, .sampling_rate = q, .count = uses};
    assert_ok(mnk_mechanisms_add(&list, &m, &err));
    return list;
}

static mnk_mechanisms added(double s, double q, uint64_t uses) {
    mnk_mechanisms list = {.neighbours = MNK_ADD_REMOVE};
    mnk_mechanism m = {.kind = MNK_MECHANISM_GAUSSIAN, .noise = s, .sampling_rate = q, .count = uses};
    assert_ok(mnk_mechanisms_add(&list, &m, &err));
    return list;
}

static mnk_guarantee epsilon_of(mnk_mechanisms list, double delta) {
    mnk_guarantee g;
    assert_ok(mnk_privacy_epsilon(&list, delta, &g, &err));
    mnk_mechanisms_clear(&list);
    return g;
}

static mnk_guarantee delta_of(mnk_mechanisms list, double epsilon) {
    mnk_guarantee g;
    assert_ok(mnk_privacy_delta(&list, epsilon, &g, &err));
    mnk_mechanisms_clear(&list);
    return g;
}

static void test_bound(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(golden_replace_bound); i += 4) {
        const double *g = golden_replace_bound + i;
        mnk_guarantee got = delta_of(replaced(g[1], g[0], 1), g[2]);
        near(got.by_pld, g[3], 2e-6);
        assert_true(isnan(got.by_rdp) && isnan(got.by_exact) && isnan(got.rdp_order));
        assert_string_equal(got.method, "pld");
    }
}

static void test_not_below_a_pair(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(golden_replace_pair); i += 5) {
        const double *g = golden_replace_pair + i;
        double got = delta_of(replaced(g[1], g[0], (uint64_t)g[2]), g[3]).delta;
        assert_true(got >= g[4]);
        assert_true(got <= mnk_gaussian_delta(g[1] / 2 / sqrt(g[2]), g[3]) * (1 + 1e-9)); /* sampling does no harm */
    }
}

static void test_whole_batches(void **state) {
    (void)state;
    mnk_guarantee g = epsilon_of(replaced(3, 1, 4), 1e-5);
    near(g.epsilon, mnk_gaussian_epsilon(.75, 1e-5), 1e-12); /* 3 / 2 / sqrt(4) */
    assert_string_equal(g.method, "exact");
    assert_true(isfinite(g.by_rdp));
    near(delta_of(replaced(3, 1 - 1e-9, 4), 1).by_pld, mnk_gaussian_delta(.75, 1),
         1e-5); /* the bound ends where sampling does */
}

static void test_relations(void **state) {
    (void)state;
    static const double s[] = {1, 2, 5}, q[] = {.001, .02, .3};
    for (size_t i = 0; i < COUNT(s); i++)
        for (size_t k = 0; k < COUNT(q); k++) {
            const double e = epsilon_of(replaced(s[i], q[k], 100), 1e-5).epsilon;
            assert_true(e < epsilon_of(replaced(s[i], q[k], 120), 1e-5).epsilon);
            assert_true(e < epsilon_of(replaced(s[i], q[k] * 1.2, 100), 1e-5).epsilon);
            assert_true(e < epsilon_of(replaced(s[i] * .9, q[k], 100), 1e-5).epsilon);
            assert_true(e < epsilon_of(replaced(s[i], q[k], 100), 1e-6).epsilon);
            assert_true(e > epsilon_of(added(s[i], q[k], 100), 1e-5).epsilon); /* leaving a person out is half the way */
            near(delta_of(replaced(s[i], q[k], 100), e).delta, 1e-5, 1e-5);
        }
}

static void test_small_deltas(void **state) {
    (void)state; /* the curve is exact far out too: what one use loses is about what is asked for */
    double last = 0;
    for (double delta = 1e-4; delta > 1e-14; delta /= 100) {
        double e = epsilon_of(replaced(1.5, .01, 1000), delta).epsilon;
        assert_true(e > last && e < 30);
        last = e;
    }
}

static void test_lists_and_noise(void **state) {
    (void)state;
    mnk_guarantee g;
    double factor = 0;
    mnk_mechanism count = {.kind = MNK_MECHANISM_DISCRETE_LAPLACE, .noise = 20};
    mnk_mechanisms list = replaced(1, .02, 500), scaled;
    double alone = epsilon_of(replaced(1, .02, 500), 1e-5).epsilon;
    assert_ok(mnk_mechanisms_add(&list, &count, &err));
    assert_ok(mnk_privacy_epsilon(&list, 1e-5, &g, &err));
    assert_true(g.epsilon > alone && isnan(g.by_rdp));
    assert_ok(mnk_privacy_noise(&list, 2, 1e-5, &factor, &g, &err));
    assert_ok(mnk_mechanisms_scaled(&list, factor, &scaled, &err));
    near(epsilon_of(scaled, 1e-5).epsilon, g.epsilon, 1e-9);
    assert_true(g.epsilon <= 2 && g.epsilon > 2 * (1 - 1e-5));
    mnk_mechanisms_clear(&list);
    g = epsilon_of(replaced(.01, .02, 5), 1e-5); /* next to no noise: no method applies, nothing is promised */
    assert_true(isinf(g.epsilon) && *g.pld_note);
    assert_string_equal(g.method, "none");
    near(delta_of(replaced(.01, .02, 5), 1).delta, 1, 0);
}

static void test_report(void **state) {
    (void)state;
    mnk_result *r = NULL;
    mnk_guarantee g = epsilon_of(replaced(2, .02, 100), 1e-5);
    assert_ok(mnk_result_open("privacy epsilon", 0, &r, &err));
    mnk_guarantee_report(&g, r);
    assert_true(isnan(mnk_result_find(r, "epsilon_rdp", "", "")->value));
    assert_non_null(strstr(mnk_result_find(r, "epsilon", "", "")->note, "replaced"));
    mnk_result_close(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound),     cmocka_unit_test(test_not_below_a_pair), cmocka_unit_test(test_whole_batches),
        cmocka_unit_test(test_relations), cmocka_unit_test(test_small_deltas),     cmocka_unit_test(test_lists_and_noise),
        cmocka_unit_test(test_report),
    };
    return MNK_RUN_TESTS("privacy_replace", tests);
}
