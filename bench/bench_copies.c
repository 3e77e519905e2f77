/* The search for near-copies on tiles of the histology phantom, 32 px: what it finds, and what 10,000 against 10,000 cost.
 * bench_copies [--threads N] [--cpu] [N]   (N training pictures and as many queries; default 10000) */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../tests/copy_maker.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "bench.h"
#include "manikin/copies.h"
#include "manikin/simulate.h"

enum { SIDE = 32, LARGE = 64 };

static void check(mnk_status status, const mnk_error *err) {
    if (status == MNK_OK) return;
    fprintf(stderr, "bench_copies: %s\n", err->message);
    exit(1);
}

static double clock_s(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* n pictures cut from `big` tiles: as they are, or as the recipe says. */
static mnk_images *cut(const mnk_images *big, size_t n, const copy_recipe *recipe) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = NULL;
    check(mnk_images_new(n, SIDE, SIDE, 3, big->classes, (const char *const *)big->class_names, &d, &err), &err);
    for (size_t i = 0; i < n; i++) {
        mnk_rng rng = mnk_rng_at(3, MNK_PURPOSE_TEST, i, 0);
        const copy_pose p = copy_draw(recipe, &rng);
        copy_make(big->pixels8 + i * LARGE * LARGE * 3, LARGE, 3, &p, SIDE, d->pixels8 + i * SIDE * SIDE * 3);
        d->label[i] = big->label[i];
    }
    return d;
}

static mnk_images *tiles(size_t n, uint64_t seed) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_histology_config config;
    mnk_images *d = NULL;
    mnk_histology_defaults(&config);
    config.size = LARGE;
    config.persons = 400;
    check(mnk_simulate_histology(&config, seed, n, NULL, &d, NULL, &err), &err);
    return d;
}

static void search(const mnk_copy_finder *f, const mnk_images *q, mnk_near *out) {
    mnk_error err = MNK_ERROR_INIT;
    check(mnk_copy_finder_search(f, q, false, NULL, out, &err), &err);
}

static void finds(const mnk_copy_finder *f, const mnk_images *big, size_t n, const mnk_copy_null *null, const char *name,
                  const copy_recipe *recipe, mnk_near *found) {
    mnk_images *q = cut(big, n, recipe);
    size_t right = 0, flagged = 0;
    search(f, q, found);
    for (size_t i = 0; i < n; i++) {
        right += found[i].row == i;
        flagged += found[i].row == i && (double)found[i].score < mnk_copy_null_threshold(null, q->label[i], 0.01).score;
    }
    printf("copies %-44s recall at 1 %% false alarm %.3f, nearest is the original %.3f\n", name, (double)flagged / (double)n,
           (double)right / (double)n);
    mnk_images_close(q);
}

int main(int argc, char **argv) {
    static const copy_recipe plain = {.zoom_lo = 1, .zoom_hi = 1};
    static const struct {
        const char *name;
        copy_recipe recipe;
    } kind[] = {
        {"turned, mirrored", {true, true, 1, 1, 0, 0}},
        {"turned, mirrored, zoom 0.75-1.33", {true, true, 0.75, 1.33, 0, 0}},
        {"the same, recoloured", {true, true, 0.75, 1.33, 0, 0.15}},
        {"zoom 1-1.5, cropped anywhere", {false, true, 1, 1.5, 1, 0}},
        {"turned, zoom 1-1.5, cropped anywhere", {true, true, 1, 1.5, 1, 0}},
        {"turned, zoom 1-1.5, cropped, recoloured", {true, true, 1, 1.5, 1, 0.15}},
    };
    bench_options o;
    const int at = bench_parse(argc, argv, &o);
    const size_t n = at < argc ? (size_t)atol(argv[at]) : 10000, few = n < 600 ? n : 600;
    mnk_error err = MNK_ERROR_INIT;
    setvbuf(stdout, NULL, _IOLBF, 0);
    mnk_images *big = tiles(n, 1), *other = tiles(few, 2), *train = cut(big, n, &plain), *fresh = cut(other, few, &plain);
    mnk_images *turned = cut(big, n, &kind[0].recipe);
    mnk_near *found = mnk_alloc(n, sizeof *found);
    float *score = mnk_alloc(few, sizeof *score);
    mnk_copy_finder *f = NULL;
    mnk_copy_null null;
    const double cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID), wall = clock_s(CLOCK_MONOTONIC);
    check(mnk_copy_finder_open(train, NULL, &f, &err), &err);
    const double open_cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    search(f, turned, found);
    printf("copies %zu x %zu at %d px: %.1f s CPU (%.1f s of it to prepare train), %.1f s wall with %d threads\n", n, n, SIDE,
           clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu, open_cpu, clock_s(CLOCK_MONOTONIC) - wall, o.threads);
    search(f, fresh, found);
    for (size_t i = 0; i < few; i++) score[i] = found[i].score;
    check(mnk_copy_null_make(score, fresh->label, NULL, few, fresh->classes, &null, &err), &err);
    for (size_t k = 0; k < sizeof kind / sizeof *kind; k++) finds(f, big, few / 2, &null, kind[k].name, &kind[k].recipe, found);
    mnk_copy_null_close(&null);
    mnk_copy_finder_close(f);
    mnk_images_close(big);
    mnk_images_close(other);
    mnk_images_close(train);
    mnk_images_close(fresh);
    mnk_images_close(turned);
    mnk_free(found);
    mnk_free(score);
    return 0;
}
