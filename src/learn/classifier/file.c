/* The classifier's model file: safetensors, kind "classifier". */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "learn/classifier/model.h"

#define PREFIX "classifier."

static bool describe(const mnk_classifier *c, mnk_text *text) {
    const mnk_classifier_summary *s = &c->summary;
    mnk_json j = {.text = text, .compact = true};
    mnk_json_object(&j, NULL);
    mnk_json_int(&j, "height", s->height);
    mnk_json_int(&j, "width", s->width);
    mnk_json_int(&j, "channels", s->channels);
    mnk_json_int(&j, "stem_channels", c->width);
    mnk_json_int(&j, "stages", c->stages);
    mnk_json_string(&j, "norm", c->norm == MNK_NORM_GROUP ? "group" : "batch");
    mnk_json_array(&j, "classes");
    for (int k = 0; k < s->classes; k++) mnk_json_string(&j, NULL, c->class_names[k]);
    mnk_json_end_array(&j);
    mnk_json_array(&j, "known");
    for (int k = 0; k < s->classes; k++) mnk_json_bool(&j, NULL, c->known[k]);
    mnk_json_end_array(&j);
    mnk_json_uint(&j, "train_n", s->train_n);
    mnk_json_uint(&j, "val_n", s->val_n);
    mnk_json_uint(&j, "steps", s->steps);
    mnk_json_uint(&j, "best_step", s->best_step);
    mnk_json_double(&j, "val_loss", s->val_loss);
    mnk_json_double(&j, "val_accuracy", s->val_accuracy);
    mnk_json_end_object(&j);
    return !text->failed;
}

mnk_status mnk_classifier_save(const mnk_classifier *c, const char *path, bool force, mnk_error *err) {
    mnk_status status = MNK_OK;
    mnk_st_tensor *tensors = NULL;
    size_t n = 0;
    mnk_text text = {0};
    char version[16], seed[32];
    if (!describe(c, &text)) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory for the model's description", path));
    snprintf(version, sizeof version, "%d", MNK_MODEL_FORMAT_VERSION);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)c->summary.seed);
    mnk_st_meta meta[] = {
        {"format", "manikin-model"},
        {"format_version", version},
        {"kind", "classifier"},
        {"manikin_version", MNK_VERSION},
        {"model", text.s},
        {"settings", c->settings_json},
        {"train_hash", c->summary.train_hash},
        {"seed", seed},
        {"privacy", *c->privacy ? c->privacy : "none"},
        {"privacy_block", c->privacy_block},
    };
    const size_t lines = sizeof meta / sizeof *meta - !c->privacy_block;
    MNK_OUT(mnk_params_tensors(c->net, c->params, PREFIX, "w", &tensors, &n, err));
    MNK_OUT(mnk_st_write(path, force, tensors, n, meta, lines, err));
out:
    mnk_free(tensors);
    mnk_text_clear(&text);
    return status;
}

/* An integer member within limits. */
static mnk_status read_int(const json_t *root, const char *key, int low, int high, const char *path, int *out, mnk_error *err) {
    const json_t *value = json_object_get(root, key);
    json_int_t x = json_integer_value(value);
    if (!json_is_integer(value) || x < low || x > high)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: \"%s\" in the model's description must be a number from %d to %d", path, key,
                        low, high);
    *out = (int)x;
    return MNK_OK;
}

static mnk_status read_names(const json_t *root, const char *path, mnk_classifier **out, mnk_error *err) {
    const json_t *names = json_object_get(root, "classes"), *known = json_object_get(root, "known");
    size_t n = json_array_size(names);
    const char **text = NULL;
    bool usable = n >= 2 && n <= MNK_CLASSIFIER_CLASSES_MAX && json_array_size(known) == n;
    for (size_t k = 0; usable && k < n; k++)
        usable = json_is_string(json_array_get(names, k)) && json_is_boolean(json_array_get(known, k));
    if (!usable) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: the model's description lists no usable classes", path);
    MNK_TRY(MNK_NEW(text, n, err));
    for (size_t k = 0; k < n; k++) text[k] = json_string_value(json_array_get(names, k));
    mnk_status status = mnk_classifier_alloc((int)n, text, out, err);
    bool any = false;
    for (size_t k = 0; k < n && status == MNK_OK; k++) any |= (*out)->known[k] = json_is_true(json_array_get(known, k));
    mnk_free(text);
    if (status == MNK_OK && !any) status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: the classifier knows none of its classes", path);
    return status;
}

static size_t read_count(const json_t *root, const char *key) {
    json_int_t x = json_integer_value(json_object_get(root, key));
    return x > 0 ? (size_t)x : 0;
}

static double read_number(const json_t *root, const char *key) {
    const json_t *x = json_object_get(root, key);
    return json_is_number(x) ? json_number_value(x) : NAN;
}

