#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "learn/gan/private_step.h"
#include "learn/gan/trainer.h"

/* Adaptive augmentation (Karras et al. 2020): p moves by the images seen over this many, every few steps. */
#define ADAPT_STEPS  4
#define ADAPT_IMAGES 100e3

void mnk_gan_inner_image(const mnk_images *data, const mnk_gan_shape *shape, size_t index, float *out) {
    int h = shape->height, w = shape->width, channels = shape->channels;
    size_t base = index * (size_t)h * (size_t)w * (size_t)channels;
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < shape->inner_h; i++) {
            int y = i - shape->top < 0 ? 0 : i - shape->top >= h ? h - 1 : i - shape->top;
            for (int j = 0; j < shape->inner_w; j++) {
                int x = j - shape->left < 0 ? 0 : j - shape->left >= w ? w - 1 : j - shape->left;
                size_t at = base + ((size_t)y * (size_t)w + (size_t)x) * (size_t)channels + (size_t)c;
                *out++ = data->depth == 16 ? (float)data->pixels16[at] / 32767.5f - 1 : (float)data->pixels8[at] / 127.5f - 1;
            }
        }
}

static void gather_image(void *ctx, size_t i) {
    mnk_gan_trainer *t = ctx;
    mnk_gan_inner_image(t->data, &t->shape, t->index[i], t->real + i * t->volume);
}

static void draw_latent(void *ctx, size_t i) {
    mnk_gan_trainer *t = ctx;
    size_t n = (size_t)t->config.latent;
    mnk_rng rng = mnk_rng_at(t->config.seed, MNK_PURPOSE_LATENT, i, (uint32_t)t->step);
    mnk_rng_normal_f32(&rng, t->z + i * n, n);
}

static double augment_strength(const mnk_gan_trainer *t) {
    if (mnk_gan_kimg(t) < t->config.augment_start) return 0;
    return t->config.adaptive ? t->progress.augment_p : 1;
}

void mnk_gan_draw(const mnk_gan_trainer *t, int stream, size_t pack, mnk_augment_draw *out) {
    mnk_rng rng =
        mnk_rng_at(t->config.seed, MNK_PURPOSE_AUGMENT, pack * MNK_GAN_DRAW_STREAMS + (size_t)stream, (uint32_t)t->step);
    mnk_augment_draw_at(&t->augment_kinds, t->shape.channels, t->shape.inner_h, t->shape.inner_w, augment_strength(t), &rng,
                        out);
}

/* Augments t->batch images of x into y under fresh draws of the given stream, kept in t->draws. */
static void augment(mnk_gan_trainer *t, int stream, const float *x, float *y) {
    for (size_t j = 0; j < t->packs; j++) mnk_gan_draw(t, stream, j, &t->draws[j]);
    mnk_augment_forward(t->augment, t->draws, t->batch, (int)t->config.pack, x, y);
}

static mnk_status not_finite(const mnk_gan_trainer *t, const char *what, mnk_error *err) {
    mnk_status status = MNK_FAIL(err, MNK_ERR_FAILED, "training diverged at step %llu (%.1f kimg): %s is not finite",
                                 (unsigned long long)t->step, mnk_gan_kimg(t), what);
    mnk_error_hint(err, "lower --rate-d and --rate-g, or keep --spectral; --resume goes on from the last good checkpoint");
    return status;
}

static double smooth(double average, double value, uint64_t step) {
    double keep = step < 50 ? (double)step / (double)(step + 1) : 0.98;
    return keep * average + (1 - keep) * value;
}

/* Share of signs the controller watches: +1 where the discriminator is right about a real pack. */
static void adapt(mnk_gan_trainer *t) {
    const float *on_real = t->logit, *on_fake = t->logit + t->packs;
    mnk_gan_progress *p = &t->progress;
    for (size_t j = 0; j < t->packs; j++) {
        float x = t->loss->pairs ? on_real[j] - on_fake[j] : on_real[j];
        p->sign_sum += x > 0 ? 1 : x < 0 ? -1 : 0;
    }
    p->sign_n += (double)t->packs;
    if ((t->step + 1) % ADAPT_STEPS) return;
    double change =
        (p->sign_sum / p->sign_n > t->config.adaptive_target ? 1 : -1) * (double)(ADAPT_STEPS * t->batch) / ADAPT_IMAGES;
    p->augment_p = fmin(1, fmax(0, p->augment_p + change));
    p->sign_sum = p->sign_n = 0;
}

