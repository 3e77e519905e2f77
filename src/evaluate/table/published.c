/* What SDMetrics and mostlyai-qa print, under their own ids: docs/methods/table-metrics.md, "Published variants". */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/table/config.h"
#include "evaluate/table/families.h"

static const char note_text[] = "as the published program computes it";

static mnk_status add(const mnk_table_view *v, const char *id, const mnk_score *score, mnk_error *err) {
    const mnk_scale scale = {id, "compat", 0, 1};
    if (isnan(score->value[MNK_ROLE_SYNTHETIC])) return MNK_OK;
    return mnk_score_add(v->result, &scale, "", v->subset, score, v->sets->config->level, note_text, err);
}

static void clear(mnk_score *s) { *s = (mnk_score){.value = {NAN, NAN, NAN, NAN}, .expected = NAN, .variance = NAN}; }

/* Means over both lists' units together: a mean of means weighted by how many have a value. */
static void pool(const mnk_score *a, size_t na, const mnk_score *b, size_t nb, mnk_score *out) {
    clear(out);
    for (int role = 0; role < MNK_ROLES; role++) {
        double sum = 0, n = 0;
        for (size_t k = 0; k < na; k++)
            if (!isnan(a[k].value[role])) sum += a[k].value[role], n++;
        for (size_t k = 0; k < nb; k++)
            if (!isnan(b[k].value[role])) sum += b[k].value[role], n++;
        if (n > 0) out->value[role] = sum / n;
    }
    out->n = na ? a[0].n : nb ? b[0].n : 0;
}

static bool is_level(const mnk_table_sets *s, const mnk_tuple *t) { return !mnk_sets_is_number(s, t->column[0]); }

/* The figures of all tuples that `takes` accepts, from cells. */
static mnk_status run_cells(const mnk_table_view *v, mnk_cells *cells, bool (*takes)(const mnk_table_sets *, const mnk_tuple *),
                            size_t most, mnk_score **score, size_t *units, mnk_score *mean, mnk_error *err) {
    mnk_tuple *tuple = NULL;
    bool is_sample = false;
    mnk_status status = MNK_OK;
    *units = 0;
    clear(mean);
    MNK_OUT(mnk_tuples_list(v->sets, cells->ways, most, takes, &tuple, units, &is_sample, err));
    cells->tuple = tuple;
    mnk_cells_fit(cells, *units, MNK_MOST_CELLS);
    MNK_OUT(MNK_NEW(*score, *units, err));
    const mnk_family f = {*units, mnk_cells_unit, cells, mnk_cells_scratch(cells, v->sets), false};
    if (*units) MNK_OUT(mnk_family_run(&f, v->sets, *score, mean, err));
out:
    mnk_free(tuple);
    return status;
}

/* ---- SDMetrics: KSComplement, TVComplement, their mean "Column Shapes" ---- */

static mnk_status shapes(const mnk_table_view *v, mnk_score *all, mnk_error *err) {
    const mnk_table_sets *s = v->sets;
    const mnk_ks_ctx ctx = {&v->orders, true};
    const mnk_family ks = {s->columns, mnk_ks_unit, &ctx, 0, false};
    mnk_cells cells = {.binned = &v->levels, .ways = 1, .drop_missing = true, .unseen = 1e-6, .decimals = -1};
    mnk_score *numbers = NULL, *levels = NULL, mean;
    size_t units = 0;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(numbers, s->columns, err));
    MNK_OUT(mnk_family_run(&ks, s, numbers, &mean, err));
    MNK_OUT(add(v, "sdmetrics.ks_complement", &mean, err));
    MNK_OUT(run_cells(v, &cells, is_level, s->columns, &levels, &units, &mean, err));
    MNK_OUT(add(v, "sdmetrics.tv_complement", &mean, err));
    pool(numbers, s->columns, levels, units, all);
    MNK_OUT(add(v, "sdmetrics.column_shapes", all, err));
out:
    mnk_free(numbers);
    mnk_free(levels);
    return status;
}

/* ---- CorrelationSimilarity, ContingencySimilarity, their mean "Column Pair Trends" ---- */

