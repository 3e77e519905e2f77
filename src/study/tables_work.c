#include "study/tables_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "manikin/fairness.h"
#include "manikin/rank.h"
#include "manikin/table_generator.h"
#include "manikin/tradeoff.h"
#include "study/spending.h"

void mnk_tables_path(const mnk_tables_run *r, const char *below, char out[1200]) {
    snprintf(out, 1200, "%s/%s", r->dir, below);
}

void mnk_tables_file(const mnk_tables_run *r, size_t i, const char *pattern, char below[160]) {
    snprintf(below, 160, pattern, r->g.item[i].id); /* patterns are literals of this file */
}

static size_t count(const mnk_table *t, mnk_split split) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) n += t->split[i] == (uint8_t)split;
    return n;
}

/* The table's own splits count: test and holdout rows are held out together. Without them a share of the persons is cut. */
mnk_status mnk_tables_open_data(mnk_tables_run *r, mnk_error *err) {
    const mnk_study_table_data *d = &r->s->table_data;
    mnk_table_options o = {
        .schema_path = d->schema, .label_column = d->label, .person_column = d->person, .missing = d->missing};
    if (r->all) return MNK_OK;
    MNK_TRY(mnk_table_open(d->path, &o, r->observer, &r->all, err));
    size_t own = count(r->all, MNK_SPLIT_TEST) + count(r->all, MNK_SPLIT_HOLDOUT), train = count(r->all, MNK_SPLIT_TRAIN);
    if (!own || !train) MNK_TRY(mnk_table_split(r->all, 1 - d->holdout, 0, d->holdout, r->seed, err));
    for (size_t i = 0; i < r->all->n; i++)
        if (r->all->split[i] == MNK_SPLIT_TEST) r->all->split[i] = MNK_SPLIT_HOLDOUT;
    MNK_TRY(mnk_table_finish(r->all, err));
    snprintf(r->note, sizeof r->note,
             own && train ? "The table names its own split."
                          : "%.0f %% of the persons were held out at random, the label's classes kept in proportion.",
             100 * d->holdout);
    MNK_TRY(mnk_table_subset(r->all, MNK_SPLIT_TRAIN, &r->train, err));
    MNK_TRY(mnk_table_subset(r->all, MNK_SPLIT_HOLDOUT, &r->holdout, err));
    MNK_TRY(mnk_study_audit_can(r->s, r->train->n, r->holdout->n, err));
    return r->s->no_audit ? MNK_OK : mnk_attack_tables_check(r->train, r->holdout, err);
}

/* Saves and closes: the report always reads results from disk, so that a run killed in between gives the same bytes. */
mnk_status mnk_tables_save(const mnk_tables_run *r, mnk_result **result, const char *below, mnk_error *err) {
    char path[1200];
    mnk_tables_path(r, "results", path);
    MNK_TRY(mnk_dir_make(path, err));
    mnk_tables_path(r, below, path);
    (*result)->wall_s = NAN;
    (*result)->threads = 0;
    mnk_status status = mnk_result_write(*result, path, true, err);
    mnk_result_close(*result);
    *result = NULL;
    return status;
}

/* ---- the steps ---- */

mnk_status mnk_tables_describe(mnk_tables_run *r, size_t i, mnk_error *err) {
    (void)i;
    mnk_result_close(r->data);
    r->data = NULL;
    MNK_TRY(mnk_result_open("data", r->seed, &r->data, err));
    MNK_TRY(mnk_table_describe(r->all, r->observer, r->data, err));
    return mnk_tables_save(r, &r->data, "results/data.json", err);
}

/* Opening a table appends its new levels to the schema that all share, so all are opened, in order and after every generator
   has learned: then neither models nor scores depend on where a run was interrupted. */
