/* Image datasets: writing and reading 10,000 phantom-like images of 32 px in each format, and the search for duplicates. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "bench.h"
#include "data/duplicates.h"

enum { N = 10000, SIDE = 32 };

static mnk_error err;

static void must(mnk_status status) {
    if (status == MNK_OK) return;
    fprintf(stderr, "bench_data: %s\n", err.message);
    exit(1);
}

/* Waves and grain: compresses about as well as stained tissue. */
static void fill(void *ctx, size_t i) {
    mnk_images *d = ctx;
    mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, i, 0);
    double f[8];
    for (int k = 0; k < 8; k++) f[k] = mnk_rng_uniform(&r);
    uint8_t *p = mnk_images_pixels(d, i);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++) {
                double v = 140 + 50 * sin(x * (0.1 + f[0]) + 6 * f[1] + c) + 40 * sin(y * (0.1 + f[2]) + 6 * f[3]) + 20 * f[4];
                *p++ = (uint8_t)(v + (double)mnk_rng_below(&r, 12));
            }
    d->label[i] = (int32_t)(i % 8);
}

static void write_all(const mnk_images *d, const char *path) {
    mnk_images_meta meta = {.height = SIDE,
                            .width = SIDE,
                            .channels = 3,
                            .classes = 8,
                            .class_names = (const char *const *)d->class_names,
                            .generator = "gan"};
    mnk_images_writer *w = NULL;
    must(mnk_images_writer_open(path, true, &meta, &w, &err));
    for (size_t i = 0; i < d->n; i++)
        must(mnk_images_writer_add(w, mnk_images_pixels(d, i), d->label[i], MNK_SPLIT_TRAIN, &err));
    must(mnk_images_writer_commit(w, &err));
}

int main(int argc, char **argv) {
    static const char *const names[] = {"folder", "set.tar", "set.npz"};
    bench_options o;
    bench_parse(argc, argv, &o);
    char root[64], path[128];
    snprintf(root, sizeof root, "/tmp/manikin-bench-%ld", (long)getpid());
    must(mnk_dir_make(root, &err));
    mnk_images *d = NULL, *e = NULL;
    must(mnk_images_new(N, SIDE, SIDE, 3, 8, NULL, &d, &err));
    mnk_parallel_for(N, fill, d);
    printf("%-28s %10s %10s  (%d images of %d px, %d threads)\n", "image datasets", "write s", "read s", N, SIDE, o.threads);
    for (int k = 0; k < 3; k++) {
        snprintf(path, sizeof path, "%s/%s", root, names[k]);
        double start = bench_now_s(), written = 0;
        write_all(d, path);
        written = bench_now_s();
        must(mnk_images_open(path, NULL, NULL, &e, &err));
        printf("%-28s %10.2f %10.2f\n", names[k], written - start, bench_now_s() - written);
        mnk_images_close(e);
    }
    mnk_duplicates dup;
    double start = bench_now_s();
    must(mnk_duplicates_find(d, 0, NULL, &dup, &err));
    double exact = bench_now_s() - start;
    mnk_duplicates_clear(&dup);
    start = bench_now_s();
    must(mnk_duplicates_find(d, MNK_NEAR_THRESHOLD, NULL, &dup, &err));
    printf("%-28s %10.3f\n%-28s %10.3f\n", "exact duplicates, s", exact, "exact and near, s", bench_now_s() - start);
    mnk_duplicates_clear(&dup);
    mnk_images_close(d);
    must(mnk_dir_remove(root, &err));
    return 0;
}
