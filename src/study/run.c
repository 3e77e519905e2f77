/* Drives the steps: what is up to date is left alone, what is not is done, what was begun is continued. */
#include "study/run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "study/evidence_of.h"
#include "study/study_audit.h"
#include "study/tables.h"

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool is_off(const mnk_step *step, const mnk_study *s) { return step->is_off && step->is_off(s); }

/* A step's key: program, settings, seed, and the main outputs of the steps before it. The step "data" also takes the contents
 * of the data; the report what it prints beyond results. */
static mnk_status key_of(mnk_run *r, const mnk_step *step, char key[MNK_HASH_TEXT], mnk_error *err) {
    mnk_text t = {0};
    mnk_hash *h = mnk_hash_open();
    if (!h) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    mnk_hash_add_text(h, "manikin step 1");
    mnk_hash_add_text(h, MNK_VERSION);
    mnk_hash_add_text(h, step->name);
    mnk_hash_add(h, &r->seed, sizeof r->seed);
    for (size_t i = 0; i < sizeof step->section / sizeof *step->section && step->section[i]; i++) {
        mnk_text_clear(&t);
        mnk_study_section_json(r->s, step->section[i], &t);
        mnk_hash_add_text(h, t.s ? t.s : "");
    }
    if (step->id == MNK_STEP_AUDIT) { /* another policy needs no new attack */
        mnk_text_clear(&t);
        mnk_study_audit_key(r->s, &t);
        mnk_hash_add_text(h, t.s ? t.s : "");
    }
    if (step->id == MNK_STEP_SIMULATE) mnk_hash_add(h, &r->s->data.n, sizeof r->s->data.n);
    for (int k = 0; k < (int)step->id; k++)
        if (step->after >> k & 1) mnk_hash_add_text(h, r->digest[k]);
    if (step->id == MNK_STEP_DATA) mnk_hash_add_text(h, r->all->hash);
    if (step->id == MNK_STEP_REPORT) {
        char open[MNK_PUBLIC_KEY_TEXT] = "";
        if (r->options->key) mnk_key_public_text(r->options->key, open);
        mnk_hash_add_text(h, open);
        mnk_hash_add_text(h, r->s->settings); /* title, thresholds */
        if (r->s->has_policy) mnk_hash_add_text(h, r->s->policy.hash);
        mnk_hash_add_text(h, r->options->command ? r->options->command : "");
    }
    bool failed = t.failed;
    mnk_text_clear(&t);
    mnk_hash_finish(h, key);
    return failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory") : MNK_OK;
}

static void tell(const mnk_run *r, const mnk_step *step, mnk_step_state state, double wall_s) {
    if (!r->options->step) return;
    int index = 0, total = 0; /* among the steps of this study */
    for (int i = 0; i < MNK_STEPS_MAX; i++)
        if (!is_off(&mnk_steps[i], r->s)) total++, index += i <= (int)step->id;
    mnk_step_event e = {index, total, step->name, step->title, state, wall_s};
    r->options->step(r->options->ctx, &e);
}

static mnk_status do_step(mnk_run *r, const mnk_step *step, const char *key, mnk_cache_state *state, mnk_error *err) {
    bool can_continue = false;
    double start = seconds();
    if (!r->is_dirty) MNK_TRY(mnk_study_unseal(r->dir, err));
    r->is_dirty = true;
    tell(r, step, MNK_STEP_STARTED, 0);
    if (step->folder) MNK_TRY(mnk_cache_begin(r->dir, step->name, key, step->folder, &can_continue, err));
    MNK_TRY(step->work(r, can_continue, err));
    const char *outputs[2] = {step->output[0], step->output[1]};
    if (step->id == MNK_STEP_SAMPLE) outputs[0] = mnk_run_samples(r->s);
    /* later steps depend on the splits, not on how they are described */
    const char *digest = step->id == MNK_STEP_DATA ? r->all->hash : NULL;
    return mnk_cache_commit(r->dir, step->name, key, seconds() - start, outputs, 1 + (outputs[1] != NULL), digest, state, err);
}

/* Before a generator is trained for hours. */
static mnk_status check_audit(const mnk_run *r, mnk_error *err) {
    size_t train = 0, holdout = 0;
    for (size_t i = 0; i < r->all->n; i++) {
        train += r->all->split[i] == MNK_SPLIT_TRAIN;
        holdout += r->all->split[i] == MNK_SPLIT_HOLDOUT;
    }
    return mnk_study_audit_can(r->s, train, holdout, err);
}

