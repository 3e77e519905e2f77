/* Each step takes a Poisson batch of packs. It goes through a plan of fixed size in parts; free places of the last part have
 * weight 0. What a pack is made of (images, augmentation) depends on the pack's number and the step, never on its place in
 * the batch: a person who is not there changes no other's gradient. */
#include "learn/gan/private_step.h"

#include <stdio.h>
#include <string.h>

#include "base/parallel.h"

typedef struct part_of_batch {
    mnk_gan_trainer *t;
    const uint32_t *unit;
    size_t n;
} part_of_batch;

static void gather_unit(void *ctx, size_t j) {
    const part_of_batch *part = ctx;
    mnk_gan_trainer *t = part->t;
    for (size_t k = 0; k < t->units.pack; k++) {
        size_t image = mnk_gan_units_image(&t->units, part->unit[j], k, t->step);
        mnk_gan_inner_image(t->data, &t->shape, image, t->real + (j * t->units.pack + k) * t->volume);
        if (k == 0) t->pack_labels[t->packs + j] = t->data->label[image];
    }
    mnk_gan_draw(t, MNK_GAN_DRAW_REAL, part->unit[j], &t->draws[j]);
}

/* Logits of the part, and for each pack the slope of its own loss. */
static void judge(mnk_gan_trainer *t) {
    float *slope = t->logit_gradient, *fake = t->logit + t->packs;
    mnk_augment_forward(t->augment, t->draws, t->part * t->units.pack, (int)t->units.pack, t->real, t->pair);
    mnk_plan_put(t->d_private, t->d.image, t->pair);
    mnk_plan_put_labels(t->d_private, t->d.labels, t->pack_labels + t->packs);
    mnk_plan_forward(t->d_private, NULL);
    mnk_plan_get(t->d_private, t->d.logit, t->logit);
    for (size_t j = 0; j < t->part; j++) fake[j] = -MNK_GAN_CERTAIN;
    t->loss->discriminator(t->logit, fake, t->part, slope, slope + t->packs); /* of the mean */
    for (size_t j = 0; j < t->part; j++) slope[j] *= (float)t->part;
    mnk_plan_put_grad(t->d_private, t->d.logit, slope);
}

/* One part: its packs' clipped gradients onto dp->g. */
static void add_part(mnk_gan_trainer *t, const uint32_t *unit, size_t n, bool dry) {
    part_of_batch part = {t, unit, n};
    mnk_parallel_for(n, gather_unit, &part);
    judge(t);
    mnk_plan_sample_norms(t->d_private, t->d.logit, t->norms2);
    if (dry) memset(t->scale, 0, t->part * sizeof *t->scale);
    else mnk_private_sgd_clip(t->private, t->norms2, n, t->part, t->scale);
    mnk_plan_weighted_gradient(t->d_private, t->d.logit, t->scale, true);
}

static void add_batch(mnk_gan_trainer *t, const uint32_t *unit, size_t n, bool dry) {
    mnk_params_zero_gradient(t->dp); /* an empty batch is a step like any other: noise alone */
    for (size_t at = 0; at < n; at += t->part) add_part(t, unit + at, n - at < t->part ? n - at : t->part, dry);
}

mnk_status mnk_gan_private_gradient(mnk_gan_trainer *t, bool dry, mnk_error *err) {
    const uint32_t *unit;
    size_t n;
    mnk_plan_refresh(t->d_private, !dry);
    if (dry) {
        add_batch(t, t->first_units, t->packs, true);
        return MNK_OK;
    }
    MNK_TRY(mnk_private_sgd_batch(t->private, &unit, &n, err));
    add_batch(t, unit, n, false);
    MNK_TRY(mnk_private_sgd_finish(t->private, &(mnk_gradient_part){t->dp->g, t->dp->n}, 1, err));
    mnk_plan_private_settle(t->d_private);
    return MNK_OK;
}

/* ---- before and after ---- */

static mnk_status open_ledger(mnk_gan_trainer *t, mnk_error *err) {
    const bool packs = t->units.pack > 1;
    char facts[256];
    snprintf(facts, sizeof facts, "image size, classes, the number of persons%s; one image a person and step%s",
             packs ? " of each class" : "", t->data->group ? "" : " (every image is a person)");
    mnk_ledger_setup setup = {.neighbours = packs ? MNK_REPLACE_ONE : MNK_ADD_REMOVE,
                              .generator = "gan",
                              .data_hash = *t->data->hash ? t->data->hash : NULL,
                              .public_facts = facts};
    MNK_TRY(mnk_private_ledger_open(&t->target, t->model_path, &setup, t->config.seed, t->observer, &t->ledger, err));
    if (!t->config.resume) return MNK_OK;
    if (*t->ledger_head) return mnk_ledger_check_head(mnk_ledger_state(t->ledger), t->ledger_head, err);
    return MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: it does not say which ledger it belongs to", t->checkpoint_path);
}

