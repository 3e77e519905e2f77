#include "math/auc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"

typedef struct ranked {
    double score;
    size_t item;
} ranked;

static int by_score(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* Ascending by score. `order` is [n]. */
static mnk_status sort_scores(const double *score, size_t n, ranked *order, mnk_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(score[i])) return MNK_FAIL(err, MNK_ERR_INPUT, "AUC: the score of item %zu is not a finite number", i);
        order[i] = (ranked){score[i], i};
    }
    qsort(order, n, sizeof *order, by_score);
    return MNK_OK;
}

/* Fills place[i] with the placement value of item i: for a positive the share of negatives below it (ties one half),
 * for a negative the share of positives above it. Sun & Xu 2014, eq. 5: rank among all minus rank in the own class. */
static void placements(const ranked *order, const uint8_t *positive, size_t n, size_t m_pos, size_t m_neg, double *place) {
    double below_pos = 0.0, below_neg = 0.0;
    for (size_t i = 0; i < n;) {
        size_t end = i, pos = 0;
        for (; end < n && order[end].score == order[i].score; end++) pos += positive[order[end].item] != 0;
        double neg = (double)(end - i - pos);
        for (; i < end; i++) {
            size_t item = order[i].item;
            if (positive[item]) place[item] = (below_neg + 0.5 * neg) / (double)m_neg;
            else place[item] = 1.0 - (below_pos + 0.5 * (double)pos) / (double)m_pos;
        }
        below_pos += (double)pos;
        below_neg += neg;
    }
}

/* Turns placement values into influence numbers, so that the sum of squares is S10/m + S01/n with the unbiased S10, S01
 * (DeLong et al. 1988, eq. 5). With a single item of a kind its part is 0/0: the variance is then not estimable. */
static void influence_from_placements(double *place, const uint8_t *positive, size_t n, const mnk_auc *a) {
    double m = (double)a->positives, k = (double)a->negatives;
    double pos = m > 1 ? 1.0 / sqrt(m * (m - 1.0)) : 0.0, neg = k > 1 ? 1.0 / sqrt(k * (k - 1.0)) : 0.0;
    for (size_t i = 0; i < n; i++) place[i] = (place[i] - a->value) * (positive[i] ? pos : neg);
}

mnk_status mnk_auc_delong(const double *score, const uint8_t *positive, size_t n, double *influence, mnk_auc *out,
                          mnk_error *err) {
    mnk_status status = MNK_OK;
    ranked *order = NULL;
    double *place = NULL;
    *out = (mnk_auc){NAN, NAN, 0, 0};
    for (size_t i = 0; i < n; i++) out->positives += positive[i] != 0;
    out->negatives = n - out->positives;
    MNK_OUT(MNK_NEW(order, n + 1, err));
    MNK_OUT(MNK_NEW(place, n + 1, err));
    MNK_OUT(sort_scores(score, n, order, err));
    if (out->positives && out->negatives) {
        double sum = 0.0;
        placements(order, positive, n, out->positives, out->negatives, place);
        for (size_t i = 0; i < n; i++)
            if (positive[i]) sum += place[i];
        out->value = sum / (double)out->positives;
        influence_from_placements(place, positive, n, out);
        if (out->positives > 1 && out->negatives > 1) out->variance = mnk_influence_covariance(place, place, n);
    }
    if (influence) memcpy(influence, place, n * sizeof *influence);
out:
    mnk_free(order);
    mnk_free(place);
    return status;
}

double mnk_influence_covariance(const double *a, const double *b, size_t n) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

void mnk_auc_interval(const mnk_auc *a, double level, mnk_auc_scale scale, double *low, double *high) {
    *low = *high = NAN;
    if (isnan(a->value)) return;
    if (a->value <= 0.0 || a->value >= 1.0) { /* separated: DeLong's variance is 0 and would promise certainty */
        double m = (double)(a->positives < a->negatives ? a->positives : a->negatives);
        mnk_clopper_pearson(a->value >= 1.0 ? m : 0.0, m, level, low, high);
        return;
    }
    if (isnan(a->variance)) return;
    double z = mnk_normal_quantile(0.5 + 0.5 * level), sd = sqrt(a->variance);
    if (scale == MNK_AUC_NORMAL) {
        *low = fmax(0.0, a->value - z * sd);
        *high = fmin(1.0, a->value + z * sd);
        return;
    }
    double logit = log(a->value) - log1p(-a->value), half = z * sd / (a->value * (1.0 - a->value));
    *low = 1.0 / (1.0 + exp(half - logit));
    *high = 1.0 / (1.0 + exp(-half - logit));
}

mnk_paired mnk_paired_test(double a, const double *influence_a, double b, const double *influence_b, size_t n) {
    mnk_paired t = {a - b, 0.0, NAN, NAN};
    for (size_t i = 0; i < n; i++) {
        double d = influence_a[i] - influence_b[i];
        t.sd += d * d;
    }
    t.sd = sqrt(t.sd);
    if (t.sd > 0.0) t.z = t.difference / t.sd;
    else if (t.difference == 0.0) t.z = 0.0;
    if (!isnan(t.z)) t.p = mnk_normal_p(t.z);
    return t;
}

