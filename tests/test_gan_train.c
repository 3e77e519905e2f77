/* Whole GAN runs on tiny made-up pictures: continuation, threads, files, failures. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/safetensors.h"
#include "learn/gan/trainer.h"
#include "manikin/gan.h"

static mnk_error err;

/* The call must fail with this code; what it said instead is shown. */
#define assert_refused(call, code)                                                                                             \
    do {                                                                                                                       \
        mnk_status got_ = (call);                                                                                              \
        if (got_ != (code)) fail_msg("%s: status %d, not %d: %s", #call, (int)got_, (int)(code), err.message);                 \
    } while (0)

/* ---- made-up pictures: a bright disc (class 0), stripes (class 1), noise (others) ---- */

static uint8_t paint(int label, int y, int x, int h, int w, mnk_rng r) {
    double cx = w * (0.3 + 0.4 * mnk_rng_uniform(&r)), cy = h * (0.3 + 0.4 * mnk_rng_uniform(&r)),
           phase = 6 * mnk_rng_uniform(&r);
    if (label == 0) return (x - cx) * (x - cx) + (y - cy) * (y - cy) < h * w / 16.0 ? 220 : 60;
    if (label == 1) return (uint8_t)(128 + 90 * sin(0.8 * x + phase));
    mnk_rng at = mnk_rng_at(9, MNK_PURPOSE_TEST, (uint64_t)(y * w + x) + r.block[3], 1);
    return (uint8_t)mnk_rng_below(&at, 256);
}

static mnk_images *make_pictures(size_t n, int h, int w, int channels, int classes) {
    static const char *const names[] = {"disc", "stripes", "noise"};
    mnk_images *d;
    mnk_error_clear(&err);
    assert_ok(mnk_images_new(n, h, w, channels, classes, names, &d, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(4, MNK_PURPOSE_TEST, i, 0);
        d->label[i] = (int32_t)(i % 5 == 0 ? i % (size_t)classes : 0); /* unequal sizes */
        if (i % 3 == 1) d->label[i] = (int32_t)(classes - 1);
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                for (int c = 0; c < channels; c++)
                    d->pixels8[((i * (size_t)h + (size_t)y) * (size_t)w + (size_t)x) * (size_t)channels + (size_t)c] =
                        paint(d->label[i], y, x, h, w, r);
    }
    mnk_images_rehash(d);
    return d;
}

static mnk_gan_config tiny(void) {
    mnk_gan_config c;
    mnk_gan_config_defaults(&c);
    c.width = 8, c.latent = 8, c.embed = 4, c.batch = 8, c.pack = 2;
    c.kimg = 0.008 * 8, c.log_every = 0.016, c.snapshot_every = 0.032; /* 8 steps, snapshot every fourth */
    return c;
}

/* ---- observers ---- */

typedef struct watcher {
    int calls, stop_after; /* stop_after < 0: never */
    int warnings;
    char last_warning[512], all[8192];
} watcher;

static bool stopped(void *ctx) {
    watcher *w = ctx;
    return w->stop_after >= 0 && w->calls++ >= w->stop_after;
}

static void logged(void *ctx, mnk_log_level level, const char *text) {
    watcher *w = ctx;
    if (level == MNK_LOG_WARNING) {
        w->warnings++;
        snprintf(w->last_warning, sizeof w->last_warning, "%s", text);
    }
    size_t n = strlen(w->all);
    snprintf(w->all + n, sizeof w->all - n, "%s\n", text);
}

static mnk_observer observe(watcher *w, int stop_after) {
    *w = (watcher){.stop_after = stop_after};
    return (mnk_observer){.ctx = w, .log = logged, .stopped = stopped};
}

static void same_files(const char *a, const char *b) {
    uint8_t *x, *y;
    size_t n, m;
    mnk_error_clear(&err);
    assert_ok(mnk_file_read(a, 1 << 28, &x, &n, &err));
    assert_ok(mnk_file_read(b, 1 << 28, &y, &m, &err));
    if (n != m || memcmp(x, y, n) != 0) fail_msg("%s and %s differ", a, b);
    mnk_free(x);
    mnk_free(y);
}

static const char *in(const char *folder, const char *name) {
    static char path[4][700];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void copy_folder_name(char *out, size_t n, const char *name) { snprintf(out, n, "%s", test_folder(name)); }

/* ---- tests ---- */

static void trains_and_samples(void **state) {
    (void)state;
    char dir[512];
    copy_folder_name(dir, sizeof dir, "gan-basic");
    mnk_images *d = make_pictures(50, 16, 16, 3, 2);
    mnk_gan_config c = tiny();
    watcher w;
    mnk_observer o = observe(&w, -1);
    mnk_error_clear(&err);
    assert_ok(mnk_gan_train(d, &c, in(dir, "m.safetensors"), &o, &err));
    assert_true(mnk_path_exists(in(dir, "m.run/events.jsonl")));
    assert_true(mnk_path_exists(in(dir, "m.run/checkpoint.safetensors")));
    assert_true(mnk_path_exists(in(dir, "m.run/samples-000000.png")));
    assert_non_null(strstr(w.all, "8 steps of 8 images"));
    assert_non_null(strstr(w.all, "memory "));

    mnk_gan *gan;
    assert_ok(mnk_gan_open(in(dir, "m.safetensors"), &gan, &err));
    const mnk_gan_info *info = mnk_gan_describe(gan);
    assert_int_equal(info->classes, 2);
    assert_string_equal(info->class_names[1], "stripes");
    assert_string_equal(info->data_hash, d->hash);
    assert_string_equal(info->privacy, "none");
    assert_true(info->trained_kimg == 0.064);
    assert_true(info->kimg > 0 && info->kimg <= info->trained_kimg);
    assert_int_equal(strncmp(info->model_hash, "blake2b:", 8), 0);

    /* any block size, any order: the same bytes */
    enum { N = 150, V = 16 * 16 * 3 };
    uint8_t *all = malloc(N * V), *parts = malloc(N * V);
    int32_t labels[N];
    for (int i = 0; i < N; i++) labels[i] = i / 75;
    assert_ok(mnk_gan_sample(gan, labels, N, 7, 0, all, &err));
    size_t cuts[] = {0, 1, 64, 100, 101, N};
    for (int k = 4; k >= 0; k--)
        assert_ok(mnk_gan_sample(gan, labels + cuts[k], cuts[k + 1] - cuts[k], 7, cuts[k], parts + cuts[k] * V, &err));
    assert_memory_equal(all, parts, N * V);
    assert_ok(mnk_gan_sample(gan, labels, N, 8, 0, parts, &err));
    assert_memory_not_equal(all, parts, V);
    mnk_threads_set(1);
    assert_ok(mnk_gan_sample(gan, labels, N, 7, 0, parts, &err));
    mnk_threads_set(2);
    assert_memory_equal(all, parts, N * V);
    labels[3] = 2;
    assert_int_equal(mnk_gan_sample(gan, labels, N, 7, 0, parts, &err), MNK_ERR_USAGE);
    free(all);
    free(parts);
    mnk_gan_close(gan);
    mnk_images_close(d);
}

/* Settings that use every piece that carries state over steps. */
static mnk_gan_config elaborate(int variant) {
    mnk_gan_config c = tiny();
    c.kimg = 0.008 * 12;
    if (variant == 1)
        c.loss = 2, c.r1 = 0.5, c.r2 = 0.5, c.penalty_every = 2, c.spectral = false, c.adaptive = true,
        c.norm = MNK_GAN_CONDITIONAL_NORM;
    if (variant == 2)
        c.loss = 1, c.r1 = 0.5, c.penalty_every = 3, c.balance = MNK_GAN_PROPORTIONAL, c.ramp_start = 0.02, c.ramp_end = 0.06,
        c.upsample = MNK_GAN_RESIZE, c.norm = MNK_GAN_GROUP_NORM, c.augment = "flip,stain,cutout", c.augment_start = 0.03;
    return c;
}

static void resume_is_identical(void **state) {
    (void)state;
    mnk_images *d = make_pictures(50, 16, 16, 3, 2);
    for (int variant = 0; variant < 3; variant++) {
        char a[512], b[512];
        copy_folder_name(a, sizeof a, "gan-unbroken");
        copy_folder_name(b, sizeof b, "gan-broken");
        mnk_gan_config c = elaborate(variant);
        mnk_error_clear(&err);
        assert_ok(mnk_gan_train(d, &c, in(a, "m.safetensors"), NULL, &err));

        /* stopped after 5 steps, again after 2 more, then to the end with a budget that grew */
        double whole = c.kimg;
        watcher w;
        mnk_observer o = observe(&w, 5);
        assert_refused(mnk_gan_train(d, &c, in(b, "m.safetensors"), &o, &err), MNK_ERR_INTERRUPTED);
        assert_non_null(strstr(err.hint, "--resume"));
        assert_false(mnk_path_exists(in(b, "m.safetensors")));
        mnk_error_clear(&err);
        c.resume = true, c.kimg = 0.008 * 10;
        o = observe(&w, 2);
        assert_refused(mnk_gan_train(d, &c, in(b, "m.safetensors"), &o, &err), MNK_ERR_INTERRUPTED);
        mnk_error_clear(&err);
        assert_ok(mnk_gan_train(d, &c, in(b, "m.safetensors"), NULL, &err));
        assert_true(mnk_path_exists(in(b, "m.safetensors")));
        c.kimg = whole;
        assert_ok(mnk_gan_train(d, &c, in(b, "m.safetensors"), NULL, &err));
        same_files(in(a, "m.safetensors"), in(b, "m.safetensors"));
        same_files(in(a, "m.run/checkpoint.safetensors"), in(b, "m.run/checkpoint.safetensors"));

        /* once more: nothing left, and the model stays */
        o = observe(&w, -1);
        assert_ok(mnk_gan_train(d, &c, in(b, "m.safetensors"), &o, &err));
        assert_non_null(strstr(w.all, "nothing left to train"));
        same_files(in(a, "m.safetensors"), in(b, "m.safetensors"));
    }
    mnk_images_close(d);
}

static void threads_do_not_matter(void **state) {
    (void)state;
    mnk_images *d = make_pictures(50, 32, 32, 3, 2);
    for (int variant = 0; variant < 2; variant++) {
        char dir[512];
        copy_folder_name(dir, sizeof dir, "gan-threads");
        mnk_gan_config c = elaborate(variant);
        c.width = 16, c.kimg = 0.008 * 4;
        mnk_error_clear(&err);
        const char *names[] = {"1.safetensors", "2.safetensors", "4.safetensors"};
        for (int k = 0; k < 3; k++) {
            mnk_threads_set(1 << k);
            assert_ok(mnk_gan_train(d, &c, in(dir, names[k]), NULL, &err));
        }
        mnk_threads_set(2);
        for (int k = 1; k < 3; k++) same_files(in(dir, names[0]), in(dir, names[k]));
        same_files(in(dir, "1.run/checkpoint.safetensors"), in(dir, "2.run/checkpoint.safetensors"));
    }
    mnk_images_close(d);
}

static void every_choice_trains(void **state) {
    (void)state;
    mnk_images *d = make_pictures(30, 16, 16, 3, 3);
    char dir[512];
    copy_folder_name(dir, sizeof dir, "gan-choices");
    for (int k = 0; k < 3 * 2 * 3; k++) {
        mnk_gan_config c = tiny();
        c.loss = k % 3, c.upsample = k / 3 % 2, c.norm = k / 6;
        c.pack = k % 4 + 1, c.batch = 12, c.kimg = 0.012 * 3;
        c.spectral = k % 2, c.r1 = k % 2 ? 0.1 : 0, c.penalty_every = 1;
        c.force = true;
        mnk_error_clear(&err);
        assert_ok(mnk_gan_train(d, &c, in(dir, "m.safetensors"), NULL, &err));
    }
    mnk_images_close(d);
}

/* One class, grey, sizes that are no power of two, not square. */
static void any_shape(void **state) {
    (void)state;
    int shapes[][4] = {{28, 28, 1, 1}, {30, 26, 3, 2}, {8, 8, 1, 2}, {40, 64, 1, 3}};
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        char dir[512];
        copy_folder_name(dir, sizeof dir, "gan-shape");
        int h = shapes[k][0], w = shapes[k][1], channels = shapes[k][2], classes = shapes[k][3];
        mnk_images *d = make_pictures(20, h, w, channels, classes);
        mnk_gan_config c = tiny();
        c.kimg = 0.008 * 2;
        mnk_error_clear(&err);
        assert_ok(mnk_gan_train(d, &c, in(dir, "m.safetensors"), NULL, &err));
        mnk_gan *gan;
        assert_ok(mnk_gan_open(in(dir, "m.safetensors"), &gan, &err));
        const mnk_gan_info *info = mnk_gan_describe(gan);
        assert_int_equal(info->height, h);
        assert_int_equal(info->width, w);
        assert_int_equal(info->channels, channels);
        assert_int_equal(info->classes, classes);
        size_t volume = (size_t)(h * w * channels);
        uint8_t *pixels = malloc(3 * volume + 1);
        pixels[3 * volume] = 77; /* a guard */
        int32_t labels[3] = {0, classes - 1, 0};
        assert_ok(mnk_gan_sample(gan, labels, 3, 1, 0, pixels, &err));
        assert_int_equal(pixels[3 * volume], 77);
        assert_memory_not_equal(pixels, pixels + 2 * volume, volume);
        free(pixels);
        mnk_gan_close(gan);
        mnk_images_close(d);
    }
}

/* The picture of a padded image is the image, its edges repeated outwards. */
static void padding_repeats_edges(void **state) {
    (void)state;
    mnk_images *d = make_pictures(3, 30, 26, 3, 2);
    mnk_gan_shape s;
    mnk_error_clear(&err);
    assert_ok(mnk_gan_shape_of(30, 26, 3, 2, &s, &err));
    float *inner = malloc(sizeof(float) * (size_t)(3 * s.inner_h * s.inner_w));
    float *plain = malloc(sizeof(float) * 3 * 30 * 26);
    mnk_gan_inner_image(d, &s, 1, inner);
    mnk_images_f32(d, 1, plain);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < s.inner_h; y++)
            for (int x = 0; x < s.inner_w; x++) {
                int sy = y - s.top, sx = x - s.left;
                sy = sy < 0 ? 0 : sy > 29 ? 29 : sy, sx = sx < 0 ? 0 : sx > 25 ? 25 : sx;
                assert_float_equal(inner[(c * s.inner_h + y) * s.inner_w + x], plain[(c * 30 + sy) * 26 + sx], 1e-6);
            }
    free(inner);
    free(plain);
    mnk_images_close(d);
}

static mnk_gan_trainer *open_trainer(const mnk_images *d, const mnk_gan_config *c, const char *path, const mnk_observer *o) {
    mnk_gan_trainer *t;
    mnk_error_clear(&err);
    assert_ok(mnk_gan_trainer_open(d, c, path, o, &t, &err));
    assert_ok(mnk_dir_make(t->run_dir, &err));
    assert_ok(mnk_gan_train_spread(t, &err));
    t->events = fopen(t->events_path, "w");
    assert_non_null(t->events);
    return t;
}

static void a_constant_generator_is_noticed(void **state) {
    (void)state;
    char dir[512];
    copy_folder_name(dir, sizeof dir, "gan-collapse");
    mnk_images *d = make_pictures(40, 16, 16, 3, 2);
    mnk_gan_config c = tiny();
    watcher w;
    mnk_observer o = observe(&w, -1);
    mnk_gan_trainer *t = open_trainer(d, &c, in(dir, "m.safetensors"), &o);
    t->step = 40 * 1000 / 8; /* past the quiet beginning */
    t->progress.d_smooth = 1;
    memset(t->gp->average, 0, t->gp->n * sizeof *t->gp->average); /* every picture is mid-grey */
    assert_ok(mnk_gan_snapshot(t, &err));
    assert_int_equal(w.warnings, 1);
    assert_non_null(strstr(w.last_warning, "collapse inside 2 of 2 classes"));
    assert_float_equal(t->variety[0], 0, 1e-9);
    assert_ok(mnk_gan_snapshot(t, &err));
    assert_int_equal(w.warnings, 1); /* said once */
    mnk_gan_trainer_close(t);
    mnk_images_close(d);
}

/* Snapshots and the measurement before step 1 leave no trace in training. */
static void looking_changes_nothing(void **state) {
    (void)state;
    char dir[512];
    copy_folder_name(dir, sizeof dir, "gan-look");
    mnk_images *d = make_pictures(40, 16, 16, 3, 2);
    mnk_gan_config c = tiny();
    mnk_gan_trainer *a = open_trainer(d, &c, in(dir, "a.safetensors"), NULL),
                    *b = open_trainer(d, &c, in(dir, "b.safetensors"), NULL);
    for (int i = 0; i < 4; i++) {
        assert_ok(mnk_gan_step(a, false, &err));
        assert_ok(mnk_gan_snapshot(b, &err));
        assert_ok(mnk_gan_step(b, false, &err));
        assert_ok(mnk_gan_snapshot(b, &err));
    }
    assert_memory_equal(a->gp->w, b->gp->w, a->gp->n * sizeof *a->gp->w);
    assert_memory_equal(a->gp->average, b->gp->average, a->gp->n * sizeof *a->gp->w);
    assert_memory_equal(a->gp->state, b->gp->state, a->gp->n_state * sizeof *a->gp->w);
    assert_memory_equal(a->dp->w, b->dp->w, a->dp->n * sizeof *a->gp->w);
    assert_memory_equal(a->dp->state, b->dp->state, a->dp->n_state * sizeof *a->gp->w);
    mnk_gan_trainer_close(a);
    mnk_gan_trainer_close(b);
    mnk_images_close(d);
}

static void divergence_stops_with_a_sentence(void **state) {
    (void)state;
    char dir[512];
    copy_folder_name(dir, sizeof dir, "gan-nan");
    mnk_images *d = make_pictures(40, 16, 16, 3, 2);
    mnk_gan_config c = tiny();
    for (int which = 0; which < 2; which++) {
        mnk_gan_trainer *t = open_trainer(d, &c, in(dir, "m.safetensors"), NULL);
        assert_ok(mnk_gan_step(t, false, &err));
        mnk_params *p = which ? t->gp : t->dp;
        p->w[0] = NAN;
        assert_int_equal(mnk_gan_step(t, false, &err), MNK_ERR_FAILED);
        assert_non_null(strstr(err.message, "not finite"));
        assert_non_null(strstr(err.hint, "--rate-d"));
        mnk_error_clear(&err);
        mnk_gan_trainer_close(t);
    }
    mnk_images_close(d);
}

/* The generator's gradient through discriminator, packing and augmentation, against differences of the loss. */
static void generator_gradient_by_differences(void **state) {
    (void)state;
    char dir[512];
    copy_folder_name(dir, sizeof dir, "gan-gradient");
    mnk_images *d = make_pictures(40, 16, 16, 3, 2);
    mnk_gan_config c = tiny();
    c.loss = 1;
    mnk_gan_trainer *t = open_trainer(d, &c, in(dir, "m.safetensors"), NULL);
    for (int i = 0; i < 5; i++) assert_ok(mnk_gan_step(t, false, &err));
    assert_ok(mnk_gan_step(t, true, &err));
    size_t n = t->gp->n;
    float *g = malloc(n * sizeof *g), *w = malloc(n * sizeof *w);
    memcpy(g, t->gp->g, n * sizeof *g);
    memcpy(w, t->gp->w, n * sizeof *w);
    double norm2 = 0, loss[2];
    for (size_t i = 0; i < n; i++) norm2 += (double)g[i] * g[i];
    assert_true(norm2 > 0);
    for (int side = 0; side < 2; side++) { /* along the gradient itself, where the signal is largest */
        double h = (side ? 1 : -1) * 2e-3 / sqrt(norm2);
        for (size_t i = 0; i < n; i++) t->gp->w[i] = (float)(w[i] + h * g[i]);
        assert_ok(mnk_gan_step(t, true, &err));
        loss[side] = t->g_loss;
    }
    double numeric = (loss[1] - loss[0]) / (2 * 2e-3), analytic = sqrt(norm2);
    if (fabs(numeric - analytic) > 0.03 * analytic) fail_msg("gradient norm %g, by differences %g", analytic, numeric);
    free(g);
    free(w);
    mnk_gan_trainer_close(t);
    mnk_images_close(d);
}

static void outputs_are_not_overwritten(void **state) {
    (void)state;
    char dir[512];
    copy_folder_name(dir, sizeof dir, "gan-outputs");
    mnk_images *d = make_pictures(30, 16, 16, 3, 2), *other = make_pictures(31, 16, 16, 3, 2);
    mnk_gan_config c = tiny();
    c.kimg = 0.016;
    mnk_error_clear(&err);
    assert_ok(mnk_gan_train(d, &c, in(dir, "m.safetensors"), NULL, &err));
    assert_refused(mnk_gan_train(d, &c, in(dir, "m.safetensors"), NULL, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.hint, "--force"));
    mnk_error_clear(&err);
    c.resume = true, c.rate_g = 1e-3;
    assert_refused(mnk_gan_train(d, &c, in(dir, "m.safetensors"), NULL, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.message, "--rate-g"));
    mnk_error_clear(&err);
    c.rate_g = tiny().rate_g, c.seed = 99;
    assert_refused(mnk_gan_train(d, &c, in(dir, "m.safetensors"), NULL, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.hint, "--seed 1"));
    mnk_error_clear(&err);
    c.seed = 1;
    assert_refused(mnk_gan_train(other, &c, in(dir, "m.safetensors"), NULL, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "other data"));
    mnk_error_clear(&err);
    assert_refused(mnk_gan_train(d, &c, in(dir, "none.safetensors"), NULL, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "no checkpoint"));
    mnk_error_clear(&err);
    c.resume = false, c.force = true;
    assert_ok(mnk_gan_train(other, &c, in(dir, "m.safetensors"), NULL, &err));
    c.force = false, c.init_from = in(dir, "m.safetensors");
    assert_ok(mnk_gan_train(d, &c, in(dir, "n.safetensors"), NULL, &err));
    c.init_from = in(dir, "m.run/checkpoint.safetensors");
    assert_ok(mnk_gan_train(d, &c, in(dir, "o.safetensors"), NULL, &err));
    c.width = 16;
    assert_refused(mnk_gan_train(d, &c, in(dir, "p.safetensors"), NULL, &err), MNK_ERR_INPUT);
    mnk_images_close(d);
    mnk_images_close(other);
}

/* Only the train split is learnt from. */
static void other_splits_stay_unseen(void **state) {
    (void)state;
    char dir[512];
    copy_folder_name(dir, sizeof dir, "gan-split");
    mnk_images *d = make_pictures(30, 16, 16, 3, 2), *part;
    size_t rows[20];
    for (size_t i = 0; i < 20; i++) rows[i] = i;
    for (size_t i = 0; i < 30; i++) d->split[i] = i < 20 ? MNK_SPLIT_TRAIN : MNK_SPLIT_TEST;
    mnk_error_clear(&err);
    assert_ok(mnk_images_select(d, rows, 20, &part, &err));
    mnk_gan_config c = tiny();
    c.kimg = 0.016;
    assert_ok(mnk_gan_train(d, &c, in(dir, "whole.safetensors"), NULL, &err));
    assert_ok(mnk_gan_train(part, &c, in(dir, "part.safetensors"), NULL, &err));
    same_files(in(dir, "whole.safetensors"), in(dir, "part.safetensors"));
    mnk_images_close(part);
    mnk_images_close(d);
}

/* ---- damaged models ---- */

static void write_bytes(const char *path, const uint8_t *bytes, size_t n) {
    mnk_error_clear(&err);
    assert_ok(mnk_file_write(path, true, bytes, n, &err));
}

static mnk_status try_open(const char *path) {
    mnk_gan *gan = (void *)&err;
    mnk_error_clear(&err);
    mnk_status status = mnk_gan_open(path, &gan, &err);
    if (status != MNK_OK) {
        assert_null(gan);
        assert_true(err.message[0] != '\0');
    }
    mnk_gan_close(gan);
    return status;
}

/* Replaces `from` by `to` of the same length once in the header. */
static mnk_status try_patched(const char *path, const uint8_t *bytes, size_t n, const char *from, const char *to) {
    assert_int_equal(strlen(from), strlen(to));
    uint8_t *copy = malloc(n);
    memcpy(copy, bytes, n);
    char *at = memmem(copy, n, from, strlen(from));
    if (!at) fail_msg("no %s in the model file", from);
    memcpy(at, to, strlen(to));
    write_bytes(path, copy, n);
    free(copy);
    return try_open(path);
}

static void damaged_models_are_refused(void **state) {
    (void)state;
    char dir[512], path[600];
    copy_folder_name(dir, sizeof dir, "gan-damaged");
    mnk_images *d = make_pictures(30, 16, 16, 3, 2);
    mnk_gan_config c = tiny();
    c.kimg = 0.008;
    mnk_error_clear(&err);
    assert_ok(mnk_gan_train(d, &c, in(dir, "m.safetensors"), NULL, &err));
    uint8_t *bytes;
    size_t n;
    assert_ok(mnk_file_read(in(dir, "m.safetensors"), 1 << 24, &bytes, &n, &err));
    snprintf(path, sizeof path, "%s/bad.safetensors", dir);
    size_t cuts[] = {0, 1, 7, 8, 9, 100, n / 4, n / 2, n - 4, n - 1};
    for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
        write_bytes(path, bytes, cuts[k]);
        assert_int_equal(try_open(path), MNK_ERR_INPUT);
    }
    assert_int_equal(try_patched(path, bytes, n, "\"format_version\":\"1\"", "\"format_version\":\"2\""), MNK_ERR_VERSION);
    assert_int_equal(try_patched(path, bytes, n, "manikin-model", "somebody-else"), MNK_ERR_INPUT);
    assert_int_equal(try_patched(path, bytes, n, "\"kind\":\"gan\"", "\"kind\":\"arf\""), MNK_ERR_INPUT);
    assert_int_equal(try_patched(path, bytes, n, "\\\"width\\\":8", "\\\"width\\\":9"),
                     MNK_ERR_INPUT); /* weights have other shapes */
    assert_int_equal(try_patched(path, bytes, n, "\\\"width\\\":16", "\\\"width\\\":99"), MNK_ERR_INPUT); /* so has the image */
    assert_int_equal(try_patched(path, bytes, n, "\\\"latent\\\":8", "\\\"latent\\\":-"), MNK_ERR_INPUT);
    assert_int_equal(try_patched(path, bytes, n, "\\\"channels\\\":3", "\\\"channels\\\":2"), MNK_ERR_INPUT);
    assert_int_equal(try_patched(path, bytes, n, "\\\"norm\\\":\\\"batch\\\"", "\\\"norm\\\":\\\"botch\\\""), MNK_ERR_INPUT);
    uint8_t *copy = malloc(n);
    memcpy(copy, bytes, n);
    memset(copy + n - 4, 0xff, 4); /* the last number becomes NaN */
    write_bytes(path, copy, n);
    assert_int_equal(try_open(path), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "not finite"));
    assert_int_equal(try_open(in(dir, "m.run/checkpoint.safetensors")), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "checkpoint"));
    assert_int_not_equal(try_open(in(dir, "missing.safetensors")), MNK_OK);
    write_bytes(path, bytes, n);
    assert_int_equal(try_open(path), MNK_OK);
    free(copy);
    mnk_free(bytes);
    mnk_images_close(d);
}

