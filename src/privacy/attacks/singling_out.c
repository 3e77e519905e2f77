/* Singling out: predicates that hold for exactly one synthetic row; do they hold for exactly one real row? */
#include "privacy/attacks/singling_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "math/stats.h"
#include "privacy/attacks/disclosure.h"

enum { TERMS = 3, TRIES = 50, SIZES = 50 };

typedef enum op { EQUAL, AT_LEAST, AT_MOST, IS_MISSING } op;
typedef struct term {
    size_t column;
    op op;
    double value;
} term;
typedef struct query {
    int terms;
    term term[TERMS];
} query;

static bool holds(const query *q, const mnk_table *t, size_t row) {
    for (int k = 0; k < q->terms; k++) {
        const double x = mnk_cell(t, q->term[k].column, row), v = q->term[k].value;
        const bool ok = q->term[k].op == IS_MISSING ? isnan(x)
                        : q->term[k].op == EQUAL    ? x == v
                        : q->term[k].op == AT_LEAST ? x >= v
                                                    : x <= v; /* false where missing */
        if (!ok) return false;
    }
    return true;
}

static size_t count(const query *q, const mnk_table *t, size_t most) {
    size_t n = 0;
    for (size_t i = 0; i < t->n && n < most; i++) n += holds(q, t, i);
    return n;
}

/* ---- the expected success on unseen rows, at the size of train ---- */

/* log C(n, k) */
static double log_choose(double n, double k) {
    int sign;
    return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign);
}

/* P(a random subset of m of n rows holds exactly one of k). */
static double exactly_one(double k, double n, double m) {
    if (k < 1 || m < 1 || m - 1 > n - k) return 0;
    return k * exp(log_choose(n - k, m - 1) - log_choose(n, m));
}

static double mean_exactly_one(const size_t *match, size_t queries, size_t n, size_t m) {
    double sum = 0;
    for (size_t q = 0; q < queries; q++) sum += exactly_one((double)match[q], (double)n, (double)m);
    return sum / (double)queries;
}

/* Integral over weights from 0 to w of m v (1 - v)^(m-1). */
static double weights_up_to(double w, double m) { return (1 - (m * w + 1) * exp(m * log1p(-w))) / (m + 1); }

static double fit_weight(const double *size, const double *share, int sizes) {
    double best = 1e-6, least = INFINITY;
    for (int g = 0; g <= 600; g++) {
        const double w = pow(10, -6 + 0.01 * g) * 0.999999; /* 1e-6 to just below 1 */
        double fy = 0, ff = 0, error = 0;
        for (int i = 0; i < sizes; i++) {
            const double f = weights_up_to(w, size[i]);
            fy += f * share[i], ff += f * f;
        }
        for (int i = 0; i < sizes; i++) {
            const double e = share[i] - fy / ff * weights_up_to(w, size[i]);
            error += e * e;
        }
        if (error < least) least = error, best = w;
    }
    return best;
}

double mnk_singling_expected(const size_t *match, size_t queries, size_t n, size_t wanted) {
    if (!queries || !n) return NAN;
    if (wanted <= n) return mean_exactly_one(match, queries, n, wanted);
    double size[SIZES], share[SIZES];
    for (int i = 0; i < SIZES; i++) {
        size[i] = fmax(1, floor((double)n * (i + 1) / SIZES));
        share[i] = mean_exactly_one(match, queries, n, (size_t)size[i]);
    }
    if (!(share[SIZES - 1] > 0)) return 0;
    const double w = fit_weight(size, share, SIZES);
    return fmin(1, share[SIZES - 1] * weights_up_to(w, (double)wanted) / weights_up_to(w, (double)n));
}

/* ---- queries ---- */

typedef struct list {
    query *at;
    size_t n;
} list;

static mnk_status add(list *l, query q, mnk_error *err) {
    query *at = mnk_grow(l->at, l->n, sizeof *at);
    if (!at) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for queries");
    l->at = at, at[l->n++] = q;
    return MNK_OK;
}

/* Values that occur once, the smallest, the largest, and a single missing value: all columns. */
static mnk_status univariate(const mnk_disclosure *d, list *out, mnk_error *err) {
    const mnk_table *s = d->synthetic;
    double *x = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(x, s->n + 1, err));
    for (size_t k = 0; k < d->data.n; k++) {
        const size_t c = d->data.at[k];
        size_t n = 0;
        for (size_t i = 0; i < s->n; i++)
            if (!mnk_table_is_missing(s, c, i)) x[n++] = mnk_cell(s, c, i);
        if (s->n - n == 1) MNK_OUT(add(out, (query){1, {{c, IS_MISSING, 0}}}, err));
        if (!n) continue;
        mnk_quantile(x, n, 0.5); /* for its sorting */
        for (size_t i = 0; i < n; i++)
            if ((i == 0 || x[i] != x[i - 1]) && (i + 1 == n || x[i] != x[i + 1]))
                MNK_OUT(add(out, (query){1, {{c, EQUAL, x[i]}}}, err));
        if (!s->number[c]) continue;
        if (n < 2 || x[0] != x[1]) MNK_OUT(add(out, (query){1, {{c, AT_MOST, x[0]}}}, err));
        if (n < 2 || x[n - 1] != x[n - 2]) MNK_OUT(add(out, (query){1, {{c, AT_LEAST, x[n - 1]}}}, err));
    }
out:
    mnk_free(x);
    return status;
}

static mnk_status medians(const mnk_disclosure *d, double *median, mnk_error *err) {
    const mnk_table *s = d->synthetic;
    double *x = NULL;
    MNK_TRY(MNK_NEW(x, s->n + 1, err));
    for (size_t k = 0; k < d->data.n; k++) {
        size_t n = 0;
        for (size_t i = 0; i < s->n && s->number[d->data.at[k]]; i++)
            if (!mnk_table_is_missing(s, d->data.at[k], i)) x[n++] = s->number[d->data.at[k]][i];
        median[k] = mnk_quantile(x, n, 0.5);
    }
    mnk_free(x);
    return MNK_OK;
}

