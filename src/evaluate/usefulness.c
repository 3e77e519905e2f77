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
    {"seeds", 0, MNK_OPTION_INT, offsetof(mnk_usefulness_config, seeds), "N", "3", 1, 99, NULL, "classifiers trained per arm", false},
    {"synthetic-share", 0, MNK_OPTION_REAL, offsetof(mnk_usefulness_config, synthetic_share), "P", "0.5", 0.01, 0.5, NULL, "synthetic share of a batch in the mixed arms", false},
    {"arms", 0, MNK_OPTION_TEXT, offsetof(mnk_usefulness_config, arms), "NAMES", NULL, 0, 0, NULL, "comma-separated, such as real,real+synthetic (default: all)", false},
    {"select", 0, MNK_OPTION_TEXT, offsetof(mnk_usefulness_config, select), "NAMES", NULL, 0, 0, NULL, "further arms with the best synthetic images only, by confidence,realism", false},
    {"select-share", 0, MNK_OPTION_REAL, offsetof(mnk_usefulness_config, select_share), "P", "0.5", 0.01, 1, NULL, "share of the synthetic images that --select keeps", true},
    {"pair", 0, MNK_OPTION_TEXT, offsetof(mnk_usefulness_config, pair), "A vs B", NULL, 0, 0, NULL, "the hard pair of classes (default: the baseline's worst on validation)", true},
    {"margin", 0, MNK_OPTION_REAL, offsetof(mnk_usefulness_config, margin), "AUC", "0.01", 0, 0.5, NULL, "loss that would not matter: margin of \"not worse\"", false},
    {"variety-min", 0, MNK_OPTION_REAL, offsetof(mnk_usefulness_config, variety_min), "R", "0.7", 0, 1, NULL, "spread inside a class over real, below which nothing is concluded", true},
    {"level", 0, MNK_OPTION_REAL, offsetof(mnk_usefulness_config, level), "P", "0.95", 0.5, 0.9999, NULL, "confidence of the intervals", true},
    {"bootstrap", 0, MNK_OPTION_INT, offsetof(mnk_usefulness_config, bootstrap), "N", "2000", 100, 1e6, NULL, "replicates where the test set has groups", true},
    MNK_CLASSIFIER_ROWS(mnk_usefulness_config, INSIDE),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

void mnk_usefulness_defaults(mnk_usefulness_config *config) {
    *config = (mnk_usefulness_config){.classifier.seed = 1};
    mnk_options_defaults(mnk_usefulness_options, config);
}

mnk_status mnk_usefulness_check(const mnk_usefulness_config *config, mnk_error *err) {
    bool on[MNK_ARMS];
    if (config->seeds < 1 || config->seeds > 99 || !(config->synthetic_share > 0.0 && config->synthetic_share <= 0.5) ||
        !(config->level > 0.0 && config->level < 1.0) || config->bootstrap < 1 || !(config->margin >= 0.0) ||
        !(config->select_share > 0.0 && config->select_share <= 1.0))
        return MNK_FAIL(
            err, MNK_ERR_USAGE,
            "usefulness: seeds 1 to 99, synthetic share above 0 and at most 0.5, level between 0 and 1, margin from 0");
    MNK_TRY(mnk_arms_chosen(config, on, err));
    return mnk_classifier_config_check(&config->classifier, err);
}

/* ---- what all points share ---- */

typedef struct judging {
    const mnk_images *train;
    const mnk_usefulness_config *config;
    mnk_result *r;
    int32_t *test_label, *val_label;
    size_t n_val;
    mnk_auc_test test;
    bool on[MNK_ARMS];
} judging;

static mnk_status labels_of(const judging *j, const mnk_images *d, const char *what, int32_t **out, mnk_error *err) {
    int32_t *map;
    MNK_TRY(MNK_NEW(map, (size_t)d->classes + 1, err));
    mnk_status status = mnk_classifier_match(d, what, j->train->classes, j->train->class_names, map, err);
    if (status == MNK_OK) status = MNK_NEW(*out, d->n + 1, err);
    for (size_t i = 0; i < d->n && status == MNK_OK; i++) (*out)[i] = map[d->label[i]];
    mnk_free(map);
    return status;
}

/* ---- the hard pair ---- */

