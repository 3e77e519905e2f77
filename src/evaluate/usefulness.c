#include "evaluate/usefulness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/auc_report.h"
#include "learn/classifier/model.h"

#define INSIDE(f) classifier.f
/* clang-format off */
const mnk_option mnk_usefulness_options[] = {
    {"seeds", 0, MNK_OPTION_INT, offsetof(mnk_usefulness_config, seeds), "N", "3", 1, 100, NULL, "classifiers trained per arm", false},
    {"synthetic-share", 0, MNK_OPTION_REAL, offsetof(mnk_usefulness_config, synthetic_share), "P", "0.5", 0.01, 0.5, NULL, "synthetic share of a batch in real + synthetic", false},
    {"level", 0, MNK_OPTION_REAL, offsetof(mnk_usefulness_config, level), "P", "0.95", 0.5, 0.9999, NULL, "confidence of the intervals", true},
    {"bootstrap", 0, MNK_OPTION_INT, offsetof(mnk_usefulness_config, bootstrap), "N", "2000", 100, 1e6, NULL, "replicates where the test set has groups", true},
    MNK_CLASSIFIER_ROWS(mnk_usefulness_config, INSIDE),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

/* What each arm trains on. Arm 0 is what the others are compared with. A new arm is a line here. */
typedef struct arm {
    const char *name;
    bool real, synthetic;
} arm;

static const arm arms[] = {{"real", true, false}, {"real+synthetic", true, true}, {"synthetic", false, true}};
enum { ARMS = sizeof arms / sizeof *arms };

typedef struct experiment {
    const mnk_images *train, *val, *synthetic, *test;
    const mnk_usefulness_config *config;
    const mnk_observer *observer;
    int classes;
    size_t *row[4], n[4]; /* train, val, synthetic, test rows used */
    int32_t *map[4];      /* their classes -> train's */
    int32_t *test_label;  /* [n test] */
    bool *absent;         /* [classes] without synthetic images */
    float *prob[ARMS];    /* [seeds][n test][classes] */
    size_t steps, epoch_steps;
    mnk_auc_arm report[ARMS];
} experiment;

enum { TRAIN, VAL, SYNTHETIC, TEST };

void mnk_usefulness_defaults(mnk_usefulness_config *config) {
    *config = (mnk_usefulness_config){.classifier.seed = 1};
    mnk_options_defaults(mnk_usefulness_options, config);
}

static mnk_status check_config(const mnk_usefulness_config *config, mnk_error *err) {
    if (config->seeds < 1 || config->seeds > 100 || !(config->synthetic_share > 0.0 && config->synthetic_share <= 0.5) ||
        !(config->level > 0.0 && config->level < 1.0) || config->bootstrap < 1)
        return MNK_FAIL(err, MNK_ERR_USAGE,
                        "usefulness: seeds 1 to 100, synthetic share above 0 and at most 0.5, level between 0 and 1");
    return mnk_classifier_config_check(&config->classifier, err);
}

static mnk_status match(experiment *e, int which, const mnk_images *d, const char *what, mnk_error *err) {
    MNK_TRY(MNK_NEW(e->map[which], (size_t)d->classes + 1, err));
    if (d->n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "%s (%.300s) is empty", what, d->source);
    if (d->height != e->train->height || d->width != e->train->width || d->channels != e->train->channels) {
        mnk_status status =
            MNK_FAIL(err, MNK_ERR_INPUT, "%s (%.300s): images of %d x %d px with %d channels, but train has %d x %d px with %d",
                     what, d->source, d->width, d->height, d->channels, e->train->width, e->train->height, e->train->channels);
        mnk_error_hint(err, "--size and --channels bring sets to one form");
        return status;
    }
    return mnk_classifier_match(d, what, e->train->classes, e->train->class_names, e->map[which], err);
}

static mnk_status all_rows(experiment *e, int which, size_t n, mnk_error *err) {
    MNK_TRY(MNK_NEW(e->row[which], n + 1, err));
    for (size_t i = 0; i < n; i++) e->row[which][i] = i;
    e->n[which] = n;
    return MNK_OK;
}

/* Sets, rows and labels; a cut of train when there is no validation set. */
static mnk_status prepare(experiment *e, mnk_error *err) {
    const mnk_classifier_config *classifier = &e->config->classifier;
    MNK_TRY(mnk_classifier_check_train(e->train, err));
    e->classes = e->train->classes;
    if (e->test == e->train || (*e->test->hash && !strcmp(e->test->hash, e->train->hash)))
        return MNK_FAIL(err, MNK_ERR_INPUT,
                        "test (%.300s) is the training set; usefulness needs images that nothing was trained on",
                        e->test->source);
    MNK_TRY(match(e, TRAIN, e->train, "train", err));
    MNK_TRY(match(e, SYNTHETIC, e->synthetic, "synthetic", err));
    MNK_TRY(match(e, TEST, e->test, "test", err));
    MNK_TRY(all_rows(e, SYNTHETIC, e->synthetic->n, err));
    if (e->val) {
        MNK_TRY(match(e, VAL, e->val, "validation", err));
        MNK_TRY(all_rows(e, TRAIN, e->train->n, err));
        MNK_TRY(all_rows(e, VAL, e->val->n, err));
    } else {
        e->val = e->train;
        MNK_TRY(match(e, VAL, e->train, "train", err));
        MNK_TRY(mnk_classifier_cut(e->train, classifier->val_share, classifier->seed, &e->row[TRAIN], &e->n[TRAIN],
                                   &e->row[VAL], &e->n[VAL], err));
    }
    MNK_TRY(MNK_NEW(e->test_label, e->test->n, err));
    for (size_t i = 0; i < e->test->n; i++) e->test_label[i] = e->map[TEST][e->test->label[i]];
    MNK_TRY(MNK_NEW(e->absent, (size_t)e->classes, err));
    for (int k = 0; k < e->classes; k++) e->absent[k] = true;
    for (int k = 0; k < e->synthetic->classes; k++)
        if (e->map[SYNTHETIC][k] >= 0) e->absent[e->map[SYNTHETIC][k]] = false;
    e->epoch_steps = (e->n[TRAIN] + (size_t)classifier->batch - 1) / (size_t)classifier->batch;
    e->steps = classifier->steps ? (size_t)classifier->steps : (size_t)classifier->epochs * e->epoch_steps;
    return MNK_OK;
}

/* Sources of an arm; returns how many. Synthetic places are the share of the batch rounded down, at least one. */
static int sources_of(const experiment *e, const arm *a, mnk_classifier_source source[2], char *about, size_t size) {
    int n = 0;
    double batch = (double)e->config->classifier.batch, places = fmax(1.0, floor(e->config->synthetic_share * batch));
    double share = a->real && a->synthetic ? places / batch : a->synthetic ? 1.0 : 0.0;
    if (a->real) source[n++] = (mnk_classifier_source){e->train, e->row[TRAIN], e->n[TRAIN], e->map[TRAIN], 1.0 - share};
    if (a->synthetic)
        source[n++] = (mnk_classifier_source){e->synthetic, e->row[SYNTHETIC], e->n[SYNTHETIC], e->map[SYNTHETIC], share};
    snprintf(about, size, "%zu steps of %.0f real + %.0f synthetic", e->steps, batch - share * batch, share * batch);
    return n;
}

static mnk_status train_arm(experiment *e, int which, mnk_error *err) {
    const arm *a = &arms[which];
    mnk_classifier_source source[2], val = {e->val, e->row[VAL], e->n[VAL], e->map[VAL], 1.0};
    mnk_auc_arm *report = &e->report[which];
    size_t cells = e->test->n * (size_t)e->classes, seeds = (size_t)e->config->seeds;
    char label[64];
    MNK_TRY(MNK_NEW(e->prob[which], seeds * cells, err));
    *report = (mnk_auc_arm){a->name, e->prob[which], seeds, a->real ? NULL : e->absent, ""};
    mnk_classifier_job job = {.classes = e->classes,
                              .class_names = (const char *const *)e->train->class_names,
                              .source = source,
                              .val = &val,
                              .steps = e->steps,
                              .epoch_steps = e->epoch_steps,
                              .label = label};
    job.sources = sources_of(e, a, source, report->about, sizeof report->about);
    for (size_t s = 0; s < seeds; s++) {
        mnk_classifier_config config = e->config->classifier;
        mnk_classifier *c = NULL;
        config.seed += s;
        snprintf(label, sizeof label, "%s %zu/%zu: ", a->name, s + 1, seeds);
        mnk_observe_log(e->observer, MNK_LOG_INFO, "usefulness: training on %s, seed %llu (%zu of %zu)", a->name,
                        (unsigned long long)config.seed, s + 1, seeds);
        MNK_TRY(mnk_classifier_train_job(&job, &config, e->observer, &c, err));
        mnk_status status = mnk_classifier_predict(c, e->test, e->prob[which] + s * cells, err);
        mnk_classifier_close(c);
        MNK_TRY(status);
    }
    return MNK_OK;
}

static mnk_status add_warnings(const experiment *e, mnk_result *r, mnk_error *err) {
    for (int k = 0; k < e->classes; k++)
        if (e->absent[k])
            mnk_result_add_warning(r, "no synthetic image of class %.60s: it counts as wrong where only synthetic images train",
                                   e->train->class_names[k]);
    if (!e->synthetic->synthetic)
        mnk_result_add_warning(r, "the synthetic set (%.150s) carries no mark that it is synthetic", e->synthetic->source);
    if (e->n[VAL] == 0) mnk_result_add_warning(r, "no validation set: each classifier keeps its last weights");
    if (r->settings_json) return MNK_OK;
    mnk_text text = {0};
    mnk_json json = {.text = &text, .compact = true};
    mnk_json_object(&json, NULL);
    mnk_options_write(mnk_usefulness_options, e->config, &json);
    mnk_json_end_object(&json);
    r->settings_json = text.failed ? NULL : mnk_strdup(text.s);
    mnk_text_clear(&text);
    return r->settings_json ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the settings");
}

mnk_status mnk_usefulness(const mnk_images *train, const mnk_images *val, const mnk_images *synthetic, const mnk_images *test,
                          const mnk_usefulness_config *config, const mnk_observer *observer, mnk_result *r, mnk_error *err) {
    mnk_status status = MNK_OK;
    experiment e = {.train = train, .val = val, .synthetic = synthetic, .test = test, .config = config, .observer = observer};
    MNK_TRY(check_config(config, err));
    MNK_OUT(prepare(&e, err));
    for (int a = 0; a < ARMS; a++) MNK_OUT(train_arm(&e, a, err));
    mnk_auc_test judged = {test->n, e.classes, e.test_label, test->group, train->class_names};
    mnk_auc_report_settings settings = {"usefulness", config->level, (size_t)config->bootstrap, config->classifier.seed};
    MNK_OUT(mnk_auc_report(r, &judged, e.report, ARMS, &settings, err));
    MNK_OUT(add_warnings(&e, r, err));
out:
    for (int i = 0; i < 4; i++) mnk_free(e.row[i]), mnk_free(e.map[i]);
    for (int a = 0; a < ARMS; a++) mnk_free(e.prob[a]);
    mnk_free(e.test_label);
    mnk_free(e.absent);
    return status;
}

mnk_status mnk_classifier_judge(mnk_classifier *c, const mnk_images *test, double level, int64_t bootstrap, uint64_t seed,
                                mnk_result *r, mnk_error *err) {
    mnk_status status = MNK_OK;
    int32_t *map = NULL, *label = NULL;
    float *prob = NULL;
    bool *absent = NULL;
    size_t classes = (size_t)c->summary.classes;
    if (bootstrap < 1 || !(level > 0.0 && level < 1.0))
        return MNK_FAIL(err, MNK_ERR_USAGE, "level %g, %lld replicates", level, (long long)bootstrap);
    if (test->n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "test (%.300s) is empty", test->source);
    MNK_OUT(MNK_NEW(map, (size_t)test->classes + 1, err));
    MNK_OUT(MNK_NEW(label, test->n, err));
    MNK_OUT(MNK_NEW(prob, test->n * classes, err));
    MNK_OUT(MNK_NEW(absent, classes, err));
    MNK_OUT(mnk_classifier_map(c, test, map, err));
    MNK_OUT(mnk_classifier_predict(c, test, prob, err));
    for (size_t i = 0; i < test->n; i++) label[i] = map[test->label[i]];
    for (size_t k = 0; k < classes; k++) absent[k] = !c->known[k];
    mnk_auc_test judged = {test->n, (int)classes, label, test->group, c->class_names};
    mnk_auc_arm only = {"", prob, 1, absent, ""};
    mnk_auc_report_settings settings = {"classifier", level, (size_t)bootstrap, seed};
    MNK_OUT(mnk_auc_report(r, &judged, &only, 1, &settings, err));
out:
    mnk_free(map);
    mnk_free(label);
    mnk_free(prob);
    mnk_free(absent);
    return status;
}
