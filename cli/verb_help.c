/* manikin help [COMMAND | man [COMMAND] | markdown], manikin completion SHELL */
#include <string.h>

#include "args.h"
#include "help.h"

static mnk_status find(int n, const char *const *words, const cli_verb **verb, mnk_error *err) {
    char *argv[2] = {(char *)words[0], n > 1 ? (char *)words[1] : NULL};
    int used = 0;
    return args_find_verb(n > 2 ? 2 : n, argv, verb, &used, err);
}

static mnk_status run_help(cli_context *c, mnk_error *err) {
    const cli_verb *verb = NULL;
    if (c->operands == 0) help_overview(stdout);
    else if (!strcmp(c->operand[0], "markdown")) help_options_markdown(stdout);
    else if (!strcmp(c->operand[0], "man")) {
        if (c->operands > 1) MNK_TRY(find(c->operands - 1, c->operand + 1, &verb, err));
        help_man(stdout, verb);
    } else {
        MNK_TRY(find(c->operands, c->operand, &verb, err));
        help_verb(stdout, verb, true);
    }
    return MNK_OK;
}

const cli_verb cli_verb_help = {
    .name = "help",
    .group = "help",
    .summary = "explain a command, or list them all",
    .operands = "[COMMAND | man [COMMAND] | markdown]",
    .max_operands = 3,
    .examples = "  manikin help train gan            one command with all its options\n"
                "  manikin help man train gan | man -l -\n",
    .run = run_help,
};

static mnk_status run_completion(cli_context *c, mnk_error *err) { return help_completion(stdout, c->operand[0], err); }

const cli_verb cli_verb_completion = {
    .name = "completion",
    .group = "help",
    .summary = "print a shell completion script",
    .operands = "bash|zsh|fish",
    .min_operands = 1,
    .max_operands = 1,
    .examples = "  manikin completion bash > ~/.local/share/bash-completion/completions/manikin\n",
    .run = run_completion,
};
