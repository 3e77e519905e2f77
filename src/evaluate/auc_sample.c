#include "evaluate/auc_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/auc.h"
#include "math/stats.h"

/* Items of two classes as a problem of its own. */
typedef struct pair_set {
    size_t n, *item;
    int32_t *label; /* [n] 0 or 1 */
} pair_set;

typedef struct work {
    const mnk_auc_test *test;
    const float *const *run;
    size_t units, per_unit, runs;
    pair_set pair;
    /* groups as units of the bootstrap */
    uint32_t *group_of;                     /* [n] */
    int32_t *stratum;                       /* [groups] class of its first item */
    mnk_auc_ranker **ranker, **pair_ranker; /* [runs] */
    float *pair_prob;
    mnk_auc_sample *out;
} work;

/* ---- the pair ---- */

static mnk_status open_pair(pair_set *p, const int32_t *label, size_t n, const int pair[2], mnk_error *err) {
    MNK_TRY(MNK_NEW(p->item, n + 1, err));
    MNK_TRY(MNK_NEW(p->label, n + 1, err));
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 2; k++)
            if (label[i] == pair[k]) p->item[p->n] = i, p->label[p->n++] = k;
    return MNK_OK;
}

/* Column 0 is the score of pair[0]; a two-class problem for the functions of math/auc.h. */
static void pair_probabilities(const pair_set *p, const float *prob, int classes, const int pair[2], float *out) {
    for (size_t i = 0; i < p->n; i++) {
        const float *row = prob + p->item[i] * (size_t)classes;
        double a = row[pair[0]], b = row[pair[1]];
        out[2 * i] = a + b > 0.0 ? (float)(a / (a + b)) : 0.5f;
        out[2 * i + 1] = 1.0f - out[2 * i];
    }
}

static void close_pair(pair_set *p) {
    mnk_free(p->item);
    mnk_free(p->label);
}

mnk_status mnk_auc_of_pair(const float *prob, const int32_t *label, size_t n, int classes, const int pair[2], double *out,
                           mnk_error *err) {
    pair_set p = {0};
    float *two = NULL;
    mnk_auc_table *t = NULL;
    mnk_status status = MNK_OK;
    *out = NAN;
    MNK_OUT(open_pair(&p, label, n, pair, err));
    if (p.n == 0) goto out;
    MNK_OUT(MNK_NEW(two, 2 * p.n, err));
    pair_probabilities(&p, prob, classes, pair, two);
    MNK_OUT(mnk_auc_table_open(two, 1, p.label, p.n, 2, &t, err));
    *out = mnk_auc_table_value(t, 0);
out:
    mnk_auc_table_close(t);
    mnk_free(two);
    close_pair(&p);
    return status;
}

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

static mnk_status list_groups(work *w, mnk_error *err) {
    const mnk_auc_test *test = w->test;
    mnk_auc_sample *s = w->out;
    for (size_t i = 0; test->group && i < test->n; i++) s->grouped |= test->group[i] >= 0;
    if (!s->grouped) return MNK_OK;
    keyed *key;
    MNK_TRY(MNK_NEW(w->group_of, test->n, err));
    MNK_TRY(MNK_NEW(w->stratum, test->n, err));
    MNK_TRY(MNK_NEW(key, test->n, err));
    for (size_t i = 0; i < test->n; i++) key[i] = (keyed){test->group[i], i};
    qsort(key, test->n, sizeof *key, by_group);
    for (size_t i = 0; i < test->n; i++) {
        if (i == 0 || key[i].group < 0 || key[i].group != key[i - 1].group) w->stratum[s->groups++] = test->label[key[i].item];
        w->group_of[key[i].item] = (uint32_t)(s->groups - 1);
    }
    mnk_free(key);
    return MNK_OK;
}

