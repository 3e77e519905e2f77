/* What a list of mechanisms guarantees: every method that applies, the smallest valid answer, and a fault when two disagree. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "privacy/closed.h"
#include "privacy/mechanism.h"
#include "privacy/pld.h"
#include "privacy/rdp.h"

enum { ORDERS_MAX = 256 };

typedef struct query {
    bool wants_epsilon;
    double given; /* delta, or epsilon */
} query;

/* Multiplier of the one Gaussian that all of the list's together amount to; 0 when the list has anything else. */
static double one_gaussian(const mnk_mechanisms *list) {
    double precision = 0;
    for (size_t i = 0; i < list->n; i++) {
        const mnk_mechanism *m = &list->item[i];
        if (m->kind != MNK_MECHANISM_GAUSSIAN || m->sampling_rate < 1) return 0;
        precision += (double)m->count / (mnk_multiplier(m) * mnk_multiplier(m));
    }
    return precision > 0 ? 1 / sqrt(precision) : 0;
}

/* Of the whole list; INFINITY when a mechanism has none. Then the best order need not be one of the list's. */
static double total_rho(const mnk_mechanisms *list) {
    double rho = 0;
    for (size_t i = 0; i < list->n; i++)
        rho += (double)list->item[i].count * mnk_mechanism_table[list->item[i].kind].rho(&list->item[i]);
    return rho;
}

/* No useful divergence is known of a Poisson-sampled Gaussian where a person is replaced. */
static bool has_renyi(const mnk_mechanisms *list) {
    for (size_t i = 0; i < list->n; i++)
        if (list->neighbours == MNK_REPLACE_ONE && list->item[i].sampling_rate < 1) return false;
    return true;
}

/* What steers the distribution's numerics, whatever the divergences prove: the order whose losses decide, and about how small
 * the answer is. */
typedef struct steering {
    double order, answer;
} steering;

static steering ask_rdp(const mnk_mechanisms *list, const query *q, mnk_guarantee *g) {
    double rdp[ORDERS_MAX], answer;
    size_t best = 0;
    mnk_rdp_compose(list, rdp);
    if (q->wants_epsilon) answer = mnk_rdp_epsilon(mnk_rdp_orders, rdp, mnk_rdp_orders_n, q->given, &best);
    else answer = mnk_rdp_delta(mnk_rdp_orders, rdp, mnk_rdp_orders_n, q->given, &best);
    const steering by = {mnk_rdp_orders[best], answer};
    if (!has_renyi(list)) return by; /* composed as if the person were added: near enough to steer by, and no more */
    g->by_rdp = answer;
    g->rdp_order = by.order;
    g->rdp_order_at_edge = best == 0 || best + 1 == mnk_rdp_orders_n;
    double rho = total_rho(list);
    if (isfinite(rho))
        g->by_rdp = fmin(g->by_rdp, q->wants_epsilon ? mnk_zcdp_epsilon(rho, q->given) : mnk_zcdp_delta(rho, q->given));
    return by;
}

static bool pld_must_be_below(const mnk_mechanisms *list, const mnk_pld *pld) {
    if (!has_renyi(list)) return false;
    for (size_t i = 0; i < list->n; i++)
        if (!mnk_mechanism_table[list->item[i].kind].pld_below_rdp) return false;
    return !pld->coarse;
}

static mnk_status ask_pld(const mnk_mechanisms *list, const query *q, steering by, mnk_guarantee *g, mnk_error *err) {
    const double tail = 1e-9 * fmin(1, fmax(q->wants_epsilon ? q->given : by.answer, 1e-200));
    bool comparable = false;
    for (double tilt = by.order - 1; isnan(g->by_pld); tilt = tilt > 0.1 ? tilt / 2 : 0) {
        mnk_error why = MNK_ERROR_INIT;
        mnk_pld *pld = NULL;
        mnk_status status = mnk_pld_open(list, tilt, tail, &pld, &why);
        if (status == MNK_ERR_UNSUPPORTED) {
            snprintf(g->pld_note, sizeof g->pld_note, "%.95s", why.message);
            return MNK_OK;
        }
        if (status != MNK_OK) return MNK_FAIL(err, status, "%s", why.message);
        g->by_pld = q->wants_epsilon ? mnk_pld_epsilon(pld, q->given) : mnk_pld_delta(pld, q->given);
        g->pld_grid = pld->grid;
        comparable = pld_must_be_below(list, pld);
        mnk_pld_close(pld);
    }
    if (!(g->by_pld <= g->by_rdp * (1 + 1e-5) + (q->wants_epsilon ? 1e-6 : 0)) && comparable)
        return MNK_FAIL(err, MNK_ERR_FAILED,
                        "internal error: the privacy loss distribution gives %s %.9g, more than the %.9g of Renyi divergences",
                        q->wants_epsilon ? "epsilon" : "delta", g->by_pld, g->by_rdp);
    return MNK_OK;
}

