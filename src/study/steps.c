/* The steps of a study: thin calls of the objects that do the work. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "manikin/describe.h"
#include "study/evidence_of.h"
#include "study/gated.h"
#include "study/run.h"
#include "study/study_audit.h"
#include "study/trials.h"

enum { BLOCK = 256 }; /* images sampled at a time */
static const char *const sample_outputs[] = {"synthetic.npz", "synthetic", "synthetic.tar"};

const char *mnk_run_samples(const mnk_study *s) { return sample_outputs[s->sample.format]; }

static mnk_status path_of(const mnk_run *r, const char *below, char out[1200], mnk_error *err) {
    return snprintf(out, 1200, "%s/%s", r->dir, below) < 1200 ? MNK_OK
                                                              : MNK_FAIL(err, MNK_ERR_INPUT, "%.100s…: name too long", r->dir);
}

void mnk_run_clear(mnk_run *r) {
    mnk_images **const images[] = {&r->all, &r->train, &r->val, &r->holdout, &r->test, &r->synthetic};
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) mnk_images_close(*images[i]), *images[i] = NULL;
    mnk_result_close(r->data);
    mnk_result_close(r->evaluate);
    mnk_result_close(r->usefulness);
    mnk_result_close(r->audit);
    r->data = r->evaluate = r->usefulness = r->audit = NULL;
}

/* ---- data ---- */
mnk_status mnk_run_data(mnk_run *r, mnk_error *err) {
    if (r->all) return MNK_OK;
    const mnk_study_data *d = &r->s->data;
    char path[1200];
    mnk_images_options o = {.skip_bad = d->skip_bad,
                            .size = d->size,
                            .channels = d->channels,
                            .label_column = d->label_column,
                            .group_column = d->group_column,
                            .split_column = d->split_column,
                            .groups_within_class = d->groups_within_class};
    if (d->simulate) MNK_TRY(path_of(r, "data/phantom.npz", path, err));
    MNK_TRY(mnk_images_open(d->simulate ? path : d->path, &o, r->observer, &r->all, err));
    if (d->simulate) { /* the name of the results folder is no property of the data */
        snprintf(r->all->source, sizeof r->all->source, "%s phantom", d->simulate);
        r->all->synthetic = false;
        for (size_t i = 0; i < r->all->n; i++) r->all->split[i] = MNK_SPLIT_NONE; /* the study cuts it */
    }
    if (d->classes.n) MNK_TRY(mnk_study_name_classes(r->all, &d->classes, err));
    mnk_status status = mnk_study_assign(r->all, d, r->seed, r->note, err);
    if (status == MNK_OK) mnk_images_rehash(r->all);
    else mnk_images_close(r->all), r->all = NULL;
    return status;
}

mnk_status mnk_run_splits(mnk_run *r, mnk_error *err) {
    if (r->train) return MNK_OK;
    MNK_TRY(mnk_run_data(r, err));
    MNK_TRY(mnk_study_subset(r->all, MNK_SPLIT_VAL, &r->val, err));
    MNK_TRY(mnk_study_subset(r->all, MNK_SPLIT_HOLDOUT, &r->holdout, err));
    MNK_TRY(mnk_study_subset(r->all, MNK_SPLIT_TEST, &r->test, err));
    return mnk_study_subset(r->all, MNK_SPLIT_TRAIN, &r->train, err);
}

mnk_status mnk_run_synthetic(mnk_run *r, mnk_error *err) {
    if (r->synthetic) return MNK_OK;
    char path[1200];
    MNK_TRY(path_of(r, mnk_run_samples(r->s), path, err));
    MNK_TRY(mnk_run_splits(r, err));
    mnk_images_options o = {.channels = r->train->channels};
    MNK_TRY(mnk_images_open(path, &o, r->observer, &r->synthetic, err));
    snprintf(r->synthetic->source, sizeof r->synthetic->source, "%s", mnk_run_samples(r->s));
    return mnk_images_relabel(r->synthetic, r->train->classes, (const char *const *)r->train->class_names, err);
}

static bool no_simulate(const mnk_study *s) { return !s->data.simulate; }

