/* What `audit-gate` and `sample --keep` say of the items that fall. */
#ifndef MNK_CLI_KEEP_H
#define MNK_CLI_KEEP_H

#include "cli.h"
#include "manikin/keep.h"

#define CLI_KEEP_HELP "what an item must be: authentic, alpha=A, inside, no-copy, distance>=D, separated by commas"

/* stdout: how many are kept and how many fall by each word; items: "images", "rows". */
void cli_keep_print(const mnk_keep *k, const mnk_keep_report *r, const char *items);

/* Every figure before and after; rows of mnk_keep_effect. */
void cli_keep_print_effect(const mnk_result *r);

/* The result of a gate: inputs of `before`, counts, what it does (after NULL: too few are left to judge), dropped items as
 * flags whose note names the words they fail. before NULL: no effect was asked for. */
mnk_status cli_keep_result(const mnk_keep *k, const mnk_audit *a, const mnk_keep_report *r, const mnk_result *before,
                           const mnk_result *after, uint64_t seed, double level, mnk_result **out, mnk_error *err) MNK_CHECK;

/* Which rows are kept; nothing kept is refused, with the word that most fall by. row: released with mnk_free. */
mnk_status cli_keep_choose(const mnk_keep *k, const mnk_audit *a, size_t **row, mnk_keep_report *r, mnk_error *err) MNK_CHECK;

#endif
