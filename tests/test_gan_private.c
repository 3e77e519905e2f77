/* Private runs of the GAN: what is clipped, what a run leaves behind, what is refused. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/safetensors.h"
#include "learn/gan/config.h"
#include "learn/gan/private_step.h"
#include "privacy/ledger.h"

static mnk_error err;

/* ---- units ---- */

/* 60 images of 3 classes; persons of 1 to 3 images, some with images in two classes; every tenth image is nobody's. */
static mnk_images *persons(void) {
    static const char *const names[] = {"a", "b", "c"};
    mnk_images *d;
    mnk_error_clear(&err);
    assert_ok(mnk_images_new(60, 8, 8, 1, 3, names, &d, &err));
    d->group = mnk_alloc(60, sizeof *d->group);
    for (size_t i = 0; i < 60; i++) {
        d->label[i] = (int32_t)(i / 20);
        d->group[i] = i % 10 == 9 ? -1 : (int32_t)(i % 23 + (i >= 46 ? 40 : 0));
    }
    return d;
}

/* Nobody is in two packs, packs are of one class, and only persons that fill no pack are left out. */
static void packs_of_persons(void **state) {
    (void)state;
    mnk_images *d = persons();
    mnk_gan_units u;
    assert_ok(mnk_gan_units_open(d, 3, 5, &u, &err));
    size_t met[64] = {0}, of_class[3] = {0}, packs[3] = {0};
    for (size_t p = 0; p < u.persons; p++) of_class[d->label[u.image[u.first[p]]]]++;
    for (size_t j = 0; j < u.n; j++)
        for (size_t k = 0; k < 3; k++) {
            size_t p = u.person[3 * j + k];
            met[p]++;
            packs[d->label[u.image[u.first[p]]]] += k == 0;
            for (size_t i = u.first[p]; i < u.first[p + 1]; i++)
                assert_int_equal(d->label[u.image[i]], d->label[u.image[u.first[u.person[3 * j]]]]);
        }
    for (size_t p = 0; p < u.persons; p++) assert_true(met[p] <= 1);
    for (int c = 0; c < 3; c++) assert_int_equal(packs[c], of_class[c] / 3);
    mnk_gan_units_close(&u);
    mnk_images_close(d);
}

/* Every image of a person is drawn, no image of others. */
static void images_of_a_person(void **state) {
    (void)state;
    mnk_images *d = persons();
    mnk_gan_units u;
    assert_ok(mnk_gan_units_open(d, 1, 5, &u, &err));
    assert_int_equal(u.n, u.persons);
    assert_int_equal(u.first[u.persons], 60);
    size_t drawn[60] = {0};
    for (size_t j = 0; j < u.n; j++)
        for (uint64_t step = 0; step < 100; step++) {
            size_t i = mnk_gan_units_image(&u, j, 0, step);
            drawn[i]++;
            assert_true(d->group[i] == d->group[u.image[u.first[j]]]);
        }
    for (size_t i = 0; i < 60; i++) assert_true(drawn[i] > 5);
    mnk_gan_units_close(&u);
    mnk_images_close(d);
}

/* Another person in somebody's place, with more images, changes nothing for the others. */
static void others_stay(void **state) {
    (void)state;
    mnk_images *d = persons(), *other;
    size_t index[62];
    for (size_t i = 0; i < 60; i++) index[i] = i;
    index[60] = index[61] = 9; /* the person of image 9 has two more, of the same class */
    assert_ok(mnk_images_select(d, index, 62, &other, &err));
    for (size_t i = 0; i < 62; i++)
        if (index[i] == 9) other->group[i] = 99;
    mnk_gan_units a, b;
    assert_ok(mnk_gan_units_open(d, 3, 5, &a, &err));
    assert_ok(mnk_gan_units_open(other, 3, 5, &b, &err));
    assert_int_equal(a.n, b.n);
    assert_int_equal(a.persons, b.persons);
    assert_memory_equal(a.person, b.person, 3 * a.n * sizeof *a.person);
    for (size_t j = 0; j < a.n; j++)
        for (size_t k = 0; k < 3; k++)
            for (uint64_t step = 0; step < 20; step++) {
                size_t x = mnk_gan_units_image(&a, j, k, step), y = mnk_gan_units_image(&b, j, k, step);
                assert_true(x == y || (x == 9 && y >= 60));
            }
    mnk_gan_units_close(&a);
    mnk_gan_units_close(&b);
    mnk_images_close(d);
    mnk_images_close(other);
}

