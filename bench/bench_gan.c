/* What a user of `train gan` and `sample` waits for: whole steps of the default recipe (packing, augmentation, spectral norm,
 * batches), with the lazy penalty, and sampling to bytes. bench_gan_step compares the bare step with PyTorch. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "bench.h"
#include "learn/gan/private_step.h"
#include "learn/gan/trainer.h"

#define FOLDER "/tmp/manikin-bench-gan"

static mnk_error err;

static void check(mnk_status status) {
    if (status == MNK_OK) return;
    fprintf(stderr, "bench_gan: %s\n", err.message);
    exit(1);
}

static mnk_images *noise(int side, size_t n) {
    static const char *const names[] = {"a", "b", "c"};
    mnk_images *d;
    check(mnk_images_new(n, side, side, 3, 3, names, &d, &err));
    mnk_rng rng = mnk_rng_at(1, MNK_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < d->n * (size_t)(side * side * 3); i++) d->pixels8[i] = (uint8_t)mnk_rng_below(&rng, 256);
    for (size_t i = 0; i < d->n; i++) d->label[i] = (int32_t)(i % 3);
    mnk_images_rehash(d);
    return d;
}

static void step(void *ctx) { check(mnk_gan_step(ctx, false, &err)); }

static void train_row(const char *name, int side, const mnk_gan_config *config, double seconds) {
    mnk_images *d = noise(side, 256);
    mnk_gan_trainer *t;
    check(mnk_gan_trainer_open(d, config, FOLDER "/m.safetensors", NULL, &t, &err));
    double s = bench_best_s(seconds, step, t);
    printf("%-44s %8.1f ms a step  %7.0f images/s  %6.1f minutes for 1,000 kimg  %5.0f MiB\n", name, 1000 * s,
           (double)t->batch / s, 1e6 / (double)t->batch * s / 60, (double)t->planned_bytes / 1048576);
    mnk_gan_trainer_close(t);
    mnk_images_close(d);
}

/* A private step against an ordinary one, in turn on the same machine: medians, and the ratio of the medians. Goal: at most 2.
 */
static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void private_row(int side, const mnk_gan_config *recipe, double seconds) {
    enum { MOST = 4096 };
    static double took[2][MOST];
    mnk_images *d = noise(side, 4096);
    mnk_gan_trainer *t[2];
    mnk_gan_config c[2] = {*recipe, *recipe};
    int n = 0;
    c[0].adaptive = false; /* as in the private run: the same augmentation */
    c[1].dp = true, c[1].epsilon = 8, c[1].delta = 1e-6;
    for (int k = 0; k < 2; k++) check(mnk_gan_trainer_open(d, &c[k], FOLDER "/private.safetensors", NULL, &t[k], &err));
    check(mnk_gan_private_open(t[1], &err));
    for (int k = 0; k < 2; k++) step(t[k]);
    for (double end = bench_now_s() + 2 * seconds; n < MOST && (n < 10 || bench_now_s() < end); n++)
        for (int k = 0; k < 2; k++) {
            double start = bench_now_s();
            step(t[k]);
            took[k][n] = bench_now_s() - start;
        }
    for (int k = 0; k < 2; k++) qsort(took[k], (size_t)n, sizeof **took, by_value);
    double plain = took[0][n / 2], dp = took[1][n / 2];
    printf("%-44s %8.1f ms a step, ordinary %8.1f ms: ratio %.2f (medians of %d pairs; best %.1f and %.1f ms)\n",
           "32 px, width 32, --dp", 1000 * dp, 1000 * plain, dp / plain, n, 1000 * took[1][0], 1000 * took[0][0]);
    for (int k = 0; k < 2; k++) mnk_gan_trainer_close(t[k]);
    mnk_images_close(d);
}

typedef struct sampling {
    mnk_gan *gan;
    int32_t labels[256];
    uint8_t *pixels;
} sampling;

static void sample(void *ctx) {
    sampling *s = ctx;
    check(mnk_gan_sample(s->gan, s->labels, 256, 1, 0, s->pixels, &err));
}

static void sample_row(int side, mnk_gan_config config, double seconds) {
    sampling s = {0};
    mnk_images *d = noise(side, 256);
    config.kimg = 0.064, config.force = true;
    check(mnk_gan_train(d, &config, FOLDER "/m.safetensors", NULL, &err));
    check(mnk_gan_open(FOLDER "/m.safetensors", &s.gan, &err));
    for (int i = 0; i < 256; i++) s.labels[i] = i % 3;
    check(MNK_NEW(s.pixels, (size_t)(256 * side * side * 3), &err));
    double t = bench_best_s(seconds, sample, &s);
    printf("sampling %3d px, width %-3d %39.0f images/s  %6.1f s for 30,000\n", side, (int)config.width, 256 / t,
           30000 / 256.0 * t);
    mnk_free(s.pixels);
    mnk_gan_close(s.gan);
    mnk_images_close(d);
}

int main(int argc, char **argv) {
    bench_options o;
    bench_parse(argc, argv, &o);
    mnk_gan_config recipe, c;
    mnk_gan_config_defaults(&recipe);
    check(mnk_dir_remove(FOLDER, &err)); /* a ledger of a run that was stopped would refuse a new one */
    check(mnk_dir_make(FOLDER, &err));
    train_row("32 px, width 32, default recipe", 32, &recipe, o.seconds);
    private_row(32, &recipe, o.seconds);
    c = recipe, c.pack = 1;
    train_row("32 px, width 32, --pack 1", 32, &c, o.seconds);
    c = recipe, c.augment = "none";
    train_row("32 px, width 32, --augment none", 32, &c, o.seconds);
    c = recipe, c.r1 = 0.1, c.penalty_every = 1;
    train_row("32 px, width 32, --r1 0.1 --penalty-every 1", 32, &c, o.seconds);
    train_row("64 px, width 32, default recipe", 64, &recipe, o.seconds);
    c = recipe, c.width = 64;
    train_row("64 px, width 64", 64, &c, o.seconds);
    train_row("128 px, width 32, default recipe", 128, &recipe, o.seconds);
    sample_row(32, recipe, o.seconds);
    sample_row(64, c, o.seconds);
    return mnk_dir_remove(FOLDER, &err) == MNK_OK ? 0 : 1;
}