static mnk_status open_made(mnk_tables_run *r, size_t i, mnk_error *err) {
    char below[160], path[1200];
    if (r->made[i]) return MNK_OK;
    mnk_table_options o = {.schema = r->train->schema};
    mnk_tables_file(r, i, "synthetic/%s.csv", below);
    mnk_tables_path(r, below, path);
    MNK_TRY(mnk_table_open(path, &o, r->observer, &r->made[i], err));
    snprintf(r->made[i]->source, sizeof r->made[i]->source, "%s", below); /* not where this folder lies */
    return MNK_OK;
}

/* The rows of one generator; with make.keep those that pass the audit against train. */
static mnk_status draw(const mnk_tables_run *r, size_t i, mnk_table_generator *g, const mnk_table_sample_options *o,
                       mnk_table **out, mnk_error *err) {
    mnk_table_evaluate_config config = r->s->table_evaluate;
    mnk_table_sample_report drawn;
    mnk_keep_report report;
    mnk_keep k;
    mnk_table *plain = NULL;
    mnk_result *before = NULL, *after = NULL;
    char name[160];
    mnk_status status = MNK_OK;
    mnk_tables_file(r, i, "keep-%s", name);
    if (!r->s->make.keep) {
        MNK_TRY(mnk_gated_save(r->dir, name, NULL, NULL, NULL, NULL, 0, err));
        return mnk_table_generator_sample(g, o, r->observer, out, &drawn, err);
    }
    config.seed = r->seed;
    MNK_OUT(mnk_keep_parse(r->s->make.keep, &k, err));
    MNK_OUT(mnk_keep_sample_table(g, o, &k, r->train, &config, r->observer, out, &report, err));
    MNK_OUT(mnk_table_generator_sample(g, o, r->observer, &plain, &drawn, err));
    MNK_OUT(mnk_gated_judge(r->train, r->holdout, plain, &config, r->observer, &before, err));
    MNK_OUT(mnk_gated_judge(r->train, r->holdout, *out, &config, r->observer, &after, err));
    MNK_OUT(mnk_gated_save(r->dir, name, &k, &report, before, after, r->seed, err));
out:
    mnk_table_close(plain);
    mnk_result_close(before);
    mnk_result_close(after);
    return status;
}

mnk_status mnk_tables_make(mnk_tables_run *r, size_t i, mnk_error *err) {
    const mnk_study_generator *k = &r->g.item[i];
    const uint64_t seed = mnk_study_repeat_seed(r->seed, k->repeat);
    char below[160], model[1200], out[1200];
    mnk_table_generator *g = NULL;
    mnk_table *rows = NULL;
    mnk_status status = MNK_OK;
    mnk_tables_path(r, "models", model);
    MNK_TRY(mnk_dir_make(model, err));
    mnk_tables_path(r, "synthetic", model);
    MNK_TRY(mnk_dir_make(model, err));
    mnk_tables_file(r, i, "models/%s.safetensors", below);
    mnk_tables_path(r, below, model);
    MNK_TRY(mnk_spending_set_aside(r->dir, k->id, err));
    MNK_TRY(mnk_table_generator_train(k->name, r->train, k->setting, k->settings, seed, model, true, r->observer, err));
    MNK_TRY(mnk_table_generator_open(model, &g, err));
    mnk_table_sample_options o = {.n = r->s->make.rows ? (size_t)r->s->make.rows : r->train->n, .seed = seed};
    MNK_OUT(draw(r, i, g, &o, &rows, err));
    mnk_tables_file(r, i, "synthetic/%s.csv", below);
    mnk_tables_path(r, below, out);
    mnk_table_meta meta = {k->name, mnk_table_generator_describe(g)->model_hash, seed};
    MNK_OUT(mnk_table_write(rows, out, true, &meta, err));
    mnk_table_close(r->made[i]);
    r->made[i] = NULL;
out:
    mnk_table_close(rows);
    mnk_table_generator_close(g);
    return status;
}

/* Under a small budget noise may leave rows that no model can learn from (the outcome missing in all of them). That is what the
 * budget came to, and no reason to stop a study of budgets: it is said, and the figure stays unmeasured. */
