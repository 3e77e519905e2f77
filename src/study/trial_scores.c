/* What the arms of every trial predict, each half of the table kept on disk, and the metrics over all of them. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "evaluate/usefulness.h"
#include "study/trials.h"

enum { BLOCK = 256 }; /* images sampled at a time */

/* One half of the arms table for one subset (generator path NULL) or one generator. */
typedef struct half {
    const mnk_trial *trial;
    const char *generator, *digest; /* model file and its hash; NULL */
    char step[64], output[128], baseline[128];
} half;

static half make_half(const mnk_trial *t, const char *generator, const char *digest) {
    half h = {.trial = t, .generator = generator, .digest = digest};
    const char *name = generator ? t->name : t->subset_name;
    snprintf(h.step, sizeof h.step, "scores-%s", name);
    snprintf(h.output, sizeof h.output, MNK_TRIALS_FOLDER "/scores-%s.safetensors", name);
    snprintf(h.baseline, sizeof h.baseline, MNK_TRIALS_FOLDER "/baseline-%s.safetensors", t->subset_name);
    return h;
}

static mnk_status key_of(const mnk_run *r, const half *h, const mnk_images *train, char key[MNK_HASH_TEXT], mnk_error *err) {
    uint64_t seeds[2] = {mnk_trial_subset_seed(r, h->trial), mnk_trial_seed(r, h->trial)};
    mnk_text settings = {0};
    mnk_study_section_json(r->s, "usefulness", &settings);
    mnk_hash *hash = settings.failed ? NULL : mnk_hash_open();
    if (hash) {
        mnk_hash_add_text(hash, "manikin trial scores 1");
        mnk_hash_add_text(hash, MNK_VERSION);
        mnk_hash_add_text(hash, settings.s);
        mnk_hash_add(hash, seeds, h->generator ? sizeof seeds : sizeof *seeds);
        mnk_hash_add_text(hash, train->hash);
        mnk_hash_add_text(hash, r->test->hash);
        mnk_hash_add_text(hash, r->val ? r->val->hash : "");
        if (h->generator) mnk_hash_add_text(hash, h->digest);
        if (h->generator) mnk_hash_add(hash, &r->s->sample.per_class, sizeof r->s->sample.per_class);
        mnk_hash_finish(hash, key);
    }
    mnk_text_clear(&settings);
    return hash ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
}

/* The trial's samples, as `manikin sample` makes them, in memory. */
static mnk_status sample(const mnk_run *r, const half *h, mnk_images **out, mnk_error *err) {
    mnk_gan *gan = NULL;
    mnk_images *d = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_gan_open(h->generator, &gan, err));
    const mnk_gan_info *info = mnk_gan_describe(gan);
    size_t per_class = (size_t)r->s->sample.per_class, n = per_class * (size_t)info->classes;
    size_t volume = (size_t)info->height * (size_t)info->width * (size_t)info->channels;
    MNK_OUT(mnk_images_new(n, info->height, info->width, info->channels, info->classes, info->class_names, &d, err));
    for (size_t i = 0; i < n; i++) d->label[i] = (int32_t)(i / per_class);
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t count = n - i < BLOCK ? n - i : BLOCK;
        MNK_OUT(mnk_gan_sample(gan, d->label + i, count, mnk_trial_seed(r, h->trial), i, d->pixels8 + i * volume, err));
    }
    d->synthetic = true;
    *out = d;
    d = NULL;
out:
    mnk_images_close(d);
    mnk_gan_close(gan);
    return status;
}

static bool selects(const mnk_run *r) { return r->s->usefulness.select && *r->s->usefulness.select; }

static mnk_status compute(mnk_run *r, const half *h, const mnk_images *train, mnk_scores **out, mnk_error *err) {
    char path[1200];
    mnk_images *synthetic = NULL;
    mnk_classifier *baseline = NULL;
    mnk_status status = MNK_OK;
    mnk_usefulness_config config = r->s->usefulness;
    config.classifier.seed = mnk_trial_subset_seed(r, h->trial);
    snprintf(path, sizeof path, "%s/%s", r->dir, h->baseline);
    if (h->generator) MNK_OUT(sample(r, h, &synthetic, err));
    if (h->generator && selects(r)) MNK_OUT(mnk_classifier_open(path, &baseline, err));
    mnk_arms_data data = {.train = train, .val = r->val, .test = r->test, .synthetic = synthetic};
    MNK_OUT(mnk_arms_run(&data, &config, &baseline, r->observer, out, err));
    if (!h->generator && selects(r)) MNK_OUT(mnk_classifier_save(baseline, path, true, err));
out:
    mnk_images_close(synthetic);
    mnk_classifier_close(baseline);
    return status;
}

