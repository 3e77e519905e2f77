#include "learn/classifier/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/classifier/augment.h"
#include "learn/classifier/model.h"

enum { SLOTS = 64, STREAM = 7 }; /* images a pass; of the random numbers, apart from the other trainings' */

typedef struct trainer {
    const mnk_images *images;
    const mnk_classifier_config *config;
    mnk_classifier *c;
    mnk_private_sgd *sgd;
    mnk_ledger *ledger;
    mnk_plan *plan;
    size_t persons, *first, *row; /* [persons + 1], [n]: the images of person p are row[first[p]] … row[first[p+1] - 1] */
    size_t steps, pixels, step;
    const uint32_t *person; /* of this pass */
    float *planes, *scratch, *logits, *grad, *weight;
    int32_t *label;
    double *norms2;
} trainer;

mnk_status mnk_classifier_private_check(const mnk_classifier_private *private, mnk_error *err) {
    const mnk_private_target *t = &private->target;
    if (private->on || (t->epsilon == 0 && t->delta == 0 && !t->resume && !t->reproducible && private->sgd.canaries == 0))
        return MNK_OK;
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_USAGE, "options of private training without --dp: the model would not be private");
    mnk_error_hint(err, "add --dp, or leave them out");
    return status;
}

/* ---- persons ---- */

typedef struct owned {
    int32_t group;
    size_t row;
} owned;

