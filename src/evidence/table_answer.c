/* From results on tables to words: fixed rules, so that equal numbers give equal sentences. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/report.h"
#include "evidence/tables.h"

static const mnk_metric *overall(const mnk_result *r, const char *id) {
    for (size_t i = 0; r && i < r->metrics; i++)
        if (!*r->metric[i].subset && !*r->metric[i].column && strcmp(r->metric[i].id, id) == 0 && !isnan(r->metric[i].value))
            return &r->metric[i];
    return NULL;
}

/* More exact copies of training rows than chance and the holdout explain. */
static bool is_copying(const mnk_result *r) {
    const mnk_metric *m = overall(r, "exact_copies");
    double holdout = m ? mnk_metric_reference(m, "holdout") : NAN;
    return m && m->low > (isnan(holdout) ? 0 : holdout) + 0.05;
}

/* The table the answer speaks of: the one of best mean rank among those that are no copies, or the only one. */
static size_t lead_of(const mnk_table_evidence *e) {
    size_t best = 0;
    double best_rank = INFINITY;
    for (size_t i = 0; i < e->n; i++) {
        const mnk_metric *m = e->ranking ? mnk_result_find(e->ranking, "rank", "", e->synthetic[i].name) : NULL;
        double rank = m && !isnan(m->value) ? m->value : INFINITY;
        if (is_copying(e->synthetic[i].result)) rank = isinf(rank) ? rank : 1000 + rank;
        if (rank < best_rank) best_rank = rank, best = i;
    }
    return best;
}

static size_t n_copying(const mnk_table_evidence *e) {
    size_t n = 0;
    for (size_t i = 0; i < e->n; i++) n += is_copying(e->synthetic[i].result);
    return n;
}

/* "0.93 (0.91 to 0.95; unseen real data 0.97)" */
static const char *figure(const mnk_metric *m, char *out, size_t size) {
    char a[48], b[48], c[48];
    double holdout = mnk_metric_reference(m, "holdout");
    const char *interval = mnk_html_interval(m->low, m->high, false, b);
    snprintf(out, size, "%s%s%s%s%s%s", mnk_html_number(m->value, a), *interval || !isnan(holdout) ? " (" : "", interval,
             *interval && !isnan(holdout) ? "; " : "", isnan(holdout) ? "" : "unseen real data ",
             isnan(holdout) ? "" : mnk_html_number(holdout, c));
    if (*interval || !isnan(holdout)) strncat(out, ")", size - strlen(out) - 1);
    return out;
}

static void say_lead(const mnk_table_evidence *e, size_t lead, mnk_sentence out) {
    size_t tied = 0, n = 0;
    char names[160] = "", b[48];
    const mnk_metric *mine = mnk_result_find(e->ranking, "rank", "", e->synthetic[lead].name);
    for (size_t i = 0; i < e->n; i++) {
        bool apart = false; /* some metric tells it from the leader */
        for (size_t k = 0; i != lead && k < e->ranking->metrics && !apart; k++) {
            const mnk_metric *m = &e->ranking->metric[k];
            if (strncmp(m->id, "rank.", 5) != 0 || strcmp(m->subset, e->synthetic[i].name) != 0) continue;
            const mnk_metric *theirs = mnk_result_find(e->ranking, m->id, m->encoding, e->synthetic[lead].name);
            apart = theirs && (m->low > theirs->high || theirs->low > m->high);
        }
        if (i == lead || apart) continue;
        tied++;
        n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%.40s", n ? ", " : "", e->synthetic[i].name);
    }
    if (tied + 1 == e->n) {
        snprintf(out, sizeof(mnk_sentence),
                 "None of the %zu synthetic tables can be called the best: no single measure tells %s from %s. The next "
                 "sentences are "
                 "about %s.",
                 e->n, e->synthetic[lead].name, names, e->synthetic[lead].name);
        return;
    }
    snprintf(out, sizeof(mnk_sentence), "Of %zu synthetic tables, %s has the best mean rank%s (%s); %s%s.", e->n,
             e->synthetic[lead].name, n_copying(e) ? " of those that are no copies" : "",
             mine ? mnk_html_number(mine->value, b) : "–",
             tied ? "by no single measure can it be told from " : "each of the others can be told from it by some measure",
             names);
}