static mnk_status scores_of(mnk_run *r, const half *h, const mnk_images *train, mnk_scores **out, mnk_error *err) {
    char key[MNK_HASH_TEXT], path[1200];
    mnk_cache_state state;
    MNK_TRY(key_of(r, h, train, key, err));
    MNK_TRY(mnk_cache_check(r->dir, h->step, key, &state, err));
    snprintf(path, sizeof path, "%s/%s", r->dir, h->output);
    if (state.is_current) return mnk_scores_open(path, train->classes, r->test->n, out, err);
    if (mnk_observe_stopped(r->observer)) return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped before %s", h->step);
    mnk_observe_log(r->observer, MNK_LOG_INFO, "usefulness: arms of %s", h->step + strlen("scores-"));
    MNK_TRY(compute(r, h, train, out, err));
    mnk_status status = mnk_scores_save(*out, path, err);
    const char *const outputs[] = {h->output, h->baseline};
    int n = !h->generator && selects(r) ? 2 : 1;
    if (status == MNK_OK) status = mnk_cache_commit(r->dir, h->step, key, 0, outputs, n, NULL, &state, err);
    if (status != MNK_OK) mnk_scores_close(*out), *out = NULL;
    return status;
}

/* ---- all of them ---- */

typedef struct gathered {
    mnk_trials trials;
    mnk_scores **real;      /* per trial; the first generator of a subset has its subset's */
    mnk_scores **synthetic; /* per trial */
    mnk_scores **by_subset; /* the same as `real`, closed up */
} gathered;

static mnk_status judge_trial(mnk_run *r, gathered *g, size_t i, mnk_error *err) {
    const mnk_trial *t = &g->trials.trial[i];
    char path[1200], digest[MNK_HASH_TEXT];
    mnk_images *train = NULL;
    mnk_status status = MNK_OK;
    MNK_TRY(mnk_trial_generator(r, t, path, digest, err));
    MNK_OUT(mnk_trial_train(r, t, &train, err));
    if (t->generator == 0) {
        half plain = make_half(t, NULL, NULL);
        MNK_OUT(scores_of(r, &plain, train, &g->real[i], err));
    }
    half mixed = make_half(t, path, digest);
    MNK_OUT(scores_of(r, &mixed, train, &g->synthetic[i], err));
out:
    mnk_images_close(train);
    return status;
}

static mnk_status report(mnk_run *r, gathered *g, mnk_error *err) {
    mnk_usefulness_point point[MNK_CURVE_MAX + 1];
    mnk_usefulness_config config = r->s->usefulness;
    size_t trial = 0, subset = 0;
    config.classifier.seed = r->seed;
    for (int p = 0; p < g->trials.points; p++) {
        point[p] = (mnk_usefulness_point){g->trials.subsets[p], g->trials.generators, g->by_subset + subset,
                                          g->synthetic + trial, g->trials.most[p]};
        for (int s = 0; s < g->trials.subsets[p]; s++, trial += (size_t)g->trials.generators)
            g->by_subset[subset++] = g->real[trial];
    }
    return mnk_usefulness_report(r->train, r->val, r->test, point, (size_t)g->trials.points, &config, r->usefulness, err);
}

mnk_status mnk_trials_judge(mnk_run *r, mnk_error *err) {
    gathered g = {0};
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_trials_list(r, &g.trials, err));
    MNK_OUT(mnk_trials_sweep(r, &g.trials, err));
    MNK_OUT(MNK_NEW(g.real, g.trials.n, err));
    MNK_OUT(MNK_NEW(g.synthetic, g.trials.n, err));
    MNK_OUT(MNK_NEW(g.by_subset, g.trials.n, err));
    for (size_t i = 0; i < g.trials.n; i++) MNK_OUT(judge_trial(r, &g, i, err));
    MNK_OUT(report(r, &g, err));
out:
    for (size_t i = 0; i < g.trials.n; i++) {
        if (g.real) mnk_scores_close(g.real[i]);
        if (g.synthetic) mnk_scores_close(g.synthetic[i]);
    }
    mnk_free(g.real);
    mnk_free(g.synthetic);
    mnk_free(g.by_subset);
    mnk_trials_clear(&g.trials);
    return status;
}
