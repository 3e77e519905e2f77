/* The search for near-copies on tiles of the histology phantom: copies under random rotation, zoom, mirroring, crop and
 * recolouring are found and their alignment is right; other persons' tiles are flagged at about the null rate; smooth pictures
 * are nobody's copies; threads do not matter. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "copy_maker.h"
#include "manikin/copies.h"
#include "manikin/simulate.h"

enum { LARGE = 64, SIDE = 32, TRAIN = 300, FRESH = 180, COPIES = 90 };

typedef struct fixture {
    mnk_images *big, *train, *null_tiles, *fresh;
    mnk_copy_finder *finder;
    mnk_copy_null null;
} fixture;

static mnk_images *tiles(size_t n, uint64_t seed) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_histology_config config;
    mnk_images *d = NULL;
    mnk_histology_defaults(&config);
    config.size = LARGE;
    config.persons = 100;
    assert_ok(mnk_simulate_histology(&config, seed, n, NULL, &d, NULL, &err));
    return d;
}

/* Pictures first, first + 1 … of big as the recipe says; pose [n] may be NULL. */
static mnk_images *cut(const mnk_images *big, size_t n, const copy_recipe *recipe, int side, copy_pose *pose) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = NULL;
    assert_ok(mnk_images_new(n, side, side, 3, big->classes, (const char *const *)big->class_names, &d, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng rng = mnk_rng_at(5, MNK_PURPOSE_TEST, i, 0);
        const copy_pose p = copy_draw(recipe, &rng);
        copy_make(big->pixels8 + i * LARGE * LARGE * 3, LARGE, 3, &p, side, d->pixels8 + i * (size_t)(side * side * 3));
        d->label[i] = big->label[i];
        if (pose) pose[i] = p;
    }
    return d;
}

static const copy_recipe plain = {.zoom_lo = 1, .zoom_hi = 1};

static mnk_near *search(const fixture *f, const mnk_images *q) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_near *out = mnk_alloc(q->n, sizeof *out);
    assert_ok(mnk_copy_finder_search(f->finder, q, false, NULL, out, &err));
    return out;
}

static bool flagged(const fixture *f, const mnk_near *x, int label) {
    return (double)x->score < mnk_copy_null_threshold(&f->null, label, 0.02).score;
}

static int setup(void **state) {
    static fixture f;
    mnk_error err = MNK_ERROR_INIT;
    f.big = tiles(TRAIN, 1);
    f.train = cut(f.big, TRAIN, &plain, SIDE, NULL);
    mnk_images *others = tiles(FRESH, 2), *more = tiles(FRESH, 3);
    f.null_tiles = cut(others, FRESH, &plain, SIDE, NULL);
    f.fresh = cut(more, FRESH, &plain, SIDE, NULL);
    mnk_images_close(others);
    mnk_images_close(more);
    assert_ok(mnk_copy_finder_open(f.train, NULL, &f.finder, &err));
    mnk_near *x = search(&f, f.null_tiles);
    float score[FRESH];
    for (size_t i = 0; i < FRESH; i++) score[i] = x[i].score;
    assert_ok(mnk_copy_null_make(score, f.null_tiles->label, NULL, FRESH, f.train->classes, &f.null, &err));
    mnk_free(x);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    mnk_copy_null_close(&f->null);
    mnk_copy_finder_close(f->finder);
    mnk_images_close(f->big);
    mnk_images_close(f->train);
    mnk_images_close(f->null_tiles);
    mnk_images_close(f->fresh);
    return 0;
}

/* Found with the right original at `least` of the cases; returns the scores. */
static void found(const fixture *f, const copy_recipe *recipe, double least, const char *name) {
    mnk_images *q = cut(f->big, COPIES, recipe, SIDE, NULL);
    mnk_near *x = search(f, q);
    size_t n = 0;
    for (size_t i = 0; i < COPIES; i++) n += x[i].row == i && flagged(f, &x[i], q->label[i]);
    print_message("# %s: %.3f found\n", name, (double)n / COPIES);
    if ((double)n < least * COPIES) fail_msg("%s: %zu of %d copies found", name, n, COPIES);
    mnk_free(x);
    mnk_images_close(q);
}

