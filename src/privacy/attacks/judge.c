#include "privacy/attacks/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "math/stats.h"
#include "privacy/audit.h"

enum { RESPLITS = 200, SUBSET_LEAST = 20, RATES = 3 };
static const double rate[RATES] = {0.1, 0.01, 0.001};
static const char *const rate_name[RATES] = {"tpr_10", "tpr_1", "tpr_0.1"};

mnk_status mnk_attack_auc(const double *score, size_t n, const uint8_t *is_member, const uint8_t *in, const int32_t *unit,
                          size_t units, mnk_auc *out, mnk_error *err) {
    double *some = NULL, *influence = NULL, *sum = NULL;
    uint8_t *positive = NULL;
    size_t *row = NULL, m = 0;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(some, n + 1, err));
    MNK_OUT(MNK_NEW(influence, n + 1, err));
    MNK_OUT(MNK_NEW(sum, units + 1, err));
    MNK_OUT(MNK_NEW(positive, n + 1, err));
    MNK_OUT(MNK_NEW(row, n + 1, err));
    for (size_t i = 0; i < n; i++)
        if (!in || in[i]) some[m] = score[i], positive[m] = is_member[i], row[m++] = i;
    MNK_OUT(mnk_auc_delong(some, positive, m, influence, out, err));
    if (isnan(out->variance)) goto out;
    out->variance = 0;
    for (size_t i = 0; i < m; i++) sum[unit[row[i]]] += influence[i];
    for (size_t u = 0; u < units; u++) out->variance += sum[u] * sum[u];
out:
    mnk_free(some);
    mnk_free(influence);
    mnk_free(sum);
    mnk_free(positive);
    mnk_free(row);
    return status;
}

/* The largest of several areas: each interval at 1 - (1 - level)/comparisons, so that all hold at once (Bonferroni). */
typedef struct largest {
    double value, low, high;
    size_t attack;
} largest;

static mnk_status find_largest(const mnk_attack_scores *s, size_t n, const uint8_t *is_member, const uint8_t *in,
                               const int32_t *unit, size_t units, double comparisons, double level, mnk_auc *each, largest *out,
                               mnk_error *err) {
    *out = (largest){NAN, NAN, NAN, 0};
    for (size_t k = 0; k < s->attacks; k++) {
        mnk_auc auc;
        double low, high;
        MNK_TRY(mnk_attack_auc(s->score[k], n, is_member, in, unit, units, &auc, err));
        if (each) each[k] = auc;
        mnk_auc_interval(&auc, 1 - (1 - level) / comparisons, MNK_AUC_LOGIT, &low, &high);
        if (!(auc.value <= out->value)) out->value = auc.value, out->attack = k;
        out->low = fmax(out->low, low), out->high = fmax(out->high, high);
    }
    return MNK_OK;
}

/* ---- the null: unseen records dealt into "members" and others; neither was trained on ---- */

typedef struct resplit {
    const mnk_attack_scores *others; /* scores of non-members alone */
    const int32_t *unit;             /* of non-members, 0..units-1 */
    size_t n, units;
    double level;
    uint64_t seed;
    largest *out; /* [RESPLITS] */
    int failed;
} resplit;

static void deal_once(void *ctx, size_t b) {
    resplit *x = ctx;
    mnk_error err = MNK_ERROR_INIT;
    size_t *order = mnk_alloc(x->units, sizeof *order);
    uint8_t *first = mnk_alloc(x->units, 1), *is_member = mnk_alloc(x->n, 1);
    bool ok = order && first && is_member;
    if (ok) {
        mnk_rng r = mnk_rng_at(x->seed, MNK_PURPOSE_ATTACK, 1000 + b, 0);
        mnk_rng_permutation(&r, order, x->units);
        for (size_t u = 0; u < x->units / 2; u++) first[order[u]] = 1;
        for (size_t i = 0; i < x->n; i++) is_member[i] = first[x->unit[i]];
        ok = find_largest(x->others, x->n, is_member, NULL, x->unit, x->units, (double)x->others->attacks, x->level, NULL,
                          &x->out[b], &err) == MNK_OK;
    }
    if (!ok) __atomic_store_n(&x->failed, 1, __ATOMIC_RELAXED);
    mnk_free(order);
    mnk_free(first);
    mnk_free(is_member);
}