static int class_named(const mnk_images *d, const char *name, size_t n) {
    for (int k = 0; k < d->classes; k++)
        if (strlen(d->class_names[k]) == n && !memcmp(d->class_names[k], name, n)) return k;
    return -1;
}

static mnk_status named_pair(judging *j, mnk_error *err) {
    const char *text = j->config->pair, *vs = strstr(text, " vs ");
    int a = vs ? class_named(j->train, text, (size_t)(vs - text)) : -1,
        b = vs ? class_named(j->train, vs + 4, strlen(vs + 4)) : -1;
    if (a < 0 || b < 0 || a == b)
        return MNK_FAIL(err, MNK_ERR_USAGE, "usefulness: --pair: \"%.100s\": two class names are expected, \"A vs B\"", text);
    j->test.has_pair = true;
    j->test.pair[0] = a, j->test.pair[1] = b;
    return MNK_OK;
}

/* Mean AUC of the pair over the baseline classifiers of all subsets, on the validation images. */
static mnk_status mean_pair(const judging *j, const mnk_usefulness_point *p, const int pair[2], double *out, mnk_error *err) {
    size_t n = 0;
    *out = 0.0;
    for (int s = 0; s < p->subsets; s++)
        for (size_t k = 0; k < p->real[s]->seeds; k++, n++) {
            double one;
            const float *prob = p->real[s]->val + k * j->n_val * (size_t)j->train->classes;
            MNK_TRY(mnk_auc_of_pair(prob, j->val_label, j->n_val, j->train->classes, pair, &one, err));
            *out += one;
        }
    *out /= (double)n;
    return MNK_OK;
}

/* The pair that the baseline tells apart worst on validation images; test images have no say. */
static mnk_status find_pair(judging *j, const mnk_images *val, const mnk_usefulness_point *p, mnk_error *err) {
    double worst = INFINITY;
    if (j->config->pair) return named_pair(j, err);
    if (!val || !p->real[0]->val) return MNK_OK;
    MNK_TRY(labels_of(j, val, "validation", &j->val_label, err));
    j->n_val = val->n;
    for (int a = 0; a < j->train->classes; a++)
        for (int b = a + 1; b < j->train->classes; b++) {
            double one;
            MNK_TRY(mean_pair(j, p, (int[2]){a, b}, &one, err));
            if (!(one < worst)) continue;
            worst = one;
            j->test.has_pair = true;
            j->test.pair[0] = a, j->test.pair[1] = b;
        }
    return MNK_OK;
}

/* ---- one point ---- */

typedef struct runs {
    const float **run; /* [units * per_unit] */
    mnk_auc_arm arm;
} runs;

/* Matrices of an arm, unit by unit. Units are subsets, or the generators of the only subset; there, arms without synthetic
 * images have the same classifiers in every unit. */
static mnk_status collect(const judging *j, const mnk_usefulness_point *p, int a, runs *out, mnk_error *err) {
    bool by_subset = p->subsets > 1, synthetic = mnk_arms[a].synthetic;
    size_t seeds = p->real[0]->seeds, generators = (size_t)p->generators, classes = (size_t)j->train->classes, n = 0;
    size_t units = by_subset ? (size_t)p->subsets : generators;
    size_t per_unit = by_subset && synthetic ? generators * seeds : seeds;
    MNK_TRY(MNK_NEW(out->run, units * per_unit, err));
    for (size_t u = 0; u < units; u++)
        for (size_t k = 0; k < per_unit; k++) {
            size_t subset = by_subset ? u : 0, generator = by_subset ? k / seeds : u;
            const mnk_scores *s = synthetic ? p->synthetic[subset * generators + generator] : p->real[subset];
            out->run[n++] = s->test[a] + k % seeds * s->n_test * classes;
        }
    out->arm = (mnk_auc_arm){.name = mnk_arms[a].name, .run = out->run, .units = units, .per_unit = per_unit};
    out->arm.trained = by_subset || synthetic ? n : seeds;
    if (!mnk_arms[a].real) out->arm.absent = p->synthetic[0]->absent;
    mnk_arm_about(j->config, a, p->real[0]->steps, out->arm.about, sizeof out->arm.about);
    return MNK_OK;
}

