#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "learn/classifier/augment.h"
#include "learn/classifier/model.h"
#include "manikin/usefulness.h"
#include "textures.h"

static mnk_classifier_config small(void) {
    mnk_classifier_config config;
    mnk_classifier_defaults(&config);
    config.steps = 40, config.batch = 16, config.width = 4, config.seed = 3;
    return config;
}

/* ---- augmentation ---- */

static void test_augment(void **state) {
    (void)state;
    mnk_classifier_config config;
    mnk_classifier_defaults(&config);
    config.translate = config.brightness = config.contrast = config.colour = 0;
    float in[16], out[16];
    int seen[16 * 16] = {0}, kinds = 0;
    for (int i = 0; i < 16; i++) in[i] = (float)i / 16.0f - 0.5f;
    for (unsigned i = 0; i < 4000; i++) {
        mnk_rng rng = mnk_rng_at(1, MNK_PURPOSE_AUGMENT, i, 0);
        mnk_classifier_augment(&config, in, out, 1, 4, 4, &rng);
        int first = (int)lrintf((out[0] + 0.5f) * 16), second = (int)lrintf((out[1] + 0.5f) * 16);
        seen[first * 16 + second]++; /* a corner and its neighbour tell the symmetry */
    }
    for (int i = 0; i < 256; i++) {
        if (!seen[i]) continue;
        kinds++;
        assert_in_range(seen[i], 400, 600); /* 500 expected, sd 21 */
    }
    assert_int_equal(kinds, 8);
    config.rotations = config.flips = false;
    mnk_rng rng = mnk_rng_at(1, MNK_PURPOSE_AUGMENT, 0, 0);
    mnk_classifier_augment(&config, in, out, 1, 4, 4, &rng);
    assert_memory_equal(in, out, sizeof in); /* contrast 1 about the mean, to the last bit on these values */
    config.brightness = 2;
    for (unsigned i = 0; i < 50; i++) {
        rng = mnk_rng_at(1, MNK_PURPOSE_AUGMENT, i, 0);
        mnk_classifier_augment(&config, in, out, 1, 4, 4, &rng);
        for (int p = 0; p < 16; p++) assert_true(out[p] >= -1.0f && out[p] <= 1.0f);
    }
    config.brightness = 0, config.translate = 0.5, config.rotations = true;
    float wide[8] = {0, 1, 2, 3, 4, 5, 6, 7}, moved[8]; /* 2 x 4: not square, so never turned */
    for (int p = 0; p < 8; p++) wide[p] /= 8;
    for (unsigned i = 0; i < 200; i++) {
        rng = mnk_rng_at(2, MNK_PURPOSE_AUGMENT, i, 0);
        mnk_classifier_augment(&config, wide, moved, 1, 2, 4, &rng);
        for (int p = 0; p < 8; p++) assert_true(p % 4 == 0 || moved[p] >= moved[p - 1]); /* rows keep their order */
    }
}

/* ---- cutting a validation set ---- */

static void test_cut(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = textures(300, 16, 1, 3, 1, 1);
    size_t *train, *val, n_train, n_val;
    assert_ok(mnk_classifier_cut(d, 0.2, 7, &train, &n_train, &val, &n_val, &err));
    assert_int_equal(n_val, 60);
    assert_int_equal(n_train, 240);
    int per[3] = {0};
    for (size_t i = 0; i < n_val; i++) per[d->label[val[i]]]++;
    for (int k = 0; k < 3; k++) assert_int_equal(per[k], 20);
    mnk_free(train), mnk_free(val);
    d->group = mnk_alloc(300, sizeof *d->group); /* class-pure groups of 10; class 2 is one single group */
    for (int i = 0; i < 300; i++) d->group[i] = d->label[i] == 2 ? 99 : d->label[i] + 3 * (i / 30);
    assert_ok(mnk_classifier_cut(d, 0.2, 7, &train, &n_train, &val, &n_val, &err));
    assert_int_equal(n_train + n_val, 300);
    assert_int_equal(n_val, 40);
    for (size_t i = 0; i < n_val; i++) {
        assert_true(d->label[val[i]] != 2);
        for (size_t j = 0; j < n_train; j++) assert_true(d->group[val[i]] != d->group[train[j]]);
    }
    mnk_free(train), mnk_free(val);
    assert_ok(mnk_classifier_cut(d, 0.0, 7, &train, &n_train, &val, &n_val, &err));
    assert_int_equal(n_val, 0);
    mnk_free(train), mnk_free(val);
    mnk_images_close(d);
}