typedef struct null_says {
    double false_alarms, usual; /* share of deals with an interval above 1/2; 95th percentile of the largest area */
} null_says;

static mnk_status run_null(const mnk_attack_targets *t, const mnk_attack_scores *s, const mnk_attack_config *config,
                           null_says *out, mnk_error *err) {
    mnk_attack_scores others = {.attacks = s->attacks};
    int32_t *unit = NULL;
    largest all[RESPLITS];
    double value[RESPLITS];
    size_t alarms = 0;
    const int32_t first = t->others ? t->unit[t->members] : 0; /* units of non-members follow those of members */
    MNK_TRY(MNK_NEW(unit, t->others + 1, err));
    for (size_t i = 0; i < t->others; i++) unit[i] = t->unit[t->members + i] - first;
    for (size_t k = 0; k < s->attacks; k++) others.score[k] = s->score[k] + t->members;
    resplit x = {.others = &others,
                 .unit = unit,
                 .n = t->others,
                 .units = t->units - (size_t)first,
                 .level = config->level,
                 .seed = config->seed,
                 .out = all};
    mnk_parallel_for(RESPLITS, deal_once, &x);
    mnk_free(unit);
    if (x.failed) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the null of the attacks");
    for (size_t b = 0; b < RESPLITS; b++) alarms += all[b].low > 0.5, value[b] = all[b].value;
    *out = (null_says){(double)alarms / RESPLITS, mnk_quantile(value, RESPLITS, 0.95)};
    return MNK_OK;
}

/* ---- metrics ---- */

static mnk_metric *add(mnk_result *r, const char *id, const char *attack, const char *encoding, size_t n, double level) {
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", id, attack ? "." : "", attack ? attack : "");
    mnk_metric *m = mnk_result_add_metric(r, name, "membership");
    if (!m) return NULL;
    snprintf(m->encoding, sizeof m->encoding, "%s", encoding);
    m->n = n, m->level = level;
    return m;
}

