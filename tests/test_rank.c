/* Ranking: who is better beyond chance, who is tied, what is missing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "manikin/rank.h"
#include "manikin/tradeoff.h"
#include "math/stats.h"
#include "test.h"

static mnk_result *judged(const char *id, double value, double half, double holdout) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    mnk_metric *m = mnk_result_add_metric(r, id, "x");
    m->value = value, m->low = value - half, m->high = value + half, m->n = 100;
    if (!isnan(holdout)) mnk_metric_add_reference(m, "holdout", holdout);
    return r;
}

typedef struct seen {
    double rank, low, high;
} seen;

/* Ranks three sets by one metric and returns their rows. */
static void rank3(const char *id, const double value[3], const double half[3], double holdout, seen out[3]) {
    static const char *const names[] = {"a", "b", "c"};
    mnk_error err = MNK_ERROR_INIT;
    mnk_rank_entry entry[3];
    mnk_result *r = NULL;
    char row[64];
    for (int i = 0; i < 3; i++) entry[i] = (mnk_rank_entry){names[i], judged(id, value[i], half[i], holdout)};
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    assert_ok(mnk_rank(entry, 3, 0.95, r, &err));
    snprintf(row, sizeof row, "rank.%s", id);
    for (int i = 0; i < 3; i++) {
        const mnk_metric *m = mnk_result_find(r, row, "", names[i]), *all = mnk_result_find(r, "rank", "", names[i]);
        assert_non_null(m);
        assert_non_null(all);
        out[i] = (seen){m->value, m->low, m->high};
        assert_true(fabs(all->value - (m->low + m->high) / 2) < 1e-12);
        assert_int_equal(m->n, 3);
    }
    for (int i = 0; i < 3; i++) mnk_result_close((mnk_result *)entry[i].result);
    mnk_result_close(r);
}

static void test_clear_differences_rank(void **state) {
    (void)state;
    seen s[3];
    rank3("coverage", (double[]){0.5, 0.9, 0.7}, (double[]){0.01, 0.01, 0.01}, NAN, s);
    assert_true(s[1].rank == 1 && s[1].high == 1);
    assert_true(s[2].rank == 2 && s[2].high == 2);
    assert_true(s[0].rank == 3 && s[0].low == 3);
    rank3("frechet_distance", (double[]){5, 9, 7}, (double[]){0.1, 0.1, 0.1}, NAN, s); /* lower is better */
    assert_true(s[0].rank == 1 && s[2].rank == 2 && s[1].rank == 3);
}

static void test_chance_makes_ties_and_no_winner(void **state) {
    (void)state;
    seen s[3];
    rank3("coverage", (double[]){0.70, 0.72, 0.71}, (double[]){0.05, 0.05, 0.05}, NAN, s);
    for (int i = 0; i < 3; i++) assert_true(s[i].rank == 1 && s[i].high == 3);
    /* a chain: the first beats the last, the middle is tied with both */
    rank3("coverage", (double[]){0.80, 0.75, 0.70}, (double[]){0.04, 0.04, 0.04}, NAN, s);
    assert_true(s[0].rank == 1 && s[0].high == 2);
    assert_true(s[1].rank == 1 && s[1].high == 3);
    assert_true(s[2].rank == 2 && s[2].high == 3);
}

/* At the border: |a - b| = z sqrt(2) se, with z for three pairs. */
static void test_separates_where_the_formula_says(void **state) {
    (void)state;
    const double se = 0.01, z = mnk_normal_quantile(1 - 0.05 / 6), gap = z * sqrt(2) * se,
                 half = mnk_normal_quantile(0.975) * se;
    seen s[3];
    rank3("coverage", (double[]){0.5 + gap * 1.001, 0.5, 0.1}, (double[]){half, half, half}, NAN, s);
    assert_true(s[1].rank == 2);
    rank3("coverage", (double[]){0.5 + gap * 0.999, 0.5, 0.1}, (double[]){half, half, half}, NAN, s);
    assert_true(s[1].rank == 1);
}

static void test_aims_at_the_holdout(void **state) {
    (void)state;
    seen s[3];
    /* garbage has authenticity 1, a copy 0: neither is best */
    rank3("authenticity", (double[]){1.0, 0.0, 0.62}, (double[]){0.01, 0.01, 0.01}, 0.60, s);
    assert_true(s[2].rank == 1 && s[0].rank == 2 && s[1].rank == 3);
}

