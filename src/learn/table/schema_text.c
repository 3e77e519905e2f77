#include "learn/table/schema_text.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

#include "base/error.h"

enum { COLUMNS_MAX = 100000 };

static void write_list(mnk_json *j, const char *key, char *const *text, size_t n) {
    mnk_json_array(j, key);
    for (size_t i = 0; i < n; i++) mnk_json_string(j, NULL, text[i]);
    mnk_json_end_array(j);
}

void mnk_schema_to_json(const mnk_schema *s, mnk_text *out) {
    mnk_json j = {.text = out, .compact = true};
    mnk_json_object(&j, NULL);
    mnk_json_bool(&j, "inferred", s->is_inferred);
    write_list(&j, "rules", s->rule, s->rules);
    mnk_json_array(&j, "columns");
    for (size_t c = 0; c < s->columns; c++) {
        const mnk_column *k = &s->column[c];
        mnk_json_object(&j, NULL);
        mnk_json_string(&j, "name", k->name);
        mnk_json_int(&j, "type", k->type);
        mnk_json_uint(&j, "roles", k->roles);
        mnk_json_string(&j, "unit", k->unit);
        mnk_json_int(&j, "decimals", k->decimals);
        mnk_json_double(&j, "low", k->low); /* no bound prints null */
        mnk_json_double(&j, "high", k->high);
        mnk_json_string(&j, "format", k->format);
        mnk_json_bool(&j, "open", k->is_open);
        write_list(&j, "levels", k->level, k->levels);
        write_list(&j, "missing", k->missing, k->missings);
        mnk_json_end_object(&j);
    }
    mnk_json_end_array(&j);
    mnk_json_end_object(&j);
}

static mnk_status damaged(const char *where, const char *what, mnk_error *err) {
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: its schema: %s", where, what);
    mnk_error_hint(err, "train it again, or fetch the file anew");
    return status;
}

static mnk_status read_text(const json_t *o, const char *key, char **slot, const char *where, mnk_error *err) {
    const char *text = json_string_value(json_object_get(o, key));
    return text ? mnk_schema_text(slot, text, err) : damaged(where, "a column lacks a text", err);
}

static mnk_status read_column(const json_t *o, mnk_schema *s, size_t c, const char *where, mnk_error *err) {
    mnk_column *k = &s->column[c];
    const json_t *type = json_object_get(o, "type"), *roles = json_object_get(o, "roles"),
                 *decimals = json_object_get(o, "decimals");
    const json_t *low = json_object_get(o, "low"), *high = json_object_get(o, "high");
    const json_t *levels = json_object_get(o, "levels"), *missing = json_object_get(o, "missing");
    json_int_t t = json_integer_value(type), r = json_integer_value(roles), d = json_integer_value(decimals);
    if (!json_is_integer(type) || t < 0 || t >= MNK_COLUMN_TYPES || !json_is_integer(roles) || r < 0 || r >> MNK_COLUMN_ROLES ||
        !json_is_integer(decimals) || d < -1 || d > 20 || !json_is_array(levels) || !json_is_array(missing))
        return damaged(where, "a column is impossible", err);
    k->type = (mnk_column_type)t, k->roles = (unsigned)r, k->decimals = (int)d;
    k->low = json_is_number(low) ? json_number_value(low) : (double)NAN;
    k->high = json_is_number(high) ? json_number_value(high) : (double)NAN;
    k->is_open = json_is_true(json_object_get(o, "open"));
    MNK_TRY(read_text(o, "name", &k->name, where, err));
    MNK_TRY(read_text(o, "unit", &k->unit, where, err));
    MNK_TRY(read_text(o, "format", &k->format, where, err));
    for (size_t i = 0; i < json_array_size(levels); i++) {
        const char *text = json_string_value(json_array_get(levels, i));
        int32_t code;
        if (!text || mnk_column_is_number(k)) return damaged(where, "a column's levels are impossible", err);
        MNK_TRY(mnk_schema_add_level(s, c, text, &code, err));
        if ((size_t)code != i) return damaged(where, "a level stands there twice", err);
    }
    for (size_t i = 0; i < json_array_size(missing); i++) {
        const char *text = json_string_value(json_array_get(missing, i));
        if (!text) return damaged(where, "a missing code is no text", err);
        MNK_TRY(mnk_schema_add_missing(s, c, text, err));
    }
    return MNK_OK;
}

static mnk_status read_root(const json_t *root, const char *where, mnk_schema **out, mnk_error *err) {
    const json_t *columns = json_object_get(root, "columns"), *rules = json_object_get(root, "rules");
    size_t n = json_array_size(columns);
    if (!json_is_array(columns) || !json_is_array(rules) || n == 0 || n > COLUMNS_MAX) return damaged(where, "no columns", err);
    MNK_TRY(mnk_schema_new(n, out, err));
    mnk_schema *s = *out;
    s->is_inferred = json_is_true(json_object_get(root, "inferred"));
    for (size_t c = 0; c < n; c++) MNK_TRY(read_column(json_array_get(columns, c), s, c, where, err));
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const char *text = json_string_value(json_array_get(rules, i));
        if (!text) return damaged(where, "a rule is no text", err);
        MNK_TRY(mnk_schema_add_rule(s, text, err));
    }
    return MNK_OK;
}

mnk_status mnk_schema_from_json(const char *text, const char *where, mnk_schema **out, mnk_error *err) {
    *out = NULL;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    mnk_status status = read_root(root, where, out, err);
    json_decref(root);
    if (status != MNK_OK) mnk_schema_close(*out), *out = NULL;
    return status;
}
