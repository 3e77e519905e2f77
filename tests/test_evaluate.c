/* evaluate end to end: copies are caught, garbage comes out as what it is, bad input is refused, threads do not matter. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "data/npy.h"
#include "evaluate/copies.h"
#include "evaluate/encoding.h"
#include "manikin/evaluate.h"

enum { SIDE = 16, CLASSES = 3, TRAIN = 240, HOLDOUT = 150, MADE = 210 };

/* "Cells": class c has c+1 soft discs of its own colour at random places on a tinted ground. */
static void draw(uint8_t *out, int label, mnk_rng *r) {
    double x[3], y[3], size[3], tint = mnk_rng_uniform(r) * 30;
    for (int k = 0; k <= label; k++) {
        x[k] = 2 + 12 * mnk_rng_uniform(r), y[k] = 2 + 12 * mnk_rng_uniform(r);
        size[k] = 2 + 2 * mnk_rng_uniform(r);
    }
    for (int v = 0; v < SIDE; v++)
        for (int u = 0; u < SIDE; u++)
            for (int c = 0; c < 3; c++) {
                double value = 200 + (c == 1 ? -tint : tint) + 4 * mnk_rng_normal(r);
                for (int k = 0; k <= label; k++) {
                    const double d2 = (u - x[k]) * (u - x[k]) + (v - y[k]) * (v - y[k]);
                    value -= (c == label ? 60 : 140) * exp(-d2 / size[k] / size[k]);
                }
                out[(v * SIDE + u) * 3 + c] = (uint8_t)fmin(255, fmax(0, value));
            }
}

static mnk_images *cells(size_t n, uint64_t stream) {
    static const char *const names[CLASSES] = {"one", "two", "three"};
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = NULL;
    assert_ok(mnk_images_new(n, SIDE, SIDE, 3, CLASSES, names, &d, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(11, MNK_PURPOSE_TEST, i, (uint32_t)stream);
        d->label[i] = (int32_t)(i % CLASSES);
        draw(d->pixels8 + i * SIDE * SIDE * 3, d->label[i], &r);
    }
    mnk_images_rehash(d);
    return d;
}

static mnk_images *copy_of(const mnk_images *d) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *out = NULL;
    size_t *row = mnk_alloc(d->n, sizeof *row);
    for (size_t i = 0; i < d->n; i++) row[i] = (i * 7 + 3) % d->n; /* another order */
    assert_ok(mnk_images_select(d, row, d->n, &out, &err));
    mnk_free(row);
    return out;
}

static void turn(mnk_images *d, int symmetry) {
    uint8_t was[SIDE * SIDE * 3];
    for (size_t i = 0; i < d->n; i++) {
        uint8_t *p = d->pixels8 + i * sizeof was;
        memcpy(was, p, sizeof was);
        for (int v = 0; v < SIDE; v++)
            for (int u = 0; u < SIDE; u++) {
                int sv, su;
                mnk_symmetry_source(symmetry, SIDE, SIDE, v, u, &sv, &su);
                memcpy(p + (v * SIDE + u) * 3, was + (sv * SIDE + su) * 3, 3);
            }
    }
}

typedef struct fixture {
    mnk_images *train, *holdout;
    mnk_evaluate_config config;
} fixture;

static fixture setup(void) {
    fixture f = {cells(TRAIN, 1), cells(HOLDOUT, 2), {0}};
    mnk_evaluate_defaults(&f.config);
    f.config.seed = 5;
    f.config.replicates = 100;
    f.config.by_class = false;
    return f;
}

static void teardown(fixture *f) {
    mnk_images_close(f->train);
    mnk_images_close(f->holdout);
}

static mnk_result *judge(const fixture *f, const mnk_images *made) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    assert_ok(mnk_evaluate(f->train, f->holdout, made, NULL, &f->config, NULL, &r, &err));
    return r;
}

static const mnk_metric *metric(const mnk_result *r, const char *id, const char *encoding, const char *subset) {
    const mnk_metric *m = mnk_result_find(r, id, encoding, subset);
    if (!m) fail_msg("no metric %s", id);
    return m;
}
static double value(const mnk_result *r, const char *id) { return metric(r, id, "scatter", "")->value; }
static double pixels(const mnk_result *r, const char *id) { return metric(r, id, "pixels", "")->value; }

