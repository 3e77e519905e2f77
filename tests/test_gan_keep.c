/* Which weights a run hands out: the likeness to train, the best snapshot, patience; and small, lopsided data. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/safetensors.h"
#include "learn/gan/trainer.h"

enum { SIDE = 16 };
static mnk_error err;

/* A disc on a gradient: place, size and shade vary; the class sets shade and size. */
static void paint(uint8_t *pixels, int label, uint64_t item, int channels) {
    mnk_rng r = mnk_rng_at(11, MNK_PURPOSE_TEST, item, (uint32_t)label);
    double cx = SIDE * (0.3 + 0.4 * mnk_rng_uniform(&r)), cy = SIDE * (0.3 + 0.4 * mnk_rng_uniform(&r));
    double radius = 2 + label % 3 + 2 * mnk_rng_uniform(&r), shade = 40 + 20 * (label % 8) + 40 * mnk_rng_uniform(&r);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < channels; c++) {
                bool inside = (x - cx) * (x - cx) + (y - cy) * (y - cy) < radius * radius;
                double v = inside ? shade : 180 + 2 * x + 8 * mnk_rng_normal(&r) - 30 * c;
                pixels[(y * SIDE + x) * channels + c] = v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
            }
}

/* counts[c] images of class c, from `first` on in the endless series of each class. */
static mnk_images *make_pictures(const size_t *counts, int classes, int channels, uint64_t first) {
    static char names[32][24];
    const char *name[32];
    size_t n = 0, at = 0;
    mnk_images *d;
    for (int c = 0; c < classes; c++) {
        snprintf(names[c], sizeof names[c], "class %d", c);
        name[c] = names[c], n += counts[c];
    }
    mnk_error_clear(&err);
    assert_ok(mnk_images_new(n, SIDE, SIDE, channels, classes, name, &d, &err));
    for (int c = 0; c < classes; c++)
        for (size_t i = 0; i < counts[c]; i++, at++) {
            d->label[at] = c;
            paint(d->pixels8 + at * (size_t)(SIDE * SIDE * channels), c, first + i, channels);
        }
    mnk_images_rehash(d);
    return d;
}

static mnk_gan_config tiny(void) {
    mnk_gan_config c;
    mnk_gan_config_defaults(&c);
    c.width = 8, c.width_d = 0, c.latent = 8, c.embed = 4, c.batch = 8, c.pack = 2;
    c.kimg = 0.008 * 8, c.log_every = 0.016, c.snapshot_every = 0.032; /* 8 steps, snapshot every fourth */
    return c;
}

