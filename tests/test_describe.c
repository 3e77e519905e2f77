/* What manikin says of a dataset: planted duplicates found, counts right, the fast search equal to the slow one. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "base/rng.h"
#include "data/duplicates.h"
#include "manikin/describe.h"

static mnk_error err;

static int clean(void **state) {
    (void)state;
    mnk_error_clear(&err);
    return 0;
}

enum { SIDE = 32 };

/* Smooth random pictures: sums of a few waves. */
static mnk_images *waves(size_t n, int channels, uint64_t seed) {
    mnk_images *d = NULL;
    assert_ok(mnk_images_new(n, SIDE, SIDE, channels, 3, NULL, &d, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_TEST, i, 1);
        double f[12];
        for (int k = 0; k < 12; k++) f[k] = mnk_rng_uniform(&r);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                for (int c = 0; c < channels; c++) {
                    double v = 128 + 60 * sin(x * (0.1 + f[0]) + f[1] * 6 + c) + 50 * sin(y * (0.1 + f[2]) + f[3] * 6) +
                               15 * f[4] + 10 * sin((x - 2 * y) * f[5] + c * f[6]);
                    d->pixels8[((i * SIDE + (size_t)y) * SIDE + (size_t)x) * (size_t)channels + (size_t)c] =
                        (uint8_t)fmin(255, fmax(0, v));
                }
        d->label[i] = (int32_t)(i % 3);
    }
    return d;
}

static uint8_t *pixel(const mnk_images *d, size_t i, int y, int x) {
    return d->pixels8 + ((i * SIDE + (size_t)y) * SIDE + (size_t)x) * (size_t)d->channels;
}

/* Row `to` becomes row `from`, mirrored and turned, with noise of +-amplitude. */
static void plant(mnk_images *d, size_t to, size_t from, int turn, int amplitude) {
    mnk_rng r = mnk_rng_at(5, MNK_PURPOSE_TEST, to, 2);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int sy = y, sx = x;
            for (int k = 0; k < (turn & 3); k++) {
                int old = sy;
                sy = sx;
                sx = SIDE - 1 - old;
            }
            if (turn & 4) sx = SIDE - 1 - sx;
            for (int c = 0; c < d->channels; c++) {
                int v = pixel(d, from, sy, sx)[c];
                if (amplitude) v += (int)mnk_rng_below(&r, (uint64_t)(2 * amplitude + 1)) - amplitude;
                pixel(d, to, y, x)[c] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
            }
        }
}

static void planted_turns_are_found(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        mnk_images *d = waves(40, channels, 3);
        mnk_duplicates dup;
        for (int t = 0; t < 8; t++) plant(d, 20 + (size_t)t, (size_t)t, t, 6);
        assert_ok(mnk_duplicates_find(d, MNK_NEAR_THRESHOLD, NULL, &dup, &err));
        for (size_t i = 0; i < 40; i++) {
            bool planted = i < 8 || (i >= 20 && i < 28);
            assert_int_equal(dup.near[i], planted ? (i < 8 ? i + 20 : i - 20) : SIZE_MAX);
            assert_int_equal(dup.same[i], i);
            if (i >= 20 && i < 28) { /* mapping the original onto the copy */
                static const int inverse[8] = {0, 3, 2, 1, 4, 5, 6, 7};
                size_t turn = dup.near_turn[i];
                if (turn != i - 20 && (int)turn != inverse[i - 20]) fail_msg("turn %zu for %zu", turn, i - 20);
                assert_in_range((int)(dup.near_distance[i] * 1000), 1, 99);
            }
        }
        mnk_duplicates_clear(&dup);
        mnk_images_close(d);
    }
}

