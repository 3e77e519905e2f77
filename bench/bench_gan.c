/* What a user of `train gan` and `sample` waits for: whole steps of the default recipe (packing, augmentation, spectral norm,
 * batches), with the lazy penalty, and sampling to bytes. bench_gan_step compares the bare step with PyTorch. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "bench.h"
#include "learn/gan/trainer.h"

#define FOLDER "/tmp/manikin-bench-gan"

static mnk_error err;

static void check(mnk_status status) {
    if (status == MNK_OK) return;
    fprintf(stderr, "bench_gan: %s\n", err.message);
    exit(1);
}

static mnk_images *noise(int side) {
    static const char *const names[] = {"a", "b", "c"};
    mnk_images *d;
    check(mnk_images_new(256, side, side, 3, 3, names, &d, &err));
    mnk_rng rng = mnk_rng_at(1, MNK_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < d->n * (size_t)(side * side * 3); i++) d->pixels8[i] = (uint8_t)mnk_rng_below(&rng, 256);
    for (size_t i = 0; i < d->n; i++) d->label[i] = (int32_t)(i % 3);
    mnk_images_rehash(d);
    return d;
}

static void step(void *ctx) { check(mnk_gan_step(ctx, false, &err)); }

static void train_row(const char *name, int side, const mnk_gan_config *config, double seconds) {
    mnk_images *d = noise(side);
    mnk_gan_trainer *t;
    check(mnk_gan_trainer_open(d, config, FOLDER "/m.safetensors", NULL, &t, &err));
    double s = bench_best_s(seconds, step, t);
    printf("%-44s %8.1f ms a step  %7.0f images/s  %6.1f minutes for 1,000 kimg  %5.0f MiB\n", name, 1000 * s,
           (double)t->batch / s, 1e6 / (double)t->batch * s / 60, (double)t->planned_bytes / 1048576);
    mnk_gan_trainer_close(t);
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
    mnk_images *d = noise(side);
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
    check(mnk_dir_make(FOLDER, &err));
    train_row("32 px, width 32, default recipe", 32, &recipe, o.seconds);
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
