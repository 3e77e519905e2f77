#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/safetensors.h"
#include "learn/gan/private_step.h"
#include "learn/gan/trainer.h"

/* Those of the checkpoint beside the parameters: progress, weights and statistics of the best snapshot, canaries. */
#define MORE_TENSORS 4

/* Tensors of several owners in one list. */
typedef struct tensor_list {
    mnk_st_tensor *at;
    size_t n;
    mnk_st_tensor *part[2]; /* as the engine gave them: their names live there */
    int parts;
} tensor_list;

static mnk_status add_params(tensor_list *list, const mnk_net *net, const mnk_params *p, const char *prefix, const char *which,
                             mnk_error *err) {
    size_t n = 0;
    mnk_st_tensor **part = &list->part[list->parts++];
    MNK_TRY(mnk_params_tensors(net, p, prefix, which, part, &n, err));
    mnk_st_tensor *all = mnk_realloc(list->at, list->n + n + MORE_TENSORS, sizeof *all);
    if (!all) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: list of tensors");
    memcpy(all + list->n, *part, n * sizeof *all);
    list->at = all, list->n += n;
    return MNK_OK;
}

static void free_tensors(tensor_list *list) {
    mnk_free(list->at);
    for (int i = 0; i < list->parts; i++) mnk_free(list->part[i]);
}

/* Eight-byte tensors first, so that every tensor of the file is aligned; otherwise the order stays. */
static mnk_status align_tensors(tensor_list *list, mnk_error *err) {
    mnk_st_tensor *sorted;
    size_t n = 0;
    MNK_TRY(MNK_NEW(sorted, list->n, err));
    for (int wide = 1; wide >= 0; wide--)
        for (size_t i = 0; i < list->n; i++)
            if ((list->at[i].dtype == MNK_F64 || list->at[i].dtype == MNK_I64) == wide) sorted[n++] = list->at[i];
    mnk_free(list->at);
    list->at = sorted;
    return MNK_OK;
}

/* The classes and image shape as JSON: {"height":32,…,"classes":["a","b"]}. */
static char *data_json(const mnk_gan_trainer *t, mnk_text *text) {
    mnk_json j = {.text = text, .compact = true};
    mnk_json_object(&j, NULL);
    mnk_json_int(&j, "height", t->shape.height);
    mnk_json_int(&j, "width", t->shape.width);
    mnk_json_int(&j, "channels", t->shape.channels);
    if (!t->config.dp) mnk_json_uint(&j, "images", t->data->n);
    mnk_json_array(&j, "classes");
    for (int c = 0; c < t->shape.classes; c++) mnk_json_string(&j, NULL, t->data->class_names[c]);
    mnk_json_end_array(&j);
    mnk_json_end_object(&j);
    return text->failed ? NULL : text->s;
}

static mnk_status write_file(mnk_gan_trainer *t, const char *path, const char *kind, bool force, const tensor_list *list,
                             mnk_error *err) {
    char seed[32], kimg[32], trained[32], distance[32], version[16], privacy[512] = "none";
    bool model = strcmp(kind, "gan") == 0, best = model && t->config.keep == MNK_GAN_KEEP_BEST && t->progress.best_step > 0;
    mnk_text data = {0}, block = {0};
    mnk_status status = MNK_OK;
    if (t->config.dp && !model) snprintf(privacy, sizeof privacy, "unfinished");
    if (t->config.dp && model) MNK_OUT(mnk_gan_private_state(t, privacy, sizeof privacy, &block, err));
    const char *shape = data_json(t, &data);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)t->config.seed);
    mnk_double_text(model ? t->kept_kimg : mnk_gan_kimg(t), kimg);
    mnk_double_text(mnk_gan_kimg(t), trained);
    mnk_double_text(t->progress.best_distance, distance);
    snprintf(version, sizeof version, "%d", MNK_MODEL_FORMAT_VERSION);
    mnk_st_meta meta[] = {
        {"format", "manikin-model"},
        {"format_version", version},
        {"kind", kind},
        {"manikin_version", MNK_VERSION},
        {"options", t->options_json},
        {"data", shape ? shape : ""},
        {"data_hash", t->config.dp ? "" : t->data->hash}, /* would confirm a guess of all the data */
        {"seed", seed},
        {"kimg", kimg},
        {"synthetic_generator", "gan"},
        {"privacy", privacy},
        /* private runs: of the model the guarantee, of the checkpoint the line of the ledger it was written under */
        {"privacy_block", block.s},
        {"ledger_head", t->config.dp && !model ? mnk_gan_private_head(t) : NULL},
        /* the model alone, from here on */
        {"trained_kimg", trained},
        {"kept", best ? "best" : "last"},
        {"distance", distance}, /* where a best snapshot was kept */
    };
    size_t n_meta = 0;
    for (size_t i = 0; i < sizeof meta / sizeof *meta - (model ? !best : 3); i++)
        if (meta[i].value) meta[n_meta++] = meta[i];
    status = shape ? mnk_st_write(path, force, list->at, list->n, meta, n_meta, err)
                   : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: metadata");
