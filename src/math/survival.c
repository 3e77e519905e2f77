#include "math/survival.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- order ---- */

typedef struct timed {
    double time;
    size_t item;
} timed;

static int by_time(const void *a, const void *b) {
    const timed *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static int by_time_descending(const void *a, const void *b) {
    const timed *x = a, *y = b;
    if (x->time != y->time) return x->time > y->time ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

mnk_status mnk_order_by_time(const double *time, size_t n, bool descending, size_t *order, mnk_error *err) {
    timed *t = NULL;
    MNK_TRY(MNK_NEW(t, n + 1, err));
    for (size_t i = 0; i < n; i++) t[i] = (timed){time[i], i};
    qsort(t, n, sizeof *t, descending ? by_time_descending : by_time);
    for (size_t i = 0; i < n; i++) order[i] = t[i].item;
    mnk_free(t);
    return MNK_OK;
}

/* ---- concordance ---- */

/* Counts by rank: how many are below, how many are equal. */
typedef struct tally {
    size_t *tree, *equal, ranks, total;
} tally;

static void tally_add(tally *t, size_t rank) {
    t->equal[rank]++;
    t->total++;
    for (size_t i = rank + 1; i <= t->ranks; i += i & (~i + 1)) t->tree[i]++;
}

static size_t tally_below(const tally *t, size_t rank) {
    size_t sum = 0;
    for (size_t i = rank; i > 0; i -= i & (~i + 1)) sum += t->tree[i];
    return sum;
}

static void tally_clear(tally *t) {
    memset(t->tree, 0, (t->ranks + 1) * sizeof *t->tree);
    memset(t->equal, 0, (t->ranks + 1) * sizeof *t->equal);
    t->total = 0;
}

typedef struct pairs {
    const double *time;
    const uint8_t *event;
    const size_t *rank; /* of the risk: 0 lowest, equal for equal risks */
    double *won, *met;  /* [n] of the pairs an item is in: concordant + tied/2, all */
} pairs;

/* Pairs in which the item of an event is the earlier one: against everybody later (descending order; within one time the
 * censored are later than the events). Returns concordant, tied and comparable pairs. */
static void as_earlier(const pairs *p, const size_t *order, size_t n, tally *t, mnk_concordance *out) {
    for (size_t at = 0; at < n;) {
        size_t end = at;
        while (end < n && p->time[order[end]] == p->time[order[at]]) end++;
        for (size_t k = at; k < end; k++)
            if (!p->event[order[k]]) tally_add(t, p->rank[order[k]]);
        for (size_t k = at; k < end; k++) {
            size_t i = order[k];
            if (!p->event[i]) continue;
            double below = (double)tally_below(t, p->rank[i]), equal = (double)t->equal[p->rank[i]];
            out->concordant += below;
            out->tied += equal;
            out->pairs += (double)t->total;
            p->won[i] += below + 0.5 * equal;
            p->met[i] += (double)t->total;
        }
        for (size_t k = at; k < end; k++)
            if (p->event[order[k]]) tally_add(t, p->rank[order[k]]);
        at = end;
    }
}

/* Pairs in which the item is the later one: against earlier events (ascending order). */
static void as_later(const pairs *p, const size_t *order, size_t n, tally *t) {
    for (size_t at = 0; at < n;) {
        size_t end = at;
        while (end < n && p->time[order[end]] == p->time[order[at]]) end++;
        for (int censored = 0; censored < 2; censored++) {
            for (size_t k = at; k < end; k++) {
                size_t i = order[k];
                if ((p->event[i] == 0) != (censored == 1)) continue;
                double below = (double)tally_below(t, p->rank[i]), equal = (double)t->equal[p->rank[i]];
                p->won[i] += (double)t->total - below - 0.5 * equal;
                p->met[i] += (double)t->total;
            }
            for (size_t k = at; k < end && !censored; k++)
                if (p->event[order[k]]) tally_add(t, p->rank[order[k]]);
        }
        at = end;
    }
}

mnk_status mnk_concordance_harrell(const double *time, const uint8_t *event, const double *risk, size_t n, double *influence,
                                   mnk_concordance *out, mnk_error *err) {
    mnk_status status = MNK_OK;
    size_t *order = NULL, *rank = NULL;
    pairs p = {time, event, NULL, NULL, NULL};
    tally t = {NULL, NULL, n, 0};
    *out = (mnk_concordance){.value = NAN};
    for (size_t i = 0; i < n; i++)
        if (!isfinite(risk[i]) || !isfinite(time[i]))
            return MNK_FAIL(err, MNK_ERR_INPUT, "c-index: the time or risk of item %zu is not a finite number", i);
    MNK_OUT(MNK_NEW(order, n + 1, err));
    MNK_OUT(MNK_NEW(rank, n + 1, err));
    MNK_OUT(MNK_NEW(p.won, n + 1, err));
    MNK_OUT(MNK_NEW(p.met, n + 1, err));
    MNK_OUT(MNK_NEW(t.tree, n + 1, err));
    MNK_OUT(MNK_NEW(t.equal, n + 1, err));
    MNK_OUT(mnk_order_by_time(risk, n, false, order, err));
    for (size_t k = 0, r = 0; k < n; k++) {
        if (k > 0 && risk[order[k]] != risk[order[k - 1]]) r++;
        rank[order[k]] = r;
    }
    p.rank = rank;
    MNK_OUT(mnk_order_by_time(time, n, true, order, err));
    as_earlier(&p, order, n, &t, out);
    tally_clear(&t);
    MNK_OUT(mnk_order_by_time(time, n, false, order, err));
    as_later(&p, order, n, &t);
    if (out->pairs > 0.0) out->value = (out->concordant + 0.5 * out->tied) / out->pairs;
    for (size_t i = 0; influence && i < n; i++)
        influence[i] = out->pairs > 0.0 ? (p.won[i] - out->value * p.met[i]) / out->pairs : 0.0;
out:
    mnk_free(order);
    mnk_free(rank);
    mnk_free(p.won);
    mnk_free(p.met);
    mnk_free(t.tree);
    mnk_free(t.equal);
    return status;
}

/* ---- Kaplan-Meier ---- */

mnk_status mnk_km_fit(const double *time, const uint8_t *event, size_t n, bool censoring, mnk_km *out, mnk_error *err) {
    mnk_status status = MNK_OK;
    size_t *order = NULL;
    double survival = 1.0;
    *out = (mnk_km){0, NULL, NULL};
    MNK_OUT(MNK_NEW(order, n + 1, err));
    MNK_OUT(MNK_NEW(out->time, n + 1, err));
    MNK_OUT(MNK_NEW(out->survival, n + 1, err));
    MNK_OUT(mnk_order_by_time(time, n, false, order, err));
    for (size_t at = 0; at < n;) {
        size_t end = at, events = 0;
        for (; end < n && time[order[end]] == time[order[at]]; end++) events += event[order[end]] != 0;
        size_t count = end - at, falls = censoring ? count - events : events, risk = n - at - (censoring ? events : 0);
        if (falls) {
            survival *= 1.0 - (double)falls / (double)risk;
            out->time[out->steps] = time[order[at]];
            out->survival[out->steps++] = survival;
        }
        at = end;
    }
out:
    mnk_free(order);
    if (status != MNK_OK) mnk_km_close(out);
    return status;
}

static double km_look(const mnk_km *k, double t, bool before) {
    size_t low = 0, high = k->steps;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (before ? k->time[mid] < t : k->time[mid] <= t) low = mid + 1;
        else high = mid;
    }
    return low ? k->survival[low - 1] : 1.0;
}

double mnk_km_at(const mnk_km *k, double t) { return km_look(k, t, false); }
double mnk_km_before(const mnk_km *k, double t) { return km_look(k, t, true); }

void mnk_km_close(mnk_km *k) {
    mnk_free(k->time);
    mnk_free(k->survival);
    *k = (mnk_km){0, NULL, NULL};
}

/* ---- Brier ---- */

mnk_status mnk_brier_integrated(const double *time, const uint8_t *event, size_t n, const mnk_km *censoring, const double *grid,
                                size_t m, const double *survival, double *influence, double *value, mnk_error *err) {
    double *share = NULL, sum = 0.0;
    if (n == 0 || m < 2 || !(grid[m - 1] > grid[0]))
        return MNK_FAIL(err, MNK_ERR_INPUT, "Brier score: %zu items at %zu times; at least one item and two times are needed",
                        n, m);
    MNK_TRY(MNK_NEW(share, n, err));
    for (size_t i = 0; i < n; i++) {
        double at_event = mnk_km_before(censoring, time[i]), last = 0.0;
        for (size_t k = 0; k < m; k++) {
            double s = survival[i * m + k], g = mnk_km_at(censoring, grid[k]), loss = 0.0;
            if (time[i] > grid[k]) loss = g > 0.0 ? (1.0 - s) * (1.0 - s) / g : 0.0;
            else if (event[i] && at_event > 0.0) loss = s * s / at_event;
            if (k > 0) share[i] += 0.5 * (loss + last) * (grid[k] - grid[k - 1]);
            last = loss;
        }
        share[i] /= grid[m - 1] - grid[0];
        sum += share[i];
    }
    *value = sum / (double)n;
    double scale = n > 1 ? 1.0 / sqrt((double)n * ((double)n - 1.0)) : 0.0;
    for (size_t i = 0; influence && i < n; i++) influence[i] = (share[i] - *value) * scale;
    mnk_free(share);
    return MNK_OK;
}
