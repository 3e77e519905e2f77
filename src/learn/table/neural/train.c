#include "learn/table/neural/train.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "learn/table/neural/private.h"

/* Fewer held-out rows than HELD_MIN judge nothing: then the learned rows do, and the log says so. DRAWN rows of a check. */
enum { HELD_MIN = 20, HELD_MAX = 2000, SETS_MAX = 4, DRAWN = 512, CHECKPOINT_CHECKS = 8 };
/* Weight of copying: on breast cancer a full one stops packs of 10 long before they have learned (docs/methods). */
#define COPYING 0.25
enum { ROLE_SPLIT = 250, ROLE_CHECK = 251 };

mnk_rng mnk_neural_rng(const mnk_neural_trainer *t, uint64_t item, unsigned role, uint64_t step) {
    return mnk_rng_at(t->context->seed, MNK_PURPOSE_TABLE_NEURAL,
                      item | (uint64_t)role << 48 | (uint64_t)t->context->stream << 56, (uint32_t)step);
}

/* ---- rows ---- */

static void unfold(const mnk_neural_trainer *t, size_t row, float *x) {
    mnk_layout_unfold(&t->model->layout, t->rows.state + row * t->rows.columns, t->rows.score + row * t->rows.columns, x);
}

static mnk_status hold_out(mnk_neural_trainer *t, mnk_error *err) {
    size_t n = t->rows.n, width = t->model->layout.width, helds = (size_t)(t->config->holdout * (double)n), *order = NULL;
    const mnk_observer *o = t->context->observer;
    mnk_status status;
    bool own = helds < HELD_MIN;
    if (helds > HELD_MAX) helds = HELD_MAX;
    t->learns = own ? n : n - helds;
    t->helds = own ? (n < HELD_MAX ? n : HELD_MAX) : helds;
    if (own)
        mnk_observe_log(o, MNK_LOG_INFO, "%zu rows are too few to hold out %g of them: the learned rows say when to stop", n,
                        t->config->holdout);
    MNK_OUT(MNK_NEW(order, n + 1, err));
    MNK_OUT(MNK_NEW(t->learn, n + 1, err));
    MNK_OUT(MNK_NEW(t->held, t->helds * width + 1, err));
    mnk_rng r = mnk_neural_rng(t, 0, ROLE_SPLIT, 0);
    mnk_rng_permutation(&r, order, n);
    for (size_t i = 0; i < t->learns; i++) t->learn[i] = (uint32_t)order[i];
    for (size_t i = 0; i < t->helds; i++) {
        size_t row = order[own ? i : t->learns + i];
        unfold(t, row, t->held + i * width);
    }
    t->held_spread = mnk_neural_spread(t->held, t->helds, width);
    if (own) goto out;
    t->sets = t->learns / t->helds < SETS_MAX ? t->learns / t->helds : SETS_MAX;
    MNK_OUT(MNK_NEW(t->seen, t->sets * t->helds * width + 1, err));
    for (size_t i = 0; i < t->sets * t->helds; i++) unfold(t, order[i], t->seen + i * width);
out:
    mnk_free(order);
    return status;
}

static void hash_rows(mnk_neural_trainer *t) {
    mnk_hash *h = mnk_hash_open();
    size_t cells = t->rows.n * t->rows.columns;
    if (!h) return;
    mnk_hash_add(h, &t->rows.n, sizeof t->rows.n);
    mnk_hash_add(h, t->rows.state, cells);
    mnk_hash_add(h, t->rows.score, cells * sizeof *t->rows.score);
    mnk_hash_finish(h, t->hash);
}

/* ---- checks ---- */

size_t mnk_neural_best_numbers(const mnk_neural_trainer *t) {
    const mnk_params *p = t->model->params;
    return p->n + p->n_state + t->model->layout.width;
}

static void keep_best(mnk_neural_trainer *t) {
    const mnk_params *p = t->model->params;
    memcpy(t->best, p->average, p->n * sizeof *t->best);
    memcpy(t->best + p->n, p->state, p->n_state * sizeof *t->best);
    memcpy(t->best + p->n + p->n_state, t->model->sigma, t->model->layout.width * sizeof *t->best);
}