static const char *in(const char *folder, const char *name) {
    static char path[4][700];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void copy_folder_name(char *out, size_t n, const char *name) { snprintf(out, n, "%s", test_folder(name)); }

typedef struct log_text {
    char all[16384];
    int warnings;
} log_text;

static void logged(void *ctx, mnk_log_level level, const char *text) {
    log_text *l = ctx;
    size_t n = strlen(l->all);
    snprintf(l->all + n, sizeof l->all - n, "%s\n", text);
    l->warnings += level == MNK_LOG_WARNING;
}

/* ---- likeness ---- */

typedef struct source {
    const mnk_images *d;
    mnk_gan_shape shape;
} source;

static void plane(void *ctx, size_t i, float *image) {
    source *s = ctx;
    mnk_gan_inner_image(s->d, &s->shape, i, image);
}

static mnk_gan_likeness *open_likeness(source *s, const mnk_images *d) {
    mnk_gan_likeness *l;
    s->d = d;
    mnk_error_clear(&err);
    assert_ok(mnk_gan_shape_of(d->height, d->width, d->channels, d->classes, &s->shape, &err));
    assert_ok(mnk_gan_likeness_open(d, &s->shape, plane, s, &l, &err));
    return l;
}

/* What is done to images before they are compared: nothing, the first one only, another class's label, grain, blur, half
 * contrast. */
typedef enum change { SAME, REPEATED, FOREIGN, GRAIN, BLUR, PALE, CHANGES } change;

static double changed(mnk_gan_likeness *l, source *s, const mnk_images *d, int label, change what) {
    size_t volume = (size_t)d->channels * SIDE * SIDE, first = 0;
    float *x = calloc(volume, sizeof *x), *y = calloc(volume, sizeof *y);
    source of_these = {d, s->shape};
    while (d->label[first] != label) first++;
    mnk_gan_likeness_reset(l);
    for (size_t i = 0; i < d->n; i++) {
        int wanted = what == FOREIGN ? (label + 1) % d->classes : label;
        if (d->label[i] != wanted) continue;
        plane(&of_these, what == REPEATED ? first : i, x);
        memcpy(y, x, volume * sizeof *y);
        for (size_t k = 0; k < volume; k++) {
            size_t row = k / SIDE % SIDE, column = k % SIDE;
            if (what == GRAIN) y[k] = x[k] + ((row + column) % 2 ? 0.15f : -0.15f);
            if (what == BLUR && row && column && row < SIDE - 1 && column < SIDE - 1)
                y[k] = (x[k] + x[k - 1] + x[k + 1] + x[k - SIDE] + x[k + SIDE]) / 5;
            if (what == PALE) y[k] = 0.5f * x[k];
        }
        mnk_gan_likeness_add(l, y);
    }
    double value = mnk_gan_likeness_distance(l, label);
    free(x);
    free(y);
    return value;
}

static void likeness_orders_good_and_bad(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        const size_t counts[3] = {120, 90, 60};
        mnk_images *train = make_pictures(counts, 3, channels, 0), *unseen = make_pictures(counts, 3, channels, 1000);
        source s;
        mnk_gan_likeness *l = open_likeness(&s, train);
        for (int label = 0; label < 3; label++) {
            assert_float_equal(changed(l, &s, train, label, SAME), 0,
                               1e-6); /* its own images: means and spreads are the same */
            double fresh = changed(l, &s, unseen, label, SAME);
            assert_true(fresh > 0 && fresh < 0.15);
            for (change what = REPEATED; what < CHANGES; what++) {
                double bad = changed(l, &s, unseen, label, what);
                if (!(bad > 2 * fresh))
                    fail_msg("%d channels, class %d, change %d: %g, unseen %g", channels, label, what, bad, fresh);
            }
            assert_true(changed(l, &s, unseen, label, REPEATED) > 0.9); /* collapse costs the whole spread */
        }
        mnk_gan_likeness_reset(l);
        assert_true(isnan(mnk_gan_likeness_distance(l, 0)));
        mnk_gan_likeness_close(l);
        mnk_images_close(train);
        mnk_images_close(unseen);
    }
}

static void likeness_says_when_it_cannot_tell(void **state) {
    (void)state;
    const size_t few[2] = {5, 4}, lopsided[3] = {40, 1, 0};
    source s;
    mnk_images *d = make_pictures(few, 2, 3, 0);
    mnk_gan_likeness *l = open_likeness(&s, d);
    assert_true(isnan(changed(l, &s, d, 0, SAME))); /* nine images of two classes */
    mnk_gan_likeness_close(l);
    mnk_images_close(d);
    d = make_pictures(lopsided, 3, 3, 0);
    l = open_likeness(&s, d);
    assert_true(isfinite(changed(l, &s, d, 0, SAME)));
    assert_true(isnan(mnk_gan_likeness_distance(l, 1))); /* one image has no spread */
    assert_true(isnan(mnk_gan_likeness_distance(l, 2)));
    mnk_gan_likeness_close(l);
    mnk_images_close(d);
}

/* ---- the best snapshot ---- */

