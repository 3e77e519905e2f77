#include "learn/gan/trainer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "learn/gan/private_step.h"

enum { G_STREAM = 1, D_STREAM = 2 }; /* of MNK_PURPOSE_INIT */
#define POWER_ITERATIONS 20

double mnk_gan_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double mnk_gan_step_time(const mnk_gan_trainer *t) {
    size_t size = sizeof t->step_seconds / sizeof *t->step_seconds, n = t->timed < size ? t->timed : size;
    double sorted[sizeof t->step_seconds / sizeof *t->step_seconds];
    if (n == 0) return 0;
    memcpy(sorted, t->step_seconds, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_value);
    return sorted[n / 2];
}

/* OUT.safetensors -> OUT.run, anything else -> NAME.run */
static mnk_status make_paths(mnk_gan_trainer *t, const char *model_path, mnk_error *err) {
    size_t n = strlen(model_path), end = strcmp(mnk_path_ext(model_path), ".safetensors") == 0 ? n - strlen(".safetensors") : n;
    MNK_TRY(MNK_NEW(t->model_path, n + 1, err));
    MNK_TRY(MNK_NEW(t->run_dir, end + 8, err));
    MNK_TRY(MNK_NEW(t->checkpoint_path, end + 64, err));
    MNK_TRY(MNK_NEW(t->events_path, end + 64, err));
    memcpy(t->model_path, model_path, n + 1);
    snprintf(t->run_dir, end + 8, "%.*s.run", (int)end, model_path);
    snprintf(t->checkpoint_path, end + 64, "%s/checkpoint.safetensors", t->run_dir);
    snprintf(t->events_path, end + 64, "%s/events.jsonl", t->run_dir);
    return MNK_OK;
}

typedef struct plan_row {
    mnk_plan **out;
    const mnk_net *net;
    mnk_params *params;
    int batch;
    unsigned flags;
} plan_row;

static int plan_rows(mnk_gan_trainer *t, plan_row rows[5]) {
    const bool dp = t->config.dp;
    unsigned tangent = t->config.r1 > 0 || t->config.r2 > 0 ? MNK_PLAN_TANGENT | MNK_PLAN_INPUT_GRAD : 0;
    int batch = (int)t->batch, packs = (int)t->packs, n = 0;
    rows[n++] = (plan_row){&t->g_train, t->g.net, t->gp, batch, MNK_PLAN_TRAIN};
    if (dp) rows[n++] = (plan_row){&t->d_private, t->d.net, t->dp, (int)t->part, MNK_PLAN_PRIVATE};
    else rows[n++] = (plan_row){&t->d_both, t->d.net, t->dp, 2 * packs, MNK_PLAN_TRAIN | tangent};
    rows[n++] = (plan_row){&t->d_one, t->d.net, t->dp, packs, MNK_PLAN_TRAIN | MNK_PLAN_INPUT_GRAD};
    rows[n++] = (plan_row){&t->g_statistics, t->g.net, t->gp, batch, MNK_PLAN_TRAIN | MNK_PLAN_AVERAGE};
    rows[n++] = (plan_row){&t->g_average, t->g.net, t->gp, batch, MNK_PLAN_AVERAGE};
    return n;
}

static mnk_status require_memory(mnk_gan_trainer *t, mnk_error *err) {
    plan_row rows[5];
    size_t need = 0;
    for (int i = 0, n = plan_rows(t, rows); i < n; i++)
        need += mnk_plan_bytes(rows[i].net, rows[i].batch, t->backend, rows[i].flags);
    need += 5 * t->batch * t->volume * sizeof(float) + mnk_augment_bytes(t->shape.channels, t->shape.inner_h, t->shape.inner_w);
    need += 2 * t->volume * sizeof(double) + t->data->n * 2 * sizeof(size_t);
    if (t->config.dp) need += 3 * t->data->n * sizeof(size_t);
    else need += mnk_gan_likeness_bytes(t->data->n, &t->shape);
    t->planned_bytes = need;
    mnk_status status = mnk_memory_require(need, "GAN training", err);
    if (status != MNK_OK) mnk_error_hint(err, "lower --batch, --width or --size");
    return status;
}