static void test_match(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = textures(9, 16, 1, 3, 1, 1);
    char *names[] = {"coarse", "fine"};
    int32_t map[3];
    assert_int_equal(mnk_classifier_match(d, "test", 2, names, map, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "middle"));
    for (size_t i = 0; i < 9; i++)
        if (d->label[i] == 1) d->label[i] = 0;
    mnk_error_clear(&err);
    assert_ok(mnk_classifier_match(d, "test", 2, names, map, &err));
    assert_true(map[0] == 1 && map[1] == -1 && map[2] == 0);
    d->label[4] = 3;
    assert_int_equal(mnk_classifier_match(d, "test", 2, names, map, &err), MNK_ERR_INPUT);
    d->label[4] = 0;
    mnk_images_close(d);
}

/* ---- training ---- */

static double macro_of(mnk_classifier *c, const mnk_images *test, double *low, double *high) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_result *r = NULL;
    assert_ok(mnk_result_open("test", 1, &r, &err));
    assert_ok(mnk_classifier_judge(c, test, 0.95, 200, 1, r, &err));
    const mnk_metric *m = mnk_result_find(r, "macro_auc", "", "");
    assert_non_null(m);
    double value = m->value;
    *low = m->low, *high = m->high;
    mnk_result_close(r);
    return value;
}

static void test_separable(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    double low, high;
    for (int channels = 1; channels <= 3; channels += 2) {
        mnk_images *train = textures(240, 16, channels, 3, 1, 1), *test = textures(120, 16, channels, 3, 1, 2);
        mnk_classifier_config config = small();
        config.steps = 100;
        mnk_classifier *c;
        assert_ok(mnk_classifier_train(train, NULL, &config, NULL, &c, &err));
        mnk_classifier_summary s = mnk_classifier_describe(c);
        assert_int_equal(s.train_n + s.val_n, 240);
        assert_int_equal(s.val_n, 36);
        assert_int_equal(s.dim, 8);
        assert_true(s.val_accuracy > 0.9);
        assert_true(macro_of(c, test, &low, &high) > 0.97);
        assert_true(low > 0.9 && high <= 1.0);
        mnk_classifier_close(c);
        mnk_images_close(train), mnk_images_close(test);
    }
}

static void test_unseparable(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    double low, high;
    mnk_images *train = textures(240, 16, 1, 3, 0, 1), *test = textures(300, 16, 1, 3, 0, 2);
    mnk_classifier_config config = small();
    mnk_classifier *c;
    assert_ok(mnk_classifier_train(train, NULL, &config, NULL, &c, &err));
    double macro = macro_of(c, test, &low, &high);
    assert_true(macro > 0.4 && macro < 0.6);
    assert_true(low < 0.5 && high > 0.5);
    mnk_classifier_close(c);
    mnk_images_close(train), mnk_images_close(test);
}