static void a_worse_snapshot_is_not_kept(void **state) {
    (void)state;
    char dir[512];
    copy_folder_name(dir, sizeof dir, "gan-keep");
    const size_t counts[2] = {40, 40};
    mnk_images *d = make_pictures(counts, 2, 3, 0);
    mnk_gan_config c = tiny();
    mnk_gan_trainer *t;
    mnk_error_clear(&err);
    assert_ok(mnk_gan_trainer_open(d, &c, in(dir, "m.safetensors"), NULL, &t, &err));
    assert_ok(mnk_dir_make(t->run_dir, &err));
    assert_ok(mnk_gan_train_spread(t, &err));
    t->events = fopen(t->events_path, "w");
    assert_non_null(t->events);
    size_t n = t->gp->n;
    float *good = malloc(n * sizeof *good);
    for (int i = 0; i < 6; i++) assert_ok(mnk_gan_step(t, false, &err));
    memcpy(good, t->gp->average, n * sizeof *good);
    assert_ok(mnk_gan_snapshot(t, &err));
    assert_true(t->progress.best_step == 6 && isfinite(t->progress.best_distance));
    double best = t->progress.best_distance;
    assert_ok(mnk_gan_step(t, false, &err));
    memset(t->gp->average, 0, n * sizeof *good); /* collapse: every picture is the same grey */
    assert_ok(mnk_gan_snapshot(t, &err));
    assert_true(t->distance > best && t->distance > 1);
    assert_true(t->progress.best_step == 6 && t->progress.best_distance == best);
    assert_true(mnk_gan_keep_swap(t));
    assert_memory_equal(t->gp->average, good, n * sizeof *good);
    mnk_gan_keep_swap_back(t);
    for (size_t i = 0; i < n; i++) assert_true(t->gp->average[i] == 0);

    /* saved and read again, the best is still there */
    assert_ok(mnk_gan_checkpoint_save(t, &err));
    mnk_gan_trainer *again;
    c.resume = true;
    assert_ok(mnk_gan_trainer_open(d, &c, in(dir, "m.safetensors"), NULL, &again, &err));
    assert_ok(mnk_gan_checkpoint_load(again, &err));
    assert_true(again->progress.best_step == 6 && again->progress.best_distance == best);
    assert_memory_equal(again->best_average, good, n * sizeof *good);
    assert_memory_equal(again->best_state, t->best_state, t->gp->n_state * sizeof *good);
    mnk_gan_trainer_close(again);
    t->config.keep = MNK_GAN_KEEP_LAST;
    assert_false(mnk_gan_keep_swap(t));
    free(good);
    mnk_gan_trainer_close(t);
    mnk_images_close(d);
}

static double meta_number(const char *path, const char *key) {
    mnk_st *st;
    mnk_error_clear(&err);
    assert_ok(mnk_st_open(path, &st, &err));
    const char *text = mnk_st_meta_get(st, key);
    if (!text) fail_msg("%s: no %s", path, key);
    double value = strtod(text, NULL);
    mnk_st_close(st);
    return value;
}

/* The last line of events.jsonl. */
static json_t *last_event(const char *path) {
    uint8_t *bytes;
    size_t n;
    mnk_error_clear(&err);
    assert_ok(mnk_file_read(path, 1 << 24, &bytes, &n, &err));
    assert_true(n > 1 && bytes[n - 1] == '\n');
    bytes[n - 1] = '\0';
    char *line = strrchr((char *)bytes, '\n');
    json_t *o = json_loads(line ? line + 1 : (char *)bytes, 0, NULL);
    assert_non_null(o);
    mnk_free(bytes);
    return o;
}

static void patience_ends_a_run_that_stands_still(void **state) {
    (void)state;
    char dir[512];
    copy_folder_name(dir, sizeof dir, "gan-patience");
    const size_t counts[2] = {40, 40};
    mnk_images *d = make_pictures(counts, 2, 3, 0);
    mnk_gan_config c = tiny();
    c.kimg = 10, c.rate_g = 1e-12, c.rate_d = 1e-12, c.patience = 0.1; /* thirteen steps */
    log_text log = {0};
    mnk_observer o = {.ctx = &log, .log = logged};
    mnk_error_clear(&err);
    assert_ok(mnk_gan_train(d, &c, in(dir, "m.safetensors"), &o, &err));
    assert_non_null(strstr(log.all, "--patience"));
    double trained = meta_number(in(dir, "m.safetensors"), "trained_kimg"),
           kept = meta_number(in(dir, "m.safetensors"), "kimg");
    assert_true(trained < 1 && kept < trained);
    json_t *last = last_event(in(dir, "m.run/events.jsonl"));
    assert_string_equal(json_string_value(json_object_get(last, "event")), "kept");
    assert_true(json_number_value(json_object_get(last, "kept_kimg")) == kept);
    assert_true(json_number_value(json_object_get(last, "kimg")) == trained);
    json_decref(last);

    /* going on stops at once, with the same model; without patience it would go on */
    c.resume = true, c.kimg = 20;
    assert_ok(mnk_gan_train(d, &c, in(dir, "m.safetensors"), &o, &err));
    assert_true(meta_number(in(dir, "m.safetensors"), "trained_kimg") == trained);
    c.patience = 0, c.kimg = 1;
    assert_ok(mnk_gan_train(d, &c, in(dir, "m.safetensors"), &o, &err));
    assert_true(meta_number(in(dir, "m.safetensors"), "trained_kimg") == 1);
    mnk_images_close(d);
}

