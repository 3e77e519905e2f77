/* Flagged rows in words: what cannot be, what is a copy, whom nobody resembles. */
#include <math.h>
#include <string.h>

#include "evidence/html.h"
#include "evidence/tables.h"

enum { ROWS_SHOWN = 12, CELLS_SHOWN = 14 };

typedef struct row_kind {
    const char *flag, *title, *about;
    bool is_real; /* item is a row of train */
} row_kind;

/* A kind of flag: one line here. */
static const row_kind kinds[] = {
    {"rule_broken", "Rows that break a rule of the schema", "What the schema says must hold does not.", false},
    {"found_rule_broken", "Rows that break what always holds in train",
     "Nobody named these rules; every training row obeys them, and these synthetic rows do not.", false},
    {"exact_copy", "Exact copies of training rows",
     "Equal in every compared value. In a table of few, coarse columns some are to be expected; the holdout shows how many.",
     false},
    {"near_copy", "Near copies of training rows", "Nearer to a training row than all but a few unseen real rows are.", false},
    {"never_generated", "Real rows that no synthetic row comes near", "Kinds of persons the generator does not make.", true},
};

static void cells(mnk_text *t, const mnk_table *table, size_t row) {
    size_t shown = 0;
    char b[64];
    for (size_t c = 0; c < table->schema->columns; c++) {
        const mnk_column *k = &table->schema->column[c];
        if (!mnk_column_is_data(k)) continue;
        if (shown == CELLS_SHOWN) {
            mnk_text_add(t, " …");
            return;
        }
        mnk_table_cell(table, c, row, b);
        mnk_html_text(t, "%s%s = %s", shown++ ? ", " : "", k->name, mnk_table_is_missing(table, c, row) ? "missing" : b);
    }
}

static void one_kind(mnk_text *t, const mnk_table_evidence *s, const mnk_synthetic_table *made, const row_kind *kind) {
    size_t n = 0;
    char b[48];
    const mnk_table *table = kind->is_real ? s->train : made->table;
    for (size_t i = 0; i < made->result->flags; i++) n += strcmp(made->result->flag[i].flag, kind->flag) == 0;
    if (!n) return;
    mnk_html_element(t, "h3", NULL, "%s: %s", made->name, kind->title);
    mnk_html_element(t, "p", NULL, "%s flagged. %s", mnk_html_count(n, b), kind->about);
    if (kind->is_real && s->base.hide_real) return;
    mnk_text_add(t, "<div class=\"scroll\"><table><tr><th>row</th><th class=\"t\">why</th><th class=\"t\">values</th></tr>\n");
    size_t shown = 0;
    for (size_t i = 0; i < made->result->flags && shown < ROWS_SHOWN; i++) {
        const mnk_flag *f = &made->result->flag[i];
        if (strcmp(f->flag, kind->flag) != 0 || f->item >= table->n) continue;
        mnk_text_printf(t, "<tr><td>%zu</td><td class=\"t\">", f->item + 1);
        mnk_html_text(t, "%s", f->note);
        if (f->of >= 0 && !kind->is_real && !s->base.hide_real)
            mnk_html_text(t, "%straining row %lld%s%s", *f->note ? "; " : "", (long long)f->of + 1,
                          f->distance > 0 ? ", distance " : "", f->distance > 0 ? mnk_html_number(f->distance, b) : "");
        mnk_text_add(t, "</td><td class=\"t\">");
        cells(t, table, f->item);
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
