/* The GAN's pieces: augmentation, losses, batches, monitoring, settings. Whole runs are in test_gan_train.c. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/gan/augment.h"
#include "learn/gan/batch.h"
#include "learn/gan/config.h"
#include "learn/gan/loss.h"
#include "learn/gan/monitor.h"

static mnk_error err;

/* ---- augmentation ---- */

/* Directional derivative of <weight, augment(x)> by central differences against the backward pass. */
static void check_gradient(const char *kinds, int channels, int h, int w) {
    enum { N = 6, PACK = 2 };
    size_t volume = (size_t)(channels * h * w), total = N * volume;
    mnk_augment_list list;
    mnk_augment *a;
    mnk_error_clear(&err);
    assert_ok(mnk_augment_parse(kinds, &list, &err));
    assert_ok(mnk_augment_open(&list, channels, h, w, &a, &err));
    mnk_augment_draw draws[N / PACK];
    for (int j = 0; j < N / PACK; j++) {
        mnk_rng rng = mnk_rng_at(5, MNK_PURPOSE_TEST, (uint64_t)j, 0);
        mnk_augment_draw_at(&list, channels, h, w, 1, &rng, &draws[j]);
        for (int k = 0; k < list.n; k++) draws[j].on[k] = true;
    }
    float *block = mnk_alloc(total * 6, sizeof *block);
    float *x = block, *direction = x + total, *weight = direction + total, *y = weight + total, *y2 = y + total,
          *dx = y2 + total;
    mnk_rng rng = mnk_rng_at(6, MNK_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < total; i++) {
        x[i] = (float)(1.6 * mnk_rng_uniform(&rng) - 0.8); /* away from the clamp of the stain's density */
        direction[i] = (float)mnk_rng_normal(&rng);
        weight[i] = (float)mnk_rng_normal(&rng);
    }
    mnk_augment_backward(a, draws, N, PACK, x, weight, dx);
    double analytic = 0, numeric = 0, h_step = 1e-3;
    for (size_t i = 0; i < total; i++) analytic += (double)dx[i] * direction[i];
    for (size_t i = 0; i < total; i++) x[i] += (float)h_step * direction[i];
    mnk_augment_forward(a, draws, N, PACK, x, y);
    for (size_t i = 0; i < total; i++) x[i] -= 2 * (float)h_step * direction[i];
    mnk_augment_forward(a, draws, N, PACK, x, y2);
    for (size_t i = 0; i < total; i++) numeric += weight[i] * ((double)y[i] - y2[i]) / (2 * h_step);
    if (fabs(analytic - numeric) > 2e-3 * fabs(numeric) + 1e-2) fail_msg("%s: %g, by differences %g", kinds, analytic, numeric);
    mnk_free(block);
    mnk_augment_close(a);
}

static void augment_gradients(void **state) {
    (void)state;
    const char *kinds[] = {
        "flip", "rot90", "translate", "cutout", "colour", "stain", "flip,rot90,translate,cutout,colour", "rot90,stain,cutout"};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) check_gradient(kinds[k], 3, 16, 16);
    check_gradient("flip,rot90,translate,cutout,colour", 1, 24, 16); /* grey, not square */
    check_gradient("none", 3, 8, 8);
}

/* Every image of a pack gets the same change, and a quarter turn four times is the identity. */
static void augment_shares_draws_in_a_pack(void **state) {
    (void)state;
    enum { V = 3 * 16 * 16 };
    static float x[4 * V], y[4 * V];
    mnk_augment_list list;
    mnk_augment *a;
    mnk_error_clear(&err);
    assert_ok(mnk_augment_parse("flip,rot90,translate,colour", &list, &err));
    assert_ok(mnk_augment_open(&list, 3, 16, 16, &a, &err));
    for (int i = 0; i < 4 * V; i++) x[i] = (float)(i % V % 97) / 97;
    mnk_augment_draw draws[2];
    for (uint64_t j = 0; j < 2; j++) {
        mnk_rng rng = mnk_rng_at(1, MNK_PURPOSE_TEST, j, 0);
        mnk_augment_draw_at(&list, 3, 16, 16, 1, &rng, &draws[j]);
    }
    mnk_augment_forward(a, draws, 4, 2, x, y);
    assert_memory_equal(y, y + V, V * sizeof *y);
    assert_memory_equal(y + 2 * V, y + 3 * V, V * sizeof *y);
    assert_memory_not_equal(y, y + 2 * V, V * sizeof *y);
    mnk_augment_close(a);

    assert_ok(mnk_augment_parse("rot90", &list, &err));
    assert_ok(mnk_augment_open(&list, 3, 16, 16, &a, &err));
    mnk_augment_draw quarter = {.on = {true}, .turns = 1};
    mnk_augment_forward(a, &quarter, 1, 1, x, y);
    assert_float_equal(y[0], x[15], 0); /* counter-clockwise: the top right corner comes to the top left */
    mnk_augment_forward(a, &quarter, 1, 1, y, y + V);
    mnk_augment_forward(a, &quarter, 1, 1, y + V, y);
    mnk_augment_forward(a, &quarter, 1, 1, y, y + V);
    assert_memory_equal(y + V, x, V * sizeof *x);
    mnk_augment_close(a);
}

