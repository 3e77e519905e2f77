#include "study/evidence_of.h"
#include "study/gated.h"
#include "study/study_audit.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "evidence/manifest.h"

enum { FACTS = 12 };

void mnk_study_now(char out[32]) {
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static mnk_status load(const mnk_run *r, const char *name, bool is_off, mnk_result **out, mnk_error *err) {
    char path[1200];
    if (is_off || *out) return MNK_OK;
    snprintf(path, sizeof path, "%s/results/%s.json", r->dir, name);
    return mnk_result_read(path, out, err);
}

mnk_status mnk_study_load_results(mnk_run *r, mnk_error *err) {
    MNK_TRY(load(r, "data", false, &r->data, err));
    MNK_TRY(load(r, "evaluate", r->s->no_evaluate, &r->evaluate, err));
    MNK_TRY(load(r, "usefulness", r->s->no_usefulness, &r->usefulness, err));
    return load(r, "audit", r->s->no_audit, &r->audit, err);
}

/* The study's thresholds, then those of the audit's policy. */
static size_t gates_of(const mnk_run *r, const mnk_study_audits *audits, mnk_gate *out) {
    const mnk_result *const results[] = {r->evaluate, r->usefulness, r->audit, r->data};
    for (size_t i = 0; i < r->s->gates; i++) mnk_gate_judge(&r->s->gate[i], results, 4, &out[i]);
    memcpy(out + r->s->gates, audits->summary, audits->summaries * sizeof *out);
    return r->s->gates + audits->summaries;
}

static mnk_status judge_audit(const mnk_run *r, mnk_study_audits *out, mnk_error *err) {
    *out = (mnk_study_audits){.summaries = 0};
    if (!r->audit) return MNK_OK;
    MNK_TRY(mnk_study_audits_open(r->s, 1, out, err));
    out->item[0] = (mnk_audited){"", r->audit, NULL};
    mnk_study_audits_judge(r->s, out);
    return MNK_OK;
}

/* "AMD EPYC …, 2 processors, 23.4 GiB of memory" */
void mnk_study_hardware(char out[256]) {
    char line[512], model[160] = "unknown processor";
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        snprintf(model, sizeof model, "%.150s", colon + 2);
        model[strcspn(model, "\n")] = '\0';
        break;
    }
    if (f) fclose(f);
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE), processors = sysconf(_SC_NPROCESSORS_ONLN);
    snprintf(out, 256, "%s, %ld processors, %.1f GiB of memory", model, processors,
             (double)pages * (double)page / 1073741824.0);
}

static void fact(mnk_evidence_fact *facts, size_t *n, const char *name, const char *fmt, ...) MNK_PRINTF(4, 5);
static void fact(mnk_evidence_fact *facts, size_t *n, const char *name, const char *fmt, ...) {
    if (*n == FACTS) return;
    va_list args;
    va_start(args, fmt);
    snprintf(facts[*n].name, sizeof facts[*n].name, "%s", name);
    vsnprintf(facts[*n].value, sizeof facts[*n].value, fmt, args);
    va_end(args);
    ++*n;
}

static mnk_status gan_facts(const mnk_run *r, mnk_evidence_fact *facts, size_t *n, mnk_error *err) {
    char path[1200];
    mnk_gan *gan = NULL;
    snprintf(path, sizeof path, "%s/gan/model.safetensors", r->dir);
    MNK_TRY(mnk_gan_open(path, &gan, err));
    const mnk_gan_info *info = mnk_gan_describe(gan);
    fact(facts, n, "kind", "class-conditional GAN");
    fact(facts, n, "images", "%d × %d, %s", info->width, info->height, info->channels == 3 ? "colour" : "grey");
    fact(facts, n, "parameters", "%.2f million", (double)info->parameters / 1e6);
    fact(facts, n, "trained on", "%.0f thousand images shown; weights kept: those of %.0f", info->trained_kimg, info->kimg);
    fact(facts, n, "model", "%s", info->model_hash);
    fact(facts, n, "formal privacy guarantee", "%s", info->privacy);
    mnk_gan_close(gan);
    char kept[256];
    MNK_TRY(mnk_gated_words(r->dir, "keep", kept, err));
    if (*kept && r->s->sample.keep) fact(facts, n, "gate on single images", "%.80s: %.160s", r->s->sample.keep, kept);
    return MNK_OK;
}

