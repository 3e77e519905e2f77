#include "manikin/tradeoff.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "manikin/rank.h"
#include "math/stats.h"

/* A figure over the repeats of one arm. */
typedef struct figure {
    char id[64];
    double mean, variance, df, least, most, reference;
    size_t n, missing; /* makings with it, and without */
} figure;

static const mnk_metric *overall(const mnk_result *r, const char *id) {
    for (size_t i = 0; r && i < r->metrics; i++)
        if (!*r->metric[i].subset && !*r->metric[i].column && strcmp(r->metric[i].id, id) == 0) return &r->metric[i];
    return NULL;
}

static double reference_of(const mnk_metric *m, const char *name) {
    for (int i = 0; m && i < m->references; i++)
        if (strcmp(m->reference[i].name, name) == 0) return m->reference[i].value;
    return NAN;
}

static const mnk_metric *utility_of(const mnk_result *r) { return r ? mnk_rank_axis_metric(r, MNK_RANK_UTILITY) : NULL; }

typedef enum axis { UTILITY, PAIRS, ATTACK, AXES } axis;

static const mnk_metric *metric_of(const mnk_tradeoff_point *p, axis which) {
    return which == UTILITY ? utility_of(p->judged)
           : which == PAIRS ? overall(p->judged, "binned_accuracy_2")
                            : overall(p->audit, "max_attack_auc");
}

/* Mean, and variance W + B/n with its degrees of freedom (tradeoff.h). A mean over those repeats alone that have the figure
 * would be too kind: with any `missing` the caller says so instead. False when none has it. */
static bool combine(const mnk_tradeoff_point *point, size_t n, const char *arm, axis which, figure *f) {
    static const char *const reference[AXES] = {"trtr", "holdout", "copy"};
    double sum = 0, squares = 0, within = 0, references = 0;
    *f = (figure){.least = INFINITY, .most = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        if (strcmp(point[i].arm, arm) != 0) continue;
        const mnk_metric *m = metric_of(&point[i], which);
        if (!m || isnan(m->value) || (*f->id && strcmp(f->id, m->id) != 0)) {
            f->missing++;
            continue;
        }
        const double se = (m->high - m->low) / (2 * mnk_normal_quantile(0.5 + m->level / 2));
        snprintf(f->id, sizeof f->id, "%s", m->id);
        sum += m->value, squares += m->value * m->value;
        within += isnan(se) ? 0 : se * se;
        references += reference_of(m, reference[which]);
        f->least = fmin(f->least, m->value), f->most = fmax(f->most, m->value);
        f->n++;
    }
    if (f->n == 0) return false;
    const double k = (double)f->n, between = f->n > 1 ? fmax(0, (squares - sum * sum / k) / (k - 1)) / k : 0;
    f->mean = sum / k, f->reference = references / k;
    f->variance = within / k + between;
    f->df = between > 0 ? (k - 1) * pow(f->variance / between, 2) : INFINITY;
    return true;
}

static mnk_metric *add(mnk_result *r, const char *id, const char *arm, double level) {
    mnk_metric *m = mnk_result_add_metric(r, id, "tradeoff");
    if (!m) return NULL;
    snprintf(m->subset, sizeof m->subset, "%s", arm);
    m->level = level;
    return m;
}

static void set_interval(mnk_metric *m, double value, double variance, double df) {
    const double half = sqrt(variance) * mnk_student_quantile(0.5 + m->level / 2, df);
    m->value = value, m->low = value - half, m->high = value + half;
}

static mnk_status add_arm(const mnk_tradeoff_point *point, size_t n, size_t first, double level, mnk_result *r,
                          mnk_error *err) {
    static const char *const reference[AXES] = {"trtr", "holdout", "copy"};
    const mnk_tradeoff_point *p = &point[first];
    mnk_metric *m = add(r, "epsilon", p->arm, level);
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
    m->value = p->epsilon;
    snprintf(m->column, sizeof m->column, "%s", p->series);
    for (size_t i = 0; i < n; i++) m->n += strcmp(point[i].arm, p->arm) == 0;
    if (isnan(p->epsilon)) snprintf(m->note, sizeof m->note, "no formal guarantee");
    else mnk_metric_add_reference(m, "delta", p->delta);
    for (axis a = 0; a < AXES; a++) {
        figure f;
        if (!combine(point, n, p->arm, a, &f)) continue;
        if (!(m = add(r, f.id, p->arm, level))) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
        m->n = f.n;
        if (f.missing) {
            snprintf(m->note, sizeof m->note, "could not be measured in %zu of %zu makings", f.missing, f.n + f.missing);
            continue;
        }
        set_interval(m, f.mean, f.variance, f.df);
        m->low = fmax(m->low, 0), m->high = fmin(m->high, 1);
        if (!isnan(f.reference)) mnk_metric_add_reference(m, reference[a], f.reference);
        if (f.n > 1)
            snprintf(m->note, sizeof m->note, "mean of %zu makings, which lie from %.3f to %.3f", f.n, f.least, f.most);
        else snprintf(m->note, sizeof m->note, "one making: the interval does not contain the generator's own randomness");
    }
    return MNK_OK;
}

static bool is_first(const mnk_tradeoff_point *point, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (strcmp(point[k].arm, point[i].arm) == 0) return false;
    return true;
}

/* The arm of the same series with the next larger budget; n: none. */
static size_t next_budget(const mnk_tradeoff_point *point, size_t n, size_t i) {
    size_t best = n;
    for (size_t k = 0; k < n; k++)
        if (!strcmp(point[k].series, point[i].series) && point[k].epsilon > point[i].epsilon && is_first(point, k) &&
            (best == n || point[k].epsilon < point[best].epsilon))
            best = k;
    return best;
}

static mnk_status add_cost(const mnk_tradeoff_point *point, size_t n, size_t small, double level, mnk_result *r,
                           mnk_error *err) {
    const size_t large = next_budget(point, n, small);
    figure low, high;
    if (large == n || !combine(point, n, point[small].arm, UTILITY, &low) ||
        !combine(point, n, point[large].arm, UTILITY, &high) || low.missing || high.missing || strcmp(low.id, high.id) != 0)
        return MNK_OK;
    mnk_metric *m = add(r, "utility_cost", point[small].arm, level);
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
    const double variance = low.variance + high.variance; /* Welch and Satterthwaite */
    const double df = variance * variance / (low.variance * low.variance / low.df + high.variance * high.variance / high.df);
    set_interval(m, high.mean - low.mean, variance, isfinite(df) && df > 0 ? df : INFINITY);
    snprintf(m->column, sizeof m->column, "%s", point[small].series);
    m->n = low.n < high.n ? low.n : high.n;
    mnk_metric_add_reference(m, "from", point[large].epsilon);
    mnk_metric_add_reference(m, "to", point[small].epsilon);
    snprintf(m->verdict, sizeof m->verdict, "%s", m->low > 0 ? "worse" : m->high < 0 ? "better" : "cannot tell");
    snprintf(m->note, sizeof m->note, "loss of %.63s from epsilon %g to %g", low.id, point[large].epsilon,
             point[small].epsilon);
    return MNK_OK;
}

mnk_status mnk_tradeoff(const mnk_tradeoff_point *point, size_t n, double level, mnk_result *r, mnk_error *err) {
    for (size_t i = 0; i < n; i++)
        if (is_first(point, i)) MNK_TRY(add_arm(point, n, i, level, r, err));
    for (size_t i = 0; i < n; i++)
        if (is_first(point, i) && !isnan(point[i].epsilon)) MNK_TRY(add_cost(point, n, i, level, r, err));
    return MNK_OK;
}