static double reference(const mnk_metric *m, const char *name) {
    for (int k = 0; k < m->references; k++)
        if (!strcmp(m->reference[k].name, name)) return m->reference[k].value;
    fail_msg("%s has no reference %s", m->id, name);
    return NAN;
}

static size_t flagged(const mnk_result *r, const char *flag) {
    size_t n = 0;
    for (size_t i = 0; i < r->flags; i++) n += !strcmp(r->flag[i].flag, flag);
    return n;
}

static bool warned(const mnk_result *r, const char *words) {
    for (size_t i = 0; i < r->warnings; i++)
        if (strstr(r->warning[i], words)) return true;
    return false;
}

static void test_fresh_real_images(void **state) {
    (void)state;
    fixture f = setup();
    mnk_images *made = cells(MADE, 3);
    f.config.by_class = true;
    mnk_result *r = judge(&f, made);
    static const char *const ids[] = {"alpha_precision", "beta_recall", "precision", "recall", "coverage", "authenticity"};
    for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) { /* as good as holdout, far from the floor, with an interval */
        const mnk_metric *m = metric(r, ids[k], "scatter", "");
        assert_true(fabs(m->value - reference(m, "holdout")) < 0.15);
        assert_true(m->low <= m->value + 0.05 && m->high >= m->value - 0.05 && m->high > m->low);
        assert_int_equal(m->n, k == 5 ? MADE : HOLDOUT);
        if (k != 5) assert_true(reference(m, "floor") < 0.2);
        assert_true(k == 5 ? reference(m, "copy") == 0 : reference(m, "copy") > 0.99);
        for (int c = 0; c < CLASSES; c++) assert_true(isfinite(metric(r, ids[k], "scatter", f.train->class_names[c])->value));
    }
    const mnk_metric *fd = metric(r, "frechet_distance", "scatter", "");
    assert_true(reference(fd, "copy") < 1e-6 && fd->value < reference(fd, "floor") / 5);
    assert_true(fabs(pixels(r, "within_class_sd") - 1) < 0.05);
    assert_true(pixels(r, "exact_copies") == 0);
    assert_false(warned(r, "copies"));
    assert_false(warned(r, "collapse"));
    assert_int_equal(flagged(r, "exact_copy"), 0);
    mnk_result_close(r);
    mnk_images_close(made);
    teardown(&f);
}

static void test_copies_are_caught(void **state) {
    (void)state;
    fixture f = setup();
    for (int symmetry = 0; symmetry < MNK_SYMMETRIES; symmetry += symmetry == 0 ? 2 : 1) {
        mnk_images *made = copy_of(f.train);
        turn(made, symmetry);
        if (symmetry == 3 || symmetry == 6 || symmetry == 7) { /* enough for the full run; these through the detector alone */
            mnk_error err = MNK_ERROR_INIT;
            mnk_copy_index *index = NULL;
            mnk_copy *c = mnk_alloc(made->n, sizeof *c);
            assert_ok(mnk_copy_index_open(f.train, NULL, &index, &err));
            assert_ok(mnk_copies_find(index, made, false, NULL, c, &err));
            for (size_t i = 0; i < made->n; i++)
                assert_true(c[i].is_exact && c[i].near.row == (i * 7 + 3) % TRAIN && c[i].symmetry == symmetry);
            mnk_copy_index_close(index);
            mnk_free(c);
        } else {
            mnk_result *r = judge(&f, made);
            if (symmetry == 0) assert_true(value(r, "authenticity") == 0);
            assert_true((double)flagged(r, "exact_copy") >= 0.99 * (double)made->n);
            for (size_t i = 0; i < r->flags; i++)
                if (!strcmp(r->flag[i].flag, "exact_copy")) {
                    assert_int_equal(r->flag[i].of, (r->flag[i].item * 7 + 3) % TRAIN);
                    assert_string_equal(r->flag[i].note, mnk_symmetry_names[symmetry]);
                }
            assert_true(warned(r, "exact copies"));
            mnk_result_close(r);
        }
        mnk_images_close(made);
    }
    /* brighter, with less contrast: not the same bytes, still the same pictures */
    mnk_images *made = copy_of(f.train);
    turn(made, 4);
    for (size_t i = 0; i < made->n * SIDE * SIDE * 3; i++) made->pixels8[i] = (uint8_t)(40 + made->pixels8[i] * 0.8);
    mnk_result *r = judge(&f, made);
    assert_int_equal(flagged(r, "exact_copy"), 0);
    assert_true((double)flagged(r, "near_copy") >= 0.99 * (double)made->n);
    assert_true(warned(r, "near copies"));
    mnk_result_close(r);
    mnk_images_close(made);
    teardown(&f);
}