static void fill(mnk_run *r, mnk_evidence *e, mnk_gate *gates, const mnk_study_audits *audits) {
    const mnk_study *s = r->s;
    *e = (mnk_evidence){.title = s->top.title,
                        .seed = r->seed,
                        .is_phantom = s->data.simulate != NULL,
                        .train = r->train,
                        .val = r->val,
                        .holdout = r->holdout,
                        .test = r->test,
                        .synthetic = r->synthetic,
                        .data = r->data,
                        .evaluate = r->evaluate,
                        .usefulness = r->usefulness,
                        .data_note = r->note,
                        .settings_json = s->settings,
                        .study_text = s->text,
                        .command = r->options->command,
                        .rarest_class = s->data.rarest,
                        .gate = gates,
                        .hide_real = s->report.hide_real};
    e->gates = gates_of(r, audits, gates);
    if (audits->shown.n) e->audits = &audits->shown;
    e->run.threads = mnk_threads();
    e->run.step = r->step;
    e->run.steps = r->steps;
    for (size_t i = 0; i < r->steps; i++) e->run.wall_s += r->step[i].wall_s;
    snprintf(e->run.started, sizeof e->run.started, "%s", r->started);
    mnk_study_now(e->run.finished);
    mnk_study_hardware(e->run.hardware);
}

static mnk_status load_all(mnk_run *r, mnk_error *err) {
    MNK_TRY(mnk_run_splits(r, err));
    MNK_TRY(mnk_run_synthetic(r, err));
    return mnk_study_load_results(r, err);
}

mnk_status mnk_study_write_report(mnk_run *r, bool can_continue, mnk_error *err) {
    (void)can_continue;
    char content[MNK_HASH_TEXT], key[MNK_PUBLIC_KEY_TEXT], events[1200];
    mnk_gate gates[2 * MNK_GATES_MAX];
    mnk_evidence_fact facts[FACTS];
    mnk_evidence e;
    mnk_study_audits audits = {.summaries = 0};
    mnk_status status = MNK_OK;
    MNK_TRY(load_all(r, err));
    MNK_OUT(judge_audit(r, &audits, err));
    fill(r, &e, gates, &audits);
    MNK_OUT(gan_facts(r, facts, &e.generator_facts, err));
    e.generator = facts;
    snprintf(events, sizeof events, "%s/gan/model.run/events.jsonl", r->dir);
    if (mnk_path_exists(events)) e.events_path = events;
    if (r->options->key) mnk_key_public_text(r->options->key, key), e.public_key = key;
    MNK_OUT(mnk_evidence_write(&e, r->dir, r->observer, content, err));
    MNK_OUT(mnk_study_write_content_hash(r->dir, content, err));
out:
    mnk_study_audits_close(&audits);
    return status;
}

mnk_status mnk_study_outcome_of(mnk_run *r, mnk_study_outcome *out, mnk_error *err) {
    mnk_gate gates[2 * MNK_GATES_MAX];
    mnk_evidence e;
    mnk_study_audits audits = {.summaries = 0};
    mnk_status status = MNK_OK;
    MNK_TRY(load_all(r, err));
    MNK_OUT(judge_audit(r, &audits, err));
    fill(r, &e, gates, &audits);
    out->answers = mnk_evidence_answer(&e, out->answer);
    out->gates = e.gates;
    memcpy(out->gate, gates, e.gates * sizeof *gates);
    snprintf(out->report, sizeof out->report, "%s/report.html", r->dir);
out:
    mnk_study_audits_close(&audits);
    return status;
}

