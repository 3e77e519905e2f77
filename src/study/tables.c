#include "study/tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "manikin/evidence_table.h"
#include "manikin/fairness.h"
#include "manikin/rank.h"
#include "manikin/table_generator.h"
#include "manikin/tradeoff.h"
#include "study/cache.h"
#include "study/evidence_of.h"
#include "study/gated.h"
#include "study/generators.h"
#include "study/spending.h"
#include "study/study_audit.h"

/* ---- one run ---- */

enum { STEPS_MAX = 3 * MNK_STUDY_TABLES_MAX + 2 };

typedef struct table_run {
    const mnk_study *s;
    const char *dir;
    const mnk_study_run_options *options;
    const mnk_observer *observer;
    uint64_t seed;
    mnk_study_generators g;
    mnk_table *all, *train, *holdout, *made[MNK_STUDY_TABLES_MAX];
    mnk_result *data, *result[MNK_STUDY_TABLES_MAX], *audit[MNK_STUDY_TABLES_MAX], *ranking, *tradeoff;
    size_t audited[MNK_STUDY_TABLES_MAX], audits; /* which of the tables are attacked */
    char digest[STEPS_MAX][MNK_HASH_TEXT];        /* data, make of each table, judge of each, audit of those audited, report */
    mnk_evidence_step step[STEPS_MAX];
    size_t steps;
    bool is_dirty;
    char started[32], note[512];
} table_run;

static int steps_of(const table_run *r) { return (int)(2 + 2 * r->g.n + r->audits); }

static void clear(table_run *r) {
    for (size_t i = 0; i < r->g.n; i++) {
        mnk_table_close(r->made[i]);
        mnk_result_close(r->result[i]);
        mnk_result_close(r->audit[i]);
    }
    mnk_table_close(r->holdout);
    mnk_table_close(r->train);
    mnk_table_close(r->all);
    mnk_result_close(r->data);
    mnk_result_close(r->ranking);
    mnk_result_close(r->tradeoff);
    mnk_free(r);
}

static void path_of(const table_run *r, const char *below, char out[1200]) { snprintf(out, 1200, "%s/%s", r->dir, below); }

static void file_of(const table_run *r, size_t i, const char *pattern, char below[160]) {
    snprintf(below, 160, pattern, r->g.item[i].id); /* patterns are literals of this file */
}

static size_t count(const mnk_table *t, mnk_split split) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) n += t->split[i] == (uint8_t)split;
    return n;
}

