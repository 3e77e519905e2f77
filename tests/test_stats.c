#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "golden/stats_golden.h"
#include "math/auc.h"
#include "math/stats.h"

#define COUNT(x) (sizeof(x) / sizeof *(x))

/* Relative error; absolute where the wanted value is 0. */
static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance * (want == 0.0 ? 1.0 : fabs(want)))) fail_msg("got %.17g, want %.17g", got, want);
}

static void test_normal(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(golden_ppf_p); i++) near(mnk_normal_quantile(golden_ppf_p[i]), golden_ppf[i], 2e-14);
    for (size_t i = 0; i < COUNT(golden_ppf_p); i++) near(mnk_normal_cdf(golden_ppf[i]), golden_ppf_p[i], 2e-12);
    assert_true(isinf(mnk_normal_quantile(0.0)) && mnk_normal_quantile(0.0) < 0);
    assert_true(isinf(mnk_normal_quantile(1.0)) && mnk_normal_quantile(1.0) > 0);
    assert_true(isnan(mnk_normal_quantile(-0.1)) && isnan(mnk_normal_quantile(1.1)) && isnan(mnk_normal_quantile(NAN)));
    near(mnk_normal_p(1.959963984540054), 0.05, 1e-12);
    near(mnk_normal_p(0.0), 1.0, 0.0);
}

static void test_beta(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(golden_beta); i++)
        near(mnk_beta_cdf(golden_beta_case[3 * i], golden_beta_case[3 * i + 1], golden_beta_case[3 * i + 2]), golden_beta[i],
             1e-10);
    static const double p[] = {.025, .3, .5, .975, .9, .01, .6};
    for (size_t i = 0; i < COUNT(p); i++)
        near(mnk_beta_quantile(p[i], golden_beta_case[3 * i + 1], golden_beta_case[3 * i + 2]), golden_beta_quantile[i], 1e-11);
    assert_true(mnk_beta_cdf(0, 2, 3) == 0.0 && mnk_beta_cdf(1, 2, 3) == 1.0 && isnan(mnk_beta_cdf(.5, -1, 3)));
}

static void test_proportions(void **state) {
    (void)state;
    double low, high;
    for (size_t i = 0; i < COUNT(golden_prop) / 2; i++) {
        mnk_clopper_pearson(golden_prop[2 * i], golden_prop[2 * i + 1], 0.95, &low, &high);
        near(low, golden_exact[2 * i], 1e-10);
        near(high, golden_exact[2 * i + 1], 1e-10);
        mnk_wilson(golden_prop[2 * i], golden_prop[2 * i + 1], 0.95, &low, &high);
        near(low, golden_wilson[2 * i], 1e-12);
        near(high, golden_wilson[2 * i + 1], 1e-12);
    }
    mnk_clopper_pearson(0, 0, 0.95, &low, &high);
    assert_true(low == 0.0 && high == 1.0);
    mnk_wilson(0, 0, 0.95, &low, &high);
    assert_true(low == 0.0 && high == 1.0);
}

static void test_quantiles(void **state) {
    (void)state;
    double x[COUNT(golden_sample)];
    for (size_t i = 0; i < COUNT(golden_quantile_p); i++) {
        memcpy(x, golden_sample, sizeof x);
        near(mnk_quantile(x, COUNT(x), golden_quantile_p[i]), golden_quantile[i], 1e-13);
    }
    near(mnk_mean(golden_sample, COUNT(x)), golden_mean_sd[0], 1e-14);
    near(mnk_sd(golden_sample, COUNT(x)), golden_mean_sd[1], 1e-14);
    assert_true(isnan(mnk_quantile_sorted(x, 0, .5)) && isnan(mnk_mean(x, 0)) && mnk_sd(x, 1) == 0.0);
}

/* numpy by the O(mn) definition; pROC 1.18.0 prints the same (tests/golden/auc_golden.R). */
static void test_delong_golden(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    enum { N = COUNT(golden_y) };
    mnk_auc auc[2];
    double influence[2][N], low, high;
    assert_ok(mnk_auc_delong(golden_a, golden_y, N, influence[0], &auc[0], &err));
    assert_ok(mnk_auc_delong(golden_b, golden_y, N, influence[1], &auc[1], &err));
    for (int i = 0; i < 2; i++) {
        near(auc[i].value, golden_auc[i], 1e-14);
        near(auc[i].variance, golden_auc_covariance[3 * i], 1e-12);
        mnk_auc_interval(&auc[i], 0.95, MNK_AUC_NORMAL, &low, &high);
        near(low, golden_ci_normal[2 * i], 1e-12);
        near(high, golden_ci_normal[2 * i + 1], 1e-12);
        mnk_auc_interval(&auc[i], 0.95, MNK_AUC_LOGIT, &low, &high);
        near(low, golden_ci_logit[2 * i], 1e-12);
        near(high, golden_ci_logit[2 * i + 1], 1e-12);
    }
    near(mnk_influence_covariance(influence[0], influence[1], N), golden_auc_covariance[1], 1e-12);
    mnk_paired t = mnk_paired_test(auc[0].value, influence[0], auc[1].value, influence[1], N);
    near(t.z, golden_paired[0], 1e-12);
    near(t.p, golden_paired[1], 1e-12);
}