static void augment_strength_is_a_probability(void **state) {
    (void)state;
    mnk_augment_list list;
    mnk_error_clear(&err);
    assert_ok(mnk_augment_parse("translate,cutout", &list, &err));
    int on[2] = {0, 0}, far = 0;
    for (uint64_t j = 0; j < 4000; j++) {
        mnk_augment_draw d;
        mnk_rng rng = mnk_rng_at(3, MNK_PURPOSE_TEST, j, 0);
        mnk_augment_draw_at(&list, 3, 32, 32, 0.5, &rng, &d);
        on[0] += d.on[0], on[1] += d.on[1];
        assert_in_range(d.dx + 4, 0, 8);
        far += d.dx == 4;
    }
    assert_in_range(on[0], 1850, 2150); /* p, 4.7 sd */
    assert_in_range(on[1], 850, 1150);  /* p times cutout's own half */
    assert_in_range(far, 350, 550);
    mnk_augment_draw d;
    mnk_rng rng = mnk_rng_at(3, MNK_PURPOSE_TEST, 0, 0);
    mnk_augment_draw_at(&list, 3, 32, 32, 0, &rng, &d);
    assert_false(d.on[0] || d.on[1]);
    assert_int_equal(mnk_augment_parse("flip,rotate", &list, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.message, "rotate"));
}

/* No change of stain is no change of colour; and each change keeps the direction of every stain: its vector is an
 * eigenvector of the matrix drawn, with the factor of that stain. */