/* Each kind of garbage shows in at least one headline figure, named here. */
static void test_garbage(void **state) {
    (void)state;
    fixture f = setup();
    const size_t bytes = SIDE * SIDE * 3;
    mnk_rng rng = mnk_rng_at(12, MNK_PURPOSE_TEST, 0, 0);

    mnk_images *noise = cells(MADE, 3); /* noise: coverage */
    for (size_t i = 0; i < MADE * bytes; i++) noise->pixels8[i] = (uint8_t)mnk_rng_below(&rng, 256);
    mnk_result *r = judge(&f, noise);
    assert_true(value(r, "coverage") < 0.02 && value(r, "precision") < 0.02 && value(r, "alpha_precision") < 0.05);
    assert_true(value(r, "never_generated") > 0.98);
    mnk_result_close(r);
    mnk_images_close(noise);

    mnk_images *one = cells(MADE, 3); /* one picture a class, repeated: recall and within_class_sd */
    for (size_t i = CLASSES; i < MADE; i++) memcpy(one->pixels8 + i * bytes, one->pixels8 + i % CLASSES * bytes, bytes);
    r = judge(&f, one);
    assert_true(value(r, "recall") < 0.02 && value(r, "coverage") < 0.3 && pixels(r, "within_class_sd") < 1e-6);
    assert_true(warned(r, "collapse"));
    mnk_result_close(r);
    mnk_images_close(one);

    mnk_images *shuffled = copy_of(f.train); /* pixels shuffled: precision */
    for (size_t i = 0; i < TRAIN; i++)
        for (size_t p = SIDE * SIDE - 1; p > 0; p--) {
            const size_t q = (size_t)mnk_rng_below(&rng, p + 1);
            for (size_t c = 0; c < 3; c++) {
                uint8_t *a = shuffled->pixels8 + i * bytes + p * 3 + c, *b = shuffled->pixels8 + i * bytes + q * 3 + c, t = *a;
                *a = *b, *b = t;
            }
        }
    r = judge(&f, shuffled);
    assert_true(value(r, "precision") < 0.05 && value(r, "coverage") < 0.05);
    mnk_result_close(r);
    mnk_images_close(shuffled);

    mnk_images *blurred = copy_of(f.train), *sharp = copy_of(f.train); /* blurred train: frechet_distance, alpha_precision */
    for (size_t i = 0; i < TRAIN; i++)
        for (int v = 0; v < SIDE; v++)
            for (int u = 0; u < SIDE; u++)
                for (int c = 0; c < 3; c++) {
                    int sum = 0, n = 0;
                    for (int y = v - 2; y <= v + 2; y++)
                        for (int x = u - 2; x <= u + 2; x++)
                            if (y >= 0 && y < SIDE && x >= 0 && x < SIDE)
                                sum += sharp->pixels8[i * bytes + (size_t)((y * SIDE + x) * 3 + c)], n++;
                    blurred->pixels8[i * bytes + (size_t)((v * SIDE + u) * 3 + c)] = (uint8_t)(sum / n);
                }
    r = judge(&f, blurred);
    const mnk_metric *fd = metric(r, "frechet_distance", "scatter", "");
    assert_true(fd->value > 2 * reference(fd, "holdout") && value(r, "alpha_precision") < 0.5);
    mnk_result_close(r);
    mnk_images_close(blurred);
    mnk_images_close(sharp);

    mnk_images *same = NULL; /* one class only: recall, and what is missing by class */
    size_t row[80];
    for (size_t i = 0; i < 80; i++) row[i] = 3 * i % MADE;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *all = cells(MADE, 3);
    assert_ok(mnk_images_select(all, row, 80, &same, &err));
    f.config.by_class = true;
    r = judge(&f, same);
    const mnk_metric *recall = metric(r, "recall", "scatter", "");
    assert_true(recall->value < reference(recall, "holdout") - 0.2);
    assert_true(isnan(metric(r, "coverage", "scatter", "two")->value) && *metric(r, "coverage", "scatter", "two")->note);
    assert_true(warned(r, "class two") && warned(r, "class mix"));
    mnk_result_close(r);
    mnk_images_close(all);
    mnk_images_close(same);
    teardown(&f);
}

