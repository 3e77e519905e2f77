/* Several synthetic sets judged against the same real data: their names, results and ranking. For images and tables. */
#ifndef MNK_CLI_JUDGED_H
#define MNK_CLI_JUDGED_H

#include <stdio.h>

#include "cli.h"
#include "manikin/evidence_table.h"

typedef struct cli_judged {
    char name[MNK_SYNTHETIC_MAX][64];                /* unique: the file's name, numbered where two are equal */
    mnk_result *result[MNK_SYNTHETIC_MAX], *ranking; /* ranking: NULL with one set */
    size_t n;
} cli_judged;

/* USAGE without train or a synthetic set, or with too many; INPUT when --json FILE or `report` exists already: said before the
 * work, not after it. what: "sets", "tables". example: a whole command. */
mnk_status cli_judged_check(const cli_context *c, const char *train, const mnk_option_list *synthetic, const char *report,
                            const char *what, const char *example, mnk_error *err) MNK_CHECK;
mnk_status cli_refuse_existing(const char *path, bool force, mnk_error *err) MNK_CHECK;
/* Names set j->n after its path and counts it. */
void cli_judged_add(cli_judged *j, const char *path);
/* A synthetic set that has the hash of train or of the holdout is that set, whatever it is called: a warning in its result. */
void cli_judged_warn_same(cli_judged *j, size_t i, const char *hash, const char *train, const char *holdout);
/* Ranks two results and more; nothing with one. */
mnk_status cli_judged_rank(cli_judged *j, double level, uint64_t seed, mnk_error *err) MNK_CHECK;
/* One result as it is; several as {"format": "manikin-results", "results": {name: result}, "ranking": result}. */
mnk_status cli_judged_write(const cli_judged *j, const char *path, bool force, mnk_error *err) MNK_CHECK;
void cli_judged_print(const cli_judged *j, FILE *out, bool colour);
void cli_judged_close(cli_judged *j);

#endif