static mnk_status judge_models(mnk_tables_run *r, size_t i, const mnk_table_models_config *models, mnk_error *err) {
    mnk_error why = MNK_ERROR_INIT;
    mnk_status status = mnk_table_models(r->train, r->holdout, r->made[i], models, r->observer, r->result[i], &why);
    if (status == MNK_ERR_INPUT && !isnan(r->g.item[i].epsilon)) {
        mnk_result_add_warning(r->result[i], "usefulness could not be measured: %.200s", why.message);
        return MNK_OK;
    }
    if (status == MNK_OK) return MNK_OK;
    status = MNK_FAIL(err, status, "%s", why.message);
    if (*why.hint) mnk_error_hint(err, "%s", why.hint);
    return status;
}

mnk_status mnk_tables_judge(mnk_tables_run *r, size_t i, mnk_error *err) {
    char below[160];
    mnk_table_evaluate_config evaluate = r->s->table_evaluate;
    mnk_table_models_config models = r->s->models;
    evaluate.seed = models.seed = r->seed;
    for (size_t k = 0; k < r->g.n; k++) MNK_TRY(open_made(r, k, err));
    mnk_result_close(r->result[i]);
    r->result[i] = NULL;
    MNK_TRY(mnk_evaluate_tables(r->train, r->holdout, r->made[i], &evaluate, r->observer, &r->result[i], err));
    if (!r->s->no_usefulness) MNK_TRY(judge_models(r, i, &models, err));
    if (models.fairness)
        MNK_TRY(mnk_table_fidelity_by_subgroup(r->train, r->holdout, r->made[i], &evaluate, r->observer, r->result[i], err));
    mnk_tables_file(r, i, "results/%s.json", below);
    return mnk_tables_save(r, &r->result[i], below, err);
}

mnk_status mnk_tables_audit(mnk_tables_run *r, size_t i, mnk_error *err) {
    char below[160], model[1200];
    for (size_t k = 0; k < r->g.n; k++) MNK_TRY(open_made(r, k, err));
    mnk_result_close(r->audit[i]);
    r->audit[i] = NULL;
    mnk_tables_file(r, i, "models/%s.safetensors", below);
    mnk_tables_path(r, below, model);
    MNK_TRY(mnk_study_audit_table(r->s, r->train, r->holdout, r->made[i], r->s->audit.models ? model : NULL, r->observer,
                                  &r->audit[i], err));
    for (size_t k = 0; k < r->audit[i]->inputs; k++) { /* not where this folder lies */
        mnk_result_input *in = &r->audit[i]->input[k];
        if (strcmp(in->role, "synthetic") == 0) snprintf(in->path, sizeof in->path, "%.300s", r->made[i]->source);
    }
    mnk_tables_file(r, i, "results/audit-%s.json", below);
    return mnk_tables_save(r, &r->audit[i], below, err);
}

/* A budget counts as claimed only where the model itself states a guarantee. */
static mnk_status claimed(const mnk_tables_run *r, size_t i, double *epsilon, bool *not_private, mnk_error *err) {
    char below[160], path[1200];
    mnk_table_generator *g = NULL;
    *epsilon = r->g.item[i].epsilon;
    if (isnan(*epsilon)) return MNK_OK;
    mnk_tables_file(r, i, "models/%s.safetensors", below);
    mnk_tables_path(r, below, path);
    MNK_TRY(mnk_table_generator_open(path, &g, err));
    const char *privacy = mnk_table_generator_describe(g)->privacy;
    if (strcmp(privacy, "none") == 0) *epsilon = NAN;
    *not_private = *not_private || strncmp(privacy, "NOT PRIVATE", 11) == 0;
    mnk_table_generator_close(g);
    return MNK_OK;
}