/* Odd, unequal sides; a rare class; no augmentation; dropout; validation given. */
static void test_odd_shapes(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = NULL, *val = NULL;
    static const char *const names[] = {"dark", "bright"};
    for (int v = 0; v < 2; v++) {
        mnk_images **out = v ? &val : &d;
        assert_ok(mnk_images_new(50, 17, 30, 3, 2, names, out, &err));
        for (size_t i = 0; i < 50; i++) {
            mnk_rng rng = mnk_rng_at((uint64_t)v, MNK_PURPOSE_TEST, i, 0);
            (*out)->label[i] = i < 5;
            for (int p = 0; p < 17 * 30 * 3; p++)
                (*out)->pixels8[i * 17 * 30 * 3 + (size_t)p] = (uint8_t)((i < 5 ? 120 : 60) + mnk_rng_below(&rng, 50));
        }
    }
    mnk_classifier_config config = small();
    config.augment = false, config.dropout = 0.2, config.patience = 0;
    mnk_classifier *c;
    assert_ok(mnk_classifier_train(d, val, &config, NULL, &c, &err));
    mnk_classifier_summary s = mnk_classifier_describe(c);
    assert_true(s.val_n == 50 && s.train_n == 50 && s.steps == 40 && s.val_accuracy > 0.97);
    mnk_classifier_close(c);
    mnk_images_close(d), mnk_images_close(val);
}

static void read_all(const char *path, uint8_t **bytes, size_t *n) {
    mnk_error err = MNK_ERROR_INIT;
    assert_ok(mnk_file_read(path, 1 << 26, bytes, n, &err));
}

static void test_threads(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = textures(120, 16, 3, 3, 1, 1);
    mnk_classifier_config config = small();
    config.steps = 12, config.dropout = 0.1;
    uint8_t *bytes[3];
    size_t n[3];
    char path[600];
    snprintf(path, sizeof path, "%s/model.safetensors", test_folder("classifier"));
    for (int i = 0; i < 3; i++) {
        mnk_classifier *c;
        mnk_threads_set(1 << i);
        assert_ok(mnk_classifier_train(d, NULL, &config, NULL, &c, &err));
        assert_ok(mnk_classifier_save(c, path, true, &err));
        read_all(path, &bytes[i], &n[i]);
        mnk_classifier_close(c);
        assert_int_equal(n[i], n[0]);
        assert_memory_equal(bytes[i], bytes[0], n[0]);
    }
    mnk_threads_set(0);
    for (int i = 0; i < 3; i++) mnk_free(bytes[i]);
    config.seed++; /* and another seed is another model */
    mnk_classifier *c;
    assert_ok(mnk_classifier_train(d, NULL, &config, NULL, &c, &err));
    assert_ok(mnk_classifier_save(c, path, true, &err));
    mnk_classifier_close(c);
    mnk_images_close(d);
}

/* ---- files and use ---- */

static void test_file(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = textures(100, 16, 3, 3, 1, 1);
    mnk_classifier_config config = small();
    mnk_classifier *c, *again, *bad;
    char path[600], cut[600];
    snprintf(path, sizeof path, "%s/model.safetensors", test_folder("classifier"));
    snprintf(cut, sizeof cut, "%s/cut.safetensors", test_folder("classifier"));
    assert_ok(mnk_classifier_train(d, NULL, &config, NULL, &c, &err));
    assert_ok(mnk_classifier_save(c, path, false, &err));
    assert_true(mnk_classifier_save(c, path, false, &err) != MNK_OK); /* never overwritten unasked */
    mnk_error_clear(&err);
    assert_ok(mnk_classifier_open(path, &again, &err));
    mnk_classifier_summary a = mnk_classifier_describe(c), b = mnk_classifier_describe(again);
    assert_true(a.steps == b.steps && a.best_step == b.best_step && a.val_loss == b.val_loss && a.val_n == b.val_n &&
                a.dim == b.dim);
    assert_string_equal(a.train_hash, b.train_hash);
    for (int k = 0; k < 3; k++) assert_string_equal(mnk_classifier_class_name(again, k), d->class_names[k]);
    static float p[300], q[300], f[1600], g[1600], planes[100 * 768];
    assert_ok(mnk_classifier_predict(c, d, p, &err));
    assert_ok(mnk_classifier_predict(again, d, q, &err));
    assert_memory_equal(p, q, sizeof p);
    for (int i = 0; i < 100; i++) assert_true(fabs(p[3 * i] + p[3 * i + 1] + p[3 * i + 2] - 1) < 1e-5);
    assert_ok(mnk_classifier_features(c, d, f, &err));
    for (size_t i = 0; i < 100; i++) mnk_images_f32(d, i, planes + i * 768);
    assert_ok(mnk_classifier_run(again, planes, 100, q, g, &err));
    assert_memory_equal(f, g, sizeof f);
    assert_memory_equal(p, q, sizeof p);
    assert_ok(mnk_classifier_run(again, planes + 7 * 768, 1, q, NULL, &err)); /* alone or in company: the same */
    assert_memory_equal(p + 21, q, 3 * sizeof *q);
    /* cut short at many places: refused, never a crash */
    uint8_t *bytes;
    size_t n;
    read_all(path, &bytes, &n);
    for (size_t keep = 0; keep < n; keep += n / 23 + 1) {
        assert_ok(mnk_file_write(cut, true, bytes, keep, &err));
        assert_true(mnk_classifier_open(cut, &bad, &err) != MNK_OK);
        assert_null(bad);
        mnk_error_clear(&err);
    }
    memset(bytes + n - 4, 0xff, 4); /* a weight that is not a number */
    assert_ok(mnk_file_write(cut, true, bytes, n, &err));
    assert_int_equal(mnk_classifier_open(cut, &bad, &err), MNK_ERR_INPUT);
    mnk_error_clear(&err);
    mnk_free(bytes);
    assert_int_equal(mnk_classifier_open("/nowhere/at/all", &bad, &err) == MNK_OK, 0);
    mnk_classifier_close(c), mnk_classifier_close(again);
    mnk_images_close(d);
}

