/* What a report shows of tables: columns, pairs of columns, missing values, rows in words, ranks. Real beside holdout beside
 * synthetic. Everything is drawn from the tables and results themselves. */
#ifndef MNK_EVIDENCE_TABLES_H
#define MNK_EVIDENCE_TABLES_H

#include "base/json.h"
#include "manikin/result.h"
#include "manikin/table.h"

enum { MNK_SYNTHETIC_MAX = 16, MNK_COLUMNS_SHOWN = 48, MNK_PAIRS_SHOWN = 40 };

typedef struct mnk_synthetic_table {
    const char *name;
    const mnk_table *table;
    const mnk_result *result; /* what the judges say of it; may be NULL */
} mnk_synthetic_table;

/* All on one schema object. */
typedef struct mnk_table_show {
    const mnk_table *train, *holdout; /* holdout may be NULL */
    mnk_synthetic_table synthetic[MNK_SYNTHETIC_MAX];
    size_t n;
    const mnk_result *ranking; /* NULL with one synthetic table */
    bool hide_real;            /* no real row in words */
} mnk_table_show;

/* A chart for every compared column, those that differ most first: outlines for numbers, shares of the commonest levels for
 * codes. */
mnk_status mnk_report_columns(mnk_text *t, const mnk_table_show *s, mnk_error *err) MNK_CHECK;
/* Association of every pair of columns (Cramer's V of the binned columns): train, synthetic, difference. */
mnk_status mnk_report_pairs(mnk_text *t, const mnk_table_show *s, mnk_error *err) MNK_CHECK;
/* Missing values: share by column, and which are missing together. */
mnk_status mnk_report_missing(mnk_text *t, const mnk_table_show *s, mnk_error *err) MNK_CHECK;
/* Flagged rows in words: rules broken, copies, real rows never generated. */
void mnk_report_rows(mnk_text *t, const mnk_table_show *s);
/* Ranks with their ties, and the planes fidelity-diversity and privacy-utility. Works for images too. */
typedef struct mnk_ranked_set {
    const char *name;
    const mnk_result *result;
} mnk_ranked_set;
void mnk_report_ranking(mnk_text *t, const mnk_ranked_set *set, size_t n, const mnk_result *ranking);

#endif