/* What publishing everything together costs, at the smallest delta that was promised. */
static mnk_status add_spending(const mnk_tables_run *r, double delta, mnk_error *err) {
    mnk_spending x;
    mnk_error why = MNK_ERROR_INIT;
    const mnk_status status = mnk_spending_sum(r->dir, delta, &x, &why);
    if (status == MNK_OK && !x.ledgers) return MNK_OK;
    mnk_metric *m = mnk_result_add_metric(r->tradeoff, "epsilon_all", "tradeoff");
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
    if (status != MNK_OK) { /* a ledger that does not verify, or of other neighbours: nothing may be claimed of the whole */
        snprintf(m->note, sizeof m->note, "not known: %.140s", why.message);
        return MNK_OK;
    }
    m->value = x.all.epsilon, m->n = x.ledgers;
    mnk_metric_add_reference(m, "delta", delta);
    mnk_metric_add_reference(m, "set_aside", (double)x.set_aside);
    snprintf(m->note, sizeof m->note, "all %zu ledgers of this study composed%s; one person more or less", x.ledgers,
             x.set_aside ? ", those of models made again or never finished included" : "");
    return MNK_OK;
}

static mnk_status trade_off(mnk_tables_run *r, mnk_error *err) {
    mnk_tradeoff_point point[MNK_STUDY_TABLES_MAX];
    bool has_budget = false, not_private = false;
    double delta = INFINITY;
    if (r->tradeoff) return MNK_OK;
    for (size_t i = 0; i < r->g.n; i++) {
        const mnk_study_generator *k = &r->g.item[i];
        point[i] = (mnk_tradeoff_point){r->g.item[k->arm].id, k->series, NAN, k->delta, r->result[i], r->audit[i]};
        MNK_TRY(claimed(r, i, &point[i].epsilon, &not_private, err));
        if (!isnan(point[i].epsilon)) has_budget = true, delta = fmin(delta, k->delta);
    }
    if (!has_budget && r->g.n == r->g.arms) return MNK_OK;
    MNK_TRY(mnk_result_open("tradeoff", r->seed, &r->tradeoff, err));
    MNK_TRY(mnk_tradeoff(point, r->g.n, r->s->table_evaluate.level, r->tradeoff, err));
    if (not_private)
        mnk_result_add_warning(r->tradeoff,
                               "NOT PRIVATE: noise was reproducible (a mode for tests); no budget here is a promise");
    return has_budget && isfinite(delta) ? add_spending(r, delta, err) : MNK_OK;
}

static mnk_status load_audits(mnk_tables_run *r, mnk_error *err) {
    char below[160], path[1200];
    for (size_t k = 0; k < r->audits; k++) {
        const size_t i = r->audited[k];
        mnk_tables_file(r, i, "results/audit-%s.json", below);
        mnk_tables_path(r, below, path);
        if (!r->audit[i]) MNK_TRY(mnk_result_read(path, &r->audit[i], err));
    }
    return MNK_OK;
}

/* What was not made in this process is read; ranking and trade-off are made anew, they cost nothing. */
mnk_status mnk_tables_load(mnk_tables_run *r, mnk_error *err) {
    mnk_rank_entry entry[MNK_STUDY_TABLES_MAX];
    char below[160], path[1200];
    MNK_TRY(mnk_tables_open_data(r, err));
    mnk_tables_path(r, "results/data.json", path);
    if (!r->data) MNK_TRY(mnk_result_read(path, &r->data, err));
    for (size_t i = 0; i < r->g.n; i++) {
        MNK_TRY(open_made(r, i, err));
        mnk_tables_file(r, i, "results/%s.json", below);
        mnk_tables_path(r, below, path);
        if (!r->result[i]) MNK_TRY(mnk_result_read(path, &r->result[i], err));
        entry[i] = (mnk_rank_entry){r->g.item[i].id, r->result[i]};
    }
    MNK_TRY(load_audits(r, err));
    MNK_TRY(trade_off(r, err));
    if (r->g.arms < 2 || r->ranking) return MNK_OK;
    MNK_TRY(mnk_result_open("rank", r->seed, &r->ranking, err));
    return mnk_rank(entry, r->g.arms, r->s->table_evaluate.level, r->ranking, err);
}
