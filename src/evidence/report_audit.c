/* The audits of a study on its page, in its numbers and in words. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "evidence/audit_report.h"
#include "evidence/html.h"
#include "evidence/report.h"

static const mnk_metric *overall(const mnk_result *r, const char *id) {
    for (size_t i = 0; i < r->metrics; i++)
        if (!*r->metric[i].subset && !*r->metric[i].column && strcmp(r->metric[i].id, id) == 0) return &r->metric[i];
    return NULL;
}

static size_t n_met(const mnk_audits *a, size_t i) {
    size_t met = 0;
    for (size_t k = 0; k < a->gates; k++) met += a->item[i].gate[k].met;
    return met;
}

static void cell(mnk_text *t, const mnk_metric *m) {
    char a[48], b[48];
    const char *interval = m ? mnk_html_interval(m->low, m->high, false, b) : "";
    mnk_html_element(t, "td", NULL, "%s%s%s%s", m ? mnk_html_number(m->value, a) : "–", *interval ? " (" : "", interval,
                     *interval ? ")" : "");
}

/* Name of the synthetic set; a study of images has one, without a name. */
static const char *name_of(const mnk_audited *x) { return *x->name ? x->name : "the synthetic images"; }

static void overview(mnk_text *t, const mnk_audits *a) {
    static const char *const ids[] = {"max_attack_auc",    "epsilon_lower_bound", "exact_copies",
                                      "risk.singling_out", "risk.linkability",    "risk.inference"};
    bool has[6] = {false};
    for (size_t k = 0; k < 6; k++)
        for (size_t i = 0; i < a->n; i++) has[k] = has[k] || overall(a->item[i].result, ids[k]);
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>made by</th>");
    if (a->policy_hash) mnk_text_add(t, "<th>policy</th>");
    for (size_t k = 0; k < 6; k++)
        if (has[k]) mnk_html_element(t, "th", NULL, "%s", ids[k]);
    mnk_text_add(t, "</tr>\n");
    for (size_t i = 0; i < a->n; i++) {
        mnk_text_add(t, "<tr>");
        mnk_html_element(t, "td", NULL, "%s", name_of(&a->item[i]));
        if (a->policy_hash)
            mnk_html_element(t, "td", n_met(a, i) == a->gates ? "yes" : "no", "%zu of %zu met", n_met(a, i), a->gates);
        for (size_t k = 0; k < 6; k++)
            if (has[k]) cell(t, overall(a->item[i].result, ids[k]));
        mnk_text_add(t, "</tr>\n");
    }
    mnk_text_add(t, "</table></div>\n");
}

static void missed(mnk_text *t, const mnk_audits *a) {
    char b[48];
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < a->gates; k++) {
            const mnk_gate *g = &a->item[i].gate[k];
            if (!g->met)
                mnk_html_element(t, "li", NULL, "%s: %s is not met (%s%s%s)", name_of(&a->item[i]), g->text,
                                 isnan(g->value) ? "not measured" : mnk_html_number(g->value, b), *g->note ? "; " : "",
                                 g->note);
        }
}

void mnk_report_audits(mnk_text *t, const mnk_evidence *e) {
    enum { DETAILS = 16 };
    const mnk_audits *a = e->audits;
    if (!a || !a->n) return;
    mnk_html_section(t, "audit", "Attacks on privacy");
    mnk_html_element(
        t, "p", NULL,
        "Each attack tries to tell records that the generator learned from from records it never saw: 0.5 is chance, 1 "
        "certainty. An audit can find a leak; it cannot prove that there is none. %s",
        a->with_models ? "The model files were attacked too." : "Only what was made was attacked, not the model files.");
    if (a->policy_hash) mnk_audit_policy(t, a->policy_title, a->policy_hash);
    overview(t, a);
    mnk_text_add(t, "<ul>\n");
    missed(t, a);
    mnk_text_add(t, "</ul>\n");
    for (size_t i = 0; i < a->n && i < DETAILS; i++) {
        mnk_text_add(t, "<details><summary>");
        mnk_html_text(t, "Every attack on %s", name_of(&a->item[i]));
        mnk_text_add(t, "</summary>\n");
        mnk_audit_details(t, a->item[i].result, e->hide_real);
        for (size_t k = 0; k < a->item[i].result->warnings; k++)
            mnk_html_element(t, "p", "note", "%s", a->item[i].result->warning[k]);
        mnk_text_add(t, "</details>\n");
    }
    if (a->n > DETAILS)
        mnk_html_element(t, "p", "note", "The details of %zu more audits are in evidence.json.", a->n - DETAILS);
    mnk_html_section_end(t);
}

void mnk_evidence_json_audits(mnk_json *j, const mnk_evidence *e) {
    const mnk_audits *a = e->audits;
    if (!a) return;
    mnk_json_object(j, "audits");
    if (a->policy_hash) {
        mnk_json_object(j, "policy");
        mnk_json_string(j, "title", a->policy_title);
        mnk_json_string(j, "hash", a->policy_hash);
        mnk_json_end_object(j);
    }
    mnk_json_bool(j, "models_attacked", a->with_models);
    mnk_json_array(j, "items");
    for (size_t i = 0; i < a->n; i++) {
        const mnk_evidence one = {.gate = a->item[i].gate, .gates = a->item[i].gate ? a->gates : 0};
        mnk_json_object(j, NULL);
        if (*a->item[i].name) mnk_json_string(j, "name", a->item[i].name);
        mnk_evidence_json_gates(j, &one);
        mnk_evidence_json_result(j, "result", a->item[i].result);
        mnk_json_end_object(j);
    }
    mnk_json_end_array(j);
    mnk_json_end_object(j);
}

/* Many audits, and the largest of them: so the number above chance is said beside it, and what chance alone would give. */
void mnk_answer_audits(const mnk_evidence *e, mnk_sentence out) {
    const mnk_audits *a = e->audits;
    const mnk_metric *worst = NULL;
    char v[48], w[48];
    size_t which = 0, passed = 0, above = 0, measured = 0, n = 0;
    *out = '\0';
    if (!a || !a->n) return;
    for (size_t i = 0; i < a->n; i++) {
        const mnk_metric *m = overall(a->item[i].result, "max_attack_auc");
        passed += n_met(a, i) == a->gates;
        if (!m || isnan(m->value)) continue;
        measured++, above += m->low > 0.5;
        if (!worst || m->value > worst->value) worst = m, which = i;
    }
    if (worst)
        n = (size_t)snprintf(
            out, sizeof(mnk_sentence),
            "Attacks on privacy: the strongest one%s%s tells training records from unseen ones with an area of "
            "%s (%s; 0.5 is chance). ",
            *a->item[which].name ? ", on " : "", a->item[which].name, mnk_html_number(worst->value, v),
            mnk_html_interval(worst->low, worst->high, false, w));
    if (worst && measured == 1)
        n += (size_t)snprintf(out + n, sizeof(mnk_sentence) - n, "%s",
                              above ? "Some training records are given away. " : "No leak was found by these attacks. ");
    else if (worst)
        n += (size_t)snprintf(
            out + n, sizeof(mnk_sentence) - n,
            "In %zu of %zu audits the interval lies above chance; without any leak at most about %.2g of them would. ", above,
            measured, (double)measured * (1 - worst->level) / 2);
    if (a->policy_hash && n < 440)
        snprintf(out + n, sizeof(mnk_sentence) - n, "The policy is met by %zu of %zu.", passed, a->n);
}
