/* What `run` and `demo` share: running a study and telling how it goes. */
#ifndef MNK_CLI_RUN_STUDY_H
#define MNK_CLI_RUN_STUDY_H

#include "cli.h"
#include "manikin/study.h"

/* Runs `s` into `dir` and prints steps, answer, the report's path and the next command. key_path NULL: the user's own key.
 * command: what repeats this. */
mnk_status cli_run_study(cli_context *c, const mnk_study *s, const char *dir, const char *key_path, bool no_sign,
                         const char *command, mnk_error *err);
/* Prints what a run would do. */
mnk_status cli_plan_study(cli_context *c, const mnk_study *s, const char *dir, mnk_error *err);

#endif
