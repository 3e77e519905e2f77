/* Do effect estimates come out the same: a named logistic or Cox model fitted to train, synthetic and holdout. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/models/config.h"
#include "evaluate/models/formula.h"
#include "evaluate/models/target.h"
#include "math/cox.h"
#include "math/glm.h"
#include "math/stats.h"

enum { TRAIN, SYNTHETIC, HOLDOUT, TABLES, COLUMNS_MAX = 200, LEVELS_MAX = 30 };

/* One coefficient: a number, or one level of a column of codes against the most frequent. */
typedef struct coefficient {
    size_t column;
    int32_t level, base; /* level -1: a number */
    double centre, scale;
    char name[64];
} coefficient;

typedef struct fit {
    size_t rows, left_out, events;
    double beta[COLUMNS_MAX], se[COLUMNS_MAX]; /* NaN: not estimable */
} fit;

typedef struct effects {
    const mnk_table_models_config *config;
    mnk_formula formula;
    const mnk_schema *schema;
    coefficient *coefficient; /* [COLUMNS_MAX] */
    size_t coefficients;
    char positive[128]; /* which level of the outcome is modelled */
    fit *fit;           /* [TABLES] */
    const mnk_table *table[TABLES];
} effects;

/* ---- columns ---- */

static mnk_status add_levels(effects *e, size_t column, mnk_error *err) {
    const mnk_table *t = e->table[TRAIN];
    const mnk_column *c = &e->schema->column[column];
    size_t *count = NULL, seen = 0;
    int32_t base = 0;
    MNK_TRY(MNK_NEW(count, c->levels + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (t->code[column][i] >= 0) count[t->code[column][i]]++;
    for (size_t l = 0; l < c->levels; l++) {
        seen += count[l] > 0;
        if (count[l] > count[base]) base = (int32_t)l;
    }
    mnk_status status = MNK_OK;
    if (seen > LEVELS_MAX || e->coefficients + seen > COLUMNS_MAX)
        status =
            MNK_FAIL(err, MNK_ERR_USAGE, "column \"%.100s\" has %zu levels: too many for a term of a model", c->name, seen);
    for (size_t l = 0; l < c->levels && status == MNK_OK; l++) {
        if (!count[l] || (int32_t)l == base) continue;
        coefficient *k = &e->coefficient[e->coefficients++];
        *k = (coefficient){.column = column, .level = (int32_t)l, .base = base, .scale = 1.0};
        snprintf(k->name, sizeof k->name, "%.30s=%.30s", c->name, c->level[l]);
    }
    mnk_free(count);
    return status;
}

static mnk_status add_number(effects *e, size_t column, mnk_error *err) {
    const double *x = e->table[TRAIN]->number[column];
    double sum = 0.0, square = 0.0, n = 0.0;
    if (e->coefficients == COLUMNS_MAX)
        return MNK_FAIL(err, MNK_ERR_USAGE, "a model of more than %d coefficients", COLUMNS_MAX);
    coefficient *k = &e->coefficient[e->coefficients++];
    for (size_t i = 0; i < e->table[TRAIN]->n; i++)
        if (isfinite(x[i])) sum += x[i], n += 1.0;
    double mean = n > 0.0 ? sum / n : 0.0;
    for (size_t i = 0; i < e->table[TRAIN]->n; i++)
        if (isfinite(x[i])) square += (x[i] - mean) * (x[i] - mean);
    double sd = n > 0.0 ? sqrt(square / n) : 1.0;
    *k = (coefficient){.column = column, .level = -1, .centre = mean, .scale = sd > 0.0 ? sd : 1.0};
    snprintf(k->name, sizeof k->name, "%.60s", e->schema->column[column].name);
    return MNK_OK;
}

/* The level of a logistic outcome that counts: the one said, the one that reads as "came", or the later of two. */
static mnk_status find_positive(effects *e, mnk_error *err) {
    const mnk_table *t = e->table[TRAIN];
    size_t c = e->formula.outcome, seen = 0;
    const mnk_column *column = &e->schema->column[c];
    snprintf(e->positive, sizeof e->positive, "%s", e->formula.positive);
    if (t->number[c]) {
        if (!*e->positive) snprintf(e->positive, sizeof e->positive, "1");
        return MNK_OK;
    }
    for (size_t l = 0; l < column->levels; l++) {
        bool here = false;
        for (size_t i = 0; i < t->n && !here; i++) here = t->code[c][i] == (int32_t)l;
        seen += here;
        if (*e->positive && strcmp(e->positive, column->level[l]) == 0) return MNK_OK;
        if (here && !*e->formula.positive && seen > 2)
            return MNK_FAIL(err, MNK_ERR_USAGE, "\"%.100s\" has more than two levels; say which: \"%.100s = LEVEL ~ ...\"",
                            column->name, column->name);
    }
    if (*e->positive) return MNK_FAIL(err, MNK_ERR_USAGE, "\"%.100s\" has no level \"%.100s\"", column->name, e->positive);
    for (size_t i = 0; i < t->n; i++) {
        if (t->code[c][i] < 0) continue;
        const char *text = column->level[t->code[c][i]];
        int came = mnk_table_event(t, c, i);
        bool later = !*e->positive || t->code[c][i] > mnk_schema_level((mnk_schema *)e->schema, c, e->positive);
        if (came == 1 || (came < 0 && later)) snprintf(e->positive, sizeof e->positive, "%s", text);
        if (came == 1) break;
    }
    return MNK_OK;
}

/* ---- rows ---- */

/* 1, 0 or -1 (row left out) */
static int outcome_of(const effects *e, const mnk_table *t, size_t i) {
    size_t c = e->formula.outcome;
    if (e->formula.survival) return isfinite(t->number[c][i]) ? mnk_table_event(t, e->formula.event, i) : -1;
    if (mnk_table_is_missing(t, c, i)) return -1;
    if (t->code[c]) return strcmp(e->schema->column[c].level[t->code[c][i]], e->positive) == 0;
    char text[32];
    snprintf(text, sizeof text, "%.12g", t->number[c][i]);
    return strcmp(text, e->positive) == 0;
}

/* Columns of one row; false: something is missing, or a level that train does not have. */
static bool row_of(const effects *e, const mnk_table *t, size_t i, double *x) {
    for (size_t k = 0; k < e->coefficients;) {
        const coefficient *c = &e->coefficient[k];
        if (c->level < 0) {
            double v = t->number[c->column][i];
            if (!isfinite(v)) return false;
            x[k++] = (v - c->centre) / c->scale;
            continue;
        }
        int32_t code = t->code[c->column][i];
        bool known = code == c->base;
        for (; k < e->coefficients && e->coefficient[k].column == c->column; k++) {
            x[k] = code == e->coefficient[k].level;
            known |= code == e->coefficient[k].level;
        }
        if (!known) return false;
    }
    return true;
}

/* ---- fitting ---- */

typedef struct rows {
    double *x, *y, *time; /* [n][coefficients], [n], [n] */
    uint8_t *event;
    size_t n;
    bool use[COLUMNS_MAX]; /* columns that vary */
} rows;

static mnk_status read_rows(const effects *e, const mnk_table *t, rows *r, fit *f, mnk_error *err) {
    size_t d = e->coefficients;
    MNK_TRY(MNK_NEW(r->x, t->n * d + 1, err));
    MNK_TRY(MNK_NEW(r->y, t->n + 1, err));
    MNK_TRY(MNK_NEW(r->time, t->n + 1, err));
    MNK_TRY(MNK_NEW(r->event, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++) {
        int y = outcome_of(e, t, i);
        if (y < 0 || !row_of(e, t, i, r->x + r->n * d)) continue;
        r->y[r->n] = r->event[r->n] = (uint8_t)y;
        r->time[r->n] = e->formula.survival ? t->number[e->formula.outcome][i] : 0.0;
        f->events += (size_t)y;
        r->n++;
    }
    f->rows = r->n;
    f->left_out = t->n - r->n;
    for (size_t k = 0; k < d; k++)
        for (size_t i = 1; i < r->n && !r->use[k]; i++) r->use[k] = r->x[i * d + k] != r->x[k];
    return MNK_OK;
}

/* One regression on the columns in use. beta, se: [used]. Returns the column (among the used) without information of its own
 * in *singular, -1 when all is well, -2 when the fit did not converge. */
static mnk_status regress(const effects *e, const rows *r, size_t used, const double *x, double *beta, double *se,
                          long *singular, mnk_error *err) {
    size_t first = e->formula.survival ? 0 : 1, m = used + first;
    const double *b, *v;
    mnk_glm g = {0};
    mnk_cox c = {0};
    bool converged;
    if (e->formula.survival) {
        mnk_cox_problem p = {.n = r->n, .d = used, .x = x, .time = r->time, .event = r->event, .ties = MNK_COX_EFRON};
        MNK_TRY(mnk_cox_fit(&p, &c, err));
        b = c.beta, v = c.covariance, converged = c.converged, *singular = c.singular;
    } else {
        mnk_glm_problem p = {.family = MNK_GLM_LOGISTIC, .n = r->n, .d = used, .x = x, .y = r->y};
        MNK_TRY(mnk_glm_fit(&p, &g, err));
        b = g.beta, v = g.covariance, converged = g.converged, *singular = g.singular;
        if (*singular >= 0) *singular = *singular > 0 ? *singular - 1 : 0;
    }
    if (*singular < 0 && !converged) *singular = -2;
    for (size_t k = 0; k < used; k++) {
        beta[k] = b[k + first];
        se[k] = sqrt(v[(k + first) * m + k + first]);
    }
    mnk_glm_close(&g);
    mnk_cox_close(&c);
    return MNK_OK;
}

/* Columns without information of their own are left out one by one; what separates the outcome has no finite estimate. */
static mnk_status fit_table(const effects *e, const mnk_table *t, fit *f, mnk_error *err) {
    enum { FAR = 15 }; /* log ratios per sd: beyond, the likelihood only rises towards infinity */
    mnk_status status = MNK_OK;
    rows r = {0};
    double *x = NULL, beta[COLUMNS_MAX], se[COLUMNS_MAX];
    size_t d = e->coefficients, index[COLUMNS_MAX], used;
    long singular = 0;
    for (size_t k = 0; k < COLUMNS_MAX; k++) f->beta[k] = f->se[k] = NAN;
    MNK_OUT(read_rows(e, t, &r, f, err));
    if (f->events == 0 || (f->events == f->rows && !e->formula.survival)) goto out;
    MNK_OUT(MNK_NEW(x, r.n * d + 1, err));
    do {
        used = 0;
        for (size_t k = 0; k < d; k++)
            if (r.use[k]) index[used++] = k;
        for (size_t i = 0; i < r.n; i++)
            for (size_t k = 0; k < used; k++) x[i * used + k] = r.x[i * d + index[k]];
        if (used == 0) goto out;
        MNK_OUT(regress(e, &r, used, x, beta, se, &singular, err));
        if (singular >= 0) r.use[index[singular]] = false;
    } while (singular >= 0);
    for (size_t k = 0; k < used && singular == -1; k++) {
        if (!(fabs(beta[k]) < FAR && se[k] < FAR)) continue;
        f->beta[index[k]] = beta[k] / e->coefficient[index[k]].scale;
        f->se[index[k]] = se[k] / e->coefficient[index[k]].scale;
    }
out:
    mnk_free(x);
    mnk_free(r.x);
    mnk_free(r.y);
    mnk_free(r.time);
    mnk_free(r.event);
    return status;
}

/* ---- comparing ---- */

/* Mean share of either interval that the other covers (Karr et al. 2006); negative when they are apart. */
static double overlap(const fit *a, const fit *b, size_t k, double z) {
    double la = a->beta[k] - z * a->se[k], ua = a->beta[k] + z * a->se[k];
    double lb = b->beta[k] - z * b->se[k], ub = b->beta[k] + z * b->se[k];
    double both = fmin(ua, ub) - fmax(la, lb);
    return 0.5 * (both / (ua - la) + both / (ub - lb));
}

/* -1, 0, 1: what a reader would conclude */
static int verdict(const fit *f, size_t k, double z) {
    return f->beta[k] - z * f->se[k] > 0.0 ? 1 : f->beta[k] + z * f->se[k] < 0.0 ? -1 : 0;
}

static mnk_metric *add(mnk_result *r, const effects *e, const char *id, const char *term, double value, size_t n,
                       mnk_error *err) {
    mnk_metric *m = mnk_result_add_metric(r, id, "effects");
    if (!m) {
        (void)MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the metric %s", id);
        return NULL;
    }
    const char *outcome = e->schema->column[e->formula.outcome].name;
    if (*term) snprintf(m->subset, sizeof m->subset, "%.20s ~ %.40s", outcome, term);
    else snprintf(m->subset, sizeof m->subset, "%.60s", outcome);
    m->value = value;
    m->n = n;
    m->level = e->config->level;
    return m;
}

static void explain(const effects *e, const fit *f, size_t k, mnk_metric *m) {
    const coefficient *c = &e->coefficient[k];
    if (isnan(f->beta[k])) {
        snprintf(m->note, sizeof m->note, "not estimable: %s",
                 f->events == 0 ? "no event" : "the level is absent, collinear, or separates the outcome");
        return;
    }
    const mnk_column *column = &e->schema->column[c->column];
    if (c->level < 0)
        snprintf(m->note, sizeof m->note, "per 1 %.40s; %zu events in %zu complete rows", *column->unit ? column->unit : "unit",
                 f->events, f->rows);
    else
        snprintf(m->note, sizeof m->note, "against %.40s; %zu events in %zu complete rows", column->level[c->base], f->events,
                 f->rows);
}

static mnk_status report_ratio(const effects *e, size_t k, mnk_result *r, mnk_error *err) {
    static const char *const names[] = {"train", "synthetic", "holdout"};
    double z = mnk_normal_quantile(0.5 + 0.5 * e->config->level);
    for (int t = 0; t < TABLES; t++) {
        const fit *f = &e->fit[t];
        char id[64];
        if (!e->table[t]) continue;
        snprintf(id, sizeof id, "%s.%s", e->formula.survival ? "hazard_ratio" : "odds_ratio", names[t]);
        mnk_metric *m = add(r, e, id, e->coefficient[k].name, exp(f->beta[k]), f->rows, err);
        if (!m) return MNK_ERR_MEMORY;
        m->low = exp(f->beta[k] - z * f->se[k]), m->high = exp(f->beta[k] + z * f->se[k]);
        if (t == SYNTHETIC) {
            mnk_metric_add_reference(m, "train", exp(e->fit[TRAIN].beta[k]));
            if (e->table[HOLDOUT]) mnk_metric_add_reference(m, "holdout", exp(e->fit[HOLDOUT].beta[k]));
        }
        explain(e, f, k, m);
    }
    return MNK_OK;
}

static mnk_status report_comparison(const effects *e, size_t k, mnk_result *r, mnk_error *err) {
    double z = mnk_normal_quantile(0.5 + 0.5 * e->config->level);
    const fit *real = &e->fit[TRAIN], *other = &e->fit[SYNTHETIC], *held = &e->fit[HOLDOUT];
    mnk_metric *m = add(r, e, "effect_bias", e->coefficient[k].name, other->beta[k] - real->beta[k], other->rows, err);
    if (!m) return MNK_ERR_MEMORY;
    double sd = hypot(other->se[k], real->se[k]);
    m->low = m->value - z * sd, m->high = m->value + z * sd;
    if (e->table[HOLDOUT]) mnk_metric_add_reference(m, "holdout", held->beta[k] - real->beta[k]);
    snprintf(m->note, sizeof m->note,
             isnan(m->value) ? "not estimable in both" : "log ratio, synthetic minus train; standardised %.2f",
             m->value / real->se[k]);
    m = add(r, e, "effect_overlap", e->coefficient[k].name, overlap(real, other, k, z), other->rows, err);
    if (!m) return MNK_ERR_MEMORY;
    if (e->table[HOLDOUT]) mnk_metric_add_reference(m, "holdout", overlap(real, held, k, z));
    if (isnan(m->value)) snprintf(m->note, sizeof m->note, "not estimable in both");
    return MNK_OK;
}

/* Over coefficients that train can estimate; one that the other table cannot is no overlap and no agreement. */
static void overall(const effects *e, int t, double *mean_overlap, double *agreement, size_t *n) {
    double z = mnk_normal_quantile(0.5 + 0.5 * e->config->level), sum = 0.0, same = 0.0;
    *n = 0;
    for (size_t k = 0; k < e->coefficients; k++) {
        if (isnan(e->fit[TRAIN].beta[k])) continue;
        (*n)++;
        if (isnan(e->fit[t].beta[k])) continue;
        sum += overlap(&e->fit[TRAIN], &e->fit[t], k, z);
        same += verdict(&e->fit[TRAIN], k, z) == verdict(&e->fit[t], k, z);
    }
    *mean_overlap = *n ? sum / (double)*n : NAN;
    *agreement = *n ? same / (double)*n : NAN;
}

static mnk_status report_overall(const effects *e, const char *formula, mnk_result *r, mnk_error *err) {
    double value[TABLES][2];
    size_t n;
    static const char *const ids[] = {"effect_overlap_mean", "effect_agreement"};
    for (int t = SYNTHETIC; t < TABLES; t++) overall(e, t, &value[t][0], &value[t][1], &n);
    for (int k = 0; k < 2; k++) {
        mnk_metric *m = add(r, e, ids[k], "", value[SYNTHETIC][k], n, err);
        if (!m) return MNK_ERR_MEMORY;
        if (e->table[HOLDOUT]) mnk_metric_add_reference(m, "holdout", value[HOLDOUT][k]);
        if (isnan(m->value)) snprintf(m->note, sizeof m->note, "train gives no estimate");
        else
            snprintf(m->note, sizeof m->note, "%zu coefficients of %.100s%s", n, formula,
                     k ? ": same sign and significance" : "");
        if (k == 1 && n) mnk_wilson(m->value * (double)n, (double)n, m->level, &m->low, &m->high);
    }
    return MNK_OK;
}

static mnk_status open_columns(effects *e, mnk_error *err) {
    const mnk_formula *f = &e->formula;
    const mnk_table *t = e->table[TRAIN];
    for (int k = 0; k < f->terms; k++) MNK_TRY((t->number[f->term[k]] ? add_number : add_levels)(e, f->term[k], err));
    if (!f->survival) return find_positive(e, err);
    return t->number[f->outcome] ? MNK_OK
                                 : MNK_FAIL(err, MNK_ERR_USAGE, "\"%.100s\" is no follow-up time: it holds no numbers",
                                            e->schema->column[f->outcome].name);
}

mnk_status mnk_table_effects(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic, const char *formula,
                             const mnk_table_models_config *config, mnk_result *r, mnk_error *err) {
    mnk_status status = MNK_OK;
    effects e = {.config = config, .schema = train->schema, .table = {train, synthetic, holdout}};
    MNK_TRY(mnk_table_models_check(config, train, holdout, synthetic, err));
    MNK_TRY(mnk_formula_parse(formula, train->schema, &e.formula, err));
    MNK_OUT(MNK_NEW(e.coefficient, COLUMNS_MAX, err));
    MNK_OUT(MNK_NEW(e.fit, TABLES, err));
    MNK_OUT(open_columns(&e, err));
    for (int t = 0; t < TABLES; t++)
        if (e.table[t]) MNK_OUT(fit_table(&e, e.table[t], &e.fit[t], err));
    for (size_t k = 0; k < e.coefficients; k++) {
        MNK_OUT(report_ratio(&e, k, r, err));
        MNK_OUT(report_comparison(&e, k, r, err));
    }
    MNK_OUT(report_overall(&e, formula, r, err));
out:
    mnk_free(e.coefficient);
    mnk_free(e.fit);
    return status;
}