/* The published example of pROC (Robin et al. 2011; patients of Turck et al. 2010): WFNS grade against poor outcome,
 * entered as its 2 x 5 table of counts. AUC 0.8237, 95 % CI 0.7485-0.8988. */
static void test_published_example(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    static const int counts[2][5] = {{37, 20, 3, 8, 4}, {2, 12, 1, 8, 18}};
    double score[113], low, high;
    uint8_t positive[113];
    size_t n = 0;
    for (int poor = 0; poor < 2; poor++)
        for (int grade = 0; grade < 5; grade++)
            for (int i = 0; i < counts[poor][grade]; i++) score[n] = grade + 1, positive[n++] = (uint8_t)poor;
    assert_int_equal(n, 113);
    mnk_auc a;
    assert_ok(mnk_auc_delong(score, positive, n, NULL, &a, &err));
    mnk_auc_interval(&a, 0.95, MNK_AUC_NORMAL, &low, &high);
    near(a.value, 0.82367886178861793, 1e-13);
    near(a.variance, 0.0014699147088236264, 1e-12);
    near(low, 0.74853488781945288, 1e-12);
    near(high, 0.89882283575778299, 1e-12);
}

static void test_auc_edges(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_auc a;
    double low, high;
    assert_ok(mnk_auc_delong((double[]){1, 2, 3}, (uint8_t[]){0, 0, 0}, 3, NULL, &a, &err));
    assert_true(isnan(a.value) && isnan(a.variance));
    mnk_auc_interval(&a, 0.95, MNK_AUC_LOGIT, &low, &high);
    assert_true(isnan(low) && isnan(high));
    assert_ok(mnk_auc_delong((double[]){1, 2, 3}, (uint8_t[]){0, 0, 1}, 3, NULL, &a, &err));
    assert_true(a.value == 1.0 && isnan(a.variance));
    /* perfect separation of 20 and 30: not certainty, but the exact bound of 20 of 20 */
    double score[50];
    uint8_t positive[50];
    for (int i = 0; i < 50; i++) score[i] = i, positive[i] = i >= 30;
    assert_ok(mnk_auc_delong(score, positive, 50, NULL, &a, &err));
    mnk_auc_interval(&a, 0.95, MNK_AUC_LOGIT, &low, &high);
    near(low, pow(0.025, 1.0 / 20), 1e-10);
    assert_true(high == 1.0 && a.value == 1.0);
    for (int i = 0; i < 50; i++) score[i] = 7; /* all tied */
    assert_ok(mnk_auc_delong(score, positive, 50, NULL, &a, &err));
    assert_true(a.value == 0.5 && a.variance == 0.0);
    score[3] = NAN;
    assert_int_equal(mnk_auc_delong(score, positive, 50, NULL, &a, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "item 3"));
}

static void test_table_golden(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_auc_table *t;
    assert_ok(mnk_auc_table_open(golden_prob, 1, golden_label, 30, 3, &t, &err));
    for (int k = 0; k < 5; k++) near(mnk_auc_table_value(t, k), golden_ovr[k], 1e-14);
    const double *macro = mnk_auc_table_influence(t, 3), *accuracy = mnk_auc_table_influence(t, 4);
    near(mnk_influence_covariance(macro, macro, 30), golden_macro_variance[0], 1e-12);
    near(mnk_influence_covariance(accuracy, accuracy, 30), golden_ovr[4] * (1 - golden_ovr[4]) / 29, 1e-12);
    mnk_auc_table_close(t);
    mnk_auc_ranker *r;
    double out[5];
    uint32_t ones[30];
    for (int i = 0; i < 30; i++) ones[i] = 1;
    assert_ok(mnk_auc_ranker_open(golden_prob, 1, golden_label, 30, 3, &r, &err));
    mnk_auc_ranker_weighted(r, ones, out);
    for (int k = 0; k < 5; k++) near(out[k], golden_ovr[k], 1e-14);
    mnk_auc_ranker_weighted(r, golden_weight, out);
    for (int k = 0; k < 5; k++) near(out[k], golden_weighted[k], 1e-14);
    mnk_auc_ranker_close(r);
    int32_t bad[30];
    memcpy(bad, golden_label, sizeof bad);
    bad[9] = 3;
    assert_int_equal(mnk_auc_table_open(golden_prob, 1, bad, 30, 3, &t, &err), MNK_ERR_INPUT);
}