/* Descriptions that lie: numbers out of range, classes that do not fit, weights that are not there. */
static void test_hostile_file(void **state) {
    (void)state;
    static const char *const model[] = {
        "not json",
        "[]",
        "{}",
        "{\"classes\":[\"a\"],\"known\":[true]}",
        "{\"classes\":[\"a\",\"b\"],\"known\":[true]}",
        "{\"classes\":[\"a\",\"b\"],\"known\":[false,false],\"height\":16,\"width\":16,\"channels\":1,\"stem_channels\":4,"
        "\"stages\":3}",
        "{\"classes\":[\"a\",\"b\"],\"known\":[true,true],\"height\":1e9,\"width\":16,\"channels\":1,\"stem_channels\":4,"
        "\"stages\":3}",
        "{\"classes\":[\"a\",\"b\"],\"known\":[true,true],\"height\":16,\"width\":16,\"channels\":7,\"stem_channels\":4,"
        "\"stages\":3}",
        "{\"classes\":[\"a\",\"b\"],\"known\":[true,true],\"height\":16,\"width\":16,\"channels\":1,\"stem_channels\":-4,"
        "\"stages\":3}",
        "{\"classes\":[\"a\",\"b\"],\"known\":[true,true],\"height\":16,\"width\":16,\"channels\":1,\"stem_channels\":4,"
        "\"stages\":3}",
    };
    char path[600];
    snprintf(path, sizeof path, "%s/hostile.safetensors", test_folder("classifier"));
    float x[4] = {0};
    mnk_st_tensor tensor = {"x", MNK_F32, 1, {4}, 4, x};
    for (size_t i = 0; i < sizeof model / sizeof *model; i++) {
        mnk_error err = MNK_ERROR_INIT;
        mnk_classifier *c;
        mnk_st_meta meta[] = {
            {"format", "manikin-model"}, {"format_version", "1"}, {"kind", "classifier"}, {"model", model[i]}};
        assert_ok(mnk_st_write(path, true, &tensor, 1, meta, 4, &err));
        mnk_status status = mnk_classifier_open(path, &c, &err);
        if (status != MNK_ERR_INPUT) fail_msg("description %zu: status %d (%s)", i, status, err.message);
        assert_null(c);
    }
}

static void refused(const mnk_images *d, const mnk_images *val, const mnk_classifier_config *config, mnk_status want,
                    const char *word) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_classifier *c = (mnk_classifier *)1;
    mnk_status status = mnk_classifier_train(d, val, config, NULL, &c, &err);
    if (status != want || !strstr(err.message, word))
        fail_msg("status %d, wanted %d and \"%s\": %s", status, want, word, err.message);
    assert_null(c);
}