static void say_baseline(const mnk_table_evidence *e, size_t lead, mnk_sentence out) {
    size_t base = e->n;
    for (size_t i = 0; i < e->n; i++)
        if (e->synthetic[i].is_baseline) base = i;
    *out = '\0';
    if (base == e->n || e->n < 2) return;
    char list[200] = "";
    const mnk_metric *b = mnk_result_find(e->ranking, "rank", "", e->synthetic[base].name);
    for (size_t i = 0; i < e->n; i++) {
        const mnk_metric *m = mnk_result_find(e->ranking, "rank", "", e->synthetic[i].name);
        size_t n = strlen(list);
        if (i != base && m && b && m->value >= b->value)
            snprintf(list + n, sizeof list - n, "%s%.40s", n ? ", " : "", e->synthetic[i].name);
    }
    if (*list)
        snprintf(out, sizeof(mnk_sentence), "The closed-form baseline, %s, was not beaten in mean rank by %s.",
                 e->synthetic[base].name, list);
    else if (lead != base)
        snprintf(out, sizeof(mnk_sentence), "Every other generator has a better mean rank than the closed-form baseline, %s.",
                 e->synthetic[base].name);
}

static void say_fidelity(const mnk_result *r, const char *name, mnk_sentence out) {
    char a[160];
    const mnk_metric *c2st = overall(r, "c2st.boosting"), *pairs = overall(r, "binned_accuracy_2");
    size_t n = 0;
    if (c2st)
        n = (size_t)snprintf(
            out, sizeof(mnk_sentence),
            "%s: a boosting classifier tells synthetic from real rows with an AUC of %s; 0.5 would be not at all. ", name,
            figure(c2st, a, sizeof a));
    if (pairs && n < 300)
        n += (size_t)snprintf(out + n, sizeof(mnk_sentence) - n, "Pairs of columns agree with train to %s.",
                              figure(pairs, a, sizeof a));
    if (!n) snprintf(out, sizeof(mnk_sentence), "%s: how well synthetic rows resemble real ones was not measured.", name);
}

/* The first "<measure>_gain.tstr.<model>" there is. */
static const mnk_metric *gain_of(const mnk_result *r) {
    for (size_t i = 0; i < r->metrics; i++)
        if (!*r->metric[i].subset && !*r->metric[i].column && strstr(r->metric[i].id, "_gain.tstr.") &&
            !isnan(r->metric[i].value))
            return &r->metric[i];
    return NULL;
}

static void say_usefulness(const mnk_result *r, mnk_sentence out) {
    const mnk_metric *gain = gain_of(r), *made = NULL;
    char id[64], a[48], b[48], c[48], d[48];
    if (!gain) {
        snprintf(out, sizeof(mnk_sentence),
                 "Usefulness was not measured: the schema names no outcome (role label, or time and event), or there is no "
                 "holdout.");
        return;
    }
    const char *cut = strstr(gain->id, "_gain");
    snprintf(id, sizeof id, "%.*s%s", (int)(cut - gain->id), gain->id, cut + 5);
    made = overall(r, id);
    snprintf(out, sizeof(mnk_sentence),
             "A model trained on synthetic rows alone (%s) reaches %s where one trained on real rows reaches %s: %s, "
             "difference %s, %.0f %% interval %s.",
             id, made ? mnk_html_number(made->value, a) : "–", made ? mnk_html_number(made->value - gain->value, b) : "–",
             gain->high < 0  ? "worse"
             : gain->low > 0 ? "better"
                             : "no difference shown",
             mnk_html_signed(gain->value, c), 100 * gain->level, mnk_html_interval(gain->low, gain->high, true, d));
}