static mnk_status make_buffers(mnk_gan_trainer *t, mnk_error *err) {
    MNK_TRY(MNK_NEW_ALIGNED(t->z, t->batch * (size_t)t->config.latent, err));
    MNK_TRY(MNK_NEW_ALIGNED(t->real, t->batch * t->volume, err));
    MNK_TRY(MNK_NEW_ALIGNED(t->fake, t->batch * t->volume, err));
    MNK_TRY(MNK_NEW_ALIGNED(t->pair, 2 * t->batch * t->volume, err));
    MNK_TRY(MNK_NEW_ALIGNED(t->gradient, t->batch * t->volume, err));
    MNK_TRY(MNK_NEW(t->logit, 2 * t->packs, err));
    MNK_TRY(MNK_NEW(t->logit_gradient, 2 * t->packs, err));
    MNK_TRY(MNK_NEW(t->scale, 2 * t->packs, err));
    MNK_TRY(MNK_NEW(t->index, t->batch, err));
    MNK_TRY(MNK_NEW(t->labels, t->batch, err));
    MNK_TRY(MNK_NEW(t->pack_labels, 2 * t->packs, err));
    MNK_TRY(MNK_NEW(t->draws, t->packs, err));
    MNK_TRY(MNK_NEW(t->train_spread, (size_t)t->shape.classes, err));
    MNK_TRY(MNK_NEW(t->variety, (size_t)t->shape.classes, err));
    MNK_TRY(MNK_NEW(t->unlikeness, (size_t)t->shape.classes, err));
    MNK_TRY(MNK_NEW(t->state_copy, t->gp->n_state + 1, err));
    MNK_TRY(MNK_NEW(t->best_average, t->gp->n + 1, err));
    MNK_TRY(MNK_NEW(t->best_state, t->gp->n_state + 1, err));
    MNK_TRY(MNK_NEW(t->swapped, t->gp->n + t->gp->n_state + 1, err));
    if (!t->config.dp) return MNK_OK;
    MNK_TRY(MNK_NEW(t->first_units, t->packs, err));
    for (size_t j = 0; j < t->packs; j++) t->first_units[j] = (uint32_t)j;
    MNK_TRY(MNK_NEW(t->norms2, t->part, err));
    return MNK_OK;
}

static mnk_status make_networks(mnk_gan_trainer *t, mnk_error *err) {
    MNK_TRY(mnk_gan_generator_open(&t->config, &t->shape, &t->g, err));
    MNK_TRY(mnk_gan_judge_open(&t->config, &t->shape, &t->d, err));
    static const char *const names[] = {"auto", "reference", "onednn"};
    t->backend = mnk_backend_find(names[t->config.backend]);
    if (!t->backend) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "--backend %s: not in this build", names[t->config.backend]);
        mnk_error_hint(err, "manikin doctor says how to turn it on");
        return status;
    }
    MNK_TRY(require_memory(t, err));
    MNK_TRY(mnk_params_open(t->g.net, MNK_INIT_NORMAL_002, t->config.seed, G_STREAM, &t->gp, err));
    MNK_TRY(mnk_params_open(t->d.net, MNK_INIT_HE, t->config.seed, D_STREAM, &t->dp, err));
    plan_row rows[5];
    for (int i = 0, n = plan_rows(t, rows); i < n; i++)
        MNK_TRY(mnk_plan_open(rows[i].net, rows[i].params, rows[i].batch, t->backend, rows[i].flags, rows[i].out, err));
    /* random start vectors say nothing of the largest singular value: let the power iterations settle before step 1 */
    for (int i = 0; i < POWER_ITERATIONS; i++) mnk_plan_refresh(t->config.dp ? t->d_private : t->d_both, true);
    return MNK_OK;
}

static uint64_t steps_of_kimg(const mnk_gan_config *config, double kimg) {
    double steps = kimg * 1000 / (double)config->batch + 0.5;
    return steps < 1 ? 1 : (uint64_t)steps;
}

/* Which classes generated packs have. In a private run not those of the images, whose numbers are nobody's business, but every
 * class in turn; where packs make the sizes of the classes public, those that have packs. */
static mnk_status open_batches(mnk_gan_trainer *t, mnk_error *err) {
    const mnk_gan_units *u = &t->units;
    if (!t->config.dp) return mnk_gan_batches_open(t->data->label, t->data->n, t->shape.classes, &t->config, &t->batches, err);
    size_t n = u->pack > 1 ? u->n * u->pack : (size_t)t->shape.classes;
    int32_t *label;
    MNK_TRY(MNK_NEW(label, n, err));
    for (size_t i = 0; i < n; i++)
        label[i] = u->pack > 1 ? t->data->label[mnk_gan_units_image(u, i / u->pack, 0, 0)] : (int32_t)i;
    mnk_status status = mnk_gan_batches_open(label, n, t->shape.classes, &t->config, &t->batches, err);
    mnk_free(label);
    return status;
}

