/* Checkpoints: everything that the next step depends on, as flat vectors. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "learn/table/neural/private.h"

#define KIND "table-checkpoint"

typedef struct buffer {
    const char *name;
    float *at;
    size_t n;
} buffer;

enum { BUFFERS = 12 };

static size_t buffers_of(mnk_neural_trainer *t, buffer out[BUFFERS]) {
    mnk_params *p = t->model->params, *q = t->others;
    const buffer all[BUFFERS] = {{"model.w", p->w, p->n},
                                 {"model.m", p->m, p->n},
                                 {"model.v", p->v, p->n},
                                 {"model.average", p->average, p->n},
                                 {"model.state", p->state, p->n_state},
                                 {"other.w", q->w, q->n},
                                 {"other.m", q->m, q->n},
                                 {"other.v", q->v, q->n},
                                 {"other.average", q->average, q->n},
                                 {"other.state", q->state, q->n_state},
                                 {"sigma", t->model->sigma, t->model->layout.width},
                                 {"best", t->best, mnk_neural_best_numbers(t)}};
    memcpy(out, all, sizeof all);
    return BUFFERS;
}

static mnk_status options_text(const mnk_neural_trainer *t, mnk_text *text, mnk_error *err) {
    mnk_json j = {.text = text, .compact = true};
    mnk_json_object(&j, NULL);
    mnk_options_write(t->learner->options, t->config, &j);
    mnk_json_end_object(&j);
    return text->failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: metadata") : MNK_OK;
}

/* What private training needs beside: the noisy counts, and what the canaries have gathered. */
static mnk_status add_private(mnk_neural_trainer *t, mnk_tensors *list, mnk_error *err) {
    mnk_neural_private *p = t->own_private;
    size_t n = 0;
    const double *memory = mnk_private_sgd_memory(p->sgd, &n);
    MNK_TRY(mnk_tensors_add(list, "private.count", MNK_F64, p->count, p->counts, err));
    return n ? mnk_tensors_add(list, "private.canaries", MNK_F64, memory, n, err) : MNK_OK;
}

mnk_status mnk_neural_checkpoint_save(mnk_neural_trainer *t, mnk_error *err) {
    buffer b[BUFFERS];
    size_t n = buffers_of(t, b);
    mnk_tensors list = {.prefix = ""};
    mnk_text options = {0};
    char seed[32], version[16];
    double steps[2] = {(double)t->model->params->step, (double)t->others->step};
    mnk_status status;
    MNK_OUT(options_text(t, &options, err));
    MNK_OUT(mnk_tensors_add(&list, "progress", MNK_F64, &t->progress, MNK_NEURAL_PROGRESS_NUMBERS, err));
    MNK_OUT(mnk_tensors_add(&list, "steps", MNK_F64, steps, 2, err));
    for (size_t i = 0; i < n; i++) MNK_OUT(mnk_tensors_add(&list, b[i].name, MNK_F32, b[i].at, b[i].n, err));
    if (t->own_private) MNK_OUT(add_private(t, &list, err));
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)t->context->seed);
    snprintf(version, sizeof version, "%d", MNK_MODEL_FORMAT_VERSION);
    const mnk_st_meta meta[] = {{"format", "manikin-model"},
                                {"format_version", version},
                                {"kind", KIND},
                                {"manikin_version", MNK_VERSION},
                                {"generator", t->learner->name},
                                {"options", options.s},
                                {"rows_hash", t->hash},
                                {"seed", seed},
                                {"ledger_head", t->own_private ? mnk_ledger_head(mnk_ledger_state(t->context->ledger)) : ""}};
    mnk_tensors_align(&list);
    MNK_OUT(mnk_st_write(t->checkpoint, true, list.at, list.n, meta, sizeof meta / sizeof *meta, err));
out:
    mnk_tensors_clear(&list);
    mnk_text_clear(&options);
    return status;
}

static mnk_status same_run(const mnk_neural_trainer *t, const mnk_st *st, mnk_error *err) {
    const char *name = mnk_st_meta_get(st, "generator"), *options = mnk_st_meta_get(st, "options"),
               *hash = mnk_st_meta_get(st, "rows_hash"), *seed = mnk_st_meta_get(st, "seed");
    mnk_text mine = {0};
    mnk_status status = MNK_OK;
    if (!name || !options || !hash || !seed)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: metadata is missing", t->checkpoint);
    MNK_OUT(options_text(t, &mine, err));
    const char *what = strcmp(name, t->learner->name)                 ? "of another generator"
                       : strtoull(seed, NULL, 10) != t->context->seed ? "begun with another --seed"
                       : strcmp(hash, t->hash)                        ? "begun with other rows"
                       : strcmp(options, mine.s)                      ? "begun with other options"
                                                                      : NULL;
    if (what) {
        status = MNK_FAIL(err, MNK_ERR_USAGE, "%s: is %s: %.500s", t->checkpoint, what, options);
        mnk_error_hint(err, "repeat the command it began with (seed %s), or start anew with --force", seed);
    }
out:
    mnk_text_clear(&mine);
    return status;
}

