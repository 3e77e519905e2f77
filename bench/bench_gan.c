/* GAN training steps and sampling: ms a step, images a second, share of the machine's measured peak.
 * The settings are those of the comparison with PyTorch (one image a pack, no augmentation, batch 64). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/parallel.h"
#include "bench.h"
#include "learn/gan/trainer.h"

static mnk_error err;

static void fail(void) {
    fprintf(stderr, "bench_gan: %s\n", err.message);
    exit(1);
}

static mnk_images *noise(int side) {
    mnk_images *d;
    if (mnk_images_new(256, side, side, 3, 3, NULL, &d, &err) != MNK_OK) fail();
    mnk_rng rng = mnk_rng_at(1, MNK_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < d->n * (size_t)(side * side * 3); i++) d->pixels8[i] = (uint8_t)mnk_rng_below(&rng, 256);
    for (size_t i = 0; i < d->n; i++) d->label[i] = (int32_t)(i % 3);
    return d;
}

static void step(void *ctx) {
    if (mnk_gan_step(ctx, false, &err) != MNK_OK) fail();
}

/* Multiply-adds of one step: generator forward and twice backward; discriminator forward three times, weights' gradient
 * twice, data gradient three times (the first layer's only once). */
static double step_flops(const mnk_gan_trainer *t) {
    double g = mnk_net_macs(t->g.net), d = mnk_net_macs(t->d.net);
    return 2 * ((double)t->batch * 3 * g + (double)t->packs * 8 * d);
}

static void row(const char *name, int side, const mnk_gan_config *config, double seconds, double peak) {
    mnk_images *d = noise(side);
    mnk_gan_trainer *t;
    if (mnk_gan_trainer_open(d, config, "/tmp/manikin-bench-gan.safetensors", NULL, &t, &err) != MNK_OK) fail();
    double s = bench_best_s(seconds, step, t), gflops = step_flops(t) / s / 1e9;
    printf("%-44s %8.1f ms  %7.0f images/s  %6.1f GFLOP/s  %3.0f %% of peak\n", name, 1000 * s, (double)t->batch / s, gflops,
           100 * gflops / peak);
    mnk_gan_trainer_close(t);
    mnk_images_close(d);
}

int main(int argc, char **argv) {
    bench_options o = {.seconds = 5};
    bench_parse(argc, argv, &o);
    double peak = bench_peak_gflops();
    mnk_gan_config plain, recipe;
    mnk_gan_config_defaults(&recipe);
    plain = recipe;
    plain.pack = 1, plain.augment = "none", plain.spectral = false, plain.latent = 71;
    plain.width = 32;
    row("step 32 px, width 32, unpacked", 32, &plain, o.seconds, peak);
    row("step 64 px, width 32, unpacked", 64, &plain, o.seconds, peak);
    mnk_gan_config wide = plain;
    wide.width = 64;
    row("step 64 px, width 64, unpacked", 64, &wide, o.seconds, peak);
    row("step 32 px, width 32, the default recipe", 32, &recipe, o.seconds, peak);
    row("step 64 px, width 32, the default recipe", 64, &recipe, o.seconds, peak);
    return 0;
}
