/* Columns of tables, real beside holdout beside synthetic. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evidence/html.h"
#include "evidence/svg.h"
#include "evidence/tables.h"
#include "math/stats.h"

enum { LEVELS_SHOWN = 12, BINS = 40, SETS = MNK_SVG_SERIES_MAX };

typedef struct shown_set {
    const char *name;
    const mnk_table *table;
} shown_set;

static int sets_of(const mnk_table_evidence *s, shown_set out[SETS]) {
    int n = 0;
    out[n++] = (shown_set){"train", s->train};
    if (s->holdout) out[n++] = (shown_set){"holdout", s->holdout};
    for (size_t i = 0; i < s->n && n < SETS; i++) out[n++] = (shown_set){s->synthetic[i].name, s->synthetic[i].table};
    return n;
}

/* ---- which columns first: those that differ most by what the judges measured ---- */
typedef struct ordered_column {
    size_t column;
    double similarity; /* NaN: not measured */
} ordered_column;

static double similarity_of(const mnk_table_evidence *s, const char *name) {
    static const char *const ids[] = {"ks_complement", "tv_complement"};
    double worst = NAN;
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; s->synthetic[i].result && k < sizeof ids / sizeof *ids; k++) {
            const mnk_metric *m = mnk_result_find_column(s->synthetic[i].result, ids[k], "", "", name);
            if (m && !isnan(m->value) && !(m->value >= worst)) worst = m->value;
        }
    return worst;
}

static int by_similarity(const void *a, const void *b) {
    const ordered_column *x = a, *y = b;
    if (isnan(x->similarity) != isnan(y->similarity)) return isnan(x->similarity) ? 1 : -1;
    if (!isnan(x->similarity) && x->similarity != y->similarity) return x->similarity < y->similarity ? -1 : 1;
    return x->column < y->column ? -1 : 1;
}

/* ---- numbers ---- */