static bool same(const query *a, const query *b) {
    for (int k = 0; k < a->terms; k++)
        if (a->term[k].column != b->term[k].column || a->term[k].op != b->term[k].op || a->term[k].value != b->term[k].value)
            return false;
    return a->terms == b->terms;
}

/* Three random columns of a random row: numbers at or beyond its value, away from the median, levels equal. */
static mnk_status multivariate(const mnk_disclosure *d, list *out, mnk_error *err) {
    const mnk_table *s = d->synthetic;
    const size_t columns = d->data.n, most = (size_t)d->config->attempts;
    double *median = NULL;
    size_t *order = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(median, columns + 1, err));
    MNK_OUT(MNK_NEW(order, columns + 1, err));
    MNK_OUT(medians(d, median, err));
    for (size_t i = 0; i < most * TRIES && out->n < most; i++) {
        mnk_rng r = mnk_rng_at(d->config->seed, MNK_PURPOSE_ATTACK_QUERY, 10 + i, 1);
        const size_t row = (size_t)mnk_rng_below(&r, s->n);
        query q = {.terms = columns < TERMS ? (int)columns : TERMS};
        mnk_rng_permutation(&r, order, columns);
        for (int k = 0; k < q.terms; k++) {
            const size_t c = d->data.at[order[k]];
            const double x = mnk_cell(s, c, row);
            q.term[k] = (term){c,
                               isnan(x)               ? IS_MISSING
                               : !s->number[c]        ? EQUAL
                               : x > median[order[k]] ? AT_LEAST
                                                      : AT_MOST,
                               isnan(x) ? 0 : x};
        }
        bool known = count(&q, s, 2) != 1;
        for (size_t k = 0; k < out->n && !known; k++) known = same(&q, &out->at[k]);
        if (!known) MNK_OUT(add(out, q, err));
    }
out:
    mnk_free(median);
    mnk_free(order);
    return status;
}

/* ---- success ---- */

typedef struct asking {
    const query *query;
    const mnk_disclosure *d;
    size_t *train, *holdout; /* matches; those of train up to 2 */
} asking;

static void ask_one(void *ctx, size_t i) {
    asking *a = ctx;
    a->train[i] = count(&a->query[i], a->d->train, 2);
    a->holdout[i] = count(&a->query[i], a->d->holdout, SIZE_MAX);
}

/* Judges at most `attempts` of the queries, at random. */
static mnk_status judge(const mnk_disclosure *d, list *l, uint64_t stream, double level, mnk_risk *out, mnk_error *err) {
    const size_t most = (size_t)d->config->attempts;
    size_t hits = 0, *order = NULL;
    query *some = NULL;
    asking a = {.d = d};
    mnk_status status = MNK_OK;
    const size_t n = l->n < most ? l->n : most;
    MNK_OUT(MNK_NEW(order, l->n + 1, err));
    MNK_OUT(MNK_NEW(some, n + 1, err));
    MNK_OUT(MNK_NEW(a.train, n + 1, err));
    MNK_OUT(MNK_NEW(a.holdout, n + 1, err));
    mnk_rng r = mnk_rng_at(d->config->seed, MNK_PURPOSE_ATTACK_QUERY, 2, (uint32_t)stream);
    mnk_rng_permutation(&r, order, l->n);
    for (size_t i = 0; i < n; i++) some[i] = l->at[order[i]];
    a.query = some;
    mnk_parallel_for(n, ask_one, &a);
    for (size_t i = 0; i < n; i++) hits += a.train[i] == 1;
    const double expected = n ? mnk_singling_expected(a.holdout, n, d->holdout->n, d->train->n) * (double)n : 0;
    *out = mnk_risk_of((double)hits, n, expected, n, level);
out:
    mnk_free(order);
    mnk_free(some);
    mnk_free(a.train);
    mnk_free(a.holdout);
    return status;
}

mnk_status mnk_singling_out(const mnk_disclosure *d, mnk_error *err) {
    static const struct {
        const char *id, *note;
        mnk_status (*make)(const mnk_disclosure *, list *, mnk_error *);
    } kind[2] = {{"risk.singling_out_univariate", "one column: values that occur once, extremes", univariate},
                 {"risk.singling_out_multivariate", "up to three columns of a synthetic row at once", multivariate}};
    const double level = d->config->level, corrected = 1 - (1 - level) / 2;
    mnk_risk most = mnk_risk_of(0, 0, 0, 0, level);
    int which = 0;
    for (int k = 0; k < 2; k++) {
        list l = {0};
        mnk_risk risk = most, wide = most;
        mnk_status status = kind[k].make(d, &l, err);
        if (status == MNK_OK) status = judge(d, &l, (uint64_t)k, level, &risk, err);
        if (status == MNK_OK) status = judge(d, &l, (uint64_t)k, corrected, &wide, err);
        mnk_free(l.at);
        MNK_TRY(status);
        MNK_TRY(mnk_disclosure_add(d, kind[k].id, "", &risk, kind[k].note, err));
        const double low = fmax(most.low, wide.low), high = fmax(most.high, wide.high);
        if (isnan(most.value) || wide.value > most.value) most = wide, which = k;
        most.low = low, most.high = high;
    }
    char note[160];
    snprintf(note, sizeof note, "the riskier of one and several columns (%s), interval corrected for both",
             which ? "several" : "one");
    return mnk_disclosure_add(d, "risk.singling_out", "", &most, note, err);
}