static void copies_are_found(void **state) {
    const fixture *f = *state;
    found(f, &(copy_recipe){true, true, 1, 1, 0, 0}, 0.97, "turned and mirrored");
    found(f, &(copy_recipe){true, true, 0.8, 1.3, 0, 0}, 0.95, "turned, mirrored, zoomed");
    found(f, &(copy_recipe){true, true, 1, 1.4, 1, 0}, 0.9, "turned, mirrored, cropped anywhere");
    found(f, &(copy_recipe){true, true, 0.8, 1.3, 0, 0.15}, 0.85, "turned, mirrored, zoomed, recoloured");
}

/* The alignment says what was done, and the training picture moved by it is the copy. */
static void alignment_is_right(void **state) {
    const fixture *f = *state;
    copy_pose pose[COPIES];
    mnk_images *q = cut(f->big, COPIES, &(copy_recipe){true, true, 1.05, 1.4, 0.8, 0}, SIDE, pose);
    mnk_near *x = search(f, q);
    size_t right = 0, near = 0, all = 0;
    for (size_t i = 0; i < COPIES; i++) {
        if (x[i].row != i) continue;
        uint8_t moved[SIDE * SIDE * 3];
        double turned = fabs((double)x[i].as.angle_deg - pose[i].angle_deg), before = 0, after = 0;
        turned = fmin(turned, 360 - turned);
        right += turned < 3 && x[i].as.mirrored == pose[i].mirrored && fabs(log((double)x[i].as.zoom / pose[i].zoom)) < 0.05 &&
                 fabs((double)x[i].as.shift_x - pose[i].dx) < 0.06 && fabs((double)x[i].as.shift_y - pose[i].dy) < 0.06;
        mnk_copy_aligned(f->train, i, &x[i].as, moved);
        for (int v = 4; v < SIDE - 4; v++)
            for (int u = 4; u < SIDE - 4; u++)
                for (int c = 0; c < 3; c++) {
                    const size_t at = ((size_t)v * SIDE + (size_t)u) * 3 + (size_t)c, whole = i * SIDE * SIDE * 3 + at;
                    after += pow((double)moved[at] - q->pixels8[whole], 2);
                    before += pow((double)f->train->pixels8[whole] - q->pixels8[whole], 2);
                }
        near += after < 0.25 * before;
        all++;
    }
    print_message("# alignment right %zu, moved picture near %zu, of %zu\n", right, near, all);
    assert_true(all > COPIES * 9 / 10 && (double)right > 0.93 * (double)all && (double)near > 0.93 * (double)all);
    mnk_free(x);
    mnk_images_close(q);
}

static void strangers_are_flagged_at_the_null_rate(void **state) {
    const fixture *f = *state;
    mnk_near *x = search(f, f->fresh);
    size_t n = 0;
    double p = 0;
    for (size_t i = 0; i < FRESH; i++) {
        n += flagged(f, &x[i], f->fresh->label[i]);
        p += mnk_copy_null_p(&f->null, f->fresh->label[i], (double)x[i].score) / FRESH;
    }
    print_message("# strangers: %zu of %d flagged, mean p %.3f\n", n, FRESH, p);
    assert_true(n <= 12);            /* 1 in 61 of each class expected: 3 of 180; threshold and sample vary */
    assert_true(p > 0.4 && p < 0.6); /* uniform under the null: sd of the mean about 0.03 */
    mnk_free(x);
}

/* Smooth gradients of little contrast, each another direction and colour: in train and as queries they must not be near
 * everything. */
static void smooth(uint8_t *out, int k) {
    mnk_rng r = mnk_rng_at(9, MNK_PURPOSE_TEST, (uint64_t)k, 0);
    double a = 6 * mnk_rng_uniform(&r), b = 6 * mnk_rng_uniform(&r), w = 0.1 + 0.1 * mnk_rng_uniform(&r);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++)
                out[(y * SIDE + x) * 3 + c] =
                    (uint8_t)(190 + 6 * sin(a + w * x) + 6 * cos(b + w * y) - 20 * (c == 1) + 1.5 * mnk_rng_normal(&r));
}