/* The range that holds all but the outermost half per cent of train: one far outlier must not flatten the picture. */
static mnk_status usual_range(const mnk_table *t, size_t c, double *low, double *high, mnk_error *err) {
    double *x = NULL;
    size_t n = 0;
    MNK_TRY(MNK_NEW(x, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (isfinite(t->number[c][i])) x[n++] = t->number[c][i];
    *low = mnk_quantile(x, n, 0.005);
    *high = mnk_quantile_sorted(x, n, 0.995);
    mnk_free(x);
    return MNK_OK;
}

static mnk_status number_chart(mnk_text *t, const shown_set *set, int n, size_t c, const mnk_column *k, mnk_error *err) {
    mnk_svg_sample sample[SETS];
    char axis[160];
    double low = NAN, high = NAN;
    MNK_TRY(usual_range(set[0].table, c, &low, &high, err));
    if (!(high > low)) { /* constant in train, or empty */
        mnk_html_element(t, "p", "note", isnan(low) ? "%s: no value in train." : "%s: constant in train.", k->name);
        return MNK_OK;
    }
    for (int i = 0; i < n; i++) sample[i] = (mnk_svg_sample){set[i].name, set[i].table->number[c], set[i].table->n};
    snprintf(axis, sizeof axis, "%.80s%s%.30s%s", k->name, *k->unit ? ", " : "", k->unit,
             k->type == MNK_COLUMN_DATE ? ", days since 1970" : "");
    double margin = 0.04 * (high - low);
    mnk_svg_frame f = {.title = k->name,
                       .x_label = axis,
                       .y_label = "% of rows",
                       .width = 720,
                       .height = 190,
                       .lo = low - margin,
                       .hi = high + margin};
    mnk_svg_histogram(t, &f, sample, n, BINS);
    return MNK_OK;
}

/* ---- codes ---- */
typedef struct level_count {
    size_t level, count;
} level_count;

static int by_count(const void *a, const void *b) {
    const level_count *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return x->level < y->level ? -1 : 1;
}

static mnk_status count_levels(const mnk_table *t, size_t c, size_t levels, size_t *out, size_t *present) {
    memset(out, 0, (levels + 1) * sizeof *out);
    *present = 0;
    for (size_t i = 0; i < t->n; i++) {
        int32_t k = t->code[c][i];
        if (k < 0 || (size_t)k >= levels) continue;
        out[k]++;
        ++*present;
    }
    return MNK_OK;
}

static mnk_status level_chart(mnk_text *t, const shown_set *set, int n, size_t c, const mnk_column *k, mnk_error *err) {
    mnk_svg_row row[LEVELS_SHOWN + 1];
    mnk_svg_point point[LEVELS_SHOWN + 1][SETS];
    char label[LEVELS_SHOWN + 1][48];
    const char *names[SETS];
    level_count *order = NULL;
    size_t *count = NULL, present = 0, levels = k->levels;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(order, levels + 1, err));
    MNK_OUT(MNK_NEW(count, levels + 1, err));
    MNK_OUT(count_levels(set[0].table, c, levels, count, &present));
    for (size_t i = 0; i < levels; i++) order[i] = (level_count){i, count[i]};
    qsort(order, levels, sizeof *order, by_count);
    size_t shown = levels > LEVELS_SHOWN ? LEVELS_SHOWN : levels, rows = shown + (levels > shown);
    for (size_t r = 0; r < rows; r++) {
        if (r < shown) snprintf(label[r], sizeof label[r], "%.40s", k->level[order[r].level]);
        else snprintf(label[r], sizeof label[r], "%zu others", levels - shown);
        row[r] = (mnk_svg_row){.label = label[r], .point = point[r], .points = n};
    }
    for (int i = 0; i < n; i++) {
        names[i] = set[i].name;
        MNK_OUT(count_levels(set[i].table, c, levels, count, &present));
        double rest = (double)present, total = present ? (double)present : NAN;
        for (size_t r = 0; r < rows; r++) {
            double x = r < shown ? (double)count[order[r].level] : rest;
            rest -= x;
            point[r][i] = (mnk_svg_point){100 * x / total, NAN, NAN, i, {{0, 0}}, 0};
        }
    }
    char axis[160];
    snprintf(axis, sizeof axis, "%.80s: %% of rows with a value", k->name);
    mnk_svg_frame f = {.title = k->name, .x_label = axis, .width = 720};
    mnk_svg_intervals(t, &f, row, rows, names, n, NULL, 0);
out:
    mnk_free(order);
    mnk_free(count);
    return status;
}

mnk_status mnk_report_columns(mnk_text *t, const mnk_table_evidence *s, size_t most, mnk_error *err) {
    const mnk_schema *schema = s->train->schema;
    shown_set set[SETS];
    ordered_column *order = NULL;
    size_t n = 0;
    mnk_status status = MNK_OK;
    int sets = sets_of(s, set);
    mnk_html_section(t, "columns", "Columns");
    MNK_OUT(MNK_NEW(order, schema->columns + 1, err));
    for (size_t c = 0; c < schema->columns; c++)
        if (mnk_column_is_data(&schema->column[c])) order[n++] = (ordered_column){c, similarity_of(s, schema->column[c].name)};
    qsort(order, n, sizeof *order, by_similarity);
    mnk_html_element(t, "p", NULL,
                     "Each column by itself, the least alike first%s. Numbers are cut at the outermost half per cent of train.",
                     n > most ? "; the rest stand in the tables" : "");
    for (size_t i = 0; i < n && i < most; i++) {
        const mnk_column *k = &schema->column[order[i].column];
        char title[192], b[48];
        if (isnan(order[i].similarity)) snprintf(title, sizeof title, "%.120s", k->name);
        else snprintf(title, sizeof title, "%.120s (similarity %s)", k->name, mnk_html_number(order[i].similarity, b));
        mnk_html_figure(t, title);
        MNK_OUT(mnk_column_is_number(k) ? number_chart(t, set, sets, order[i].column, k, err)
                                        : level_chart(t, set, sets, order[i].column, k, err));
        mnk_html_figure_end(t, NULL);
    }
out:
    mnk_html_section_end(t);
    mnk_free(order);
    return status;
}