static mnk_status no_memory(mnk_error *err) { return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric"); }

typedef struct context {
    const mnk_attack_targets *t;
    const mnk_attack_scores *s;
    const mnk_attack_config *config;
    const char *encoding;
    uint8_t *is_member;
    size_t n;
    mnk_result *r;
} context;

static mnk_status add_areas(const context *c, const mnk_auc *each, const mnk_auc *control, const largest *all,
                            const largest *seen, const null_says *null, mnk_error *err) {
    const double level = c->config->level;
    mnk_metric *m = add(c->r, "max_attack_auc", NULL, c->encoding, c->n, level);
    if (!m) return no_memory(err);
    m->value = all->value, m->low = all->low, m->high = all->high;
    snprintf(m->note, sizeof m->note,
             "largest of %zu attacks (%s), interval corrected for all of them; null: 95 %% of re-splits stay below",
             c->s->attacks, c->s->attack[all->attack]->id);
    mnk_metric_add_reference(m, "copy", seen->value);
    mnk_metric_add_reference(m, "null", null->usual);
    for (size_t k = 0; k < c->s->attacks; k++) {
        if (!(m = add(c->r, "auc", c->s->attack[k]->id, c->encoding, c->n, level))) return no_memory(err);
        m->value = each[k].value;
        mnk_auc_interval(&each[k], level, MNK_AUC_LOGIT, &m->low, &m->high);
        snprintf(m->note, sizeof m->note, "%.159s", c->s->attack[k]->what);
        if (!c->s->attack[k]->needs_model) mnk_metric_add_reference(m, "copy", control[k].value);
    }
    if (!(m = add(c->r, "control_attack_auc", NULL, c->encoding, c->n, level))) return no_memory(err);
    m->value = seen->value, m->low = seen->low, m->high = seen->high;
    snprintf(m->note, sizeof m->note, "positive control: the same attacks where the members themselves are the synthetic data");
    if (!(m = add(c->r, "null_false_alarms", NULL, c->encoding, c->t->others, level))) return no_memory(err);
    m->value = null->false_alarms;
    snprintf(m->note, sizeof m->note, "share of %d re-splits of unseen records alone whose corrected interval lies above 0.5",
             RESPLITS);
    return MNK_OK;
}

/* True-positive rate at a false-positive rate: of every attack, and the largest with correction. */
static mnk_status add_powers(const context *c, mnk_error *err) {
    const double level = c->config->level, corrected = 1 - (1 - level) / (double)c->s->attacks;
    for (int f = 0; f < RATES; f++) {
        char id[64];
        snprintf(id, sizeof id, "max_%s", rate_name[f]);
        mnk_metric *most = add(c->r, id, NULL, c->encoding, c->n, level);
        if (!most) return no_memory(err);
        const size_t at = c->r->metrics - 1; /* adding moves the list */
        double value = NAN, low = NAN, high = NAN;
        mnk_audit_power p = {0};
        for (size_t k = 0; k < c->s->attacks; k++) {
            MNK_TRY(mnk_audit_power_at(c->s->score[k], c->is_member, c->n, rate[f], corrected, &p, err));
            value = fmax(value, p.tpr), low = fmax(low, p.tpr_low), high = fmax(high, p.tpr_high);
            MNK_TRY(mnk_audit_power_at(c->s->score[k], c->is_member, c->n, rate[f], level, &p, err));
            mnk_metric *m = add(c->r, rate_name[f], c->s->attack[k]->id, c->encoding, c->n, level);
            if (!m) return no_memory(err);
            m->value = p.tpr, m->low = p.tpr_low, m->high = p.tpr_high;
            if (p.is_estimable)
                snprintf(m->note, sizeof m->note, "members found at a false-positive rate of %.4g (%.3g .. %.3g)", p.fpr,
                         p.fpr_low, p.fpr_high);
            else snprintf(m->note, sizeof m->note, "not estimable: %zu non-members, %zu are needed", c->t->others, p.needed);
        }
        most = &c->r->metric[at];
        most->value = value, most->low = low, most->high = high;
        if (p.is_estimable)
            snprintf(most->note, sizeof most->note,
                     "largest share of members found by any attack at a false-positive rate of %g %%", rate[f] * 100);
        else snprintf(most->note, sizeof most->note, "not estimable: %zu non-members, %zu are needed", c->t->others, p.needed);
    }
    return MNK_OK;
}

static mnk_status add_subsets(const context *c, mnk_error *err) {
    for (size_t k = 0; k < c->t->subsets; k++) {
        const mnk_attack_subset *subset = &c->t->subset[k];
        size_t members = 0, others = 0;
        largest l;
        for (size_t i = 0; i < c->n; i++) *(c->is_member[i] ? &members : &others) += subset->in[i];
        mnk_metric *m = add(c->r, "max_attack_auc", NULL, c->encoding, members + others, c->config->level);
        if (!m) return no_memory(err);
        snprintf(m->subset, sizeof m->subset, "%s", subset->name);
        if (members < SUBSET_LEAST || others < SUBSET_LEAST) {
            snprintf(m->note, sizeof m->note, "not estimable: %zu members and %zu non-members; %d of each are needed", members,
                     others, SUBSET_LEAST);
            continue;
        }
        MNK_TRY(find_largest(c->s, c->n, c->is_member, subset->in, c->t->unit, c->t->units,
                             (double)(c->s->attacks * c->t->subsets), c->config->level, NULL, &l, err));
        m = &c->r->metric[c->r->metrics - 1];
        m->value = l.value, m->low = l.low, m->high = l.high;
        snprintf(m->note, sizeof m->note, "%s; interval corrected for %zu attacks and %zu subsets", c->s->attack[l.attack]->id,
                 c->s->attacks, c->t->subsets);
    }
    return MNK_OK;
}

/* ---- epsilon: attack and threshold chosen on half of the persons, counted on the other half ---- */

static int descending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

typedef struct counts {
    uint64_t tp, members, fp, others;
} counts;

static counts count(const context *c, const double *score, double threshold, const uint8_t *half, uint8_t which) {
    counts x = {0};
    for (size_t i = 0; i < c->n; i++) {
        if (half[c->t->unit[i]] != which) continue;
        *(c->is_member[i] ? &x.members : &x.others) += 1;
        if (score[i] >= threshold) *(c->is_member[i] ? &x.tp : &x.fp) += 1;
    }
    return x;
}

static double epsilon_of(const counts *x, double level) {
    return mnk_audit_epsilon(x->tp, x->members, x->fp, x->others, 0, level);
}

static mnk_status add_epsilon(const context *c, mnk_error *err) {
    static const double at[] = {0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99};
    uint8_t *half = NULL;
    size_t *order = NULL;
    double *outside = NULL, best = -1, threshold = INFINITY;
    size_t attack = 0;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(half, c->t->units, err));
    MNK_OUT(MNK_NEW(order, c->t->units, err));
    MNK_OUT(MNK_NEW(outside, c->n, err));
    mnk_rng r = mnk_rng_at(c->config->seed, MNK_PURPOSE_ATTACK, 2, 0);
    mnk_rng_permutation(&r, order, c->t->units);
    for (size_t u = 0; u < c->t->units / 2; u++) half[order[u]] = 1;
    for (size_t k = 0; k < c->s->attacks; k++) {
        size_t n = 0;
        for (size_t i = c->t->members; i < c->n; i++)
            if (!half[c->t->unit[i]]) outside[n++] = c->s->score[k][i];
        qsort(outside, n, sizeof *outside, descending);
        for (size_t f = 0; f < sizeof at / sizeof *at && n; f++) {
            const double limit = nextafter(outside[(size_t)(at[f] * (double)(n - 1))], INFINITY);
            const counts x = count(c, c->s->score[k], limit, half, 0);
            const double epsilon = epsilon_of(&x, c->config->level);
            if (epsilon > best) best = epsilon, threshold = limit, attack = k;
        }
    }
    const counts x = count(c, c->s->score[attack], threshold, half, 1);
    mnk_metric *m = add(c->r, "epsilon_lower_bound", NULL, c->encoding, (size_t)(x.members + x.others), c->config->level);
    if (!m) MNK_OUT(no_memory(err));
    m->value = epsilon_of(&x, c->config->level);
    m->low = m->value, m->high = NAN;
    mnk_metric_add_reference(m, "cap", mnk_audit_epsilon_cap(x.members, x.others, 0, c->config->level));
    snprintf(m->note, sizeof m->note,
             "%s, threshold from the other half of the persons; these numbers cannot show more than the cap",
             c->s->attack[attack]->id);
out:
    mnk_free(half);
    mnk_free(order);
    mnk_free(outside);
    return status;
}