/* Two runs: the mean of their estimates; the same run twice changes nothing. */
static void test_table_runs(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    float two[180];
    memcpy(two, golden_prob, sizeof golden_prob);
    memcpy(two + 90, golden_prob, sizeof golden_prob);
    mnk_auc_table *t;
    assert_ok(mnk_auc_table_open(two, 2, golden_label, 30, 3, &t, &err));
    for (int k = 0; k < 5; k++) near(mnk_auc_table_value(t, k), golden_ovr[k], 1e-14);
    const double *macro = mnk_auc_table_influence(t, 3);
    near(mnk_influence_covariance(macro, macro, 30), golden_macro_variance[0], 1e-12);
    mnk_auc_table_close(t);
    double one[5], both[5];
    mnk_auc_ranker *r;
    for (int i = 0; i < 90; i++) two[90 + i] = 1.0f - two[i];
    assert_ok(mnk_auc_table_open(two, 2, golden_label, 30, 3, &t, &err));
    for (int k = 0; k < 3; k++) near(mnk_auc_table_value(t, k), 0.5, 1e-7);
    assert_ok(mnk_auc_ranker_open(two + 90, 1, golden_label, 30, 3, &r, &err));
    mnk_auc_ranker_weighted(r, golden_weight, one);
    mnk_auc_ranker_close(r);
    assert_ok(mnk_auc_ranker_open(two, 2, golden_label, 30, 3, &r, &err));
    mnk_auc_ranker_weighted(r, golden_weight, both);
    for (int k = 0; k < 5; k++) near(both[k], 0.5 * (one[k] + golden_weighted[k]), 1e-14);
    mnk_auc_ranker_close(r);
    mnk_auc_table_close(t);
}

/* Many ties, many sizes: mid-ranks against the O(mn) definition. */
static void test_midranks_definition(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    for (unsigned size = 4; size < 200; size += 17) {
        mnk_rng rng = mnk_rng_at(7, MNK_PURPOSE_TEST, size, 0);
        double score[200], s10 = 0, s01 = 0, value = 0, v10[200] = {0}, v01[200] = {0};
        uint8_t positive[200];
        size_t m = 0, k = 0;
        for (unsigned i = 0; i < size; i++) score[i] = (double)mnk_rng_below(&rng, 9), positive[i] = i % 2;
        for (unsigned i = 0; i < size; i++) {
            if (!positive[i]) continue;
            for (unsigned j = 0; j < size; j++) {
                if (positive[j]) continue;
                double win = score[i] > score[j] ? 1.0 : score[i] == score[j] ? 0.5 : 0.0;
                v10[i] += win, v01[j] += win, value += win;
            }
        }
        for (unsigned i = 0; i < size; i++) m += positive[i], k += !positive[i];
        value /= (double)(m * k);
        for (unsigned i = 0; i < size; i++) {
            if (positive[i]) s10 += pow(v10[i] / (double)k - value, 2);
            else s01 += pow(v01[i] / (double)m - value, 2);
        }
        mnk_auc a;
        assert_ok(mnk_auc_delong(score, positive, size, NULL, &a, &err));
        near(a.value, value, 1e-13);
        near(a.variance, s10 / (double)(m - 1) / (double)m + s01 / (double)(k - 1) / (double)k, 1e-11);
    }
}

typedef struct spread {
    const mnk_auc_ranker *ranker;
    const double *x;
    size_t n;
} spread;

static void mean_statistic(void *ctx, const uint32_t *times, double *out) {
    const spread *s = ctx;
    out[0] = 0;
    for (size_t i = 0; i < s->n; i++) out[0] += times[i] * s->x[i] / (double)s->n;
    out[1] = NAN;
}

static void auc_statistic(void *ctx, const uint32_t *times, double *out) {
    mnk_auc_ranker_weighted(((const spread *)ctx)->ranker, times, out);
}

