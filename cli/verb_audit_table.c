/* manikin audit on tables: membership, disclosure, anonymity. */
#include <stdio.h>
#include <unistd.h>

#include "audit_finish.h"
#include "manikin/attack.h"
#include "privacy/attacks/config.h"

typedef struct config {
    mnk_attack_config attack;
    mnk_table_options tables;
    cli_audit audit;
    const char *train, *holdout, *synthetic, *model;
} config;

#define ATTACK(f) attack.f
#define AT(f)     offsetof(config, f)
/* clang-format off */
static const mnk_option table[] = {
    {"train", 0, MNK_OPTION_PATH, AT(train), "CSV", NULL, 0, 0, NULL, "real rows the generator learned from", false},
    {"holdout", 0, MNK_OPTION_PATH, AT(holdout), "CSV", NULL, 0, 0, NULL, "real rows it never saw: half is known to the attacker, half is attacked", false},
    {"synthetic", 0, MNK_OPTION_PATH, AT(synthetic), "CSV", NULL, 0, 0, NULL, "the rows to be released", false},
    {"model", 0, MNK_OPTION_PATH, AT(model), "MODEL", NULL, 0, 0, NULL, "the model to be released: its density is attacked too", false},
    CLI_AUDIT_ROWS(config, audit),
    MNK_ATTACK_TABLE_ROWS(config, ATTACK),
    MNK_ATTACK_ROWS(config, ATTACK),
    {"schema", 0, MNK_OPTION_PATH, AT(tables.schema_path), "FILE", NULL, 0, 0, NULL, "schema of all tables [NAME.schema.yaml beside train, else inferred]", false},
    {"label", 0, MNK_OPTION_TEXT, AT(tables.label_column), "COLUMN", NULL, 0, 0, NULL, "the outcome [by the schema]", false},
    {"person", 0, MNK_OPTION_TEXT, AT(tables.person_column), "COLUMN", NULL, 0, 0, NULL, "rows with the same value belong to one person [by the schema]", false},
    {.type = MNK_OPTION_END},
};
/* clang-format on */

static mnk_status check(const config *k, mnk_error *err) {
    if (k->train && k->synthetic) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "audit: --%s is missing", k->train ? "synthetic" : "train");
    mnk_error_hint(err, "manikin audit --train REAL.csv --holdout UNSEEN.csv --synthetic MADE.csv");
    return status;
}

/* All tables on one schema: the model's, where there is one, else that of train. */
static mnk_status open_tables(cli_context *c, mnk_table_generator *model, mnk_table *set[3], mnk_error *err) {
    const config *k = c->config;
    const char *path[3] = {k->train, k->holdout, k->synthetic};
    mnk_table_options o = k->tables;
    if (model) o.schema = mnk_table_generator_describe(model)->schema;
    for (int i = 0; i < 3; i++) {
        if (!path[i]) continue;
        MNK_TRY(mnk_table_open(path[i], &o, c->observer, &set[i], err));
        o.schema = set[0]->schema;
    }
    return MNK_OK;
}

static mnk_status run(cli_context *c, mnk_error *err) {
    config *k = c->config;
    mnk_table *set[3] = {0};
    mnk_table_generator *model = NULL;
    mnk_result *result = NULL;
    mnk_status status = MNK_OK;
    k->attack.seed = (uint64_t)c->common.seed;
    k->audit.hide_real = k->attack.hide_real;
    MNK_OUT(check(k, err));
    MNK_OUT(cli_audit_begin(c, &k->audit, err));
    if (k->attack.shadows && !k->model)
        MNK_OUT(MNK_FAIL(err, MNK_ERR_USAGE, "audit: --shadows needs --model: what is to be trained anew"));
    if (k->model) MNK_OUT(mnk_table_generator_open(k->model, &model, err));
    char scratch[1200];
    snprintf(scratch, sizeof scratch, "%.1100s.shadow-%ld", k->model ? k->model : "", (long)getpid());
    k->attack.scratch_path = scratch;
    MNK_OUT(open_tables(c, model, set, err));
    MNK_OUT(mnk_attack_tables(set[0], set[1], set[2], model, &k->attack, c->observer, &result, err));
    MNK_OUT(cli_audit_finish(c, &k->audit, result, err));
out:
    cli_audit_close(&k->audit);
    mnk_result_close(result);
    for (int i = 0; i < 3; i++) mnk_table_close(set[i]);
    mnk_table_generator_close(model);
    return status;
}

const cli_verb cli_verb_audit_table = {
    .name = "audit",
    .group = "judge",
    .summary = "attack synthetic rows and their model: membership, singling out, linkage, inference, anonymity",
    .uses = "seed threads json force",
    .table = table,
    .config_size = sizeof(config),
    .examples = "manikin audit --train p.csv --holdout unseen.csv --synthetic made.csv --gate policy.yaml\n"
                "manikin audit --train p.csv --holdout u.csv --synthetic m.csv --quasi age,sex,zip --sensitive diagnosis",
    .run = run,
};
