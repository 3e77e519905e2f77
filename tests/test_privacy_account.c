/* The accountant against golden values (tests/golden/privacy_golden.py, and those of published test suites) and against
 * relations that must hold whatever the numbers are. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "golden/privacy_golden.h"
#include "math/fft_long.h"
#include "math/stats.h"
#include "privacy/closed.h"
#include "privacy/mechanism.h"
#include "privacy/pld.h"
#include "privacy/rdp.h"

#define COUNT(x) (sizeof(x) / sizeof *(x))

static mnk_error err = MNK_ERROR_INIT;

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance * (want == 0.0 ? 1.0 : fabs(want)))) fail_msg("got %.17g, want %.17g", got, want);
}

/* A list from "gaussian noise=1.1, …" specifications, NULL at the end. */
static mnk_mechanisms list_of(mnk_neighbours neighbours, const char *const *spec) {
    mnk_mechanisms list = {.neighbours = neighbours};
    for (; *spec; spec++) {
        mnk_mechanism m;
        assert_ok(mnk_mechanism_parse(*spec, &m, &err));
        assert_ok(mnk_mechanisms_add(&list, &m, &err));
    }
    return list;
}
#define LIST(...) list_of(MNK_ADD_REMOVE, (const char *const[]){__VA_ARGS__, NULL})

static mnk_mechanisms sampled(double s, double q, uint64_t steps) {
    mnk_mechanisms list = {0};
    mnk_mechanism m = {.kind = MNK_MECHANISM_GAUSSIAN, .noise = s, .sampling_rate = q, .count = steps};
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

/* ---- closed forms ---- */

static void test_log_cdf(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(golden_log_cdf); i += 2)
        near(mnk_normal_log_cdf(golden_log_cdf[i]), golden_log_cdf[i + 1], 1e-13);
}

static void test_gaussian_exact(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(golden_gaussian); i += 3) {
        near(mnk_gaussian_delta(golden_gaussian[i], golden_gaussian[i + 1]), golden_gaussian[i + 2], 1e-9);
        if (golden_gaussian[i + 1] > 0)
            near(mnk_gaussian_epsilon(golden_gaussian[i], golden_gaussian[i + 2]), golden_gaussian[i + 1], 1e-9);
    }
    static const double epsilon[] = {1,  1e-5, 4.377178095681, 4,    1e-6, 1.060701862328, .5, 1e-5, 9.997256146434,
                                     10, 1e-6, .396857377644,  3.73, 1e-5, 1.000185959537};
    for (size_t i = 0; i < COUNT(epsilon); i += 3) near(mnk_gaussian_epsilon(epsilon[i], epsilon[i + 1]), epsilon[i + 2], 1e-9);
    static const double noise[] = {1, 1e-5, 3.730631634816, .1, 1e-5, 30.749566131978, 2, 1e-6, 2.230476271186,
                                   8, 1e-5, .600229072199,  10, 1e-9, .650246918959};
    for (size_t i = 0; i < COUNT(noise); i += 3) near(mnk_gaussian_multiplier(noise[i], noise[i + 1]), noise[i + 2], 1e-9);
    near(mnk_gaussian_delta(1 / sqrt(1.0), 1), 0.12693673750664395, 1e-12); /* Google's three steps of sqrt 3 */
}

static void test_zcdp(void **state) {
    (void)state;
    static const double rho[] = {1,  1e-9, .014973057673589, 1, 1e-5, .030556595197640, .1, 1e-9, 1.7713844718502e-4,
                                 10, 1e-9, 1.0907857043970,  3, 1e-6, .18506984065340};
    for (size_t i = 0; i < COUNT(rho); i += 3) near(mnk_zcdp_rho(rho[i], rho[i + 1]), rho[i + 2], 1e-9);
    static const double epsilon[] = {.5, 1e-5, 4.728386984943, .1, 1e-6, 2.141938928385, 2, 1e-9, 14.150147553875};
    for (size_t i = 0; i < COUNT(epsilon); i += 3) near(mnk_zcdp_epsilon(epsilon[i], epsilon[i + 1]), epsilon[i + 2], 1e-9);
    near(mnk_zcdp_delta(.5, mnk_zcdp_epsilon(.5, 1e-5)), 1e-5, 1e-9);
    near(epsilon_of(LIST("zcdp rho=0.5"), 1e-5).epsilon, 4.728386984943, 1e-9);
    near(epsilon_of(LIST("zcdp rho=0.1,count=5"), 1e-5).epsilon, 4.728386984943, 1e-9);
}