/* ---- records at risk ---- */

typedef struct ranked {
    double score;
    size_t member;
} ranked;

static int most_first(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->member > y->member) - (x->member < y->member);
}

static mnk_status flag_worst(const context *c, size_t attack, mnk_error *err) {
    const double *score = c->s->score[attack];
    ranked *list = NULL;
    MNK_TRY(MNK_NEW(list, c->t->members + 1, err));
    for (size_t i = 0; i < c->t->members; i++) list[i] = (ranked){score[i], i};
    qsort(list, c->t->members, sizeof *list, most_first);
    mnk_status status = MNK_OK;
    for (size_t k = 0; k < c->t->members && k < (size_t)c->config->shown && status == MNK_OK; k++) {
        size_t above = 0;
        for (size_t i = c->t->members; i < c->n; i++) above += score[i] >= list[k].score;
        mnk_flag *f = mnk_result_add_flag(c->r, "at_risk", c->t->row[list[k].member]);
        if (!f) status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a flag");
        if (!f) break;
        f->of = -1, f->distance = list[k].score;
        snprintf(f->note, sizeof f->note, "%s score; %zu of %zu unseen records reach it", c->s->attack[attack]->id, above,
                 c->t->others);
    }
    mnk_free(list);
    return status;
}

void mnk_attack_hide(mnk_result *r) {
    for (size_t i = 0; i < r->flags; i++) r->flag[i].of = -1;
}