/* Lazy R1/R2 (Mescheder et al. 2018; Karras et al. 2020): gamma/2 mean |d logit / d images|^2 every few steps, times that
 * number, on the images as the discriminator saw them. One call serves both: scale is per pack. */
static void add_penalty(mnk_gan_trainer *t) {
    t->penalty = 0;
    if ((t->config.r1 == 0 && t->config.r2 == 0) || t->step % (uint64_t)t->config.penalty_every) return;
    double unit = 0.5 * (double)t->config.penalty_every / (double)t->packs;
    for (size_t j = 0; j < t->packs; j++) {
        t->scale[j] = (float)(t->config.r1 * unit);
        t->scale[t->packs + j] = (float)(t->config.r2 * unit);
    }
    t->penalty = mnk_plan_gradient_penalty(t->d_both, t->d.logit, t->d.image, t->scale, NULL);
}

static void generate(mnk_gan_trainer *t) {
    mnk_gan_batches_at(t->batches, t->step, t->index, t->labels, t->pack_labels);
    memcpy(t->pack_labels + t->packs, t->pack_labels, t->packs * sizeof *t->pack_labels);
    if (!t->config.dp) mnk_parallel_for(t->batch, gather_image, t); /* private runs choose real images otherwise */
    mnk_parallel_for(t->batch, draw_latent, t);
    mnk_plan_refresh(t->g_train, false);
    mnk_plan_put(t->g_train, t->g.z, t->z);
    mnk_plan_put_labels(t->g_train, t->g.labels, t->labels);
    mnk_plan_forward(t->g_train, NULL);
    mnk_plan_get(t->g_train, t->g.image, t->fake);
}

/* The whole gradient of a step into dp->g. */
static mnk_status gradient(mnk_gan_trainer *t, bool dry, mnk_error *err) {
    augment(t, MNK_GAN_DRAW_REAL, t->real, t->pair);
    augment(t, MNK_GAN_DRAW_FAKE, t->fake, t->pair + t->batch * t->volume);
    mnk_plan_refresh(t->d_both, !dry);
    mnk_plan_put(t->d_both, t->d.image, t->pair);
    mnk_plan_put_labels(t->d_both, t->d.labels, t->pack_labels);
    mnk_plan_forward(t->d_both, NULL);
    mnk_plan_get(t->d_both, t->d.logit, t->logit);
    t->d_loss =
        t->loss->discriminator(t->logit, t->logit + t->packs, t->packs, t->logit_gradient, t->logit_gradient + t->packs);
    mnk_plan_put_grad(t->d_both, t->d.logit, t->logit_gradient);
    mnk_plan_backward(t->d_both, t->d.logit, MNK_BACK_WEIGHTS);
    add_penalty(t);
    (void)err;
    return MNK_OK;
}

/* The same in a private run: real packs through the clipping, generated ones, which are nobody's data, as ever. The loss that
 * is shown is that of generated images. */
static mnk_status private_gradient(mnk_gan_trainer *t, bool dry, mnk_error *err) {
    MNK_TRY(mnk_gan_private_gradient(t, dry, err));
    augment(t, MNK_GAN_DRAW_FAKE, t->fake, t->pair);
    mnk_plan_refresh(t->d_one, false);
    mnk_plan_put(t->d_one, t->d.image, t->pair);
    mnk_plan_put_labels(t->d_one, t->d.labels, t->pack_labels);
    mnk_plan_forward(t->d_one, NULL);
    mnk_plan_get(t->d_one, t->d.logit, t->logit + t->packs);
    for (size_t j = 0; j < t->packs; j++) t->logit[j] = MNK_GAN_CERTAIN;
    t->d_loss =
        t->loss->discriminator(t->logit, t->logit + t->packs, t->packs, t->logit_gradient, t->logit_gradient + t->packs);
    mnk_plan_put_grad(t->d_one, t->d.logit, t->logit_gradient + t->packs);
    mnk_plan_backward(t->d_one, t->d.logit, MNK_BACK_WEIGHTS | MNK_BACK_ACCUMULATE);
    return MNK_OK;
}

