#include "math/cox.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/glm.h"
#include "math/survival.h"

/* Sums over the risk set and over the events of one time: weights, weighted x, weighted x x' (lower half). */
typedef struct risk {
    double s0;
    double *s1, *s2;
} risk;

typedef struct work {
    const mnk_cox_problem *p;
    size_t *order;        /* descending time */
    double *eta, *centre; /* [n], [d] column means: the partial likelihood does not see a shift, rounding does */
    double *row;          /* [d] one centred row */
    risk all, tied;
    double *mean; /* [d] */
    double objective, *gradient, *information;
} work;

static double weight_of(const mnk_cox_problem *p, size_t i) { return p->weight ? p->weight[i] : 1.0; }

static void add(risk *s, double w, const double *x, size_t d, bool curvature) {
    s->s0 += w;
    if (!curvature) return;
    for (size_t j = 0; j < d; j++) s->s1[j] += w * x[j];
    for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k <= j; k++) s->s2[j * d + k] += w * x[j] * x[k];
}

static void clear(risk *s, size_t d) {
    s->s0 = 0.0;
    memset(s->s1, 0, d * sizeof *s->s1);
    memset(s->s2, 0, d * d * sizeof *s->s2);
}

/* The terms of the events of one time: Efron 1977 lowers the risk set by l/m of the tied events' share for the l-th of m;
 * Breslow 1974 does not lower it. */
static void add_events(work *w, size_t events, double event_weight, bool curvature) {
    const mnk_cox_problem *p = w->p;
    size_t d = p->d;
    double each = event_weight / (double)events;
    for (size_t l = 0; l < events; l++) {
        double share = p->ties == MNK_COX_EFRON ? (double)l / (double)events : 0.0;
        double s0 = w->all.s0 - share * w->tied.s0;
        w->objective += each * log(s0);
        if (!curvature) continue;
        for (size_t j = 0; j < d; j++) w->mean[j] = (w->all.s1[j] - share * w->tied.s1[j]) / s0;
        for (size_t j = 0; j < d; j++) {
            w->gradient[j] -= each * w->mean[j];
            double *h = w->information + j * d;
            const double *all = w->all.s2 + j * d, *tied = w->tied.s2 + j * d;
            for (size_t k = 0; k <= j; k++) h[k] += each * ((all[k] - share * tied[k]) / s0 - w->mean[j] * w->mean[k]);
        }
    }
}

/* Objective (and gradient, information) at beta, from the last time to the first. */
static void evaluate(work *w, const double *beta, bool curvature) {
    const mnk_cox_problem *p = w->p;
    size_t d = p->d;
    double top = -INFINITY;
    for (size_t i = 0; i < p->n; i++) {
        double eta = 0.0;
        for (size_t j = 0; j < d; j++) eta += (p->x[i * d + j] - w->centre[j]) * beta[j];
        w->eta[i] = eta;
        top = fmax(top, eta);
    }
    w->objective = 0.0;
    clear(&w->all, d);
    if (curvature) {
        memset(w->gradient, 0, d * sizeof *w->gradient);
        memset(w->information, 0, d * d * sizeof *w->information);
    }
    for (size_t at = 0; at < p->n;) {
        double t = p->time[w->order[at]], event_weight = 0.0;
        size_t events = 0;
        clear(&w->tied, d);
        for (; at < p->n && p->time[w->order[at]] == t; at++) {
            size_t i = w->order[at];
            double wi = weight_of(p, i), e = wi * exp(w->eta[i] - top);
            for (size_t j = 0; j < d; j++) w->row[j] = p->x[i * d + j] - w->centre[j];
            add(&w->all, e, w->row, d, curvature);
            if (!p->event[i] || wi == 0.0) continue;
            add(&w->tied, e, w->row, d, curvature);
            events++;
            event_weight += wi;
            w->objective -= wi * (w->eta[i] - top);
            for (size_t j = 0; curvature && j < d; j++) w->gradient[j] += wi * w->row[j];
        }
        if (events) add_events(w, events, event_weight, curvature);
    }
    for (size_t j = 0; j < d; j++) {
        w->objective += 0.5 * p->ridge * beta[j] * beta[j];
        if (curvature) w->gradient[j] -= p->ridge * beta[j], w->information[j * d + j] += p->ridge;
    }
}

static mnk_status check(const mnk_cox_problem *p, mnk_error *err) {
    size_t events = 0;
    for (size_t i = 0; i < p->n; i++) {
        bool fine = isfinite(p->time[i]) && (!p->weight || (isfinite(p->weight[i]) && p->weight[i] >= 0.0));
        for (size_t j = 0; j < p->d; j++) fine &= isfinite(p->x[i * p->d + j]);
        if (!fine) return MNK_FAIL(err, MNK_ERR_INPUT, "Cox regression: row %zu has a value that is not finite", i);
        events += p->event[i] && weight_of(p, i) > 0.0;
    }
    if (!events) return MNK_FAIL(err, MNK_ERR_INPUT, "Cox regression of %zu rows: there is no event", p->n);
    return MNK_OK;
}

static mnk_status open_work(const mnk_cox_problem *p, work *w, mnk_error *err) {
    size_t n = p->n, d = p->d;
    *w = (work){.p = p};
    MNK_TRY(MNK_NEW(w->order, n, err));
    MNK_TRY(MNK_NEW(w->eta, n, err));
    MNK_TRY(MNK_NEW(w->centre, d + 1, err));
    MNK_TRY(MNK_NEW(w->row, d + 1, err));
    MNK_TRY(MNK_NEW(w->mean, d + 1, err));
    MNK_TRY(MNK_NEW(w->gradient, d + 1, err));
    MNK_TRY(MNK_NEW(w->information, d * d + 1, err));
    MNK_TRY(MNK_NEW(w->all.s1, d + 1, err));
    MNK_TRY(MNK_NEW(w->tied.s1, d + 1, err));
    MNK_TRY(MNK_NEW(w->all.s2, d * d + 1, err));
    MNK_TRY(MNK_NEW(w->tied.s2, d * d + 1, err));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) w->centre[j] += p->x[i * d + j] / (double)n;
    return mnk_order_by_time(p->time, n, true, w->order, err);
}