static void test_discrete_gaussian(void **state) {
    (void)state;
    static const double golden[] = {1,   1,  .141351339406,   4,   1,  .00724877684595, 16, .5, .00275292367633,
                                    100, .5, 6.9343703475e-9, 100, .3, 4.4564757910e-5};
    for (size_t i = 0; i < COUNT(golden); i += 3) {
        near(mnk_discrete_gaussian_delta(golden[i], 1, golden[i + 1]), golden[i + 2], 1e-9);
        char spec[64];
        snprintf(spec, sizeof spec, "discrete_gaussian noise=%.17g", sqrt(golden[i]));
        near(delta_of(LIST(spec), golden[i + 1]).by_pld, golden[i + 2], 2e-4); /* between the atoms the dots are connected */
    }
    near(mnk_discrete_gaussian_delta(1e6, 1000, 1), mnk_gaussian_delta(1, 1), 1e-5); /* wide: the continuous one */
}

/* ---- Renyi ---- */

static void test_renyi_exact(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(golden_log_a); i += 4)
        near(mnk_rdp_sampled_gaussian_log_a(golden_log_a[i], golden_log_a[i + 1], golden_log_a[i + 2]), golden_log_a[i + 3],
             1e-9);
}

/* The signed binomial series of Mironov, Talwar & Zhang 2019 (section 3.3), a second road to fractional orders: what Opacus
 * has, and less exact than the library where A is close to 1. */
static double signed_series(double q, double s, double alpha) {
    double sum = 0, z0 = s * s * log(1 / q - 1) + 0.5, c = 1;
    for (int i = 0; i < 2000; i++) {
        double j = alpha - i;
        double a = c * exp(i * log(q) + j * log1p(-q) + (1.0 * i * i - i) / (2 * s * s)) * 0.5 * erfc((i - z0) / (s * M_SQRT2));
        double b = c * exp(j * log(q) + i * log1p(-q) + (j * j - j) / (2 * s * s)) * 0.5 * erfc((z0 - j) / (s * M_SQRT2));
        if (!isfinite(a) || !isfinite(b)) break;
        sum += a + b;
        if (i > alpha && fabs(a) < 1e-15 * sum && fabs(b) < 1e-15 * sum) break;
        c *= (alpha - i) / (i + 1);
    }
    return log(sum);
}

static void test_renyi_series(void **state) {
    (void)state;
    static const double golden[] = {.01, 1.1, 1.5, .01, 1.1, 2.5, .1, 2, 10.5, .04, 1.5, 3.9, .2, 3, 3.2, .5, 8, 4.2};
    for (size_t i = 0; i < COUNT(golden); i += 3)
        near(mnk_rdp_sampled_gaussian_log_a(golden[i], golden[i + 1], golden[i + 2]),
             signed_series(golden[i], golden[i + 1], golden[i + 2]), 1e-7);
}

static void test_renyi_continuous_in_order(void **state) {
    (void)state; /* whole orders by the sum, orders beside them by the integral: log A is convex, so both lie on one curve */
    static const double settings[] = {.01, 1.1, .1, .4, .5, 8, .001, .2, 1e-4, 20};
    for (size_t i = 0; i < COUNT(settings); i += 2)
        for (double a = 2; a < 11; a++) {
            double at = mnk_rdp_sampled_gaussian_log_a(settings[i], settings[i + 1], a),
                   below = mnk_rdp_sampled_gaussian_log_a(settings[i], settings[i + 1], a - 1e-4),
                   above = mnk_rdp_sampled_gaussian_log_a(settings[i], settings[i + 1], a + 1e-4);
            assert_true(below < at && at < above);
            near(0.5 * (below + above), at, 1e-6);
        }
}

