/* Results as JSON: format "manikin-result", version 1. Written with our own writer (stable bytes), read with jansson. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/result.h"

enum { MAX_FILE_BYTES = 256 << 20, MAX_SETTINGS_DEPTH = 16 };

/* A parsed JSON value through our writer, so that settings print the same however they were spelled. */
static void emit_value(mnk_json *j, const char *key, const json_t *v, int depth) {
    if (depth > MAX_SETTINGS_DEPTH) {
        mnk_json_null(j, key);
        return;
    }
    switch (json_typeof(v)) {
    case JSON_OBJECT: {
        const char *name;
        json_t *item;
        mnk_json_object(j, key);
        json_object_foreach((json_t *)v, name, item) emit_value(j, name, item, depth + 1);
        mnk_json_end_object(j);
        break;
    }
    case JSON_ARRAY: {
        size_t i;
        json_t *item;
        mnk_json_array(j, key);
        json_array_foreach(v, i, item) emit_value(j, NULL, item, depth + 1);
        mnk_json_end_array(j);
        break;
    }
    case JSON_STRING: mnk_json_string(j, key, json_string_value(v)); break;
    case JSON_INTEGER: mnk_json_int(j, key, json_integer_value(v)); break;
    case JSON_REAL: mnk_json_double(j, key, json_real_value(v)); break;
    case JSON_TRUE:
    case JSON_FALSE: mnk_json_bool(j, key, json_is_true(v)); break;
    case JSON_NULL: mnk_json_null(j, key); break;
    }
}

static void emit_metric(mnk_json *j, const mnk_metric *m) {
    mnk_json_object(j, NULL);
    mnk_json_string(j, "id", m->id);
    mnk_json_string(j, "group", m->group);
    if (*m->encoding) mnk_json_string(j, "encoding", m->encoding);
    if (*m->subset) mnk_json_string(j, "subset", m->subset);
    if (*m->column) mnk_json_string(j, "column", m->column);
    mnk_json_double(j, "value", m->value);
    if (!isnan(m->low) || !isnan(m->high)) {
        mnk_json_array(j, "ci");
        mnk_json_double(j, NULL, m->low);
        mnk_json_double(j, NULL, m->high);
        mnk_json_end_array(j);
        mnk_json_double(j, "level", m->level);
    }
    mnk_json_uint(j, "n", m->n);
    if (m->references) {
        mnk_json_object(j, "references");
        for (int i = 0; i < m->references; i++) mnk_json_double(j, m->reference[i].name, m->reference[i].value);
        mnk_json_end_object(j);
    }
    if (*m->verdict) mnk_json_string(j, "verdict", m->verdict);
    if (*m->note) mnk_json_string(j, "note", m->note);
    mnk_json_end_object(j);
}

static void emit_flag(mnk_json *j, const mnk_flag *f) {
    mnk_json_object(j, NULL);
    mnk_json_uint(j, "item", f->item);
    mnk_json_string(j, "flag", f->flag);
    if (f->of >= 0) mnk_json_int(j, "of", f->of);
    mnk_json_double(j, "distance", f->distance);
    if (*f->note) mnk_json_string(j, "note", f->note);
    mnk_json_end_object(j);
}

static void emit_head(mnk_json *j, const mnk_result *r) {
    mnk_json_string(j, "format", "manikin-result");
    mnk_json_int(j, "format_version", MNK_RESULT_FORMAT_VERSION);
    mnk_json_string(j, "command", r->command);
    mnk_json_string(j, "version", MNK_VERSION);
    char seed[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)r->seed);
    if (r->seed <= INT64_MAX) mnk_json_uint(j, "seed", r->seed);
    else mnk_json_string(j, "seed", seed); /* beyond what most JSON readers hold */
    mnk_json_int(j, "threads", r->threads);
    mnk_json_double(j, "wall_s", r->wall_s);
    mnk_json_object(j, "inputs");
    for (size_t i = 0; i < r->inputs; i++) {
        mnk_json_object(j, r->input[i].role);
        mnk_json_string(j, "path", r->input[i].path);
        mnk_json_uint(j, "n", r->input[i].n);
        mnk_json_string(j, "hash", r->input[i].hash);
        mnk_json_end_object(j);
    }
    mnk_json_end_object(j);
    mnk_json_array(j, "encodings");
    for (int i = 0; i < r->encodings; i++) {
        mnk_json_object(j, NULL);
        mnk_json_string(j, "name", r->encoding[i].name);
        mnk_json_int(j, "dim", r->encoding[i].dim);
        if (*r->encoding[i].note) mnk_json_string(j, "note", r->encoding[i].note);
        mnk_json_end_object(j);
    }
    mnk_json_end_array(j);
}

