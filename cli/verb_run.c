/* manikin run: a whole study, from data to signed evidence. */
#include <string.h>

#include "base/file.h"
#include "run_study.h"

typedef struct run_config {
    mnk_option_list set;
    const char *key;
    bool no_sign, dry_run;
} run_config;

static const mnk_option table[] = {
    {"set", 0, MNK_OPTION_LIST, offsetof(run_config, set), "KEY=VALUE", NULL, 0, 0, NULL,
     "change one setting of the study: gan.kimg=50, seed=2", false},
    {"key", 0, MNK_OPTION_PATH, offsetof(run_config, key), "FILE", NULL, 0, 0, NULL,
     "secret key to sign with (default: your own, made at first use)", false},
    {"no-sign", 0, MNK_OPTION_BOOL, offsetof(run_config, no_sign), NULL, "false", 0, 0, NULL, "leave the manifest unsigned",
     false},
    {"dry-run", 0, MNK_OPTION_BOOL, offsetof(run_config, dry_run), NULL, "false", 0, 0, NULL,
     "check the study and say which steps would be done", false},
    {NULL, 0, MNK_OPTION_END, 0, NULL, NULL, 0, 0, NULL, NULL, false},
};

/* Quotes for the shell only where it needs them. */
static void add_word(mnk_text *t, const char *word) {
    bool plain =
        *word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+%@") == strlen(word);
    mnk_text_add(t, " ");
    if (!plain) mnk_text_add(t, "'");
    for (; *word; word++) {
        if (*word == '\'') mnk_text_add(t, "'\\''");
        else mnk_text_add_n(t, word, 1);
    }
    if (!plain) mnk_text_add(t, "'");
}

static void command_of(const cli_context *c, const char *dir, mnk_text *t) {
    const run_config *config = c->config;
    mnk_text_add(t, "manikin run");
    add_word(t, c->operand[0]);
    mnk_text_add(t, " -o");
    add_word(t, dir);
    for (size_t i = 0; i < config->set.n; i++) {
        mnk_text_add(t, " --set");
        add_word(t, config->set.items[i]);
    }
    if (config->no_sign) mnk_text_add(t, " --no-sign");
}

static mnk_status run(cli_context *c, mnk_error *err) {
    const run_config *config = c->config;
    char dir[1024];
    const char *base = mnk_path_base(c->operand[0]);
    if (c->common.out) snprintf(dir, sizeof dir, "%s", c->common.out);
    else snprintf(dir, sizeof dir, "results/%.*s", (int)(strlen(base) - strlen(mnk_path_ext(base))), base);
    mnk_study *s = NULL;
    MNK_TRY(mnk_study_read(c->operand[0], config->set.items, config->set.n, &s, err));
    mnk_text command = {0};
    command_of(c, dir, &command);
    mnk_status status = config->dry_run  ? cli_plan_study(c, s, dir, err)
                        : command.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory")
                                         : cli_run_study(c, s, dir, config->key, config->no_sign, command.s, err);
    mnk_text_clear(&command);
    mnk_study_close(s);
    return status;
}

const cli_verb cli_verb_run = {
    .name = "run",
    .group = "start",
    .summary = "a whole study: data, generator, synthetic images, verdict, signed evidence",
    .operands = "STUDY.yaml",
    .min_operands = 1,
    .max_operands = 1,
    .uses = "threads out force",
    .table = table,
    .config_size = sizeof(run_config),
    .examples =
        "manikin run examples/blood-cells.yaml -o results/blood           # steps that are up to date are not done again\n"
        "manikin run study.yaml -o results/two --set seed=2               # the same study, other random numbers\n"
        "manikin run study.yaml -o results/mine --set data.path=tissue/   # the same study, other data\n"
        "manikin run study.yaml --dry-run                                 # check it, show all settings\n",
    .run = run,
};
