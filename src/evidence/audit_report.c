#include "evidence/audit_report.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "evidence/html.h"
#include "evidence/report.h"

static const char *const nav[][2] = {
    {"answer", "Answer"}, {"membership", "Membership"}, {"disclosure", "Disclosure"}, {"anonymity", "Anonymity"},
    {"copies", "Copies"}, {"risk", "Records at risk"},  {"limits", "Limits"},         {NULL, NULL}};

typedef struct part {
    const char *group, *id, *title, *about;
} part;

/* A group of metrics: one line here. */
static const part parts[] = {
    {"membership", "membership", "Was this record in the training data?",
     "Each attack scores records of train and of the unseen holdout. 0.5 is chance. copy: the same attacks where the training "
     "records themselves are the synthetic data; null: what the largest area reaches between unseen records alone."},
    {"disclosure", "disclosure", "What else can be learnt of a person?",
     "Risk: success against records of train beyond the success of the same guesses against unseen records. 0 is none, 1 is "
     "all."},
    {"anonymity", "anonymity", "How alike are the rows on what an attacker may know?",
     "Textbook figures of the synthetic table on the named quasi-identifiers; they know nothing of training."},
    {"authenticity", "copies", "Copies", "Records of the synthetic data that are, or nearly are, a training record."},
};

static void references(mnk_text *t, const mnk_metric *m) {
    char b[48];
    mnk_text_add(t, "<td class=\"t\">");
    for (int k = 0; k < m->references; k++)
        mnk_html_text(t, "%s%s %s", k ? ", " : "", m->reference[k].name, mnk_html_number(m->reference[k].value, b));
    mnk_text_add(t, "</td>");
}

static void table(mnk_text *t, const mnk_result *r, const part *p) {
    char b[48];
    mnk_html_element(t, "p", NULL, "%s", p->about);
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th class=\"t\">measure</th><th class=\"t\">of</th><th>value</th>"
                    "<th class=\"t\">interval</th><th>n</th><th class=\"t\">beside it</th><th class=\"t\">remark</th></tr>\n");
    for (size_t i = 0; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        if (strcmp(m->group, p->group) != 0) continue;
        mnk_text_add(t, "<tr>");
        mnk_html_element(t, "td", "t", "%s", m->id);
        mnk_html_element(t, "td", "t", "%s%s%s", m->subset, *m->subset && *m->column ? ", " : "", m->column);
        mnk_html_element(t, "td", NULL, "%s", mnk_html_number(m->value, b));
        mnk_html_element(t, "td", "t", "%s", mnk_html_interval(m->low, m->high, false, b));
        mnk_html_element(t, "td", NULL, "%s", mnk_html_count(m->n, b));
        references(t, m);
        mnk_html_element(t, "td", "t", "%s", m->note);
        mnk_text_add(t, "</tr>\n");
    }
    mnk_text_add(t, "</table></div>\n");
}

static bool has_group(const mnk_result *r, const char *group) {
    for (size_t i = 0; i < r->metrics; i++)
        if (strcmp(r->metric[i].group, group) == 0) return true;
    return false;
}

static void at_risk(mnk_text *t, const mnk_result *r, bool hide_real) {
    size_t n = 0;
    for (size_t i = 0; i < r->flags && !hide_real; i++) n += strcmp(r->flag[i].flag, "at_risk") == 0;
    if (!n) {
        mnk_html_element(t, "p", NULL, "%s", hide_real ? "Real records are not named on this page." : "None was asked for.");
    } else {
        mnk_html_element(t, "p", NULL,
                         "The training records that the strongest attack is surest of. Treat this page like the data.");
        mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>training record</th><th class=\"t\">why</th></tr>\n");
        for (size_t i = 0; i < r->flags; i++) {
            if (strcmp(r->flag[i].flag, "at_risk") != 0) continue;
            mnk_text_printf(t, "<tr><td>%zu</td>", r->flag[i].item + 1);
            mnk_html_element(t, "td", "t", "%s", r->flag[i].note);
            mnk_text_add(t, "</tr>\n");
        }
        mnk_text_add(t, "</table></div>\n");
    }
}