static void test_bootstrap(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    enum { N = 400, R = 4000 };
    double x[N], low[2], high[2];
    double *draws = malloc(2 * R * sizeof *draws), *again = malloc(2 * R * sizeof *again);
    mnk_rng rng = mnk_rng_at(3, MNK_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < N; i++) x[i] = mnk_rng_normal(&rng);
    spread s = {NULL, x, N};
    mnk_bootstrap b = {.units = N, .replicates = R, .seed = 5};
    mnk_threads_set(1);
    assert_ok(mnk_bootstrap_run(&b, 2, mean_statistic, &s, 0.95, draws, low, high, &err));
    for (int threads = 2; threads <= 4; threads *= 2) {
        mnk_threads_set(threads);
        assert_ok(mnk_bootstrap_run(&b, 2, mean_statistic, &s, 0.95, again, NULL, NULL, &err));
        assert_memory_equal(draws, again, R * sizeof *draws);
    }
    mnk_threads_set(0);
    double se = mnk_sd(x, N) / sqrt(N), mean = mnk_mean(x, N);
    near(mnk_sd(draws, R), se, 0.05); /* 4,000 replicates: sd known to about 1.1 % */
    near(high[0] - mean, 1.96 * se, 0.10);
    near(mean - low[0], 1.96 * se, 0.10);
    assert_true(isnan(low[1]) && isnan(high[1])); /* never estimable */
    int32_t stratum[N];
    for (int i = 0; i < N; i++) stratum[i] = x[i] > 0; /* keeps the counts of each sign: a smaller spread */
    b.stratum = stratum, b.strata = 2;
    assert_ok(mnk_bootstrap_run(&b, 2, mean_statistic, &s, 0.95, draws, low, high, &err));
    double inside = 1.0 - 2.0 / M_PI; /* share of a normal's variance inside its halves */
    near(mnk_sd(draws, R), se * sqrt(inside), 0.12);
    stratum[17] = 2;
    assert_int_equal(mnk_bootstrap_run(&b, 2, mean_statistic, &s, 0.95, draws, low, high, &err), MNK_ERR_USAGE);
    free(draws);
    free(again);
}

/* DeLong's standard error and the bootstrap's agree on one AUC, and so do they on the macro mean. */
static void test_delong_against_bootstrap(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    enum { N = 600, K = 3, R = 2000 };
    static float prob[N * K];
    static int32_t label[N];
    static double draws[(K + 2) * R];
    for (size_t i = 0; i < N; i++) {
        mnk_rng rng = mnk_rng_at(9, MNK_PURPOSE_TEST, i, 0);
        double e[K], sum = 0;
        label[i] = (int32_t)(i % K);
        for (int k = 0; k < K; k++) sum += e[k] = exp(mnk_rng_normal(&rng) + 1.2 * (k == label[i]));
        for (int k = 0; k < K; k++) prob[i * K + (size_t)k] = (float)(e[k] / sum);
    }
    mnk_auc_table *t;
    mnk_auc_ranker *r;
    assert_ok(mnk_auc_table_open(prob, 1, label, N, K, &t, &err));
    assert_ok(mnk_auc_ranker_open(prob, 1, label, N, K, &r, &err));
    spread s = {r, NULL, N};
    mnk_bootstrap b = {.units = N, .stratum = label, .strata = K, .replicates = R, .seed = 1};
    assert_ok(mnk_bootstrap_run(&b, K + 2, auc_statistic, &s, 0.95, draws, NULL, NULL, &err));
    for (int k = 0; k < K + 2; k++) {
        const double *f = mnk_auc_table_influence(t, k);
        near(sqrt(mnk_influence_covariance(f, f, N)), mnk_sd(draws + k * R, R), 0.08);
    }
    mnk_auc_table_close(t);
    mnk_auc_ranker_close(r);
}

static void test_out_of_memory(void **state) {
    (void)state;
    for (long fail = 1; fail < 12; fail++) { /* every allocation in turn: an error, no leak, no crash */
        mnk_error err = MNK_ERROR_INIT;
        mnk_auc_table *t = NULL;
        mnk_alloc_fail_after(fail);
        mnk_status status = mnk_auc_table_open(golden_prob, 1, golden_label, 30, 3, &t, &err);
        mnk_alloc_fail_after(0);
        if (status == MNK_OK) fail_msg("allocation %ld: no error", fail);
        assert_int_equal(status, MNK_ERR_MEMORY);
        assert_null(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal),        cmocka_unit_test(test_beta),
        cmocka_unit_test(test_proportions),   cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_delong_golden), cmocka_unit_test(test_published_example),
        cmocka_unit_test(test_auc_edges),     cmocka_unit_test(test_table_golden),
        cmocka_unit_test(test_table_runs),    cmocka_unit_test(test_midranks_definition),
        cmocka_unit_test(test_bootstrap),     cmocka_unit_test(test_delong_against_bootstrap),
        cmocka_unit_test(test_out_of_memory),
    };
    return MNK_RUN_TESTS("stats", tests);
}