static void say_diversity(const mnk_result *r, mnk_sentence out) {
    char a[48], b[48];
    const mnk_metric *m = overall(r, "coverage");
    if (!m) {
        snprintf(out, sizeof(mnk_sentence), "Diversity was not measured.");
        return;
    }
    double holdout = mnk_metric_reference(m, "holdout");
    snprintf(out, sizeof(mnk_sentence), "Synthetic rows come near %s of the real ones%s%s.", mnk_html_percent(m->value, a),
             isnan(holdout) ? "" : "; as many unseen real rows would come near ",
             isnan(holdout) ? "" : mnk_html_percent(holdout, b));
}

static size_t flags(const mnk_result *r, const char *flag) {
    size_t n = 0;
    for (size_t i = 0; i < r->flags; i++) n += strcmp(r->flag[i].flag, flag) == 0;
    return n;
}

static void say_copies(const mnk_result *r, mnk_sentence out) {
    char a[160], b[160];
    const mnk_metric *exact = overall(r, "exact_copies"), *authenticity = overall(r, "authenticity");
    size_t n = 0;
    if (exact)
        n = (size_t)snprintf(out, sizeof(mnk_sentence), "Share of rows equal to a training row: %s. ",
                             figure(exact, a, sizeof a));
    if (authenticity && n < 300)
        n += (size_t)snprintf(out + n, sizeof(mnk_sentence) - n, "Authenticity: %s.", figure(authenticity, b, sizeof b));
    if (!n) snprintf(out, sizeof(mnk_sentence), "Copies of training rows were not looked for.");
}

static void say_copying(const mnk_table_evidence *e, mnk_sentence out) {
    char list[200] = "";
    for (size_t i = 0; i < e->n; i++) {
        size_t n = strlen(list);
        if (is_copying(e->synthetic[i].result))
            snprintf(list + n, sizeof list - n, "%s%.40s", n ? ", " : "", e->synthetic[i].name);
    }
    *out = '\0';
    if (*list)
        snprintf(out, sizeof(mnk_sentence),
                 "Do not release: rows of %s are exact copies of training rows, many more than unseen real rows explain.",
                 list);
}

static void say_rows(const mnk_table_evidence *e, const mnk_result *r, mnk_sentence out) {
    size_t named = flags(r, "rule_broken"), found = flags(r, "found_rule_broken");
    snprintf(out, sizeof(mnk_sentence),
             "%s %zu flagged rows break a rule of the schema (%zu rule%s), %zu break what always holds in train.%s%s",
             named + found ? "Look at the rows below:" : "No implausible row was found:", named, e->train->schema->rules,
             e->train->schema->rules == 1 ? "" : "s", found, e->base.audits ? "" : " Membership inference was not tried here.",
             e->tradeoff ? "" : " No formal privacy is claimed.");
}

int mnk_table_evidence_answer(const mnk_table_evidence *e, mnk_sentence out[8]) {
    int n = 0;
    size_t lead = lead_of(e);
    const mnk_result *r = e->synthetic[lead].result;
    say_copying(e, out[n]);
    n += *out[n] != '\0';
    if (e->ranking) say_lead(e, lead, out[n++]);
    /* eight sentences: a study of budgets speaks of these instead of the baseline, diversity and single rows */
    if (e->ranking && !e->tradeoff) {
        say_baseline(e, lead, out[n]);
        n += *out[n] != '\0';
    }
    n = mnk_answer_tradeoff(e->tradeoff, out, n, 3);
    mnk_answer_audits(&e->base, out[n]);
    n += *out[n] != '\0';
    if (!r) {
        snprintf(out[n], sizeof(mnk_sentence), "%s was not judged.", e->synthetic[lead].name);
        return n + 1;
    }
    say_fidelity(r, e->synthetic[lead].name, out[n++]);
    say_usefulness(r, out[n++]);
    if (!e->tradeoff && n < 6) say_diversity(r, out[n++]);
    if (!e->tradeoff && n < 7) say_copies(r, out[n++]);
    if (!e->tradeoff && n < 8) say_rows(e, r, out[n++]);
    return n;
}
