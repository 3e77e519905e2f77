/* Subgroups of a table: who they are, and a driver that runs any judge for each of them. Usefulness by subgroup comes with
 * mnk_table_usefulness (manikin/usefulness_table.h). Ids, thresholds, formulas: docs/methods/fairness.md. */
#ifndef MANIKIN_FAIRNESS_H
#define MANIKIN_FAIRNESS_H

#include "manikin/evaluate_table.h"

/* A level of one SUBGROUP column ("sex=male"), or of a pair of them ("sex=male & race=black"). Columns of numbers are cut at
 * the quartiles of train ("age<52", "age 52 to 63"). Missing is no subgroup. */
typedef struct mnk_subgroup {
    char name[64];
    size_t column[2]; /* in the schema; the second only where pair */
    bool pair;
    uint32_t number; /* 1, 2, … in the order made: a stream of random numbers of its own */
} mnk_subgroup;

typedef struct mnk_subgroups mnk_subgroups;

/* Those with at least one row in train: first of single columns, then of pairs of columns. At most 20 levels of a column and
 * 300 subgroups; *truncated (may be NULL) says when more were left out. No SUBGROUP column: none. */
MNK_API mnk_status mnk_subgroups_open(const mnk_table *train, bool pairs, mnk_subgroups **out, bool *truncated,
                                      mnk_error *err) MNK_CHECK;
MNK_API void mnk_subgroups_close(mnk_subgroups *s);
MNK_API size_t mnk_subgroups_count(const mnk_subgroups *s);
MNK_API const mnk_subgroup *mnk_subgroups_at(const mnk_subgroups *s, size_t k);
/* mask[i] = 1 where row i of t (any table of the same schema) belongs to subgroup k; returns how many do. */
MNK_API size_t mnk_subgroups_mask(const mnk_subgroups *s, size_t k, const mnk_table *t, uint8_t *mask);

/* One subgroup's rows in up to three tables; a NULL table has a NULL mask. */
typedef struct mnk_subgroup_rows {
    const mnk_subgroup *group;
    const uint8_t *train, *holdout, *synthetic; /* [n] each */
    size_t train_n, holdout_n, synthetic_n;
} mnk_subgroup_rows;
typedef mnk_status mnk_subgroup_f(void *ctx, const mnk_subgroup_rows *rows, mnk_error *err);

/* Calls f for every subgroup in turn, until one fails: the way to judge fidelity by subgroup (fill mnk_table_rows of
 * evaluate_table.h from `rows`, with group->number as its stream). holdout may be NULL. */
MNK_API mnk_status mnk_subgroups_each(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic, bool pairs,
                                      mnk_subgroup_f *f, void *ctx, mnk_error *err) MNK_CHECK;

/* Fidelity, diversity and authenticity (the marginal and neighbour parts of evaluate_table.h) of every subgroup and pair of
 * subgroups, subset = its name, and rows worst_subgroup.<id> of group "fairness". To bound the cost, at most 2,000 rows of a
 * subgroup (evenly spaced), 1,000 in the neighbour comparisons, 200 replicates, 100 triples. Subgroups of fewer than
 * neighbours + 2 rows get NaN with a note. Nothing is added where the schema names no subgroup column. */
MNK_API mnk_status mnk_table_fidelity_by_subgroup(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                                                  const mnk_table_evaluate_config *config, const mnk_observer *observer,
                                                  mnk_result *r, mnk_error *err) MNK_CHECK;

#endif