void mnk_result_emit(const mnk_result *r, mnk_json *j, const char *key) {
    mnk_json_object(j, key);
    emit_head(j, r);
    if (r->settings_json) {
        json_t *settings = json_loads(r->settings_json, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
        if (settings && json_is_object(settings)) emit_value(j, "settings", settings, 0);
        json_decref(settings);
    }
    mnk_json_array(j, "metrics");
    for (size_t i = 0; i < r->metrics; i++) emit_metric(j, &r->metric[i]);
    mnk_json_end_array(j);
    mnk_json_array(j, "flags");
    for (size_t i = 0; i < r->flags; i++) emit_flag(j, &r->flag[i]);
    mnk_json_end_array(j);
    mnk_json_array(j, "warnings");
    for (size_t i = 0; i < r->warnings; i++) mnk_json_string(j, NULL, r->warning[i]);
    mnk_json_end_array(j);
    mnk_json_end_object(j);
}

mnk_status mnk_result_json(const mnk_result *r, char **out, mnk_error *err) {
    *out = NULL;
    mnk_text text = {0};
    mnk_json j = {.text = &text};
    mnk_result_emit(r, &j, NULL);
    if (text.failed) {
        mnk_text_clear(&text);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory writing a result of %zu metrics and %zu flags", r->metrics,
                        r->flags);
    }
    *out = text.s;
    return MNK_OK;
}

mnk_status mnk_result_write(const mnk_result *r, const char *path, bool force, mnk_error *err) {
    char *text = NULL;
    MNK_TRY(mnk_result_json(r, &text, err));
    mnk_status status = mnk_file_write(path, force, text, strlen(text), err);
    mnk_free(text);
    return status;
}

/* ---- reading ---- */

typedef struct reader {
    const char *name; /* of the file, for messages */
    mnk_error *err;
} reader;

/* Copies a string member into a fixed field; absent is "", too long is refused. */
static mnk_status get_text(const reader *rd, const json_t *o, const char *key, char *out, size_t size) {
    const json_t *v = json_object_get(o, key);
    out[0] = '\0';
    if (!v || json_is_null(v)) return MNK_OK;
    if (!json_is_string(v) || json_string_length(v) >= size || strlen(json_string_value(v)) != json_string_length(v))
        return MNK_FAIL(rd->err, MNK_ERR_INPUT, "%s: \"%s\" is not a text of fewer than %zu bytes", rd->name, key, size);
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return MNK_OK;
}

/* A number, null (NaN) or absent (`absent`). */
static mnk_status get_double(const reader *rd, const json_t *v, const char *key, double absent, double *out) {
    *out = !v ? absent : json_is_null(v) ? (double)NAN : json_number_value(v);
    if (v && !json_is_null(v) && !json_is_number(v))
        return MNK_FAIL(rd->err, MNK_ERR_INPUT, "%s: \"%s\" is not a number", rd->name, key);
    return MNK_OK;
}

static mnk_status get_count(const reader *rd, const json_t *o, const char *key, int64_t lo, int64_t hi, int64_t absent,
                            int64_t *out) {
    const json_t *v = json_object_get(o, key);
    *out = v ? json_integer_value(v) : absent;
    if (v && (!json_is_integer(v) || *out < lo || *out > hi))
        return MNK_FAIL(rd->err, MNK_ERR_INPUT, "%s: \"%s\" is not a whole number between %lld and %lld", rd->name, key,
                        (long long)lo, (long long)hi);
    return MNK_OK;
}

static mnk_status out_of_memory(const reader *rd) { return MNK_FAIL(rd->err, MNK_ERR_MEMORY, "%s: out of memory", rd->name); }