static void test_renyi_conversion(void **state) {
    (void)state;
    double order[31], rdp[31];
    size_t best;
    for (int i = 0; i < 31; i++) order[i] = i + 2, rdp[i] = 1.1; /* Google's test */
    near(mnk_rdp_epsilon(order, rdp, 31, 1e-5, &best), 1.32783806176, 1e-9);
    assert_true(order[best] == 32);
    near(mnk_rdp_delta(order, rdp, 31, mnk_rdp_epsilon(order, rdp, 31, 1e-5, &best), &best), 1e-5, 1e-9);
    near(mnk_rdp_epsilon(order, rdp, 31, .9, &best), 0, 0); /* delta^2 > 1 - e^-rdp */
    double all[256];
    mnk_mechanisms list = LIST("gaussian noise=4.530877117");
    mnk_rdp_compose(&list, all);
    near(mnk_rdp_epsilon(mnk_rdp_orders, all, mnk_rdp_orders_n, 1e-6, &best), 1, 1e-3); /* Google's: 1 to four places */
    mnk_mechanisms_clear(&list);
}

/* ---- settings ---- */

static void test_settings(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(golden_settings); i += 7) {
        const double *g = golden_settings + i;
        double rdp[256];
        size_t best;
        mnk_mechanisms list = sampled(g[0], g[1], (uint64_t)g[2]);
        mnk_rdp_compose(&list, rdp);
        near(mnk_rdp_epsilon(mnk_rdp_orders, rdp, mnk_rdp_orders_n, g[3], &best), g[4], 1e-9);
        near(mnk_rdp_orders[best], g[5], 1e-12);
        mnk_guarantee got = epsilon_of(list, g[3]);
        near(got.by_pld, g[6], 1e-5);
        assert_true(got.by_pld <= got.by_rdp);
    }
}

static void test_opacus_and_google(void **state) {
    (void)state;
    mnk_guarantee g = epsilon_of(sampled(1.5, .04, 2250), 1e-5);
    near(g.by_rdp, 7.32911117143, 1e-9); /* Opacus' own test */
    near(g.rdp_order, 3.9, 1e-12);
    near(g.by_pld, 6.777395712, 2e-3); /* its PRV accountant, which is coarser */
    near(delta_of(LIST("gaussian noise=1.7320508075688772 count=3"), 1).by_pld, .126936, 1e-5);
    near(delta_of(sampled(.5, .2, 3), 1).by_pld, .15594, 1e-4);
    for (size_t i = 0; i < COUNT(golden_delta); i += 2) { /* Google's transforms round at about 1e-14; ours are tilted */
        double got = delta_of(sampled(1, .01, 100), golden_delta[i]).by_pld;
        assert_true(fabs(got - golden_delta[i + 1]) <= 1e-5 * golden_delta[i + 1] + 2e-14);
    }
    near(epsilon_of(LIST("gaussian noise=4 count=12", "gaussian noise=1.2 sampling_rate=0.02 count=300"), 1e-6).by_pld,
         golden_mixed[0], 1e-5);
    near(epsilon_of(LIST("discrete_laplace noise=5 count=20"), 1e-5).by_pld, golden_discrete_laplace[0], 1e-5);
    near(epsilon_of(LIST("discrete_gaussian noise=6 count=10"), 1e-5).by_pld, golden_discrete_gaussian[0], 1e-5);
    near(epsilon_of(LIST("discrete_gaussian noise=6 count=10", "gaussian noise=4 count=12"), 1e-5).by_pld,
         golden_gaussian_kinds[0], 1e-5);
}

/* ---- relations ---- */

static void test_distribution_is_exact_gaussian(void **state) {
    (void)state;
    static const double s[] = {.5, 1, 3.73, 10, 50}, delta[] = {1e-3, 1e-5, 1e-9, 1e-15, 1e-50};
    for (size_t i = 0; i < COUNT(s); i++)
        for (size_t k = 0; k < COUNT(delta); k++) {
            mnk_guarantee g = epsilon_of(sampled(s[i], 1, 1), delta[k]);
            near(g.by_pld, g.by_exact, 2e-5);
            assert_true(g.by_pld >= g.by_exact * (1 - 1e-9)); /* pessimistic */
            assert_string_equal(g.method, "exact");
        }
}

