/* Ranks with the ties that chance leaves. */
#include "manikin/rank.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"

/* The first metric of an axis that a result has stands for it in the planes. Authenticity far above the holdout's is a sign of
 * poor fidelity, not of safety (evaluation of garbage: 1.000), so it aims at the holdout. */
static const mnk_rank_metric metrics[] = {
    {"precision", MNK_RANK_FIDELITY, MNK_RANK_HIGH},
    {"alpha_precision", MNK_RANK_FIDELITY, MNK_RANK_HIGH},
    {"density", MNK_RANK_FIDELITY, MNK_RANK_HOLDOUT},
    {"ks_complement", MNK_RANK_FIDELITY, MNK_RANK_HIGH},
    {"tv_complement", MNK_RANK_FIDELITY, MNK_RANK_HIGH},
    {"rank_correlation_similarity", MNK_RANK_FIDELITY, MNK_RANK_HIGH},
    {"contingency_similarity", MNK_RANK_FIDELITY, MNK_RANK_HIGH},
    {"binned_accuracy_3", MNK_RANK_FIDELITY, MNK_RANK_HIGH},
    {"missing_similarity", MNK_RANK_FIDELITY, MNK_RANK_HIGH},
    {"frechet_distance", MNK_RANK_FIDELITY, MNK_RANK_LOW},
    {"kid", MNK_RANK_FIDELITY, MNK_RANK_LOW},
    {"mmd2", MNK_RANK_FIDELITY, MNK_RANK_LOW},
    {"c2st.boosting", MNK_RANK_FIDELITY, MNK_RANK_HALF},
    {"coverage", MNK_RANK_DIVERSITY, MNK_RANK_HIGH},
    {"beta_recall", MNK_RANK_DIVERSITY, MNK_RANK_HIGH},
    {"recall", MNK_RANK_DIVERSITY, MNK_RANK_HIGH},
    {"within_class_sd", MNK_RANK_DIVERSITY, MNK_RANK_HOLDOUT},
    {"category_coverage", MNK_RANK_DIVERSITY, MNK_RANK_HIGH},
    {"authenticity", MNK_RANK_PRIVACY, MNK_RANK_HOLDOUT},
    {"near_copies", MNK_RANK_PRIVACY, MNK_RANK_LOW},
    {"exact_copies", MNK_RANK_PRIVACY, MNK_RANK_LOW},
    {"macro_auc.tstr.boosting", MNK_RANK_UTILITY, MNK_RANK_HIGH},
    {"r2.tstr.boosting", MNK_RANK_UTILITY, MNK_RANK_HIGH},
    {"c_index.tstr.boosting", MNK_RANK_UTILITY, MNK_RANK_HIGH},
    {"macro_auc.synthetic", MNK_RANK_UTILITY, MNK_RANK_HIGH},
};
enum { METRICS = sizeof metrics / sizeof *metrics };

static const char *const axis_names[MNK_RANK_AXES] = {"fidelity", "diversity", "privacy", "utility"};

const mnk_rank_metric *mnk_rank_metrics(size_t *n) { return *n = METRICS, metrics; }
const char *mnk_rank_axis_name(mnk_rank_axis axis) { return (unsigned)axis < MNK_RANK_AXES ? axis_names[axis] : "unknown"; }

const mnk_metric *mnk_rank_axis_metric(const mnk_result *r, mnk_rank_axis axis) {
    for (size_t k = 0; k < METRICS; k++)
        for (size_t i = 0; metrics[k].axis == axis && i < r->metrics; i++)
            if (!*r->metric[i].subset && !*r->metric[i].column && strcmp(r->metric[i].id, metrics[k].id) == 0 &&
                !isnan(r->metric[i].value))
                return &r->metric[i];
    return NULL;
}

typedef struct score {
    double value, se; /* higher is better; se NaN: unknown */
} score;

static double holdout_of(const mnk_metric *m) {
    for (int i = 0; i < m->references; i++)
        if (strcmp(m->reference[i].name, "holdout") == 0) return m->reference[i].value;
    return NAN;
}

static score score_of(const mnk_metric *m, mnk_rank_aim aim) {
    if (!m || isnan(m->value)) return (score){NAN, NAN};
    double z = mnk_normal_quantile(0.5 + m->level / 2), se = (m->high - m->low) / (2 * z);
    if (aim == MNK_RANK_HIGH) return (score){m->value, se};
    if (aim == MNK_RANK_LOW) return (score){-m->value, se};
    return (score){-fabs(m->value - (aim == MNK_RANK_HALF ? 0.5 : holdout_of(m))), se};
}