static void refuse(const fixture *f, const mnk_images *made, mnk_status expected, const char *words) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    assert_int_equal(mnk_evaluate(f->train, f->holdout, made, NULL, &f->config, NULL, &r, &err), expected);
    assert_null(r);
    if (!strstr(err.message, words)) fail_msg("expected \"%s\" in \"%s\"", words, err.message);
}

static void write_npy(const char *path, const char *descr, size_t n, size_t d, const void *data, size_t bytes) {
    mnk_error err = MNK_ERROR_INIT;
    char header[256];
    const size_t shape[2] = {n, d};
    const size_t length = mnk_npy_header(header, descr, 2, shape);
    uint8_t *all = mnk_alloc(length + bytes, 1);
    memcpy(all, header, length);
    memcpy(all + length, data, bytes);
    assert_ok(mnk_file_write(path, true, all, length + bytes, &err));
    mnk_free(all);
}

static void test_bad_input(void **state) {
    (void)state;
    fixture f = setup();
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *made = cells(MADE, 3), *few = cells(6, 3), *single = cells(1, 3), *grey = NULL, *other = NULL;
    static const char *const names[] = {"four"};
    assert_ok(mnk_images_new(20, SIDE, SIDE, 1, 1, names, &grey, &err));
    assert_ok(mnk_images_new(20, SIDE, SIDE, 3, 1, names, &other, &err));
    refuse(&f, grey, MNK_ERR_INPUT, "16 x 16 x 1");
    refuse(&f, other, MNK_ERR_INPUT, "class \"four\"");
    refuse(&f, few, MNK_ERR_INPUT, "6 images");
    refuse(&f, single, MNK_ERR_INPUT, "1 images");
    f.config.encoding = "scatter,wavelets";
    refuse(&f, made, MNK_ERR_USAGE, "unknown encoding \"wavelets\"");
    f.config.encoding = "classifier";
    refuse(&f, made, MNK_ERR_USAGE, "needs a classifier");
    f.config.encoding = NULL;
    f.config.neighbours = 0;
    refuse(&f, made, MNK_ERR_USAGE, "neighbours");
    f.config.neighbours = 5;
    mnk_result *r = NULL; /* no holdout: allowed, said */
    assert_ok(mnk_evaluate(f.train, NULL, made, NULL, &f.config, NULL, &r, &err));
    assert_true(warned(r, "no holdout"));
    assert_true(isnan(pixels(r, "near_copies")));
    assert_int_equal(metric(r, "coverage", "scatter", "")->references, 2);
    mnk_result_close(r);
    mnk_images_close(made);
    mnk_images_close(few);
    mnk_images_close(single);
    mnk_images_close(grey);
    mnk_images_close(other);
    teardown(&f);
}

