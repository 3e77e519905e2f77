#include "evaluate/models/fairness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/models/gaps.h"
#include "evaluate/models/scores.h"
#include "manikin/fairness.h"
#include "math/auc.h"
#include "math/stats.h"

enum { BINS = 10, LEVELS_MAX = 64 };

/* One subgroup's test rows, and each arm's score on them. */
typedef struct members {
    size_t n, *row;
    int32_t *unit; /* [n] persons; NULL: rows */
    mnk_scored score[MNK_PREDICTED_ARMS];
    size_t positives, negatives; /* of the estimable classes, the fewest */
    char few[96];                /* why there is no score; "" there is */
} members;

typedef struct fairness {
    const mnk_predicted *p;
    const mnk_table_models_config *config;
    mnk_subgroups *groups;
    mnk_result *r;
    size_t width, single; /* single: subgroups of one column */
    uint8_t *mask;
    double *worst[MNK_PREDICTED_ARMS]; /* value, variance and sizes of the worst subgroup so far: [4] */
    char worst_name[MNK_PREDICTED_ARMS][64];
    size_t judged;
} fairness;

static const char *const measures[] = {[MNK_TASK_CLASSES] = "auc", [MNK_TASK_NUMBER] = "rmse", [MNK_TASK_SURVIVAL] = "c_index"};

/* ---- one subgroup ---- */

static void close_members(members *m) {
    mnk_free(m->row);
    mnk_free(m->unit);
    for (int a = 0; a < MNK_PREDICTED_ARMS; a++) mnk_free(m->score[a].influence);
}

