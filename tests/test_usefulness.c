/* Usefulness: arms, selection, the variance over test images and training subsets, verdicts, and what is refused. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "evaluate/auc_report.h"
#include "evaluate/usefulness.h"
#include "math/auc.h"
#include "math/stats.h"
#include "textures.h"

static bool near(double a, double b, double tolerance) { return fabs(a - b) <= tolerance * fmax(1.0, fabs(b)); }

/* ---- statistics ---- */

static void test_student(void **state) {
    (void)state;
    static const struct {
        double df, p, t;
    } rows[] = {/* R: qt(p, df) */
                {4, 0.975, 2.7764451051977934},
                {1, 0.975, 12.706204736174694},
                {10, 0.995, 3.169272672616951},
                {2.5, 0.9, 1.7302509288071766},
                {200, 0.025, -1.9718962236339091}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(near(mnk_student_quantile(rows[i].p, rows[i].df), rows[i].t, 1e-9));
        assert_true(near(mnk_student_cdf(rows[i].t, rows[i].df), rows[i].p, 1e-10));
    }
    assert_true(near(mnk_student_quantile(0.975, INFINITY), 1.959963984540054, 1e-12));
    assert_true(mnk_student_quantile(0.5, 3) == 0.0);
    assert_true(isnan(mnk_student_cdf(1, 0)) && isnan(mnk_student_quantile(2, 3)));
}

static void test_holm(void **state) {
    (void)state;
    double p[6] = {0.01, 0.04, NAN, 0.03, 0.005, 0.03};
    static const double want[6] = {0.04, 0.09, NAN, 0.09, 0.025, 0.09}; /* R: p.adjust(p, "holm") */
    mnk_holm(p, 6);
    for (int i = 0; i < 6; i++) assert_true(isnan(want[i]) ? isnan(p[i]) : near(p[i], want[i], 1e-12));
    double large[2] = {0.9, 0.8};
    mnk_holm(large, 2);
    assert_true(large[0] == 1.0 && large[1] == 1.0);
}

static void test_verdicts(void **state) {
    (void)state;
    assert_string_equal(mnk_auc_verdict(0.02, 0.01, 0.0001, 0.95), "better");
    assert_string_equal(mnk_auc_verdict(-0.02, 0.01, 0.9, 0.95), "worse");
    assert_string_equal(mnk_auc_verdict(-0.002, 0.01, 0.001, 0.95), "worse"); /* shown, though within the margin */
    assert_string_equal(mnk_auc_verdict(0.001, 0.5, 0.02, 0.95), "not worse");
    assert_string_equal(mnk_auc_verdict(0.001, 0.5, 0.03, 0.95), "cannot tell"); /* one-sided at 2.5 % */
    assert_string_equal(mnk_auc_verdict(0.001, NAN, NAN, 0.95), "cannot tell");
}

/* Two classes; each arm has, for every training subset, classifiers whose skill varies with the subset (sd `between`). All arms
 * are alike in the long run, but for `gain` of the last. Positives and negatives share a part of their score between arms. */
typedef struct world {
    size_t n, units, group;
    int arms;
    double between, gain;
    float *prob; /* [arms][units][n][2] */
    int32_t *label, *of_group;
    const float **run;
} world;

static world open_world(size_t n, size_t units, int arms, double between, size_t group) {
    world w = {n, units, group, arms, between, 0, NULL, NULL, NULL, NULL};
    w.prob = mnk_alloc((size_t)arms * units * n * 2, sizeof *w.prob);
    w.label = mnk_alloc(n, sizeof *w.label);
    w.of_group = mnk_alloc(n, sizeof *w.of_group);
    w.run = mnk_alloc((size_t)arms * units, sizeof *w.run);
    assert_true(w.prob && w.label && w.of_group && w.run);
    for (size_t i = 0; i < n; i++) {
        w.of_group[i] = (int32_t)(i / (group ? group : 1));
        w.label[i] = w.of_group[i] % 2;
    }
    for (size_t r = 0; r < (size_t)arms * units; r++) w.run[r] = w.prob + r * n * 2;
    return w;
}

static void close_world(world *w) {
    mnk_free(w->prob);
    mnk_free(w->label);
    mnk_free(w->of_group);
    mnk_free(w->run);
}

