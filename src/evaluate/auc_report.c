#include "evaluate/auc_report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "math/auc.h"
#include "math/stats.h"

enum { ARMS_MAX = 16 };

typedef struct report {
    const mnk_auc_test *test;
    const mnk_auc_arm *arm;
    int arms, rows;
    const mnk_auc_report_settings *settings;
    mnk_auc_sample *sample[ARMS_MAX];
    double p_zero[ARMS_MAX], p_margin[ARMS_MAX]; /* of the row being written, corrected */
} report;

static const char *unit_name(const report *p) { return p->settings->subsets > 1 ? "training subsets" : "generators"; }

static const mnk_auc_sample *base_of(const report *p) { return p->sample[p->settings->baseline]; }

/* ---- intervals ---- */

static void logit_interval(double value, double sd, double t, double *low, double *high) {
    double logit = log(value) - log1p(-value), half = t * sd / (value * (1.0 - value));
    *low = 1.0 / (1.0 + exp(half - logit));
    *high = 1.0 / (1.0 + exp(-half - logit));
}

static void value_interval(const report *p, int a, int k, double *low, double *high) {
    const mnk_auc_sample *s = p->sample[a];
    mnk_effect e = mnk_auc_effect(s, NULL, k);
    double level = p->settings->level, n = (double)s->n;
    bool is_inside = e.value > 0.0 && e.value < 1.0;
    if (s->units == 1 && s->grouped) {
        mnk_auc_percentiles(s, k, level, low, high);
        if (*low < *high || k == MNK_AUC_ACCURACY(p->test) || is_inside) return;
    }
    if (k == MNK_AUC_ACCURACY(p->test) && (s->units == 1 || !is_inside)) {
        mnk_wilson(e.value * n, n, level, low, high);
    } else if (!is_inside) { /* separated: the variance is 0 and would promise certainty */
        const int *pair = p->test->pair;
        size_t least = k < p->test->classes ? s->support[k] : s->support[p->test->classes];
        if (k == MNK_AUC_PAIR(p->test))
            least = s->support[pair[0]] < s->support[pair[1]] ? s->support[pair[0]] : s->support[pair[1]];
        mnk_auc separated = {e.value, 0.0, least, least};
        mnk_auc_interval(&separated, level, MNK_AUC_LOGIT, low, high);
    } else if (isnan(e.sd)) {
        *low = *high = NAN;
    } else {
        logit_interval(e.value, e.sd, mnk_student_quantile(0.5 + 0.5 * level, e.df), low, high);
    }
}

static void gain_interval(const report *p, const mnk_effect *e, double *low, double *high) {
    double t = mnk_student_quantile(0.5 + 0.5 * p->settings->level, e->df);
    *low = e->value - t * e->sd;
    *high = e->value + t * e->sd;
}

/* ---- verdicts ---- */

const char *mnk_auc_verdict(double difference, double p_zero, double p_margin, double level) {
    if (p_zero <= 1.0 - level) return difference > 0.0 ? "better" : "worse";
    if (p_margin <= 0.5 * (1.0 - level)) return "not worse";
    return "cannot tell";
}

/* P-values of row k for all arms compared, after Holm. */
static void correct(report *p, int k) {
    for (int a = 0; a < p->arms; a++) {
        p->p_zero[a] = p->p_margin[a] = NAN;
        if (a == p->settings->baseline || p->arm[a].refused) continue;
        mnk_effect e = mnk_auc_effect(p->sample[a], base_of(p), k);
        if (isnan(e.sd)) continue;
        if (e.sd == 0.0) { /* no test can doubt two arms that never differ */
            p->p_zero[a] = e.value == 0.0 ? 1.0 : NAN;
            p->p_margin[a] = e.value == 0.0 && p->settings->margin > 0.0 ? 0.0 : NAN;
            continue;
        }
        p->p_zero[a] = 2.0 * mnk_student_cdf(-fabs(e.value) / e.sd, e.df);
        p->p_margin[a] = mnk_student_cdf(-(e.value + p->settings->margin) / e.sd, e.df);
    }
    mnk_holm(p->p_zero, (size_t)p->arms);
    mnk_holm(p->p_margin, (size_t)p->arms);
}

/* ---- metrics ---- */

static const char *base_id(const report *p, int k) {
    return k < p->test->classes             ? "auc"
           : k == MNK_AUC_MACRO(p->test)    ? "macro_auc"
           : k == MNK_AUC_ACCURACY(p->test) ? "accuracy"
                                            : "pair_auc";
}

static void add(mnk_metric *m, const char *fmt, ...) MNK_PRINTF(2, 3);
static void add(mnk_metric *m, const char *fmt, ...) {
    size_t used = strlen(m->note);
    va_list args;
    va_start(args, fmt);
    if (used) used += (size_t)snprintf(m->note + used, sizeof m->note - used, "; ");
    if (used < sizeof m->note) vsnprintf(m->note + used, sizeof m->note - used, fmt, args);
    va_end(args);
}

static size_t count_of(const mnk_auc_test *t, int k) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) n += t->label[i] == k;
    return n;
}

