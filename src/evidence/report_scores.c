/* What was compared, and the judges' numbers: one column for each synthetic table beside holdout, copy and floor. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/report.h"
#include "evidence/tables.h"

static void counts(mnk_text *t, const char *name, const mnk_table *d) {
    char rows[48], persons[48];
    mnk_text_add(t, "<tr>");
    mnk_html_element(t, "td", NULL, "%s", name);
    mnk_html_element(t, "td", NULL, "%s", mnk_html_count(d->n, rows));
    mnk_html_element(t, "td", NULL, "%s", d->person ? mnk_html_count(d->persons, persons) : "not known");
    mnk_html_element(t, "td", "t", "%s", d->source);
    mnk_text_add(t, "</tr>\n");
}

static void roles_of(const mnk_column *k, char out[128]) {
    out[0] = '\0';
    for (int i = 0; i < MNK_COLUMN_ROLES; i++)
        if (k->roles >> i & 1) {
            size_t n = strlen(out);
            snprintf(out + n, 128 - n, "%s%s", n ? ", " : "", mnk_column_role_name((mnk_column_role)(1 << i)));
        }
}

static void columns(mnk_text *t, const mnk_table *train) {
    enum { SHOWN = 120 };
    const mnk_schema *s = train->schema;
    mnk_text_add(t,
                 "<details><summary>Columns</summary><div class=\"scroll\"><table><tr><th>column</th><th class=\"l\">type</th>"
                 "<th class=\"l\">roles</th><th>levels</th><th>missing in train</th></tr>\n");
    for (size_t c = 0; c < s->columns && c < SHOWN; c++) {
        const mnk_column *k = &s->column[c];
        char roles[128], b[48];
        size_t missing = 0;
        for (size_t i = 0; i < train->n; i++) missing += mnk_table_is_missing(train, c, i);
        roles_of(k, roles);
        mnk_text_add(t, "<tr>");
        mnk_html_element(t, "td", NULL, "%s%s%s%s", k->name, *k->unit ? " (" : "", k->unit, *k->unit ? ")" : "");
        mnk_html_element(t, "td", "l", "%s", mnk_column_type_name(k->type));
        mnk_html_element(t, "td", "l", "%s", roles);
        mnk_html_element(t, "td", NULL, "%s", mnk_column_is_number(k) ? "" : mnk_html_count(k->levels, b));
        mnk_html_element(t, "td", NULL, "%s", mnk_html_percent((double)missing / (double)train->n, b));
        mnk_text_add(t, "</tr>\n");
    }
    mnk_text_add(t, "</table></div></details>\n");
}

void mnk_report_tables(mnk_text *t, const mnk_table_evidence *e) {
    const mnk_schema *s = e->train->schema;
    mnk_html_section(t, "data", "Data");
    mnk_html_element(t, "p", NULL, "%zu columns. %s", s->columns, e->base.data_note ? e->base.data_note : "");
    mnk_text_add(
        t, "<div class=\"scroll\"><table><tr><th>table</th><th>rows</th><th>persons</th><th class=\"t\">from</th></tr>\n");
    counts(t, "train", e->train);
    if (e->holdout) counts(t, "holdout", e->holdout);
    for (size_t i = 0; i < e->n; i++) counts(t, e->synthetic[i].name, e->synthetic[i].table);
    mnk_text_add(t, "</table></div>\n");
    columns(t, e->train);
    if (s->rules) {
        mnk_html_element(t, "h3", NULL, "Rules");
        mnk_text_add(t, "<ul>\n");
        for (size_t i = 0; i < s->rules; i++) mnk_html_element(t, "li", NULL, "%s", s->rule[i]);
        mnk_text_add(t, "</ul>\n");
    }
    for (size_t i = 0; i < e->n; i++) {
        if (!e->synthetic[i].facts) continue;
        mnk_html_element(t, "h3", NULL, "What made %s", e->synthetic[i].name);
        mnk_text_add(t, "<dl>\n");
        for (size_t k = 0; k < e->synthetic[i].facts; k++) {
            mnk_html_element(t, "dt", NULL, "%s", e->synthetic[i].fact[k].name);
            mnk_html_element(t, "dd", NULL, "%s", e->synthetic[i].fact[k].value);
        }
        mnk_text_add(t, "</dl>\n");
    }
    if (e->base.data && e->base.data->metrics) {
        mnk_html_element(t, "h3", NULL, "Checks of the data");
        mnk_report_table(t, e->base.data, true, NULL);
        for (size_t i = 0; i < e->base.data->warnings; i++) mnk_html_element(t, "p", "note", "%s", e->base.data->warning[i]);
    }
    mnk_html_section_end(t);
}

static bool is_of(const mnk_metric *m, const char *const *groups, size_t n, bool overall) {
    if ((!*m->subset && !*m->column) != overall) return false;
    for (size_t k = 0; k < n; k++)
        if (strcmp(m->group, groups[k]) == 0) return true;
    return false;
}

static void value_cell(mnk_text *t, const mnk_metric *m) {
    char value[48], interval[48];
    mnk_text_add(t, "<td>");
    if (!m || isnan(m->value)) mnk_html_text(t, "%s", m && m->note[0] ? "–*" : "–");
    else {
        mnk_html_text(t, "%s", mnk_html_number(m->value, value));
        if (*mnk_html_interval(m->low, m->high, false, interval)) mnk_html_element(t, "div", "note", "%s", interval);
    }
    mnk_text_add(t, "</td>");
}

static void score_row(mnk_text *t, const mnk_table_evidence *e, const mnk_metric *m, const char *const *references,
                      const bool *has, bool by_subset) {
    char b[48];
    mnk_text_add(t, "<tr>");
    mnk_html_element(t, "td", NULL, "%s", mnk_metric_name(m->id));
    if (by_subset) mnk_html_element(t, "td", "l", "%s%s%s", m->column, *m->column && *m->subset ? ", " : "", m->subset);
    for (size_t i = 0; i < e->n; i++) {
        const mnk_result *r = e->synthetic[i].result;
        value_cell(t, r ? mnk_result_find_column(r, m->id, m->encoding, m->subset, m->column) : NULL);
    }
    for (int k = 0; references[k]; k++)
        if (has[k]) mnk_html_element(t, "td", NULL, "%s", mnk_html_number(mnk_metric_reference(m, references[k]), b));
    mnk_text_add(t, "</tr>\n");
}

static void score_table(mnk_text *t, const mnk_table_evidence *e, const char *const *groups, size_t n_groups, bool overall) {
    enum { SHOWN = 400 };
    static const char *const references[] = {"holdout", "copy", "floor", "trtr", "maximum", NULL};
    bool has[5] = {false}, any = false;
    size_t shown = 0;
    const mnk_result *first = NULL;
    for (size_t i = 0; i < e->n && !first; i++) first = e->synthetic[i].result;
    for (size_t i = 0; first && i < first->metrics; i++) {
        const mnk_metric *m = &first->metric[i];
        if (!is_of(m, groups, n_groups, overall)) continue;
        any = true;
        for (int k = 0; references[k]; k++) has[k] = has[k] || !isnan(mnk_metric_reference(m, references[k]));
    }
    if (!any) return;
    if (!overall) mnk_text_add(t, "<details><summary>By column, class or subgroup</summary>");
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>measure</th>");
    if (!overall) mnk_text_add(t, "<th class=\"l\">of</th>");
    for (size_t i = 0; i < e->n; i++) mnk_html_element(t, "th", NULL, "%s", e->synthetic[i].name);
    for (int k = 0; references[k]; k++)
        if (has[k]) mnk_html_element(t, "th", NULL, "%s", references[k]);
    mnk_text_add(t, "</tr>\n");
    for (size_t i = 0; i < first->metrics && shown < SHOWN; i++)
        if (is_of(&first->metric[i], groups, n_groups, overall)) {
            score_row(t, e, &first->metric[i], references, has, !overall);
            shown++;
        }
    mnk_text_add(t, "</table></div>\n");
    if (shown == SHOWN) mnk_html_element(t, "p", "note", "The first %d are shown; all stand in evidence.json.", SHOWN);
    if (!overall) mnk_text_add(t, "</details>\n");
}

void mnk_report_scores(mnk_text *t, const mnk_table_evidence *e, const char *const *groups, size_t n_groups) {
    score_table(t, e, groups, n_groups, true);
    score_table(t, e, groups, n_groups, false);
}
