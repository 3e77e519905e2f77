/* Pairs of columns: how strongly they go together, in train and in what was made. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "evidence/html.h"
#include "evidence/svg.h"
#include "evidence/tables.h"
#include "math/stats.h"

enum { BINS = 8, TOP = 12, CODES = 14, ROWS_USED = 20000 };

/* One rule of binning for all tables, fitted on train: numbers by quantiles, codes by their commonest levels; missing is 0. */
typedef struct binning {
    size_t column;
    bool is_number;
    double edge[BINS - 1]; /* ascending */
    int32_t top[TOP];      /* levels with a code of their own */
    int tops;
} binning;

static mnk_status fit_number(const mnk_table *t, binning *b, mnk_error *err) {
    double *x = NULL;
    size_t n = 0;
    MNK_TRY(MNK_NEW(x, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (isfinite(t->number[b->column][i])) x[n++] = t->number[b->column][i];
    for (int k = 0; k < BINS - 1; k++)
        b->edge[k] = k ? mnk_quantile_sorted(x, n, (k + 1) / (double)BINS) : mnk_quantile(x, n, 1 / (double)BINS);
    mnk_free(x);
    return MNK_OK;
}

static mnk_status fit_codes(const mnk_table *t, binning *b, mnk_error *err) {
    size_t levels = t->schema->column[b->column].levels, *count = NULL;
    MNK_TRY(MNK_NEW(count, levels + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (t->code[b->column][i] >= 0) count[t->code[b->column][i]]++;
    for (b->tops = 0; b->tops < TOP; b->tops++) {
        size_t best = 0;
        for (size_t k = 1; k < levels; k++)
            if (count[k] > count[best]) best = k;
        if (!levels || !count[best]) break;
        b->top[b->tops] = (int32_t)best;
        count[best] = 0;
    }
    mnk_free(count);
    return MNK_OK;
}

static uint8_t code_of(const binning *b, const mnk_table *t, size_t row) {
    if (mnk_table_is_missing(t, b->column, row)) return 0;
    if (b->is_number) {
        int k = 0;
        while (k < BINS - 1 && t->number[b->column][row] > b->edge[k]) k++;
        return (uint8_t)(k + 1);
    }
    for (int k = 0; k < b->tops; k++)
        if (t->code[b->column][row] == b->top[k]) return (uint8_t)(k + 1);
    return CODES - 1; /* the others together */
}

/* Cramer's V with the bias correction of Bergsma (2013); NaN where a column has one value only. */
static double cramer(const uint8_t *a, const uint8_t *b, size_t n) {
    double cell[CODES][CODES] = {{0}}, row[CODES] = {0}, column[CODES] = {0}, chi2 = 0;
    int rows = 0, columns = 0;
    for (size_t i = 0; i < n; i++) cell[a[i]][b[i]]++;
    for (int i = 0; i < CODES; i++)
        for (int k = 0; k < CODES; k++) row[i] += cell[i][k], column[k] += cell[i][k];
    for (int i = 0; i < CODES; i++) rows += row[i] > 0, columns += column[i] > 0;
    if (rows < 2 || columns < 2 || n < 2) return NAN;
    for (int i = 0; i < CODES; i++)
        for (int k = 0; k < CODES; k++) {
            double expected = row[i] * column[k] / (double)n;
            if (expected > 0) chi2 += (cell[i][k] - expected) * (cell[i][k] - expected) / expected;
        }
    double m = (double)n - 1, phi2 = fmax(0, chi2 / (double)n - (rows - 1) * (columns - 1) / m);
    double r = rows - (rows - 1) * (rows - 1) / m, c = columns - (columns - 1) * (columns - 1) / m;
    return sqrt(phi2 / (fmin(r, c) - 1));
}

/* v[n*n] of the first ROWS_USED rows of t. */
static mnk_status associations(const mnk_table *t, const binning *b, size_t n, double *v, mnk_error *err) {
    size_t rows = t->n < ROWS_USED ? t->n : ROWS_USED;
    uint8_t *code = NULL;
    MNK_TRY(MNK_NEW(code, n * rows + 1, err));
    for (size_t c = 0; c < n; c++)
        for (size_t i = 0; i < rows; i++) code[c * rows + i] = code_of(&b[c], t, i);
    for (size_t x = 0; x < n; x++)
        for (size_t y = 0; y <= x; y++)
            v[x * n + y] = v[y * n + x] = x == y ? NAN : cramer(code + x * rows, code + y * rows, rows);
    mnk_free(code);
    return MNK_OK;
}

static void square(mnk_text *t, const double *v, const char *const *names, size_t n, const char *title, bool diverging,
                   const char *caption) {
    mnk_svg_frame f = {.title = title, .width = 720, .hi = diverging ? 0.5 : 1};
    mnk_html_figure(t, title);
    mnk_svg_square(t, &f, v, names, n, diverging);
    mnk_html_figure_end(t, caption);
}

mnk_status mnk_report_pairs(mnk_text *t, const mnk_table_evidence *e, mnk_error *err) {
    const mnk_schema *s = e->train->schema;
    binning b[MNK_PAIRS_SHOWN];
    const char *names[MNK_PAIRS_SHOWN];
    double *real = NULL, *made = NULL;
    size_t n = 0, all = 0;
    mnk_status status = MNK_OK;
    mnk_html_section(t, "pairs", "Pairs of columns");
    for (size_t c = 0; c < s->columns; c++) {
        if (!mnk_column_is_data(&s->column[c])) continue;
        all++;
        if (n == MNK_PAIRS_SHOWN) continue;
        b[n] = (binning){.column = c, .is_number = mnk_column_is_number(&s->column[c])};
        names[n] = s->column[c].name;
        MNK_OUT(b[n].is_number ? fit_number(e->train, &b[n], err) : fit_codes(e->train, &b[n], err));
        n++;
    }
    MNK_OUT(MNK_NEW(real, n * n + 1, err));
    MNK_OUT(MNK_NEW(made, n * n + 1, err));
    MNK_OUT(associations(e->train, b, n, real, err));
    if (all > n)
        mnk_html_element(t, "p", "note", "The first %zu of %zu columns are drawn; the judges looked at all pairs.", n, all);
    square(t, real, names, n, "Train: how strongly columns go together", false,
           "Cramér's V of binned columns, corrected for bias: 0 independent, 1 one follows from the other.");
    for (size_t k = 0; k < e->n + (e->holdout != NULL); k++) {
        char title[160];
        const mnk_table *table = k < e->n ? e->synthetic[k].table : e->holdout;
        MNK_OUT(associations(table, b, n, made, err));
        for (size_t i = 0; i < n * n; i++) made[i] -= real[i];
        snprintf(title, sizeof title, "%.100s minus train", k < e->n ? e->synthetic[k].name : "Holdout");
        square(t, made, names, n, title, true,
               k < e->n ? "Orange: an association of train is weaker here. Blue: stronger."
                        : "What chance alone does between two halves of real data.");
    }
out:
    mnk_html_section_end(t);
    mnk_free(real);
    mnk_free(made);
    return status;
}