static void keep_last_keeps_the_last(void **state) {
    (void)state;
    char dir[512];
    copy_folder_name(dir, sizeof dir, "gan-keep-last");
    const size_t counts[2] = {40, 40};
    mnk_images *d = make_pictures(counts, 2, 3, 0);
    mnk_gan_config c = tiny();
    c.rate_g = 1e-12, c.rate_d = 1e-12, c.kimg = 0.48; /* fifteen snapshots that differ by rounding */
    for (int last = 0; last < 2; last++) {
        c.keep = last ? MNK_GAN_KEEP_LAST : MNK_GAN_KEEP_BEST, c.force = true;
        mnk_error_clear(&err);
        assert_ok(mnk_gan_train(d, &c, in(dir, "m.safetensors"), NULL, &err));
        json_t *event = last_event(in(dir, "m.run/events.jsonl"));
        double kept = meta_number(in(dir, "m.safetensors"), "kimg"),
               best = json_number_value(json_object_get(event, "best_kimg"));
        assert_true(best > 0 && best < 0.48);
        assert_true(kept == (last ? 0.48 : best));
        json_decref(event);
    }
    mnk_images_close(d);
}

/* A checkpoint as it was before variety was kept track of: nine numbers of progress, no best, no --width-d. */
static void older_checkpoints_go_on(void **state) {
    (void)state;
    char dir[512], options[2048];
    copy_folder_name(dir, sizeof dir, "gan-older");
    const size_t counts[2] = {40, 40};
    mnk_images *d = make_pictures(counts, 2, 3, 0);
    mnk_gan_config c = tiny();
    mnk_error_clear(&err);
    assert_ok(mnk_gan_train(d, &c, in(dir, "m.safetensors"), NULL, &err));
    mnk_st *st;
    assert_ok(mnk_st_open(in(dir, "m.run/checkpoint.safetensors"), &st, &err));
    mnk_st_tensor *kept = calloc(mnk_st_count(st), sizeof *kept);
    size_t n = 0;
    for (size_t i = 0; i < mnk_st_count(st); i++) {
        kept[n] = *mnk_st_at(st, i);
        if (strncmp(kept[n].name, "best.", 5) == 0) continue;
        if (strcmp(kept[n].name, "progress") == 0) kept[n].count = 9, kept[n].shape[0] = 9;
        n++;
    }
    const char *now = mnk_st_meta_get(st, "options"), *gone = "\"width-d\":0,", *at = strstr(now, gone);
    assert_non_null(at);
    snprintf(options, sizeof options, "%.*s%s", (int)(at - now), now, at + strlen(gone));
    const char *keys[] = {"format", "format_version", "kind", "data", "data_hash", "seed", "kimg"};
    mnk_st_meta meta[8] = {{"options", options}};
    for (int i = 0; i < 7; i++) meta[i + 1] = (mnk_st_meta){keys[i], mnk_st_meta_get(st, keys[i])};
    assert_ok(mnk_st_write(in(dir, "m.run/checkpoint.safetensors"), true, kept, n, meta, 8, &err));
    mnk_st_close(st);
    free(kept);
    c.resume = true, c.kimg *= 2;
    assert_ok(mnk_gan_train(d, &c, in(dir, "m.safetensors"), NULL, &err));
    assert_true(meta_number(in(dir, "m.safetensors"), "trained_kimg") == 0.128);
    c.width_d = 16; /* not what its absence means */
    assert_int_equal(mnk_gan_train(d, &c, in(dir, "m.safetensors"), NULL, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.message, "--width-d"));
    mnk_images_close(d);
}