static void test_monotone(void **state) {
    (void)state;
    static const double s[] = {.8, 1.1, 2, 5}, q[] = {.001, .01, .1, .5};
    for (size_t i = 0; i < COUNT(s); i++)
        for (size_t k = 0; k < COUNT(q); k++) {
            mnk_guarantee g = epsilon_of(sampled(s[i], q[k], 100), 1e-5), more = epsilon_of(sampled(s[i], q[k], 120), 1e-5),
                          larger = epsilon_of(sampled(s[i], q[k] * 1.2, 100), 1e-5),
                          quieter = epsilon_of(sampled(s[i] * .9, q[k], 100), 1e-5),
                          stricter = epsilon_of(sampled(s[i], q[k], 100), 1e-6);
            assert_true(g.by_pld < more.by_pld && g.by_pld < larger.by_pld && g.by_pld < quieter.by_pld &&
                        g.by_pld < stricter.by_pld);
            assert_true(g.by_rdp < more.by_rdp && g.by_rdp < larger.by_rdp && g.by_rdp < quieter.by_rdp &&
                        g.by_rdp < stricter.by_rdp);
            assert_true(g.by_pld <= g.by_rdp && more.by_pld <= more.by_rdp && larger.by_pld <= larger.by_rdp);
            near(delta_of(sampled(s[i], q[k], 100), g.by_pld).by_pld, 1e-5, 1e-6); /* both ways round */
        }
}

static void test_composition(void **state) {
    (void)state;
    /* the same list in one entry, in two that are merged, and in two that differ too little to matter but are not merged */
    double one = epsilon_of(sampled(1.1, .01, 1000), 1e-5).by_pld;
    near(epsilon_of(LIST("gaussian noise=1.1 sampling_rate=0.01 count=300", "gaussian noise=1.1 sampling_rate=0.01 count=700"),
                    1e-5)
             .by_pld,
         one, 1e-12);
    near(epsilon_of(LIST("gaussian noise=1.1 sampling_rate=0.01 count=300",
                         "gaussian noise=1.1000000000001 sampling_rate=0.01 count=700"),
                    1e-5)
             .by_pld,
         one, 1e-8);
    mnk_guarantee g = epsilon_of(LIST("gaussian noise=3", "gaussian noise=4"), 1e-5); /* Gaussians add their precisions */
    near(g.by_exact, mnk_gaussian_epsilon(2.4, 1e-5), 1e-12);
    near(g.by_pld, g.by_exact, 1e-5);
    near(epsilon_of(LIST("gaussian noise=30 sensitivity=10"), 1e-5).by_pld, epsilon_of(LIST("gaussian noise=3"), 1e-5).by_pld,
         1e-12);
    mnk_guarantee mixed = epsilon_of(LIST("gaussian noise=4 count=3", "discrete_gaussian noise=6 count=2",
                                          "discrete_laplace noise=8", "exponential epsilon=0.2 count=9", "pure epsilon=0.1"),
                                     1e-5);
    mnk_guarantee less =
        epsilon_of(LIST("gaussian noise=4 count=3", "discrete_gaussian noise=6 count=2", "discrete_laplace noise=8"), 1e-5);
    assert_true(mixed.by_pld > less.by_pld && mixed.by_rdp > less.by_rdp && isnan(mixed.by_exact));
    mnk_guarantee none = epsilon_of((mnk_mechanisms){0}, 1e-5);
    near(none.epsilon, 0, 0);
}

static void test_directions(void **state) {
    (void)state; /* removing a person is the worse direction of a sampled Gaussian; the answer is the larger */
    mnk_mechanisms list = sampled(1.1, .01, 1000);
    mnk_pld *p = NULL;
    assert_ok(mnk_pld_open(&list, 8.6, 1e-14, &p, &err));
    double both = mnk_pld_epsilon(p, 1e-5), remove, add;
    for (size_t i = 0; i < p->n; i++) p->mass[MNK_PLD_ADD][i] *= -1; /* negative masses do not count */
    p->infinity[MNK_PLD_ADD] = 0;
    remove = mnk_pld_epsilon(p, 1e-5);
    for (size_t i = 0; i < p->n; i++) p->mass[MNK_PLD_ADD][i] *= -1, p->mass[MNK_PLD_REMOVE][i] *= -1;
    p->infinity[MNK_PLD_REMOVE] = 0;
    add = mnk_pld_epsilon(p, 1e-5);
    near(both, remove, 0);
    assert_true(add < remove && add > 0);
    mnk_pld_close(p);
    mnk_mechanisms_clear(&list);
}