static mnk_status trends(const mnk_table_view *v, mnk_score *all, mnk_error *err) {
    const mnk_table_sets *s = v->sets;
    mnk_cells cells = {.binned = &v->levels, .ways = 2, .decimals = -1};
    mnk_tuple *tuple = NULL;
    mnk_score *numbers = NULL, *mixed = NULL, mean;
    size_t pairs = 0, units = 0;
    bool is_sample = false;
    mnk_status status = MNK_OK;
    clear(&mean);
    MNK_OUT(mnk_tuples_list(s, 2, MNK_MOST_PAIRS, mnk_tuple_of_numbers, &tuple, &pairs, &is_sample, err));
    const mnk_pair_ctx ctx = {&v->orders, tuple, true};
    const mnk_family pearson = {pairs, mnk_pearson_unit, &ctx, 0, false};
    MNK_OUT(MNK_NEW(numbers, pairs, err));
    if (pairs) MNK_OUT(mnk_family_run(&pearson, s, numbers, &mean, err));
    MNK_OUT(add(v, "sdmetrics.correlation_similarity", &mean, err));
    MNK_OUT(run_cells(v, &cells, mnk_tuple_with_level, MNK_MOST_PAIRS, &mixed, &units, &mean, err));
    mean.expected = NAN;
    MNK_OUT(add(v, "sdmetrics.contingency_similarity", &mean, err));
    pool(numbers, pairs, mixed, units, all);
    MNK_OUT(add(v, "sdmetrics.column_pair_trends", all, err));
out:
    mnk_free(tuple);
    mnk_free(numbers);
    mnk_free(mixed);
    return status;
}

static mnk_status coverages(const mnk_table_view *v, mnk_error *err) {
    static const char *const id[2] = {"sdmetrics.range_coverage", "sdmetrics.category_coverage"};
    mnk_score score[2];
    clear(&score[0]);
    clear(&score[1]);
    for (int role = 0; role < MNK_ROLES; role++) {
        double mean[2];
        if (!v->sets->table[role]) continue;
        MNK_TRY(mnk_coverage_means(v, role, mean, err));
        score[0].value[role] = mean[0], score[1].value[role] = mean[1];
    }
    for (int k = 0; k < 2; k++) {
        score[k].n = mnk_sets_n(v->sets, MNK_ROLE_SYNTHETIC);
        MNK_TRY(add(v, id[k], &score[k], err));
    }
    return MNK_OK;
}

static mnk_status adherences(const mnk_table_view *v, mnk_error *err) {
    static const char *const id[3] = {"sdmetrics.boundary_adherence", "sdmetrics.category_adherence",
                                      "sdmetrics.missing_value_similarity"};
    const mnk_table_sets *s = v->sets;
    const mnk_adherence_ctx ctx = {&v->orders, true};
    const mnk_family f[3] = {{s->columns, mnk_boundary_unit, &ctx, 0, false},
                             {s->columns, mnk_category_unit, &ctx, mnk_category_scratch(s), false},
                             {s->columns, mnk_missing_unit, NULL, 0, false}};
    for (int k = 0; k < 3; k++) {
        mnk_score mean;
        MNK_TRY(mnk_family_run(&f[k], s, NULL, &mean, err));
        MNK_TRY(add(v, id[k], &mean, err));
    }
    return MNK_OK;
}

static mnk_status sdmetrics(const mnk_table_view *v, mnk_error *err) {
    mnk_score both[2], quality;
    MNK_TRY(shapes(v, &both[0], err));
    MNK_TRY(trends(v, &both[1], err));
    clear(&quality);
    for (int role = 0; role < MNK_ROLES; role++) quality.value[role] = (both[0].value[role] + both[1].value[role]) / 2;
    quality.n = both[0].n;
    MNK_TRY(add(v, "sdmetrics.quality_score", &quality, err));
    MNK_TRY(coverages(v, err));
    return adherences(v, err);
}

/* ---- mostlyai-qa ---- */

static mnk_status mostlyai(const mnk_table_view *v, mnk_error *err) {
    static const char *const id[3] = {"mostlyai.accuracy_univariate", "mostlyai.accuracy_bivariate",
                                      "mostlyai.accuracy_trivariate"};
    const size_t most[3] = {v->sets->columns, MNK_MOST_PAIRS, 10000};
    mnk_score overall = {.variance = NAN};
    double parts = 0;
    for (int k = 0; k < 3; k++) {
        mnk_cells cells = {.binned = &v->top, .ways = k + 1, .decimals = 5};
        mnk_score *score = NULL, mean;
        size_t units = 0;
        mnk_status status = run_cells(v, &cells, NULL, most[k], &score, &units, &mean, err);
        mnk_free(score);
        MNK_TRY(status);
        if (isnan(mean.value[MNK_ROLE_SYNTHETIC])) continue;
        MNK_TRY(add(v, id[k], &mean, err));
        for (int role = 0; role < MNK_ROLES; role++) overall.value[role] += mean.value[role];
        overall.expected += mean.expected;
        overall.n = mean.n;
        parts++;
    }
    for (int role = 0; role < MNK_ROLES; role++) overall.value[role] /= parts;
    overall.expected /= parts;
    return add(v, "mostlyai.accuracy_overall", &overall, err);
}

mnk_status mnk_table_published(const mnk_table_view *v, unsigned compat, mnk_error *err) {
    if (compat & MNK_COMPAT_SDMETRICS) MNK_TRY(sdmetrics(v, err));
    if (compat & MNK_COMPAT_MOSTLYAI) MNK_TRY(mostlyai(v, err));
    return MNK_OK;
}