/* ---- the step ---- */

/* 48 noisy pictures of 2 classes, each a person; those of `who` are another person's: black and white stripes. */
static mnk_images *pictures(int who) {
    static const char *const names[] = {"a", "b"};
    mnk_images *d;
    mnk_error_clear(&err);
    assert_ok(mnk_images_new(48, 8, 8, 1, 2, names, &d, &err));
    for (size_t i = 0; i < 48; i++) {
        d->label[i] = (int32_t)(i % 2);
        for (size_t k = 0; k < 64; k++) {
            mnk_rng r = mnk_rng_at(8, MNK_PURPOSE_TEST, i, (uint32_t)k);
            d->pixels8[i * 64 + k] = (uint8_t)((int)i == who ? k % 2 * 255 : mnk_rng_below(&r, 256));
        }
    }
    mnk_images_rehash(d);
    return d;
}

static mnk_gan_config tiny(void) {
    mnk_gan_config c;
    mnk_gan_config_defaults(&c);
    c.width = 4, c.latent = 4, c.embed = 2, c.batch = 12, c.pack = 3;
    c.dp = true, c.epsilon = 8, c.delta = 1e-5, c.reproducible_noise = true;
    return c;
}

/* The noisy gradients of steps 0 to STEPS - 1 with the weights of the start. */
enum { STEPS = 12 };
static size_t gradients(const mnk_gan_config *c, const mnk_images *d, const char *name, float **out) {
    char path[600];
    mnk_gan_trainer *t;
    snprintf(path, sizeof path, "%s/m.safetensors", test_folder(name));
    assert_ok(mnk_gan_trainer_open(d, c, path, NULL, &t, &err));
    assert_ok(mnk_gan_private_open(t, &err));
    size_t n = t->dp->n;
    *out = mnk_alloc(STEPS * n, sizeof **out);
    for (t->step = 0; t->step < STEPS; t->step++) {
        assert_ok(mnk_gan_private_gradient(t, false, &err));
        memcpy(*out + t->step * n, t->dp->g, n * sizeof **out);
    }
    mnk_gan_trainer_close(t);
    return n;
}

/* What the guarantee counts on: with the same batches and noise, one person replaced moves the released mean by at most 2 C
 * over the expected batch, and in steps without that person's pack by nothing. */
static void one_person_moves_little(void **state) {
    (void)state;
    mnk_images *d = pictures(-1), *other = pictures(17);
    for (int packs = 0; packs < 2; packs++) {
        mnk_gan_config c = tiny();
        c.spectral = false, c.clip = 0.02; /* the released gradient is that of the weights; everything is clipped */
        if (!packs) c.pack = 1, c.batch = 4;
        float *a, *b;
        size_t n = gradients(&c, d, "gan-private-a", &a);
        gradients(&c, other, "gan-private-b", &b);
        double most = 0, limit = 2 * c.clip / (double)(c.batch / c.pack);
        int same = 0;
        for (int step = 0; step < STEPS; step++) {
            double sum = 0;
            for (size_t i = 0; i < n; i++) sum += pow((double)a[(size_t)step * n + i] - (double)b[(size_t)step * n + i], 2);
            assert_true(sqrt(sum) <= limit * (1 + 1e-4));
            most = fmax(most, sqrt(sum));
            same += sum == 0;
        }
        assert_true(most > 0.2 * limit); /* the person was met, and matters */
        assert_true(same > 0);
        mnk_free(a);
        mnk_free(b);
    }
    mnk_images_close(d);
    mnk_images_close(other);
}

/* ---- whole runs ---- */

typedef struct watcher {
    int calls, stop_after;
    char warnings[2048];
} watcher;

static bool stopped(void *ctx) {
    watcher *w = ctx;
    return w->stop_after >= 0 && w->calls++ >= w->stop_after;
}

static void logged(void *ctx, mnk_log_level level, const char *text) {
    watcher *w = ctx;
    size_t n = strlen(w->warnings);
    if (level == MNK_LOG_WARNING) snprintf(w->warnings + n, sizeof w->warnings - n, "%s\n", text);
}

