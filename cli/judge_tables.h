/* Several synthetic tables on one schema, judged and ranked: what `evaluate` and the audit of rows share. */
#ifndef MNK_CLI_JUDGE_TABLES_H
#define MNK_CLI_JUDGE_TABLES_H

#include <stdio.h>

#include "manikin/evaluate_table.h"
#include "manikin/evidence_table.h"
#include "manikin/usefulness_table.h"

typedef struct cli_judged_tables {
    mnk_table *train, *holdout; /* holdout may be NULL */
    mnk_synthetic_table synthetic[MNK_SYNTHETIC_MAX];
    char name[MNK_SYNTHETIC_MAX][64]; /* unique: the file's name, numbered where two are equal */
    mnk_table *table[MNK_SYNTHETIC_MAX];
    mnk_result *result[MNK_SYNTHETIC_MAX], *ranking;
    size_t n;
} cli_judged_tables;

/* Opens train, then the others on its schema. Partly filled on failure: close in every case. */
mnk_status cli_open_tables(const char *train, const char *holdout, const char *const *synthetic, size_t n,
                           const mnk_table_options *options, const mnk_observer *observer, cli_judged_tables *out,
                           mnk_error *err) MNK_CHECK;
/* Fidelity to fairness of every table, then the ranking. */
mnk_status cli_judge_tables(cli_judged_tables *j, const mnk_table_evaluate_config *evaluate,
                            const mnk_table_models_config *models, const mnk_observer *observer, mnk_error *err) MNK_CHECK;
/* One result as it is; several as {"format": "manikin-results", "results": {name: result}, "ranking": result}. */
mnk_status cli_write_judged(const cli_judged_tables *j, const char *path, bool force, mnk_error *err) MNK_CHECK;
void cli_print_judged(const cli_judged_tables *j, FILE *out, bool colour);
void cli_close_judged(cli_judged_tables *j);

#endif
