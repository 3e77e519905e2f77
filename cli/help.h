/* Overview, help, man pages and shell completions, all from the tables of verbs and options. */
#ifndef MNK_CLI_HELP_H
#define MNK_CLI_HELP_H

#include "cli.h"

void help_start(FILE *out);    /* twelve lines: what it is, three commands to copy, where to read on */
void help_overview(FILE *out); /* every verb by group */
void help_verb(FILE *out, const cli_verb *verb, bool all);
void help_man(FILE *out, const cli_verb *verb); /* troff; NULL: manikin(1) itself */
void help_options_markdown(FILE *out);          /* docs/options.md */
mnk_status help_completion(FILE *out, const char *shell, mnk_error *err) MNK_CHECK;

#endif