out:
    mnk_text_clear(&data);
    mnk_text_clear(&block);
    return status;
}

static mnk_st_tensor vector_of(const char *name, const real *x, size_t n) {
    return (mnk_st_tensor){.name = name, .dtype = MNK_F32, .rank = 1, .shape = {(int64_t)n}, .count = n, .data = x};
}

mnk_status mnk_gan_checkpoint_save(mnk_gan_trainer *t, mnk_error *err) {
    tensor_list list = {0};
    mnk_status status;
    t->progress.step = (double)t->step;
    MNK_OUT(add_params(&list, t->g.net, t->gp, "generator.", "all", err));
    MNK_OUT(add_params(&list, t->d.net, t->dp, "discriminator.", "all", err));
    /* add_params leaves room for these */
    if (t->progress.best_step > 0) {
        list.at[list.n++] = vector_of("best.average", t->best_average, t->gp->n);
        list.at[list.n++] = vector_of("best.state", t->best_state, t->gp->n_state);
    }
    size_t numbers = 0;
    const double *canaries = t->private ? mnk_private_sgd_memory(t->private, &numbers) : NULL;
    if (numbers)
        list.at[list.n++] = (mnk_st_tensor){
            .name = "canaries", .dtype = MNK_F64, .rank = 1, .shape = {(int64_t)numbers}, .count = numbers, .data = canaries};
    list.at[list.n++] = (mnk_st_tensor){.name = "progress",
                                        .dtype = MNK_F64,
                                        .rank = 1,
                                        .shape = {MNK_GAN_PROGRESS_NUMBERS},
                                        .count = MNK_GAN_PROGRESS_NUMBERS,
                                        .data = &t->progress};
    MNK_OUT(align_tensors(&list, err));
    MNK_OUT(write_file(t, t->checkpoint_path, "gan-checkpoint", true, &list, err));
out:
    free_tensors(&list);
    return status;
}

mnk_status mnk_gan_model_save(mnk_gan_trainer *t, uint64_t kept_step, mnk_error *err) {
    tensor_list list = {0};
    t->kept_kimg = (double)kept_step * (double)t->batch / 1000;
    mnk_status status = add_params(&list, t->g.net, t->gp, "generator.", "average", err);
    /* whether an earlier model may be replaced was settled before training began */
    if (status == MNK_OK) status = write_file(t, t->model_path, "gan", true, &list, err);
    free_tensors(&list);
    if (status == MNK_OK && t->config.dp) status = mnk_gan_private_bind(t, err);
    return status;
}

/* Whether an option that the checkpoint is too old to have stands at what its absence means. */
static bool as_before(const mnk_gan_trainer *t, const char *name) {
    char text[128];
    const char *old = mnk_gan_option_before(name);
    const mnk_option *o = mnk_options_find(mnk_gan_options, name, strlen(name));
    return old && o && strcmp(mnk_options_text(o, &t->config, text), old) == 0;
}

/* Names the first option in which the checkpoint differs from what is asked. */
static mnk_status same_options(const mnk_gan_trainer *t, const char *theirs, mnk_error *err) {
    if (strcmp(theirs, t->options_json) == 0) return MNK_OK;
    json_t *a = json_loads(theirs, 0, NULL), *b = json_loads(t->options_json, 0, NULL);
    const char *name = NULL;
    json_t *mine;
    char was[128] = "?", is[128] = "?";
    json_object_foreach(b, name, mine) {
        json_t *other = json_object_get(a, name);
        if (other ? json_equal(other, mine) : as_before(t, name)) continue;
        char *x = other ? json_dumps(other, JSON_ENCODE_ANY) : NULL, *y = json_dumps(mine, JSON_ENCODE_ANY);
        snprintf(was, sizeof was, "%s", x ? x : "unset");
        snprintf(is, sizeof is, "%s", y ? y : "?");
        free(x);
        free(y);
        break;
    }
    mnk_status status = MNK_OK;
    if (name || json_object_size(a) > json_object_size(b)) {
        status = MNK_FAIL(err, MNK_ERR_USAGE, "%s: began with --%s %s, not %s", t->checkpoint_path, name ? name : "?", was, is);
        mnk_error_hint(err, "repeat the options it began with, or start anew from its weights with --init-from");
    }
    json_decref(a);
    json_decref(b);
    return status;
}