static void test_refused(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_classifier_config config = small();
    mnk_images *d = textures(60, 16, 1, 3, 1, 1), *tiny = textures(60, 12, 1, 3, 1, 1), *big = textures(30, 24, 1, 3, 1, 1);
    refused(tiny, NULL, &config, MNK_ERR_INPUT, "16");
    refused(d, big, &config, MNK_ERR_INPUT, "24");
    for (size_t i = 0; i < d->n; i++) d->label[i] = 1;
    refused(d, NULL, &config, MNK_ERR_INPUT, "1 of 3 classes");
    for (size_t i = 0; i < d->n; i++) d->label[i] = (int32_t)(i % 2);
    refused(d, NULL, &config, MNK_ERR_INPUT, "coarse");
    for (size_t i = 0; i < d->n; i++) d->label[i] = (int32_t)(i % 3);
    d->label[5] = 17;
    refused(d, NULL, &config, MNK_ERR_INPUT, "image 5");
    d->label[5] = 2;
    mnk_images *val = textures(30, 16, 1, 3, 1, 2);
    static char unheard[] = "unheard";
    val->class_names[2] = unheard;
    refused(d, val, &config, MNK_ERR_INPUT, "unheard");
    config.rate = 2;
    refused(d, NULL, &config, MNK_ERR_USAGE, "rate");
    config = small();
    config.batch = 0;
    refused(d, NULL, &config, MNK_ERR_USAGE, "batch");
    config = small();
    config.steps = 4;
    mnk_classifier *c;
    float prob[400];
    assert_ok(mnk_classifier_train(d, NULL, &config, NULL, &c, &err));
    assert_int_equal(mnk_classifier_predict(c, big, prob, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "24 x 24"));
    mnk_classifier_close(c);
    mnk_images_close(d), mnk_images_close(tiny), mnk_images_close(big), mnk_images_close(val);
}

static bool stop_at_once(void *ctx) { return ++*(int *)ctx > 3; }

static void test_interrupted(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    int calls = 0;
    mnk_observer observer = {.ctx = &calls, .stopped = stop_at_once};
    mnk_images *d = textures(60, 16, 1, 3, 1, 1);
    mnk_classifier_config config = small();
    mnk_classifier *c;
    assert_int_equal(mnk_classifier_train(d, NULL, &config, &observer, &c, &err), MNK_ERR_INTERRUPTED);
    assert_null(c);
    mnk_images_close(d);
}

/* Real blood cells, a short run: far above chance after a few seconds. */
static void test_real_cells(void **state) {
    (void)state;
    const char *path = test_real_data("blood_pbc/cells32.npz");
    if (!path) skip();
    mnk_error err = MNK_ERROR_INIT;
    char spec[1100];
    mnk_images *train, *test;
    mnk_classifier *c;
    double low, high;
    mnk_classifier_config config;
    mnk_classifier_defaults(&config);
    config.steps = 120, config.width = 8;
    snprintf(spec, sizeof spec, "%s:train", path);
    assert_ok(mnk_images_open(spec, NULL, NULL, &train, &err));
    snprintf(spec, sizeof spec, "%s:test", path);
    assert_ok(mnk_images_open(spec, NULL, NULL, &test, &err));
    assert_ok(mnk_classifier_train(train, NULL, &config, NULL, &c, &err));
    assert_true(macro_of(c, test, &low, &high) > 0.9);
    mnk_classifier_close(c);
    mnk_images_close(train), mnk_images_close(test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_augment),   cmocka_unit_test(test_cut),         cmocka_unit_test(test_match),
        cmocka_unit_test(test_separable), cmocka_unit_test(test_unseparable), cmocka_unit_test(test_odd_shapes),
        cmocka_unit_test(test_threads),   cmocka_unit_test(test_file),        cmocka_unit_test(test_hostile_file),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_interrupted), cmocka_unit_test(test_real_cells),
    };
    return MNK_RUN_TESTS("classifier", tests);
}
