/* Fidelity by subgroup: for whom is the synthetic table worse? */
#include <math.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/tables.h"
#include "manikin/fairness.h"

enum { GROUPS_SHOWN = 60 };
static const char *const ids[] = {"binned_accuracy_2", "precision", "coverage", "authenticity"};
enum { IDS = sizeof ids / sizeof *ids };

/* In whatever encoding it was measured. */
static const mnk_metric *find(const mnk_result *r, const char *id, const char *subset) {
    for (size_t i = 0; r && i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        if (!*m->column && strcmp(m->id, id) == 0 && strcmp(m->subset, subset) == 0) return m;
    }
    return NULL;
}

static double holdout_of(const mnk_metric *m) {
    for (int i = 0; m && i < m->references; i++)
        if (strcmp(m->reference[i].name, "holdout") == 0) return m->reference[i].value;
    return NAN;
}

static void cell(mnk_text *t, const mnk_metric *m) {
    char a[48], b[48];
    mnk_text_add(t, "<td>");
    if (!m || isnan(m->value)) mnk_html_text(t, m ? "too few" : "–");
    else {
        mnk_html_text(t, "%s", mnk_html_number(m->value, a));
        if (*mnk_html_interval(m->low, m->high, false, b)) mnk_html_element(t, "div", "note", "%s", b);
        if (!isnan(holdout_of(m))) mnk_html_element(t, "div", "note", "holdout %s", mnk_html_number(holdout_of(m), a));
    }
    mnk_text_add(t, "</td>");
}

static void one_table(mnk_text *t, const mnk_synthetic_table *made, const mnk_subgroups *s, bool pairs) {
    size_t shown = 0;
    bool any = false;
    char b[48];
    for (size_t k = 0; k < mnk_subgroups_count(s); k++) any = any || mnk_subgroups_at(s, k)->pair == pairs;
    if (!any) return;
    if (pairs) mnk_text_add(t, "<details><summary>Pairs of subgroups</summary>");
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th class=\"l\">subgroup</th><th>rows compared</th>");
    for (size_t i = 0; i < IDS; i++) mnk_html_element(t, "th", NULL, "%s", ids[i]);
    mnk_text_add(t, "</tr>\n");
    for (size_t k = 0; k < mnk_subgroups_count(s) && shown < GROUPS_SHOWN; k++) {
        const mnk_subgroup *g = mnk_subgroups_at(s, k);
        if (g->pair != pairs) continue;
        const mnk_metric *first = find(made->result, "precision", g->name);
        mnk_text_add(t, "<tr>");
        mnk_html_element(t, "td", "l", "%s", g->name);
        mnk_html_element(t, "td", NULL, "%s", first ? mnk_html_count(first->n, b) : "–");
        for (size_t i = 0; i < IDS; i++) cell(t, find(made->result, ids[i], g->name));
        mnk_text_add(t, "</tr>\n");
        shown++;
    }
    mnk_text_add(t, "</table></div>\n");
    if (shown == GROUPS_SHOWN)
        mnk_html_element(t, "p", "note", "The first %d are shown; all stand among the numbers.", GROUPS_SHOWN);
    if (pairs) mnk_text_add(t, "</details>\n");
}

mnk_status mnk_report_subgroups(mnk_text *t, const mnk_table_evidence *e, mnk_error *err) {
    mnk_subgroups *s = NULL;
    MNK_TRY(mnk_subgroups_open(e->train, true, &s, NULL, err));
    bool any = false;
    for (size_t i = 0; i < e->n && mnk_subgroups_count(s); i++) {
        if (!find(e->synthetic[i].result, "precision", mnk_subgroups_at(s, 0)->name)) continue;
        if (!any) {
            mnk_html_element(t, "h3", NULL, "Fidelity by subgroup");
            mnk_html_element(
                t, "p", NULL,
                "Each subgroup is compared with its own real rows, at most 1,000 of them; the holdout line is what "
                "unseen real rows of the same subgroup reach at that size. Compare with it, not across subgroups of "
                "different size.");
        }
        any = true;
        mnk_html_element(t, "h4", NULL, "%s", e->synthetic[i].name);
        one_table(t, &e->synthetic[i], s, false);
        one_table(t, &e->synthetic[i], s, true);
    }
    mnk_subgroups_close(s);
    return MNK_OK;
}