static void test_own_features(void **state) {
    (void)state;
    enum { D = 5 };
    fixture f = setup();
    mnk_images *made = cells(MADE, 3);
    static double x[TRAIN * D];
    static float y[TRAIN * D];
    static char path[3][700];
    mnk_rng rng = mnk_rng_at(13, MNK_PURPOSE_TEST, 0, 0);
    const char *folder = test_folder("features");
    const size_t rows[3] = {TRAIN, HOLDOUT, MADE};
    for (int s = 0; s < 3; s++) {
        snprintf(path[s], sizeof path[s], "%s/%d.npy", folder, s);
        for (size_t i = 0; i < rows[s] * D; i++) x[i] = mnk_rng_normal(&rng), y[i] = (float)x[i];
        if (s == 1) write_npy(path[s], "<f4", rows[s], D, y, rows[s] * D * sizeof *y);
        else write_npy(path[s], "<f8", rows[s], D, x, rows[s] * D * sizeof *x);
    }
    f.config.features_train = path[0], f.config.features_holdout = path[1], f.config.features_synthetic = path[2];
    f.config.compat = 3;
    mnk_result *r = judge(&f, made);
    const mnk_metric *m = metric(r, "coverage", "npy", "");
    assert_true(m->value > 0.9 && reference(m, "holdout") > 0.9);
    assert_true(fabs(metric(r, "authors.authenticity", "npy", "")->value -
                     metric(r, "synthcity.authenticity", "npy", "")->value) < 1e-12);
    assert_true(isfinite(metric(r, "synthcity.alpha_precision", "npy", "")->value));
    mnk_result_close(r);
    x[17 * D + 3] = NAN;
    write_npy(path[2], "<f8", MADE, D, x, MADE * D * sizeof *x);
    refuse(&f, made, MNK_ERR_INPUT, "row 17, column 3");
    x[17 * D + 3] = 1e300; /* finite, but not as f32 */
    write_npy(path[2], "<f8", MADE, D, x, MADE * D * sizeof *x);
    refuse(&f, made, MNK_ERR_INPUT, "row 17, column 3");
    x[17 * D + 3] = 0;
    write_npy(path[2], "<f8", MADE - 1, D, x, (MADE - 1) * D * sizeof *x);
    refuse(&f, made, MNK_ERR_INPUT, "209 rows of features for 210 images");
    write_npy(path[2], "<f8", MADE, D, x, (MADE - 1) * D * sizeof *x);
    refuse(&f, made, MNK_ERR_INPUT, "cut short");
    write_npy(path[2], "<f8", MADE, D - 1, x, MADE * (D - 1) * sizeof *x);
    refuse(&f, made, MNK_ERR_INPUT, "4 columns");
    f.config.features_holdout = NULL;
    refuse(&f, made, MNK_ERR_USAGE, "--features-holdout");
    mnk_images_close(made);
    teardown(&f);
}

static void test_threads(void **state) {
    (void)state;
    fixture f = setup();
    mnk_images *made = cells(MADE, 3);
    f.config.encoding = "scatter,pixels";
    f.config.by_class = true;
    char *first = NULL;
    for (int threads = 1; threads <= 4; threads *= 2) {
        mnk_error err = MNK_ERROR_INIT;
        char *text = NULL;
        mnk_threads_set(threads);
        mnk_result *r = judge(&f, made);
        r->threads = 0, r->wall_s = 0;
        assert_ok(mnk_result_json(r, &text, &err));
        if (first) assert_string_equal(text, first);
        else first = mnk_strdup(text);
        mnk_free(text);
        mnk_result_close(r);
    }
    mnk_threads_set(0);
    mnk_free(first);
    mnk_images_close(made);
    teardown(&f);
}

static void test_with_classifier(void **state) {
    (void)state;
    fixture f = setup();
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *made = cells(MADE, 3);
    mnk_classifier_config config;
    mnk_classifier *c = NULL;
    mnk_result *r = NULL;
    mnk_classifier_defaults(&config);
    config.steps = 150, config.width = 8, config.batch = 32;
    assert_ok(mnk_classifier_train(f.train, f.holdout, &config, NULL, &c, &err));
    for (size_t i = 0; i < MADE; i++)
        made->label[i] = i % 2 ? made->label[i] : (made->label[i] + 1) % CLASSES; /* half mislabelled */
    f.config.by_class = true;
    assert_ok(mnk_evaluate(f.train, f.holdout, made, c, &f.config, NULL, &r, &err));
    const mnk_metric *m = metric(r, "label_agreement", "classifier", "");
    assert_true(m->value < 0.65 && reference(m, "holdout") > 0.8 && reference(m, "copy") > 0.8);
    assert_int_equal(metric(r, "label_agreement", "classifier", "two")->n, MADE / CLASSES);
    assert_int_equal(r->encodings, 2);
    assert_true(metric(r, "coverage", "classifier", "")->value > 0.7);
    assert_non_null(mnk_result_find(r, "never_generated", "classifier", ""));
    assert_null(mnk_result_find(r, "never_generated", "scatter", ""));
    mnk_result_close(r);
    mnk_classifier_close(c);
    mnk_images_close(made);
    teardown(&f);
}

