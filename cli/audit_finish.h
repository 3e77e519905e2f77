/* What the audits of images and of tables do with a result: judge it by the policy, write it, show it. */
#ifndef MNK_CLI_AUDIT_FINISH_H
#define MNK_CLI_AUDIT_FINISH_H

#include "cli.h"
#include "evidence/policy.h"
#include "manikin/result.h"

typedef struct cli_audit {
    const char *policy_path, *report_path; /* NULL: none */
    bool hide_real;
    mnk_policy policy;
} cli_audit;

#define CLI_AUDIT_ROWS(type, field)                                                                                            \
    {"gate",                                                                                                                   \
     0,                                                                                                                        \
     MNK_OPTION_PATH,                                                                                                          \
     offsetof(type, field.policy_path),                                                                                        \
     "POLICY",                                                                                                                 \
     NULL,                                                                                                                     \
     0,                                                                                                                        \
     0,                                                                                                                        \
     NULL,                                                                                                                     \
     "thresholds set before the run; exit code 3 when one is not met",                                                         \
     false},                                                                                                                   \
    {                                                                                                                          \
        "report", 0, MNK_OPTION_PATH, offsetof(type, field.report_path), "FILE.html", NULL, 0, 0, NULL, "write a page", false  \
    }

/* Reads the policy and refuses outputs that exist, before the work. Close with cli_audit_close. */
mnk_status cli_audit_begin(const cli_context *c, cli_audit *a, mnk_error *err) MNK_CHECK;
/* Everything is written and printed before a threshold that is not met becomes MNK_ERR_GATE. */
mnk_status cli_audit_finish(cli_context *c, cli_audit *a, mnk_result *r, mnk_error *err) MNK_CHECK;
void cli_audit_close(cli_audit *a);

#endif