static void close_work(work *w) {
    mnk_free(w->order);
    mnk_free(w->eta);
    mnk_free(w->centre);
    mnk_free(w->row);
    mnk_free(w->mean);
    mnk_free(w->gradient);
    mnk_free(w->information);
    mnk_free(w->all.s1);
    mnk_free(w->tied.s1);
    mnk_free(w->all.s2);
    mnk_free(w->tied.s2);
}

/* Halves the step until the objective is no worse; false when it never is. */
static bool line_search(work *w, mnk_cox *m, const double *step, double *trial) {
    double scale = 1.0;
    for (int k = 0; k < 30; k++, scale *= 0.5) {
        for (size_t j = 0; j < m->d; j++) trial[j] = m->beta[j] + scale * step[j];
        evaluate(w, trial, false);
        if (!(w->objective <= m->objective + 1e-13 * fabs(m->objective))) continue;
        memcpy(m->beta, trial, m->d * sizeof *trial);
        return true;
    }
    return false;
}

mnk_status mnk_cox_fit(const mnk_cox_problem *p, mnk_cox *out, mnk_error *err) {
    enum { ITERATIONS = 60 };
    mnk_status status = MNK_OK;
    size_t d = p->d;
    work w = {.p = p};
    double *trial = NULL, *step = NULL;
    *out = (mnk_cox){.d = d, .singular = -1};
    MNK_TRY(check(p, err));
    MNK_OUT(open_work(p, &w, err));
    MNK_OUT(MNK_NEW(trial, d + 1, err));
    MNK_OUT(MNK_NEW(step, d + 1, err));
    MNK_OUT(MNK_NEW(out->beta, d + 1, err));
    MNK_OUT(MNK_NEW(out->covariance, d * d + 1, err));
    for (; out->iterations < ITERATIONS; out->iterations++) {
        double decrement = 0.0;
        evaluate(&w, out->beta, true);
        out->objective = w.objective;
        memcpy(step, w.gradient, d * sizeof *step);
        out->singular = mnk_solve_definite(w.information, d, step);
        if (out->singular >= 0) break;
        for (size_t j = 0; j < d; j++) decrement += step[j] * w.gradient[j];
        memcpy(out->covariance, w.information, d * d * sizeof *out->covariance);
        out->converged = decrement <= 1e-16 * (1.0 + fabs(out->objective));
        if (out->converged) break;
        if (decrement <= 1e-8 * (1.0 + fabs(out->objective))) { /* near: the objective's rounding would only mislead */
            for (size_t j = 0; j < d; j++) out->beta[j] += step[j];
        } else if (!line_search(&w, out, step, trial)) break;
    }
    if (out->converged) mnk_invert_factored(out->covariance, d);
out:
    close_work(&w);
    mnk_free(trial);
    mnk_free(step);
    if (status != MNK_OK) mnk_cox_close(out);
    return status;
}

void mnk_cox_close(mnk_cox *m) {
    mnk_free(m->beta);
    mnk_free(m->covariance);
    m->beta = m->covariance = NULL;
}

/* ---- baseline ---- */

mnk_status mnk_baseline_fit(const double *score, const double *time, const uint8_t *event, const double *weight, size_t n,
                            mnk_baseline *out, mnk_error *err) {
    mnk_status status = MNK_OK;
    size_t *order = NULL;
    double at_risk = 0.0;
    *out = (mnk_baseline){0, NULL, NULL};
    MNK_OUT(MNK_NEW(order, n + 1, err));
    MNK_OUT(MNK_NEW(out->time, n + 1, err));
    MNK_OUT(MNK_NEW(out->hazard, n + 1, err));
    MNK_OUT(mnk_order_by_time(time, n, true, order, err));
    for (size_t at = 0; at < n;) { /* from the last time: the jumps */
        double t = time[order[at]], events = 0.0;
        for (; at < n && time[order[at]] == t; at++) {
            double w = weight ? weight[order[at]] : 1.0;
            at_risk += w * exp(score[order[at]]);
            if (event[order[at]]) events += w;
        }
        if (events > 0.0 && at_risk > 0.0) {
            out->time[out->steps] = t;
            out->hazard[out->steps++] = events / at_risk;
        }
    }
    for (size_t i = 0; i < out->steps / 2; i++) {
        size_t j = out->steps - 1 - i;
        double t = out->time[i], h = out->hazard[i];
        out->time[i] = out->time[j], out->hazard[i] = out->hazard[j];
        out->time[j] = t, out->hazard[j] = h;
    }
    for (size_t i = 1; i < out->steps; i++) out->hazard[i] += out->hazard[i - 1];
out:
    mnk_free(order);
    if (status != MNK_OK) mnk_baseline_close(out);
    return status;
}

double mnk_baseline_at(const mnk_baseline *b, double t) {
    size_t low = 0, high = b->steps;
    while (low < high) { /* first step after t */
        size_t mid = (low + high) / 2;
        if (b->time[mid] <= t) low = mid + 1;
        else high = mid;
    }
    return low ? b->hazard[low - 1] : 0.0;
}

void mnk_baseline_close(mnk_baseline *b) {
    mnk_free(b->time);
    mnk_free(b->hazard);
    *b = (mnk_baseline){0, NULL, NULL};
}