static void stain_keeps_stain_directions(void **state) {
    (void)state;
    mnk_augment_list list;
    mnk_augment *a;
    mnk_error_clear(&err);
    assert_ok(mnk_augment_parse("stain", &list, &err));
    assert_ok(mnk_augment_open(&list, 3, 8, 8, &a, &err));
    static float x[192], y[192];
    for (int i = 0; i < 192; i++) x[i] = (float)i / 96 - 1;
    mnk_augment_draw same = {.on = {true}, .stain = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    mnk_augment_forward(a, &same, 1, 1, x, y);
    for (int i = 0; i < 192; i++) assert_float_equal(y[i], x[i], 2e-5);
    mnk_augment_close(a);
    const double vectors[3][3] = {{0.65, 0.70, 0.29}, {0.07, 0.99, 0.11}, {0.27, 0.57, 0.78}}; /* Ruifrok & Johnston 2001 */
    for (uint64_t item = 0; item < 20; item++) {
        mnk_augment_draw d;
        mnk_rng rng = mnk_rng_at(8, MNK_PURPOSE_TEST, item, 0);
        mnk_augment_draw_at(&list, 3, 8, 8, 1, &rng, &d);
        for (int k = 0; k < 3; k++) {
            double factor[3];
            for (int i = 0; i < 3; i++) {
                double sum = 0;
                for (int j = 0; j < 3; j++) sum += (double)d.stain[3 * i + j] * vectors[k][j];
                factor[i] = sum / vectors[k][i];
                assert_true(factor[i] > 0.899 && factor[i] < 1.101);
                assert_float_equal(factor[i], factor[0], 1e-4);
            }
        }
    }
}

/* ---- losses ---- */

static void loss_gradients(void **state) {
    (void)state;
    enum { N = 5 };
    float on_real[N] = {0.3f, -0.7f, 2.1f, 0.9f, -3}, on_fake[N] = {-0.2f, 0.4f, -1.6f, 1.3f, 0.1f};
    for (int k = 0; k < 3; k++) {
        const mnk_gan_loss *loss = &mnk_gan_losses[k];
        float gr[N], gf[N], gg[N], spare[N];
        double base = loss->discriminator(on_real, on_fake, N, gr, gf);
        assert_true(isfinite(base));
        loss->generator(on_real, on_fake, N, gg);
        for (int i = 0; i < N; i++) {
            float *slot[2] = {&on_real[i], &on_fake[i]}, h = 1.0f / 128;
            double expected[2] = {gr[i], gf[i]};
            for (int side = 0; side < 2; side++) {
                float keep = *slot[side];
                *slot[side] = keep + h;
                double up = loss->discriminator(on_real, on_fake, N, spare, spare),
                       g_up = loss->generator(on_real, on_fake, N, spare);
                *slot[side] = keep - h;
                double down = loss->discriminator(on_real, on_fake, N, spare, spare),
                       g_down = loss->generator(on_real, on_fake, N, spare);
                *slot[side] = keep;
                assert_float_equal((up - down) / (2 * h), expected[side], 2e-5);
                if (side == 1) assert_float_equal((g_up - g_down) / (2 * h), gg[i], 2e-5);
            }
        }
        float zero[N] = {0};
        assert_float_equal(loss->discriminator(zero, zero, N, spare, spare), loss->powerless, 1e-12);
    }
}

static void losses_keep_nan(void **state) {
    (void)state;
    float bad[1] = {NAN}, good[1] = {0.5f}, a[1], b[1];
    for (int k = 0; k < 3; k++) {
        assert_true(isnan(mnk_gan_losses[k].discriminator(bad, good, 1, a, b)));
        assert_true(isnan(mnk_gan_losses[k].discriminator(good, bad, 1, a, b)));
        assert_true(isnan(mnk_gan_losses[k].generator(good, bad, 1, a)));
    }
    float large[1] = {1e30f}, small[1] = {-1e30f};
    assert_true(isfinite(mnk_gan_losses[1].discriminator(large, small, 1, a, b)));
    assert_true(isfinite(a[0]) && isfinite(b[0]));
}

/* ---- batches ---- */

enum { CLASSES = 3, IMAGES = 60 };
static const int class_size[CLASSES] = {40, 17, 3};

static mnk_gan_batches *make_batches(mnk_gan_config *c, int32_t *labels) {
    mnk_gan_batches *b;
    int at = 0;
    for (int k = 0; k < CLASSES; k++)
        for (int i = 0; i < class_size[k]; i++) labels[at++] = k;
    mnk_error_clear(&err);
    assert_ok(mnk_gan_batches_open(labels, IMAGES, CLASSES, c, &b, &err));
    return b;
}

static void balanced_batches(void **state) {
    (void)state;
    mnk_gan_config c;
    mnk_gan_config_defaults(&c);
    c.batch = 12, c.pack = 4;
    int32_t labels[IMAGES], fake[12], packs[3];
    size_t index[12];
    mnk_gan_batches *b = make_batches(&c, labels);
    int drawn[CLASSES] = {0}, seen[IMAGES] = {0};
    for (uint64_t step = 0; step < 100; step++) {
        mnk_gan_batches_at(b, step, index, fake, packs);
        for (int i = 0; i < 12; i++) {
            assert_int_equal(labels[index[i]], packs[i / 4]);
            assert_int_equal(fake[i], packs[i / 4]);
            drawn[packs[i / 4]]++;
            seen[index[i]]++;
        }
    }
    for (int k = 0; k < CLASSES; k++) assert_int_equal(drawn[k], 400); /* 3 packs a step, 3 classes: exactly equal */
    for (int i = 0; i < 40; i++) assert_int_equal(seen[i], 10);        /* without replacement within a class */
    for (int i = 57; i < 60; i++) assert_in_range(seen[i], 133, 134);
    mnk_gan_batches_close(b);
}

static void batches_depend_on_the_step_alone(void **state) {
    (void)state;
    mnk_gan_config c;
    mnk_gan_config_defaults(&c);
    c.batch = 12, c.pack = 2, c.ramp_start = 0.05, c.ramp_end = 1;
    for (int balance = 0; balance < 2; balance++) {
        c.balance = balance;
        int32_t labels[IMAGES], fake[2][12], packs[2][6];
        size_t index[2][12];
        mnk_gan_batches *forward = make_batches(&c, labels), *jump = make_batches(&c, labels);
        for (uint64_t step = 0; step < 40; step++) mnk_gan_batches_at(forward, step, index[0], fake[0], packs[0]);
        mnk_gan_batches_at(jump, 39, index[1], fake[1], packs[1]);
        assert_memory_equal(index[0], index[1], sizeof index[0]);
        assert_memory_equal(fake[0], fake[1], sizeof fake[0]);
        assert_memory_equal(packs[0], packs[1], sizeof packs[0]);
        mnk_gan_batches_close(forward);
        mnk_gan_batches_close(jump);
    }
}

static void proportional_batches(void **state) {
    (void)state;
    mnk_gan_config c;
    mnk_gan_config_defaults(&c);
    c.batch = 4, c.pack = 4, c.balance = MNK_GAN_PROPORTIONAL;
    int32_t labels[IMAGES], fake[4], packs[1];
    size_t index[4];
    mnk_gan_batches *b = make_batches(&c, labels);
    int seen[IMAGES] = {0}, per_class[CLASSES] = {0};
    for (uint64_t step = 0; step < 10 + 5 + 1; step++) { /* ceil(40/4) + ceil(17/4) + ceil(3/4) packs are one epoch */
        mnk_gan_batches_at(b, step, index, fake, packs);
        per_class[packs[0]]++;
        for (int i = 0; i < 4; i++) {
            assert_int_equal(labels[index[i]], packs[0]);
            seen[index[i]]++;
        }
    }
    assert_int_equal(per_class[0], 10);
    assert_int_equal(per_class[1], 5);
    assert_int_equal(per_class[2], 1);
    for (int i = 0; i < 40; i++) assert_int_equal(seen[i], 1);
    for (int i = 40; i < 60; i++) assert_in_range(seen[i], 1, 2); /* last packs are filled up */
    mnk_gan_batches_close(b);
}

static void ramp_mixes_unconditional_packs(void **state) {
    (void)state;
    mnk_gan_config c;
    mnk_gan_config_defaults(&c);
    c.batch = 40, c.pack = 4, c.ramp_start = 4, c.ramp_end = 12; /* steps 100 to 300 */
    assert_int_equal(mnk_gan_judged_classes(&c, CLASSES), CLASSES + 1);
    int32_t labels[IMAGES], fake[40], packs[10];
    size_t index[40];
    mnk_gan_batches *b = make_batches(&c, labels);
    int open[4] = {0};
    for (uint64_t step = 0; step < 400; step++) {
        mnk_gan_batches_at(b, step, index, fake, packs);
        for (int j = 0; j < 10; j++) open[step / 100] += packs[j] == CLASSES;
    }
    assert_int_equal(open[0], 1000);
    assert_in_range(open[1], 680, 820); /* mean 750, sd 13 */
    assert_in_range(open[2], 180, 320);
    assert_int_equal(open[3], 0);
    mnk_gan_batches_close(b);
}

static void empty_class_and_bad_label(void **state) {
    (void)state;
    mnk_gan_config c;
    mnk_gan_config_defaults(&c);
    c.batch = 8, c.pack = 4;
    int32_t labels[] = {0, 2, 2, 0}, fake[8], packs[2];
    size_t index[8];
    mnk_gan_batches *b;
    mnk_error_clear(&err);
    assert_ok(mnk_gan_batches_open(labels, 4, 3, &c, &b, &err));
    for (uint64_t step = 0; step < 50; step++) {
        mnk_gan_batches_at(b, step, index, fake, packs);
        for (int j = 0; j < 2; j++) assert_int_not_equal(packs[j], 1);
    }
    mnk_gan_batches_close(b);
    assert_int_equal(mnk_gan_batches_open(labels, 4, 2, &c, &b, &err), MNK_ERR_INPUT);
    assert_null(b);
}

/* ---- monitoring ---- */

static void spread_and_warnings(void **state) {
    (void)state;
    mnk_gan_spread s;
    mnk_error_clear(&err);
    assert_ok(mnk_gan_spread_open(2, &s, &err));
    float images[3][2] = {{1, 0}, {2, 0}, {6, 3}};
    mnk_gan_spread_add(&s, images[0]);
    assert_true(isnan(mnk_gan_spread_value(&s)));
    mnk_gan_spread_add(&s, images[1]);
    mnk_gan_spread_add(&s, images[2]);
    assert_float_equal(mnk_gan_spread_value(&s), (sqrt(7) + sqrt(3)) / 2, 1e-12);
    mnk_gan_spread_close(&s);

    const char *names[] = {"a", "b", "c"};
    double variety[3] = {0.9, 0.2, NAN};
    mnk_gan_watch watch = {0};
    mnk_gan_signs signs = {10, variety, names, 3, 1.5, 2, 4};
    char text[3][512];
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, 3), 0); /* too early */
    signs.kimg = 100;
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, 3), 1);
    assert_non_null(strstr(text[0], "\"b\""));
    assert_non_null(strstr(text[0], "--pack 8"));
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, 3), 0); /* said once */
    variety[1] = 0.8;
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, 3), 0);
    variety[1] = 0.3;
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, 3), 1); /* it came back */
    variety[1] = 0.8, signs.d_loss = 1.99;
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, 3), 1);
    assert_non_null(strstr(text[0], "--rate-d"));
    signs.d_loss = 0.01;
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, 3), 1);
    assert_non_null(strstr(text[0], "never wrong"));
}