/* Blood cells: the copy control on real pictures, and what one half says of the other. */
static void test_real_blood_cells(void **state) {
    (void)state;
    const char *path = test_real_data("blood_pbc/cells32.npz");
    if (!path) skip();
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *all = NULL, *train = NULL, *made = NULL, *holdout = NULL;
    char spec[1100];
    size_t row[2][1000];
    snprintf(spec, sizeof spec, "%s:train", path);
    assert_ok(mnk_images_open(spec, NULL, NULL, &all, &err));
    snprintf(spec, sizeof spec, "%s:test", path);
    assert_ok(mnk_images_open(spec, NULL, NULL, &holdout, &err));
    for (size_t i = 0; i < 1000; i++) row[0][i] = 4 * i, row[1][i] = 4 * i + 2;
    assert_ok(mnk_images_select(all, row[0], 1000, &train, &err));
    assert_ok(mnk_images_select(all, row[1], 1000, &made, &err));
    fixture f = {train, holdout, {0}};
    mnk_evaluate_defaults(&f.config);
    f.config.by_class = false, f.config.replicates = 100;
    mnk_result *r = judge(&f, made);
    assert_true(value(r, "coverage") > 0.9 && value(r, "precision") > 0.8 && fabs(pixels(r, "within_class_sd") - 1) < 0.05);
    assert_false(warned(r, "copies"));
    mnk_result_close(r);
    r = judge(&f, train);
    assert_true(value(r, "authenticity") == 0);
    assert_int_equal(flagged(r, "exact_copy"), 1000);
    mnk_result_close(r);
    mnk_images_close(all);
    mnk_images_close(made);
    teardown(&f);
}

/* Planted noise among fresh images of the class is found, worst first; fresh images are flagged as seldom as unseen real ones;
 * same numbers for any number of threads. */
static void test_artefacts(void **state) {
    (void)state;
    enum { BAD = 15 };
    fixture f = setup();
    mnk_images *made = cells(MADE, 3);
    f.config.by_class = true, f.config.never_shown = 60;
    mnk_result *clean = judge(&f, made);
    assert_true(value(clean, "artefacts") < 0.08);
    assert_true(reference(metric(clean, "artefacts", "scatter", ""), "holdout") < 0.08);
    for (size_t i = 0; i < BAD; i++) {
        mnk_rng r = mnk_rng_at(13, MNK_PURPOSE_TEST, i, 0);
        for (size_t k = 0; k < SIDE * SIDE * 3; k++) made->pixels8[i * SIDE * SIDE * 3 + k] = (uint8_t)mnk_rng_below(&r, 256);
    }
    mnk_images_rehash(made);
    mnk_result *r[2];
    for (int k = 0; k < 2; k++) {
        mnk_threads_set(k + 1);
        r[k] = judge(&f, made);
    }
    mnk_threads_set(0);
    bool seen[BAD] = {false};
    size_t found = 0, others = 0;
    double last = INFINITY;
    int last_class = -1;
    for (size_t i = 0; i < r[0]->flags; i++) {
        const mnk_flag *g = &r[0]->flag[i];
        if (strcmp(g->flag, "artefact") != 0) continue;
        const int label = made->label[g->item];
        assert_true(label >= last_class && (label > last_class || g->distance <= last) && g->distance > 1);
        assert_int_equal(f.train->label[g->of], label);
        last = g->distance, last_class = label;
        if (g->item < BAD && !seen[g->item]) seen[g->item] = true, found++;
        else others++;
    }
    assert_int_equal(found, BAD);
    assert_true(others <= MADE / 12);
    assert_true(value(r[0], "artefacts") >= (double)BAD / MADE && value(r[0], "artefacts") == value(r[1], "artefacts"));
    assert_int_equal(r[0]->flags, r[1]->flags);
    mnk_result_close(clean);
    mnk_result_close(r[0]);
    mnk_result_close(r[1]);
    mnk_images_close(made);
    teardown(&f);
}

static bool always(void *ctx) { return ctx == NULL; }
static void test_interruption(void **state) {
    (void)state;
    fixture f = setup();
    mnk_images *made = cells(MADE, 3);
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    const mnk_observer stop = {.stopped = always};
    assert_int_equal(mnk_evaluate(f.train, f.holdout, made, NULL, &f.config, &stop, &r, &err), MNK_ERR_INTERRUPTED);
    assert_null(r);
    mnk_images_close(made);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fresh_real_images), cmocka_unit_test(test_copies_are_caught), cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_bad_input),         cmocka_unit_test(test_own_features),      cmocka_unit_test(test_threads),
        cmocka_unit_test(test_with_classifier),   cmocka_unit_test(test_real_blood_cells),  cmocka_unit_test(test_interruption),
        cmocka_unit_test(test_artefacts),
    };
    return MNK_RUN_TESTS("evaluate", tests);
}
