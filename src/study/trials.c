#include "study/trials.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

/* ---- which trials ---- */

static mnk_study_draw draw_of(const mnk_run *r, const mnk_trial *t) {
    return (mnk_study_draw){.seed = r->seed, .subset = t->subset, .most = t->most};
}

/* Thins r->all for one trial and selects its training images (out NULL: only asks), then puts the splits back. */
static mnk_status draw(mnk_run *r, const mnk_trial *t, mnk_images **out, bool *is_drawn, size_t *n, mnk_error *err) {
    uint8_t *kept = NULL;
    mnk_study_draw one = draw_of(r, t);
    MNK_TRY(mnk_run_data(r, err));
    MNK_TRY(MNK_NEW(kept, r->all->n + 1, err));
    memcpy(kept, r->all->split, r->all->n);
    mnk_status status = mnk_study_thin(r->all, &r->s->data, &one, is_drawn, NULL, err);
    *n = 0;
    for (size_t i = 0; i < r->all->n; i++) *n += r->all->split[i] == MNK_SPLIT_TRAIN;
    if (status == MNK_OK && out) status = mnk_study_subset(r->all, MNK_SPLIT_TRAIN, out, err);
    memcpy(r->all->split, kept, r->all->n);
    mnk_free(kept);
    return status;
}

mnk_status mnk_trial_train(mnk_run *r, const mnk_trial *t, mnk_images **out, mnk_error *err) {
    bool is_drawn;
    size_t n;
    return draw(r, t, out, &is_drawn, &n, err);
}

static mnk_trial make(int point, int64_t most, int subset, int generator) {
    mnk_trial t = {.point = point, .most = most, .subset = subset, .generator = generator};
    if (point) snprintf(t.subset_name, sizeof t.subset_name, "n%lld-s%d", (long long)most, subset);
    else snprintf(t.subset_name, sizeof t.subset_name, "s%d", subset);
    snprintf(t.name, sizeof t.name, "%s-g%d", t.subset_name, generator);
    return t;
}

/* Points that differ from the study's own training set, and how many subsets each has. */
static mnk_status find_points(mnk_run *r, mnk_trials *t, mnk_error *err) {
    size_t own = 0, n;
    for (int k = -1; k < r->s->curves; k++) {
        bool is_drawn;
        mnk_trial one = make(t->points, k < 0 ? 0 : r->s->curve[k], 0, 0);
        MNK_TRY(draw(r, &one, NULL, &is_drawn, &n, err));
        if (k < 0) own = n;
        else if (n >= own) continue;
        t->subsets[t->points] = is_drawn ? (int)r->s->repeat.subsets : 1;
        t->most[t->points++] = one.most;
    }
    return MNK_OK;
}

mnk_status mnk_trials_list(mnk_run *r, mnk_trials *out, mnk_error *err) {
    *out = (mnk_trials){.generators = (int)r->s->repeat.generators};
    MNK_TRY(find_points(r, out, err));
    size_t most = (size_t)out->points * (size_t)r->s->repeat.subsets * (size_t)out->generators;
    MNK_TRY(MNK_NEW(out->trial, most, err));
    for (int p = 0; p < out->points; p++)
        for (int s = 0; s < out->subsets[p]; s++)
            for (int g = 0; g < out->generators; g++) out->trial[out->n++] = make(p, out->most[p], s, g);
    return MNK_OK;
}

void mnk_trials_clear(mnk_trials *t) {
    mnk_free(t->trial);
    *t = (mnk_trials){0};
}

/* Subsets and generators are below 100 each, and a trial takes less than 100 seeds for its classifiers. */
uint64_t mnk_trial_subset_seed(const mnk_run *r, const mnk_trial *t) { return r->seed + 10000 * (uint64_t)t->subset; }
uint64_t mnk_trial_seed(const mnk_run *r, const mnk_trial *t) {
    return mnk_trial_subset_seed(r, t) + 100 * (uint64_t)t->generator;
}

/* ---- generators ---- */

static mnk_status generator_key(const mnk_run *r, const mnk_trial *t, const mnk_images *train, char key[MNK_HASH_TEXT],
                                mnk_error *err) {
    uint64_t seed = mnk_trial_seed(r, t);
    mnk_text settings = {0};
    mnk_study_section_json(r->s, "gan", &settings);
    mnk_hash *h = settings.failed ? NULL : mnk_hash_open();
    if (h) {
        mnk_hash_add_text(h, "manikin trial generator 1");
        mnk_hash_add_text(h, MNK_VERSION);
        mnk_hash_add_text(h, settings.s);
        mnk_hash_add(h, &seed, sizeof seed);
        mnk_hash_add_text(h, train->hash);
        mnk_hash_finish(h, key);
    }
    mnk_text_clear(&settings);
    return h ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
}