static mnk_status simulate(mnk_run *r, bool can_continue, mnk_error *err) {
    char folder[1200], path[1200];
    (void)can_continue;
    MNK_TRY(path_of(r, "data", folder, err));
    MNK_TRY(mnk_dir_make(folder, err));
    MNK_TRY(path_of(r, "data/phantom.npz", path, err));
    mnk_simulate_output o = {.path = path, .force = true};
    return r->s->simulator->write(r->s->simulator_config, r->seed, (size_t)r->s->data.n, &o, r->observer, err);
}

/* Results on disk carry no time and no thread count, so that equal runs give equal bytes; the report has them. */
static mnk_status save_result(const mnk_run *r, mnk_result *result, const char *name, mnk_error *err) {
    char folder[1200], path[1200];
    MNK_TRY(path_of(r, "results", folder, err));
    MNK_TRY(mnk_dir_make(folder, err));
    MNK_TRY(path_of(r, name, path, err));
    result->wall_s = NAN;
    result->threads = 0;
    return mnk_result_write(result, path, true, err);
}

static mnk_status describe(mnk_run *r, bool can_continue, mnk_error *err) {
    (void)can_continue;
    MNK_TRY(mnk_run_data(r, err));
    mnk_result_close(r->data);
    MNK_TRY(mnk_result_open("data", r->seed, &r->data, err));
    MNK_TRY(mnk_images_describe(r->all, NULL, r->observer, r->data, err));
    return save_result(r, r->data, "results/data.json", err);
}

/* ---- generator ---- */
static mnk_status train_gan(mnk_run *r, bool can_continue, mnk_error *err) {
    char model[1200], checkpoint[1200];
    MNK_TRY(mnk_run_splits(r, err));
    MNK_TRY(path_of(r, "gan/model.safetensors", model, err));
    MNK_TRY(path_of(r, "gan/model.run/checkpoint.safetensors", checkpoint, err));
    mnk_gan_config config = r->s->gan;
    config.seed = r->seed;
    config.resume = can_continue && mnk_path_exists(checkpoint);
    config.force = true;
    return mnk_gan_train(r->train, &config, model, r->observer, err);
}

static mnk_status sample_blocks(mnk_run *r, mnk_gan *gan, const mnk_gan_info *info, mnk_images_writer *w, mnk_error *err) {
    size_t per_class = (size_t)r->s->sample.per_class, n = per_class * (size_t)info->classes;
    size_t volume = (size_t)info->height * (size_t)info->width * (size_t)info->channels;
    int32_t labels[BLOCK];
    uint8_t *pixels = NULL;
    MNK_TRY(MNK_NEW(pixels, BLOCK * volume, err));
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < n && status == MNK_OK; i += BLOCK) {
        size_t count = n - i < BLOCK ? n - i : BLOCK;
        for (size_t k = 0; k < count; k++) labels[k] = (int32_t)((i + k) / per_class);
        status = mnk_gan_sample(gan, labels, count, r->seed, i, pixels, err);
        for (size_t k = 0; k < count && status == MNK_OK; k++)
            status = mnk_images_writer_add(w, pixels + k * volume, labels[k], MNK_SPLIT_TRAIN, err);
        mnk_observe_progress(r->observer, "image", (double)(i + count), (double)n, "");
        if (status == MNK_OK && mnk_observe_stopped(r->observer))
            status = MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while sampling");
    }
    mnk_free(pixels);
    return status;
}

/* The same number of images a class, each of which passes the audit against train. */
static mnk_status sample_kept(mnk_run *r, mnk_gan *gan, const mnk_gan_info *info, mnk_images_writer *w, mnk_error *err) {
    const size_t volume = (size_t)info->height * (size_t)info->width * (size_t)info->channels;
    mnk_evaluate_config config = r->s->evaluate;
    mnk_keep k;
    mnk_keep_report report;
    mnk_images *made = NULL;
    uint64_t *count = NULL;
    mnk_status status = MNK_OK;
    config.seed = r->seed;
    config.encoding = NULL; /* scattering, whatever the judges use: the yardstick comes after the samples */
    MNK_OUT(mnk_keep_parse(r->s->sample.keep, &k, err));
    MNK_OUT(mnk_run_splits(r, err));
    MNK_OUT(MNK_NEW(count, (size_t)info->classes, err));
    for (int c = 0; c < info->classes; c++) count[c] = (uint64_t)r->s->sample.per_class;
    MNK_OUT(mnk_keep_sample_images(gan, count, r->seed, &k, r->train, NULL, &config, r->observer, &made, &report, err));
    for (size_t i = 0; i < made->n; i++)
        MNK_OUT(mnk_images_writer_add(w, made->pixels8 + i * volume, made->label[i], MNK_SPLIT_TRAIN, err));
    MNK_OUT(mnk_gated_save(r->dir, "keep", &k, &report, NULL, NULL, r->seed, err));
out:
    mnk_free(count);
    mnk_images_close(made);
    return status;
}

