/* Command line -> verb and configuration, from the option tables alone. */
#ifndef MNK_CLI_ARGS_H
#define MNK_CLI_ARGS_H

#include "cli.h"

typedef enum args_help { ARGS_RUN, ARGS_HELP_SHORT, ARGS_HELP_LONG } args_help;

typedef struct args_parsed {
    const cli_verb *verb;
    cli_common common;
    void *config;         /* released with mnk_free */
    const char **operand; /* released with mnk_free */
    int operands;
    args_help help;
    struct mnk_arena *strings; /* what --config brought; closed with mnk_arena_close */
} args_parsed;

extern const mnk_option cli_common_options[];

/* True when the verb takes this common option (quiet, verbose, no-color and config are everybody's). */
bool args_common_applies(const cli_verb *verb, const mnk_option *option);

/* The verb named by the first one or two words; *words says how many. Fails with a suggestion. */
mnk_status args_find_verb(int argc, char **argv, const cli_verb **verb, int *words, mnk_error *err) MNK_CHECK;

/* The verb's sibling for tables when a word after the verb names a table, else the verb itself. */
const cli_verb *args_for_data(const cli_verb *verb, int argc, char **argv);

/* Parses argv after the verb's words. */
mnk_status args_parse(const cli_verb *verb, int argc, char **argv, args_parsed *out, mnk_error *err) MNK_CHECK;
void args_clear(args_parsed *a);

#endif