/* Every allocation that can fail gives an error, nothing leaks, nothing crashes. */
static void short_of_memory(void **state) {
    (void)state;
    char dir[512];
    copy_folder_name(dir, sizeof dir, "gan-memory");
    mnk_images *d = make_pictures(12, 8, 8, 1, 2);
    mnk_gan_config c = tiny();
    c.kimg = 0.008, c.force = true;
    int failures = 0, in_a_row = 0;
    for (long n = 1; n < 60 || in_a_row < 3; n += n < 100 ? 1 : 17) { /* those of the memory estimate may fail unnoticed */
        mnk_error_clear(&err);
        mnk_alloc_fail_after(n);
        mnk_status status = mnk_gan_train(d, &c, in(dir, "m.safetensors"), NULL, &err);
        mnk_alloc_fail_after(0);
        in_a_row = status == MNK_OK ? in_a_row + 1 : 0;
        if (status == MNK_OK) continue;
        failures++;
        assert_true(err.message[0] != '\0');
    }
    assert_true(failures > 30);
    mnk_images_close(d);
}

int main(void) {
    mnk_threads_set(2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trains_and_samples),
        cmocka_unit_test(resume_is_identical),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(every_choice_trains),
        cmocka_unit_test(any_shape),
        cmocka_unit_test(padding_repeats_edges),
        cmocka_unit_test(a_constant_generator_is_noticed),
        cmocka_unit_test(looking_changes_nothing),
        cmocka_unit_test(divergence_stops_with_a_sentence),
        cmocka_unit_test(generator_gradient_by_differences),
        cmocka_unit_test(outputs_are_not_overwritten),
        cmocka_unit_test(other_splits_stay_unseen),
        cmocka_unit_test(damaged_models_are_refused),
        cmocka_unit_test(short_of_memory),
    };
    return MNK_RUN_TESTS("gan_train", tests);
}