static mnk_status sample(mnk_run *r, bool can_continue, mnk_error *err) {
    char model[1200], path[1200];
    (void)can_continue;
    mnk_gan *gan = NULL;
    mnk_images_writer *w = NULL;
    MNK_TRY(path_of(r, "gan/model.safetensors", model, err));
    MNK_TRY(path_of(r, mnk_run_samples(r->s), path, err));
    for (int f = 0; f < 3; f++) { /* samples of an earlier run in another format */
        char other[1200];
        MNK_TRY(path_of(r, sample_outputs[f], other, err));
        if (f != r->s->sample.format) MNK_TRY(mnk_dir_remove(other, err));
    }
    MNK_TRY(mnk_gan_open(model, &gan, err));
    const mnk_gan_info *info = mnk_gan_describe(gan);
    mnk_images_meta meta = {.height = info->height,
                            .width = info->width,
                            .channels = info->channels,
                            .classes = info->classes,
                            .class_names = info->class_names,
                            .generator = "gan",
                            .model_hash = info->model_hash,
                            .seed = r->seed,
                            .n = (size_t)r->s->sample.per_class * (size_t)info->classes};
    mnk_status status = mnk_images_writer_open(path, true, &meta, &w, err);
    if (status == MNK_OK) {
        if (r->s->sample.keep) status = sample_kept(r, gan, info, w, err);
        else status = sample_blocks(r, gan, info, w, err);
        if (status == MNK_OK) status = mnk_images_writer_commit(w, err);
        else mnk_images_writer_abort(w);
    }
    if (status == MNK_OK && !r->s->sample.keep) status = mnk_gated_save(r->dir, "keep", NULL, NULL, NULL, NULL, 0, err);
    mnk_gan_close(gan);
    mnk_images_close(r->synthetic);
    r->synthetic = NULL;
    return status;
}

/* ---- judges ---- */
static bool no_classifier(const mnk_study *s) { return s->no_classifier || s->no_evaluate; }
static bool no_evaluate(const mnk_study *s) { return s->no_evaluate; }
static bool no_usefulness(const mnk_study *s) { return s->no_usefulness; }

static mnk_status train_classifier(mnk_run *r, bool can_continue, mnk_error *err) {
    char folder[1200], path[1200];
    (void)can_continue;
    MNK_TRY(mnk_run_splits(r, err));
    MNK_TRY(path_of(r, "classifier", folder, err));
    MNK_TRY(mnk_dir_make(folder, err));
    MNK_TRY(path_of(r, "classifier/model.safetensors", path, err));
    mnk_classifier_config config = r->s->classifier;
    config.seed = r->seed;
    mnk_classifier *c = NULL;
    MNK_TRY(mnk_classifier_train(r->train, r->val, &config, r->observer, &c, err));
    mnk_status status = mnk_classifier_save(c, path, true, err);
    mnk_classifier_close(c);
    return status;
}

static mnk_status evaluate(mnk_run *r, bool can_continue, mnk_error *err) {
    (void)can_continue;
    MNK_TRY(mnk_run_splits(r, err));
    MNK_TRY(mnk_run_synthetic(r, err));
    mnk_result_close(r->evaluate);
    r->evaluate = NULL;
    mnk_evaluate_config config = r->s->evaluate;
    config.seed = r->seed;
    mnk_classifier *c = NULL;
    if (!r->s->no_classifier) {
        char path[1200];
        MNK_TRY(path_of(r, "classifier/model.safetensors", path, err));
        MNK_TRY(mnk_classifier_open(path, &c, err));
    }
    mnk_status status = mnk_evaluate(r->train, r->holdout, r->synthetic, c, &config, r->observer, &r->evaluate, err);
    mnk_classifier_close(c);
    MNK_TRY(status);
    return save_result(r, r->evaluate, "results/evaluate.json", err);
}

