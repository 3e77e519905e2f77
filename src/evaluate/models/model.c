#include "evaluate/models/model.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/cox.h"

static const mnk_model_kind *const for_classes[] = {&mnk_boosting, &mnk_logistic, NULL};
static const mnk_model_kind *const for_numbers[] = {&mnk_boosting, &mnk_linear, NULL};
static const mnk_model_kind *const for_survival[] = {&mnk_boosting, &mnk_cox_model, NULL};

const mnk_model_kind *const *mnk_model_kinds(mnk_task task) {
    return task == MNK_TASK_CLASSES ? for_classes : task == MNK_TASK_NUMBER ? for_numbers : for_survival;
}

mnk_model_settings mnk_model_defaults(uint64_t seed) {
    return (mnk_model_settings){.seed = seed,
                                .rounds = 200,
                                .depth = 4,
                                .rate = 0.15,
                                .patience = 10,
                                .cut = 0.15,
                                .ridge = 1.0,
                                .min_leaf = 5,
                                .row_share = 0.8,
                                .part_share = 0.8};
}

/* ---- rows ---- */

void mnk_features_close(mnk_features *f) {
    mnk_free(f->tree);
    mnk_free(f->linear);
    *f = (mnk_features){0};
}

mnk_status mnk_outcome_open(mnk_task task, int classes, size_t n, mnk_outcome *out, mnk_error *err) {
    mnk_status status = MNK_OK;
    *out = (mnk_outcome){.task = task, .n = n, .classes = task == MNK_TASK_CLASSES ? classes : 0};
    if (task == MNK_TASK_CLASSES) MNK_OUT(MNK_NEW(out->label, n + 1, err));
    else MNK_OUT(MNK_NEW(out->value, n + 1, err));
    if (task == MNK_TASK_SURVIVAL) MNK_OUT(MNK_NEW(out->event, n + 1, err));
out:
    if (status != MNK_OK) mnk_outcome_close(out);
    return status;
}

void mnk_outcome_close(mnk_outcome *o) {
    mnk_free(o->label);
    mnk_free(o->value);
    mnk_free(o->event);
    *o = (mnk_outcome){0};
}

static void copy_row(const mnk_part *p, size_t from, mnk_training *t, size_t to) {
    mnk_features *f = &t->features;
    const mnk_outcome *o = p->outcome;
    if (f->tree_width)
        memcpy(f->tree + to * f->tree_width, p->features->tree + from * f->tree_width, f->tree_width * sizeof *f->tree);
    if (f->linear_width)
        memcpy(f->linear + to * f->linear_width, p->features->linear + from * f->linear_width,
               f->linear_width * sizeof *f->linear);
    if (o && o->label) t->outcome.label[to] = o->label[from];
    if (o && o->value) t->outcome.value[to] = o->value[from];
    if (o && o->event) t->outcome.event[to] = o->event[from];
}

mnk_status mnk_training_gather(const mnk_part *part, int parts, mnk_training *out, mnk_error *err) {
    mnk_status status = MNK_OK;
    size_t n = 0, at = 0;
    int32_t first = 0;
    *out = (mnk_training){0};
    for (int k = 0; k < parts; k++) n += part[k].row ? part[k].n : part[k].features->n;
    mnk_features *f = &out->features;
    *f = (mnk_features){n, part[0].features->tree_width, part[0].features->linear_width, NULL, NULL};
    MNK_OUT(MNK_NEW(f->tree, n * f->tree_width + 1, err));
    MNK_OUT(MNK_NEW(f->linear, n * f->linear_width + 1, err));
    MNK_OUT(MNK_NEW(out->unit, n + 1, err));
    if (part[0].outcome) MNK_OUT(mnk_outcome_open(part[0].outcome->task, part[0].outcome->classes, n, &out->outcome, err));
    for (int k = 0; k < parts; k++) {
        size_t rows = part[k].row ? part[k].n : part[k].features->n;
        int32_t most = -1;
        for (size_t i = 0; i < rows; i++, at++) {
            size_t from = part[k].row ? part[k].row[i] : i;
            int32_t unit = part[k].unit ? part[k].unit[from] : (int32_t)from;
            copy_row(&part[k], from, out, at);
            out->unit[at] = first + unit;
            if (unit > most) most = unit;
        }
        first += most + 1;
    }
out:
    if (status != MNK_OK) mnk_training_close(out);
    return status;
}