static mnk_status run_step(mnk_run *r, const mnk_step *step, mnk_error *err) {
    char key[MNK_HASH_TEXT];
    mnk_cache_state state;
    if (is_off(step, r->s)) return MNK_OK;
    if (mnk_observe_stopped(r->observer)) return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped before step %s", step->name);
    if (step->id == MNK_STEP_DATA) {
        MNK_TRY(mnk_run_data(r, err));
        MNK_TRY(check_audit(r, err));
    }
    MNK_TRY(key_of(r, step, key, err));
    MNK_TRY(mnk_cache_check(r->dir, step->name, key, &state, err));
    bool reused = state.is_current;
    if (!reused) {
        MNK_TRY(do_step(r, step, key, &state, err));
        tell(r, step, MNK_STEP_DONE, state.wall_s);
    } else {
        tell(r, step, MNK_STEP_REUSED, state.wall_s);
    }
    snprintf(r->digest[step->id], sizeof r->digest[0], "%s", state.digest);
    mnk_evidence_step *row = &r->step[r->steps++];
    *row = (mnk_evidence_step){.wall_s = state.wall_s, .is_reused = reused};
    snprintf(row->name, sizeof row->name, "%s", step->name);
    snprintf(row->title, sizeof row->title, "%s", step->title);
    return MNK_OK;
}

mnk_status mnk_study_run(const mnk_study *s, const char *dir, const mnk_study_run_options *options,
                         const mnk_observer *observer, mnk_study_outcome *out, mnk_error *err) {
    *out = (mnk_study_outcome){.answers = 0};
    if (strlen(dir) > 1000) return MNK_FAIL(err, MNK_ERR_INPUT, "%.100s…: name too long", dir);
    int lock = -1;
    MNK_TRY(mnk_cache_claim(dir, mnk_path_base(s->name), options->force, &lock, err));
    mnk_run *r = NULL;
    mnk_status status = MNK_OK;
    if (s->is_table) {
        status = mnk_study_run_tables(s, dir, options, observer, out, err);
        goto out;
    }
    MNK_OUT(MNK_NEW(r, 1, err));
    *r = (mnk_run){.s = s, .dir = dir, .options = options, .observer = observer, .seed = (uint64_t)s->top.seed};
    mnk_study_now(r->started);
    for (int i = 0; i < MNK_STEPS_MAX; i++) MNK_OUT(run_step(r, &mnk_steps[i], err));
    MNK_OUT(mnk_study_seal(r, &out->is_unchanged, err));
    MNK_OUT(mnk_study_outcome_of(r, out, err));
    MNK_OUT(mnk_gates_check(out->gate, out->gates, "the study", err));
out:
    if (r) mnk_run_clear(r);
    mnk_free(r);
    mnk_cache_release(lock);
    return status;
}

mnk_status mnk_study_plan(const mnk_study *s, const char *dir, void (*step)(void *ctx, const mnk_step_event *event), void *ctx,
                          mnk_error *err) {
    mnk_study_run_options options = {.step = step, .ctx = ctx};
    if (s->is_table) return mnk_study_plan_tables(s, dir, step, ctx, err);
    mnk_run *r = NULL;
    bool stale = !mnk_path_is_dir(dir);
    mnk_status status = MNK_OK;
    MNK_TRY(MNK_NEW(r, 1, err));
    *r = (mnk_run){.s = s, .dir = dir, .options = &options, .seed = (uint64_t)s->top.seed};
    for (int i = 0; i < MNK_STEPS_MAX; i++) {
        char key[MNK_HASH_TEXT];
        mnk_cache_state state = {.is_current = false};
        if (is_off(&mnk_steps[i], s)) continue;
        if (i == MNK_STEP_DATA && (!stale || s->data.path)) MNK_OUT(mnk_run_data(r, err));
        if (!stale && i != MNK_STEP_REPORT) {
            MNK_OUT(key_of(r, &mnk_steps[i], key, err));
            MNK_OUT(mnk_cache_check(dir, mnk_steps[i].name, key, &state, err));
        }
        stale = stale || !state.is_current;
        snprintf(r->digest[i], sizeof r->digest[0], "%s", state.digest);
        tell(r, &mnk_steps[i], state.is_current ? MNK_STEP_REUSED : MNK_STEP_STARTED, state.wall_s);
    }
out:
    mnk_run_clear(r);
    mnk_free(r);
    return status;
}
