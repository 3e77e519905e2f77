/* Missing values of tables: how many, and which together. */
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "evidence/html.h"
#include "evidence/svg.h"
#include "evidence/tables.h"
#include "math/stats.h"

static size_t missing_in(const mnk_table *t, size_t c) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) n += mnk_table_is_missing(t, c, i);
    return n;
}

/* Compared columns with a missing value anywhere, at most MNK_PAIRS_SHOWN. */
static size_t columns_of(const mnk_table_evidence *s, size_t out[MNK_PAIRS_SHOWN], bool *is_cut) {
    size_t n = 0;
    *is_cut = false;
    for (size_t c = 0; c < s->train->schema->columns; c++) {
        if (!mnk_column_is_data(&s->train->schema->column[c])) continue;
        size_t any = missing_in(s->train, c);
        for (size_t k = 0; k < s->n; k++) any += missing_in(s->synthetic[k].table, c);
        if (!any) continue;
        if (n == MNK_PAIRS_SHOWN) return *is_cut = true, n;
        out[n++] = c;
    }
    return n;
}

static void rates(mnk_text *t, const mnk_table_evidence *s, const size_t *column, size_t n) {
    enum { SETS = MNK_SVG_SERIES_MAX };
    static mnk_svg_point empty;
    mnk_svg_point point[MNK_PAIRS_SHOWN][SETS];
    mnk_svg_row row[MNK_PAIRS_SHOWN];
    const char *names[SETS];
    const mnk_table *table[SETS];
    int sets = 0;
    names[sets] = "train", table[sets++] = s->train;
    if (s->holdout) names[sets] = "holdout", table[sets++] = s->holdout;
    for (size_t k = 0; k < s->n && sets < SETS; k++) names[sets] = s->synthetic[k].name, table[sets++] = s->synthetic[k].table;
    for (size_t i = 0; i < n; i++) {
        row[i] = (mnk_svg_row){s->train->schema->column[column[i]].name, point[i], sets, false};
        for (int k = 0; k < sets; k++) {
            double count = (double)missing_in(table[k], column[i]), rows = (double)table[k]->n;
            point[i][k] = empty;
            point[i][k].series = k;
            point[i][k].value = 100 * count / rows;
            mnk_wilson(count, rows, 0.95, &point[i][k].low, &point[i][k].high);
            point[i][k].low *= 100, point[i][k].high *= 100;
        }
    }
    mnk_svg_frame f = {.title = "Missing values", .x_label = "% of rows without a value", .width = 720};
    mnk_html_figure(t, f.title);
    mnk_svg_intervals(t, &f, row, n, names, sets, NULL, 0);
    mnk_html_figure_end(t, "Share of missing values by column, with 95 % Wilson intervals.");
}

/* Correlation of "is missing" for every pair of columns (phi); NaN where a column is never or always missing. */
static void together(const mnk_table *t, const size_t *column, size_t n, double *phi) {
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b <= a; b++) {
            double na = 0, nb = 0, both = 0, rows = (double)t->n;
            for (size_t i = 0; i < t->n; i++) {
                bool ma = mnk_table_is_missing(t, column[a], i), mb = mnk_table_is_missing(t, column[b], i);
                na += ma, nb += mb, both += ma && mb;
            }
            double spread = sqrt(na * (rows - na) * nb * (rows - nb));
            phi[a * n + b] = phi[b * n + a] = spread > 0 ? (both * rows - na * nb) / spread : NAN;
        }
}

static void square(mnk_text *t, const mnk_table *table, const size_t *column, size_t n, double *phi, const char *const *names,
                   const char *title) {
    together(table, column, n, phi);
    mnk_svg_frame f = {.title = title, .width = 720, .hi = 1};
    mnk_html_figure(t, title);
    mnk_svg_square(t, &f, phi, names, n, true);
    mnk_html_figure_end(t, NULL);
}

mnk_status mnk_report_missing(mnk_text *t, const mnk_table_evidence *s, mnk_error *err) {
    size_t column[MNK_PAIRS_SHOWN];
    const char *names[MNK_PAIRS_SHOWN];
    double *phi = NULL;
    bool is_cut = false;
    size_t n = columns_of(s, column, &is_cut);
    mnk_html_section(t, "missing", "Missing values");
    if (!n) {
        mnk_html_element(t, "p", NULL, "No value is missing, in train or in what was made.");
        mnk_html_section_end(t);
        return MNK_OK;
    }
    MNK_TRY(MNK_NEW(phi, n * n, err));
    for (size_t i = 0; i < n; i++) names[i] = s->train->schema->column[column[i]].name;
    rates(t, s, column, n);
    if (is_cut) mnk_html_element(t, "p", "note", "The first %d columns with missing values are shown.", MNK_PAIRS_SHOWN);
    if (n > 1) {
        char title[128];
        mnk_html_element(t, "h3", NULL, "What is missing together");
        mnk_html_element(t, "p", NULL,
                         "Correlation between \"this value is missing\" and \"that value is missing\": 1 always together, 0 "
                         "independent, -1 never together.");
        square(t, s->train, column, n, phi, names, "train");
        for (size_t k = 0; k < s->n; k++) {
            snprintf(title, sizeof title, "synthetic: %.80s", s->synthetic[k].name);
            square(t, s->synthetic[k].table, column, n, phi, names, title);
        }
    }
    mnk_html_section_end(t);
    mnk_free(phi);
    return MNK_OK;
}
