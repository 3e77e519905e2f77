#include "evaluate/auc_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/auc.h"
#include "math/stats.h"

enum { ARMS_MAX = 16 };

typedef struct report {
    const mnk_auc_test *test;
    const mnk_auc_arm *arm;
    int arms, rows; /* rows: classes, macro, accuracy */
    const mnk_auc_report_settings *settings;
    mnk_auc_table *table[ARMS_MAX];
    mnk_auc_ranker *ranker[ARMS_MAX]; /* with groups only */
    double *spread;                   /* [arms][rows] standard deviation over runs */
    /* groups as units of the bootstrap */
    bool grouped;
    size_t units;
    uint32_t *unit;     /* [n] unit of each item */
    int32_t *stratum;   /* [units] class of its first item */
    double *low, *high; /* [2 arms][rows]: the arms', then the differences' */
} report;

/* ---- groups ---- */

typedef struct keyed {
    int32_t group;
    size_t item;
} keyed;

static int by_group(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static mnk_status list_units(report *p, mnk_error *err) {
    const mnk_auc_test *test = p->test;
    for (size_t i = 0; test->group && i < test->n; i++) p->grouped |= test->group[i] >= 0;
    if (!p->grouped) return MNK_OK;
    keyed *key;
    MNK_TRY(MNK_NEW(p->unit, test->n, err));
    MNK_TRY(MNK_NEW(p->stratum, test->n, err));
    MNK_TRY(MNK_NEW(key, test->n, err));
    for (size_t i = 0; i < test->n; i++) key[i] = (keyed){test->group[i], i};
    qsort(key, test->n, sizeof *key, by_group);
    for (size_t i = 0; i < test->n; i++) {
        if (i == 0 || key[i].group < 0 || key[i].group != key[i - 1].group) p->stratum[p->units++] = test->label[key[i].item];
        p->unit[key[i].item] = (uint32_t)(p->units - 1);
    }
    mnk_free(key);
    return MNK_OK;
}

/* One replicate: every arm's statistics, then their differences from arm 0. */
static void replicate(void *ctx, const uint32_t *times, double *out) {
    const report *p = ctx;
    size_t n = p->test->n, width = (size_t)p->rows * (size_t)p->arms;
    uint32_t *weight = mnk_alloc(n, sizeof *weight);
    for (size_t i = 0; weight && i < n; i++) weight[i] = times[p->unit[i]];
    for (int a = 0; a < p->arms; a++) {
        double *row = out + a * p->rows;
        if (weight) mnk_auc_ranker_weighted(p->ranker[a], weight, row);
        for (int k = 0; k < p->rows; k++) {
            if (!weight) row[k] = NAN;
            row[(size_t)k + width] = row[k] - out[k];
        }
    }
    mnk_free(weight);
}

static mnk_status bootstrap(report *p, mnk_error *err) {
    size_t width = 2 * (size_t)p->rows * (size_t)p->arms;
    const mnk_auc_test *test = p->test;
    for (int a = 0; a < p->arms; a++)
        MNK_TRY(mnk_auc_ranker_open(p->arm[a].prob, p->arm[a].runs, test->label, test->n, test->classes, &p->ranker[a], err));
    MNK_TRY(MNK_NEW(p->low, width, err));
    MNK_TRY(MNK_NEW(p->high, width, err));
    mnk_bootstrap b = {p->units, p->stratum, test->classes, p->settings->replicates, p->settings->seed};
    return mnk_bootstrap_run(&b, width, replicate, p, p->settings->level, NULL, p->low, p->high, err);
}

/* ---- estimates ---- */

static mnk_status run_spread(report *p, int a, mnk_error *err) {
    const mnk_auc_arm *arm = &p->arm[a];
    const mnk_auc_test *test = p->test;
    double *value;
    mnk_status status = MNK_OK;
    MNK_TRY(MNK_NEW(value, arm->runs * (size_t)p->rows, err));
    for (size_t r = 0; r < arm->runs && status == MNK_OK; r++) {
        mnk_auc_table *one = NULL;
        status = mnk_auc_table_open(arm->prob + r * test->n * (size_t)test->classes, 1, test->label, test->n, test->classes,
                                    &one, err);
        for (int k = 0; one && k < p->rows; k++) value[(size_t)k * arm->runs + r] = mnk_auc_table_value(one, k);
        mnk_auc_table_close(one);
    }
    for (int k = 0; k < p->rows; k++) p->spread[a * p->rows + k] = mnk_sd(value + (size_t)k * arm->runs, arm->runs);
    mnk_free(value);
    return status;
}

/* Items (or groups) of class k, and of the smallest class when k is the macro row. */
static size_t support(const report *p, int k) {
    size_t smallest = SIZE_MAX;
    for (int c = 0; c < p->test->classes; c++) {
        if (k < p->test->classes && c != k) continue;
        size_t inside = 0, all = p->grouped ? p->units : p->test->n;
        for (size_t i = 0; i < all; i++) inside += (p->grouped ? p->stratum[i] : p->test->label[i]) == c;
        size_t fewer = inside < all - inside ? inside : all - inside;
        if (fewer > 0 && fewer < smallest) smallest = fewer;
    }
    return smallest == SIZE_MAX ? 0 : smallest;
}

static void arm_interval(const report *p, int a, int k, double *low, double *high) {
    const mnk_auc_table *t = p->table[a];
    const double *influence = mnk_auc_table_influence(t, k);
    double value = mnk_auc_table_value(t, k), level = p->settings->level;
    size_t least = k <= p->test->classes ? support(p, k) : 0;
    mnk_auc as_auc = {value, mnk_influence_covariance(influence, influence, t->n), least, least};
    if (p->grouped) {
        *low = p->low[a * p->rows + k];
        *high = p->high[a * p->rows + k];
        if (*low < *high || k > p->test->classes || (value > 0.0 && value < 1.0)) return;
    }
    if (k > p->test->classes) mnk_wilson(value * (double)t->n, (double)t->n, level, low, high);
    else if (k < p->test->classes && isnan(t->per_class[k].variance) && value > 0.0 && value < 1.0) *low = *high = NAN;
    else mnk_auc_interval(&as_auc, level, MNK_AUC_LOGIT, low, high);
}

static void gain_interval(const report *p, int a, int k, double *low, double *high) {
    if (p->grouped) {
        size_t at = (size_t)((p->arms + a) * p->rows + k);
        *low = p->low[at];
        *high = p->high[at];
        return;
    }
    const mnk_auc_table *t = p->table[a], *base = p->table[0];
    mnk_paired d = mnk_paired_test(mnk_auc_table_value(t, k), mnk_auc_table_influence(t, k), mnk_auc_table_value(base, k),
                                   mnk_auc_table_influence(base, k), t->n);
    double z = mnk_normal_quantile(0.5 + 0.5 * p->settings->level);
    *low = d.difference - z * d.sd;
    *high = d.difference + z * d.sd;
}

/* ---- metrics ---- */

static const char *base_id(const report *p, int k) {
    return k < p->test->classes ? "auc" : k == p->test->classes ? "macro_auc" : "accuracy";
}

static void write_note(const report *p, int a, int k, bool gain, mnk_metric *m) {
    const mnk_auc_arm *arm = &p->arm[a];
    const mnk_auc_table *t = p->table[a];
    size_t used = 0, size = sizeof m->note;
    if (isnan(m->value)) snprintf(m->note, size, "not estimable: test has no image of this class, or no other class");
    if (isnan(m->value)) return;
    if (k < p->test->classes && arm->absent && arm->absent[k])
        used += (size_t)snprintf(m->note, size, "class absent from training: counts as wrong; ");
    if (k < p->test->classes)
        used += (size_t)snprintf(m->note + used, size - used, "%zu of %zu images; ", t->per_class[k].positives, t->n);
    if (k == p->test->classes && !gain && *arm->about)
        used += (size_t)snprintf(m->note + used, size - used, "%s; ", arm->about);
    if (arm->runs > 1 && !gain)
        used += (size_t)snprintf(m->note + used, size - used, "mean of %zu seeds, sd %.4f; ", arm->runs,
                                 p->spread[a * p->rows + k]);
    if (used >= size) return;
    if (p->grouped) snprintf(m->note + used, size - used, "bootstrap of %zu groups", p->units);
    else snprintf(m->note + used, size - used, "%s", k > p->test->classes && !gain ? "Wilson" : gain ? "paired" : "DeLong");
}

static mnk_status add_row(mnk_result *r, const report *p, int a, int k, bool gain, mnk_error *err) {
    char id[64];
    const mnk_auc_arm *arm = &p->arm[a];
    snprintf(id, sizeof id, "%s%s%s%.40s", base_id(p, k), gain ? "_gain" : "", *arm->name ? "." : "", arm->name);
    mnk_metric *m = mnk_result_add_metric(r, id, p->settings->group);
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the metric %s", id);
    double value = mnk_auc_table_value(p->table[a], k), base = mnk_auc_table_value(p->table[0], k);
    m->value = gain ? value - base : value;
    m->n = p->test->n;
    m->level = p->settings->level;
    if (k < p->test->classes) snprintf(m->subset, sizeof m->subset, "%s", p->test->class_names[k]);
    if (!isnan(m->value)) {
        if (gain) gain_interval(p, a, k, &m->low, &m->high);
        else arm_interval(p, a, k, &m->low, &m->high);
    }
    if (a > 0 && !gain) mnk_metric_add_reference(m, p->arm[0].name, base);
    write_note(p, a, k, gain, m);
    return MNK_OK;
}

mnk_status mnk_auc_report(mnk_result *r, const mnk_auc_test *test, const mnk_auc_arm *arm, int arms,
                          const mnk_auc_report_settings *settings, mnk_error *err) {
    mnk_status status = MNK_OK;
    report p = {.test = test, .arm = arm, .arms = arms, .rows = test->classes + 2, .settings = settings};
    if (arms < 1 || arms > ARMS_MAX) return MNK_FAIL(err, MNK_ERR_USAGE, "%d arms; 1 to %d can be compared", arms, ARMS_MAX);
    MNK_OUT(MNK_NEW(p.spread, (size_t)(arms * p.rows), err));
    for (int a = 0; a < arms; a++) {
        MNK_OUT(mnk_auc_table_open(arm[a].prob, arm[a].runs, test->label, test->n, test->classes, &p.table[a], err));
        MNK_OUT(run_spread(&p, a, err));
    }
    MNK_OUT(list_units(&p, err));
    if (p.grouped) MNK_OUT(bootstrap(&p, err));
    for (int gain = 0; gain < 2; gain++)
        for (int a = gain; a < arms; a++)
            for (int k = 0; k < p.rows; k++) MNK_OUT(add_row(r, &p, a, k, gain, err));
out:
    for (int a = 0; a < arms; a++) {
        mnk_auc_table_close(p.table[a]);
        mnk_auc_ranker_close(p.ranker[a]);
    }
    mnk_free(p.spread);
    mnk_free(p.unit);
    mnk_free(p.stratum);
    mnk_free(p.low);
    mnk_free(p.high);
    return status;
}