static void smooth_pictures_are_no_universal_copies(void **state) {
    const fixture *f = *state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *train = NULL, *q = NULL;
    size_t row[TRAIN];
    for (size_t i = 0; i < TRAIN; i++) row[i] = i;
    assert_ok(mnk_images_select(f->train, row, TRAIN, &train, &err));
    for (int k = 0; k < 20; k++) smooth(train->pixels8 + (size_t)(k * 15) * SIDE * SIDE * 3, k);
    fixture with = *f;
    assert_ok(mnk_copy_finder_open(train, NULL, &with.finder, &err));
    mnk_near *null = search(&with, f->null_tiles), *x = search(&with, f->fresh);
    size_t on_smooth = 0, alarms = 0;
    float score[FRESH];
    for (size_t i = 0; i < FRESH; i++) score[i] = null[i].score;
    mnk_copy_null n;
    assert_ok(mnk_copy_null_make(score, f->null_tiles->label, NULL, FRESH, train->classes, &n, &err));
    for (size_t i = 0; i < FRESH; i++) {
        on_smooth += x[i].row % 15 == 0;
        alarms += (double)x[i].score < mnk_copy_null_threshold(&n, f->fresh->label[i], 0.02).score;
    }
    print_message("# nearest is one of the 20 smooth pictures of 300: %zu of %d tiles; %zu alarms\n", on_smooth, FRESH, alarms);
    assert_true(on_smooth <= FRESH * 2 * 20 / TRAIN && alarms <= 12);
    assert_ok(mnk_images_select(f->train, row, 40, &q, &err)); /* unrelated smooth pictures as queries */
    for (int k = 0; k < 40; k++) smooth(q->pixels8 + (size_t)k * SIDE * SIDE * 3, 1000 + k);
    mnk_free(x);
    x = search(f, q);
    size_t taken = 0;
    for (size_t i = 0; i < 40; i++) taken += flagged(f, &x[i], q->label[i]);
    print_message("# smooth queries flagged: %zu of 40\n", taken);
    assert_true(taken <= 4);
    mnk_copy_null_close(&n);
    mnk_copy_finder_close(with.finder);
    mnk_free(null);
    mnk_free(x);
    mnk_images_close(q);
    mnk_images_close(train);
}

static void threads_do_not_matter(void **state) {
    const fixture *f = *state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *train = NULL, *q = NULL;
    mnk_near *first = NULL;
    size_t row[64];
    for (size_t i = 0; i < 64; i++) row[i] = i;
    assert_ok(mnk_images_select(f->train, row, 64, &train, &err));
    assert_ok(mnk_images_select(f->fresh, row, 24, &q, &err));
    const int before = mnk_threads(), threads[3] = {1, 2, 4};
    for (int k = 0; k < 3; k++) {
        mnk_threads_set(threads[k]);
        fixture own = {0};
        assert_ok(mnk_copy_finder_open(train, NULL, &own.finder, &err));
        mnk_near *x = search(&own, q);
        if (!first) first = x;
        else {
            assert_memory_equal(first, x, q->n * sizeof *x);
            mnk_free(x);
        }
        mnk_copy_finder_close(own.finder);
    }
    mnk_threads_set(before);
    mnk_free(first);
    mnk_images_close(train);
    mnk_images_close(q);
}

/* Grey pictures, other sizes, 28 px against 28, flat pictures, too few. */
static void other_shapes(void **state) {
    const fixture *f = *state;
    mnk_error err = MNK_ERROR_INIT;
    static const char *const names[1] = {"all"};
    static const int side[2] = {28, 48};
    for (int k = 0; k < 2; k++) {
        mnk_images *rgb = cut(f->big, 40, &plain, side[k], NULL), *grey = NULL, *copy = NULL;
        const size_t n = (size_t)(side[k] * side[k]);
        assert_ok(mnk_images_new(40, side[k], side[k], 1, 1, names, &grey, &err));
        assert_ok(mnk_images_new(41, side[k], side[k], 1, 1, names, &copy, &err));
        for (size_t p = 0; p < 40 * n; p++) grey->pixels8[p] = rgb->pixels8[3 * p + 1];
        for (size_t i = 0; i < 40; i++) { /* turned by a quarter and darker */
            for (int y = 0; y < side[k]; y++)
                for (int x = 0; x < side[k]; x++)
                    copy->pixels8[i * n + (size_t)(y * side[k] + x)] =
                        (uint8_t)(0.8 * grey->pixels8[i * n + (size_t)(x * side[k] + side[k] - 1 - y)]);
        }
        memset(copy->pixels8 + 40 * n, 77, n);
        fixture own = {0};
        assert_ok(mnk_copy_finder_open(grey, NULL, &own.finder, &err));
        mnk_near *x = search(&own, copy);
        for (size_t i = 0; i < 40; i++) {
            char text[96];
            assert_int_equal(x[i].row, i);
            assert_true(x[i].correlation > 0.98f);
            mnk_alignment_text(&x[i].as, text, sizeof text);
            assert_true(!x[i].as.mirrored && fabsf(x[i].as.angle_deg - 90) < 2);
        }
        assert_true(x[40].row == UINT32_MAX && isinf(x[40].score));
        assert_int_equal(mnk_copy_finder_search(own.finder, f->fresh, false, NULL, x, &err), MNK_ERR_INPUT); /* channels */
        mnk_copy_finder_close(own.finder);
        memset(grey->pixels8, 9, 34 * n); /* six left */
        own.finder = NULL;
        err = (mnk_error)MNK_ERROR_INIT;
        assert_int_equal(mnk_copy_finder_open(grey, NULL, &own.finder, &err), MNK_ERR_INPUT);
        assert_null(own.finder);
        mnk_free(x);
        mnk_images_close(rgb);
        mnk_images_close(grey);
        mnk_images_close(copy);
    }
}

