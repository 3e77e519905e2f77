#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/gan/discriminator.h"
#include "manikin/attack.h"
#include "manikin/gan.h"
#include "manikin/simulate.h"

enum { N = 160 };

/* Tiles of the histology phantom; other seeds are other persons. */
static mnk_images *tiles(uint64_t seed, size_t n) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_histology_config c;
    mnk_images *d;
    mnk_histology_defaults(&c);
    c.size = 32, c.persons = 40;
    assert_ok(mnk_simulate_histology(&c, seed, n, NULL, &d, NULL, &err));
    snprintf(d->source, sizeof d->source, "tiles-%d", (int)seed);
    return d;
}

static const mnk_metric *metric(const mnk_result *r, const char *id, const char *subset) {
    for (size_t i = 0; i < r->metrics; i++)
        if (strcmp(r->metric[i].id, id) == 0 && strcmp(r->metric[i].subset, subset) == 0) return &r->metric[i];
    fail_msg("no metric %s", id);
    return NULL;
}

static mnk_result *audit(const mnk_images *t, const mnk_images *h, const mnk_images *s) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_attack_config c;
    mnk_result *r = NULL;
    mnk_attack_defaults(&c);
    assert_ok(mnk_attack_images(t, h, s, NULL, NULL, &c, NULL, &r, &err));
    return r;
}

static void test_copy_and_fresh_sample(void **state) {
    (void)state;
    mnk_images *train = tiles(1, N), *holdout = tiles(2, N), *fresh = tiles(3, N);
    mnk_result *r = audit(train, holdout, train);
    assert_true(metric(r, "exact_copies", "")->value == 1);
    assert_true(metric(r, "max_attack_auc", "")->low > 0.9);
    assert_true(metric(r, "control_attack_auc", "")->low > 0.9);
    assert_true(metric(r, "epsilon_lower_bound", "")->value > 1.5);
    assert_true(isnan(metric(r, "max_tpr_0.1", "")->value));
    assert_true(metric(r, "max_attack_auc", train->class_names[0])->n > 40);
    mnk_result_close(r);
    r = audit(train, holdout, fresh);
    const mnk_metric *m = metric(r, "max_attack_auc", "");
    assert_true(m->low <= 0.5 && m->high >= 0.5);
    assert_true(metric(r, "control_attack_auc", "")->low > 0.9);
    assert_true(metric(r, "null_false_alarms", "")->value <= 0.12);
    assert_true(metric(r, "exact_copies", "")->value == 0);
    mnk_result_close(r);
    mnk_images_close(train);
    mnk_images_close(holdout);
    mnk_images_close(fresh);
}

static void test_same_bytes_for_any_threads(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *train = tiles(4, 60), *holdout = tiles(5, 60), *made = tiles(6, 60);
    char *json[2];
    const int threads = mnk_threads();
    for (int k = 0; k < 2; k++) {
        mnk_threads_set(k + 1);
        mnk_result *r = audit(train, holdout, made);
        r->threads = 0, r->wall_s = 0;
        assert_ok(mnk_result_json(r, &json[k], &err));
        mnk_result_close(r);
    }
    mnk_threads_set(threads);
    assert_string_equal(json[0], json[1]);
    mnk_free(json[0]);
    mnk_free(json[1]);
    mnk_images_close(train);
    mnk_images_close(holdout);
    mnk_images_close(made);
}

static void refused(const mnk_images *t, const mnk_images *h, const mnk_images *s, mnk_status code, const char *says) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_attack_config c;
    mnk_result *r = NULL;
    mnk_attack_defaults(&c);
    assert_int_equal(mnk_attack_images(t, h, s, NULL, NULL, &c, NULL, &r, &err), code);
    if (!strstr(err.message, says)) fail_msg("\"%s\" does not say \"%s\"", err.message, says);
}

static void test_bad_input_is_refused(void **state) {
    (void)state;
    mnk_images *train = tiles(7, 60), *holdout = tiles(8, 60), *made = tiles(9, 60), *few = tiles(10, 20);
    const size_t volume = 32 * 32 * 3;
    refused(train, NULL, made, MNK_ERR_USAGE, "--holdout is missing");
    refused(train, few, made, MNK_ERR_INPUT, "holdout has 20 images; the attacks need at least 40");
    refused(train, train, made, MNK_ERR_INPUT, "is in train and in the holdout");
    memcpy(holdout->pixels8 + 5 * volume, train->pixels8 + 9 * volume, volume);
    refused(train, holdout, made, MNK_ERR_INPUT, "1 of its 60 images are equal to one of train");
    mnk_images_close(holdout);
    holdout = tiles(8, 60);
    snprintf(holdout->source, sizeof holdout->source, "%s", train->source); /* one file: its persons have the same numbers */
    refused(train, holdout, made, MNK_ERR_INPUT, "is in train and in the holdout");
    mnk_images_close(train);
    mnk_images_close(holdout);
    mnk_images_close(made);
    mnk_images_close(few);
}

/* A checkpoint's discriminator can be asked, image by image; a released model has none. */
static void test_discriminator(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *train = tiles(11, 70), *part, *holdout = tiles(12, 60), *made = tiles(13, 60);
    mnk_gan_config c;
    mnk_attack_config attack;
    mnk_result *r = NULL;
    char model[1200], checkpoint[1300];
    double all[70], some[3];
    size_t row[3] = {69, 3, 40};
    mnk_gan_config_defaults(&c);
    c.kimg = 0.5, c.width = 8, c.latent = 8, c.pack = 2, c.batch = 32;
    snprintf(model, sizeof model, "%s/tiny.safetensors", test_folder("attack_images"));
    assert_ok(mnk_gan_train(train, &c, model, NULL, &err));
    snprintf(checkpoint, sizeof checkpoint, "%.*s.run/checkpoint.safetensors", (int)(strlen(model) - strlen(".safetensors")),
             model);
    assert_ok(mnk_gan_discriminator_logits(checkpoint, train, all, &err));
    assert_ok(mnk_images_select(train, row, 3, &part, &err));
    assert_ok(mnk_gan_discriminator_logits(checkpoint, part, some, &err));
    for (int k = 0; k < 3; k++) assert_true(isfinite(some[k]) && some[k] == all[row[k]]);
    assert_true(all[0] != all[1]);
    assert_int_equal(mnk_gan_discriminator_logits(model, train, all, &err), MNK_ERR_UNSUPPORTED);
    mnk_attack_defaults(&attack);
    mnk_error_clear(&err);
    assert_ok(mnk_attack_images(train, holdout, made, NULL, checkpoint, &attack, NULL, &r, &err));
    assert_true(isfinite(metric(r, "auc.model", "")->value));
    mnk_result_close(r);
    assert_ok(mnk_attack_images(train, holdout, made, NULL, model, &attack, NULL, &r, &err));
    size_t warned = 0;
    for (size_t i = 0; i < r->warnings; i++) warned += strstr(r->warning[i], "holds no discriminator") != NULL;
    assert_int_equal(warned, 1);
    mnk_result_close(r);
    mnk_images_close(train);
    mnk_images_close(part);
    mnk_images_close(holdout);
    mnk_images_close(made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy_and_fresh_sample),
        cmocka_unit_test(test_same_bytes_for_any_threads),
        cmocka_unit_test(test_bad_input_is_refused),
        cmocka_unit_test(test_discriminator),
    };
    return MNK_RUN_TESTS("attack_images", tests);
}
