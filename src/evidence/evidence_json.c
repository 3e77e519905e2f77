/* evidence.json: every number of the report. Two equal runs share every byte but those of "run". */
#include <math.h>
#include <string.h>

#include "base/result.h"
#include "evidence/report.h"

#define MNK_EVIDENCE_FORMAT_VERSION 1

static void write_set(mnk_json *j, const char *key, const mnk_images *d) {
    if (!d) return;
    mnk_json_object(j, key);
    mnk_json_string(j, "source", d->source);
    mnk_json_uint(j, "n", d->n);
    mnk_json_int(j, "height", d->height);
    mnk_json_int(j, "width", d->width);
    mnk_json_int(j, "channels", d->channels);
    mnk_json_string(j, "hash", d->n >= MNK_MANIFEST_MIN_ITEMS ? d->hash : NULL);
    mnk_json_uint(j, "skipped", d->skipped);
    mnk_json_object(j, "classes");
    for (int c = 0; c < d->classes; c++) mnk_json_uint(j, d->class_names[c], mnk_class_count(d, d->class_names[c]));
    mnk_json_end_object(j);
    mnk_json_end_object(j);
}

/* Machine and time stand under "run"; here they would make equal runs differ. */
void mnk_evidence_json_result(mnk_json *j, const char *key, const mnk_result *r) {
    if (!r) return;
    mnk_result copy = *r;
    copy.threads = 0;
    copy.wall_s = NAN;
    mnk_result_emit(&copy, j, key);
}

static void write_look(mnk_json *j, const mnk_look *l) {
    if (!l || !l->synthetic_n) return;
    mnk_json_object(j, "nearest_training_image");
    mnk_json_string(j, "unit", "root mean square difference of 8-bit pixels");
    mnk_json_uint(j, "n", l->synthetic_n);
    mnk_json_array(j, "edges");
    for (int b = 0; b <= MNK_LOOK_BINS; b++) mnk_json_double(j, NULL, l->bin_px[b]);
    mnk_json_end_array(j);
    for (int k = 0; k < 2; k++) {
        mnk_json_array(j, k ? "holdout_percent" : "synthetic_percent");
        for (int b = 0; b < MNK_LOOK_BINS; b++) mnk_json_double(j, NULL, k ? l->holdout_share[b] : l->synthetic_share[b]);
        mnk_json_end_array(j);
    }
    mnk_json_end_object(j);
}

void mnk_evidence_json_gates(mnk_json *j, const mnk_evidence *e) {
    mnk_json_array(j, "gates");
    for (size_t i = 0; i < e->gates; i++) {
        mnk_json_object(j, NULL);
        mnk_json_string(j, "gate", e->gate[i].text);
        mnk_json_double(j, "threshold", e->gate[i].threshold);
        mnk_json_double(j, "value", e->gate[i].value);
        mnk_json_bool(j, "met", e->gate[i].met);
        if (e->gate[i].note[0]) mnk_json_string(j, "note", e->gate[i].note);
        mnk_json_end_object(j);
    }
    mnk_json_end_array(j);
}

void mnk_evidence_json_run(mnk_json *j, const mnk_evidence_run *run) {
    mnk_json_object(j, "run");
    mnk_json_string(j, "started", run->started);
    mnk_json_string(j, "finished", run->finished);
    mnk_json_double(j, "wall_s", run->wall_s);
    mnk_json_int(j, "threads", run->threads);
    mnk_json_string(j, "hardware", run->hardware);
    mnk_json_array(j, "steps");
    for (size_t i = 0; i < run->steps; i++) {
        mnk_json_object(j, NULL);
        mnk_json_string(j, "step", run->step[i].name);
        mnk_json_double(j, "wall_s", run->step[i].wall_s);
        mnk_json_bool(j, "reused", run->step[i].is_reused);
        mnk_json_end_object(j);
    }
    mnk_json_end_array(j);
    mnk_json_end_object(j);
}

mnk_status mnk_evidence_json(const mnk_evidence *e, const mnk_look *l, bool with_run, mnk_text *out, mnk_error *err) {
    mnk_json j = {.text = out};
    mnk_sentence sentence[8];
    int n = mnk_evidence_answer(e, sentence);
    mnk_json_object(&j, NULL);
    mnk_json_string(&j, "format", "manikin-evidence");
    mnk_json_int(&j, "format_version", MNK_EVIDENCE_FORMAT_VERSION);
    mnk_json_string(&j, "version", MNK_VERSION);
    mnk_json_string(&j, "title", e->title);
    mnk_json_uint(&j, "seed", e->seed);
    mnk_json_bool(&j, "phantom", e->is_phantom);
    mnk_json_array(&j, "answer");
    for (int i = 0; i < n; i++) mnk_json_string(&j, NULL, sentence[i]);
    mnk_json_end_array(&j);
    mnk_evidence_json_gates(&j, e);
    mnk_json_object(&j, "data");
    if (e->data_note) mnk_json_string(&j, "note", e->data_note);
    write_set(&j, "train", e->train);
    write_set(&j, "val", e->val);
    write_set(&j, "holdout", e->holdout);
    write_set(&j, "test", e->test);
    write_set(&j, "synthetic", e->synthetic);
    write_look(&j, l);
    mnk_json_end_object(&j);
    mnk_json_object(&j, "generator");
    for (size_t i = 0; i < e->generator_facts; i++) mnk_json_string(&j, e->generator[i].name, e->generator[i].value);
    mnk_json_end_object(&j);
    mnk_json_object(&j, "results");
    mnk_evidence_json_result(&j, "data", e->data);
    mnk_evidence_json_result(&j, "evaluate", e->evaluate);
    mnk_evidence_json_result(&j, "usefulness", e->usefulness);
    mnk_json_end_object(&j);
    mnk_evidence_json_audits(&j, e);
    if (e->settings_json) mnk_json_raw(&j, "settings", e->settings_json);
    if (with_run) mnk_evidence_json_run(&j, &e->run);
    mnk_json_end_object(&j);
    return out->failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for evidence.json") : MNK_OK;
}
