/* Several synthetic tables on one schema, judged and ranked: what `evaluate` and the audit of rows share. */
#ifndef MNK_CLI_JUDGE_TABLES_H
#define MNK_CLI_JUDGE_TABLES_H

#include "judged.h"
#include "manikin/evaluate_table.h"
#include "manikin/usefulness_table.h"

typedef struct cli_judged_tables {
    mnk_table *train, *holdout; /* holdout may be NULL */
    mnk_synthetic_table synthetic[MNK_SYNTHETIC_MAX];
    mnk_table *table[MNK_SYNTHETIC_MAX];
    cli_judged judged;
} cli_judged_tables;

/* Opens train, then the others on its schema. Partly filled on failure: close in every case. */
mnk_status cli_open_tables(const char *train, const char *holdout, const char *const *synthetic, size_t n,
                           const mnk_table_options *options, const mnk_observer *observer, cli_judged_tables *out,
                           mnk_error *err) MNK_CHECK;
/* Fidelity to fairness of every table, then the ranking. */
mnk_status cli_judge_tables(cli_judged_tables *j, const mnk_table_evaluate_config *evaluate,
                            const mnk_table_models_config *models, const mnk_observer *observer, mnk_error *err) MNK_CHECK;
void cli_close_judged_tables(cli_judged_tables *j);

#endif