/* Parts of a quarter of the expected batch: about an eighth of the work is on free places. */
static mnk_status open_units(mnk_gan_trainer *t, mnk_error *err) {
    if (!t->config.dp) return MNK_OK;
    t->part = t->packs < 4 ? 1 : t->packs / 4;
    MNK_TRY(mnk_gan_units_open(t->data, (size_t)t->config.pack, t->config.seed, &t->units, err));
    if (t->units.n > t->packs) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: %zu pack%s of %zu persons: too few for private steps of %zu packs",
                                 t->data->source, t->units.n, t->units.n == 1 ? "" : "s", t->units.pack, t->packs);
    mnk_error_hint(err, "lower --batch or --pack, or train on more persons: the more there are, the less one of them matters");
    return status;
}

static mnk_status fill(mnk_gan_trainer *t, const char *model_path, mnk_error *err) {
    mnk_gan_config *c = &t->config;
    MNK_TRY(mnk_gan_config_check(c, err));
    if (c->dp) c->adaptive = false, c->keep = MNK_GAN_KEEP_LAST; /* both look at training images */
    MNK_TRY(mnk_gan_shape_of(t->data->height, t->data->width, t->data->channels, t->data->classes, &t->shape, err));
    MNK_TRY(mnk_augment_parse(c->augment, &t->augment_kinds, err));
    MNK_TRY(make_paths(t, model_path, err));
    mnk_text json = {0};
    if (!mnk_gan_config_json(c, &json)) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: settings");
    t->options_json = json.s;
    t->loss = &mnk_gan_losses[c->loss];
    t->batch = (size_t)c->batch, t->packs = (size_t)(c->batch / c->pack);
    t->volume = (size_t)t->shape.channels * (size_t)t->shape.inner_h * (size_t)t->shape.inner_w;
    t->total = mnk_gan_total_steps(c, t->data->n);
    t->log_steps = steps_of_kimg(c, c->log_every), t->snapshot_steps = steps_of_kimg(c, c->snapshot_every);
    MNK_TRY(open_units(t, err));
    MNK_TRY(make_networks(t, err));
    MNK_TRY(make_buffers(t, err));
    MNK_TRY(open_batches(t, err));
    return mnk_augment_open(&t->augment_kinds, t->shape.channels, t->shape.inner_h, t->shape.inner_w, &t->augment, err);
}

mnk_status mnk_gan_trainer_open(const mnk_images *data, const mnk_gan_config *config, const char *model_path,
                                const mnk_observer *observer, mnk_gan_trainer **out, mnk_error *err) {
    mnk_gan_trainer *t;
    *out = NULL;
    MNK_TRY(MNK_NEW(t, 1, err));
    t->data = data, t->config = *config, t->observer = observer;
    mnk_status status = fill(t, model_path, err);
    if (status == MNK_OK) *out = t;
    else mnk_gan_trainer_close(t);
    return status;
}

void mnk_gan_trainer_close(mnk_gan_trainer *t) {
    if (!t) return;
    if (t->events) fclose(t->events);
    mnk_augment_close(t->augment);
    mnk_gan_likeness_close(t->likeness);
    mnk_gan_batches_close(t->batches);
    mnk_gan_units_close(&t->units);
    mnk_gan_private_close(t);
    mnk_plan *plans[] = {t->g_train, t->d_both, t->d_private, t->d_one, t->g_statistics, t->g_average};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) mnk_plan_close(plans[i]);
    mnk_params_close(t->gp);
    mnk_params_close(t->dp);
    mnk_net_close(t->g.net);
    mnk_net_close(t->d.net);
    void *blocks[] = {t->model_path,
                      t->run_dir,
                      t->checkpoint_path,
                      t->events_path,
                      t->z,
                      t->real,
                      t->fake,
                      t->pair,
                      t->gradient,
                      t->logit,
                      t->logit_gradient,
                      t->scale,
                      t->index,
                      t->labels,
                      t->pack_labels,
                      t->draws,
                      t->train_spread,
                      t->variety,
                      t->state_copy,
                      t->unlikeness,
                      t->best_average,
                      t->best_state,
                      t->swapped,
                      t->norms2,
                      t->first_units,
                      t->canary_memory};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) mnk_free(blocks[i]);
    mnk_text json = {.s = t->options_json};
    mnk_text_clear(&json);
    mnk_free(t);
}