/* Smallest spread over the generators of a point, per class; returns the class with the smallest, -1 when none is known. */
static int least_variety(const judging *j, const mnk_usefulness_point *p, double *least, double *mean) {
    int worst = -1;
    size_t n = (size_t)p->subsets * (size_t)p->generators;
    for (int k = 0; k < j->train->classes; k++) {
        least[k] = NAN, mean[k] = 0.0;
        for (size_t i = 0; i < n; i++) {
            double v = p->synthetic[i]->variety[k];
            mean[k] += v / (double)n;
            if (!isnan(v) && !(v > least[k])) least[k] = v;
        }
        if (!isnan(least[k]) && (worst < 0 || least[k] < least[worst])) worst = k;
    }
    return worst;
}

static mnk_status add_variety(const judging *j, const mnk_usefulness_point *p, const char *suffix, char refused[160],
                              mnk_error *err) {
    int classes = j->train->classes;
    double *least;
    MNK_TRY(MNK_NEW(least, 2 * (size_t)classes, err));
    int worst = least_variety(j, p, least, least + classes);
    mnk_status status = MNK_OK;
    for (int k = 0; k < classes && status == MNK_OK; k++) {
        char id[64];
        snprintf(id, sizeof id, "generator_variety%s", suffix);
        mnk_metric *m = mnk_result_add_metric(j->r, id, "usefulness");
        if (!m) status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the metric %s", id);
        if (!m) break;
        m->value = least[k];
        m->n = (size_t)p->subsets * (size_t)p->generators;
        snprintf(m->subset, sizeof m->subset, "%s", j->train->class_names[k]);
        if (!isnan(least[classes + k])) mnk_metric_add_reference(m, "mean", least[classes + k]);
        snprintf(m->note, sizeof m->note, "lowest of %zu generators; pixels", m->n);
        if (isnan(m->value)) snprintf(m->note, sizeof m->note, "fewer than two real or synthetic images of this class");
    }
    if (worst >= 0 && least[worst] < j->config->variety_min) {
        snprintf(refused, 160,
                 "a generator collapsed: in %.60s its images spread %.2f times as much as real ones (at least %.2f)",
                 j->train->class_names[worst], least[worst], j->config->variety_min);
        mnk_result_add_warning(j->r, "nothing is concluded from synthetic images%s%s: %s", *suffix ? " at " : "",
                               *suffix ? suffix + 1 : "", refused);
    }
    mnk_free(least);
    return status;
}

static mnk_status add_counts(const judging *j, const mnk_usefulness_point *p, const char *suffix, mnk_error *err) {
    for (int k = 0; k < j->train->classes; k++) {
        char id[64];
        snprintf(id, sizeof id, "train_images%s", suffix);
        mnk_metric *m = mnk_result_add_metric(j->r, id, "usefulness");
        if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the metric %s", id);
        m->value = 0.0;
        for (int s = 0; s < p->subsets; s++) m->value += (double)p->real[s]->train_n[k] / p->subsets;
        m->n = (size_t)p->subsets;
        snprintf(m->subset, sizeof m->subset, "%s", j->train->class_names[k]);
        if (p->subsets > 1) snprintf(m->note, sizeof m->note, "mean of %d training subsets", p->subsets);
    }
    return MNK_OK;
}

static mnk_status judge_point(judging *j, const mnk_usefulness_point *p, mnk_error *err) {
    runs run[MNK_ARMS] = {0};
    mnk_auc_arm arm[MNK_ARMS];
    char suffix[24] = "", refused[160] = "";
    int arms = 0, baseline = 0;
    mnk_status status = MNK_OK;
    if (p->most) snprintf(suffix, sizeof suffix, "@%lld", (long long)p->most);
    MNK_OUT(add_counts(j, p, suffix, err));
    MNK_OUT(add_variety(j, p, suffix, refused, err));
    for (int a = 0; a < MNK_ARMS; a++) {
        if (!j->on[a]) continue;
        MNK_OUT(collect(j, p, a, &run[a], err));
        if (mnk_arms[a].synthetic && *refused) run[a].arm.refused = refused;
        if (a == MNK_ARM_BASELINE) baseline = arms;
        arm[arms++] = run[a].arm;
    }
    mnk_auc_report_settings settings = {.group = "usefulness",
                                        .level = j->config->level,
                                        .replicates = (size_t)j->config->bootstrap,
                                        .seed = j->config->classifier.seed,
                                        .baseline = baseline,
                                        .margin = j->config->margin,
                                        .suffix = suffix,
                                        .subsets = p->subsets,
                                        .generators = p->generators};
    MNK_OUT(mnk_auc_report(j->r, &j->test, arm, arms, &settings, err));
out:
    for (int a = 0; a < MNK_ARMS; a++) mnk_free(run[a].run);
    return status;
}