static int by_owner(const void *a, const void *b) {
    const owned *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static mnk_status list_persons(trainer *t, mnk_error *err) {
    const mnk_images *d = t->images;
    owned *own;
    MNK_TRY(MNK_NEW(t->first, d->n + 1, err));
    MNK_TRY(MNK_NEW(t->row, d->n, err));
    MNK_TRY(MNK_NEW(own, d->n, err));
    for (size_t i = 0; i < d->n; i++) own[i] = (owned){d->group ? d->group[i] : -1, i};
    qsort(own, d->n, sizeof *own, by_owner);
    for (size_t i = 0; i < d->n; i++) {
        if (i == 0 || own[i].group < 0 || own[i].group != own[i - 1].group) t->first[t->persons++] = i;
        t->row[i] = own[i].row;
    }
    t->first[t->persons] = d->n;
    mnk_free(own);
    return MNK_OK;
}

/* ---- a step ---- */

/* One of the person's images, another one each step, seen as augmentation makes it. */
static void fill_slot(void *ctx, size_t i) {
    trainer *t = ctx;
    const size_t p = t->person[i], images = t->first[p + 1] - t->first[p];
    mnk_rng rng = mnk_rng_at(t->config->seed, MNK_PURPOSE_AUGMENT, (uint64_t)STREAM << 32 | p, (uint32_t)t->step);
    const size_t row = t->row[t->first[p] + (images > 1 ? mnk_rng_below(&rng, (uint32_t)images) : 0)];
    float *out = t->planes + i * t->pixels, *raw = t->config->augment ? t->scratch + i * t->pixels : out;
    const mnk_images *d = t->images;
    mnk_images_f32(d, row, raw);
    if (t->config->augment) mnk_classifier_augment(t->config, raw, out, d->channels, d->height, d->width, &rng);
    t->label[i] = d->label[row];
}

/* Adds the clipped gradients of up to SLOTS persons of the batch, from the first on. */
static void pass(trainer *t, const uint32_t *batch, size_t first, size_t n) {
    const size_t classes = (size_t)t->c->summary.classes;
    const mnk_rng dropout = mnk_rng_at(t->config->seed, MNK_PURPOSE_DROPOUT, first, (uint32_t)t->step);
    t->person = batch + first;
    memset(t->grad, 0, SLOTS * classes * sizeof *t->grad);
    mnk_parallel_for(n, fill_slot, t);
    mnk_plan_put(t->plan, t->c->input, t->planes);
    mnk_plan_forward(t->plan, t->config->dropout > 0 ? &dropout : NULL);
    mnk_plan_get(t->plan, t->c->logits, t->logits);
    for (size_t i = 0; i < n; i++)
        mnk_classifier_cross_entropy(t->c, t->logits + i * classes, t->label[i], t->config->label_smoothing, 1,
                                     t->grad + i * classes);
    mnk_plan_put_grad(t->plan, t->c->logits, t->grad);
    mnk_plan_sample_norms(t->plan, t->c->logits, t->norms2);
    mnk_private_sgd_clip(t->sgd, t->norms2, n, SLOTS, t->weight);
    mnk_plan_weighted_gradient(t->plan, t->c->logits, t->weight, true);
}

static mnk_status take_step(trainer *t, mnk_error *err) {
    const uint32_t *person;
    size_t n;
    mnk_params *params = t->c->params;
    MNK_TRY(mnk_private_sgd_batch(t->sgd, &person, &n, err));
    mnk_params_zero_gradient(params);
    mnk_plan_refresh(t->plan, true);
    for (size_t first = 0; first < n; first += SLOTS) pass(t, person, first, n - first < SLOTS ? n - first : SLOTS);
    MNK_TRY(mnk_private_sgd_finish(t->sgd, &(mnk_gradient_part){params->g, params->n}, 1, err));
    mnk_plan_private_settle(t->plan);
    const mnk_adam adam = {.rate = mnk_classifier_one_cycle(t->config->rate, t->step, t->steps),
                           .beta1 = 0.9,
                           .beta2 = 0.99,
                           .epsilon = 1e-8,
                           .weight_decay = t->config->weight_decay};
    mnk_params_adam(params, &adam);
    return MNK_OK;
}

static mnk_status loop(trainer *t, const mnk_observer *observer, mnk_error *err) {
    for (t->step = 0; t->step < t->steps; t->step++) {
        if (mnk_observe_stopped(observer))
            return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped at step %zu; what was charged stays in the ledger", t->step);
        MNK_TRY(take_step(t, err));
        mnk_observe_progress(observer, "step", (double)(t->step + 1), (double)t->steps, "");
    }
    mnk_plan_refresh(t->c->plan, false);
    t->c->summary.steps = t->c->summary.best_step = t->steps;
    return MNK_OK;
}

/* ---- opening ---- */

static mnk_status open_network(trainer *t, int32_t *map, mnk_error *err) {
    const mnk_images *d = t->images;
    size_t *row;
    MNK_TRY(MNK_NEW(row, d->n, err));
    for (size_t i = 0; i < d->n; i++) row[i] = i;
    const mnk_classifier_source source = {.images = d, .row = row, .n = d->n, .map = map, .share = 1};
    const mnk_classifier_job job = {
        .classes = d->classes, .class_names = (const char *const *)d->class_names, .source = &source, .sources = 1};
    mnk_status status = mnk_classifier_prepare(&job, t->config, MNK_NORM_GROUP, &t->c, err);
    mnk_free(row);
    if (status != MNK_OK) return status;
    t->c->summary.train_n = t->persons; /* the public number; how many images they have is not */
    return MNK_OK;
}

static mnk_status open_plan(trainer *t, mnk_error *err) {
    const char *name = mnk_classifier_backend_name(t->config);
    const mnk_backend *kernels = mnk_backend_find(name);
    const size_t classes = (size_t)t->c->summary.classes;
    t->pixels = (size_t)t->images->channels * (size_t)t->images->height * (size_t)t->images->width;
    MNK_TRY(mnk_classifier_plan(t->c, name, err)); /* also checks the backend */
    size_t need = mnk_plan_bytes(t->c->net, SLOTS, kernels, MNK_PLAN_PRIVATE) + 3 * SLOTS * t->pixels * sizeof(float);
    MNK_TRY(mnk_memory_require(need, "training the classifier", err));
    MNK_TRY(mnk_plan_open(t->c->net, t->c->params, SLOTS, kernels, MNK_PLAN_PRIVATE, &t->plan, err));
    MNK_TRY(MNK_NEW_ALIGNED(t->planes, SLOTS * t->pixels, err));
    MNK_TRY(MNK_NEW_ALIGNED(t->scratch, SLOTS * t->pixels, err));
    MNK_TRY(MNK_NEW_ALIGNED(t->logits, SLOTS * classes, err));
    MNK_TRY(MNK_NEW_ALIGNED(t->grad, SLOTS * classes, err));
    MNK_TRY(MNK_NEW(t->weight, SLOTS, err));
    MNK_TRY(MNK_NEW(t->label, SLOTS, err));
    return MNK_NEW(t->norms2, SLOTS, err);
}

static mnk_status open_privacy(trainer *t, const mnk_classifier_private *private, const char *path,
                               const mnk_observer *observer, mnk_error *err) {
    const mnk_ledger_setup setup = {.neighbours = MNK_ADD_REMOVE,
                                    .generator = "classifier",
                                    .data_hash = *t->images->hash ? t->images->hash : NULL,
                                    .public_facts =
                                        "classes, form of the images and number of persons; one image a person and step",
                                    .people = t->persons};
    MNK_TRY(mnk_private_ledger_open(&private->target, path, &setup, t->config->seed, observer, &t->ledger, err));
    if (!t->images->group)
        mnk_observe_log(observer, MNK_LOG_WARNING,
                        "nothing says whose an image is: every image is protected as a person of its own. If a person may have "
                        "several, name them (--group-column, or <split>_groups of an .npz)");
    const mnk_private_sgd_setup sgd = {.target = &private->target,
                                       .config = &private->sgd,
                                       .neighbours = MNK_ADD_REMOVE,
                                       .units = t->persons,
                                       .batch = (double)t->config->batch,
                                       .steps = t->steps,
                                       .n = t->c->params->n,
                                       .ledger = t->ledger,
                                       .seed = t->config->seed,
                                       .observer = observer};
    return mnk_private_sgd_open(&sgd, &t->sgd, err);
}

/* ---- the end ---- */

static mnk_status write_model(trainer *t, const char *path, bool force, mnk_error *err) {
    mnk_text text = {0};
    mnk_json j = {.text = &text, .compact = true};
    mnk_classifier *c = t->c;
    mnk_json_object(&j, NULL);
    mnk_status status = mnk_private_sgd_state(t->sgd, &j, c->privacy, sizeof c->privacy, err);
    mnk_json_end_object(&j);
    if (status == MNK_OK && (text.failed || !(c->privacy_block = mnk_strdup(text.s))))
        status = MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", path);
    mnk_text_clear(&text);
    if (status == MNK_OK) status = mnk_classifier_save(c, path, force, err);
    return status == MNK_OK ? mnk_ledger_bind_model(t->ledger, path, err) : status;
}

static void close_trainer(trainer *t) {
    mnk_plan_close(t->plan);
    mnk_private_sgd_close(t->sgd);
    mnk_ledger_close(t->ledger);
    mnk_free(t->first);
    mnk_free(t->row);
    mnk_free(t->planes);
    mnk_free(t->scratch);
    mnk_free(t->logits);
    mnk_free(t->grad);
    mnk_free(t->weight);
    mnk_free(t->label);
    mnk_free(t->norms2);
}

mnk_status mnk_classifier_train_private(const mnk_images *train, const mnk_classifier_config *config,
                                        const mnk_classifier_private *private, const char *path, bool force,
                                        const mnk_observer *observer, mnk_classifier **out, mnk_error *err) {
    mnk_status status = MNK_OK;
    mnk_classifier_config own = *config;
    trainer t = {.images = train, .config = &own};
    int32_t *map = NULL;
    *out = NULL;
    own.balanced = false, own.val_share = 0, own.patience = 0; /* what the model says of its training is so */
    MNK_TRY(mnk_classifier_config_check(&own, err));
    MNK_TRY(mnk_classifier_check_train(train, err));
    MNK_OUT(list_persons(&t, err));
    MNK_OUT(mnk_private_target_check(&private->target, t.persons, err));
    if ((size_t)own.batch > t.persons) { /* said before there is a ledger */
        status = MNK_FAIL(err, MNK_ERR_USAGE, "batches of %lld from %zu persons", (long long)own.batch, t.persons);
        mnk_error_hint(err, "a smaller --batch");
        goto out;
    }
    t.steps = own.steps ? (size_t)own.steps : (size_t)own.epochs * ((t.persons + (size_t)own.batch - 1) / (size_t)own.batch);
    MNK_OUT(MNK_NEW(map, (size_t)train->classes, err));
    MNK_OUT(mnk_classifier_match(train, "training images", train->classes, train->class_names, map, err));
    MNK_OUT(open_network(&t, map, err));
    MNK_OUT(open_plan(&t, err));
    MNK_OUT(open_privacy(&t, private, path, observer, err));
    MNK_OUT(loop(&t, observer, err));
    MNK_OUT(write_model(&t, path, force, err));
    *out = t.c;
    t.c = NULL;
out:
    close_trainer(&t);
    mnk_classifier_close(t.c);
    mnk_free(map);
    return status;
}