static void count_support(work *w) {
    mnk_auc_sample *s = w->out;
    int classes = w->test->classes;
    size_t all = s->grouped ? s->groups : w->test->n, *smallest = &s->support[classes];
    *smallest = SIZE_MAX;
    for (int k = 0; k < classes; k++) {
        size_t inside = 0;
        for (size_t i = 0; i < all; i++) inside += (s->grouped ? w->stratum[i] : w->test->label[i]) == k;
        s->support[k] = inside < all - inside ? inside : all - inside;
        if (s->support[k] > 0 && s->support[k] < *smallest) *smallest = s->support[k];
    }
    if (*smallest == SIZE_MAX) *smallest = 0;
}

/* One replicate: the statistics of every unit. */
static void replicate(void *ctx, const uint32_t *times, double *out) {
    const work *w = ctx;
    const mnk_auc_sample *s = w->out;
    size_t n = w->test->n, rows = (size_t)s->rows;
    uint32_t *weight = mnk_alloc(n + w->pair.n, sizeof *weight);
    double one[2 + 2], *row = mnk_alloc(rows, sizeof *row);
    for (size_t k = 0; k < s->units * rows; k++) out[k] = weight && row ? 0.0 : NAN;
    for (size_t i = 0; weight && i < n; i++) weight[i] = times[w->group_of[i]];
    for (size_t i = 0; weight && i < w->pair.n; i++) weight[n + i] = weight[w->pair.item[i]];
    for (size_t r = 0; weight && row && r < w->runs; r++) {
        mnk_auc_ranker_weighted(w->ranker[r], weight, row);
        if (w->test->has_pair) {
            if (w->pair_ranker[r]) mnk_auc_ranker_weighted(w->pair_ranker[r], weight + n, one);
            row[MNK_AUC_PAIR(w->test)] = w->pair_ranker[r] ? one[0] : NAN;
        }
        for (size_t k = 0; k < rows; k++) out[r / w->per_unit * rows + k] += row[k] / (double)w->per_unit;
    }
    mnk_free(weight);
    mnk_free(row);
}

/* Centred and scaled draws, so that sums of products are covariances. */
static mnk_status bootstrap(work *w, size_t replicates, uint64_t seed, mnk_error *err) {
    mnk_auc_sample *s = w->out;
    size_t width = s->units * (size_t)s->rows;
    mnk_bootstrap b = {s->groups, w->stratum, w->test->classes, replicates, seed};
    MNK_TRY(MNK_NEW(w->ranker, w->runs, err));
    MNK_TRY(MNK_NEW(w->pair_ranker, w->runs, err));
    for (size_t r = 0; r < w->runs; r++) {
        const mnk_auc_test *t = w->test;
        MNK_TRY(mnk_auc_ranker_open(w->run[r], 1, t->label, t->n, t->classes, &w->ranker[r], err));
        if (!w->pair.n) continue;
        pair_probabilities(&w->pair, w->run[r], t->classes, t->pair, w->pair_prob);
        MNK_TRY(mnk_auc_ranker_open(w->pair_prob, 1, w->pair.label, w->pair.n, 2, &w->pair_ranker[r], err));
    }
    s->m = replicates;
    MNK_TRY(MNK_NEW(s->x, width * s->m, err));
    MNK_TRY(MNK_NEW(s->centre, width, err));
    MNK_TRY(mnk_bootstrap_run(&b, width, replicate, w, 0.95, s->x, NULL, NULL, err));
    for (size_t k = 0; k < width; k++) {
        double *x = s->x + k * s->m, sum = 0.0, scale = replicates > 1 ? 1.0 / sqrt((double)replicates - 1.0) : 0.0;
        size_t usable = 0;
        for (size_t i = 0; i < s->m; i++)
            if (!isnan(x[i])) sum += x[i], usable++;
        s->centre[k] = 2 * usable < s->m ? NAN : sum / (double)usable;
        for (size_t i = 0; i < s->m; i++) x[i] = isnan(x[i]) ? 0.0 : (x[i] - s->centre[k]) * scale;
    }
    return MNK_OK;
}

/* ---- estimates ---- */