static void test_tilt_does_not_matter(void **state) {
    (void)state;
    mnk_mechanisms list = sampled(1.1, .01, 1000);
    double first = 0;
    static const double tilt[] = {0, 2, 5, 8.6};
    for (size_t i = 0; i < COUNT(tilt); i++) {
        mnk_pld *p = NULL;
        assert_ok(mnk_pld_open(&list, tilt[i], 1e-14, &p, &err));
        double e = mnk_pld_epsilon(p, 1e-5);
        if (i == 0) first = e;
        near(e, first, 1e-8);
        mnk_pld_close(p);
    }
    mnk_pld *p = NULL; /* far beyond the losses in question: no answer rather than a wrong one */
    assert_ok(mnk_pld_open(&list, 40, 1e-14, &p, &err));
    assert_true(isnan(mnk_pld_epsilon(p, 1e-5)) && isnan(mnk_pld_delta(p, 1.5)));
    mnk_pld_close(p);
    mnk_mechanisms_clear(&list);
}

static void test_exponential(void **state) {
    (void)state;
    /* one use is (epsilon, 0)-private and no less; many uses compose as epsilon^2/8 each */
    mnk_guarantee g = epsilon_of(LIST("exponential epsilon=1"), 1e-12);
    assert_true(g.epsilon <= 1 && g.epsilon > .99);
    near(delta_of(LIST("exponential epsilon=1"), .5).by_pld, pow(1 - exp(-.25), 2) / (1 - exp(-1.0)), 1e-6);
    g = epsilon_of(LIST("exponential epsilon=0.1 count=400"), 1e-5);
    near(g.by_rdp, mnk_zcdp_epsilon(400 * .01 / 8, 1e-5), 1e-12);
    assert_true(g.epsilon <= g.by_rdp);
    g = epsilon_of(LIST("pure epsilon=0.5"), 1e-300);
    assert_true(g.by_pld <= .5 + 1e-4 && g.epsilon > .49);
    near(delta_of(LIST("pure epsilon=0.5"), .2).by_pld, (exp(.5) - exp(.2)) / (1 + exp(.5)), 1e-6);
}

static void test_extremes(void **state) {
    (void)state;
    mnk_guarantee g = epsilon_of(sampled(20, 1e-5, 1000000), 1e-5); /* a step loses less than the first grid can show */
    assert_true(g.epsilon > 0 && g.epsilon <= g.by_rdp && g.pld_grid < 1e-4);
    g = epsilon_of(sampled(.3, 1, 10000), 1e-5); /* hopeless, but a number */
    assert_true(g.epsilon > 5e4 && isfinite(g.epsilon));
    g = epsilon_of(sampled(.02, .01, 10), 1e-5);
    assert_true(isnan(g.by_pld) && isfinite(g.epsilon) && *g.pld_note);
    g = epsilon_of(sampled(1, .01, 10), 1e-40);
    assert_true(g.by_pld <= g.by_rdp && g.by_pld > .8 * g.by_rdp);
    g = epsilon_of(LIST("discrete_gaussian noise=3 sensitivity=1.4142135623730951"), 1e-5); /* no single worst pair */
    assert_true(isnan(g.by_pld) && strcmp(g.method, "rdp") == 0);
    g = epsilon_of(LIST("discrete_gaussian noise=6 sensitivity=2"), 1e-5);
    near(g.epsilon, mnk_zcdp_epsilon(1.0 / 18, 1e-5), 1e-12);
    g = delta_of(sampled(1.1, .01, 1000), 50);
    assert_true(g.delta >= 0 && g.delta < 1e-100);
}

