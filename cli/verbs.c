/* The verbs, in the order of work. A new one is a file verb_NAME.c and two lines here. */
#include "cli.h"
#include "train_table.h"

/* clang-format off */
extern const cli_verb cli_verb_demo;
extern const cli_verb cli_verb_run;
extern const cli_verb cli_verb_doctor;
extern const cli_verb cli_verb_data;
extern const cli_verb cli_verb_train_gan;
extern const cli_verb cli_verb_sample;
extern const cli_verb cli_verb_simulate_histology;
extern const cli_verb cli_verb_train_classifier;
extern const cli_verb cli_verb_evaluate;
extern const cli_verb cli_verb_audit;
extern const cli_verb cli_verb_audit_gate;
extern const cli_verb cli_verb_privacy_epsilon;
extern const cli_verb cli_verb_privacy_delta;
extern const cli_verb cli_verb_privacy_noise;
extern const cli_verb cli_verb_privacy_ledger;
extern const cli_verb cli_verb_verify;
extern const cli_verb cli_verb_help;
extern const cli_verb cli_verb_completion;

const cli_verb *const cli_verbs[] = {
    &cli_verb_demo,
    &cli_verb_run,
    &cli_verb_doctor,
    &cli_verb_data,
    &cli_verb_train_gan,
    &cli_train_table_verbs[0], /* as many as CLI_TRAIN_TABLES */
    &cli_train_table_verbs[1],
    &cli_train_table_verbs[2],
    &cli_train_table_verbs[3],
    &cli_train_table_verbs[4],
    &cli_train_table_verbs[5],
    &cli_train_table_verbs[6],
    &cli_train_table_verbs[7],
    &cli_train_table_verbs[8],
    &cli_train_table_verbs[9],
    &cli_verb_sample,
    &cli_verb_simulate_histology,
    &cli_verb_train_classifier,
    &cli_verb_evaluate,
    &cli_verb_audit,
    &cli_verb_audit_gate,
    &cli_verb_privacy_epsilon,
    &cli_verb_privacy_delta,
    &cli_verb_privacy_noise,
    &cli_verb_privacy_ledger,
    &cli_verb_verify,
    &cli_verb_help,
    &cli_verb_completion,
    NULL,
};
/* clang-format on */