/* ---- all classes ---- */

static int largest(const float *row, int classes) {
    int best = 0;
    for (int k = 1; k < classes; k++)
        if (row[k] > row[best]) best = k;
    return best;
}

static mnk_status check_labels(const int32_t *label, size_t n, int classes, mnk_error *err) {
    for (size_t i = 0; i < n; i++)
        if (label[i] < 0 || label[i] >= classes)
            return MNK_FAIL(err, MNK_ERR_INPUT, "item %zu has label %d, but there are %d classes", i, label[i], classes);
    return MNK_OK;
}

const double *mnk_auc_table_influence(const mnk_auc_table *t, int row) { return t->influence + (size_t)row * t->n; }

double mnk_auc_table_value(const mnk_auc_table *t, int row) {
    if (row < t->classes) return t->per_class[row].value;
    return row == t->classes ? t->macro : t->accuracy;
}

/* Adds run's share of class k to the table's value and influence. */
static mnk_status add_class(mnk_auc_table *t, const float *probability, size_t runs, const int32_t *label, int k, double *score,
                            uint8_t *positive, double *influence, mnk_error *err) {
    mnk_auc one;
    double *row = t->influence + (size_t)k * t->n, share = 1.0 / (double)runs;
    for (size_t i = 0; i < t->n; i++) {
        score[i] = probability[i * (size_t)t->classes + (size_t)k];
        positive[i] = label[i] == k;
    }
    MNK_TRY(mnk_auc_delong(score, positive, t->n, influence, &one, err));
    mnk_auc *sum = &t->per_class[k];
    sum->positives = one.positives;
    sum->negatives = one.negatives;
    sum->value += share * one.value;
    for (size_t i = 0; i < t->n; i++) row[i] += share * influence[i];
    return MNK_OK;
}

static void add_accuracy(mnk_auc_table *t, const float *probability, size_t runs, const int32_t *label) {
    double *row = t->influence + (size_t)(t->classes + 1) * t->n, n = (double)t->n, correct = 0.0;
    for (size_t i = 0; i < t->n; i++) {
        double hit = largest(probability + i * (size_t)t->classes, t->classes) == label[i];
        correct += hit;
        row[i] += hit / (double)runs;
    }
    t->accuracy += correct / n / (double)runs;
}

/* Centres the accuracy row and forms the macro row; variances of all. */
static void finish_table(mnk_auc_table *t) {
    size_t n = t->n;
    double *macro = t->influence + (size_t)t->classes * n, *accuracy = macro + n;
    double scale = n > 1 ? 1.0 / sqrt((double)n * ((double)n - 1.0)) : 0.0, sum = 0.0;
    for (size_t i = 0; i < n; i++) accuracy[i] = (accuracy[i] - t->accuracy) * scale;
    for (int k = 0; k < t->classes; k++) {
        mnk_auc *a = &t->per_class[k];
        const double *row = mnk_auc_table_influence(t, k);
        a->variance = a->positives > 1 && a->negatives > 1 ? mnk_influence_covariance(row, row, n) : NAN;
        if (isnan(a->value)) continue;
        t->macro_classes++;
        sum += a->value;
        for (size_t i = 0; i < n; i++) macro[i] += row[i];
    }
    t->macro = t->macro_classes ? sum / t->macro_classes : NAN;
    for (size_t i = 0; i < n && t->macro_classes; i++) macro[i] /= t->macro_classes;
}

mnk_status mnk_auc_table_open(const float *probability, size_t runs, const int32_t *label, size_t n, int classes,
                              mnk_auc_table **out, mnk_error *err) {
    mnk_status status = MNK_OK;
    mnk_auc_table *t = NULL;
    double *score = NULL, *influence = NULL;
    uint8_t *positive = NULL;
    *out = NULL;
    if (n == 0 || classes < 2 || runs == 0)
        return MNK_FAIL(err, MNK_ERR_INPUT, "AUC of %zu items in %d classes: at least one item and two classes are needed", n,
                        classes);
    MNK_TRY(check_labels(label, n, classes, err));
    MNK_OUT(MNK_NEW(t, 1, err));
    t->n = n;
    t->classes = classes;
    MNK_OUT(MNK_NEW(t->per_class, (size_t)classes, err));
    MNK_OUT(MNK_NEW(t->influence, n * ((size_t)classes + 2), err));
    MNK_OUT(MNK_NEW(score, n, err));
    MNK_OUT(MNK_NEW(influence, n, err));
    MNK_OUT(MNK_NEW(positive, n, err));
    for (size_t r = 0; r < runs; r++) {
        const float *run = probability + r * n * (size_t)classes;
        for (int k = 0; k < classes; k++) MNK_OUT(add_class(t, run, runs, label, k, score, positive, influence, err));
        add_accuracy(t, run, runs, label);
    }
    finish_table(t);
    *out = t;
    t = NULL;
out:
    mnk_auc_table_close(t);
    mnk_free(score);
    mnk_free(influence);
    mnk_free(positive);
    return status;
}