static void test_noise(void **state) {
    (void)state;
    mnk_guarantee g;
    double factor = 0;
    mnk_mechanisms list = LIST("gaussian noise=1");
    assert_ok(mnk_privacy_noise(&list, 1, 1e-5, &factor, &g, &err));
    near(factor, 3.730631634816, 2e-7);
    assert_true(g.epsilon <= 1);
    mnk_mechanisms_clear(&list);
    /* Opacus: epsilon 8, delta 1e-5, q .04, 90 epochs (of 25 batches) and 2000 steps; its PRV search stops at 0.01 */
    static const struct {
        uint64_t steps;
        double rdp, prv;
    } opacus[] = {{2250, 1.416, 1.34765625}, {2000, 1.3562, 1.2915}};
    for (size_t i = 0; i < COUNT(opacus); i++) {
        list = sampled(1, .04, opacus[i].steps);
        assert_ok(mnk_privacy_noise(&list, 8, 1e-5, &factor, &g, &err));
        assert_true(fabs(factor - opacus[i].prv) < 0.02 && factor < opacus[i].rdp);
        assert_true(g.epsilon <= 8 && g.epsilon > 8 * (1 - 1e-5));
        mnk_mechanisms_clear(&list);
    }
    list = LIST("gaussian noise=2", "exponential epsilon=0.5 count=7", "zcdp rho=0.05");
    mnk_mechanisms scaled;
    assert_ok(mnk_privacy_noise(&list, 2, 1e-6, &factor, &g, &err));
    assert_ok(mnk_mechanisms_scaled(&list, factor, &scaled, &err));
    near(epsilon_of(scaled, 1e-6).epsilon, g.epsilon, 1e-12);
    assert_true(g.epsilon <= 2 && g.epsilon > 2 * (1 - 1e-5));
    mnk_mechanisms_clear(&list);
}

/* ---- refusals ---- */

static void expect_usage(mnk_status status, const char *part) {
    if (status != MNK_ERR_USAGE || !strstr(err.message, part)) fail_msg("status %d: %s", (int)status, err.message);
    mnk_error_clear(&err);
}

static void test_refusals(void **state) {
    (void)state;
    mnk_guarantee g;
    mnk_mechanism m;
    mnk_mechanisms list = sampled(1, .1, 10);
    double factor;
    expect_usage(mnk_privacy_epsilon(&list, 0, &g, &err), "delta");
    expect_usage(mnk_privacy_epsilon(&list, 1, &g, &err), "delta");
    expect_usage(mnk_privacy_epsilon(&list, NAN, &g, &err), "delta");
    expect_usage(mnk_privacy_delta(&list, -1, &g, &err), "epsilon");
    expect_usage(mnk_privacy_delta(&list, 0, &g, &err), "epsilon");
    expect_usage(mnk_privacy_delta(&list, NAN, &g, &err), "epsilon");
    expect_usage(mnk_privacy_noise(&list, 0, 1e-5, &factor, &g, &err), "epsilon");
    expect_usage(mnk_privacy_check_target(1, 1e-3, 1000, &err), "1/1000");
    assert_ok(mnk_privacy_check_target(1, 1e-4, 1000, &err));
    expect_usage(mnk_mechanism_parse("gauss noise=1", &m, &err), "unknown mechanism");
    expect_usage(mnk_mechanism_parse("gaussian noise", &m, &err), "name=number");
    expect_usage(mnk_mechanism_parse("gaussian noise=x", &m, &err), "not a number");
    expect_usage(mnk_mechanism_parse("gaussian rho=1", &m, &err), "has no");
    expect_usage(mnk_mechanism_parse("pure epsilon=1 count=0.5", &m, &err), "count");
    m = (mnk_mechanism){.kind = MNK_MECHANISM_GAUSSIAN, .noise = 0};
    expect_usage(mnk_mechanisms_add(&list, &m, &err), "noise");
    m = (mnk_mechanism){.kind = MNK_MECHANISM_GAUSSIAN, .noise = NAN};
    expect_usage(mnk_mechanisms_add(&list, &m, &err), "noise");
    m = (mnk_mechanism){.kind = MNK_MECHANISM_GAUSSIAN, .noise = 1, .sampling_rate = 1.5};
    expect_usage(mnk_mechanisms_add(&list, &m, &err), "sampling rate");
    m = (mnk_mechanism){.kind = MNK_MECHANISM_PURE, .epsilon = 1, .sampling_rate = .5};
    expect_usage(mnk_mechanisms_add(&list, &m, &err), "gaussian only");
    mnk_mechanisms_clear(&list);
}

static void test_stamp(void **state) {
    (void)state;
    mnk_guarantee g;
    mnk_mechanisms list = sampled(1, .1, 10);
    list.not_private = true;
    mnk_result *r = NULL;
    assert_ok(mnk_privacy_epsilon(&list, 1e-5, &g, &err));
    assert_ok(mnk_result_open("privacy epsilon", 0, &r, &err));
    mnk_guarantee_report(&g, r);
    assert_true(r->warnings == 1 && strstr(r->warning[0], "NOT PRIVATE"));
    near(mnk_result_find(r, "epsilon", "", "")->value, g.epsilon, 0);
    mnk_result_close(r);
    mnk_mechanisms_clear(&list);
}