static void take_best(mnk_neural_trainer *t) {
    mnk_params *p = t->model->params;
    memcpy(p->w, t->best, p->n * sizeof *t->best);
    memcpy(p->average, t->best, p->n * sizeof *t->best);
    memcpy(p->state, t->best + p->n, p->n_state * sizeof *t->best);
    memcpy(t->model->sigma, t->best + p->n + p->n_state, t->model->layout.width * sizeof *t->best);
}

/* Mean distance to the nearest held-out row, less that to the nearest of as many learned rows. Which rows were held out
 * moves it by a constant, which does not matter to where its smallest value is. */
static double copying(const mnk_neural_trainer *t, const float *x, size_t n) {
    size_t width = t->model->layout.width;
    double learned = 0;
    if (t->sets == 0) return 0;
    for (size_t k = 0; k < t->sets; k++)
        learned += mnk_neural_nearest(x, n, t->seen + k * t->helds * width, t->helds, width) / (double)t->sets;
    return mnk_neural_nearest(x, n, t->held, t->helds, width) - learned;
}

/* Of rows drawn now, with the same streams at every check: energy distance to the held-out rows, and copying. */
static mnk_status distance(mnk_neural_trainer *t, double *out, mnk_error *err) {
    const mnk_layout *l = &t->model->layout;
    uint64_t item[DRAWN];
    mnk_table *drawn = NULL;
    mnk_folded folded = {0};
    float *x = NULL;
    mnk_status status;
    for (size_t i = 0; i < DRAWN; i++) item[i] = i | (uint64_t)ROLE_CHECK << 48;
    mnk_draw_request q = {.seed = t->context->seed, .stream = t->context->stream, .item = item};
    MNK_OUT(mnk_table_new(t->model->schema, DRAWN, &drawn, err));
    MNK_OUT(mnk_neural_draw(t->model, &q, drawn, err));
    MNK_OUT(mnk_folded_open(l, drawn, t->context->seed, 2 + t->context->stream, &folded, err));
    MNK_OUT(MNK_NEW(x, DRAWN * l->width, err));
    for (size_t i = 0; i < DRAWN; i++)
        mnk_layout_unfold(l, folded.state + i * folded.columns, folded.score + i * folded.columns, x + i * l->width);
    *out = mnk_neural_energy(x, DRAWN, t->held, t->helds, l->width, t->held_spread) + COPYING * copying(t, x, DRAWN);
out:
    mnk_table_close(drawn);
    mnk_folded_clear(&folded);
    mnk_free(x);
    return status;
}

static mnk_status check(mnk_neural_trainer *t, mnk_error *err) {
    mnk_neural_progress *p = &t->progress;
    double d = NAN;
    MNK_TRY(t->learner->settle(t, err));
    MNK_TRY(distance(t, &d, err));
    if (!isfinite(d))
        return MNK_FAIL(err, MNK_ERR_FAILED, "%s: rows drawn after %.0f steps are not finite", t->learner->name, p->step);
    if (p->best_step == 0 || d < p->best) {
        p->best = d, p->best_step = p->step, p->checks_since = 0;
        keep_best(t);
    } else p->checks_since++;
    return MNK_OK;
}

/* ---- the loop ---- */

static void report(const mnk_neural_trainer *t) {
    const mnk_neural_progress *p = &t->progress;
    char detail[160];
    if (t->own_private) { /* no losses: they are about rows */
        snprintf(detail, sizeof detail, "noise %.3g x clip", mnk_private_sgd_noise(t->own_private->sgd));
        mnk_observe_progress(t->context->observer, "step", p->step, (double)t->total, detail);
        return;
    }
    snprintf(detail, sizeof detail, "%s %.3f  %s %.3f  distance %.4f at step %.0f", t->learner->loss_names[0], p->loss[0],
             t->learner->loss_names[1], p->loss[1], p->best, p->best_step);
    mnk_observe_progress(t->context->observer, "step", p->step, (double)t->total, detail);
}

