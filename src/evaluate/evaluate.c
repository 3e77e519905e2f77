/* evaluate: sets, encodings, metrics overall and by class, copies, warnings. */
#include "manikin/evaluate.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "evaluate/artefacts.h"
#include "evaluate/config.h"
#include "evaluate/copies.h"
#include "evaluate/judge.h"
#include "evaluate/report.h"

enum { MAX_ENCODINGS = 4 };

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Splits "scatter,classifier"; NULL takes what the inputs allow. */
static mnk_status list_encodings(const mnk_evaluate_config *config, bool classifier, char names[MAX_ENCODINGS][24], int *count,
                                 mnk_error *err) {
    const char *p = config->encoding;
    if (!p || !*p)
        p = config->features_train || config->features_synthetic ? "npy" : classifier ? "scatter,classifier" : "scatter";
    *count = 0;
    while (*p) {
        const size_t n = strcspn(p, ",");
        bool seen = n == 0;
        for (int k = 0; k < *count; k++) seen = seen || (strlen(names[k]) == n && !memcmp(names[k], p, n));
        if (n >= sizeof names[0]) return MNK_FAIL(err, MNK_ERR_USAGE, "unknown encoding \"%.*s\"", (int)n, p);
        if (!seen && *count == MAX_ENCODINGS)
            return MNK_FAIL(err, MNK_ERR_USAGE, "--encoding names more than %d", MAX_ENCODINGS);
        if (!seen) snprintf(names[(*count)++], sizeof names[0], "%.*s", (int)n, p);
        p += n + (p[n] == ',');
    }
    return *count ? MNK_OK : MNK_FAIL(err, MNK_ERR_USAGE, "--encoding is empty");
}

static mnk_status check_config(const mnk_evaluate_config *c, mnk_error *err) {
    if (c->neighbours < 1 || c->neighbours > 64)
        return MNK_FAIL(err, MNK_ERR_USAGE, "neighbours %lld: must be 1 to 64", (long long)c->neighbours);
    if (c->max_items < 10 || c->replicates < 0 || c->replicates > 1000000 || !(c->level > 0 && c->level < 1) ||
        !(c->near_share > 0 && c->near_share < 1) || c->never_shown < 0)
        return MNK_FAIL(err, MNK_ERR_USAGE, "evaluate: a setting is out of range; start from mnk_evaluate_defaults()");
    return MNK_OK;
}

static mnk_status describe(const mnk_sets *s, mnk_result *r, mnk_error *err) {
    for (int role = 0; role < MNK_ROLE_FLOOR; role++) {
        const mnk_images *d = s->images[role];
        if (d && !mnk_result_add_input(r, mnk_role_names[role], d->source, d->n, d->hash))
            return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    }
    mnk_text text = {0};
    mnk_json j = {.text = &text, .compact = true};
    mnk_json_object(&j, NULL);
    mnk_options_write(mnk_evaluate_options, s->config, &j);
    mnk_json_end_object(&j);
    if (text.failed) {
        mnk_text_clear(&text);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    }
    r->settings_json = text.s;
    return MNK_OK;
}

/* Overall rows of every encoding, then the classes. */
static mnk_status judge_all(mnk_sets *s, const mnk_encoded *e, int encodings, int never_in, const mnk_observer *o,
                            mnk_result *r, mnk_error *err) {
    const int subsets = s->config->by_class && s->classes > 1 ? s->classes : 0;
    const mnk_evaluate_config *c = s->config;
    const mnk_images *train = s->images[MNK_ROLE_TRAIN];
    const mnk_judge_plan plan = {.seed = c->seed,
                                 .neighbours = (size_t)c->neighbours,
                                 .max_items = (size_t)c->max_items,
                                 .replicates = (size_t)c->replicates,
                                 .never_shown = (size_t)c->never_shown,
                                 .level = c->level,
                                 .compat = (unsigned)c->compat,
                                 .items = "images",
                                 .label = train->label,
                                 .label_name = (const char *const *)train->class_names};
    const double total = (double)encodings * (subsets + 1);
    double done = 0;
    for (int label = -1; label < subsets; label++) {
        if (label < 0) MNK_TRY(mnk_report_whole(s, o, r, err));
        else MNK_TRY(mnk_report_class(s, label, r, err));
        mnk_subset subset = {.name = label < 0 ? "" : train->class_names[label], .is = label, .stream = (uint32_t)(label + 1)};
        for (int role = 0; role < MNK_ROLES && label >= 0; role++) subset.value[role] = s->label[role];
        for (int k = 0; k < encodings; k++) {
            const mnk_judge j = {&plan, &e[k], o, r, k == never_in};
            mnk_observe_progress(o, "compare", done++, total, label < 0 ? "all classes" : train->class_names[label]);
            if (mnk_observe_stopped(o)) return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while comparing");
            MNK_TRY(mnk_judge_subset(&j, &subset, err));
        }
    }
    mnk_observe_progress(o, "compare", total, total, "");
    return MNK_OK;
}

static mnk_status run(mnk_sets *s, const mnk_observer *o, mnk_result *r, mnk_error *err) {
    char names[MAX_ENCODINGS][24];
    mnk_encoded e[MAX_ENCODINGS] = {0};
    int encodings = 0, never_in = 0;
    mnk_status status = MNK_OK;
    MNK_OUT(list_encodings(s->config, s->classifier != NULL, names, &encodings, err));
    MNK_OUT(describe(s, r, err));
    MNK_OUT(mnk_sets_classify(s, o, err));
    for (int k = 0; k < encodings; k++) {
        MNK_OUT(mnk_encode(names[k], s, o, &e[k], err));
        mnk_result_encoding *row = &r->encoding[r->encodings++];
        snprintf(row->name, sizeof row->name, "%s", names[k]);
        snprintf(row->note, sizeof row->note, "%s", e[k].note);
        row->dim = (int)e[k].moment_d;
        if (!strcmp(names[k], "classifier")) never_in = k; /* it sees what is in the picture */
    }
    MNK_OUT(judge_all(s, e, encodings, never_in, o, r, err));
    MNK_OUT(mnk_judge_artefacts(s, &e[0], r, err)); /* texture betrays them; a classifier is blind to what separates nothing */
    mnk_report_warnings(s, r);
out:
    for (int k = 0; k < encodings; k++) mnk_encoded_close(&e[k]);
    return status;
}

mnk_status mnk_evaluate(const mnk_images *train, const mnk_images *holdout, const mnk_images *synthetic,
                        mnk_classifier *classifier, const mnk_evaluate_config *config, const mnk_observer *observer,
                        mnk_result **out, mnk_error *err) {
    const double start = now_s();
    mnk_sets s = {0};
    mnk_result *r = NULL;
    *out = NULL;
    mnk_status status = check_config(config, err);
    if (status == MNK_OK) status = mnk_sets_open(train, holdout, synthetic, classifier, config, &s, err);
    if (status == MNK_OK) status = mnk_result_open("evaluate", config->seed, &r, err);
    if (status == MNK_OK) status = run(&s, observer, r, err);
    mnk_sets_close(&s);
    if (status == MNK_OK) {
        r->wall_s = now_s() - start;
        *out = r;
    } else {
        mnk_result_close(r);
    }
    return status;
}