/* The ledger goes on from what the checkpoint knew of it, and has lost nothing since. */
static mnk_status read_private(mnk_neural_trainer *t, const mnk_tensors_in *in, mnk_error *err) {
    const char *head = mnk_st_meta_get(in->st, "ledger_head");
    size_t n = (size_t)(2 * t->config->sgd.canaries);
    void *canaries = NULL;
    if (!head) return mnk_tensors_damaged(in, "it names no ledger", err);
    MNK_TRY(mnk_ledger_check_head(mnk_ledger_state(t->context->ledger), head, err));
    if (n == 0) return MNK_OK;
    MNK_TRY(mnk_tensors_copy(in, "private.canaries", MNK_F64, n, &canaries, NULL, err));
    t->canaries = canaries, t->canary_numbers = n;
    return MNK_OK;
}

static mnk_status read_progress(mnk_neural_trainer *t, const mnk_tensors_in *in, mnk_error *err) {
    const void *progress = NULL, *steps = NULL;
    MNK_TRY(mnk_tensors_get(in, "progress", MNK_F64, MNK_NEURAL_PROGRESS_NUMBERS, &progress, NULL, err));
    MNK_TRY(mnk_tensors_get(in, "steps", MNK_F64, 2, &steps, NULL, err));
    mnk_neural_progress *p = &t->progress;
    const double *s = steps;
    memcpy(p, progress, sizeof *p);
    bool fine = p->step >= 0 && p->step <= (double)t->total && p->step == floor(p->step) && p->best_step >= 0 &&
                p->best_step <= p->step && p->checks_since >= 0 && p->checks_since <= p->step;
    for (int i = 0; i < 2; i++) fine = fine && s[i] >= 0 && s[i] < 0x1p40 && s[i] == floor(s[i]);
    if (!fine) return mnk_tensors_damaged(in, "its progress is impossible", err);
    t->model->params->step = (uint64_t)s[0], t->others->step = (uint64_t)s[1];
    return MNK_OK;
}

mnk_status mnk_neural_checkpoint_load(mnk_neural_trainer *t, mnk_error *err) {
    mnk_st *st;
    buffer b[BUFFERS];
    if (!mnk_path_exists(t->checkpoint)) {
        if (t->context->stream) return MNK_OK; /* the run was stopped before it came to the visits */
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: there is no checkpoint to resume from", t->checkpoint);
        mnk_error_hint(err, "start without --resume");
        return status;
    }
    MNK_TRY(mnk_st_open(t->checkpoint, &st, err));
    mnk_tensors_in in = {st, "", t->checkpoint};
    mnk_status status;
    MNK_OUT(mnk_st_require_model(st, t->checkpoint, KIND, err));
    MNK_OUT(same_run(t, st, err));
    for (size_t i = 0, n = buffers_of(t, b); i < n; i++) {
        const void *data = NULL;
        MNK_OUT(mnk_tensors_get(&in, b[i].name, MNK_F32, b[i].n, &data, NULL, err));
        const float *x = data;
        for (size_t k = 0; k < b[i].n; k++)
            if (!isfinite(x[k])) {
                status = mnk_tensors_damaged(&in, "a number in it is not finite", err);
                goto out;
            }
        if (b[i].n) memcpy(b[i].at, x, b[i].n * sizeof *x);
    }
    MNK_OUT(read_progress(t, &in, err));
    if (t->own_private) MNK_OUT(read_private(t, &in, err));
out:
    mnk_st_close(st);
    return status;
}

mnk_status mnk_neural_checkpoint_recall(mnk_neural_trainer *t, double *count, size_t counts, bool *found, mnk_error *err) {
    const void *data = NULL;
    mnk_st *st;
    *found = false;
    if (!mnk_path_exists(t->checkpoint)) return MNK_OK;
    MNK_TRY(mnk_st_open(t->checkpoint, &st, err));
    mnk_tensors_in in = {st, "", t->checkpoint};
    mnk_status status;
    MNK_OUT(mnk_st_require_model(st, t->checkpoint, KIND, err));
    MNK_OUT(mnk_tensors_get(&in, "private.count", MNK_F64, counts, &data, NULL, err));
    for (size_t k = 0; k < counts; k++) {
        count[k] = ((const double *)data)[k];
        if (!(count[k] >= 0 && count[k] < 1e15)) MNK_OUT(mnk_tensors_damaged(&in, "a count is impossible", err));
    }
    *found = true;
out:
    mnk_st_close(st);
    return status;
}