void mnk_auc_table_close(mnk_auc_table *t) {
    if (!t) return;
    mnk_free(t->per_class);
    mnk_free(t->influence);
    mnk_free(t);
}

/* ---- under weights ---- */

struct mnk_auc_ranker {
    size_t n, runs;
    int classes;
    int32_t *label;   /* [n] */
    uint32_t *item;   /* [runs][classes][n] items ascending by score */
    uint8_t *last;    /* same shape: 1 where a run of equal scores ends */
    uint8_t *correct; /* [runs][n] */
};

mnk_status mnk_auc_ranker_open(const float *probability, size_t runs, const int32_t *label, size_t n, int classes,
                               mnk_auc_ranker **out, mnk_error *err) {
    mnk_status status = MNK_OK;
    mnk_auc_ranker *r = NULL;
    double *score = NULL;
    ranked *order = NULL;
    size_t columns = (size_t)(classes > 0 ? classes : 0), cells = 0;
    *out = NULL;
    if (n == 0 || n > UINT32_MAX || classes < 2 || runs == 0 || mnk_mul_overflow(n, columns * runs, &cells))
        return MNK_FAIL(err, MNK_ERR_INPUT, "AUC of %zu items in %d classes: at least one item and two classes are needed", n,
                        classes);
    MNK_TRY(check_labels(label, n, classes, err));
    MNK_OUT(MNK_NEW(r, 1, err));
    *r = (mnk_auc_ranker){n, runs, classes, NULL, NULL, NULL, NULL};
    MNK_OUT(MNK_NEW(r->label, n, err));
    MNK_OUT(MNK_NEW(r->item, cells, err));
    MNK_OUT(MNK_NEW(r->last, cells, err));
    MNK_OUT(MNK_NEW(r->correct, n * runs, err));
    MNK_OUT(MNK_NEW(score, n, err));
    MNK_OUT(MNK_NEW(order, n, err));
    memcpy(r->label, label, n * sizeof *label);
    for (size_t column = 0; column < runs * columns; column++) {
        const float *run = probability + column / columns * n * columns;
        for (size_t i = 0; i < n; i++) score[i] = run[i * columns + column % columns];
        MNK_OUT(sort_scores(score, n, order, err));
        for (size_t i = 0; i < n; i++) {
            r->item[column * n + i] = (uint32_t)order[i].item;
            r->last[column * n + i] = i + 1 == n || order[i + 1].score != order[i].score;
        }
    }
    for (size_t i = 0; i < n * runs; i++) r->correct[i] = largest(probability + i * columns, classes) == label[i % n];
    *out = r;
    r = NULL;
out:
    mnk_auc_ranker_close(r);
    mnk_free(score);
    mnk_free(order);
    return status;
}

void mnk_auc_ranker_close(mnk_auc_ranker *r) {
    if (!r) return;
    mnk_free(r->label);
    mnk_free(r->item);
    mnk_free(r->last);
    mnk_free(r->correct);
    mnk_free(r);
}

/* Weighted AUC of class k from one sorted column; NaN when one kind has no weight. Counts are exact in double. */
static double weighted_auc(const mnk_auc_ranker *r, size_t column, int k, const uint32_t *weight) {
    const uint32_t *item = r->item + column * r->n;
    const uint8_t *last = r->last + column * r->n;
    double below = 0.0, pos = 0.0, neg = 0.0, all_pos = 0.0, wins = 0.0;
    for (size_t i = 0; i < r->n; i++) {
        double w = weight[item[i]];
        if (r->label[item[i]] == k) pos += w;
        else neg += w;
        if (!last[i]) continue;
        wins += pos * (below + 0.5 * neg);
        below += neg;
        all_pos += pos;
        pos = neg = 0.0;
    }
    return all_pos > 0.0 && below > 0.0 ? wins / (all_pos * below) : NAN;
}

void mnk_auc_ranker_weighted(const mnk_auc_ranker *r, const uint32_t *weight, double *out) {
    int classes = r->classes, usable = 0;
    double total = 0.0, macro = 0.0, accuracy = 0.0, share = 1.0 / (double)r->runs;
    for (int k = 0; k < classes; k++) {
        out[k] = 0.0;
        for (size_t run = 0; run < r->runs; run++)
            out[k] += share * weighted_auc(r, run * (size_t)classes + (size_t)k, k, weight);
        if (isnan(out[k])) continue;
        usable++;
        macro += out[k];
    }
    out[classes] = usable ? macro / usable : NAN;
    for (size_t i = 0; i < r->n; i++) total += weight[i];
    for (size_t run = 0; run < r->runs; run++)
        for (size_t i = 0; i < r->n; i++) accuracy += r->correct[run * r->n + i] ? weight[i] : 0.0;
    out[classes + 1] = total > 0.0 ? share * accuracy / total : NAN;
}
