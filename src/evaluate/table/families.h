/* The metric families of one set of tables; each adds its rows to the result. */
#ifndef MNK_EVALUATE_TABLE_FAMILIES_H
#define MNK_EVALUATE_TABLE_FAMILIES_H

#include "evaluate/table/bins.h"
#include "evaluate/table/cells.h"
#include "evaluate/table/score.h"

/* What the families share, made once for one set of tables. */
typedef struct mnk_table_view {
    const mnk_table_sets *sets;
    const char *subset;
    bool by_column; /* rows for every column and the worst pairs, beside the means */
    mnk_orders orders;
    mnk_binned levels, top;
    mnk_result *result;
} mnk_table_view;
mnk_status mnk_table_view_open(const mnk_table_sets *s, const char *subset, bool by_column, mnk_result *r, mnk_table_view *out,
                               mnk_error *err) MNK_CHECK;
void mnk_table_view_close(mnk_table_view *v);

/* ks_complement, wasserstein (numbers), tv_complement (levels), js_distance (all) */
mnk_status mnk_table_columns(const mnk_table_view *v, mnk_error *err) MNK_CHECK;
/* correlation_similarity, rank_correlation_similarity (pairs of numbers), contingency_similarity (pairs with a level) */
mnk_status mnk_table_pairs(const mnk_table_view *v, mnk_error *err) MNK_CHECK;
/* binned_accuracy_1, _2, _3 */
mnk_status mnk_table_accuracy(const mnk_table_view *v, mnk_error *err) MNK_CHECK;
/* range_coverage, category_coverage, missing_similarity, missing_coverage, boundary_adherence, category_adherence */
mnk_status mnk_table_coverage(const mnk_table_view *v, mnk_error *err) MNK_CHECK;
/* missing_pairs_similarity: do columns miss together as they do in train? */
mnk_status mnk_table_missing_pairs(const mnk_table_view *v, mnk_error *err) MNK_CHECK;
/* visit_counts, visit_gaps, agreement_1, agreement_2: tables of several rows a person, seen person by person */
mnk_status mnk_table_persons(const mnk_table_view *v, mnk_error *err) MNK_CHECK;
/* mmd2 on the points of some rows; `partition` as in mnk_judge */
mnk_status mnk_table_mmd(const mnk_judge *j, const mnk_table_sets *s, const mnk_subset *subset, mnk_error *err) MNK_CHECK;
/* sdmetrics.* and mostlyai.* */
mnk_status mnk_table_published(const mnk_table_view *v, unsigned compat, mnk_error *err) MNK_CHECK;

/* Runs a family and adds its mean, and a row for every unit (by_column) or the `worst` of them (SIZE_MAX: all). The list of
 * units gives their columns: NULL numbers them as columns themselves. */
mnk_status mnk_family_report(const mnk_table_view *v, const mnk_family *f, const mnk_scale *scale, const mnk_tuple *tuple,
                             int ways, size_t worst, const char *note, mnk_error *err) MNK_CHECK;

/* Unit functions, for tests and for the published variants. ctx is a mnk_table_view's part as named. */
typedef struct mnk_pair_ctx {
    const mnk_orders *orders;
    const mnk_tuple *tuple;
    bool skips; /* as published: a set without an estimable correlation has no figure. Ours: its correlation counts as 0 */
} mnk_pair_ctx;
typedef struct mnk_ks_ctx {
    const mnk_orders *orders;
    bool skips; /* as published: a set without a value has no figure. Ours: 0 */
} mnk_ks_ctx;
void mnk_ks_unit(const void *ks_ctx, const mnk_table_sets *s, size_t c, void *scratch, mnk_score *score,
                 const mnk_influence *influence);
void mnk_pearson_unit(const void *pair_ctx, const mnk_table_sets *s, size_t pair, void *scratch, mnk_score *score,
                      const mnk_influence *influence);
/* Means over columns of one set's range and category coverage; NaN where there is no such column. */
mnk_status mnk_coverage_means(const mnk_table_view *v, int role, double out[2], mnk_error *err) MNK_CHECK;
typedef struct mnk_adherence_ctx {
    const mnk_orders *orders;
    bool counts_missing; /* as published: where train is never missing a missing value does not adhere. Ours: not counted */
} mnk_adherence_ctx;
void mnk_boundary_unit(const void *adherence_ctx, const mnk_table_sets *s, size_t c, void *scratch, mnk_score *score,
                       const mnk_influence *influence);
void mnk_category_unit(const void *adherence_ctx, const mnk_table_sets *s, size_t c, void *scratch, mnk_score *score,
                       const mnk_influence *influence);
size_t mnk_category_scratch(const mnk_table_sets *s);
void mnk_missing_unit(const void *unused, const mnk_table_sets *s, size_t c, void *scratch, mnk_score *score,
                      const mnk_influence *influence);

bool mnk_tuple_of_numbers(const mnk_table_sets *s, const mnk_tuple *t);
bool mnk_tuple_with_level(const mnk_table_sets *s, const mnk_tuple *t);

enum { MNK_MOST_PAIRS = 20000, MNK_MOST_CELLS = 1 << 22 };

#endif