/* ---- the manifest ---- */

static bool still_holds(const char *dir, const mnk_key *signer) {
    mnk_verify_report *v = NULL;
    mnk_error ignored = MNK_ERROR_INIT;
    char key[MNK_PUBLIC_KEY_TEXT] = "";
    if (signer) mnk_key_public_text(signer, key);
    if (mnk_evidence_verify(dir, *key ? key : NULL, NULL, &v, &ignored) != MNK_OK) return false;
    bool holds = v->findings == 0 && v->is_signed == (signer != NULL);
    mnk_verify_close(v);
    return holds;
}

mnk_status mnk_study_unseal(const char *dir, mnk_error *err) {
    static const char *const names[] = {MNK_MANIFEST_NAME ".minisig", MNK_MANIFEST_NAME};
    for (int i = 0; i < 2; i++) {
        char path[1200];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        MNK_TRY(mnk_dir_remove(path, err));
    }
    return MNK_OK;
}

mnk_status mnk_study_write_content_hash(const char *dir, const char *hash, mnk_error *err) {
    char path[1200];
    snprintf(path, sizeof path, "%s/" MNK_STEPS_FOLDER "/content.hash", dir);
    return mnk_file_write(path, true, hash, strlen(hash), err);
}

mnk_status mnk_study_seal_folder(const char *dir, mnk_manifest_info *info, const mnk_key *key, bool is_dirty,
                                 bool *was_unchanged, mnk_error *err) {
    char path[1200], now[32], *content = NULL;
    size_t size = 0;
    *was_unchanged = !is_dirty && still_holds(dir, key);
    if (*was_unchanged) return MNK_OK;
    snprintf(path, sizeof path, "%s/" MNK_STEPS_FOLDER "/content.hash", dir);
    MNK_TRY(mnk_file_read(path, 256, (uint8_t **)&content, &size, err));
    mnk_study_now(now);
    info->evidence_content = content;
    info->created = now;
    mnk_status status = mnk_manifest_write(dir, info, key, err);
    mnk_free(content);
    return status;
}

void mnk_study_add_input(mnk_manifest_input *rows, size_t *n, const char *role, const char *source, const char *hash,
                         size_t items) {
    mnk_manifest_input *in = &rows[(*n)++];
    *in = (mnk_manifest_input){.n = items};
    snprintf(in->role, sizeof in->role, "%s", role);
    snprintf(in->path, sizeof in->path, "%.500s", source);
    snprintf(in->hash, sizeof in->hash, "%s", hash);
}

static void input(mnk_manifest_input *rows, size_t *n, const char *role, const mnk_images *d) {
    if (d) mnk_study_add_input(rows, n, role, d->source, d->hash, d->n);
}

mnk_status mnk_study_seal(mnk_run *r, bool *was_unchanged, mnk_error *err) {
    static const char *const varies[] = {
        "report.html",          "evidence.json",          "gan/model.run/events.jsonl", ".steps/simulate.json",
        ".steps/data.json",     ".steps/gan.json",        ".steps/sample.json",         ".steps/classifier.json",
        ".steps/evaluate.json", ".steps/usefulness.json", ".steps/audit.json",          ".steps/report.json",
        ".steps/report.key",    ".steps/study.json"};
    mnk_manifest_input inputs[4];
    size_t n = 0;
    MNK_TRY(mnk_run_splits(r, err));
    input(inputs, &n, "train", r->train);
    input(inputs, &n, "val", r->val);
    input(inputs, &n, "holdout", r->holdout);
    input(inputs, &n, "test", r->test);
    mnk_manifest_info info = {.title = r->s->top.title,
                              .seed = r->seed,
                              .input = inputs,
                              .inputs = n,
                              .settings_json = r->s->settings,
                              .varies = varies,
                              .n_varies = sizeof varies / sizeof *varies};
    return mnk_study_seal_folder(r->dir, &info, r->options->key, r->is_dirty, was_unchanged, err);
}