static mnk_status read_norm(const json_t *root, const char *path, mnk_norm *out, mnk_error *err) {
    const char *norm = json_string_value(json_object_get(root, "norm")); /* older files have none */
    *out = norm && !strcmp(norm, "group") ? MNK_NORM_GROUP : MNK_NORM_BATCH;
    if (!norm || *out == MNK_NORM_GROUP || !strcmp(norm, "batch")) return MNK_OK;
    return MNK_FAIL(err, MNK_ERR_INPUT, "%s: normalisation \"%.40s\" is not known here", path, norm);
}

static mnk_status read_description(const json_t *root, const char *path, mnk_classifier **out, mnk_error *err) {
    MNK_TRY(read_names(root, path, out, err));
    mnk_classifier *c = *out;
    mnk_classifier_summary *s = &c->summary;
    MNK_TRY(read_int(root, "height", MNK_CLASSIFIER_SIDE_MIN, MNK_CLASSIFIER_SIDE_MAX, path, &s->height, err));
    MNK_TRY(read_int(root, "width", MNK_CLASSIFIER_SIDE_MIN, MNK_CLASSIFIER_SIDE_MAX, path, &s->width, err));
    MNK_TRY(read_int(root, "channels", 1, 3, path, &s->channels, err));
    MNK_TRY(read_int(root, "stem_channels", 4, 256, path, &c->width, err));
    MNK_TRY(read_int(root, "stages", 1, 6, path, &c->stages, err));
    MNK_TRY(read_norm(root, path, &c->norm, err));
    s->train_n = read_count(root, "train_n");
    s->val_n = read_count(root, "val_n");
    s->steps = read_count(root, "steps");
    s->best_step = read_count(root, "best_step");
    s->val_loss = read_number(root, "val_loss");
    s->val_accuracy = read_number(root, "val_accuracy");
    return MNK_OK;
}

/* Weights are finite, variances not negative: otherwise every answer would be NaN. */
static mnk_status check_numbers(const mnk_st *st, const char *path, mnk_error *err) {
    for (size_t t = 0; t < mnk_st_count(st); t++) {
        const mnk_st_tensor *tensor = mnk_st_at(st, t);
        const float *x = tensor->data;
        size_t length = strlen(tensor->name);
        bool variance = length > 4 && !strcmp(tensor->name + length - 4, ".var");
        for (size_t i = 0; tensor->dtype == MNK_F32 && i < tensor->count; i++)
            if (!isfinite(x[i]) || (variance && x[i] < 0.0f))
                return MNK_FAIL(err, MNK_ERR_INPUT, "%s: number %zu of %.100s cannot be right", path, i, tensor->name);
    }
    return MNK_OK;
}

/* Everything but the weights' own check, which mnk_params_load does by name and shape. */
static mnk_status read_model(const mnk_st *st, const char *path, mnk_classifier **out, mnk_error *err) {
    mnk_status status = MNK_OK;
    json_t *root = NULL;
    const char *model = mnk_st_meta_get(st, "model"), *settings = mnk_st_meta_get(st, "settings"),
               *seed = mnk_st_meta_get(st, "seed");
    const char *hash = mnk_st_meta_get(st, "train_hash"), *privacy = mnk_st_meta_get(st, "privacy"),
               *block = mnk_st_meta_get(st, "privacy_block");
    root = model ? json_loads(model, 0, NULL) : NULL;
    if (!json_is_object(root)) MNK_OUT(MNK_FAIL(err, MNK_ERR_INPUT, "%s: the model's description is missing or damaged", path));
    MNK_OUT(read_description(root, path, out, err));
    mnk_classifier *c = *out;
    c->summary.seed = seed ? strtoull(seed, NULL, 10) : 0;
    snprintf(c->summary.train_hash, sizeof c->summary.train_hash, "%s", hash ? hash : "");
    snprintf(c->privacy, sizeof c->privacy, "%s", privacy ? privacy : "none");
    if (block && !(c->privacy_block = mnk_strdup(block))) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", path));
    c->settings_json = mnk_strdup(settings ? settings : "{}");
    if (!c->settings_json) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the classifier's settings"));
    MNK_OUT(mnk_classifier_build(c, 0.0, err));
    MNK_OUT(mnk_params_load(c->net, c->params, PREFIX, "w", st, err));
    MNK_OUT(check_numbers(st, path, err));
    MNK_OUT(mnk_classifier_plan(c, "auto", err));
    mnk_plan_refresh(c->plan, false);
out:
    json_decref(root);
    return status;
}

mnk_status mnk_classifier_read(const mnk_st *st, const char *path, mnk_classifier **out, mnk_error *err) {
    mnk_classifier *c = NULL;
    *out = NULL;
    mnk_status status = mnk_st_require_model(st, path, "classifier", err);
    if (status == MNK_OK) status = read_model(st, path, &c, err);
    if (status == MNK_OK) *out = c;
    else mnk_classifier_close(c);
    return status;
}

mnk_status mnk_classifier_open(const char *path, mnk_classifier **out, mnk_error *err) {
    mnk_st *st = NULL;
    *out = NULL;
    MNK_TRY(mnk_st_open(path, &st, err));
    mnk_status status = mnk_classifier_read(st, path, out, err);
    mnk_st_close(st);
    return status;
}