static void draw_world(world *w, uint64_t seed) {
    mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_TEST, 0, 0);
    for (size_t r = 0; r < (size_t)w->arms * w->units; r++) {
        double skill = 1.2 + w->between * mnk_rng_normal(&rng) + (r / w->units + 1 == (size_t)w->arms ? w->gain : 0.0);
        float *prob = w->prob + r * w->n * 2;
        for (size_t i = 0; i < w->n; i++) {
            mnk_rng shared = mnk_rng_at(seed, MNK_PURPOSE_TEST, 1 + (uint64_t)w->of_group[i], 1);
            double score = skill * w->label[i] + 0.8 * mnk_rng_normal(&shared) + 0.6 * mnk_rng_normal(&rng);
            prob[2 * i + 1] = (float)(1.0 / (1.0 + exp(-score)));
            prob[2 * i] = 1.0f - prob[2 * i + 1];
        }
    }
}

static mnk_auc_test test_of(const world *w) {
    static char *names[] = {"a", "b"};
    return (mnk_auc_test){w->n, 2, w->label, w->group ? w->of_group : NULL, names, false, {0, 0}};
}

/* How often the 95 % interval of the difference of two equal arms holds 0, over new subsets and new test images. */
static void coverage(size_t n, size_t group, double between, int rounds, double *whole, double *test_only) {
    mnk_error err = MNK_ERROR_INIT;
    world w = open_world(n, 5, 2, between, group);
    int in = 0, in_test = 0;
    for (int k = 0; k < rounds; k++) {
        mnk_auc_sample *s[2];
        draw_world(&w, 1000 + (uint64_t)k);
        mnk_auc_test test = test_of(&w);
        for (int a = 0; a < 2; a++) assert_ok(mnk_auc_sample_open(&test, w.run + 5 * a, 5, 1, 200, 7, &s[a], &err));
        mnk_effect e = mnk_auc_effect(s[1], s[0], 1);
        in += fabs(e.value) <= mnk_student_quantile(0.975, e.df) * e.sd;
        in_test += fabs(e.value) <= 1.96 * e.sd_test;
        for (int a = 0; a < 2; a++) mnk_auc_sample_close(s[a]);
    }
    close_world(&w);
    *whole = (double)in / rounds, *test_only = (double)in_test / rounds;
}

static void test_intervals_cover_subsets_and_test_images(void **state) {
    (void)state;
    double whole, test_only;
    coverage(200, 0, 0.3, 400, &whole, &test_only); /* both parts matter: sd of the coverage 0.011 */
    if (!(whole > 0.92 && whole < 0.985)) fail_msg("coverage %.3f", whole);
    if (!(test_only < 0.8)) fail_msg("the spread over subsets should have mattered: %.3f", test_only);
    coverage(200, 0, 0, 300, &whole, &test_only); /* classifiers differ by chance alone: nothing may be lost */
    if (!(whole > 0.92)) fail_msg("coverage %.3f without a spread", whole);
    coverage(240, 6, 0.3, 100, &whole, &test_only); /* 40 groups of six that share most of their score */
    if (!(whole > 0.90)) fail_msg("coverage %.3f by group", whole);
}

/* One unit: DeLong's variance of a difference, to the last digit. */
static void test_one_unit_is_delong(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    world w = open_world(100, 1, 2, 0.3, 0);
    draw_world(&w, 5);
    mnk_auc_test test = test_of(&w);
    mnk_auc_sample *s[2];
    double scores[2][100], influence[2][100], variance = 0;
    uint8_t positive[100];
    mnk_auc auc[2];
    for (int a = 0; a < 2; a++) {
        assert_ok(mnk_auc_sample_open(&test, w.run + a, 1, 1, 200, 7, &s[a], &err));
        for (int i = 0; i < 100; i++) scores[a][i] = w.run[a][2 * i + 1], positive[i] = w.label[i] == 1;
        assert_ok(mnk_auc_delong(scores[a], positive, 100, influence[a], &auc[a], &err));
    }
    for (int i = 0; i < 100; i++) variance += pow(influence[1][i] - influence[0][i], 2);
    mnk_effect e = mnk_auc_effect(s[1], s[0], 1);
    assert_true(near(e.value, auc[1].value - auc[0].value, 1e-12) && near(e.sd, sqrt(variance), 1e-12) && isinf(e.df));
    for (int a = 0; a < 2; a++) mnk_auc_sample_close(s[a]);
    close_world(&w);
}

