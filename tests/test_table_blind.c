/* The table of blind spots: shuffled columns, a copied train set and a Gaussian per class come out as what they are. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "manikin/evaluate_table.h"
#include "math/linalg.h"
#include "table_tests.h"

enum { LABEL = 30, D = 30 };

static double value(const mnk_result *r, const char *id, const char *encoding) {
    const mnk_metric *m = mnk_result_find(r, id, encoding, "");
    if (!m) fail_msg("no %s", id);
    return m->value;
}

static double reference(const mnk_result *r, const char *id, const char *encoding, const char *name) {
    const mnk_metric *m = mnk_result_find(r, id, encoding, "");
    for (int k = 0; m && k < m->references; k++)
        if (!strcmp(m->reference[k].name, name)) return m->reference[k].value;
    fail_msg("%s has no reference %s", id, name);
    return NAN;
}

static mnk_table *shuffled(const mnk_table *t) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *out = NULL;
    size_t *order = mnk_alloc(t->n, sizeof *order);
    assert_ok(mnk_table_new(t->schema, t->n, &out, &err));
    for (size_t c = 0; c <= LABEL; c++) {
        mnk_rng r = mnk_rng_at(5, MNK_PURPOSE_TEST, c, 0);
        mnk_rng_permutation(&r, order, t->n);
        for (size_t i = 0; i < t->n; i++) {
            if (c == LABEL) out->code[c][i] = t->code[c][order[i]];
            else out->number[c][i] = t->number[c][order[i]];
        }
    }
    assert_ok(mnk_table_finish(out, &err));
    mnk_free(order);
    return out;
}

/* As many rows of each class as t has, from its mean and covariance. */
static mnk_table *gaussians(const mnk_table *t) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *out = NULL;
    assert_ok(mnk_table_new(t->schema, t->n, &out, &err));
    for (int k = 0; k < 2; k++) {
        float *x = mnk_alloc(t->n * D, sizeof *x);
        double mean[D], cov[D * D], l[D];
        size_t n = 0;
        for (size_t i = 0; i < t->n; i++) {
            if (t->code[LABEL][i] != k) continue;
            for (size_t c = 0; c < D; c++) x[n * D + c] = (float)t->number[c][i];
            n++;
        }
        assert_ok(mnk_covariance(x, n, D, mean, cov, &err));
        assert_ok(mnk_eigen_symmetric(cov, D, l, 1, &err));
        for (size_t i = 0; i < t->n; i++) {
            if (t->code[LABEL][i] != k) continue;
            mnk_rng r = mnk_rng_at(6, MNK_PURPOSE_TEST, i, 0);
            double z[D];
            for (size_t c = 0; c < D; c++) z[c] = mnk_rng_normal(&r) * sqrt(fmax(0, l[c]));
            for (size_t c = 0; c < D; c++) {
                double sum = mean[c];
                for (size_t a = 0; a < D; a++) sum += cov[a * D + c] * z[a];
                out->number[c][i] = sum;
            }
            out->code[LABEL][i] = k;
        }
        mnk_free(x);
    }
    assert_ok(mnk_table_finish(out, &err));
    return out;
}

static mnk_result *judge(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table_evaluate_config config;
    mnk_result *r = NULL;
    mnk_table_evaluate_defaults(&config);
    config.replicates = 100;
    config.by_class = false;
    assert_ok(mnk_evaluate_tables(train, holdout, synthetic, &config, NULL, &r, &err));
    return r;
}

static void show(const char *name, const mnk_result *r) {
    static const char *const ids[] = {"ks_complement", "correlation_similarity", "precision",   "recall",       "density",
                                      "coverage",      "alpha_precision",        "beta_recall", "authenticity", "mmd_p"};
    print_message("# %-10s", name);
    for (size_t k = 0; k < sizeof ids / sizeof *ids; k++)
        print_message(" %s %.3f", ids[k], value(r, ids[k], k < 2 ? "" : "mixed"));
    print_message("\n");
}

static void test_blind_spots(void **state) {
    (void)state;
    mnk_table *all = test_breast_cancer();
    if (!all) skip();
    mnk_table *train = test_every(all, 0, 5, true), *holdout = test_every(all, 0, 5, false);
    mnk_table *mixed_up = shuffled(train), *gauss = gaussians(train);
    mnk_result *s = judge(train, holdout, mixed_up), *c = judge(train, holdout, train), *g = judge(train, holdout, gauss);
    show("shuffled", s);
    show("copied", c);
    show("gaussians", g);
    /* shuffled columns: perfect one by one, garbage together; recall (Kynkaanniemi) is the one that is fooled */
    assert_true(value(s, "ks_complement", "") == 1 && value(s, "binned_accuracy_1", "") == 1);
    assert_true(value(s, "correlation_similarity", "") < 0.85);
    assert_true(value(s, "binned_accuracy_2", "") < reference(s, "binned_accuracy_2", "", "expected") - 0.05);
    assert_true(value(s, "precision", "mixed") < 0.1 && value(s, "coverage", "mixed") < 0.1 &&
                value(s, "density", "mixed") < 0.1);
    assert_true(value(s, "mmd_p", "mixed") <= 0.001);
    assert_true(value(s, "authenticity", "mixed") > 0.95);
    /* copies: perfect everywhere but where it matters */
    assert_true(value(c, "authenticity", "mixed") == 0);
    assert_true(value(c, "exact_copies", "") == 1);
    assert_true(value(c, "coverage", "mixed") > 0.99 && value(c, "precision", "mixed") > 0.9 &&
                value(c, "ks_complement", "") == 1);
    assert_true(reference(c, "exact_copies", "", "holdout") == 0);
    assert_true(reference(c, "authenticity", "mixed", "holdout") > 0.3);
    /* one Gaussian a class: good at pairs, not quite at columns; covers; nobody's copy */
    assert_true(value(g, "correlation_similarity", "") > 0.95 &&
                value(g, "correlation_similarity", "") > value(s, "correlation_similarity", ""));
    assert_true(value(g, "ks_complement", "") < 0.97 && value(g, "ks_complement", "") > 0.85);
    assert_true(value(g, "coverage", "mixed") > 0.5 && value(g, "exact_copies", "") == 0);
    assert_true(value(g, "authenticity", "mixed") > 0.5 &&
                value(g, "authenticity", "mixed") < value(s, "authenticity", "mixed"));
    mnk_result_close(s);
    mnk_result_close(c);
    mnk_result_close(g);
    mnk_table_close(mixed_up);
    mnk_table_close(gauss);
    mnk_table_close(train);
    mnk_table_close(holdout);
    mnk_table_close(all);
}

/* Each of 5 % of the training rows twenty times: the published programs say 0.814 of such a set, the paper 0
 * (evaluation.md 2.1, on normal data; here on rows of this table, where only the 0 is a fixed number). */
static void test_memorised(void **state) {
    (void)state;
    mnk_table *all = test_breast_cancer();
    if (!all) skip();
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *few = NULL;
    size_t row[560];
    for (size_t i = 0; i < 560; i++) row[i] = i / 20 * 20;
    assert_ok(mnk_table_select(all, row, 560, &few, &err));
    mnk_result *r = judge(all, NULL, few);
    assert_true(value(r, "authenticity", "mixed") == 0);
    assert_true(value(r, "coverage", "mixed") < 0.5);
    mnk_result_close(r);
    mnk_table_close(few);
    mnk_table_close(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blind_spots), cmocka_unit_test(test_memorised)};
    return MNK_RUN_TESTS("table_blind", tests);
}
