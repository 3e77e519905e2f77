/* The judge of synthetic tables: fidelity, diversity, authenticity, copies, rows that cannot be. docs/methods/table-metrics.md
 * has every formula. */
#ifndef MANIKIN_EVALUATE_TABLE_H
#define MANIKIN_EVALUATE_TABLE_H

#include "manikin/observer.h"
#include "manikin/result.h"
#include "manikin/table.h"

typedef struct mnk_table_evaluate_config {
    uint64_t seed;        /* not in the table: --seed is common to all commands */
    int compat;           /* 0 none, 1 synthcity, 2 authors, 3 both, 4 sdmetrics, 5 mostlyai, 6 all */
    int64_t neighbours;   /* k of precision, recall, density, coverage, and of the manifold of the audit */
    int64_t max_items;    /* at most this many rows a set in the neighbour comparisons at equal n */
    int64_t replicates;   /* of the bootstrap; 0: no intervals from it */
    double level;         /* of the intervals */
    bool by_class;        /* also every class of the label, where the label has classes */
    double near_share;    /* a near copy is nearer to train than all but this share of the holdout rows */
    int64_t never_shown;  /* flag at most this many real rows as never generated */
    int64_t pairs;        /* at most this many pairs of columns; a random choice beyond */
    int64_t triples;      /* at most this many triples of columns in the 3-way accuracy */
    int64_t permutations; /* behind the p-value of mmd2; 0: no p-value */
    int64_t mmd_items;    /* at most this many rows a set in mmd2 (memory: 32 bytes times its square) */
    int64_t shown;        /* the worst pairs of columns named in the result */
    bool find_rules;      /* look for what always holds in train and flag the synthetic rows that break it */
    int64_t rows_shown;   /* flag at most this many rows for each broken rule */
} mnk_table_evaluate_config;

/* The defaults of its options (the table itself is in evaluate/table/config.h). */
MNK_API void mnk_table_evaluate_defaults(mnk_table_evaluate_config *config);

/* Bytes that a judgement needs beyond the tables themselves, before it starts: O(rows x columns). */
MNK_API size_t mnk_evaluate_tables_bytes(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                                         const mnk_table_evaluate_config *config);

/* Judges `synthetic` against `train`, with `holdout` (real rows never used to generate; may be NULL: allowed and warned of).
 * The three share one schema object. Everything at once: overall, by column, the worst pairs, by class, flags, warnings.
 * Refused: different schemas, no column to compare, fewer than neighbours+2 rows in a set, infinite numbers (row and column
 * named), more memory than there is. *out is closed by the caller with mnk_result_close. Same numbers for any number of
 * threads. Flags: exact_copy, near_copy (of: train row), rule_broken, found_rule_broken (note: what, in words),
 * never_generated (item: train row, of: nearest synthetic row). */
MNK_API mnk_status mnk_evaluate_tables(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                                       const mnk_table_evaluate_config *config, const mnk_observer *observer, mnk_result **out,
                                       mnk_error *err) MNK_CHECK;

/* ---- the same in parts: subgroups for fairness, several subsets on one encoding ---- */

typedef struct mnk_table_judge mnk_table_judge;

/* Some rows of every set: a class, a subgroup, a pair of subgroups. Row i takes part when mask[i] is not 0; a NULL mask takes
 * all rows of that set. */
typedef struct mnk_table_rows {
    const char *name;     /* stands as the subset of every metric; "" for all */
    const uint8_t *train; /* [n] */
    const uint8_t *holdout;
    const uint8_t *synthetic;
    uint32_t stream; /* number of this subset among those the caller makes: its random rows; 0 is taken by "all" */
} mnk_table_rows;

typedef enum mnk_table_part {
    MNK_TABLE_MARGINALS = 1,  /* columns, pairs, coverage, binned accuracy */
    MNK_TABLE_NEIGHBOURS = 2, /* precision … authenticity, Frechet distance, kernel distance */
    MNK_TABLE_MMD = 4,
    MNK_TABLE_COLUMNS = 8, /* with MARGINALS: also a row for every column and for the worst pairs */
    MNK_TABLE_FIDELITY = MNK_TABLE_MARGINALS | MNK_TABLE_NEIGHBOURS | MNK_TABLE_MMD
} mnk_table_part;

/* Checks the tables, fits the encoding on train and makes the floor (train with independently shuffled columns). The tables
 * must live as long as the judge. */
MNK_API mnk_status mnk_table_judge_open(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                                        const mnk_table_evaluate_config *config, const mnk_observer *observer,
                                        mnk_table_judge **out, mnk_error *err) MNK_CHECK;
MNK_API void mnk_table_judge_close(mnk_table_judge *j);
/* Adds the metrics of `parts` (bits of mnk_table_part) for some rows (NULL: all) to r. A subset of fewer than neighbours+2 rows
 * in train or synthetic gets rows of value NaN whose note says so. */
MNK_API mnk_status mnk_table_judge_run(mnk_table_judge *j, const mnk_table_rows *rows, unsigned parts, mnk_result *r,
                                       mnk_error *err) MNK_CHECK;

#endif
