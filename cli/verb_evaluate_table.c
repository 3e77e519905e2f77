/* manikin evaluate on tables: judges, models, fairness, ranking of several synthetic tables, a page. */
#include <stdio.h>

#include "base/file.h"
#include "cli.h"
#include "evaluate/models/config.h"
#include "evaluate/table/config.h"
#include "judge_tables.h"
#include "manikin/evidence_table.h"

typedef struct config {
    mnk_table_evaluate_config evaluate;
    mnk_table_models_config models;
    mnk_table_options tables;
    const char *train, *holdout, *report;
    mnk_option_list synthetic;
    bool hide_real;
} config;

#define EVALUATE(f) evaluate.f
#define MODELS(f)   models.f
#define AT(f)       offsetof(config, f)
/* clang-format off */
static const mnk_option table[] = {
    {"train", 0, MNK_OPTION_PATH, AT(train), "CSV", NULL, 0, 0, NULL, "real rows the generator learned from", false},
    {"holdout", 0, MNK_OPTION_PATH, AT(holdout), "CSV", NULL, 0, 0, NULL, "real rows it never saw: what perfect looks like, and the test set of usefulness", false},
    {"synthetic", 0, MNK_OPTION_LIST, AT(synthetic), "CSV", NULL, 0, 0, NULL, "rows to judge; given several times, the tables are ranked", false},
    {"report", 0, MNK_OPTION_PATH, AT(report), "FILE.html", NULL, 0, 0, NULL, "write a page with charts and flagged rows", false},
    {"hide-real", 0, MNK_OPTION_BOOL, AT(hide_real), NULL, "false", 0, 0, NULL, "show no real row on the page", false},
    {"schema", 0, MNK_OPTION_PATH, AT(tables.schema_path), "FILE", NULL, 0, 0, NULL, "schema of all tables [NAME.schema.yaml beside train, else inferred]", false},
    {"label", 0, MNK_OPTION_TEXT, AT(tables.label_column), "COLUMN", NULL, 0, 0, NULL, "the outcome that models predict [by the schema]", false},
    {"person", 0, MNK_OPTION_TEXT, AT(tables.person_column), "COLUMN", NULL, 0, 0, NULL, "rows with the same value belong to one person [by the schema]", false},
    MNK_TABLE_MODELS_ROWS(config, MODELS),
    MNK_TABLE_EVALUATE_ROWS(config, EVALUATE),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

static mnk_status write_page(const cli_context *c, const cli_judged_tables *j, mnk_error *err) {
    const config *k = c->config;
    char title[256];
    mnk_table_evidence e = {
        .train = j->train, .holdout = j->holdout, .synthetic = j->synthetic, .n = j->judged.n, .ranking = j->judged.ranking};
    snprintf(title, sizeof title, "%s: %s", j->judged.n > 1 ? "Synthetic tables compared" : "A synthetic table judged",
             mnk_path_base(k->train));
    e.base = (mnk_evidence){.title = title, .seed = (uint64_t)c->common.seed, .hide_real = k->hide_real};
    return mnk_table_evidence_page(&e, k->report, c->common.force, err);
}

static mnk_status run(cli_context *c, mnk_error *err) {
    config *k = c->config;
    cli_judged_tables j = {0};
    mnk_status status = MNK_OK;
    MNK_TRY(cli_judged_check(c, k->train, &k->synthetic, k->report, "tables",
                             "manikin evaluate --train REAL.csv --holdout UNSEEN.csv --synthetic MADE.csv", err));
    k->evaluate.seed = k->models.seed = (uint64_t)c->common.seed;
    MNK_OUT(cli_open_tables(k->train, k->holdout, k->synthetic.items, k->synthetic.n, &k->tables, c->observer, &j, err));
    MNK_OUT(cli_judge_tables(&j, &k->evaluate, &k->models, c->observer, err));
    if (c->common.json) MNK_OUT(cli_judged_write(&j.judged, c->common.json, c->common.force, err));
    if (k->report) MNK_OUT(write_page(c, &j, err));
    cli_judged_print(&j.judged, stdout, c->colour);
    if (k->report) cli_next(c, "look at %s", k->report);
    else cli_next(c, "the same with --report page.html: charts of columns, pairs, missing values, and rows to look at");
out:
    cli_close_judged_tables(&j);
    return status;
}

const cli_verb cli_verb_evaluate_table = {
    .name = "evaluate",
    .group = "judge",
    .summary = "score synthetic rows against real ones: fidelity, diversity, authenticity, usefulness, fairness",
    .uses = "seed threads json force",
    .table = table,
    .config_size = sizeof(config),
    .examples = "manikin evaluate --train patients.csv --holdout unseen.csv --synthetic made.csv --report page.html\n"
                "manikin evaluate --train p.csv --holdout u.csv --synthetic arf.csv --synthetic ctgan.csv  # ranked\n"
                "manikin evaluate --train p.csv --holdout u.csv --synthetic m.csv --effect \"died ~ age + sex\"",
    .run = run,
};