static mnk_status usefulness(mnk_run *r, bool can_continue, mnk_error *err) {
    (void)can_continue;
    MNK_TRY(mnk_run_splits(r, err));
    MNK_TRY(mnk_run_synthetic(r, err));
    mnk_result_close(r->usefulness);
    r->usefulness = NULL;
    MNK_TRY(mnk_result_open("usefulness", r->seed, &r->usefulness, err));
    if (!r->test)
        return MNK_FAIL(err, MNK_ERR_INPUT,
                        "usefulness needs a test set: give data.test a share, or write \"usefulness: off\"");
    MNK_TRY(mnk_trials_judge(r, err));
    return save_result(r, r->usefulness, "results/usefulness.json", err);
}

static bool no_audit(const mnk_study *s) { return s->no_audit; }

static mnk_status audit(mnk_run *r, bool can_continue, mnk_error *err) {
    (void)can_continue;
    const mnk_attack_config config = mnk_study_attack_config(r->s);
    char checkpoint[1200];
    MNK_TRY(mnk_run_splits(r, err));
    MNK_TRY(mnk_run_synthetic(r, err));
    MNK_TRY(path_of(r, "gan/model.run/checkpoint.safetensors", checkpoint, err));
    mnk_result_close(r->audit);
    r->audit = NULL;
    MNK_TRY(mnk_attack_images(r->train, r->holdout, r->synthetic, NULL, r->s->audit.models ? checkpoint : NULL, &config,
                              r->observer, &r->audit, err));
    return save_result(r, r->audit, "results/audit.json", err);
}

#define AFTER(x) (1u << MNK_STEP_##x)
const mnk_step mnk_steps[MNK_STEPS_MAX] = {
    {MNK_STEP_SIMULATE, "simulate", "simulate the phantom", {"simulate"}, 0, {"data/phantom.npz"}, no_simulate, simulate, NULL},
    {MNK_STEP_DATA, "data", "describe the data", {"data"}, AFTER(SIMULATE), {"results/data.json"}, NULL, describe, NULL},
    {MNK_STEP_GAN,
     "gan",
     "train the generator",
     {"gan"},
     AFTER(DATA),
     {"gan/model.safetensors", "gan"},
     NULL,
     train_gan,
     "gan"},
    {MNK_STEP_SAMPLE, "sample", "sample synthetic images", {"sample"}, AFTER(GAN), {NULL}, NULL, sample, NULL},
    {MNK_STEP_CLASSIFIER,
     "classifier",
     "train the yardstick classifier",
     {"classifier"},
     AFTER(DATA),
     {"classifier/model.safetensors"},
     no_classifier,
     train_classifier,
     NULL},
    {MNK_STEP_EVALUATE,
     "evaluate",
     "judge fidelity and copies",
     {"evaluate"},
     AFTER(DATA) | AFTER(SAMPLE) | AFTER(CLASSIFIER),
     {"results/evaluate.json"},
     no_evaluate,
     evaluate,
     NULL},
    {MNK_STEP_USEFULNESS,
     "usefulness",
     "judge usefulness",
     {"usefulness", "repeat", "gan"},
     AFTER(DATA) | AFTER(SAMPLE),
     {"results/usefulness.json", MNK_TRIALS_FOLDER},
     no_usefulness,
     usefulness,
     NULL},
    {MNK_STEP_AUDIT,
     "audit",
     "attack the synthetic images",
     {NULL},
     AFTER(DATA) | AFTER(GAN) | AFTER(SAMPLE),
     {"results/audit.json"},
     no_audit,
     audit,
     NULL},
    {MNK_STEP_REPORT,
     "report",
     "write the report",
     {"report", "data"},
     0xFFFFFFFFu,
     {"report.html", "evidence.json"},
     NULL,
     mnk_study_write_report,
     NULL},
};