static mnk_status answer(const mnk_mechanisms *list, const query *q, bool with_pld, mnk_guarantee *g, mnk_error *err) {
    *g = (mnk_guarantee){.by_exact = NAN,
                         .by_pld = NAN,
                         .by_rdp = NAN,
                         .rdp_order = NAN,
                         .pld_grid = NAN,
                         .method = "exact",
                         .is_of_delta = !q->wants_epsilon,
                         .neighbours = list->neighbours,
                         .not_private = list->not_private};
    double least = 0;
    if (list->n > 0) {
        double multiplier = one_gaussian(list);
        if (multiplier > 0)
            g->by_exact =
                q->wants_epsilon ? mnk_gaussian_epsilon(multiplier, q->given) : mnk_gaussian_delta(multiplier, q->given);
        const steering by = ask_rdp(list, q, g);
        if (with_pld || isnan(g->by_rdp)) MNK_TRY(ask_pld(list, q, by, g, err));
        else snprintf(g->pld_note, sizeof g->pld_note, "not asked for");
        least = g->by_rdp, g->method = "rdp";
        if (!isnan(g->by_pld) && !(g->by_pld > least)) least = g->by_pld, g->method = "pld";
        if (!isnan(g->by_exact)) least = g->by_exact, g->method = "exact";
        if (isnan(least)) least = q->wants_epsilon ? INFINITY : 1, g->method = "none";
    }
    g->epsilon = q->wants_epsilon ? least : q->given;
    g->delta = q->wants_epsilon ? q->given : least;
    return MNK_OK;
}

/* NaN fails every comparison written this way round. */
static mnk_status check_epsilon(double epsilon, mnk_error *err) {
    if (epsilon > 0 && epsilon <= 1e6) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "epsilon must be above 0 (and at most 1e6), not %g", epsilon);
    mnk_error_hint(err, "epsilon 1 is strong protection, 8 is what many published models have, above 10 promises little");
    return status;
}

mnk_status mnk_privacy_check_target(double epsilon, double delta, size_t people, mnk_error *err) {
    MNK_TRY(check_epsilon(epsilon, err));
    if (!(delta > 0 && delta < 1)) return MNK_FAIL(err, MNK_ERR_USAGE, "delta must lie between 0 and 1, not %g", delta);
    if (people == 0 || delta < 1 / (double)people) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE,
                                 "delta %g is not below 1/%zu: publishing one of the %zu people whole would count as private",
                                 delta, people, people);
    mnk_error_hint(err, "choose delta well below %.1e, for instance %.0e", 1 / (double)people, 0.1 / (double)people);
    return status;
}

mnk_status mnk_privacy_epsilon(const mnk_mechanisms *list, double delta, mnk_guarantee *out, mnk_error *err) {
    MNK_TRY(mnk_privacy_check_target(1, delta, 0, err));
    return answer(list, &(query){true, delta}, true, out, err);
}

mnk_status mnk_privacy_delta(const mnk_mechanisms *list, double epsilon, mnk_guarantee *out, mnk_error *err) {
    MNK_TRY(check_epsilon(epsilon, err));
    return answer(list, &(query){false, epsilon}, true, out, err);
}

/* ---- the noise for a wanted guarantee ---- */

typedef struct search {
    const mnk_mechanisms *list;
    double delta;
    bool with_pld;
    mnk_guarantee at;
} search;

static mnk_status epsilon_at(search *s, double factor, double *epsilon, mnk_error *err) {
    mnk_mechanisms scaled;
    MNK_TRY(mnk_mechanisms_scaled(s->list, factor, &scaled, err));
    mnk_status status = answer(&scaled, &(query){true, s->delta}, s->with_pld, &s->at, err);
    mnk_mechanisms_clear(&scaled);
    *epsilon = s->at.epsilon;
    return status;
}

/* Smallest factor in (low, high] with epsilon <= wanted; epsilon(low) = at_low is above it, epsilon(high) = at_high not. Regula
 * falsi on logarithms with the Illinois rule, every third step a bisection. */
