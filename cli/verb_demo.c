/* manikin demo: the built-in study, without any file. */
#include <string.h>

#include "run_study.h"

typedef struct demo_config {
    const char *key;
    bool no_sign;
} demo_config;

static const mnk_option table[] = {
    {"key", 0, MNK_OPTION_PATH, offsetof(demo_config, key), "FILE", NULL, 0, 0, NULL,
     "secret key to sign with (default: your own, made at first use)", false},
    {"no-sign", 0, MNK_OPTION_BOOL, offsetof(demo_config, no_sign), NULL, "false", 0, 0, NULL, "leave the manifest unsigned",
     false},
    {NULL, 0, MNK_OPTION_END, 0, NULL, NULL, 0, 0, NULL, NULL, false},
};

static mnk_status run(cli_context *c, mnk_error *err) {
    const demo_config *config = c->config;
    const char *dir = c->common.out ? c->common.out : "results/demo";
    char command[1200];
    mnk_study *s = NULL;
    MNK_TRY(mnk_study_parse(mnk_study_demo, strlen(mnk_study_demo), "demo.yaml", NULL, NULL, 0, &s, err));
    mnk_study_set_seed(s, (uint64_t)c->common.seed);
    snprintf(command, sizeof command, "manikin demo -o %s --seed %lld%s", dir, (long long)c->common.seed,
             config->no_sign ? " --no-sign" : "");
    mnk_status status = cli_run_study(c, s, dir, config->key, config->no_sign, command, err);
    mnk_study_close(s);
    return status;
}

const cli_verb cli_verb_demo = {
    .name = "demo",
    .group = "start",
    .summary = "a whole study on a built-in phantom, a few minutes on two cores",
    .operands = "",
    .uses = "seed threads out force",
    .table = table,
    .config_size = sizeof(demo_config),
    .examples = "manikin demo                 # then open results/demo/report.html\n",
    .run = run,
};