void mnk_audit_details(mnk_text *t, const mnk_result *r, bool hide_real) {
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        if (!has_group(r, parts[k].group)) continue;
        mnk_html_element(t, "h3", NULL, "%s", parts[k].title);
        table(t, r, &parts[k]);
    }
    mnk_html_element(t, "h3", NULL, "Records at risk");
    at_risk(t, r, hide_real);
}

void mnk_audit_policy(mnk_text *t, const char *title, const char *hash) {
    mnk_text_add(t, "<dl>");
    mnk_html_element(t, "dt", NULL, "policy");
    mnk_html_element(t, "dd", NULL, "%s", title && *title ? title : "(without a title)");
    mnk_html_element(t, "dt", NULL, "its hash");
    mnk_text_add(t, "<dd><code>");
    mnk_html_text(t, "%s", hash);
    mnk_text_add(t, "</code></dd></dl>\n");
}

static void answer(mnk_text *t, const mnk_result *r) {
    char a[48], b[48];
    const mnk_metric *m = mnk_result_find(r, "max_attack_auc", r->encodings ? r->encoding[0].name : "", "");
    mnk_text_add(t, "<div class=\"answer\" id=\"answer\">\n");
    if (m && !isnan(m->value))
        mnk_html_element(
            t, "p", NULL,
            "The strongest attack tells training records from unseen ones with an area of %s (%s; 0.5 is chance, 1 "
            "is certainty). %s",
            mnk_html_number(m->value, a), mnk_html_interval(m->low, m->high, false, b),
            m->low > 0.5 ? "The data give their training records away to some extent."
                         : "These attacks did not find that the data give their training records away.");
    mnk_text_add(t, "</div>\n");
}

static void limits(mnk_text *t, const mnk_result *r) {
    mnk_html_section(t, "limits", "Limits");
    mnk_text_add(t, "<ul>\n");
    mnk_html_element(
        t, "li", NULL,
        "An audit can find a leak; it cannot prove that there is none. Stronger attacks than these exist, and what "
        "the number of records excludes at best is the cap beside epsilon_lower_bound.");
    mnk_html_element(t, "li", NULL,
                     "One draw of the synthetic data was looked at. Publishing more of them tells an attacker more.");
    mnk_html_element(t, "li", NULL, "Only differential privacy bounds what any attack can do.");
    for (size_t i = 0; i < r->warnings; i++) mnk_html_element(t, "li", NULL, "%s", r->warning[i]);
    mnk_text_add(t, "</ul>\n");
    mnk_html_section_end(t);
}

mnk_status mnk_audit_page(const mnk_result *r, const mnk_policy *policy, const mnk_gate *gate, bool hide_real, const char *path,
                          bool force, mnk_error *err) {
    const mnk_evidence e = {.gate = gate, .gates = policy ? policy->rules : 0};
    mnk_text t = {0};
    mnk_html_begin(&t, "Audit of privacy", nav);
    mnk_text_add(&t, "<header>\n");
    mnk_html_element(&t, "p", "kicker", "manikin · audit of synthetic medical data");
    mnk_html_element(&t, "h1", NULL, "Whom do the data give away?");
    for (size_t i = 0; i < r->inputs; i++)
        mnk_html_element(&t, "p", "meta", "%s: %s, %zu records, %s", r->input[i].role, r->input[i].path, r->input[i].n,
                         r->input[i].hash);
    mnk_html_element(&t, "p", "badge", "Research use. Not a medical device.");
    mnk_text_add(&t, "</header>\n");
    answer(&t, r);
    mnk_report_gates(&t, &e);
    if (policy) mnk_audit_policy(&t, policy->title, policy->hash);
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        mnk_html_section(&t, parts[k].id, parts[k].title);
        table(&t, r, &parts[k]);
        mnk_html_section_end(&t);
    }
    mnk_html_section(&t, "risk", "Records at risk");
    at_risk(&t, r, hide_real);
    mnk_html_section_end(&t);
    limits(&t, r);
    mnk_html_end(&t);
    mnk_status status =
        t.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the report") : mnk_file_write(path, force, t.s, t.n, err);
    mnk_text_clear(&t);
    return status;
}