static void null_by_class(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    enum { N = 45 };
    float score[N];
    int32_t label[N], group[N];
    mnk_copy_null null;
    for (int i = 0; i < N; i++) /* class 0: 0.01 … 0.40 in ten groups; class 1: five images */
        score[i] = 0.01f * (float)(i + 1), label[i] = i >= 40, group[i] = i / 4;
    assert_ok(mnk_copy_null_make(score, label, group, N, 2, &null, &err));
    assert_true(!null.of[0].is_pooled && null.of[0].n == 40 && null.of[0].independent == 10);
    assert_true(null.of[1].is_pooled && null.of[1].n == N);
    assert_true(fabs(mnk_copy_null_p(&null, 0, 0.105) - 11.0 / 41) < 1e-12);
    assert_true(fabs(mnk_copy_null_p(&null, 0, 0.0) - 1.0 / 41) < 1e-12);
    const mnk_copy_threshold t = mnk_copy_null_threshold(&null, 0, 0.1); /* floor(4.1): the fourth */
    assert_true(fabs(t.score - 0.04) < 1e-6 && fabs(t.expected - 4.0 / 41) < 1e-12 && !t.is_pooled);
    assert_true(fabs(t.variance - t.expected * (1 - t.expected) / 12) < 1e-12);
    mnk_copy_null_close(&null);
    assert_ok(mnk_copy_null_make(score, label, NULL, 0, 2, &null, &err));
    assert_true(mnk_copy_null_threshold(&null, 0, 0.1).score == -1 && mnk_copy_null_p(&null, 0, 0) == 1);
    mnk_copy_null_close(&null);
}

static void alignment_text_goes_both_ways(void **state) {
    (void)state;
    char text[96];
    mnk_alignment a = {.angle_deg = 36.6f, .zoom = 1.18f, .shift_x = 0.1f, .shift_y = -0.04f, .mirrored = true}, b;
    mnk_alignment_text(&a, text, sizeof text);
    assert_string_equal(text, "mirrored, turned 37, zoom 1.18, moved 0.10 -0.04");
    assert_true(mnk_alignment_parse("mirrored, turned 37, zoom 1.18, moved 0.10 -0.04; r 0.91; p 0.002", &b));
    assert_true(b.mirrored && b.angle_deg == 37 && fabsf(b.zoom - 1.18f) < 1e-6f && fabsf(b.shift_y + 0.04f) < 1e-6f);
    a = (mnk_alignment){.zoom = 1};
    mnk_alignment_text(&a, text, sizeof text);
    assert_string_equal(text, "as it is");
    assert_true(mnk_alignment_parse(text, &b) && b.zoom == 1 && b.angle_deg == 0 && !b.mirrored);
    assert_true(mnk_alignment_parse("turned 90", &b) && b.angle_deg == 90);
    static const char *const bad[] = {"",         "upside down", "zoom 0",   "zoom nan",
                                      "zoom 1e9", "moved 1",     "turned x", "turned 1e30"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mnk_alignment_parse(bad[i], &b)) fail_msg("\"%s\" was taken", bad[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_found),
        cmocka_unit_test(alignment_is_right),
        cmocka_unit_test(strangers_are_flagged_at_the_null_rate),
        cmocka_unit_test(smooth_pictures_are_no_universal_copies),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(other_shapes),
        cmocka_unit_test(null_by_class),
        cmocka_unit_test(alignment_text_goes_both_ways),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("copies", tests, setup, teardown);
}