static void falling_variety_is_told(void **state) {
    (void)state;
    const char *names[] = {"a", "b"};
    double variety[2] = {0.95, 0.97};
    mnk_gan_watch watch = {0};
    mnk_gan_signs signs = {100, variety, names, 2, 1.5, 2, 4};
    char text[MNK_GAN_WARNINGS_MAX][512];
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, MNK_GAN_WARNINGS_MAX), 0);
    variety[0] = 0.90, variety[1] = 0.92;
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, MNK_GAN_WARNINGS_MAX), 0); /* it wavers */
    variety[0] = 0.75, variety[1] = 0.80;
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, MNK_GAN_WARNINGS_MAX), 1);
    assert_non_null(strstr(text[0], "has fallen to 0.78"));
    assert_non_null(strstr(text[0], "from 0.96"));
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, MNK_GAN_WARNINGS_MAX), 0); /* said once */
    variety[0] = variety[1] = 0.95;
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, MNK_GAN_WARNINGS_MAX), 0);
    variety[0] = variety[1] = 0.3; /* collapse is said, not that it is a fall, too */
    assert_int_equal(mnk_gan_warnings(&watch, &signs, text, MNK_GAN_WARNINGS_MAX), 1);
    assert_non_null(strstr(text[0], "collapse"));
}

/* ---- small data: the same settings but for size and length; pack and batch stay as they are by default ---- */

static void small_data(void **state) {
    (void)state;
    static const struct {
        int classes;
        size_t counts[20];
        const char *says;
    } cases[] = {
        {2, {285, 15}, NULL},                                                                         /* one class has 5 % */
        {20, {15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15}, NULL}, /* 300 in 20 classes */
        {5, {120, 60, 30, 12, 3}, "\"class 4\" has 3 training images: expect copies"},
        {3, {40, 1, 0}, "\"class 2\" has no training image"},
        {2, {4, 3}, "expect copies"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char dir[512];
        copy_folder_name(dir, sizeof dir, "gan-small");
        mnk_images *d = make_pictures(cases[k].counts, cases[k].classes, 3, 0);
        mnk_gan_config c, plain;
        log_text log = {0};
        mnk_observer o = {.ctx = &log, .log = logged};
        mnk_gan_config_defaults(&c);
        plain = c;
        c.width = 8, c.kimg = 0.256, c.snapshot_every = 0.128;
        assert_int_equal(c.pack, plain.pack);
        mnk_error_clear(&err);
        assert_ok(mnk_gan_train(d, &c, in(dir, "m.safetensors"), &o, &err));
        if (cases[k].says && !strstr(log.all, cases[k].says)) fail_msg("case %zu: no \"%s\" in\n%s", k, cases[k].says, log.all);
        if (!cases[k].says) assert_int_equal(log.warnings, 0);
        mnk_gan *gan;
        uint8_t pixels[20 * SIDE * SIDE * 3];
        int32_t labels[20];
        for (int i = 0; i < cases[k].classes; i++) labels[i] = i;
        assert_ok(mnk_gan_open(in(dir, "m.safetensors"), &gan, &err));
        assert_ok(mnk_gan_sample(gan, labels, (size_t)cases[k].classes, 1, 0, pixels, &err));
        mnk_gan_close(gan);
        mnk_images_close(d);
    }
}

int main(void) {
    mnk_threads_set(2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(likeness_orders_good_and_bad), cmocka_unit_test(likeness_says_when_it_cannot_tell),
        cmocka_unit_test(a_worse_snapshot_is_not_kept), cmocka_unit_test(patience_ends_a_run_that_stands_still),
        cmocka_unit_test(keep_last_keeps_the_last),     cmocka_unit_test(older_checkpoints_go_on),
        cmocka_unit_test(falling_variety_is_told),      cmocka_unit_test(small_data),
    };
    return MNK_RUN_TESTS("gan_keep", tests);
}