/* ---- settings ---- */

static void settings(void **state) {
    (void)state;
    mnk_gan_config c, back;
    mnk_gan_config_defaults(&c);
    mnk_error_clear(&err);
    assert_ok(mnk_gan_config_check(&c, &err));
    assert_int_equal(mnk_gan_total_steps(&c, 4000), 9375); /* 600 kimg by 64 */
    c.epochs = 3;
    assert_int_equal(mnk_gan_total_steps(&c, 130), 9);
    c.epochs = 0, c.minutes = 5;
    assert_int_equal(mnk_gan_total_steps(&c, 130), 0);
    c.minutes = 0, c.loss = 2, c.r1 = 0.05, c.width = 24, c.adaptive = true;
    mnk_text json = {0};
    assert_true(mnk_gan_config_json(&c, &json));
    assert_null(strstr(json.s, "epochs"));
    assert_ok(mnk_gan_config_parse(json.s, "model", &back, &err));
    assert_int_equal(back.width, 24);
    assert_int_equal(back.loss, 2);
    assert_true(back.adaptive);
    assert_true(back.r1 == 0.05);
    mnk_text_clear(&json);
    const char *bad[] = {"", "[]", "{\"loss\":\"hinge\"}", "{\"loss\":17"};
    for (size_t i = 0; i < 4; i++) {
        mnk_error_clear(&err);
        assert_int_equal(mnk_gan_config_parse(bad[i], "m", &back, &err), MNK_ERR_INPUT);
    }
    mnk_error_clear(&err);
    c.pack = 5;
    assert_int_equal(mnk_gan_config_check(&c, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.hint, "65"));
    mnk_error_clear(&err);
    c.pack = 4, c.rate_g = NAN;
    assert_int_equal(mnk_gan_config_check(&c, &err), MNK_ERR_USAGE);
    mnk_error_clear(&err);
    c.rate_g = 1e-4, c.ramp_start = 10, c.ramp_end = 5;
    assert_int_equal(mnk_gan_config_check(&c, &err), MNK_ERR_USAGE);
}