static void write_note(const report *p, int a, int k, const mnk_effect *gain, mnk_metric *m) {
    const mnk_auc_arm *arm = &p->arm[a];
    const mnk_auc_sample *s = p->sample[a];
    if (isnan(m->value)) {
        snprintf(m->note, sizeof m->note, "not estimable: test has no image of this class, or no other class");
        return;
    }
    if (gain && arm->refused) add(m, "%s", arm->refused);
    if (k < p->test->classes && arm->absent && arm->absent[k]) add(m, "class absent from training: counts as wrong");
    if (k < p->test->classes) add(m, "%zu of %zu images", count_of(p->test, k), p->test->n);
    if (k == MNK_AUC_MACRO(p->test) && !gain && *arm->about) add(m, "%s", arm->about);
    if (arm->trained > 1 && !gain)
        add(m, "mean of %zu %s, sd %.4f", s->units > 1 ? s->units : arm->trained, s->units > 1 ? unit_name(p) : "seeds",
            s->spread[k]);
    if (gain && s->units > 1)
        add(m, "sd %.4f over %zu %s, %.4f from test images, df %.1f", gain->sd_units, s->units, unit_name(p), gain->sd_test,
            isinf(gain->df) ? 9999.0 : gain->df);
    if (s->grouped) add(m, "bootstrap of %zu groups", s->groups);
    else add(m, "%s", k == MNK_AUC_ACCURACY(p->test) && !gain ? "Wilson" : gain ? "paired" : "DeLong");
}

static void add_verdict(const report *p, int a, const mnk_effect *e, mnk_metric *m) {
    const mnk_auc_report_settings *s = p->settings;
    mnk_metric_add_reference(m, "margin", s->margin);
    mnk_metric_add_reference(m, "p_holm", p->p_zero[a]);
    mnk_metric_add_reference(m, "p_margin", p->p_margin[a]);
    mnk_metric_add_reference(m, "sd_test", e->sd_test);
    mnk_metric_add_reference(m, "sd_units", e->sd_units);
    if (p->sample[a]->grouped) mnk_metric_add_reference(m, "groups", (double)p->sample[a]->groups);
    mnk_metric_add_reference(m, "subsets", s->subsets);
    mnk_metric_add_reference(m, "generators", s->generators);
    snprintf(m->verdict, sizeof m->verdict, "%s",
             p->arm[a].refused ? "refused" : mnk_auc_verdict(m->value, p->p_zero[a], p->p_margin[a], s->level));
}

static mnk_status add_row(mnk_result *r, const report *p, int a, int k, bool is_gain, mnk_error *err) {
    char id[64];
    const mnk_auc_arm *arm = &p->arm[a];
    const mnk_auc_test *test = p->test;
    snprintf(id, sizeof id, "%s%s%s%.40s%s", base_id(p, k), is_gain ? "_gain" : "", *arm->name ? "." : "", arm->name,
             p->settings->suffix);
    mnk_metric *m = mnk_result_add_metric(r, id, p->settings->group);
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the metric %s", id);
    bool compared = p->settings->baseline >= 0 && a != p->settings->baseline;
    mnk_effect e = mnk_auc_effect(p->sample[a], is_gain ? base_of(p) : NULL, k);
    m->value = e.value;
    m->n = test->n;
    m->level = p->settings->level;
    if (k < test->classes) snprintf(m->subset, sizeof m->subset, "%s", test->class_names[k]);
    if (k == MNK_AUC_PAIR(test))
        snprintf(m->subset, sizeof m->subset, "%.29s vs %.29s", test->class_names[test->pair[0]],
                 test->class_names[test->pair[1]]);
    if (!isnan(m->value)) {
        if (is_gain) gain_interval(p, &e, &m->low, &m->high);
        else value_interval(p, a, k, &m->low, &m->high);
    }
    if (compared && !is_gain)
        mnk_metric_add_reference(m, p->arm[p->settings->baseline].name, mnk_auc_effect(base_of(p), NULL, k).value);
    if (is_gain && k != MNK_AUC_ACCURACY(test) && !isnan(m->value)) add_verdict(p, a, &e, m);
    write_note(p, a, k, is_gain ? &e : NULL, m);
    return MNK_OK;
}

static mnk_status add_rows(mnk_result *r, report *p, mnk_error *err) {
    for (int a = 0; a < p->arms; a++)
        for (int k = 0; k < p->rows; k++) MNK_TRY(add_row(r, p, a, k, false, err));
    if (p->settings->baseline < 0) return MNK_OK;
    for (int k = 0; k < p->rows; k++) {
        correct(p, k);
        for (int a = 0; a < p->arms; a++)
            if (a != p->settings->baseline) MNK_TRY(add_row(r, p, a, k, true, err));
    }
    return MNK_OK;
}

mnk_status mnk_auc_report(mnk_result *r, const mnk_auc_test *test, const mnk_auc_arm *arm, int arms,
                          const mnk_auc_report_settings *settings, mnk_error *err) {
    mnk_status status = MNK_OK;
    report p = {.test = test, .arm = arm, .arms = arms, .rows = MNK_AUC_ROWS(test), .settings = settings};
    if (arms < 1 || arms > ARMS_MAX) return MNK_FAIL(err, MNK_ERR_USAGE, "%d arms; 1 to %d can be compared", arms, ARMS_MAX);
    for (int a = 0; a < arms; a++)
        MNK_OUT(mnk_auc_sample_open(test, arm[a].run, arm[a].units, arm[a].per_unit, settings->replicates, settings->seed,
                                    &p.sample[a], err));
    MNK_OUT(add_rows(r, &p, err));
out:
    for (int a = 0; a < arms; a++) mnk_auc_sample_close(p.sample[a]);
    return status;
}