/* Statistics of one run: values[rows], and influence numbers added to x[rows][n] unless x is NULL. */
static mnk_status estimate(work *w, const float *prob, double *values, double *x, mnk_error *err) {
    const mnk_auc_test *test = w->test;
    size_t n = test->n;
    double share = 1.0 / (double)w->per_unit;
    mnk_auc_table *t = NULL, *p = NULL;
    mnk_status status = mnk_auc_table_open(prob, 1, test->label, n, test->classes, &t, err);
    if (status != MNK_OK) return status;
    for (int k = 0; k < test->classes + 2; k++) {
        values[k] = mnk_auc_table_value(t, k);
        bool has_variance = k >= test->classes || !isnan(t->per_class[k].variance);
        for (size_t i = 0; x && i < n; i++)
            x[(size_t)k * n + i] += has_variance ? share * mnk_auc_table_influence(t, k)[i] : NAN;
    }
    mnk_auc_table_close(t);
    if (!test->has_pair) return MNK_OK;
    double *last = x ? x + (size_t)MNK_AUC_PAIR(test) * n : NULL;
    values[MNK_AUC_PAIR(test)] = NAN;
    if (!w->pair.n) return MNK_OK;
    pair_probabilities(&w->pair, prob, test->classes, test->pair, w->pair_prob);
    MNK_TRY(mnk_auc_table_open(w->pair_prob, 1, w->pair.label, w->pair.n, 2, &p, err));
    values[MNK_AUC_PAIR(test)] = mnk_auc_table_value(p, 0);
    for (size_t i = 0; last && i < w->pair.n; i++) last[w->pair.item[i]] += share * mnk_auc_table_influence(p, 0)[i];
    mnk_auc_table_close(p);
    return MNK_OK;
}

static mnk_status estimates(work *w, mnk_error *err) {
    mnk_auc_sample *s = w->out;
    size_t rows = (size_t)s->rows;
    double *one = NULL, *column = NULL;
    mnk_status status = MNK_OK;
    MNK_TRY(MNK_NEW(one, w->runs * rows, err));
    MNK_OUT(MNK_NEW(column, w->runs, err));
    if (!s->grouped) {
        s->m = w->test->n;
        MNK_OUT(MNK_NEW(s->x, s->units * rows * s->m, err));
    }
    for (size_t r = 0; r < w->runs; r++) {
        size_t u = r / w->per_unit;
        MNK_OUT(estimate(w, w->run[r], one + r * rows, s->grouped ? NULL : s->x + u * rows * s->m, err));
        for (size_t k = 0; k < rows; k++) s->value[u * rows + k] += one[r * rows + k] / (double)w->per_unit;
    }
    for (size_t k = 0; k < rows; k++) {
        size_t n = s->units > 1 ? s->units : w->runs;
        for (size_t i = 0; i < n; i++) column[i] = s->units > 1 ? s->value[i * rows + k] : one[i * rows + k];
        s->spread[k] = mnk_sd(column, n);
    }
out:
    mnk_free(one);
    mnk_free(column);
    return status;
}

mnk_status mnk_auc_sample_open(const mnk_auc_test *test, const float *const *run, size_t units, size_t per_unit,
                               size_t replicates, uint64_t seed, mnk_auc_sample **out, mnk_error *err) {
    work w = {.test = test, .run = run, .units = units, .per_unit = per_unit, .runs = units * per_unit};
    mnk_status status = MNK_OK;
    *out = NULL;
    MNK_OUT(MNK_NEW(w.out, 1, err));
    mnk_auc_sample *s = w.out;
    s->units = units, s->rows = MNK_AUC_ROWS(test), s->n = test->n;
    MNK_OUT(MNK_NEW(s->value, units * (size_t)s->rows, err));
    MNK_OUT(MNK_NEW(s->spread, (size_t)s->rows, err));
    MNK_OUT(MNK_NEW(s->support, (size_t)test->classes + 1, err));
    if (test->has_pair) MNK_OUT(open_pair(&w.pair, test->label, test->n, test->pair, err));
    MNK_OUT(MNK_NEW(w.pair_prob, 2 * w.pair.n + 1, err));
    MNK_OUT(list_groups(&w, err));
    count_support(&w);
    MNK_OUT(estimates(&w, err));
    if (s->grouped) MNK_OUT(bootstrap(&w, replicates, seed, err));
    *out = w.out;
    w.out = NULL;
out:
    for (size_t r = 0; r < w.runs; r++) {
        if (w.ranker) mnk_auc_ranker_close(w.ranker[r]);
        if (w.pair_ranker) mnk_auc_ranker_close(w.pair_ranker[r]);
    }
    mnk_free(w.ranker);
    mnk_free(w.pair_ranker);
    mnk_free(w.pair_prob);
    mnk_free(w.group_of);
    mnk_free(w.stratum);
    close_pair(&w.pair);
    mnk_auc_sample_close(w.out);
    return status;
}

