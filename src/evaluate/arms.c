#include "evaluate/arms.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/variety.h"
#include "learn/classifier/model.h"

/* clang-format off */
const mnk_arm mnk_arms[MNK_ARMS] = {
    {"real",                                     true,  false, false, false, MNK_SELECT_ALL,        "real"},
    {"real+over",                                true,  true,  false, false, MNK_SELECT_ALL,        "real, oversampled"},
    {"real+classical",                           true,  false, true,  false, MNK_SELECT_ALL,        "real, augmented"},
    {"real+over+classical",                      true,  true,  true,  false, MNK_SELECT_ALL,        "real, oversampled and augmented"},
    {"real+synthetic",                           true,  false, false, true,  MNK_SELECT_ALL,        "real and synthetic"},
    {"real+synthetic+classical",                 true,  false, true,  true,  MNK_SELECT_ALL,        "real and synthetic, augmented"},
    {"real+synthetic+over+classical",            true,  true,  true,  true,  MNK_SELECT_ALL,        "all three"},
    {"synthetic",                                false, true,  true,  true,  MNK_SELECT_ALL,        "synthetic alone, augmented"},
    {"real+synthetic+over+classical:confidence", true,  true,  true,  true,  MNK_SELECT_CONFIDENCE, "all three, synthetic chosen by confidence"},
    {"real+synthetic+over+classical:realism",    true,  true,  true,  true,  MNK_SELECT_REALISM,    "all three, synthetic chosen by realism"},
};
/* clang-format on */

/* Whether `name` is one of the comma-separated words of list. */
static bool is_in(const char *list, const char *name) {
    size_t n = strlen(name);
    for (const char *p = list; p; p = strchr(p, ','), p = p ? p + 1 : NULL) {
        while (*p == ' ') p++;
        size_t length = strcspn(p, ",");
        while (length && p[length - 1] == ' ') length--;
        if (length == n && memcmp(p, name, n) == 0) return true;
    }
    return false;
}

static const char *selection_of(const mnk_arm *a) {
    const char *colon = strchr(a->name, ':');
    return colon ? colon + 1 : "";
}