static mnk_status step_discriminator(mnk_gan_trainer *t, bool dry, mnk_error *err) {
    MNK_TRY((t->config.dp ? private_gradient : gradient)(t, dry, err));
    if (!isfinite(t->d_loss)) return not_finite(t, "the discriminator's loss", err);
    if (!isfinite(t->penalty) || !isfinite(mnk_params_gradient_norm(t->dp)))
        return not_finite(t, "the discriminator's gradient", err);
    if (dry) return MNK_OK;
    mnk_adam adam = {t->config.rate_d, t->config.beta1, t->config.beta2, 1e-8, 0, 0};
    mnk_params_adam(t->dp, &adam);
    if (t->config.adaptive) adapt(t);
    return MNK_OK;
}

static void update_generator(mnk_gan_trainer *t) {
    /* the average starts short, so that the first random weights are soon forgotten */
    double warm = (double)(1 + t->step) / (double)(10 + t->step);
    double decay = t->config.ema < warm ? t->config.ema : warm;
    mnk_adam adam = {t->config.rate_g, t->config.beta1, t->config.beta2, 1e-8, 0, decay};
    mnk_params_adam(t->gp, &adam);
    if (decay == 0) memcpy(t->gp->average, t->gp->w, t->gp->n * sizeof *t->gp->w);
}

/* The generator is judged on the images the discriminator has just learnt from, augmented anew: one generator pass a step
 * instead of two. */
static mnk_status step_generator(mnk_gan_trainer *t, bool dry, mnk_error *err) {
    mnk_plan_refresh(t->d_one, false);
    mnk_plan_put_labels(t->d_one, t->d.labels, t->pack_labels);
    float *on_real = t->logit, *on_fake = t->logit + t->packs;
    if (t->loss->pairs) {
        augment(t, MNK_GAN_DRAW_GENERATOR_REAL, t->real, t->pair);
        mnk_plan_put(t->d_one, t->d.image, t->pair);
        mnk_plan_forward(t->d_one, NULL);
        mnk_plan_get(t->d_one, t->d.logit, on_real);
    }
    augment(t, MNK_GAN_DRAW_GENERATOR_FAKE, t->fake, t->pair);
    mnk_plan_put(t->d_one, t->d.image, t->pair);
    mnk_plan_forward(t->d_one, NULL);
    mnk_plan_get(t->d_one, t->d.logit, on_fake);
    t->g_loss = t->loss->generator(t->loss->pairs ? on_real : NULL, on_fake, t->packs, t->logit_gradient);
    mnk_plan_put_grad(t->d_one, t->d.logit, t->logit_gradient);
    mnk_plan_backward(t->d_one, t->d.logit, MNK_BACK_INPUTS);
    mnk_plan_get_grad(t->d_one, t->d.image, t->pair);
    mnk_augment_backward(t->augment, t->draws, t->batch, (int)t->config.pack, t->fake, t->pair, t->gradient);
    mnk_plan_put_grad(t->g_train, t->g.image, t->gradient);
    mnk_plan_backward(t->g_train, t->g.image, MNK_BACK_WEIGHTS);
    if (!isfinite(t->g_loss)) return not_finite(t, "the generator's loss", err);
    if (!isfinite(mnk_params_gradient_norm(t->gp))) return not_finite(t, "the generator's gradient", err);
    if (!dry) update_generator(t);
    return MNK_OK;
}

mnk_status mnk_gan_step(mnk_gan_trainer *t, bool dry, mnk_error *err) {
    generate(t);
    MNK_TRY(step_discriminator(t, dry, err));
    MNK_TRY(step_generator(t, dry, err));
    if (dry) return MNK_OK;
    t->progress.d_smooth = smooth(t->progress.d_smooth, t->d_loss, t->step);
    t->progress.g_smooth = smooth(t->progress.g_smooth, t->g_loss, t->step);
    t->step++;
    t->progress.step = (double)t->step;
    return MNK_OK;
}