static mnk_status close_in(search *s, double wanted, double low, double high, double at_low, double at_high, double *factor,
                           mnk_error *err) {
    double weight_low = 1, weight_high = 1;
    for (int k = 0; k < 100 && high > low * (1 + 1e-7); k++) {
        double below = log(wanted / fmax(at_high, 1e-12)) * weight_high, above = log(fmin(at_low, 1e6) / wanted) * weight_low;
        double share = k % 3 == 2 ? 0.5 : above / (above + below), width = log(high / low), e = 0;
        double margin = fmin(0.25, 4e-8 / width); /* lands a hair inside, so that the bracket closes from both sides */
        double x = low * exp(width * fmin(fmax(share, margin), 1 - margin));
        MNK_TRY(epsilon_at(s, x, &e, err));
        if (e > wanted) low = x, at_low = e, weight_low = 1, weight_high *= 0.5;
        else high = x, at_high = e, weight_high = 1, weight_low *= 0.5;
    }
    *factor = high;
    return MNK_OK;
}

mnk_status mnk_privacy_noise(const mnk_mechanisms *list, double epsilon, double delta, double *factor, mnk_guarantee *out,
                             mnk_error *err) {
    MNK_TRY(mnk_privacy_check_target(epsilon, delta, 0, err));
    if (list->n == 0) return MNK_FAIL(err, MNK_ERR_USAGE, "no mechanism whose noise could be found");
    search s = {.list = list, .delta = delta};
    double low = 1, high = 1, at_low = 0, at_high = 0, e = 0;
    MNK_TRY(epsilon_at(&s, 1, &e, err));
    at_low = at_high = e;
    while (at_high > epsilon && high < 1e7) { /* with Renyi divergences, which cost nothing */
        low = high, at_low = at_high, high *= 2;
        MNK_TRY(epsilon_at(&s, high, &at_high, err));
    }
    if (at_high > epsilon)
        return MNK_FAIL(err, MNK_ERR_USAGE, "no noise up to %g times the given one reaches epsilon %g at delta %g", high,
                        epsilon, delta);
    s.with_pld = true;
    MNK_TRY(epsilon_at(&s, high, &at_high, err));
    do { /* the distribution may allow less than the divergences said */
        low = high / 2;
        MNK_TRY(epsilon_at(&s, low, &at_low, err));
        if (at_low <= epsilon) high = low, at_high = at_low;
    } while (at_low <= epsilon && low > 1e-3);
    if (at_low <= epsilon)
        return MNK_FAIL(err, MNK_ERR_USAGE, "even %g times the given noise keeps epsilon below %g", low, epsilon);
    MNK_TRY(close_in(&s, epsilon, low, high, at_low, at_high, factor, err));
    MNK_TRY(epsilon_at(&s, *factor, &e, err));
    *out = s.at;
    return MNK_OK;
}

/* ---- as a result ---- */

static void add(mnk_result *r, const char *id, double value, const char *note) {
    mnk_metric *m = mnk_result_add_metric(r, id, "privacy");
    if (!m) return;
    m->value = value;
    snprintf(m->note, sizeof m->note, "%s", note);
}

void mnk_guarantee_report(const mnk_guarantee *g, mnk_result *r) {
    char note[160];
    const char *kind = g->is_of_delta ? "delta" : "epsilon";
    char id[32];
    snprintf(note, sizeof note, "by %s; unit: person; neighbours: %s", g->method,
             g->neighbours == MNK_ADD_REMOVE ? "one person added or removed" : "one person replaced");
    add(r, "epsilon", g->epsilon, g->is_of_delta ? "" : note);
    add(r, "delta", g->delta, g->is_of_delta ? note : "");
    snprintf(id, sizeof id, "%s_exact", kind);
    if (!isnan(g->by_exact)) add(r, id, g->by_exact, "Gaussian mechanism, closed form");
    snprintf(id, sizeof id, "%s_pld", kind);
    if (isnan(g->by_pld)) snprintf(note, sizeof note, "%s", g->pld_note);
    else snprintf(note, sizeof note, "privacy loss distribution, grid %g", g->pld_grid);
    add(r, id, g->by_pld, note);
    snprintf(id, sizeof id, "%s_rdp", kind);
    if (isnan(g->by_rdp)) snprintf(note, sizeof note, "none is known of sampling where a person is replaced");
    else
        snprintf(note, sizeof note, "Renyi divergence of order %g%s", g->rdp_order,
                 g->rdp_order_at_edge ? ", an end of the list of orders: may be loose" : "");
    add(r, id, g->by_rdp, note);
    if (g->not_private) mnk_result_add_warning(r, "NOT PRIVATE: the noise was reproducible (a mode for tests)");
}