/* Counts the uses of noise that the ledger has paid for. */
static uint64_t paid(const char *path) {
    mnk_ledger_book *book;
    uint64_t count = 0;
    assert_ok(mnk_ledger_read(path, &book, &err));
    for (size_t i = 0; i < book->spent.n; i++) count += book->spent.item[i].count;
    mnk_ledger_book_close(book);
    return count;
}

/* Stopped within the first block of a hundred steps: what was begun is paid, the continuation pays its own, and all together
 * keep within the budget. The stopped run's checkpoint wants its ledger and no other. */
static void stops_and_goes_on(void **state) {
    (void)state;
    char model[600], ledger[620], text[700];
    const char *dir = test_folder("gan-private-stop");
    snprintf(model, sizeof model, "%s/m.safetensors", dir);
    snprintf(ledger, sizeof ledger, "%s.ledger", model);
    snprintf(text, sizeof text, "%s.kept", ledger);
    mnk_images *d = pictures(-1);
    mnk_gan_config c = tiny();
    c.pack = 1, c.batch = 4, c.reproducible_noise = false, c.kimg = 150 * 0.004, c.snapshot_every = 50 * 0.004;
    watcher w = {.stop_after = 20};
    mnk_observer o = {.ctx = &w, .log = logged, .stopped = stopped};
    assert_int_equal(mnk_gan_train(d, &c, model, &o, &err), MNK_ERR_INTERRUPTED);
    assert_non_null(strstr(w.warnings, "nothing says whose an image is"));
    assert_int_equal(paid(ledger), 100);

    c.resume = true, w.stop_after = -1;
    assert_int_equal(rename(ledger, text), 0);
    mnk_gan_config stranger = c;
    stranger.resume = false, stranger.kimg = 4 * 0.004;
    char other[600];
    snprintf(other, sizeof other, "%s/other.safetensors", dir);
    mnk_error_clear(&err);
    assert_ok(mnk_gan_train(d, &stranger, other, &o, &err));
    strcat(other, ".ledger");
    assert_int_equal(rename(other, ledger), 0);
    assert_int_equal(mnk_gan_train(d, &c, model, &o, &err), MNK_ERR_INPUT);
    assert_false(mnk_path_exists(model));
    remove(ledger);
    assert_int_equal(rename(text, ledger), 0);

    mnk_error_clear(&err);
    assert_ok(mnk_gan_train(d, &c, model, &o, &err));
    assert_int_equal(paid(ledger), 100 + 130);
    mnk_ledger_book *book;
    mnk_guarantee g;
    assert_ok(mnk_ledger_read(ledger, &book, &err));
    assert_ok(mnk_ledger_guarantee(book, NULL, 1e-5, &g, &err));
    assert_true(g.epsilon > 7 && g.epsilon <= 8 * (1 + 1e-6));
    assert_ok(mnk_ledger_check_model(book, model, &err));
    mnk_ledger_book_close(book);

    /* nothing is left; the checkpoint as it is can still be handed out */
    c.kimg = 300 * 0.004;
    assert_int_equal(mnk_gan_train(d, &c, model, &o, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.hint, "--kimg 0.6 "));
    mnk_error_clear(&err);
    c.kimg = 150 * 0.004;
    assert_ok(mnk_gan_train(d, &c, model, &o, &err));
    assert_int_equal(paid(ledger), 100 + 130);
    c.kimg = 155 * 0.004, c.epsilon = 10;
    assert_ok(mnk_gan_train(d, &c, model, &o, &err));
    assert_int_equal(paid(ledger), 100 + 130 + 5);
    mnk_images_close(d);
}