static mnk_status same_run(const mnk_gan_trainer *t, const mnk_st *st, mnk_error *err) {
    const char *options = mnk_st_meta_get(st, "options"), *hash = mnk_st_meta_get(st, "data_hash"),
               *seed = mnk_st_meta_get(st, "seed");
    if (!options || !hash || !seed) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: metadata is missing", t->checkpoint_path);
    if (*hash && strcmp(hash, t->data->hash) != 0) { /* private runs keep none; their ledger knows the data */
        mnk_status status =
            MNK_FAIL(err, MNK_ERR_INPUT, "%s: was trained on other data than %s", t->checkpoint_path, t->data->source);
        mnk_error_hint(err, "give the data it began with, or start anew from its weights with --init-from");
        return status;
    }
    if (strtoull(seed, NULL, 10) != t->config.seed) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "%s: began with --seed %s, not %llu", t->checkpoint_path, seed,
                                     (unsigned long long)t->config.seed);
        mnk_error_hint(err, "add --seed %s", seed);
        return status;
    }
    return same_options(t, options, err);
}

/* Exactly `n` finite numbers. */
static bool load_vector(const mnk_st *st, const char *name, real *out, size_t n) {
    const mnk_st_tensor *x = mnk_st_find(st, name);
    if (!x || x->dtype != MNK_F32 || x->count != n) return false;
    memcpy(out, x->data, n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out[i])) return false;
    return true;
}

static mnk_status load_progress(mnk_gan_trainer *t, const mnk_st *st, mnk_error *err) {
    const mnk_st_tensor *p = mnk_st_find(st, "progress");
    mnk_gan_progress *progress = &t->progress;
    if (!p || p->dtype != MNK_F64 || (p->count != MNK_GAN_PROGRESS_NUMBERS && p->count != MNK_GAN_PROGRESS_OLDEST))
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: its progress is missing", t->checkpoint_path);
    *progress = (mnk_gan_progress){0};
    memcpy(progress, p->data, p->count * sizeof(double));
    if (!(progress->step >= 0 && progress->step < UINT32_MAX))
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: %g steps", t->checkpoint_path, progress->step);
    if (!(progress->best_step >= 0 && progress->best_step <= progress->step))
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: best of %g steps at %g", t->checkpoint_path, progress->step,
                        progress->best_step);
    if (progress->best_step > 0 && (!load_vector(st, "best.average", t->best_average, t->gp->n) ||
                                    !load_vector(st, "best.state", t->best_state, t->gp->n_state)))
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: the weights of its best snapshot are missing", t->checkpoint_path);
    t->step = (uint64_t)progress->step;
    return MNK_OK;
}

mnk_status mnk_gan_checkpoint_load(mnk_gan_trainer *t, mnk_error *err) {
    if (!mnk_path_exists(t->checkpoint_path)) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: there is no checkpoint to resume from", t->checkpoint_path);
        mnk_error_hint(err, "start without --resume");
        return status;
    }
    mnk_st *st;
    MNK_TRY(mnk_st_open(t->checkpoint_path, &st, err));
    mnk_status status;
    MNK_OUT(mnk_st_require_model(st, t->checkpoint_path, "gan-checkpoint", err));
    MNK_OUT(same_run(t, st, err));
    MNK_OUT(mnk_params_load(t->g.net, t->gp, "generator.", "all", st, err));
    MNK_OUT(mnk_params_load(t->d.net, t->dp, "discriminator.", "all", st, err));
    MNK_OUT(load_progress(t, st, err));
    const char *head = mnk_st_meta_get(st, "ledger_head");
    const mnk_st_tensor *canaries = mnk_st_find(st, "canaries");
    if (canaries && canaries->dtype == MNK_F64) {
        t->n_canary_memory = canaries->count;
        MNK_OUT(MNK_NEW(t->canary_memory, canaries->count + 1, err));
        memcpy(t->canary_memory, canaries->data, canaries->count * sizeof *t->canary_memory);
    }
    if (head) snprintf(t->ledger_head, sizeof t->ledger_head, "%s", head);
out:
    mnk_st_close(st);
    return status;
}

mnk_status mnk_gan_init_from(mnk_gan_trainer *t, const char *path, mnk_error *err) {
    mnk_st *st;
    MNK_TRY(mnk_st_open(path, &st, err));
    mnk_status status;
    const char *kind = mnk_st_meta_get(st, "kind");
    bool checkpoint = kind && strcmp(kind, "gan-checkpoint") == 0;
    MNK_OUT(mnk_st_require_model(st, path, checkpoint ? "gan-checkpoint" : "gan", err));
    MNK_OUT(mnk_params_load(t->g.net, t->gp, "generator.", "w", st, err));
    memcpy(t->gp->average, t->gp->w, t->gp->n * sizeof *t->gp->w);
    if (checkpoint) MNK_OUT(mnk_params_load(t->d.net, t->dp, "discriminator.", "w", st, err));
out:
    mnk_st_close(st);
    return status;
}
