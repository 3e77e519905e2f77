/* Flagged rows in words: what cannot be, what is a copy, whom nobody resembles. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/tables.h"

enum { ROWS_SHOWN = 12, RULE_ROWS_SHOWN = 24, ROWS_OF_RULE = 2, CELLS_SHOWN = 14 };

typedef struct row_kind {
    const char *flag, *title, *about;
    bool is_real;      /* item is a row of train */
    const char *share; /* of rules: the metric that says how many rows break one */
} row_kind;

/* A kind of flag: one line here. */
static const row_kind kinds[] = {
    {"rule_broken", "Rows that break a rule of the schema", "What the schema says must hold does not.", false, "rules_broken"},
    {"found_rule_broken", "Rows that break what always holds in train",
     "Nobody named these rules; every training row obeys them, and these synthetic rows do not.", false, "found_rules_broken"},
    {"exact_copy", "Exact copies of training rows",
     "Equal in every compared value. In a table of few, coarse columns some are to be expected; the holdout shows how many.",
     false, NULL},
    {"near_copy", "Near copies of training rows", "Nearer to a training row than all but a few unseen real rows are.", false,
     NULL},
    {"never_generated", "Real rows that no synthetic row comes near", "Kinds of persons the generator does not make.", true,
     NULL},
};

/* The name stands in the note as a word. */
static bool is_named(const char *note, const char *name) {
    const size_t n = strlen(name);
    for (const char *at = note; n && (at = strstr(at, name)); at++) {
        const bool begins = at == note || !isalnum((unsigned char)at[-1]), ends = !isalnum((unsigned char)at[n]);
        if (begins && ends) return true;
    }
    return false;
}

static void cell(mnk_text *t, const mnk_table *table, size_t c, size_t row, size_t *shown, bool strong) {
    char b[64];
    mnk_table_cell(table, c, row, b);
    if ((*shown)++) mnk_text_add(t, ", ");
    if (strong) mnk_text_add(t, "<b>");
    mnk_html_text(t, "%s = %s", table->schema->column[c].name, mnk_table_is_missing(table, c, row) ? "missing" : b);
    if (strong) mnk_text_add(t, "</b>");
}

/* What the note speaks of first, then the others as far as there is room. */
static void cells(mnk_text *t, const mnk_table *table, size_t row, const char *note) {
    size_t shown = 0;
    for (int rest = 0; rest < 2; rest++)
        for (size_t c = 0; c < table->schema->columns; c++) {
            const mnk_column *k = &table->schema->column[c];
            if (!mnk_column_is_data(k) || is_named(note, k->name) == (rest == 1)) continue;
            if (shown == CELLS_SHOWN) {
                mnk_text_add(t, " …");
                return;
            }
            cell(t, table, c, row, &shown, !rest);
        }
}

/* Flags of one broken rule: found ones carry how often they would be broken by chance, named ones their text. */
static bool is_same_rule(const mnk_flag *a, const mnk_flag *b) {
    return a->distance == b->distance && (a->distance > 0 || strcmp(a->note, b->note) == 0);
}

static void why(mnk_text *t, const mnk_table_evidence *s, const mnk_flag *f, const row_kind *kind) {
    char b[48];
    if (kind->is_real) { /* "class; in radii of its own ball" */
        const int n = (int)strcspn(f->note, ";");
        mnk_html_text(t, "%.*s%snearest synthetic row %s times as far as its real neighbours", f->note[n] ? n : 0, f->note,
                      f->note[n] && n ? ": " : "", mnk_html_number(f->distance, b));
        return;
    }
    mnk_html_text(t, "%s", f->note);
    if (f->of >= 0 && !s->base.hide_real)
        mnk_html_text(t, "%straining row %lld%s%s", *f->note ? "; " : "", (long long)f->of + 1,
                      f->distance > 0 ? ", distance " : "", f->distance > 0 ? mnk_html_number(f->distance, b) : "");
}

/* "61 % of the rows break one; of unseen real rows 3 %." */
static void share(mnk_text *t, const mnk_result *r, const char *id) {
    char a[48], b[48];
    const mnk_metric *m = id ? mnk_result_find(r, id, "", "") : NULL;
    if (!m || isnan(m->value)) return;
    mnk_html_text(t, " %s of its rows break one", mnk_html_percent(m->value, a));
    for (int i = 0; i < m->references; i++)
        if (strcmp(m->reference[i].name, "holdout") == 0)
            mnk_html_text(t, "; of unseen real rows %s do", mnk_html_percent(m->reference[i].value, b));
    mnk_text_add(t, ".");
}

static void one_kind(mnk_text *t, const mnk_table_evidence *s, const mnk_synthetic_table *made, const row_kind *kind) {
    size_t n = 0, shown = 0, of_rule = 0;
    char b[48];
    const mnk_table *table = kind->is_real ? s->train : made->table;
    const mnk_flag *last = NULL;
    for (size_t i = 0; i < made->result->flags; i++) n += strcmp(made->result->flag[i].flag, kind->flag) == 0;
    if (!n) return;
    mnk_html_element(t, "h3", NULL, "%s: %s", made->name, kind->title);
    mnk_text_add(t, "<p>");
    mnk_html_text(t, "%s%s", kind->about,
                  kind->share ? " Two rows of each rule are shown, the rule that chance would break most often first." : "");
    share(t, made->result, kind->share);
    mnk_html_text(t, " %s flagged.", mnk_html_count(n, b));
    mnk_text_add(t, "</p>\n");
    if (kind->is_real && s->base.hide_real) return;
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>row</th><th class=\"t\">why</th><th class=\"t\">values</th></tr>\n");
    for (size_t i = 0; i < made->result->flags && shown < (kind->share ? RULE_ROWS_SHOWN : ROWS_SHOWN); i++) {
        const mnk_flag *f = &made->result->flag[i];
        if (strcmp(f->flag, kind->flag) != 0 || f->item >= table->n) continue;
        of_rule = kind->share && last && is_same_rule(last, f) ? of_rule + 1 : 0;
        last = f;
        if (of_rule >= ROWS_OF_RULE) continue;
        mnk_text_printf(t, "<tr><td>%zu</td><td class=\"t\">", f->item + 1);
        why(t, s, f, kind);
        mnk_text_add(t, "</td><td class=\"t\">");
        cells(t, table, f->item, kind->share ? f->note : "");
        mnk_text_add(t, "</td></tr>\n");
        shown++;
    }
    mnk_text_add(t, "</table></div>\n");
}

void mnk_report_rows(mnk_text *t, const mnk_table_evidence *s) {
    size_t flags = 0;
    mnk_html_section(t, "rows", "Rows to look at");
    for (size_t k = 0; k < s->n; k++) {
        if (!s->synthetic[k].result) continue;
        flags += s->synthetic[k].result->flags;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) one_kind(t, s, &s->synthetic[k], &kinds[i]);
    }
    if (!flags) mnk_html_element(t, "p", NULL, "No row was flagged.");
    mnk_html_section_end(t);
}