/* With packs the sizes of the classes are public. */
static void warn_of_small_classes(const mnk_gan_trainer *t) {
    const mnk_gan_units *u = &t->units;
    for (int c = 0; u->pack > 1 && c < t->shape.classes; c++) {
        bool has = false;
        for (size_t j = 0; j < u->n && !has; j++) has = t->data->label[mnk_gan_units_image(u, j, 0, 0)] == c;
        if (!has)
            mnk_observe_log(
                t->observer, MNK_LOG_WARNING,
                "class \"%s\" has fewer than %zu persons, not one pack: it takes no part, and what the model makes of "
                "it means nothing",
                t->data->class_names[c], u->pack);
    }
}

static void announce(const mnk_gan_trainer *t) {
    const mnk_gan_units *u = &t->units;
    if (!t->data->group)
        mnk_observe_log(t->observer, MNK_LOG_WARNING,
                        "nothing says whose an image is: every image is protected as a person of its own. If a person may have "
                        "several images, name the column with --group-column");
    if (t->config.init_from)
        mnk_observe_log(t->observer, MNK_LOG_WARNING,
                        "the guarantee is that of this run: %s must not have been trained on these persons without one",
                        t->config.init_from);
    if (u->pack > 1)
        mnk_observe_log(
            t->observer, MNK_LOG_INFO,
            "privacy    a person replaced by another of the same class; %zu packs of %zu, %zu of %zu persons in them", u->n,
            u->pack, u->n * u->pack, u->persons);
    else mnk_observe_log(t->observer, MNK_LOG_INFO, "privacy    a person more or less; %zu persons", u->persons);
    warn_of_small_classes(t);
    mnk_observe_log(t->observer, MNK_LOG_INFO,
                    "privacy    no adaptive augmentation, the last weights are kept: both look at training images otherwise");
}

mnk_status mnk_gan_private_open(mnk_gan_trainer *t, mnk_error *err) {
    const mnk_gan_config *c = &t->config;
    t->target = (mnk_private_target){c->epsilon, c->delta, c->resume, c->reproducible_noise};
    t->sgd = (mnk_private_sgd_config){c->clip, c->canaries};
    MNK_TRY(mnk_private_target_check(&t->target, t->units.persons, err));
    MNK_TRY(open_ledger(t, err));
    announce(t);
    if (t->step >= t->total) return MNK_OK; /* a continuation with nothing left to train */
    mnk_private_sgd_setup setup = {.target = &t->target,
                                   .config = &t->sgd,
                                   .neighbours = t->units.pack > 1 ? MNK_REPLACE_ONE : MNK_ADD_REMOVE,
                                   .units = t->units.n,
                                   .batch = (double)t->packs,
                                   .steps = t->total - t->step,
                                   .n = t->dp->n,
                                   .ledger = t->ledger,
                                   .seed = c->seed,
                                   .observer = t->observer};
    mnk_status status = mnk_private_sgd_open(&setup, &t->private, err);
    if (status == MNK_ERR_INPUT && c->resume && err) err->hint[0] = '\0';
    if (status == MNK_ERR_INPUT && c->resume)
        mnk_error_hint(
            err, "--resume --kimg %.9g writes the model of the checkpoint as it is; more training wants a larger --epsilon",
            mnk_gan_kimg(t));
    MNK_TRY(status);
    size_t n;
    double *memory = mnk_private_sgd_memory(t->private, &n);
    if (c->resume && n != t->n_canary_memory)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: its canaries are missing", t->checkpoint_path);
    if (c->resume && n) memcpy(memory, t->canary_memory, n * sizeof *memory);
    return MNK_OK;
}

void mnk_gan_private_close(mnk_gan_trainer *t) {
    mnk_private_sgd_close(t->private);
    mnk_ledger_close(t->ledger);
}

const char *mnk_gan_private_head(const mnk_gan_trainer *t) { return mnk_ledger_head(mnk_ledger_state(t->ledger)); }

mnk_status mnk_gan_private_state(const mnk_gan_trainer *t, char *line, size_t size, mnk_text *block, mnk_error *err) {
    mnk_json j = {.text = block, .compact = true};
    mnk_guarantee g;
    mnk_json_object(&j, NULL);
    if (t->private) {
        MNK_TRY(mnk_private_sgd_state(t->private, &j, line, size, err));
    } else {
        MNK_TRY(mnk_private_guarantee(&t->target, t->ledger, &g, err));
        mnk_private_write(&t->target, &g, &j);
        mnk_ledger_emit(mnk_ledger_state(t->ledger), &j, "ledger");
        mnk_private_line(&g, t->ledger, line, size);
    }
    mnk_json_end_object(&j);
    return block->failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: metadata") : MNK_OK;
}

mnk_status mnk_gan_private_bind(mnk_gan_trainer *t, mnk_error *err) {
    return mnk_ledger_bind_model(t->ledger, t->model_path, err);
}