mnk_status mnk_attack_judge(const mnk_attack_targets *t, const mnk_attack_scores *s, const mnk_attack_scores *control,
                            const mnk_attack_config *config, const char *encoding, mnk_result *r, mnk_error *err) {
    context c = {.t = t, .s = s, .config = config, .encoding = encoding, .n = t->members + t->others, .r = r};
    mnk_auc each[MNK_ATTACKS_MOST], seen_each[MNK_ATTACKS_MOST];
    largest all, seen;
    null_says null = {0, 0};
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(c.is_member, c.n + 1, err));
    memset(c.is_member, 1, t->members);
    MNK_OUT(find_largest(s, c.n, c.is_member, NULL, t->unit, t->units, (double)s->attacks, config->level, each, &all, err));
    MNK_OUT(find_largest(control, c.n, c.is_member, NULL, t->unit, t->units, (double)control->attacks, config->level, seen_each,
                         &seen, err));
    MNK_OUT(run_null(t, s, config, &null, err));
    MNK_OUT(add_areas(&c, each, seen_each, &all, &seen, &null, err));
    MNK_OUT(add_powers(&c, err));
    MNK_OUT(add_epsilon(&c, err));
    MNK_OUT(add_subsets(&c, err));
    if (!config->hide_real) MNK_OUT(flag_worst(&c, all.attack, err));
    if (!(seen.low > 0.5))
        mnk_result_add_warning(r,
                               "the attacks do not recognise even the members themselves (control_attack_auc): with so few or "
                               "such coarse records this audit can show nothing");
out:
    mnk_free(c.is_member);
    return status;
}

mnk_status mnk_attack_battery(const mnk_encoded *e, const double *model, bool model_is_density, mnk_attack_targets *t,
                              const mnk_attack_config *config, const mnk_observer *observer, mnk_result *r, mnk_error *err) {
    mnk_attack_problem problem = {0}, control = {0};
    mnk_attack_scores scores = {0}, seen = {0};
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_attack_problem_open(e, false, config->seed, &problem, err));
    MNK_OUT(mnk_attack_problem_open(e, true, config->seed, &control, err));
    problem.model = model, problem.model_is_density = model && model_is_density;
    MNK_OUT(mnk_attack_isolated(t, &problem, err));
    MNK_OUT(mnk_attack_scores_open(&problem, observer, &scores, err));
    MNK_OUT(mnk_attack_scores_open(&control, observer, &seen, err));
    mnk_result_encoding *shown = &r->encoding[r->encodings++];
    snprintf(shown->name, sizeof shown->name, "%s", e->name);
    snprintf(shown->note, sizeof shown->note, "of the reference: %.140s", e->note);
    shown->dim = (int)(e->near_d + e->codes);
    MNK_OUT(mnk_attack_judge(t, &scores, &seen, config, e->name, r, err));
out:
    mnk_attack_scores_close(&scores);
    mnk_attack_scores_close(&seen);
    mnk_attack_problem_close(&problem);
    mnk_attack_problem_close(&control);
    return status;
}