static mnk_status train_generator(mnk_run *r, const mnk_trial *t, const mnk_images *train, const char *path, bool can_continue,
                                  mnk_error *err) {
    char run_folder[1200], checkpoint[1300];
    mnk_gan_config config = r->s->gan;
    snprintf(run_folder, sizeof run_folder, "%s/" MNK_TRIALS_FOLDER "/gan-%s/model.run", r->dir, t->name);
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint.safetensors", run_folder);
    config.seed = mnk_trial_seed(r, t);
    config.resume = can_continue && mnk_path_exists(checkpoint);
    config.force = true;
    mnk_observe_log(r->observer, MNK_LOG_INFO, "usefulness: generator %d of subset %d%s, %zu images", t->generator + 1,
                    t->subset + 1, t->point ? " on the learning curve" : "", train->n);
    MNK_TRY(mnk_gan_train(train, &config, path, r->observer, err));
    return mnk_dir_remove(run_folder, err); /* the model is what counts; grids and checkpoints of many would weigh */
}

mnk_status mnk_trial_generator(mnk_run *r, const mnk_trial *t, char path[1200], char digest[MNK_HASH_TEXT], mnk_error *err) {
    if (t->point == 0 && t->subset == 0 && t->generator == 0) {
        snprintf(path, 1200, "%s/gan/model.safetensors", r->dir);
        snprintf(digest, MNK_HASH_TEXT, "%s", r->digest[MNK_STEP_GAN]);
        return MNK_OK;
    }
    char step[64], key[MNK_HASH_TEXT], folder[128], output[160];
    mnk_cache_state state;
    mnk_images *train = NULL;
    mnk_status status = MNK_OK;
    bool can_continue = false;
    snprintf(step, sizeof step, "gan-%s", t->name);
    snprintf(folder, sizeof folder, MNK_TRIALS_FOLDER "/%s", step);
    snprintf(output, sizeof output, "%s/model.safetensors", folder);
    snprintf(path, 1200, "%s/%s", r->dir, output);
    MNK_OUT(mnk_trial_train(r, t, &train, err));
    MNK_OUT(generator_key(r, t, train, key, err));
    MNK_OUT(mnk_cache_check(r->dir, step, key, &state, err));
    if (!state.is_current) {
        const char *const outputs[] = {output};
        MNK_OUT(mnk_cache_begin(r->dir, step, key, folder, &can_continue, err));
        MNK_OUT(train_generator(r, t, train, path, can_continue, err));
        MNK_OUT(mnk_cache_commit(r->dir, step, key, 0, outputs, 1, NULL, &state, err)); /* no time: equal runs, equal bytes */
    }
    snprintf(digest, MNK_HASH_TEXT, "%s", state.digest);
out:
    mnk_images_close(train);
    return status;
}

/* ---- leftovers ---- */

/* "gan-NAME", "scores-NAME" and "baseline-NAME" with any ending, where NAME is a subset or a trial of this study. */
static bool belongs(const mnk_trials *t, const char *file) {
    const char *name = strchr(file, '-');
    if (!name++) return false;
    for (size_t i = 0; i < t->n; i++) {
        const char *const names[] = {t->trial[i].subset_name, t->trial[i].name};
        for (int k = 0; k < 2; k++) {
            size_t n = strlen(names[k]);
            if (strncmp(name, names[k], n) == 0 && (name[n] == '\0' || name[n] == '.')) return true;
        }
    }
    return false;
}

static bool is_of_trial(const char *record) { return !strncmp(record, "gan-", 4) || !strncmp(record, "scores-", 7); }

static mnk_status sweep(const mnk_run *r, const char *folder, bool (*is_ours)(const char *), const mnk_trials *t,
                        mnk_error *err) {
    char path[1200], one[1500], **names = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/%s", r->dir, folder);
    MNK_TRY(mnk_dir_make(path, err));
    MNK_TRY(mnk_dir_list(path, &names, &n, err));
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < n && status == MNK_OK; i++) {
        if ((is_ours && !is_ours(names[i])) || belongs(t, names[i])) continue;
        snprintf(one, sizeof one, "%s/%s", path, names[i]);
        status = mnk_dir_remove(one, err);
    }
    mnk_free(names);
    return status;
}

mnk_status mnk_trials_sweep(const mnk_run *r, const mnk_trials *t, mnk_error *err) {
    MNK_TRY(sweep(r, MNK_TRIALS_FOLDER, NULL, t, err));
    return sweep(r, MNK_STEPS_FOLDER, is_of_trial, t, err);
}