static void exact_copies_labels_and_splits(void **state) {
    (void)state;
    mnk_images *d = waves(30, 3, 9);
    mnk_duplicates dup;
    plant(d, 12, 3, 0, 0);
    plant(d, 21, 3, 0, 0); /* label 0 = label of 3 */
    plant(d, 10, 5, 0, 0); /* labels 1 and 2 */
    d->split[21] = MNK_SPLIT_TEST;
    memset(pixel(d, 29, 0, 0), 77, SIDE * SIDE * 3);
    assert_ok(mnk_duplicates_find(d, MNK_NEAR_THRESHOLD, NULL, &dup, &err));
    assert_int_equal(dup.same[12], 3);
    assert_int_equal(dup.same[21], 3);
    assert_int_equal(dup.same_across[21], 3);
    assert_int_equal(dup.same_across[3], 21);
    assert_int_equal(dup.same_across[12], 21);
    assert_int_equal(dup.same_across[10], SIZE_MAX);
    assert_int_equal(dup.near[3], SIZE_MAX); /* exact ones are not near ones */
    assert_true(dup.constant[29] && !dup.constant[28]);
    mnk_duplicates_clear(&dup);
    mnk_result *r = NULL;
    assert_ok(mnk_result_open("data", 0, &r, &err));
    assert_ok(mnk_images_describe(d, NULL, NULL, r, &err));
    static const struct {
        const char *id, *subset;
        double value;
    } wanted[] = {{"n", "", 30},
                  {"classes", "", 3},
                  {"n_class", "1", 10},
                  {"imbalance", "", 1},
                  {"n_split", "test", 1},
                  {"n_split", "train", 29},
                  {"exact_duplicates", "", 3},
                  {"conflicting_duplicates", "", 2},
                  {"cross_split_duplicates", "", 3},
                  {"near_duplicates", "", 0},
                  {"constant_images", "", 1},
                  {"width", "", 32},
                  {"depth", "", 8},
                  {"skipped", "", 0}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const mnk_metric *m = mnk_result_find(r, wanted[i].id, "", wanted[i].subset);
        if (!m) fail_msg("no metric %s", wanted[i].id);
        if (m->value != wanted[i].value) fail_msg("%s is %g, not %g", wanted[i].id, m->value, wanted[i].value);
    }
    assert_null(mnk_result_find(r, "groups", "", ""));
    size_t conflicting = 0;
    for (size_t i = 0; i < r->flags; i++)
        if (!strcmp(r->flag[i].flag, "conflicting_duplicate")) {
            conflicting++;
            assert_int_equal(r->flag[i].item, 10);
            assert_int_equal(r->flag[i].of, 5);
        }
    assert_int_equal(conflicting, 1);
    mnk_result_close(r);
    mnk_images_close(d);
}

/* Distance as defined in duplicates.h, in double precision and without any shortcut; 32 px thumbnails are 2 x 2 means. */
static double slow_distance(const mnk_images *d, size_t a, size_t b) {
    enum { T = 16 };
    static double t[2][T][T][3];
    double spread[2] = {0}, best = INFINITY;
    for (int k = 0; k < 2; k++)
        for (int c = 0; c < d->channels; c++) {
            double mean = 0;
            for (int y = 0; y < T; y++)
                for (int x = 0; x < T; x++) {
                    size_t i = k ? b : a;
                    t[k][y][x][c] = (pixel(d, i, 2 * y, 2 * x)[c] + pixel(d, i, 2 * y, 2 * x + 1)[c] +
                                     pixel(d, i, 2 * y + 1, 2 * x)[c] + pixel(d, i, 2 * y + 1, 2 * x + 1)[c]) /
                                    4.0;
                    mean += t[k][y][x][c] / (T * T);
                }
            for (int y = 0; y < T; y++)
                for (int x = 0; x < T; x++) spread[k] += pow(t[k][y][x][c] - mean, 2) / (T * T * d->channels);
        }
    for (int turn = 0; turn < 8; turn++) {
        double sum = 0;
        for (int y = 0; y < T; y++)
            for (int x = 0; x < T; x++) {
                int sy = turn & 1 ? T - 1 - y : y, sx = turn & 2 ? T - 1 - x : x;
                for (int c = 0; c < d->channels; c++)
                    sum += pow(t[0][y][x][c] - (turn & 4 ? t[1][sx][sy][c] : t[1][sy][sx][c]), 2);
            }
        best = fmin(best, sum / (T * T * d->channels));
    }
    return sqrt(best / (fmax(2, sqrt(spread[0])) * fmax(2, sqrt(spread[1]))));
}