/* Eight arms that are alike: any "better" or "worse" at all in at most about 5 % of studies; and a real gain is found. */
static void test_false_verdicts_are_rare(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    world w = open_world(150, 5, 8, 0.15, 0);
    int wrong = 0, rounds = 300, found = 0;
    for (int k = 0; k < rounds + 20; k++) {
        mnk_auc_arm arm[8];
        mnk_result *r;
        bool any = false;
        w.gain = k < rounds ? 0 : 1.0;
        draw_world(&w, 50000 + (uint64_t)k);
        for (int a = 0; a < 8; a++) {
            static const char *const names[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
            arm[a] = (mnk_auc_arm){.name = names[a], .run = w.run + 5 * a, .units = 5, .per_unit = 1, .trained = 5};
        }
        mnk_auc_test test = test_of(&w);
        mnk_auc_report_settings settings = {"t", 0.95, 100, 1, 0, 0.01, "", 5, 1};
        assert_ok(mnk_result_open("t", 1, &r, &err));
        assert_ok(mnk_auc_report(r, &test, arm, 8, &settings, &err));
        for (int a = 1; a < 8; a++) {
            char id[32];
            snprintf(id, sizeof id, "auc_gain.%d", a);
            const mnk_metric *m = mnk_result_find(r, id, "", "b");
            assert_non_null(m);
            bool claims = !strcmp(m->verdict, "better") || !strcmp(m->verdict, "worse");
            any = any || claims;
            if (k >= rounds && a == 7) found += !strcmp(m->verdict, "better");
            assert_true(m->references >= 7); /* margin, both p, both sd, subsets, generators */
        }
        wrong += k < rounds && any;
        mnk_result_close(r);
    }
    close_world(&w);
    if (wrong > 0.085 * rounds) fail_msg("%d of %d null studies made a claim", wrong, rounds); /* 5 % and 2.8 sd */
    assert_true(found >= 19);
}

/* ---- arms ---- */

static mnk_usefulness_config small(void) {
    mnk_usefulness_config config;
    mnk_usefulness_defaults(&config);
    config.classifier.steps = 40, config.classifier.batch = 16, config.classifier.width = 4, config.classifier.seed = 3;
    config.seeds = 2, config.bootstrap = 200;
    return config;
}

static const mnk_metric *metric(const mnk_result *r, const char *id, const char *subset) {
    const mnk_metric *m = mnk_result_find(r, id, "", subset);
    if (!m) fail_msg("no metric %s for \"%s\"", id, subset);
    return m;
}

static void test_arms(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *train = textures(120, 16, 1, 3, 1, 1), *good = textures(120, 16, 1, 3, 1, 2),
               *test = textures(90, 16, 1, 3, 0.5, 4);
    mnk_usefulness_config config = small();
    mnk_result *r;
    for (size_t i = 0; i < good->n; i++) /* no synthetic "coarse" */
        if (good->label[i] == 2) good->label[i] = 0;
    config.select = "confidence, realism";
    assert_ok(mnk_result_open("test", 1, &r, &err));
    assert_ok(mnk_usefulness(train, NULL, good, test, &config, NULL, r, &err));
    for (int a = 0; a < MNK_ARMS; a++) {
        char id[96];
        snprintf(id, sizeof id, "macro_auc.%s", mnk_arms[a].name);
        assert_true(metric(r, id, "")->value > 0.4);
        snprintf(id, sizeof id, "macro_auc_gain.%s", mnk_arms[a].name);
        assert_true((mnk_result_find(r, id, "", "") == NULL) == (a == MNK_ARM_BASELINE));
    }
    assert_true(metric(r, "macro_auc.real+over+classical", "")->value > 0.8);
    const mnk_metric *m = metric(r, "auc.synthetic", "coarse");
    assert_true(m->value == 0.5); /* probability 0 for everybody */
    assert_non_null(strstr(m->note, "counts as wrong"));
    assert_true(metric(r, "accuracy.synthetic", "")->value <= 2.0 / 3 + 1e-9); /* its third of test is lost */
    assert_true(metric(r, "auc.real+synthetic", "fine")->n == 90);
    m = metric(r, "macro_auc_gain.synthetic", "");
    assert_true(near(
        m->value, metric(r, "macro_auc.synthetic", "")->value - metric(r, "macro_auc.real+over+classical", "")->value, 1e-12));
    assert_true(m->low < m->value && m->value < m->high && m->high < 0); /* the loss of a class shows */
    assert_string_equal(m->verdict, "worse");
    assert_string_equal(metric(r, "macro_auc.synthetic", "")->reference[0].name, "real+over+classical");
    assert_non_null(strstr(metric(r, "macro_auc.real+synthetic", "")->note, "40 steps of 8 real + 8 synthetic"));
    assert_non_null(strstr(metric(r, "macro_auc.real", "")->note, "mean of 2 seeds, sd"));
    assert_true(isnan(metric(r, "generator_variety", "coarse")->value));
    assert_null(mnk_result_find(r, "pair_auc.real", "", "fine vs middle")); /* neither validation nor a name: no pair */
    assert_true(r->warnings >= 3);                                          /* missing class, one subset, no synthetic mark */
    assert_non_null(r->settings_json);
    mnk_result_close(r);
    mnk_images_close(train), mnk_images_close(good), mnk_images_close(test);
}

/* By group: copies of one test image in a group must widen the interval; and bytes do not depend on threads. */
static void test_by_group_and_threads(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *train = textures(90, 16, 1, 3, 0.4, 1), *synthetic = textures(90, 16, 1, 3, 0.4, 2), *test = NULL,
               *few = textures(60, 16, 1, 3, 0.3, 4);
    mnk_usefulness_config config = small();
    config.seeds = 1;
    config.arms = "real,synthetic";
    config.select = "realism";
    size_t index[600];
    for (size_t i = 0; i < 600; i++) index[i] = i % 60;
    assert_ok(mnk_images_select(few, index, 600, &test, &err));
    double width[2];
    for (int grouped = 0; grouped < 2; grouped++) {
        if (grouped) {
            test->group = mnk_alloc(600, sizeof *test->group);
            for (int i = 0; i < 600; i++) test->group[i] = i % 60;
        }
        char *text[2];
        for (int t = 0; t < 2; t++) {
            mnk_result *r;
            mnk_threads_set(t ? 4 : 1);
            assert_ok(mnk_result_open("test", 1, &r, &err));
            assert_ok(mnk_usefulness(train, NULL, synthetic, test, &config, NULL, r, &err));
            const mnk_metric *m = metric(r, "macro_auc.real", "");
            assert_true(m->low < m->value && m->value < m->high);
            assert_non_null(strstr(m->note, grouped ? "bootstrap of 60 groups" : "DeLong"));
            width[grouped] = m->high - m->low;
            m = metric(r, "macro_auc_gain.synthetic", "");
            assert_true(m->low <= m->value && m->value <= m->high);
            assert_null(mnk_result_find(r, "macro_auc.real+over", "", "")); /* switched off */
            r->threads = 0;                                                 /* the one number that may differ */
            assert_ok(mnk_result_json(r, &text[t], &err));
            mnk_result_close(r);
        }
        assert_string_equal(text[0], text[1]);
        mnk_free_bytes(text[0]), mnk_free_bytes(text[1]);
    }
    mnk_threads_set(0);
    assert_true(width[1] > 2 * width[0]); /* ten copies each: about sqrt(10) */
    mnk_images_close(train), mnk_images_close(synthetic), mnk_images_close(test), mnk_images_close(few);
}

/* One picture per class: figures, but no verdict on any arm that used them. */
static void test_a_collapsed_generator_is_refused(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *train = textures(90, 16, 1, 3, 1, 1), *test = textures(60, 16, 1, 3, 0.5, 4), *one = NULL;
    mnk_usefulness_config config = small();
    mnk_result *r;
    size_t index[90];
    for (size_t i = 0; i < 90; i++) index[i] = i % 3 + 3 * (i < 6); /* two pictures a class, one of them once */
    assert_ok(mnk_images_select(train, index, 90, &one, &err));
    config.arms = "real,real+synthetic,synthetic";
    assert_ok(mnk_result_open("test", 1, &r, &err));
    assert_ok(mnk_usefulness(train, NULL, one, test, &config, NULL, r, &err));
    assert_true(metric(r, "generator_variety", "fine")->value < 0.7);
    assert_string_equal(metric(r, "macro_auc_gain.real+synthetic", "")->verdict, "refused");
    assert_string_equal(metric(r, "auc_gain.synthetic", "fine")->verdict, "refused");
    assert_non_null(strstr(metric(r, "auc_gain.synthetic", "fine")->note, "a generator collapsed"));
    assert_true(strcmp(metric(r, "macro_auc_gain.real", "")->verdict, "refused") != 0); /* needs no generator */
    assert_non_null(strstr(r->warning[0], "nothing is concluded"));
    mnk_result_close(r);
    config.variety_min = 0;
    assert_ok(mnk_result_open("test", 1, &r, &err));
    assert_ok(mnk_usefulness(train, NULL, one, test, &config, NULL, r, &err));
    assert_true(strcmp(metric(r, "macro_auc_gain.synthetic", "")->verdict, "refused") != 0);
    mnk_result_close(r);
    mnk_images_close(train), mnk_images_close(test), mnk_images_close(one);
}

/* "fine" and "middle" are the same picture in training and validation; in test it is "fine" and "coarse" that nobody can tell
 * apart: the pair must come from validation. */
static void test_hard_pair_comes_from_validation(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *set[4];
    mnk_usefulness_config config = small();
    mnk_result *r;
    for (int k = 0; k < 4; k++) {
        set[k] = textures(120, 16, 1, 3, 1, 1 + (uint64_t)k);
        for (size_t i = 0; i < 120; i++) /* swap the labels of every other image of two classes: no better than chance */
            if (i / 3 % 2 && i % 3 != (k < 3 ? 2u : 1u)) set[k]->label[i] = k < 3 ? 1 - (int)(i % 3) : 2 - (int)(i % 3);
        mnk_images_rehash(set[k]);
    }
    config.arms = "real";
    assert_ok(mnk_result_open("test", 1, &r, &err));
    assert_ok(mnk_usefulness(set[0], set[1], set[2], set[3], &config, NULL, r, &err));
    const mnk_metric *m = metric(r, "pair_auc.real+over+classical", "fine vs middle");
    assert_true(m->low < m->value && m->value < m->high);
    assert_null(mnk_result_find(r, "pair_auc.real", "", "fine vs coarse"));
    mnk_result_close(r);
    config.pair = "coarse vs fine";
    assert_ok(mnk_result_open("test", 1, &r, &err));
    assert_ok(mnk_usefulness(set[0], set[1], set[2], set[3], &config, NULL, r, &err));
    assert_true(fabs(metric(r, "pair_auc.real", "coarse vs fine")->value - 0.5) < 0.2);
    config.pair = "coarse vs rough";
    assert_int_equal(mnk_usefulness(set[0], set[1], set[2], set[3], &config, NULL, r, &err), MNK_ERR_USAGE);
    mnk_result_close(r);
    for (int k = 0; k < 4; k++) mnk_images_close(set[k]);
}

/* Half of the candidates are real-looking, half have another class's label or are noise: both scores must see it. */
static void test_selection_finds_the_good_ones(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *train = textures(150, 16, 1, 3, 1, 1), *made = textures(120, 16, 1, 3, 1, 2),
               *noise = textures(120, 16, 1, 3, 0, 3);
    mnk_usefulness_config config = small();
    mnk_classifier *c;
    int32_t map[3] = {0, 1, 2};
    config.classifier.steps = 150;
    assert_ok(mnk_classifier_train(train, NULL, &config.classifier, NULL, &c, &err));
    for (size_t i = 60; i < 120; i++) memcpy(made->pixels8 + i * 256, noise->pixels8 + i * 256, 256);
    for (int method = MNK_SELECT_CONFIDENCE; method <= MNK_SELECT_REALISM; method++) {
        size_t *rows, n, good = 0;
        assert_ok(mnk_select_rows((mnk_select)method, 0.5, c, train, map, made, map, &rows, &n, &err));
        assert_int_equal(n, 60);
        for (size_t i = 0; i < n; i++) good += rows[i] < 60;
        for (size_t i = 1; i < n; i++) assert_true(rows[i] > rows[i - 1]);
        if (good < 50) fail_msg("method %d: %zu of 60 kept are good", method, good);
        mnk_free(rows);
    }
    mnk_classifier_close(c);
    mnk_images_close(train), mnk_images_close(made), mnk_images_close(noise);
}

static void test_refused(void **state) {
    (void)state;
    mnk_images *d = textures(60, 16, 1, 3, 1, 1), *other = textures(60, 16, 1, 3, 1, 2), *big = textures(30, 24, 1, 3, 1, 2);
    mnk_usefulness_config config = small();
    mnk_result *r;
    mnk_error err = MNK_ERROR_INIT;
    assert_ok(mnk_result_open("test", 1, &r, &err));
    assert_int_equal(mnk_usefulness(d, NULL, other, d, &config, NULL, r, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "is the training set"));
    mnk_error_clear(&err);
    config.arms = "real"; /* little to train before the synthetic images are looked at */
    assert_int_equal(mnk_usefulness(d, NULL, big, other, &config, NULL, r, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "synthetic"));
    mnk_error_clear(&err);
    config.arms = "real,real+sinthetic";
    assert_int_equal(mnk_usefulness(d, NULL, other, big, &config, NULL, r, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.message, "did you mean \"real+synthetic\"?"));
    mnk_error_clear(&err);
    config.arms = NULL, config.select = "beauty";
    assert_int_equal(mnk_usefulness(d, NULL, other, big, &config, NULL, r, &err), MNK_ERR_USAGE);
    mnk_error_clear(&err);
    config.select = NULL, config.synthetic_share = 0.7;
    assert_int_equal(mnk_usefulness(d, NULL, other, big, &config, NULL, r, &err), MNK_ERR_USAGE);
    assert_int_equal(r->metrics, 0);
    mnk_result_close(r);
    mnk_images_close(d), mnk_images_close(other), mnk_images_close(big);
}

/* ---- files ---- */

static void test_scores_come_back(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *train = textures(60, 16, 1, 3, 1, 1), *val = textures(21, 16, 1, 3, 1, 5),
               *synthetic = textures(60, 16, 1, 3, 1, 2), *test = textures(33, 16, 1, 3, 1, 4);
    mnk_usefulness_config config = small();
    config.classifier.steps = 4;
    for (int half = 0; half < 2; half++) {
        mnk_scores *a, *b;
        char path[700];
        mnk_arms_data data = {train, val, test, half ? synthetic : NULL};
        snprintf(path, sizeof path, "%s/s.safetensors", test_folder("scores"));
        assert_ok(mnk_arms_run(&data, &config, NULL, NULL, &a, &err));
        assert_ok(mnk_scores_save(a, path, &err));
        assert_ok(mnk_scores_open(path, 3, 33, &b, &err));
        assert_true(b->seeds == 2 && b->steps == 4 && b->classes == 3 && b->n_val == a->n_val);
        assert_memory_equal(a->train_n, b->train_n, 3 * sizeof *a->train_n);
        for (int k = 0; k < MNK_ARMS; k++) {
            assert_true((a->test[k] != NULL) == (b->test[k] != NULL));
            if (a->test[k]) assert_memory_equal(a->test[k], b->test[k], 2 * 33 * 3 * sizeof(float));
        }
        assert_true((b->val != NULL) == !half && (b->variety != NULL) == half && (b->absent != NULL) == half);
        if (half) assert_memory_equal(a->variety, b->variety, 3 * sizeof(double));
        mnk_scores_close(b);
        assert_int_equal(mnk_scores_open(path, 3, 34, &b, &err), MNK_ERR_INPUT); /* another test set */
        assert_null(b);
        mnk_error_clear(&err);
        assert_int_equal(mnk_scores_open(path, 4, 33, &b, &err), MNK_ERR_INPUT);
        mnk_error_clear(&err);
        mnk_scores_close(a);
    }
    mnk_images_close(train), mnk_images_close(val), mnk_images_close(synthetic), mnk_images_close(test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_student),
        cmocka_unit_test(test_holm),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_intervals_cover_subsets_and_test_images),
        cmocka_unit_test(test_one_unit_is_delong),
        cmocka_unit_test(test_false_verdicts_are_rare),
        cmocka_unit_test(test_arms),
        cmocka_unit_test(test_by_group_and_threads),
        cmocka_unit_test(test_a_collapsed_generator_is_refused),
        cmocka_unit_test(test_hard_pair_comes_from_validation),
        cmocka_unit_test(test_selection_finds_the_good_ones),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_scores_come_back),
    };
    return MNK_RUN_TESTS("usefulness", tests);
}
