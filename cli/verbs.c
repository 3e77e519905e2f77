/* The verbs, in the order of work. A new one is a file verb_NAME.c and a line here. */
#include "cli.h"

extern const cli_verb cli_verb_data, cli_verb_doctor, cli_verb_simulate_histology, cli_verb_train_classifier, cli_verb_verify,
    cli_verb_help, cli_verb_completion;

const cli_verb *const cli_verbs[] = {
    &cli_verb_doctor, &cli_verb_data, &cli_verb_simulate_histology, &cli_verb_train_classifier,
    &cli_verb_verify, &cli_verb_help, &cli_verb_completion,         NULL,
};