void mnk_training_close(mnk_training *t) {
    mnk_features_close(&t->features);
    mnk_outcome_close(&t->outcome);
    mnk_free(t->unit);
    t->unit = NULL;
}

/* ---- models ---- */

struct mnk_model {
    const mnk_model_kind *kind;
    void *state; /* NULL: one class alone, or survival without an event */
    mnk_task task;
    int classes, known; /* known: classes with training rows */
    int *present;       /* [known] */
    mnk_baseline baseline;
};

static mnk_status fit_baseline(mnk_model *m, const mnk_training *t, mnk_error *err) {
    double *score = NULL;
    MNK_TRY(MNK_NEW(score, t->features.n + 1, err));
    mnk_status status = m->kind->predict(m->state, &t->features, score, err);
    if (status == MNK_OK)
        status = mnk_baseline_fit(score, t->outcome.value, t->outcome.event, NULL, t->features.n, &m->baseline, err);
    mnk_free(score);
    return status;
}

mnk_status mnk_model_fit(const mnk_model_kind *kind, const mnk_training *t, const mnk_model_settings *s, mnk_model **out,
                         mnk_error *err) {
    mnk_status status = MNK_OK;
    mnk_model *m = NULL;
    size_t events = 0;
    *out = NULL;
    if (t->features.n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "no rows to train a %s model on", kind->name);
    MNK_OUT(MNK_NEW(m, 1, err));
    *m = (mnk_model){.kind = kind, .task = t->outcome.task, .classes = t->outcome.classes};
    MNK_OUT(MNK_NEW(m->present, (size_t)m->classes + 1, err));
    for (int k = 0; k < m->classes; k++) {
        bool found = false;
        for (size_t i = 0; i < t->features.n && !found; i++) found = t->outcome.label[i] == k;
        if (found) m->present[m->known++] = k;
    }
    for (size_t i = 0; i < t->features.n && m->task == MNK_TASK_SURVIVAL; i++) events += t->outcome.event[i];
    bool learns = m->task == MNK_TASK_CLASSES ? m->known > 1 : m->task == MNK_TASK_NUMBER || events > 0;
    if (learns) MNK_OUT(kind->fit(t, m->present, m->known, s, &m->state, err));
    if (m->task == MNK_TASK_SURVIVAL && learns) MNK_OUT(fit_baseline(m, t, err));
    *out = m;
    m = NULL;
out:
    mnk_model_close(m);
    return status;
}

mnk_status mnk_model_predict(const mnk_model *m, const mnk_features *f, double *out, mnk_error *err) {
    double *known = NULL;
    size_t width = m->task == MNK_TASK_CLASSES ? (size_t)m->classes : 1;
    if (m->task != MNK_TASK_CLASSES && m->state) return m->kind->predict(m->state, f, out, err);
    memset(out, 0, f->n * width * sizeof *out);
    if (m->task != MNK_TASK_CLASSES) return MNK_OK;
    MNK_TRY(MNK_NEW(known, f->n * (size_t)m->known + 1, err));
    mnk_status status = m->state ? m->kind->predict(m->state, f, known, err) : MNK_OK;
    for (size_t i = 0; i < f->n && status == MNK_OK; i++)
        for (int k = 0; k < m->known; k++)
            out[i * (size_t)m->classes + (size_t)m->present[k]] = m->state ? known[i * (size_t)m->known + (size_t)k] : 1.0;
    mnk_free(known);
    return status;
}

void mnk_model_survival(const mnk_model *m, const double *score, size_t n, const double *grid, size_t times, double *out) {
    for (size_t k = 0; k < times; k++) {
        double hazard = mnk_baseline_at(&m->baseline, grid[k]);
        for (size_t i = 0; i < n; i++) out[i * times + k] = exp(-hazard * exp(score[i]));
    }
}

const char *mnk_model_about(const mnk_model *m, char buffer[96]) {
    buffer[0] = 0;
    return m->state && m->kind->about ? m->kind->about(m->state, buffer) : buffer;
}

void mnk_model_close(mnk_model *m) {
    if (!m) return;
    if (m->state) m->kind->close(m->state);
    mnk_baseline_close(&m->baseline);
    mnk_free(m->present);
    mnk_free(m);
}