/* The table's own splits count: test and holdout rows are held out together. Without them a share of the persons is cut. */
static mnk_status open_data(table_run *r, mnk_error *err) {
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
static mnk_status save(const table_run *r, mnk_result **result, const char *below, mnk_error *err) {
    char path[1200];
    path_of(r, "results", path);
    MNK_TRY(mnk_dir_make(path, err));
    path_of(r, below, path);
    (*result)->wall_s = NAN;
    (*result)->threads = 0;
    mnk_status status = mnk_result_write(*result, path, true, err);
    mnk_result_close(*result);
    *result = NULL;
    return status;
}

/* ---- the steps ---- */

static mnk_status describe(table_run *r, size_t i, mnk_error *err) {
    (void)i;
    mnk_result_close(r->data);
    r->data = NULL;
    MNK_TRY(mnk_result_open("data", r->seed, &r->data, err));
    MNK_TRY(mnk_table_describe(r->all, r->observer, r->data, err));
    return save(r, &r->data, "results/data.json", err);
}

/* Opening a table appends its new levels to the schema that all share, so all are opened, in order and after every generator
   has learned: then neither models nor scores depend on where a run was interrupted. */
static mnk_status open_made(table_run *r, size_t i, mnk_error *err) {
    char below[160], path[1200];
    if (r->made[i]) return MNK_OK;
    mnk_table_options o = {.schema = r->train->schema};
    file_of(r, i, "synthetic/%s.csv", below);
    path_of(r, below, path);
    MNK_TRY(mnk_table_open(path, &o, r->observer, &r->made[i], err));
    snprintf(r->made[i]->source, sizeof r->made[i]->source, "%s", below); /* not where this folder lies */
    return MNK_OK;
}

/* The rows of one generator; with make.keep those that pass the audit against train. */
static mnk_status draw(const table_run *r, size_t i, mnk_table_generator *g, const mnk_table_sample_options *o, mnk_table **out,
                       mnk_error *err) {
    mnk_table_evaluate_config config = r->s->table_evaluate;
    mnk_table_sample_report drawn;
    mnk_keep_report report;
    mnk_keep k;
    mnk_table *plain = NULL;
    mnk_result *before = NULL, *after = NULL;
    char name[160];
    mnk_status status = MNK_OK;
    file_of(r, i, "keep-%s", name);
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

static mnk_status make(table_run *r, size_t i, mnk_error *err) {
    const mnk_study_generator *k = &r->g.item[i];
    const uint64_t seed = mnk_study_repeat_seed(r->seed, k->repeat);
    char below[160], model[1200], out[1200];
    mnk_table_generator *g = NULL;
    mnk_table *rows = NULL;
    mnk_status status = MNK_OK;
    path_of(r, "models", model);
    MNK_TRY(mnk_dir_make(model, err));
    path_of(r, "synthetic", model);
    MNK_TRY(mnk_dir_make(model, err));
    file_of(r, i, "models/%s.safetensors", below);
    path_of(r, below, model);
    MNK_TRY(mnk_spending_set_aside(r->dir, k->id, err));
    MNK_TRY(mnk_table_generator_train(k->name, r->train, k->setting, k->settings, seed, model, true, r->observer, err));
    MNK_TRY(mnk_table_generator_open(model, &g, err));
    mnk_table_sample_options o = {.n = r->s->make.rows ? (size_t)r->s->make.rows : r->train->n, .seed = seed};
    MNK_OUT(draw(r, i, g, &o, &rows, err));
    file_of(r, i, "synthetic/%s.csv", below);
    path_of(r, below, out);
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
static mnk_status judge_models(table_run *r, size_t i, const mnk_table_models_config *models, mnk_error *err) {
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

static mnk_status judge(table_run *r, size_t i, mnk_error *err) {
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
    file_of(r, i, "results/%s.json", below);
    return save(r, &r->result[i], below, err);
}

static mnk_status audit(table_run *r, size_t i, mnk_error *err) {
    char below[160], model[1200];
    for (size_t k = 0; k < r->g.n; k++) MNK_TRY(open_made(r, k, err));
    mnk_result_close(r->audit[i]);
    r->audit[i] = NULL;
    file_of(r, i, "models/%s.safetensors", below);
    path_of(r, below, model);
    MNK_TRY(mnk_study_audit_table(r->s, r->train, r->holdout, r->made[i], r->s->audit.models ? model : NULL, r->observer,
                                  &r->audit[i], err));
    for (size_t k = 0; k < r->audit[i]->inputs; k++) { /* not where this folder lies */
        mnk_result_input *in = &r->audit[i]->input[k];
        if (strcmp(in->role, "synthetic") == 0) snprintf(in->path, sizeof in->path, "%.300s", r->made[i]->source);
    }
    file_of(r, i, "results/audit-%s.json", below);
    return save(r, &r->audit[i], below, err);
}

/* A budget counts as claimed only where the model itself states a guarantee. */
static mnk_status claimed(const table_run *r, size_t i, double *epsilon, bool *not_private, mnk_error *err) {
    char below[160], path[1200];
    mnk_table_generator *g = NULL;
    *epsilon = r->g.item[i].epsilon;
    if (isnan(*epsilon)) return MNK_OK;
    file_of(r, i, "models/%s.safetensors", below);
    path_of(r, below, path);
    MNK_TRY(mnk_table_generator_open(path, &g, err));
    const char *privacy = mnk_table_generator_describe(g)->privacy;
    if (strcmp(privacy, "none") == 0) *epsilon = NAN;
    *not_private = *not_private || strncmp(privacy, "NOT PRIVATE", 11) == 0;
    mnk_table_generator_close(g);
    return MNK_OK;
}

/* What publishing everything together costs, at the smallest delta that was promised. */
static mnk_status add_spending(const table_run *r, double delta, mnk_error *err) {
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

static mnk_status trade_off(table_run *r, mnk_error *err) {
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

static mnk_status load_audits(table_run *r, mnk_error *err) {
    char below[160], path[1200];
    for (size_t k = 0; k < r->audits; k++) {
        const size_t i = r->audited[k];
        file_of(r, i, "results/audit-%s.json", below);
        path_of(r, below, path);
        if (!r->audit[i]) MNK_TRY(mnk_result_read(path, &r->audit[i], err));
    }
    return MNK_OK;
}

/* What was not made in this process is read; ranking and trade-off are made anew, they cost nothing. */
static mnk_status load(table_run *r, mnk_error *err) {
    mnk_rank_entry entry[MNK_STUDY_TABLES_MAX];
    char below[160], path[1200];
    MNK_TRY(open_data(r, err));
    path_of(r, "results/data.json", path);
    if (!r->data) MNK_TRY(mnk_result_read(path, &r->data, err));
    for (size_t i = 0; i < r->g.n; i++) {
        MNK_TRY(open_made(r, i, err));
        file_of(r, i, "results/%s.json", below);
        path_of(r, below, path);
        if (!r->result[i]) MNK_TRY(mnk_result_read(path, &r->result[i], err));
        entry[i] = (mnk_rank_entry){r->g.item[i].id, r->result[i]};
    }
    MNK_TRY(load_audits(r, err));
    MNK_TRY(trade_off(r, err));
    if (r->g.arms < 2 || r->ranking) return MNK_OK;
    MNK_TRY(mnk_result_open("rank", r->seed, &r->ranking, err));
    return mnk_rank(entry, r->g.arms, r->s->table_evaluate.level, r->ranking, err);
}

/* A threshold reads the best generator by mean rank; "metric/encoding/NAME" is for subsets, as in every study. */
static size_t lead_of(const table_run *r) {
    size_t best = 0;
    double rank = INFINITY;
    for (size_t i = 0; r->ranking && i < r->g.arms; i++) {
        const mnk_metric *m = mnk_result_find(r->ranking, "rank", "", r->g.item[i].id);
        if (m && m->value < rank) rank = m->value, best = i;
    }
    return best;
}

enum { FACTS = 7 };
typedef struct shown {
    mnk_table_evidence e;
    mnk_synthetic_table set[MNK_STUDY_GENERATORS_MAX];
    mnk_evidence_fact fact[MNK_STUDY_GENERATORS_MAX][FACTS];
    mnk_gate gate[2 * MNK_GATES_MAX];
    mnk_study_audits audits;
    char key[MNK_PUBLIC_KEY_TEXT];
} shown;

static void close_shown(shown *x) {
    if (x) mnk_study_audits_close(&x->audits);
    mnk_free(x);
}

static void fact(mnk_synthetic_table *s, mnk_evidence_fact *facts, const char *name, const char *value) {
    mnk_evidence_fact *f = &facts[s->facts++];
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(f->value, sizeof f->value, "%.255s", value);
    s->fact = facts;
}

static mnk_status facts_of(const table_run *r, size_t i, shown *x, mnk_error *err) {
    char below[160], path[1200], text[256];
    mnk_table_generator *g = NULL;
    file_of(r, i, "models/%s.safetensors", below);
    path_of(r, below, path);
    MNK_TRY(mnk_table_generator_open(path, &g, err));
    const mnk_table_generator_info *about = mnk_table_generator_describe(g);
    fact(&x->set[i], x->fact[i], "generator", about->generator);
    snprintf(text, sizeof text, "%zu rows of %zu persons", about->rows, about->persons);
    fact(&x->set[i], x->fact[i], "learned from", text);
    snprintf(text, sizeof text, "%.255s", about->options_json);
    fact(&x->set[i], x->fact[i], "settings", text);
    fact(&x->set[i], x->fact[i], "model", about->model_hash);
    fact(&x->set[i], x->fact[i], "formal privacy guarantee", about->privacy);
    mnk_table_generator_close(g);
    file_of(r, i, "keep-%s", below);
    MNK_TRY(mnk_gated_words(r->dir, below, text, err));
    if (!*text || !r->s->make.keep) return MNK_OK;
    snprintf(path, sizeof path, "%.60s: %.255s", r->s->make.keep, text);
    fact(&x->set[i], x->fact[i], "gate on single rows", path);
    return MNK_OK;
}

static mnk_status judge_audits(table_run *r, shown *x, mnk_error *err) {
    if (!r->audits) return MNK_OK;
    MNK_TRY(mnk_study_audits_open(r->s, r->audits, &x->audits, err));
    for (size_t k = 0; k < r->audits; k++)
        x->audits.item[k] = (mnk_audited){r->g.item[r->audited[k]].id, r->audit[r->audited[k]], NULL};
    mnk_study_audits_judge(r->s, &x->audits);
    return MNK_OK;
}

static mnk_status fill(table_run *r, shown *x, mnk_error *err) {
    const mnk_study *s = r->s;
    size_t lead = lead_of(r);
    const mnk_result *const results[] = {r->result[lead], r->audit[lead], r->data, r->ranking, r->tradeoff};
    MNK_TRY(judge_audits(r, x, err));
    for (size_t i = 0; i < s->gates; i++) mnk_gate_judge(&s->gate[i], results, 5, &x->gate[i]);
    memcpy(x->gate + s->gates, x->audits.summary, x->audits.summaries * sizeof *x->gate);
    for (size_t i = 0; i < r->g.arms; i++)
        x->set[i] = (mnk_synthetic_table){r->g.item[i].id, r->made[i], r->result[i], r->g.item[i].is_baseline, NULL, 0};
    x->e = (mnk_table_evidence){.train = r->train,
                                .holdout = r->holdout,
                                .synthetic = x->set,
                                .n = r->g.arms,
                                .ranking = r->ranking,
                                .tradeoff = r->tradeoff};
    x->e.base = (mnk_evidence){.title = s->top.title,
                               .seed = r->seed,
                               .data = r->data,
                               .data_note = r->note,
                               .settings_json = s->settings,
                               .study_text = s->text,
                               .command = r->options->command,
                               .gate = x->gate,
                               .gates = s->gates + x->audits.summaries,
                               .audits = r->audits ? &x->audits.shown : NULL,
                               .hide_real = s->report.hide_real};
    if (r->options->key) mnk_key_public_text(r->options->key, x->key), x->e.base.public_key = x->key;
    mnk_evidence_run *run = &x->e.base.run;
    run->threads = mnk_threads();
    run->step = r->step;
    run->steps = r->steps;
    for (size_t i = 0; i < r->steps; i++) run->wall_s += r->step[i].wall_s;
    snprintf(run->started, sizeof run->started, "%s", r->started);
    mnk_study_now(run->finished);
    mnk_study_hardware(run->hardware);
    return MNK_OK;
}

static mnk_status report(table_run *r, size_t unused, mnk_error *err) {
    char content[MNK_HASH_TEXT];
    shown *x = NULL;
    mnk_status status = MNK_OK;
    (void)unused;
    MNK_OUT(MNK_NEW(x, 1, err));
    MNK_OUT(load(r, err));
    MNK_OUT(fill(r, x, err));
    for (size_t i = 0; i < r->g.arms; i++) MNK_OUT(facts_of(r, i, x, err));
    MNK_OUT(mnk_table_evidence_write(&x->e, r->dir, content, err));
    if (r->ranking) MNK_OUT(save(r, &r->ranking, "results/ranking.json", err));
    if (r->tradeoff) MNK_OUT(save(r, &r->tradeoff, "results/tradeoff.json", err));
    MNK_OUT(mnk_study_write_content_hash(r->dir, content, err));
out:
    close_shown(x);
    return status;
}

/* ---- one step: what it is called, what it depends on, what it writes ---- */

typedef struct table_step {
    char name[96], title[64], output[2][160];
    int outputs, index;
    size_t which;
    mnk_status (*work)(table_run *r, size_t which, mnk_error *err);
} table_step;

static table_step step_at(const table_run *r, int index) {
    table_step k = {.index = index, .outputs = 1};
    if (index == 0) {
        k.work = describe;
        snprintf(k.name, sizeof k.name, "data");
        snprintf(k.title, sizeof k.title, "Data");
        snprintf(k.output[0], sizeof k.output[0], "results/data.json");
    } else if (index == steps_of(r) - 1) {
        k.work = report;
        snprintf(k.name, sizeof k.name, "report");
        snprintf(k.title, sizeof k.title, "Report");
        snprintf(k.output[0], sizeof k.output[0], "report.html");
        snprintf(k.output[1], sizeof k.output[1], "evidence.json");
        k.outputs = 2;
    } else if (index > 2 * (int)r->g.n) {
        k.which = r->audited[(size_t)index - 1 - 2 * r->g.n];
        k.work = audit;
        snprintf(k.name, sizeof k.name, "audit-%.80s", r->g.item[k.which].id);
        snprintf(k.title, sizeof k.title, "Attack the rows of %.40s", r->g.item[k.which].id);
        file_of(r, k.which, "results/audit-%s.json", k.output[0]);
    } else {
        bool is_make = index <= (int)r->g.n;
        k.which = (size_t)index - 1 - (is_make ? 0 : r->g.n);
        k.work = is_make ? make : judge;
        snprintf(k.name, sizeof k.name, "%s-%s", is_make ? "make" : "judge", r->g.item[k.which].id);
        snprintf(k.title, sizeof k.title, is_make ? "Make rows with %.40s" : "Judge the rows of %.40s", r->g.item[k.which].id);
        file_of(r, k.which, is_make ? "synthetic/%s.csv" : "results/%s.json", k.output[0]);
        if (is_make) file_of(r, k.which, "models/%s.safetensors", k.output[1]), k.outputs = 2;
    }
    return k;
}

static mnk_status key_of(const table_run *r, const table_step *k, char key[MNK_HASH_TEXT], mnk_error *err) {
    mnk_text t = {0};
    mnk_hash *h = mnk_hash_open();
    if (!h) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    mnk_hash_add_text(h, "manikin table step 1");
    mnk_hash_add_text(h, MNK_VERSION);
    mnk_hash_add_text(h, k->name);
    const uint64_t seed = k->work == make ? mnk_study_repeat_seed(r->seed, r->g.item[k->which].repeat) : r->seed;
    mnk_hash_add(h, &seed, sizeof seed);
    mnk_hash_add_text(h, r->all->hash);
    mnk_hash_add_text(h, r->train->hash);
    if (k->work == make) {
        const mnk_study_generator *g = &r->g.item[k->which];
        mnk_hash_add_text(h, g->name);
        for (size_t i = 0; i < g->settings; i++) mnk_hash_add_text(h, g->setting[i]);
        mnk_hash_add(h, &r->s->make.rows, sizeof r->s->make.rows);
        if (r->s->make.keep) { /* what the gate did is judged with the settings of evaluate */
            mnk_study_section_json(r->s, "evaluate", &t);
            mnk_hash_add_text(h, r->s->make.keep);
            mnk_hash_add_text(h, t.s ? t.s : "");
        }
    } else if (k->work == judge) {
        mnk_study_section_json(r->s, "evaluate", &t);
        if (!r->s->no_usefulness) mnk_study_section_json(r->s, "usefulness", &t);
        mnk_hash_add_text(h, r->digest[1 + k->which]);
        for (size_t i = 0; i < r->g.n; i++) mnk_hash_add_text(h, r->g.item[i].id); /* the levels they bring */
        mnk_hash_add_text(h, t.s ? t.s : "");
    } else if (k->work == audit) {
        mnk_study_audit_key(r->s, &t);
        mnk_hash_add_text(h, r->digest[1 + k->which]);
        for (size_t i = 0; i < r->g.n; i++) mnk_hash_add_text(h, r->g.item[i].id);
        mnk_hash_add_text(h, t.s ? t.s : "");
    } else if (k->work == report) {
        mnk_hash_add_text(h, r->s->policy.hash);
        char open[MNK_PUBLIC_KEY_TEXT] = "";
        if (r->options->key) mnk_key_public_text(r->options->key, open);
        mnk_hash_add_text(h, open);
        mnk_hash_add_text(h, r->s->settings);
        mnk_hash_add_text(h, r->options->command ? r->options->command : "");
        for (int i = 0; i < k->index; i++) mnk_hash_add_text(h, r->digest[i]);
    }
    bool failed = t.failed;
    mnk_text_clear(&t);
    mnk_hash_finish(h, key);
    return failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory") : MNK_OK;
}

static void tell(const table_run *r, const table_step *k, mnk_step_state state, double wall_s) {
    if (!r->options->step) return;
    mnk_step_event e = {k->index + 1, steps_of(r), k->name, k->title, state, wall_s};
    r->options->step(r->options->ctx, &e);
}

static mnk_status do_step(table_run *r, const table_step *k, const char *key, mnk_cache_state *state, mnk_error *err) {
    struct timespec from, to;
    const char *outputs[2] = {k->output[0], k->output[1]};
    if (!r->is_dirty) MNK_TRY(mnk_study_unseal(r->dir, err));
    r->is_dirty = true;
    tell(r, k, MNK_STEP_STARTED, 0);
    clock_gettime(CLOCK_MONOTONIC, &from);
    MNK_TRY(k->work(r, k->which, err));
    clock_gettime(CLOCK_MONOTONIC, &to);
    double wall_s = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    return mnk_cache_commit(r->dir, k->name, key, wall_s, outputs, k->outputs, NULL, state, err);
}

static mnk_status run_step(table_run *r, int index, mnk_error *err) {
    table_step k = step_at(r, index);
    char key[MNK_HASH_TEXT];
    mnk_cache_state state;
    if (mnk_observe_stopped(r->observer)) return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped before step %s", k.name);
    MNK_TRY(open_data(r, err));
    MNK_TRY(key_of(r, &k, key, err));
    MNK_TRY(mnk_cache_check(r->dir, k.name, key, &state, err));
    bool reused = state.is_current;
    if (!reused) MNK_TRY(do_step(r, &k, key, &state, err));
    tell(r, &k, reused ? MNK_STEP_REUSED : MNK_STEP_DONE, state.wall_s);
    snprintf(r->digest[index], sizeof r->digest[0], "%s", state.digest);
    mnk_evidence_step *row = &r->step[r->steps++];
    *row = (mnk_evidence_step){.wall_s = state.wall_s, .is_reused = reused};
    snprintf(row->name, sizeof row->name, "%.31s", k.name);
    snprintf(row->title, sizeof row->title, "%s", k.title);
    return MNK_OK;
}

/* Everything that holds times, so that two equal runs can be compared byte by byte but for these. */
static mnk_status seal(table_run *r, bool *was_unchanged, mnk_error *err) {
    static const size_t room = STEPS_MAX + 4;
    char(*name)[120] = mnk_alloc(room, sizeof *name);
    const char **varies = mnk_alloc(room, sizeof *varies);
    size_t n = 0, inputs = 0;
    if (!name || !varies) {
        mnk_free(name);
        mnk_free(varies);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the manifest");
    }
    mnk_manifest_input input[2];
    for (int i = 0; i < steps_of(r); i++, n++)
        snprintf(name[n], sizeof name[n], MNK_STEPS_FOLDER "/%.95s.json", step_at(r, i).name);
    snprintf(name[n++], sizeof name[0], "report.html");
    snprintf(name[n++], sizeof name[0], "evidence.json");
    snprintf(name[n++], sizeof name[0], MNK_STEPS_FOLDER "/study.json");
    for (size_t i = 0; i < n; i++) varies[i] = name[i];
    mnk_study_add_input(input, &inputs, "train", r->train->source, r->train->hash, r->train->persons);
    mnk_study_add_input(input, &inputs, "holdout", r->holdout->source, r->holdout->hash, r->holdout->persons);
    mnk_manifest_info info = {.title = r->s->top.title,
                              .seed = r->seed,
                              .input = input,
                              .inputs = inputs,
                              .settings_json = r->s->settings,
                              .varies = varies,
                              .n_varies = n};
    mnk_status status = mnk_study_seal_folder(r->dir, &info, r->options->key, r->is_dirty, was_unchanged, err);
    mnk_free(name);
    mnk_free(varies);
    return status;
}

static mnk_status outcome(table_run *r, mnk_study_outcome *out, mnk_error *err) {
    shown *x = NULL;
    MNK_TRY(MNK_NEW(x, 1, err));
    mnk_status status = load(r, err);
    if (status == MNK_OK) status = fill(r, x, err);
    if (status == MNK_OK) {
        out->answers = mnk_table_evidence_answer(&x->e, out->answer);
        out->gates = x->e.base.gates;
        memcpy(out->gate, x->gate, out->gates * sizeof *out->gate);
        path_of(r, "report.html", out->report);
    }
    close_shown(x);
    return status;
}

static bool is_audited(const mnk_study *s, const mnk_study_generator *k) {
    const mnk_option_list *named = &s->audit.generators;
    for (size_t i = 0; i < named->n && !s->no_audit; i++)
        if (!strcmp(named->items[i], k->id) || !strcmp(named->items[i], k->series)) return true;
    return !s->no_audit && !named->n;
}

static mnk_status open_run(const mnk_study *s, const char *dir, const mnk_study_run_options *options,
                           const mnk_observer *observer, table_run **out, mnk_error *err) {
    MNK_TRY(MNK_NEW(*out, 1, err));
    **out = (table_run){.s = s, .dir = dir, .options = options, .observer = observer, .seed = (uint64_t)s->top.seed};
    mnk_study_now((*out)->started);
    MNK_TRY(mnk_study_list_generators(s, &(*out)->g, err));
    for (size_t i = 0; i < (*out)->g.n; i++)
        if (is_audited(s, &(*out)->g.item[(*out)->g.item[i].arm])) (*out)->audited[(*out)->audits++] = i;
    return MNK_OK;
}

mnk_status mnk_study_run_tables(const mnk_study *s, const char *dir, const mnk_study_run_options *options,
                                const mnk_observer *observer, mnk_study_outcome *out, mnk_error *err) {
    table_run *r = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(open_run(s, dir, options, observer, &r, err));
    for (int i = 0; i < steps_of(r); i++) MNK_OUT(run_step(r, i, err));
    MNK_OUT(seal(r, &out->is_unchanged, err));
    MNK_OUT(outcome(r, out, err));
    MNK_OUT(mnk_gates_check(out->gate, out->gates, "the study", err));
out:
    if (r) clear(r);
    return status;
}

mnk_status mnk_study_plan_tables(const mnk_study *s, const char *dir, void (*step)(void *ctx, const mnk_step_event *event),
                                 void *ctx, mnk_error *err) {
    mnk_study_run_options options = {.step = step, .ctx = ctx};
    table_run *r = NULL;
    bool stale = !mnk_path_is_dir(dir);
    mnk_status status = MNK_OK;
    MNK_OUT(open_run(s, dir, &options, NULL, &r, err));
    MNK_OUT(open_data(r, err));
    for (int i = 0; i < steps_of(r); i++) {
        char key[MNK_HASH_TEXT];
        mnk_cache_state state = {.is_current = false};
        table_step k = step_at(r, i);
        if (!stale && i != steps_of(r) - 1) {
            MNK_OUT(key_of(r, &k, key, err));
            MNK_OUT(mnk_cache_check(dir, k.name, key, &state, err));
        }
        snprintf(r->digest[i], sizeof r->digest[0], "%s", state.digest);
        tell(r, &k, state.is_current ? MNK_STEP_REUSED : MNK_STEP_STARTED, state.wall_s);
    }
out:
    if (r) clear(r);
    return status;
}