static void shapes(void **state) {
    (void)state;
    mnk_gan_shape s;
    int cases[][6] = {/* h, w, stages, base h, inner h, inner w */
                      {32, 32, 3, 4, 32, 32}, {64, 64, 4, 4, 64, 64}, {128, 128, 5, 4, 128, 128}, {28, 28, 2, 7, 28, 28},
                      {30, 30, 2, 8, 32, 32}, {50, 50, 3, 7, 56, 56}, {8, 8, 1, 4, 8, 8},         {64, 48, 4, 4, 64, 48}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mnk_error_clear(&err);
        assert_ok(mnk_gan_shape_of(cases[i][0], cases[i][1], 3, 2, &s, &err));
        assert_int_equal(s.stages, cases[i][2]);
        assert_int_equal(s.base_h, cases[i][3]);
        assert_int_equal(s.inner_h, cases[i][4]);
        assert_int_equal(s.inner_w, cases[i][5]);
        assert_in_range(s.top, 0, s.inner_h - s.height);
    }
    int bad[][4] = {{7, 32, 3, 2}, {32, 1000, 3, 2}, {32, 32, 2, 2}, {32, 32, 3, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mnk_error_clear(&err);
        assert_int_equal(mnk_gan_shape_of(bad[i][0], bad[i][1], bad[i][2], bad[i][3], &s, &err), MNK_ERR_INPUT);
    }
}

int main(void) {
    mnk_threads_set(2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(augment_gradients),
        cmocka_unit_test(augment_shares_draws_in_a_pack),
        cmocka_unit_test(augment_strength_is_a_probability),
        cmocka_unit_test(stain_keeps_stain_directions),
        cmocka_unit_test(loss_gradients),
        cmocka_unit_test(losses_keep_nan),
        cmocka_unit_test(balanced_batches),
        cmocka_unit_test(batches_depend_on_the_step_alone),
        cmocka_unit_test(proportional_batches),
        cmocka_unit_test(ramp_mixes_unconditional_packs),
        cmocka_unit_test(empty_class_and_bad_label),
        cmocka_unit_test(spread_and_warnings),
        cmocka_unit_test(settings),
        cmocka_unit_test(shapes),
    };
    return MNK_RUN_TESTS("gan", tests);
}