static mnk_status add_settings(const mnk_usefulness_config *config, mnk_result *r, mnk_error *err) {
    if (r->settings_json) return MNK_OK;
    mnk_text text = {0};
    mnk_json json = {.text = &text, .compact = true};
    mnk_json_object(&json, NULL);
    mnk_options_write(mnk_usefulness_options, config, &json);
    mnk_json_end_object(&json);
    r->settings_json = text.failed ? NULL : mnk_strdup(text.s);
    mnk_text_clear(&text);
    return r->settings_json ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the settings");
}

static void add_warnings(const judging *j, const mnk_usefulness_point *p) {
    for (int k = 0; k < j->train->classes; k++)
        if (p->synthetic[0]->absent[k])
            mnk_result_add_warning(j->r,
                                   "no synthetic image of class %.60s: it counts as wrong where only synthetic images train",
                                   j->train->class_names[k]);
    if (p->subsets == 1)
        mnk_result_add_warning(j->r, "one training subset: the intervals do not say how much another choice of training images "
                                     "would change; repeat.subsets does");
}

mnk_status mnk_usefulness_report(const mnk_images *train, const mnk_images *val, const mnk_images *test,
                                 const mnk_usefulness_point *point, size_t points, const mnk_usefulness_config *config,
                                 mnk_result *r, mnk_error *err) {
    judging j = {.train = train, .config = config, .r = r};
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_arms_chosen(config, j.on, err));
    MNK_OUT(labels_of(&j, test, "test", &j.test_label, err));
    j.test = (mnk_auc_test){test->n, train->classes, j.test_label, test->group, train->class_names, false, {0, 0}};
    MNK_OUT(find_pair(&j, val, &point[0], err));
    for (size_t i = 0; i < points; i++) MNK_OUT(judge_point(&j, &point[i], err));
    add_warnings(&j, &point[0]);
    MNK_OUT(add_settings(config, r, err));
out:
    mnk_free(j.test_label);
    mnk_free(j.val_label);
    return status;
}

mnk_status mnk_usefulness(const mnk_images *train, const mnk_images *val, const mnk_images *synthetic, const mnk_images *test,
                          const mnk_usefulness_config *config, const mnk_observer *observer, mnk_result *r, mnk_error *err) {
    mnk_scores *plain = NULL, *mixed = NULL;
    mnk_classifier *baseline = NULL;
    mnk_status status = MNK_OK;
    mnk_arms_data data = {.train = train, .val = val, .test = test};
    MNK_TRY(mnk_usefulness_check(config, err));
    MNK_OUT(mnk_arms_run(&data, config, &baseline, observer, &plain, err));
    data.synthetic = synthetic;
    MNK_OUT(mnk_arms_run(&data, config, &baseline, observer, &mixed, err));
    mnk_usefulness_point point = {1, 1, &plain, &mixed, 0};
    MNK_OUT(mnk_usefulness_report(train, val, test, &point, 1, config, r, err));
    if (!synthetic->synthetic)
        mnk_result_add_warning(r, "the synthetic set (%.150s) carries no mark that it is synthetic", synthetic->source);
out:
    mnk_classifier_close(baseline);
    mnk_scores_close(plain);
    mnk_scores_close(mixed);
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
    mnk_auc_test judged = {test->n, (int)classes, label, test->group, c->class_names, false, {0, 0}};
    const float *run = prob;
    mnk_auc_arm only = {.name = "", .run = &run, .units = 1, .per_unit = 1, .trained = 1, .absent = absent};
    mnk_auc_report_settings settings = {
        .group = "classifier", .level = level, .replicates = (size_t)bootstrap, .seed = seed, .baseline = -1, .suffix = ""};
    MNK_OUT(mnk_auc_report(r, &judged, &only, 1, &settings, err));
out:
    mnk_free(map);
    mnk_free(label);
    mnk_free(prob);
    mnk_free(absent);
    return status;
}
