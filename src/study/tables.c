#include "study/tables.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "study/cache.h"
#include "study/evidence_of.h"
#include "study/tables_run.h"

static int steps_of(const mnk_tables_run *r) { return (int)(2 + 2 * r->g.n + r->audits); }

static void clear(mnk_tables_run *r) {
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

/* ---- one step: what it is called, what it depends on, what it writes ---- */

typedef struct table_step {
    char name[96], title[64], output[2][160];
    int outputs, index;
    size_t which;
    mnk_status (*work)(mnk_tables_run *r, size_t which, mnk_error *err);
} table_step;

static table_step step_at(const mnk_tables_run *r, int index) {
    table_step k = {.index = index, .outputs = 1};
    if (index == 0) {
        k.work = mnk_tables_describe;
        snprintf(k.name, sizeof k.name, "data");
        snprintf(k.title, sizeof k.title, "Data");
        snprintf(k.output[0], sizeof k.output[0], "results/data.json");
    } else if (index == steps_of(r) - 1) {
        k.work = mnk_tables_report;
        snprintf(k.name, sizeof k.name, "report");
        snprintf(k.title, sizeof k.title, "Report");
        snprintf(k.output[0], sizeof k.output[0], "report.html");
        snprintf(k.output[1], sizeof k.output[1], "evidence.json");
        k.outputs = 2;
    } else if (index > 2 * (int)r->g.n) {
        k.which = r->audited[(size_t)index - 1 - 2 * r->g.n];
        k.work = mnk_tables_audit;
        snprintf(k.name, sizeof k.name, "audit-%.80s", r->g.item[k.which].id);
        snprintf(k.title, sizeof k.title, "Attack the rows of %.40s", r->g.item[k.which].id);
        mnk_tables_file(r, k.which, "results/audit-%s.json", k.output[0]);
    } else {
        bool is_make = index <= (int)r->g.n;
        k.which = (size_t)index - 1 - (is_make ? 0 : r->g.n);
        k.work = is_make ? mnk_tables_make : mnk_tables_judge;
        snprintf(k.name, sizeof k.name, "%s-%s", is_make ? "make" : "judge", r->g.item[k.which].id);
        snprintf(k.title, sizeof k.title, is_make ? "Make rows with %.40s" : "Judge the rows of %.40s", r->g.item[k.which].id);
        mnk_tables_file(r, k.which, is_make ? "synthetic/%s.csv" : "results/%s.json", k.output[0]);
        if (is_make) mnk_tables_file(r, k.which, "models/%s.safetensors", k.output[1]), k.outputs = 2;
    }
    return k;
}

static mnk_status key_of(const mnk_tables_run *r, const table_step *k, char key[MNK_HASH_TEXT], mnk_error *err) {
    mnk_text t = {0};
    mnk_hash *h = mnk_hash_open();
    if (!h) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    mnk_hash_add_text(h, "manikin table step 1");
    mnk_hash_add_text(h, MNK_VERSION);
    mnk_hash_add_text(h, k->name);
    const uint64_t seed = k->work == mnk_tables_make ? mnk_study_repeat_seed(r->seed, r->g.item[k->which].repeat) : r->seed;
    mnk_hash_add(h, &seed, sizeof seed);
    mnk_hash_add_text(h, r->all->hash);
    mnk_hash_add_text(h, r->train->hash);
    if (k->work == mnk_tables_make) {
        const mnk_study_generator *g = &r->g.item[k->which];
        mnk_hash_add_text(h, g->name);
        for (size_t i = 0; i < g->settings; i++) mnk_hash_add_text(h, g->setting[i]);
        mnk_hash_add(h, &r->s->make.rows, sizeof r->s->make.rows);
        if (r->s->make.keep) { /* what the gate did is judged with the settings of evaluate */
            mnk_study_section_json(r->s, "evaluate", &t);
            mnk_hash_add_text(h, r->s->make.keep);
            mnk_hash_add_text(h, t.s ? t.s : "");
        }
    } else if (k->work == mnk_tables_judge) {
        mnk_study_section_json(r->s, "evaluate", &t);
        if (!r->s->no_usefulness) mnk_study_section_json(r->s, "usefulness", &t);
        mnk_hash_add_text(h, r->digest[1 + k->which]);
        for (size_t i = 0; i < r->g.n; i++) mnk_hash_add_text(h, r->g.item[i].id); /* the levels they bring */
        mnk_hash_add_text(h, t.s ? t.s : "");
    } else if (k->work == mnk_tables_audit) {
        mnk_study_audit_key(r->s, &t);
        mnk_hash_add_text(h, r->digest[1 + k->which]);
        for (size_t i = 0; i < r->g.n; i++) mnk_hash_add_text(h, r->g.item[i].id);
        mnk_hash_add_text(h, t.s ? t.s : "");
    } else if (k->work == mnk_tables_report) {
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

static void tell(const mnk_tables_run *r, const table_step *k, mnk_step_state state, double wall_s) {
    if (!r->options->step) return;
    mnk_step_event e = {k->index + 1, steps_of(r), k->name, k->title, state, wall_s};
    r->options->step(r->options->ctx, &e);
}

static mnk_status do_step(mnk_tables_run *r, const table_step *k, const char *key, mnk_cache_state *state, mnk_error *err) {
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

static mnk_status run_step(mnk_tables_run *r, int index, mnk_error *err) {
    table_step k = step_at(r, index);
    char key[MNK_HASH_TEXT];
    mnk_cache_state state;
    if (mnk_observe_stopped(r->observer)) return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped before step %s", k.name);
    MNK_TRY(mnk_tables_open_data(r, err));
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
static mnk_status seal(mnk_tables_run *r, bool *was_unchanged, mnk_error *err) {
    static const size_t room = MNK_TABLES_STEPS_MAX + 4;
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

static mnk_status outcome(mnk_tables_run *r, mnk_study_outcome *out, mnk_error *err) {
    mnk_tables_page *x = NULL;
    MNK_TRY(MNK_NEW(x, 1, err));
    mnk_status status = mnk_tables_load(r, err);
    if (status == MNK_OK) status = mnk_tables_page_fill(r, x, err);
    if (status == MNK_OK) {
        out->answers = mnk_table_evidence_answer(&x->e, out->answer);
        out->gates = x->e.base.gates;
        memcpy(out->gate, x->gate, out->gates * sizeof *out->gate);
        mnk_tables_path(r, "report.html", out->report);
    }
    mnk_tables_page_close(x);
    return status;
}

static bool is_audited(const mnk_study *s, const mnk_study_generator *k) {
    const mnk_option_list *named = &s->audit.generators;
    for (size_t i = 0; i < named->n && !s->no_audit; i++)
        if (!strcmp(named->items[i], k->id) || !strcmp(named->items[i], k->series)) return true;
    return !s->no_audit && !named->n;
}

static mnk_status open_run(const mnk_study *s, const char *dir, const mnk_study_run_options *options,
                           const mnk_observer *observer, mnk_tables_run **out, mnk_error *err) {
    MNK_TRY(MNK_NEW(*out, 1, err));
    **out = (mnk_tables_run){.s = s, .dir = dir, .options = options, .observer = observer, .seed = (uint64_t)s->top.seed};
    mnk_study_now((*out)->started);
    MNK_TRY(mnk_study_list_generators(s, &(*out)->g, err));
    for (size_t i = 0; i < (*out)->g.n; i++)
        if (is_audited(s, &(*out)->g.item[(*out)->g.item[i].arm])) (*out)->audited[(*out)->audits++] = i;
    return MNK_OK;
}

mnk_status mnk_study_run_tables(const mnk_study *s, const char *dir, const mnk_study_run_options *options,
                                const mnk_observer *observer, mnk_study_outcome *out, mnk_error *err) {
    mnk_tables_run *r = NULL;
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
    mnk_tables_run *r = NULL;
    bool stale = !mnk_path_is_dir(dir);
    mnk_status status = MNK_OK;
    MNK_OUT(open_run(s, dir, &options, NULL, &r, err));
    MNK_OUT(mnk_tables_open_data(r, err));
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