static mnk_status interrupted(mnk_neural_trainer *t, mnk_error *err) {
    MNK_TRY(mnk_neural_checkpoint_save(t, err));
    mnk_status status = MNK_FAIL(err, MNK_ERR_INTERRUPTED, "%.0f of %llu steps are done and saved in %s", t->progress.step,
                                 (unsigned long long)t->total, t->checkpoint);
    mnk_error_hint(err, "the same command with --resume goes on");
    return status;
}

static bool is_done(const mnk_neural_trainer *t) {
    const mnk_neural_progress *p = &t->progress;
    return p->step >= (double)t->total ||
           (p->step >= (double)t->config->steps_min && p->checks_since >= (double)t->config->patience);
}

/* As many steps as were stated, and the last average: nothing looks at rows to choose. */
static mnk_status run_private(mnk_neural_trainer *t, mnk_error *err) {
    uint64_t every = (uint64_t)t->config->check * CHECKPOINT_CHECKS;
    size_t numbers = t->others->n + (t->learner->both_private ? t->model->params->n : 0);
    MNK_TRY(mnk_neural_private_start(t, numbers, err));
    while (t->progress.step < (double)t->total) {
        if (mnk_observe_stopped(t->context->observer)) return interrupted(t, err);
        MNK_TRY(t->learner->step(t, err));
        t->progress.step++;
        report(t);
        if ((uint64_t)t->progress.step % every == 0 && t->progress.step < (double)t->total && t->context->model_path)
            MNK_TRY(mnk_neural_checkpoint_save(t, err));
    }
    MNK_TRY(t->learner->settle(t, err));
    keep_best(t);
    take_best(t);
    mnk_observe_log(t->context->observer, MNK_LOG_INFO, "%s: %.0f private steps", t->learner->name, t->progress.step);
    return mnk_neural_private_state(t, err);
}

static mnk_status run(mnk_neural_trainer *t, mnk_error *err) {
    mnk_neural_progress *p = &t->progress;
    uint64_t every = (uint64_t)t->config->check;
    while (!is_done(t)) {
        if (mnk_observe_stopped(t->context->observer)) return interrupted(t, err);
        MNK_TRY(t->learner->step(t, err));
        p->step++;
        uint64_t step = (uint64_t)p->step;
        if (step % every == 0 || step == t->total) MNK_TRY(check(t, err));
        report(t);
        if (step % (every * CHECKPOINT_CHECKS) == 0 && t->context->model_path) MNK_TRY(mnk_neural_checkpoint_save(t, err));
    }
    mnk_observe_log(t->context->observer, MNK_LOG_INFO,
                    "%s: %.0f steps of %lld rows; distance to the %s rows %.4f at step %.0f, kept", t->learner->name, p->step,
                    (long long)t->config->batch, t->learns < t->rows.n ? "held-out" : "learned", p->best, p->best_step);
    /* complete, should a later part of the training be interrupted */
    if (t->context->model_path) MNK_TRY(mnk_neural_checkpoint_save(t, err));
    take_best(t);
    return MNK_OK;
}

static mnk_status require_memory(const mnk_neural_trainer *t, size_t rows, mnk_error *err) {
    const mnk_layout *l = &t->model->layout;
    size_t need = rows * l->book->columns * 5 + rows * (l->condition_pieces + 2) * sizeof(uint32_t) + t->learner->bytes(t);
    need += 6 * sizeof(float) * t->model->params->n;
    mnk_status status = mnk_memory_require(need, t->learner->name, err);
    if (status != MNK_OK) mnk_error_hint(err, "lower --levels, --batch or --width");
    return status;
}

static uint64_t total_steps(const mnk_neural_config *c, size_t rows) {
    uint64_t batch = (uint64_t)c->batch, steps = (uint64_t)c->epochs * ((rows + batch - 1) / batch);
    if (steps < (uint64_t)c->steps_min) steps = (uint64_t)c->steps_min;
    return steps < UINT32_MAX ? steps : UINT32_MAX;
}

