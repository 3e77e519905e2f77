/* manikin audit-gate on tables: drop the rows that fail the audit, write the others, say what that does. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/schema_file.h"
#include "evaluate/models/config.h"
#include "evaluate/table/config.h"
#include "judge_tables.h"
#include "keep.h"

typedef struct config {
    mnk_table_evaluate_config evaluate;
    mnk_table_models_config models;
    mnk_table_options tables;
    const char *train, *holdout, *keep, *synthetic;
    bool no_effect;
} config;

#define EVALUATE(f) evaluate.f
#define MODELS(f)   models.f
#define AT(f)       offsetof(config, f)
/* clang-format off */
static const mnk_option table[] = {
    {"train", 0, MNK_OPTION_PATH, AT(train), "CSV", NULL, 0, 0, NULL, "real rows the generator learned from", false},
    {"holdout", 0, MNK_OPTION_PATH, AT(holdout), "CSV", NULL, 0, 0, NULL, "real rows it never saw: the reference, and the test set of usefulness before and after", false},
    {"synthetic", 0, MNK_OPTION_PATH, AT(synthetic), "CSV", NULL, 0, 0, NULL, "rows to choose from", false},
    {"keep", 0, MNK_OPTION_TEXT, AT(keep), "WORDS", "authentic,alpha=0.9", 0, 0, NULL, CLI_KEEP_HELP, false},
    {"no-effect", 0, MNK_OPTION_BOOL, AT(no_effect), NULL, "false", 0, 0, NULL, "do not judge the table before and after", false},
    {"schema", 0, MNK_OPTION_PATH, AT(tables.schema_path), "FILE", NULL, 0, 0, NULL, "schema of all tables [NAME.schema.yaml beside train, else inferred]", false},
    {"label", 0, MNK_OPTION_TEXT, AT(tables.label_column), "COLUMN", NULL, 0, 0, NULL, "the outcome that models predict [by the schema]", false},
    {"person", 0, MNK_OPTION_TEXT, AT(tables.person_column), "COLUMN", NULL, 0, 0, NULL, "rows with the same value belong to one person [by the schema]", false},
    MNK_TABLE_MODELS_ROWS(config, MODELS),
    MNK_TABLE_EVALUATE_ROWS(config, EVALUATE),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

static mnk_status check(const cli_context *c, mnk_keep *keep, mnk_error *err) {
    const config *k = c->config;
    const mnk_option_list one = {.n = k->synthetic != NULL, .items = {k->synthetic}};
    MNK_TRY(cli_judged_check(c, k->train, &one, c->common.out, "tables",
                             "manikin audit-gate --train REAL.csv --synthetic MADE.csv --keep authentic,alpha=0.9 -o KEPT.csv",
                             err));
    MNK_TRY(mnk_keep_parse(k->keep, keep, err));
    char beside[1200];
    if (c->common.out && mnk_is_table(c->common.out)) /* its schema carries the mark and is written too */
        return mnk_schema_file_beside(c->common.out, beside, sizeof beside) ? cli_refuse_existing(beside, c->common.force, err)
                                                                            : MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "audit-gate: where should the kept rows go?");
    mnk_error_hint(err, "add -o kept.csv or kept.csv.gz");
    return status;
}

typedef struct gate {
    cli_judged_tables set;
    mnk_table *kept;
    mnk_result *before, *after, *result;
    mnk_audit audit;
    size_t *row;
} gate;

static void close(gate *g) {
    cli_close_judged_tables(&g->set);
    mnk_table_close(g->kept);
    mnk_result_close(g->before);
    mnk_result_close(g->after);
    mnk_result_close(g->result);
    mnk_audit_close(&g->audit);
    mnk_free(g->row);
}

static mnk_status judge(const cli_context *c, const gate *g, const mnk_table *rows, mnk_result **out, mnk_error *err) {
    const config *k = c->config;
    MNK_TRY(mnk_evaluate_tables(g->set.train, g->set.holdout, rows, &k->evaluate, c->observer, out, err));
    return mnk_table_models(g->set.train, g->set.holdout, rows, &k->models, c->observer, *out, err);
}

static mnk_status effect(const cli_context *c, gate *g, mnk_error *err) {
    const config *k = c->config;
    if (k->no_effect) return MNK_OK;
    MNK_TRY(judge(c, g, g->set.table[0], &g->before, err));
    if (g->kept->n < (size_t)k->evaluate.neighbours + 2) return MNK_OK;
    return judge(c, g, g->kept, &g->after, err);
}

static mnk_status run(cli_context *c, mnk_error *err) {
    config *k = c->config;
    mnk_keep keep;
    mnk_keep_report report;
    gate g = {0};
    mnk_status status = MNK_OK;
    MNK_TRY(check(c, &keep, err));
    k->evaluate.seed = k->models.seed = (uint64_t)c->common.seed;
    k->evaluate.by_class = k->models.fairness = false; /* the effect is of the whole */
    MNK_OUT(cli_open_tables(k->train, k->holdout, &k->synthetic, 1, &k->tables, c->observer, &g.set, err));
    const mnk_table *made = g.set.table[0];
    MNK_OUT(mnk_audit_tables(g.set.train, made, &k->evaluate, c->observer, &g.audit, err));
    MNK_OUT(cli_keep_choose(&keep, &g.audit, &g.row, &report, err));
    MNK_OUT(mnk_table_select(made, g.row, report.kept, &g.kept, err));
    MNK_OUT(effect(c, &g, err));
    MNK_OUT(cli_keep_result(&keep, &g.audit, &report, g.before, g.after, k->evaluate.seed, k->evaluate.level, &g.result, err));
    mnk_table_meta meta = {*made->generator ? made->generator : "audit-gate", made->model_hash, made->seed};
    MNK_OUT(mnk_table_write(g.kept, c->common.out, c->common.force, &meta, err));
    if (c->common.json) MNK_OUT(mnk_result_write(g.result, c->common.json, c->common.force, err));
    cli_keep_print(&keep, &report, "rows");
    cli_keep_print_effect(g.result);
    for (size_t i = 0; i < g.result->warnings; i++) printf("warning: %s\n", g.result->warning[i]);
    cli_next(c, "manikin evaluate --train %s --holdout HOLDOUT.csv --synthetic %s --synthetic %s    # ranked", k->train,
             k->synthetic, c->common.out);
out:
    close(&g);
    return status;
}

const cli_verb cli_verb_audit_gate_table = {
    .name = "audit-gate",
    .group = "judge",
    .summary = "drop synthetic rows that fail the audit, and say what that does to the figures",
    .uses = "seed threads out json force",
    .table = table,
    .config_size = sizeof(config),
    .examples = "manikin audit-gate --train p.csv --holdout u.csv --synthetic made.csv --keep authentic,alpha=0.9 -o kept.csv\n"
                "manikin audit-gate --train p.csv --synthetic made.csv --keep no-copy,inside -o kept.csv --no-effect",
    .run = run,
};