void mnk_auc_sample_close(mnk_auc_sample *s) {
    if (!s) return;
    mnk_free(s->value);
    mnk_free(s->spread);
    mnk_free(s->x);
    mnk_free(s->centre);
    mnk_free(s->support);
    mnk_free(s);
}

/* ---- how much it would vary ---- */

/* Obuchowski & Rockette 1995 with the degrees of freedom of Hillis 2007, units in place of readers: with d_u the statistic of
 * unit u, MS its sample variance, C the mean covariance of two units under resampling of test images, variance of the mean =
 * (MS + U max(C, 0)) / U,   df = (MS + U max(C, 0))^2 / (MS^2 / (U - 1)). */
mnk_effect mnk_auc_effect(const mnk_auc_sample *a, const mnk_auc_sample *base, int row) {
    mnk_effect e = {0.0, NAN, INFINITY, NAN, 0.0};
    size_t units = a->units, rows = (size_t)a->rows;
    double u = (double)units, total = 0.0, own = 0.0, squares = 0.0;
    for (size_t k = 0; k < units; k++)
        e.value += (a->value[k * rows + (size_t)row] - (base ? base->value[k * rows + (size_t)row] : 0.0)) / u;
    for (size_t k = 0; k < units; k++) {
        double d = a->value[k * rows + (size_t)row] - (base ? base->value[k * rows + (size_t)row] : 0.0) - e.value;
        squares += d * d;
    }
    for (size_t i = 0; i < a->m; i++) {
        double sum = 0.0;
        for (size_t k = 0; k < units; k++) {
            size_t at = (k * rows + (size_t)row) * a->m + i;
            double x = a->x[at] - (base ? base->x[at] : 0.0);
            sum += x;
            own += x * x;
        }
        total += sum * sum;
    }
    if (isnan(e.value)) return e;
    e.sd_test = sqrt(total) / u;
    e.sd = e.sd_test;
    if (units < 2) return e;
    double ms = squares / (u - 1.0), shared = fmax(0.0, (total - own) / (u * (u - 1.0))), sum = ms + u * shared;
    e.sd_units = sqrt(ms);
    e.sd = sqrt(sum / u);
    e.df = ms > 0.0 ? sum * sum / (ms * ms / (u - 1.0)) : INFINITY;
    return e;
}

void mnk_auc_percentiles(const mnk_auc_sample *s, int row, double level, double *low, double *high) {
    size_t rows = (size_t)s->rows;
    double *mean = s->grouped ? mnk_alloc(s->m, sizeof *mean) : NULL, centre = 0.0;
    *low = *high = NAN;
    for (size_t u = 0; mean && u < s->units; u++) {
        const double *x = s->x + (u * rows + (size_t)row) * s->m;
        for (size_t i = 0; i < s->m; i++) mean[i] += x[i] / (double)s->units;
        centre += s->centre[u * rows + (size_t)row] / (double)s->units;
    }
    if (mean && !isnan(centre)) {
        double scale = sqrt((double)s->m - 1.0);
        *low = centre + scale * mnk_quantile(mean, s->m, 0.5 * (1.0 - level));
        *high = centre + scale * mnk_quantile(mean, s->m, 0.5 * (1.0 + level));
    }
    mnk_free(mean);
}