static mnk_status open_members(fairness *f, size_t k, members *m, mnk_error *err) {
    const mnk_table *t = f->p->test;
    mnk_status status = MNK_OK;
    size_t at = 0;
    *m = (members){.n = mnk_subgroups_mask(f->groups, k, t, f->mask)};
    MNK_OUT(MNK_NEW(m->row, m->n + 1, err));
    if (t->person && t->persons < t->n) MNK_OUT(MNK_NEW(m->unit, m->n + 1, err));
    for (int a = 0; a < f->p->arms; a++) MNK_OUT(MNK_NEW(m->score[a].influence, m->n + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (f->mask[i]) {
            if (m->unit) m->unit[at] = t->person[i];
            m->row[at++] = i;
        }
out:
    if (status != MNK_OK) close_members(m);
    return status;
}

/* Mean of the estimable classes' AUCs (two classes: one, as they are equal) and of the runs. */
static mnk_status score_classes(const fairness *f, members *m, int arm, mnk_error *err) {
    const mnk_predicted *p = f->p;
    mnk_status status = MNK_OK;
    double *score = NULL, *influence = NULL;
    uint8_t *positive = NULL;
    int used = 0;
    size_t least = (size_t)f->config->least, best = 0;
    mnk_scored *out = &m->score[arm];
    MNK_OUT(MNK_NEW(score, m->n + 1, err));
    MNK_OUT(MNK_NEW(influence, m->n + 1, err));
    MNK_OUT(MNK_NEW(positive, m->n + 1, err));
    m->positives = m->negatives = SIZE_MAX;
    for (int k = p->target->classes == 2; k < p->target->classes; k++) {
        size_t pos = 0;
        for (size_t i = 0; i < m->n; i++) pos += positive[i] = p->outcome->label[m->row[i]] == k;
        size_t fewer = pos < m->n - pos ? pos : m->n - pos;
        best = fewer > best ? fewer : best;
        if (fewer < least) continue;
        used++;
        m->positives = pos < m->positives ? pos : m->positives;
        m->negatives = m->n - pos < m->negatives ? m->n - pos : m->negatives;
        for (size_t run = 0; run < p->runs[arm]; run++) {
            const double *value = p->value[arm] + run * p->test->n * f->width;
            mnk_auc one;
            for (size_t i = 0; i < m->n; i++) score[i] = value[m->row[i] * f->width + (size_t)k];
            MNK_OUT(mnk_auc_delong(score, positive, m->n, influence, &one, err));
            out->value += one.value / (double)p->runs[arm];
            for (size_t i = 0; i < m->n; i++) out->influence[i] += influence[i] / (double)p->runs[arm];
        }
    }
    out->value = used ? out->value / used : NAN;
    for (size_t i = 0; used && i < m->n; i++) out->influence[i] /= used;
    if (!used)
        snprintf(m->few, sizeof m->few, "too few: %zu rows, %zu of the rarer outcome; at least %zu are needed", m->n, best,
                 least);
out:
    mnk_free(score);
    mnk_free(influence);
    mnk_free(positive);
    return status;
}

/* RMSE, or Harrell's c where enough events came. */
static mnk_status score_values(const fairness *f, members *m, int arm, mnk_error *err) {
    const mnk_predicted *p = f->p;
    mnk_status status = MNK_OK;
    double *y = NULL, *value = NULL, *influence = NULL;
    uint8_t *event = NULL;
    size_t events = 0, least = (size_t)f->config->least;
    bool survival = p->target->task == MNK_TASK_SURVIVAL;
    mnk_scored *out = &m->score[arm], one;
    MNK_OUT(MNK_NEW(y, m->n + 1, err));
    MNK_OUT(MNK_NEW(value, m->n + 1, err));
    MNK_OUT(MNK_NEW(influence, m->n + 1, err));
    MNK_OUT(MNK_NEW(event, m->n + 1, err));
    for (size_t i = 0; i < m->n; i++) {
        y[i] = p->outcome->value[m->row[i]];
        if (survival) events += event[i] = p->outcome->event[m->row[i]];
    }
    if (m->n < least || (survival && events < least)) {
        out->value = NAN;
        if (survival)
            snprintf(m->few, sizeof m->few, "too few: %zu events in %zu rows; at least %zu are needed", events, m->n, least);
        else snprintf(m->few, sizeof m->few, "too few: %zu rows; at least %zu are needed", m->n, least);
        goto out;
    }
    one.influence = influence;
    for (size_t run = 0; run < p->runs[arm]; run++) {
        for (size_t i = 0; i < m->n; i++) value[i] = p->value[arm][run * p->test->n + m->row[i]];
        if (survival) {
            mnk_concordance c;
            MNK_OUT(mnk_concordance_harrell(y, event, value, m->n, influence, &c, err));
            one.value = c.value;
        } else mnk_score_rmse(y, value, m->n, &one);
        out->value += one.value / (double)p->runs[arm];
        for (size_t i = 0; i < m->n; i++) out->influence[i] += influence[i] / (double)p->runs[arm];
    }
    m->positives = survival ? events : m->n;
    m->negatives = m->n;
out:
    mnk_free(y);
    mnk_free(value);
    mnk_free(influence);
    mnk_free(event);
    return status;
}

static void interval(const fairness *f, double value, double sd, size_t positives, size_t negatives, double level,
                     mnk_metric *m) {
    if (f->p->target->task == MNK_TASK_NUMBER) {
        double z = mnk_normal_quantile(0.5 + 0.5 * level);
        m->low = value - z * sd, m->high = value + z * sd;
        return;
    }
    mnk_auc a = {value, sd * sd, positives, negatives};
    mnk_auc_interval(&a, level, MNK_AUC_LOGIT, &m->low, &m->high);
}

static mnk_metric *add(const fairness *f, const char *prefix, const char *suffix, const char *arm, const char *subset,
                       double value, size_t n, mnk_error *err) {
    char id[64];
    snprintf(id, sizeof id, "%s%s.%s.%s", prefix, suffix, arm, f->p->kind);
    mnk_metric *m = mnk_result_add_metric(f->r, id, "fairness");
    if (!m) {
        (void)MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the metric %s", id);
        return NULL;
    }
    snprintf(m->subset, sizeof m->subset, "%s", subset);
    m->value = value;
    m->n = n;
    m->level = f->config->level;
    return m;
}

static void keep_worst(fairness *f, const char *name, const members *m, int arm, double sd) {
    double *w = f->worst[arm], value = m->score[arm].value;
    bool worse = f->p->target->task == MNK_TASK_NUMBER ? value > w[0] : value < w[0];
    if (!worse && !isnan(w[0])) return;
    w[0] = value, w[1] = sd, w[2] = (double)m->positives, w[3] = (double)m->negatives;
    snprintf(f->worst_name[arm], sizeof f->worst_name[arm], "%s", name);
}

static mnk_status report_members(fairness *f, const mnk_subgroup *g, const members *m, mnk_error *err) {
    const mnk_predicted *p = f->p;
    char name[32];
    snprintf(name, sizeof name, "subgroup_%s", measures[p->target->task]);
    for (int a = 0; a < p->arms; a++) {
        const mnk_scored *s = &m->score[a];
        double sd = mnk_influence_sd(s->influence, NULL, m->unit, m->n);
        mnk_metric *row = add(f, name, "", p->arm[a], g->name, s->value, m->n, err);
        if (!row) return MNK_ERR_MEMORY;
        if (a > 0) mnk_metric_add_reference(row, p->arm[0], m->score[0].value);
        if (*m->few) snprintf(row->note, sizeof row->note, "%s", m->few);
        else interval(f, s->value, sd, m->positives, m->negatives, row->level, row);
        if (!*m->few && !g->pair) keep_worst(f, g->name, m, a, sd);
    }
    for (int a = 1; a < p->arms; a++) {
        double value = m->score[a].value - m->score[0].value;
        double sd = mnk_influence_sd(m->score[a].influence, m->score[0].influence, m->unit, m->n);
        mnk_metric *row = add(f, name, "_gain", p->arm[a], g->name, value, m->n, err);
        if (!row) return MNK_ERR_MEMORY;
        double z = mnk_normal_quantile(0.5 + 0.5 * row->level);
        if (*m->few) snprintf(row->note, sizeof row->note, "%s", m->few);
        else row->low = value - z * sd, row->high = value + z * sd;
    }
    return MNK_OK;
}

/* ---- calibration and odds, two classes or one against the rest ---- */

/* Mean over runs of the probability of class k. */
static void mean_probability(const fairness *f, int arm, int k, double *out) {
    const mnk_predicted *p = f->p;
    memset(out, 0, p->test->n * sizeof *out);
    for (size_t run = 0; run < p->runs[arm]; run++)
        for (size_t i = 0; i < p->test->n; i++)
            out[i] += p->value[arm][(run * p->test->n + i) * f->width + (size_t)k] / (double)p->runs[arm];
}

/* Two classes: observed minus predicted, slope, expected error and the two rates of one subgroup. */
static mnk_status report_calibration(fairness *f, const mnk_subgroup *g, const members *m, int arm, const double *prob,
                                     double threshold, mnk_error *err) {
    static const char *const names[] = {"subgroup_calibration", "subgroup_slope", "subgroup_ece", "subgroup_tpr",
                                        "subgroup_fpr"};
    enum { ROWS = sizeof names / sizeof *names };
    mnk_status status = MNK_OK;
    double *x = NULL, *p = NULL, value[ROWS] = {NAN, NAN, NAN, NAN, NAN}, sd[ROWS] = {NAN, NAN, NAN, NAN, NAN};
    uint8_t *y = NULL;
    mnk_scored mean = {NAN, NULL};
    MNK_OUT(MNK_NEW(x, m->n + 1, err));
    MNK_OUT(MNK_NEW(p, m->n + 1, err));
    MNK_OUT(MNK_NEW(y, m->n + 1, err));
    MNK_OUT(MNK_NEW(mean.influence, m->n + 1, err));
    for (size_t i = 0; i < m->n; i++) {
        y[i] = f->p->outcome->label[m->row[i]] == 1;
        p[i] = prob[m->row[i]];
        x[i] = y[i] - p[i];
    }
    if (!*m->few) {
        double calls[2] = {0, 0};
        mnk_score_mean(x, m->n, &mean);
        value[0] = mean.value, sd[0] = mnk_influence_sd(mean.influence, NULL, m->unit, m->n);
        MNK_OUT(mnk_calibration_slope(p, y, m->n, &value[1], &sd[1], err));
        MNK_OUT(mnk_calibration_ece(p, y, m->n, BINS, &value[2], err));
        for (size_t i = 0; i < m->n; i++) calls[y[i]] += p[i] >= threshold;
        value[3] = calls[1] / (double)m->positives, value[4] = calls[0] / (double)m->negatives;
    }
    for (int k = 0; k < ROWS; k++) {
        mnk_metric *row = add(f, names[k], "", f->p->arm[arm], g->name, value[k], m->n, err);
        if (!row) MNK_OUT(MNK_ERR_MEMORY);
        double z = mnk_normal_quantile(0.5 + 0.5 * row->level), cases = k == 3 ? (double)m->positives : (double)m->negatives;
        if (*m->few) snprintf(row->note, sizeof row->note, "%s", m->few);
        else if (k < 2) row->low = value[k] - z * sd[k], row->high = value[k] + z * sd[k];
        else if (k > 2) mnk_wilson(value[k] * cases, cases, row->level, &row->low, &row->high);
        if (!*m->few && k == 2) snprintf(row->note, sizeof row->note, "%d bins of equal n", BINS);
        if (!*m->few && k > 2)
            snprintf(row->note, sizeof row->note, "called at probability >= %.3f (the share in train)", threshold);
    }
out:
    mnk_free(x);
    mnk_free(p);
    mnk_free(y);
    mnk_free(mean.influence);
    return status;
}

static double train_share(const mnk_predicted *p, int k) {
    size_t count = 0;
    for (size_t i = 0; i < p->train_outcome->n; i++) count += p->train_outcome->label[i] == k;
    return p->train_outcome->n ? (double)count / (double)p->train_outcome->n : 0.5;
}

/* group[i] of one column: its subgroups that are not too small for class k, numbered; names[] points at theirs. */
static int number_groups(fairness *f, size_t column, int k, int32_t *group, const char **names) {
    const mnk_predicted *p = f->p;
    int groups = 0;
    for (size_t i = 0; i < p->test->n; i++) group[i] = -1;
    for (size_t s = 0; s < f->single && groups < LEVELS_MAX; s++) {
        const mnk_subgroup *g = mnk_subgroups_at(f->groups, s);
        size_t n, pos = 0;
        if (g->column[0] != column) continue;
        n = mnk_subgroups_mask(f->groups, s, p->test, f->mask);
        for (size_t i = 0; i < p->test->n; i++) pos += f->mask[i] && p->outcome->label[i] == k;
        if (pos < (size_t)f->config->least || n - pos < (size_t)f->config->least) continue;
        for (size_t i = 0; i < p->test->n; i++)
            if (f->mask[i]) group[i] = groups;
        names[groups++] = g->name;
    }
    return groups;
}

static mnk_status add_gap(fairness *f, const char *id, int arm, const char *subset, const mnk_gap *gap, int groups,
                          const char **names, double reference, mnk_error *err) {
    mnk_metric *m = add(f, id, "", f->p->arm[arm], subset, gap->value, f->p->test->n, err);
    if (!m) return MNK_ERR_MEMORY;
    m->low = gap->low, m->high = gap->high;
    if (isnan(gap->value)) {
        snprintf(m->note, sizeof m->note, "too few: %d subgroup%s with at least %lld of either outcome", groups,
                 groups == 1 ? "" : "s", (long long)f->config->least);
        return MNK_OK;
    }
    if (arm > 0) mnk_metric_add_reference(m, f->p->arm[0], reference);
    mnk_metric_add_reference(m, "chance", gap->chance);
    snprintf(m->note, sizeof m->note, "largest of %d subgroups: %.48s, %.48s", groups, names[gap->group[0]],
             names[gap->group[1]]);
    return MNK_OK;
}

/* Equalised odds and calibration between the subgroups of one column, for one class. */
static mnk_status report_gaps(fairness *f, size_t column, int k, mnk_error *err) {
    const mnk_predicted *p = f->p;
    mnk_status status = MNK_OK;
    int32_t *group = NULL;
    double *prob = NULL, base[2] = {NAN, NAN};
    uint8_t *positive = NULL;
    const char *names[LEVELS_MAX];
    char subset[64];
    const char *column_name = p->test->schema->column[column].name;
    MNK_OUT(MNK_NEW(group, p->test->n + 1, err));
    MNK_OUT(MNK_NEW(prob, p->test->n + 1, err));
    MNK_OUT(MNK_NEW(positive, p->test->n + 1, err));
    int groups = number_groups(f, column, k, group, names);
    for (size_t i = 0; i < p->test->n; i++) positive[i] = p->outcome->label[i] == k;
    if (p->target->classes == 2) snprintf(subset, sizeof subset, "%.60s", column_name);
    else snprintf(subset, sizeof subset, "%.28s: %.28s", column_name, p->target->class_name[k]);
    for (int a = 0; a < p->arms; a++) {
        mnk_gap odds, calibration;
        mean_probability(f, a, k, prob);
        mnk_gap_rows rows = {p->test->n,
                             positive,
                             prob,
                             group,
                             groups,
                             train_share(p, k),
                             p->test->persons < p->test->n ? p->test->person : NULL};
        MNK_OUT(mnk_gaps(&rows, (size_t)f->config->bootstrap, f->config->level, f->config->seed, &odds, &calibration, err));
        if (a == 0) base[0] = odds.value, base[1] = calibration.value;
        MNK_OUT(add_gap(f, "equalised_odds_gap", a, subset, &odds, groups, names, base[0], err));
        MNK_OUT(add_gap(f, "calibration_gap", a, subset, &calibration, groups, names, base[1], err));
    }
out:
    mnk_free(group);
    mnk_free(prob);
    mnk_free(positive);
    return status;
}

/* ---- all ---- */

static mnk_status one_group(fairness *f, size_t k, double *const *prob, mnk_error *err) {
    mnk_status status = MNK_OK;
    members m;
    const mnk_subgroup *g = mnk_subgroups_at(f->groups, k);
    bool classes = f->p->target->task == MNK_TASK_CLASSES;
    MNK_TRY(open_members(f, k, &m, err));
    for (int a = 0; a < f->p->arms; a++) MNK_OUT((classes ? score_classes : score_values)(f, &m, a, err));
    MNK_OUT(report_members(f, g, &m, err));
    f->judged += !g->pair && !*m.few;
    for (int a = 0; a < f->p->arms && prob[a] && !g->pair; a++)
        MNK_OUT(report_calibration(f, g, &m, a, prob[a], train_share(f->p, 1), err));
out:
    close_members(&m);
    return status;
}

/* The worst of G subgroups, its interval at 1 - (1 - level)/G: it holds for all of them at once (Bonferroni). */
static mnk_status report_worst(fairness *f, mnk_error *err) {
    char name[32];
    snprintf(name, sizeof name, "worst_group_%s", measures[f->p->target->task]);
    for (int a = 0; a < f->p->arms; a++) {
        const double *w = f->worst[a];
        mnk_metric *m = add(f, name, "", f->p->arm[a], "", w[0], (size_t)w[3], err);
        if (!m) return MNK_ERR_MEMORY;
        if (isnan(w[0])) {
            snprintf(m->note, sizeof m->note, "too few in every subgroup");
            continue;
        }
        interval(f, w[0], w[1], (size_t)w[2], (size_t)w[3], 1.0 - (1.0 - m->level) / (double)f->judged, m);
        if (a > 0) mnk_metric_add_reference(m, f->p->arm[0], f->worst[0][0]);
        snprintf(m->note, sizeof m->note, "%.60s; interval for all %zu subgroups at once", f->worst_name[a], f->judged);
    }
    return MNK_OK;
}

mnk_status mnk_fairness_report(const mnk_predicted *p, const mnk_table_models_config *config, mnk_result *r, mnk_error *err) {
    mnk_status status = MNK_OK;
    bool truncated = false, two = p->target->task == MNK_TASK_CLASSES && p->target->classes == 2;
    double *prob[MNK_PREDICTED_ARMS] = {NULL}, worst[MNK_PREDICTED_ARMS][4];
    fairness f = {
        .p = p, .config = config, .r = r, .width = p->target->task == MNK_TASK_CLASSES ? (size_t)p->target->classes : 1};
    for (int a = 0; a < p->arms; a++) worst[a][0] = NAN, worst[a][3] = 0.0, f.worst[a] = worst[a];
    MNK_OUT(mnk_subgroups_open(p->train, true, &f.groups, &truncated, err));
    if (mnk_subgroups_count(f.groups) == 0) goto out;
    if (truncated) mnk_result_add_warning(r, "fairness: too many subgroups; the largest levels and the first pairs are judged");
    MNK_OUT(MNK_NEW(f.mask, p->test->n + 1, err));
    for (int a = 0; a < p->arms && two; a++) {
        MNK_OUT(MNK_NEW(prob[a], p->test->n + 1, err));
        mean_probability(&f, a, 1, prob[a]);
    }
    for (size_t k = 0; k < mnk_subgroups_count(f.groups); k++) {
        f.single += !mnk_subgroups_at(f.groups, k)->pair;
        MNK_OUT(one_group(&f, k, prob, err));
    }
    MNK_OUT(report_worst(&f, err));
    for (size_t c = 0; c < p->test->schema->columns && p->target->task == MNK_TASK_CLASSES; c++)
        for (int k = two; k < p->target->classes && p->test->schema->column[c].roles & MNK_COLUMN_IS_SUBGROUP; k++)
            MNK_OUT(report_gaps(&f, c, k, err));
out:
    for (int a = 0; a < MNK_PREDICTED_ARMS; a++) mnk_free(prob[a]);
    mnk_free(f.mask);
    mnk_subgroups_close(f.groups);
    return status;
}
