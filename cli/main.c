#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "help.h"
#include "terminal.h"

static int run_verb(args_parsed *a, mnk_error *err) {
    cli_context context = {.common = a->common,
                           .verb = a->verb,
                           .operands = a->operands,
                           .operand = a->operand,
                           .config = a->config,
                           .observer = terminal_observer(&a->common),
                           .colour = terminal_colour(stdout, a->common.no_color)};
    mnk_threads_set((int)a->common.threads);
    mnk_status status = a->verb->run(&context, err);
    terminal_finish();
    if (status == MNK_OK && (fflush(stdout) != 0 || ferror(stdout)))
        status = MNK_FAIL(err, MNK_ERR_IO, "cannot write the result to standard output");
    if (status != MNK_OK) {
        if (err->code == MNK_OK) (void)MNK_FAIL(err, status, "%s failed", a->verb->name); /* never fail without a word */
        terminal_error(err, a->common.no_color, a->common.verbose);
    }
    return mnk_status_exit_code(status);
}

int main(int argc, char **argv) {
    mnk_error err = MNK_ERROR_INIT;
    if (sodium_init() < 0) {
        fputs("manikin: error: the system gives no random numbers\n", stderr);
        return 1;
    }
    if (argc < 2) return help_start(stdout), 0;
    if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) return help_overview(stdout), 0;
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) return printf("manikin %s\n", MNK_VERSION), 0;
    const cli_verb *verb = NULL;
    int words = 0;
    args_parsed a = {0};
    mnk_status status = args_find_verb(argc - 1, argv + 1, &verb, &words, &err);
    if (status == MNK_OK)
        status =
            args_parse(args_for_data(verb, argc - 1 - words, argv + 1 + words), argc - 1 - words, argv + 1 + words, &a, &err);
    int code = 0;
    if (a.help != ARGS_RUN) help_verb(stdout, verb, a.help == ARGS_HELP_LONG);
    else if (status != MNK_OK) {
        terminal_error(&err, false, false);
        code = mnk_status_exit_code(status);
    } else code = run_verb(&a, &err);
    args_clear(&a);
    return code;
}