static void test_without_an_interval_nothing_separates(void **state) {
    (void)state;
    seen s[3];
    rank3("coverage", (double[]){0.1, 0.9, 0.5}, (double[]){NAN, NAN, NAN}, NAN, s);
    for (int i = 0; i < 3; i++) assert_true(s[i].rank == 1 && s[i].high == 3);
}

static void test_missing_metrics_and_single_sets(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL, *a = judged("coverage", 0.5, 0.1, NAN), *b = judged("kid", 0.5, 0.1, NAN);
    mnk_rank_entry entry[2] = {{"a", a}, {"b", b}};
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    assert_ok(mnk_rank(entry, 2, 0.95, r, &err)); /* nothing in common: no rank, and said so */
    assert_null(mnk_result_find(r, "rank.coverage", "", "a"));
    assert_true(isnan(mnk_result_find(r, "rank", "", "a")->value));
    assert_int_equal(mnk_rank(entry, 1, 0.95, r, &err), MNK_ERR_USAGE);
    mnk_result_close(a);
    mnk_result_close(b);
    mnk_result_close(r);
}

static const mnk_metric *of(const mnk_result *r, const char *id, const char *arm) {
    for (size_t i = 0; i < r->metrics; i++)
        if (!strcmp(r->metric[i].id, id) && !strcmp(r->metric[i].subset, arm)) return &r->metric[i];
    return NULL;
}

static void near(const mnk_metric *m, double value, double low, double high) {
    assert_non_null(m);
    assert_true(fabs(m->value - value) < 1e-9 && fabs(m->low - low) < 1e-9 && fabs(m->high - high) < 1e-9);
}

/* Golden values: tests/golden/tradeoff_golden.py. */
static void test_tradeoff(void **state) {
    (void)state;
    static const double small[] = {0.70, 0.62, 0.66}, large[] = {0.80, 0.81, 0.85};
    const char *id = "macro_auc.tstr.boosting";
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL, *own[8];
    mnk_tradeoff_point p[8];
    for (int i = 0; i < 3; i++) {
        p[i] = (mnk_tradeoff_point){"g-e1", "g", 1, 1e-6, own[i] = judged(id, small[i], 0.05, NAN), NULL};
        p[3 + i] = (mnk_tradeoff_point){"g-e10", "g", 10, 1e-6, own[3 + i] = judged(id, large[i], 0.05, NAN), NULL};
    }
    p[6] = (mnk_tradeoff_point){"other", "other", NAN, NAN, own[6] = judged(id, 0.9, 0.05, NAN), NULL};
    p[7] = (mnk_tradeoff_point){"other", "other", NAN, NAN, own[7] = judged(id, NAN, 0.05, NAN), NULL}; /* nothing to learn */
    assert_ok(mnk_result_open("tradeoff", 1, &r, &err));
    assert_ok(mnk_tradeoff(p, 8, 0.95, r, &err));
    near(of(r, id, "g-e1"), 0.66, 0.583178189312, 0.736821810688);
    near(of(r, id, "g-e10"), 0.82, 0.759160314120, 0.880839685880);
    near(of(r, "utility_cost", "g-e1"), 0.16, 0.066382277457, 0.253617722543);
    assert_string_equal(of(r, "utility_cost", "g-e1")->verdict, "worse");
    assert_null(of(r, "utility_cost", "g-e10"));
    assert_null(of(r, "utility_cost", "other"));
    assert_true(isnan(of(r, id, "other")->value) && strstr(of(r, id, "other")->note, "1 of 2")); /* no mean of the lucky ones */
    assert_true(of(r, "epsilon", "g-e10")->n == 3 && isnan(of(r, "epsilon", "other")->value));
    assert_null(of(r, "max_attack_auc", "g-e1"));
    mnk_result_close(r);
    assert_ok(mnk_result_open("tradeoff", 1, &r, &err)); /* one making: the test records alone */
    assert_ok(mnk_tradeoff(p, 1, 0.95, r, &err));
    near(of(r, id, "g-e1"), 0.70, 0.65, 0.75);
    mnk_result_close(r);
    for (int i = 0; i < 8; i++) mnk_result_close(own[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clear_differences_rank),
        cmocka_unit_test(test_chance_makes_ties_and_no_winner),
        cmocka_unit_test(test_separates_where_the_formula_says),
        cmocka_unit_test(test_aims_at_the_holdout),
        cmocka_unit_test(test_without_an_interval_nothing_separates),
        cmocka_unit_test(test_missing_metrics_and_single_sets),
        cmocka_unit_test(test_tradeoff),
    };
    return MNK_RUN_TESTS("rank", tests);
}