/* Nothing in a file of the run says more than the noise allows. */
static void files_tell_nothing(void **state) {
    (void)state;
    char model[600], path[700];
    const char *dir = test_folder("gan-private-files");
    snprintf(model, sizeof model, "%s/m.safetensors", dir);
    mnk_images *d = pictures(-1);
    mnk_gan_config c = tiny();
    c.kimg = 8 * 0.012, c.snapshot_every = 4 * 0.012, c.log_every = 0.012, c.canaries = 20;
    mnk_error_clear(&err);
    assert_ok(mnk_gan_train(d, &c, model, NULL, &err));
    const char *const files[] = {"m.safetensors", "m.run/checkpoint.safetensors"};
    for (int i = 0; i < 2; i++) {
        mnk_st *st;
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        assert_ok(mnk_st_open(path, &st, &err));
        assert_string_equal(mnk_st_meta_get(st, "data_hash"), "");
        assert_null(strstr(mnk_st_meta_get(st, "data"), "images"));
        if (i == 0) {
            assert_non_null(strstr(mnk_st_meta_get(st, "privacy_block"), "\"audit\""));
            assert_non_null(strstr(mnk_st_meta_get(st, "privacy_block"), "NOT PRIVATE"));
            assert_non_null(strstr(mnk_st_meta_get(st, "privacy"), "NOT PRIVATE"));
        }
        mnk_st_close(st);
    }
    uint8_t *events;
    size_t n;
    snprintf(path, sizeof path, "%s/m.run/events.jsonl", dir);
    assert_ok(mnk_file_read(path, 1 << 20, &events, &n, &err));
    assert_null(strstr((char *)events, "variety"));
    assert_null(strstr((char *)events, "distance"));
    mnk_free(events);
    mnk_gan *gan;
    assert_ok(mnk_gan_open(model, &gan, &err));
    assert_non_null(strstr(mnk_gan_describe(gan)->privacy, "epsilon 8"));
    mnk_gan_close(gan);
    mnk_images_close(d);
}

/* A class with fewer persons than a pack is left out of the generated packs too, and that is said. */
static void small_class(void **state) {
    (void)state;
    char model[600];
    snprintf(model, sizeof model, "%s/m.safetensors", test_folder("gan-private-small"));
    mnk_images *d = pictures(-1);
    for (size_t i = 2; i < 48; i++) d->label[i] = 1;
    mnk_gan_config c = tiny();
    watcher w = {.stop_after = -1};
    mnk_observer o = {.ctx = &w, .log = logged, .stopped = stopped};
    c.kimg = 0.012;
    mnk_error_clear(&err);
    assert_ok(mnk_gan_train(d, &c, model, &o, &err));
    assert_non_null(strstr(w.warnings, "class \"a\" has fewer than 3 persons"));
    assert_null(strstr(w.warnings, "class \"b\""));
    mnk_images_close(d);
}

/* ---- settings ---- */

static mnk_gan_config private_config(void) {
    mnk_gan_config c;
    mnk_gan_config_defaults(&c);
    c.dp = true, c.epsilon = 8, c.delta = 1e-5;
    return c;
}

static void refused_settings(void **state) {
    (void)state;
    mnk_gan_config c = private_config();
    mnk_error_clear(&err);
    assert_ok(mnk_gan_config_check(&c, &err));
    const char *const names[] = {"relativistic", "--r1",     "--r2",      "--ramp-end",
                                 "--patience",   "--epochs", "--minutes", "--balance"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        c = private_config();
        if (i == 0) c.loss = 2;
        if (i == 1) c.r1 = 1;
        if (i == 2) c.r2 = 1;
        if (i == 3) c.ramp_end = 5;
        if (i == 4) c.patience = 5;
        if (i == 5) c.epochs = 5;
        if (i == 6) c.minutes = 5;
        if (i == 7) c.balance = MNK_GAN_PROPORTIONAL, c.pack = 1;
        mnk_error_clear(&err);
        assert_int_equal(mnk_gan_config_check(&c, &err), MNK_ERR_USAGE);
        if (!strstr(err.message, names[i])) fail_msg("%s: %s", names[i], err.message);
    }
    c = private_config();
    c.dp = false;
    mnk_error_clear(&err);
    assert_int_equal(mnk_gan_config_check(&c, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.message, "--epsilon"));
    c = private_config();
    c.delta = 0;
    mnk_error_clear(&err);
    assert_int_equal(mnk_gan_config_check(&c, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.message, "--delta"));
}

int main(void) {
    mnk_threads_set(1); /* small work, many times */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packs_of_persons),  cmocka_unit_test(images_of_a_person),
        cmocka_unit_test(others_stay),       cmocka_unit_test(one_person_moves_little),
        cmocka_unit_test(stops_and_goes_on), cmocka_unit_test(files_tell_nothing),
        cmocka_unit_test(small_class),       cmocka_unit_test(refused_settings),
    };
    return MNK_RUN_TESTS("gan_private", tests);
}