static mnk_status name_checkpoint(mnk_neural_trainer *t, mnk_error *err) {
    const char *path = t->context->model_path ? t->context->model_path : "";
    MNK_TRY(MNK_NEW(t->checkpoint, strlen(path) + 32, err));
    snprintf(t->checkpoint, strlen(path) + 32, "%s.%s.checkpoint", path, t->context->stream ? "visits" : "rows");
    return MNK_OK;
}

static mnk_status prepare(mnk_neural_trainer *t, const mnk_table *data, mnk_error *err) {
    const mnk_fit_context *x = t->context;
    MNK_TRY(require_memory(t, data->n, err));
    MNK_TRY(mnk_folded_open(&t->model->layout, data, x->seed, x->stream, &t->rows, err));
    if (!t->own_private) {
        hash_rows(t);
        MNK_TRY(hold_out(t, err));
    }
    t->total = t->own_private ? (uint64_t)t->config->steps_min : total_steps(t->config, t->learns);
    MNK_TRY(t->learner->open(t, err));
    MNK_TRY(MNK_NEW(t->best, mnk_neural_best_numbers(t) + 1, err));
    if (x->resume && (!t->own_private || mnk_path_exists(t->checkpoint))) return mnk_neural_checkpoint_load(t, err);
    if (x->model_path && !x->force && mnk_path_exists(t->checkpoint)) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: an unfinished run is there", t->checkpoint);
        mnk_error_hint(err, "--resume goes on with it; --force starts anew");
        return status;
    }
    return MNK_OK;
}

static void close_trainer(mnk_neural_trainer *t) {
    if (t->own) t->learner->close(t);
    mnk_neural_private_close(t->own_private);
    mnk_free(t->canaries);
    mnk_params_close(t->others);
    mnk_net_close(t->other);
    mnk_folded_clear(&t->rows);
    mnk_free(t->learn);
    mnk_free(t->held);
    mnk_free(t->seen);
    mnk_free(t->best);
    mnk_free(t->checkpoint);
}

bool mnk_neural_is_private(const void *config) { return ((const mnk_neural_config *)config)->dp; }

enum { RAKE_STREAM = 64 /* no stream of drawn rows */ };

mnk_status mnk_neural_fit(const mnk_table *data, const mnk_neural_config *config, const mnk_neural_learner *learner,
                          mnk_fit_context *context, void **model, mnk_error *err) {
    mnk_neural_trainer t = {.learner = learner, .config = config, .context = context};
    mnk_neural_shape shape = {(int)config->latent, (int)config->width, (int)config->depth, learner->batch_norm, config->dp};
    mnk_codebook book = {0};
    mnk_status status;
    *model = NULL;
    MNK_OUT(mnk_neural_private_check(config, learner->options, learner->name, err));
    MNK_OUT(name_checkpoint(&t, err));
    if (config->dp) MNK_OUT(mnk_neural_private_open(&t, data, err));
    if (config->dp) MNK_OUT(mnk_neural_private_codebook(&t, data->schema, &book, err));
    MNK_OUT(mnk_neural_model_open(data, config->dp ? &book : NULL, &shape, learner->conditional, context->seed, context->stream,
                                  &t.model, err));
    if (t.model->net) {
        MNK_OUT(prepare(&t, data, err));
        MNK_OUT(mnk_neural_model_ready(t.model, true, err));
        MNK_OUT(config->dp ? run_private(&t, err) : run(&t, err));
    } else mnk_observe_log(context->observer, MNK_LOG_WARNING, "no column has two values: every row drawn will be the same");
    MNK_OUT(mnk_neural_model_ready(t.model, false, err));
    if (t.model->net && !config->dp) MNK_OUT(mnk_neural_rake(t.model, context->seed, RAKE_STREAM + context->stream, err));
    *model = t.model;
    t.model = NULL;
out:
    close_trainer(&t);
    mnk_codebook_clear(&book);
    mnk_neural_model_close(t.model);
    return status;
}