static mnk_status read_metric(const reader *rd, const json_t *o, mnk_result *r) {
    char id[64], group[24];
    int64_t n = 0;
    if (!json_is_object(o)) return MNK_FAIL(rd->err, MNK_ERR_INPUT, "%s: a metric is not an object", rd->name);
    MNK_TRY(get_text(rd, o, "id", id, sizeof id));
    MNK_TRY(get_text(rd, o, "group", group, sizeof group));
    mnk_metric *m = mnk_result_add_metric(r, id, group);
    if (!m) return out_of_memory(rd);
    MNK_TRY(get_text(rd, o, "encoding", m->encoding, sizeof m->encoding));
    MNK_TRY(get_text(rd, o, "subset", m->subset, sizeof m->subset));
    MNK_TRY(get_text(rd, o, "column", m->column, sizeof m->column));
    MNK_TRY(get_text(rd, o, "verdict", m->verdict, sizeof m->verdict));
    MNK_TRY(get_text(rd, o, "note", m->note, sizeof m->note));
    MNK_TRY(get_double(rd, json_object_get(o, "value"), "value", NAN, &m->value));
    MNK_TRY(get_double(rd, json_object_get(o, "level"), "level", 0.95, &m->level));
    MNK_TRY(get_count(rd, o, "n", 0, INT64_MAX, 0, &n));
    m->n = (size_t)n;
    const json_t *ci = json_object_get(o, "ci");
    if (ci) {
        if (json_array_size(ci) != 2)
            return MNK_FAIL(rd->err, MNK_ERR_INPUT, "%s: metric %s: \"ci\" is not a pair", rd->name, id);
        MNK_TRY(get_double(rd, json_array_get(ci, 0), "ci", NAN, &m->low));
        MNK_TRY(get_double(rd, json_array_get(ci, 1), "ci", NAN, &m->high));
    }
    json_t *references = json_object_get(o, "references"), *value;
    const char *name;
    json_object_foreach(references, name, value) {
        double x = 0;
        MNK_TRY(get_double(rd, value, name, NAN, &x));
        if (strlen(name) >= sizeof m->reference[0].name || m->references >= 8)
            return MNK_FAIL(rd->err, MNK_ERR_INPUT, "%s: metric %s: too many references, or one with a long name", rd->name,
                            id);
        mnk_metric_add_reference(m, name, x);
    }
    return MNK_OK;
}

static mnk_status read_flag(const reader *rd, const json_t *o, mnk_result *r) {
    int64_t item = 0;
    if (!json_is_object(o)) return MNK_FAIL(rd->err, MNK_ERR_INPUT, "%s: a flag is not an object", rd->name);
    mnk_flag *f = mnk_result_add_flag(r, "", 0);
    if (!f) return out_of_memory(rd);
    MNK_TRY(get_count(rd, o, "item", 0, INT64_MAX, 0, &item));
    f->item = (size_t)item;
    MNK_TRY(get_count(rd, o, "of", -1, INT64_MAX, -1, &f->of));
    MNK_TRY(get_text(rd, o, "flag", f->flag, sizeof f->flag));
    MNK_TRY(get_text(rd, o, "note", f->note, sizeof f->note));
    return get_double(rd, json_object_get(o, "distance"), "distance", NAN, &f->distance);
}

static mnk_status read_inputs(const reader *rd, json_t *inputs, mnk_result *r) {
    const char *role;
    json_t *o;
    json_object_foreach(inputs, role, o) {
        mnk_result_input *in = strlen(role) < sizeof in->role ? mnk_result_add_input(r, role, "", 0, "") : NULL;
        int64_t n = 0;
        if (!in) return MNK_FAIL(rd->err, MNK_ERR_INPUT, "%s: an input's name is too long", rd->name);
        MNK_TRY(get_text(rd, o, "path", in->path, sizeof in->path));
        MNK_TRY(get_text(rd, o, "hash", in->hash, sizeof in->hash));
        MNK_TRY(get_count(rd, o, "n", 0, INT64_MAX, 0, &n));
        in->n = (size_t)n;
    }
    return MNK_OK;
}

static mnk_status read_encodings(const reader *rd, const json_t *list, mnk_result *r) {
    size_t i;
    json_t *o;
    if (json_array_size(list) > 8) return MNK_FAIL(rd->err, MNK_ERR_INPUT, "%s: more than 8 encodings", rd->name);
    json_array_foreach(list, i, o) {
        mnk_result_encoding *e = &r->encoding[r->encodings++];
        int64_t dim = 0;
        MNK_TRY(get_text(rd, o, "name", e->name, sizeof e->name));
        MNK_TRY(get_text(rd, o, "note", e->note, sizeof e->note));
        MNK_TRY(get_count(rd, o, "dim", 0, INT32_MAX, 0, &dim));
        e->dim = (int)dim;
    }
    return MNK_OK;
}

