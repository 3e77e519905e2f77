#include "study/tables_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "manikin/table_generator.h"
#include "study/evidence_of.h"

/* A threshold reads the best generator by mean rank; "metric/encoding/NAME" is for subsets, as in every study. */
static size_t lead_of(const mnk_tables_run *r) {
    size_t best = 0;
    double rank = INFINITY;
    for (size_t i = 0; r->ranking && i < r->g.arms; i++) {
        const mnk_metric *m = mnk_result_find(r->ranking, "rank", "", r->g.item[i].id);
        if (m && m->value < rank) rank = m->value, best = i;
    }
    return best;
}

void mnk_tables_page_close(mnk_tables_page *x) {
    if (x) mnk_study_audits_close(&x->audits);
    mnk_free(x);
}

static void fact(mnk_synthetic_table *s, mnk_evidence_fact *facts, const char *name, const char *value) {
    mnk_evidence_fact *f = &facts[s->facts++];
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(f->value, sizeof f->value, "%.255s", value);
    s->fact = facts;
}

static mnk_status facts_of(const mnk_tables_run *r, size_t i, mnk_tables_page *x, mnk_error *err) {
    char below[160], path[1200], text[256];
    mnk_table_generator *g = NULL;
    mnk_tables_file(r, i, "models/%s.safetensors", below);
    mnk_tables_path(r, below, path);
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
    mnk_tables_file(r, i, "keep-%s", below);
    MNK_TRY(mnk_gated_words(r->dir, below, text, err));
    if (!*text || !r->s->make.keep) return MNK_OK;
    snprintf(path, sizeof path, "%.60s: %.255s", r->s->make.keep, text);
    fact(&x->set[i], x->fact[i], "gate on single rows", path);
    return MNK_OK;
}

static mnk_status judge_audits(mnk_tables_run *r, mnk_tables_page *x, mnk_error *err) {
    if (!r->audits) return MNK_OK;
    MNK_TRY(mnk_study_audits_open(r->s, r->audits, &x->audits, err));
    for (size_t k = 0; k < r->audits; k++)
        x->audits.item[k] = (mnk_audited){r->g.item[r->audited[k]].id, r->audit[r->audited[k]], NULL};
    mnk_study_audits_judge(r->s, &x->audits);
    return MNK_OK;
}

mnk_status mnk_tables_page_fill(mnk_tables_run *r, mnk_tables_page *x, mnk_error *err) {
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

mnk_status mnk_tables_report(mnk_tables_run *r, size_t unused, mnk_error *err) {
    char content[MNK_HASH_TEXT];
    mnk_tables_page *x = NULL;
    mnk_status status = MNK_OK;
    (void)unused;
    MNK_OUT(MNK_NEW(x, 1, err));
    MNK_OUT(mnk_tables_load(r, err));
    MNK_OUT(mnk_tables_page_fill(r, x, err));
    for (size_t i = 0; i < r->g.arms; i++) MNK_OUT(facts_of(r, i, x, err));
    MNK_OUT(mnk_table_evidence_write(&x->e, r->dir, content, err));
    if (r->ranking) MNK_OUT(mnk_tables_save(r, &r->ranking, "results/ranking.json", err));
    if (r->tradeoff) MNK_OUT(mnk_tables_save(r, &r->tradeoff, "results/tradeoff.json", err));
    MNK_OUT(mnk_study_write_content_hash(r->dir, content, err));
out:
    mnk_tables_page_close(x);
    return status;
}