/* Words of list that name nothing: option is for the message. */
static mnk_status check_words(const char *option, const char *list, bool selections, mnk_error *err) {
    for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',') {
        char word[80];
        const char *from = p + strspn(p, " ");
        size_t n = strcspn(from, ",");
        while (n && from[n - 1] == ' ') n--;
        snprintf(word, sizeof word, "%.*s", (int)(n < 79 ? n : 79), from);
        bool known = false;
        const char *names[MNK_ARMS];
        size_t count = 0;
        for (int a = 0; a < MNK_ARMS; a++) {
            bool of_kind = (mnk_arms[a].select != MNK_SELECT_ALL) == selections;
            const char *name = selections ? selection_of(&mnk_arms[a]) : mnk_arms[a].name;
            if (of_kind) names[count++] = name, known = known || !strcmp(name, word);
        }
        if (known) continue;
        const char *near = mnk_nearest(word, names, count);
        return MNK_FAIL(err, MNK_ERR_USAGE, "usefulness: --%s: there is no \"%s\"%s%s%s", option, word,
                        near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    return MNK_OK;
}

mnk_status mnk_arms_chosen(const mnk_usefulness_config *config, bool on[MNK_ARMS], mnk_error *err) {
    MNK_TRY(check_words("arms", config->arms, false, err));
    MNK_TRY(check_words("select", config->select, true, err));
    for (int a = 0; a < MNK_ARMS; a++)
        on[a] = mnk_arms[a].select != MNK_SELECT_ALL ? is_in(config->select, selection_of(&mnk_arms[a]))
                                                     : !config->arms || is_in(config->arms, mnk_arms[a].name);
    on[MNK_ARM_BASELINE] = true;
    return MNK_OK;
}

/* Synthetic places are the share of the batch rounded down, at least one. */
static double synthetic_places(const mnk_usefulness_config *config, const mnk_arm *a) {
    double batch = (double)config->classifier.batch;
    if (!a->synthetic) return 0.0;
    return a->real ? fmax(1.0, floor(config->synthetic_share * batch)) : batch;
}

void mnk_arm_about(const mnk_usefulness_config *config, int arm, size_t steps, char *out, size_t size) {
    double synthetic = synthetic_places(config, &mnk_arms[arm]);
    snprintf(out, size, "%zu steps of %.0f real + %.0f synthetic", steps, (double)config->classifier.batch - synthetic,
             synthetic);
}

/* ---- training ---- */

enum { TRAIN, SYNTHETIC, TEST, VAL, SETS };

typedef struct job {
    const mnk_arms_data *d;
    const mnk_images *set[SETS];
    const mnk_usefulness_config *config;
    const mnk_observer *observer;
    size_t *row[2]; /* all rows of train and synthetic */
    int32_t *map[SETS];
    size_t steps;
    mnk_scores *out;
} job;

static mnk_status check_set(job *j, int which, const char *what, mnk_error *err) {
    const mnk_images *d = j->set[which], *train = j->d->train;
    if (!d) return MNK_OK;
    if (d->n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "%s (%.300s) is empty", what, d->source);
    if (d->height != train->height || d->width != train->width || d->channels != train->channels) {
        mnk_status status =
            MNK_FAIL(err, MNK_ERR_INPUT, "%s (%.300s): images of %d x %d px with %d channels, but train has %d x %d px with %d",
                     what, d->source, d->width, d->height, d->channels, train->width, train->height, train->channels);
        mnk_error_hint(err, "--size and --channels bring sets to one form");
        return status;
    }
    MNK_TRY(MNK_NEW(j->map[which], (size_t)d->classes + 1, err));
    MNK_TRY(mnk_classifier_match(d, what, train->classes, train->class_names, j->map[which], err));
    if (which > SYNTHETIC) return MNK_OK;
    MNK_TRY(MNK_NEW(j->row[which], d->n + 1, err));
    for (size_t i = 0; i < d->n; i++) j->row[which][i] = i;
    return MNK_OK;
}

static mnk_status prepare(job *j, mnk_error *err) {
    static const char *const names[SETS] = {"train", "synthetic", "test", "validation"};
    const mnk_arms_data *d = j->d;
    const mnk_classifier_config *c = &j->config->classifier;
    MNK_TRY(mnk_classifier_check_train(d->train, err));
    if (d->test == d->train || (*d->test->hash && !strcmp(d->test->hash, d->train->hash)))
        return MNK_FAIL(err, MNK_ERR_INPUT,
                        "test (%.300s) is the training set; usefulness needs images that nothing was trained on",
                        d->test->source);
    for (int k = 0; k < SETS; k++) MNK_TRY(check_set(j, k, names[k], err));
    size_t batches = (d->train->n + (size_t)c->batch - 1) / (size_t)c->batch;
    j->steps = c->steps ? (size_t)c->steps : (size_t)c->epochs * batches;
    mnk_scores *s = j->out;
    *s = (mnk_scores){.seeds = (size_t)j->config->seeds, .n_test = d->test->n, .classes = d->train->classes, .steps = j->steps};
    MNK_TRY(MNK_NEW(s->train_n, (size_t)s->classes, err));
    for (size_t i = 0; i < d->train->n; i++) s->train_n[j->map[TRAIN][d->train->label[i]]]++;
    if (!d->synthetic) return MNK_OK;
    MNK_TRY(MNK_NEW(s->absent, (size_t)s->classes, err));
    for (int k = 0; k < s->classes; k++) s->absent[k] = true;
    for (size_t i = 0; i < d->synthetic->n; i++) s->absent[j->map[SYNTHETIC][d->synthetic->label[i]]] = false;
    return MNK_OK;
}

static mnk_status labels_of(const job *j, int which, int32_t **out, mnk_error *err) {
    const mnk_images *d = j->set[which];
    MNK_TRY(MNK_NEW(*out, d->n + 1, err));
    for (size_t i = 0; i < d->n; i++) (*out)[i] = j->map[which][d->label[i]];
    return MNK_OK;
}

/* Spread of synthetic over real images of each class, in pixels. */
static mnk_status measure_variety(job *j, mnk_error *err) {
    int classes = j->out->classes;
    int32_t *label[2] = {NULL, NULL};
    double *spread[2] = {NULL, NULL};
    mnk_status status = MNK_OK;
    MNK_TRY(MNK_NEW(j->out->variety, (size_t)classes, err));
    for (int k = 0; k < 2; k++) {
        MNK_OUT(labels_of(j, k, &label[k], err));
        MNK_OUT(MNK_NEW(spread[k], j->set[k]->n + 1, err));
        MNK_OUT(mnk_within_class_spread(j->set[k], label[k], classes, spread[k], err));
    }
    mnk_spread of_real = {spread[0], label[0], j->set[0]->n}, of_synthetic = {spread[1], label[1], j->set[1]->n};
    for (int k = 0; k < classes; k++)
        MNK_OUT(mnk_spread_ratio(&of_real, &of_synthetic, classes, k, 0, 0, 0, &j->out->variety[k], NULL, NULL, err));
out:
    for (int k = 0; k < 2; k++) mnk_free(label[k]), mnk_free(spread[k]);
    return status;
}

static mnk_status predict(job *j, int arm, size_t seed, mnk_classifier *c, mnk_error *err) {
    mnk_scores *s = j->out;
    size_t classes = (size_t)s->classes;
    MNK_TRY(mnk_classifier_predict(c, j->d->test, s->test[arm] + seed * s->n_test * classes, err));
    if (arm != MNK_ARM_BASELINE || !j->d->val) return MNK_OK;
    if (!s->val) {
        s->n_val = j->d->val->n;
        MNK_TRY(MNK_NEW(s->val, s->seeds * s->n_val * classes, err));
    }
    return mnk_classifier_predict(c, j->d->val, s->val + seed * s->n_val * classes, err);
}

static mnk_status train_arm(job *j, int arm, const size_t *rows, size_t n, mnk_classifier **keep, mnk_error *err) {
    const mnk_arm *a = &mnk_arms[arm];
    mnk_classifier_source source[2];
    char label[96];
    double share = synthetic_places(j->config, a) / (double)j->config->classifier.batch;
    mnk_classifier_job work = {.classes = j->out->classes,
                               .class_names = (const char *const *)j->d->train->class_names,
                               .source = source,
                               .steps = j->steps,
                               .epoch_steps = j->steps,
                               .label = label};
    if (a->real)
        source[work.sources++] =
            (mnk_classifier_source){j->d->train, j->row[TRAIN], j->d->train->n, j->map[TRAIN], 1.0 - share, a->over};
    if (a->synthetic)
        source[work.sources++] = (mnk_classifier_source){j->d->synthetic, rows, n, j->map[SYNTHETIC], share, true};
    MNK_TRY(MNK_NEW(j->out->test[arm], j->out->seeds * j->out->n_test * (size_t)j->out->classes, err));
    for (size_t s = 0; s < j->out->seeds; s++) {
        mnk_classifier_config config = j->config->classifier;
        mnk_classifier *c = NULL;
        config.seed += s;
        config.augment = a->classical;
        snprintf(label, sizeof label, "%s %zu/%zu: ", a->name, s + 1, j->out->seeds);
        mnk_observe_log(j->observer, MNK_LOG_INFO, "usefulness: training on %s, seed %llu (%zu of %zu)", a->name,
                        (unsigned long long)config.seed, s + 1, j->out->seeds);
        MNK_TRY(mnk_classifier_train_job(&work, &config, j->observer, &c, err));
        mnk_status status = predict(j, arm, s, c, err);
        if (keep && !*keep && status == MNK_OK) *keep = c;
        else mnk_classifier_close(c);
        MNK_TRY(status);
    }
    return MNK_OK;
}

static mnk_status run_arm(job *j, int arm, mnk_classifier **baseline, mnk_error *err) {
    const mnk_arm *a = &mnk_arms[arm];
    if (a->select == MNK_SELECT_ALL)
        return train_arm(j, arm, j->row[SYNTHETIC], j->d->synthetic ? j->d->synthetic->n : 0,
                         arm == MNK_ARM_BASELINE ? baseline : NULL, err);
    size_t *rows = NULL, n = 0;
    MNK_TRY(mnk_select_rows(a->select, j->config->select_share, *baseline, j->d->train, j->map[TRAIN], j->d->synthetic,
                            j->map[SYNTHETIC], &rows, &n, err));
    mnk_status status = train_arm(j, arm, rows, n, NULL, err);
    mnk_free(rows);
    return status;
}

mnk_status mnk_arms_run(const mnk_arms_data *d, const mnk_usefulness_config *config, mnk_classifier **baseline,
                        const mnk_observer *observer, mnk_scores **out, mnk_error *err) {
    bool on[MNK_ARMS];
    mnk_status status = MNK_OK;
    job j = {.d = d, .set = {d->train, d->synthetic, d->test, d->val}, .config = config, .observer = observer};
    *out = NULL;
    MNK_TRY(mnk_arms_chosen(config, on, err));
    MNK_TRY(MNK_NEW(j.out, 1, err));
    MNK_OUT(prepare(&j, err));
    if (d->synthetic) MNK_OUT(measure_variety(&j, err));
    for (int a = 0; a < MNK_ARMS; a++)
        if (on[a] && mnk_arms[a].synthetic == (d->synthetic != NULL)) MNK_OUT(run_arm(&j, a, baseline, err));
    *out = j.out;
    j.out = NULL;
out:
    for (int k = 0; k < SETS; k++) mnk_free(j.map[k]);
    for (int k = 0; k < 2; k++) mnk_free(j.row[k]);
    mnk_scores_close(j.out);
    return status;
}