/* Out of memory anywhere: an error or the same answer, never a crash. */
static void test_memory(void **state) {
    (void)state;
    mnk_guarantee g;
    mnk_mechanisms list = LIST("gaussian noise=4", "discrete_laplace noise=8");
    for (int n = 1; n < 40; n++) {
        mnk_alloc_fail_after(n);
        mnk_status status = mnk_privacy_epsilon(&list, 1e-5, &g, &err);
        mnk_alloc_fail_after(0);
        assert_true(status == MNK_OK || status == MNK_ERR_MEMORY);
        mnk_error_clear(&err);
    }
    assert_ok(mnk_privacy_epsilon(&list, 1e-5, &g, &err));
    mnk_mechanisms_clear(&list);
}

/* ---- the transform ---- */

static void test_transform(void **state) {
    (void)state;
    for (int log2n = 0; log2n <= 11; log2n++) {
        const size_t n = (size_t)1 << log2n;
        mnk_fft_long f;
        double *re, *im, *sr, *si;
        assert_ok(mnk_fft_long_open(log2n, &f, &err));
        assert_ok(MNK_NEW(re, n, &err));
        assert_ok(MNK_NEW(im, n, &err));
        assert_ok(MNK_NEW(sr, n, &err));
        assert_ok(MNK_NEW(si, n, &err));
        mnk_rng rng = mnk_rng_at(3, MNK_PURPOSE_TEST, (uint64_t)log2n, 0);
        for (size_t k = 0; k < n; k++) sr[k] = re[k] = mnk_rng_normal(&rng), si[k] = im[k] = mnk_rng_normal(&rng);
        mnk_fft_long_forward(&f, re, im);
        for (size_t p = 0; p<n; p += n> 256 ? 37 : 1) { /* by the definition */
            size_t frequency = 0, mirrored = 0;
            for (int b = 0; b < log2n; b++) frequency |= (p >> b & 1) << (log2n - 1 - b);
            for (int b = 0; b < log2n; b++) mirrored |= (mnk_fft_long_mirror(p) >> b & 1) << (log2n - 1 - b);
            assert_true((frequency + mirrored) % n == 0);
            double wr = 0, wi = 0;
            for (size_t k = 0; k < n; k++) {
                double a = -2 * M_PI * (double)(frequency * k % n) / (double)n;
                wr += sr[k] * cos(a) - si[k] * sin(a), wi += sr[k] * sin(a) + si[k] * cos(a);
            }
            assert_true(hypot(re[p] - wr, im[p] - wi) < 1e-13 * (double)n);
        }
        mnk_fft_long_inverse(&f, re, im);
        for (size_t k = 0; k < n; k++) assert_true(hypot(re[k] - sr[k], im[k] - si[k]) < 1e-14 * (log2n + 1));
        mnk_fft_long_close(&f);
        mnk_free(re), mnk_free(im), mnk_free(sr), mnk_free(si);
    }
    mnk_fft_long f;
    assert_true(mnk_fft_long_open(25, &f, &err) == MNK_ERR_UNSUPPORTED);
    mnk_error_clear(&err);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_cdf),
        cmocka_unit_test(test_gaussian_exact),
        cmocka_unit_test(test_zcdp),
        cmocka_unit_test(test_discrete_gaussian),
        cmocka_unit_test(test_renyi_exact),
        cmocka_unit_test(test_renyi_series),
        cmocka_unit_test(test_renyi_continuous_in_order),
        cmocka_unit_test(test_renyi_conversion),
        cmocka_unit_test(test_transform),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_opacus_and_google),
        cmocka_unit_test(test_distribution_is_exact_gaussian),
        cmocka_unit_test(test_monotone),
        cmocka_unit_test(test_composition),
        cmocka_unit_test(test_directions),
        cmocka_unit_test(test_tilt_does_not_matter),
        cmocka_unit_test(test_exponential),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_stamp),
        cmocka_unit_test(test_memory),
    };
    return MNK_RUN_TESTS("privacy_account", tests);
}
