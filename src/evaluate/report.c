#include "evaluate/report.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/copy_report.h"
#include "evaluate/judge.h"
#include "evaluate/variety.h"
#include "math/stats.h"

static mnk_status no_memory(mnk_error *err) { return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory"); }

static const char *subset_name(const mnk_sets *s, int label) {
    return label < 0 ? "" : s->images[MNK_ROLE_TRAIN]->class_names[label];
}

static size_t count_label(const mnk_sets *s, int role, int label) {
    size_t n = 0;
    for (size_t i = 0; s->images[role] && i < s->images[role]->n; i++) n += label < 0 || s->label[role][i] == label;
    return n;
}

/* ---- variety ---- */

static mnk_status measure_spread(mnk_sets *s, mnk_error *err) {
    for (int role = 0; role < MNK_ROLES; role++) {
        const mnk_images *d = s->images[role];
        if (!d || s->spread[role]) continue;
        MNK_TRY(MNK_NEW(s->spread[role], d->n, err));
        MNK_TRY(mnk_within_class_spread(d, s->label[role], s->classes, s->spread[role], err));
    }
    return MNK_OK;
}

static mnk_status add_spread(const mnk_sets *s, int label, mnk_result *r, mnk_error *err) {
    static const int role_of[3] = {MNK_ROLE_HOLDOUT, MNK_ROLE_TRAIN, MNK_ROLE_FLOOR};
    static const char *const name[3] = {"holdout", "copy", "floor"};
    const mnk_evaluate_config *config = s->config;
    mnk_spread sides[MNK_ROLES] = {0};
    double value = NAN, low = NAN, high = NAN;
    for (int role = 0; role < MNK_ROLES; role++)
        if (s->images[role]) sides[role] = (mnk_spread){s->spread[role], s->label[role], s->images[role]->n};
    MNK_TRY(mnk_spread_ratio(&sides[MNK_ROLE_TRAIN], &sides[MNK_ROLE_SYNTHETIC], s->classes, label, (size_t)config->replicates,
                             config->seed, config->level, &value, &low, &high, err));
    mnk_metric *m = mnk_judge_metric(r, "within_class_sd", "diversity", "pixels", subset_name(s, label), value,
                                     count_label(s, MNK_ROLE_SYNTHETIC, label), config->level);
    if (!m) return no_memory(err);
    m->low = low, m->high = high;
    if (isnan(m->value)) snprintf(m->note, sizeof m->note, "no class with two images on both sides");
    for (int k = 0; k < 3; k++) {
        if (!s->images[role_of[k]]) continue;
        MNK_TRY(mnk_spread_ratio(&sides[MNK_ROLE_TRAIN], &sides[role_of[k]], s->classes, label, 0, 0, config->level, &value,
                                 NULL, NULL, err));
        mnk_metric_add_reference(m, name[k], value);
    }
    return MNK_OK;
}

/* ---- label agreement ---- */

static double agreement(const mnk_sets *s, int role, int label, size_t *n) {
    size_t agree = 0;
    *n = 0;
    for (size_t i = 0; s->predicted[role] && i < s->images[role]->n; i++) {
        if (label >= 0 && s->label[role][i] != label) continue;
        ++*n;
        agree += s->predicted[role][i] == s->label[role][i];
    }
    return *n ? (double)agree / (double)*n : NAN;
}

static mnk_status add_agreement(const mnk_sets *s, int label, mnk_result *r, mnk_error *err) {
    size_t n = 0, other = 0;
    if (!s->classifier) return MNK_OK;
    const double value = agreement(s, MNK_ROLE_SYNTHETIC, label, &n);
    mnk_metric *m =
        mnk_judge_metric(r, "label_agreement", "fidelity", "classifier", subset_name(s, label), value, n, s->config->level);
    if (!m) return no_memory(err);
    if (n) mnk_wilson(value * (double)n, (double)n, s->config->level, &m->low, &m->high);
    else snprintf(m->note, sizeof m->note, "no synthetic image of this class");
    if (s->images[MNK_ROLE_HOLDOUT]) mnk_metric_add_reference(m, "holdout", agreement(s, MNK_ROLE_HOLDOUT, label, &other));
    mnk_metric_add_reference(m, "copy", agreement(s, MNK_ROLE_TRAIN, label, &other));
    mnk_metric_add_reference(m, "floor", agreement(s, MNK_ROLE_FLOOR, label, &other));
    return MNK_OK;
}

mnk_status mnk_report_whole(mnk_sets *s, const mnk_observer *o, mnk_result *r, mnk_error *err) {
    MNK_TRY(measure_spread(s, err));
    MNK_TRY(mnk_judge_copies(s, o, r, err));
    MNK_TRY(add_spread(s, -1, r, err));
    return add_agreement(s, -1, r, err);
}

mnk_status mnk_report_class(const mnk_sets *s, int label, mnk_result *r, mnk_error *err) {
    MNK_TRY(add_spread(s, label, r, err));
    return add_agreement(s, label, r, err);
}

/* ---- warnings ---- */

enum { FEW_ITEMS = 200 };
static const double COLLAPSED = 0.7, MIX_DIFFERS = 0.1, LABELS_DOUBTFUL = 0.5;

static void warn_classes(const mnk_sets *s, mnk_result *r) {
    const double nt = (double)s->images[MNK_ROLE_TRAIN]->n, ns = (double)s->images[MNK_ROLE_SYNTHETIC]->n;
    double difference = 0;
    for (int k = 0; k < s->classes; k++) {
        const size_t a = count_label(s, MNK_ROLE_TRAIN, k), b = count_label(s, MNK_ROLE_SYNTHETIC, k);
        difference += fabs((double)a / nt - (double)b / ns) / 2;
        if (a && !b)
            mnk_result_add_warning(r, "class %.60s has %zu training images and no synthetic one", subset_name(s, k), a);
        if (b && !a)
            mnk_result_add_warning(r, "class %.60s has %zu synthetic images and no training image", subset_name(s, k), b);
    }
    if (difference > MIX_DIFFERS)
        mnk_result_add_warning(r,
                               "class mix differs from train (%.0f %% of the images would have to change class): overall "
                               "figures include that, figures by class do not",
                               100 * difference);
}

static void warn_metric(const mnk_metric *m, mnk_result *r) {
    const char *where = *m->subset ? m->subset : "all classes together";
    if (!strcmp(m->id, "within_class_sd") && m->value < COLLAPSED)
        mnk_result_add_warning(r, "%.60s: synthetic images vary %.0f %% as much as real ones inside a class: collapse", where,
                               100 * m->value);
    if (!strcmp(m->id, "label_agreement") && m->value < LABELS_DOUBTFUL)
        mnk_result_add_warning(r, "%.60s: the classifier sees the intended class in %.0f %% of the synthetic images", where,
                               100 * m->value);
    if (!strcmp(m->id, "exact_copies") && m->value > 0)
        mnk_result_add_warning(
            r, "%.0f synthetic images are exact copies of training images, turned or mirrored at most: do not release them",
            m->value * (double)m->n);
    if (!strcmp(m->id, "exact_copies") && m->references && !strcmp(m->reference[0].name, "holdout") &&
        m->reference[0].value > 0)
        mnk_result_add_warning(
            r, "%.2g %% of holdout are exact copies of training images: holdout does not show what unseen data look like",
            100 * m->reference[0].value);
}

void mnk_report_warnings(const mnk_sets *s, mnk_result *r) {
    if (!s->images[MNK_ROLE_HOLDOUT])
        mnk_result_add_warning(
            r,
            "no holdout: the figures have no reference of what unseen real data would score, and near copies are not judged");
    warn_classes(s, r);
    for (size_t i = 0; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        if (!strcmp(m->id, "coverage") && !*m->subset && m->n < FEW_ITEMS) {
            mnk_result_add_warning(r, "only %zu images a set are compared (the smallest set decides): expect wide intervals",
                                   m->n);
            break;
        }
    }
    for (size_t i = 0; i < r->metrics; i++) warn_metric(&r->metric[i], r);
}
