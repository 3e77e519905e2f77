/* The program: a table of verbs. Each verb names the option tables of the library objects it fills and one function. */
#ifndef MNK_CLI_H
#define MNK_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/options.h"
#include "manikin/observer.h"

/* What every verb understands. */
typedef struct cli_common {
    int64_t seed, threads;
    const char *out, *json;
    bool force, quiet, verbose, no_color;
} cli_common;

typedef struct cli_context {
    cli_common common;
    const struct cli_verb *verb;
    int operands;
    const char *const *operand;
    void *config;                 /* the verb's struct, defaults and flags applied */
    const mnk_observer *observer; /* progress line, log and Ctrl-C, as the terminal allows */
    bool colour;                  /* stdout is a terminal that wants colour */
} cli_context;

typedef struct cli_verb {
    const char *name;               /* "train gan": one or two words */
    const char *group;              /* heading in the overview: start, data, make, judge, show, help */
    const char *summary;            /* one line */
    const char *operands;           /* "DATA", "MODEL" … as shown in the usage line */
    int min_operands, max_operands; /* max -1: any number */
    const char *uses;               /* which common options apply: any of "seed threads out json force" */
    const mnk_option *table;        /* own options, filled into a struct of config_size bytes; NULL for none */
    size_t config_size;
    const char *examples; /* lines of "command    # what it does" */
    mnk_status (*run)(cli_context *c, mnk_error *err);
    const struct cli_verb *for_tables; /* the same command where the data are tables, with options of its own; NULL: none */
} cli_verb;

extern const cli_verb *const cli_verbs[]; /* NULL-terminated, in the order of work */

/* stdout: "next: manikin sample model -n 1000 -o synthetic/", left out with -q. */
void cli_next(const cli_context *c, const char *fmt, ...) MNK_PRINTF(2, 3);

#endif