/* 1: a is better than b beyond chance. */
static bool is_better(score a, score b, double z) {
    return a.value > b.value && a.value - b.value > z * sqrt(a.se * a.se + b.se * b.se);
}

typedef struct ranking {
    const mnk_rank_entry *entry;
    size_t n;
    double level;
    score *score;
    double *sum; /* of the middles of rank intervals */
    size_t *metrics;
    mnk_result *result;
} ranking;

static mnk_status add_rows(ranking *k, const mnk_rank_metric *metric, const char *encoding, mnk_error *err) {
    size_t compared = 0;
    for (size_t i = 0; i < k->n; i++) {
        k->score[i] = score_of(mnk_result_find(k->entry[i].result, metric->id, encoding, ""), metric->aim);
        compared += !isnan(k->score[i].value);
    }
    if (compared < 2) return MNK_OK;
    double pairs = (double)compared * (double)(compared - 1) / 2, z = mnk_normal_quantile(1 - (1 - k->level) / (2 * pairs));
    for (size_t i = 0; i < k->n; i++) {
        if (isnan(k->score[i].value)) continue;
        size_t better = 0, worse = 0;
        for (size_t j = 0; j < k->n; j++) {
            if (j == i || isnan(k->score[j].value)) continue;
            better += is_better(k->score[j], k->score[i], z);
            worse += is_better(k->score[i], k->score[j], z);
        }
        char id[64];
        snprintf(id, sizeof id, "rank.%.58s", metric->id);
        mnk_metric *m = mnk_result_add_metric(k->result, id, "ranking");
        if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the ranking");
        snprintf(m->encoding, sizeof m->encoding, "%s", encoding);
        snprintf(m->subset, sizeof m->subset, "%.63s", k->entry[i].name);
        m->value = m->low = 1 + (double)better;
        m->high = (double)(compared - worse);
        m->level = k->level;
        m->n = compared;
        if (isnan(k->score[i].se)) snprintf(m->note, sizeof m->note, "no interval: never separated by this metric");
        k->sum[i] += (m->low + m->high) / 2;
        k->metrics[i]++;
    }
    return MNK_OK;
}

/* Encodings that any entry has this metric in. */
static mnk_status rank_metric(ranking *k, const mnk_rank_metric *metric, mnk_error *err) {
    char seen[16][24];
    size_t n = 0;
    for (size_t e = 0; e < k->n; e++)
        for (size_t i = 0; i < k->entry[e].result->metrics; i++) {
            const mnk_metric *m = &k->entry[e].result->metric[i];
            if (*m->subset || *m->column || strcmp(m->id, metric->id) != 0) continue;
            bool known = n == sizeof seen / sizeof *seen;
            for (size_t s = 0; s < n; s++) known = known || strcmp(seen[s], m->encoding) == 0;
            if (known) continue;
            memcpy(seen[n++], m->encoding, sizeof seen[0]);
            MNK_TRY(add_rows(k, metric, m->encoding, err));
        }
    return MNK_OK;
}

static mnk_status add_means(const ranking *k, mnk_error *err) {
    for (size_t i = 0; i < k->n; i++) {
        mnk_metric *m = mnk_result_add_metric(k->result, "rank", "ranking");
        if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the ranking");
        snprintf(m->subset, sizeof m->subset, "%.63s", k->entry[i].name);
        m->n = k->metrics[i];
        m->level = k->level;
        if (k->metrics[i]) m->value = k->sum[i] / (double)k->metrics[i];
        snprintf(m->note, sizeof m->note, "mean over %zu metrics of the middle of the ranks that chance leaves open",
                 k->metrics[i]);
    }
    return MNK_OK;
}

mnk_status mnk_rank(const mnk_rank_entry *entry, size_t n, double level, mnk_result *r, mnk_error *err) {
    if (n < 2) return MNK_FAIL(err, MNK_ERR_USAGE, "a ranking needs two synthetic sets; there is %zu", n);
    if (!(level > 0 && level < 1)) return MNK_FAIL(err, MNK_ERR_USAGE, "level %g: must lie between 0 and 1", level);
    ranking k = {.entry = entry, .n = n, .level = level, .result = r};
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(k.score, n, err));
    MNK_OUT(MNK_NEW(k.sum, n, err));
    MNK_OUT(MNK_NEW(k.metrics, n, err));
    for (size_t i = 0; i < METRICS; i++) MNK_OUT(rank_metric(&k, &metrics[i], err));
    MNK_OUT(add_means(&k, err));
out:
    mnk_free(k.score);
    mnk_free(k.sum);
    mnk_free(k.metrics);
    return status;
}