static void fast_search_equals_slow(void **state) {
    (void)state;
    mnk_images *d = waves(120, 3, 21);
    mnk_duplicates dup[3];
    for (size_t i = 60; i < 100; i++) plant(d, i, i / 3, (int)(i % 8), (int)(i % 25)); /* some near, some not quite */
    for (size_t i = 0; i < 120; i++) d->split[i] = i % 2 ? MNK_SPLIT_TEST : MNK_SPLIT_TRAIN;
    double threshold = 0.3;
    for (int k = 0; k < 3; k++) {
        mnk_threads_set(k == 2 ? 4 : k + 1);
        assert_ok(mnk_duplicates_find(d, threshold, NULL, &dup[k], &err));
    }
    size_t found = 0, across = 0;
    for (size_t i = 0; i < 120; i++) {
        double best = INFINITY, best_across = INFINITY;
        for (size_t j = 0; j < 120; j++) {
            if (j == i || dup[0].same[j] == dup[0].same[i]) continue;
            double x = slow_distance(d, i, j);
            best = fmin(best, x);
            if (d->split[i] != d->split[j]) best_across = fmin(best_across, x);
        }
        if (fabs(best - threshold) > 1e-5) assert_int_equal(dup[0].near[i] != SIZE_MAX, best < threshold);
        if (fabs(best_across - threshold) > 1e-5) assert_int_equal(dup[0].near_across[i] != SIZE_MAX, best_across < threshold);
        if (dup[0].near[i] != SIZE_MAX) assert_float_equal(dup[0].near_distance[i], best, 1e-4), found++;
        across += dup[0].near_across[i] != SIZE_MAX;
    }
    assert_in_range(found, 20, 119);
    assert_in_range(across, 5, 119);
    for (int k = 1; k < 3; k++) { /* 1, 2 and 4 threads: the same bytes */
        assert_memory_equal(dup[0].near, dup[k].near, 120 * sizeof(size_t));
        assert_memory_equal(dup[0].near_across, dup[k].near_across, 120 * sizeof(size_t));
        assert_memory_equal(dup[0].near_distance, dup[k].near_distance, 120 * sizeof(float));
        assert_memory_equal(dup[0].near_turn, dup[k].near_turn, 120);
    }
    for (int k = 0; k < 3; k++) mnk_duplicates_clear(&dup[k]);
    mnk_images_close(d);
}

/* The README of the lung tiles: 474 byte-identical copies, 442 source tiles, none on both sides. */
static void real_lung(void **state) {
    (void)state;
    const char *path = test_real_data("lung_he/tiles32.npz");
    if (!path) skip();
    mnk_images *d = NULL;
    mnk_result *r = NULL;
    mnk_images_options options = {.groups_within_class = true};
    assert_ok(mnk_images_open(path, &options, NULL, &d, &err));
    assert_ok(mnk_result_open("data", 0, &r, &err));
    assert_ok(mnk_images_describe(d, NULL, NULL, r, &err));
    assert_int_equal(mnk_result_find(r, "exact_duplicates", "", "")->value, 474);
    assert_int_equal(mnk_result_find(r, "groups", "", "")->value, 442);
    assert_int_equal(mnk_result_find(r, "cross_split_duplicates", "", "")->value, 0);
    assert_int_equal(mnk_result_find(r, "cross_split_near_duplicates", "", "")->value, 0);
    assert_int_equal(mnk_result_find(r, "cross_group_duplicates", "", "")->value, 0);
    assert_true(mnk_result_find(r, "near_duplicates", "", "")->value > 1000); /* turned and mirrored copies within groups */
    mnk_result_close(r);
    mnk_images_close(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(planted_turns_are_found, clean),
        cmocka_unit_test_setup(exact_copies_labels_and_splits, clean),
        cmocka_unit_test_setup(fast_search_equals_slow, clean),
        cmocka_unit_test_setup(real_lung, clean),
    };
    return MNK_RUN_TESTS("describe", tests);
}