static mnk_status read_lists(const reader *rd, const json_t *root, mnk_result *r) {
    size_t i;
    json_t *o;
    MNK_TRY(read_inputs(rd, json_object_get(root, "inputs"), r));
    MNK_TRY(read_encodings(rd, json_object_get(root, "encodings"), r));
    json_array_foreach(json_object_get(root, "metrics"), i, o) MNK_TRY(read_metric(rd, o, r));
    json_array_foreach(json_object_get(root, "flags"), i, o) MNK_TRY(read_flag(rd, o, r));
    json_array_foreach(json_object_get(root, "warnings"), i, o) {
        if (!json_is_string(o)) return MNK_FAIL(rd->err, MNK_ERR_INPUT, "%s: warning %zu is not a text", rd->name, i);
        mnk_result_add_warning(r, "%s", json_string_value(o));
    }
    const json_t *settings = json_object_get(root, "settings");
    if (!settings) return MNK_OK;
    if (!json_is_object(settings)) return MNK_FAIL(rd->err, MNK_ERR_INPUT, "%s: \"settings\" is not an object", rd->name);
    mnk_text text = {0};
    mnk_json j = {.text = &text, .compact = true};
    emit_value(&j, NULL, settings, 0);
    if (text.failed) {
        mnk_text_clear(&text);
        return out_of_memory(rd);
    }
    r->settings_json = text.s;
    return MNK_OK;
}

static mnk_status read_head(const reader *rd, const json_t *root, mnk_result *r) {
    const char *format = json_string_value(json_object_get(root, "format"));
    int64_t version = 0, threads = 0, seed = 0;
    if (!format || strcmp(format, "manikin-result") != 0)
        return MNK_FAIL(rd->err, MNK_ERR_INPUT, "%s: not a manikin result (\"format\" is %s)", rd->name,
                        format ? format : "missing");
    MNK_TRY(get_count(rd, root, "format_version", 1, INT32_MAX, 0, &version));
    if (version > MNK_RESULT_FORMAT_VERSION) {
        mnk_status status = MNK_FAIL(rd->err, MNK_ERR_VERSION, "%s: result format %lld is newer than this program reads (%d)",
                                     rd->name, (long long)version, MNK_RESULT_FORMAT_VERSION);
        mnk_error_hint(rd->err, "update manikin");
        return status;
    }
    MNK_TRY(get_text(rd, root, "command", r->command, sizeof r->command));
    const json_t *v = json_object_get(root, "seed");
    if (json_is_string(v)) r->seed = strtoull(json_string_value(v), NULL, 10);
    else {
        MNK_TRY(get_count(rd, root, "seed", 0, INT64_MAX, 0, &seed));
        r->seed = (uint64_t)seed;
    }
    MNK_TRY(get_count(rd, root, "threads", 0, 1 << 20, 0, &threads));
    r->threads = (int)threads;
    return get_double(rd, json_object_get(root, "wall_s"), "wall_s", 0, &r->wall_s);
}

mnk_status mnk_result_parse(const char *text, size_t n, const char *name, mnk_result **out, mnk_error *err) {
    const reader rd = {name, err};
    json_error_t bad;
    mnk_result *r = NULL;
    *out = NULL;
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &bad);
    mnk_status status = MNK_OK;
    if (!root) {
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %d: not valid JSON: %s", name, bad.line, bad.text);
    } else if (!json_is_object(root)) {
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: not a manikin result", name);
    } else {
        status = mnk_result_open("", 0, &r, err);
        if (status == MNK_OK) status = read_head(&rd, root, r);
        if (status == MNK_OK) status = read_lists(&rd, root, r);
    }
    json_decref(root);
    if (status == MNK_OK) *out = r;
    else mnk_result_close(r);
    return status;
}

mnk_status mnk_result_read(const char *path, mnk_result **out, mnk_error *err) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    *out = NULL;
    MNK_TRY(mnk_file_read(path, MAX_FILE_BYTES, &bytes, &n, err));
    mnk_status status = mnk_result_parse((const char *)bytes, n, path, out, err);
    mnk_free(bytes);
    return status;
}
