/* Schema files read: every key, role, type and level is checked, with its place. */
#include "data/schema_file.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/options.h"
#include "base/yaml.h"
#include "data/date_text.h"
#include "data/images.h"
#include "data/number_text.h"

static const mnk_yaml_format format = {"schema", "manikin_schema: 1", (size_t)16 << 20, 400000};

typedef struct reading {
    const char *name;
    mnk_schema *s;
    mnk_error *err;
} reading;

__attribute__((format(printf, 3, 4))) static mnk_status fail_at(reading *g, const mnk_yaml *node, const char *fmt, ...) {
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return MNK_FAIL(g->err, MNK_ERR_INPUT, "%s:%d:%d: %s", g->name, node->value_line, node->value_column, text);
}

static mnk_status text_of(reading *g, const mnk_yaml *node, const char **out) {
    if (node->kind != MNK_YAML_TEXT)
        return fail_at(g, node, "%.60s must be a single value", node->key ? node->key : "an entry");
    *out = node->text;
    return MNK_OK;
}

static mnk_status take_bool(reading *g, const mnk_yaml *node, bool *out) {
    const char *t = NULL;
    MNK_TRY(text_of(g, node, &t));
    *out = !strcmp(t, "true");
    return *out || !strcmp(t, "false") ? MNK_OK : fail_at(g, node, "%s must be true or false", node->key);
}

static mnk_status take_text(reading *g, const mnk_yaml *node, char **slot) {
    const char *t = NULL;
    MNK_TRY(text_of(g, node, &t));
    return mnk_schema_text(slot, t, g->err);
}

/* One of n names; `hint` lists them all. */
static mnk_status take_name(reading *g, const mnk_yaml *node, const char *what, const char *const *names, size_t n,
                            const char *hint, size_t *out) {
    const char *t = NULL;
    char shown[96];
    MNK_TRY(text_of(g, node, &t));
    for (*out = 0; *out < n; ++*out)
        if (!strcmp(names[*out], t)) return MNK_OK;
    const char *near = mnk_nearest(t, names, n);
    mnk_status status = fail_at(g, node, "unknown %s \"%s\"%s%s%s", what, mnk_printable(t, shown),
                                near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    mnk_error_hint(g->err, "%s", hint);
    return status;
}

static mnk_status take_type(reading *g, const mnk_yaml *node, mnk_column *c) {
    const char *names[MNK_COLUMN_TYPES];
    size_t i = 0;
    for (int k = 0; k < MNK_COLUMN_TYPES; k++) names[k] = mnk_column_type_name((mnk_column_type)k);
    MNK_TRY(
        take_name(g, node, "type", names, MNK_COLUMN_TYPES, "types: numeric, integer, date, category, ordinal, text, id", &i));
    c->type = (mnk_column_type)i;
    return MNK_OK;
}

static mnk_status take_role(reading *g, const mnk_yaml *node, mnk_column *c) {
    const char *names[MNK_COLUMN_ROLES];
    size_t i = 0;
    for (int k = 0; k < MNK_COLUMN_ROLES; k++) names[k] = mnk_column_role_name((mnk_column_role)(1 << k));
    MNK_TRY(take_name(g, node, "role", names, MNK_COLUMN_ROLES,
                      "roles: label, person, subgroup, quasi-identifier, sensitive, time, event, visit, split, ignore", &i));
    c->roles |= 1u << i;
    return MNK_OK;
}

static mnk_status take_decimals(reading *g, const mnk_yaml *node, mnk_column *c) {
    const char *t = NULL;
    char *end = NULL;
    MNK_TRY(text_of(g, node, &t));
    long n = strtol(t, &end, 10);
    if (!*t || *end || n < -1 || n > 15)
        return fail_at(g, node, "decimals must be between 0 and 15, or -1 for as many as needed");
    c->decimals = (int)n;
    return MNK_OK;
}

/* A list, or one value that stands for a list of one. */
typedef mnk_status (*take_item)(reading *g, const mnk_yaml *node, size_t c);
static mnk_status take_list(reading *g, const mnk_yaml *node, size_t c, take_item take) {
    if (node->kind == MNK_YAML_TEXT) return take(g, node, c);
    if (node->kind != MNK_YAML_LIST) return fail_at(g, node, "%s must be a list", node->key);
    for (const mnk_yaml *i = node->first; i; i = i->next) MNK_TRY(take(g, i, c));
    return MNK_OK;
}

static mnk_status role_item(reading *g, const mnk_yaml *node, size_t c) { return take_role(g, node, &g->s->column[c]); }

static mnk_status level_item(reading *g, const mnk_yaml *node, size_t c) {
    const char *t = NULL;
    char shown[96];
    MNK_TRY(text_of(g, node, &t));
    if (!*t) return fail_at(g, node, "an empty level; the empty field means missing");
    if (mnk_schema_level(g->s, c, t) >= 0) return fail_at(g, node, "level \"%s\" is given twice", mnk_printable(t, shown));
    return mnk_schema_add_level(g->s, c, t, NULL, g->err);
}

static mnk_status missing_item(reading *g, const mnk_yaml *node, size_t c) {
    const char *t = NULL;
    MNK_TRY(text_of(g, node, &t));
    if (g->s->column[c].missings >= 64) return fail_at(g, node, "more than 64 texts for missing");
    return *t ? mnk_schema_add_missing(g->s, c, t, g->err) : MNK_OK;
}

static mnk_status rule_item(reading *g, const mnk_yaml *node, size_t c) {
    (void)c;
    const char *t = NULL;
    mnk_rule *rule = NULL;
    mnk_error why = MNK_ERROR_INIT;
    MNK_TRY(text_of(g, node, &t));
    if (mnk_rule_parse(t, g->s, &rule, &why) != MNK_OK) {
        if (why.code == MNK_ERR_MEMORY) return MNK_FAIL(g->err, why.code, "%s: out of memory", g->name);
        mnk_status status = fail_at(g, node, "%.500s", why.message);
        if (*why.hint) mnk_error_hint(g->err, "%s", why.hint);
        return status;
    }
    mnk_rule_close(rule);
    return mnk_schema_add_rule(g->s, t, g->err);
}

static mnk_status take_bound(reading *g, const mnk_yaml *node, const mnk_column *c, double *out) {
    const char *t = NULL;
    char shown[96];
    MNK_TRY(text_of(g, node, &t));
    size_t n = strlen(t);
    if (c->type == MNK_COLUMN_DATE ? mnk_date_parse(t, n, c->format, out) || mnk_date_parse(t, n, "%Y-%m-%d", out)
                                   : mnk_number_parse(t, n, MNK_NUMBER_POINT, out, NULL))
        return MNK_OK;
    return fail_at(g, node, "%s: '%s' is not a %s", node->key, mnk_printable(t, shown),
                   c->type == MNK_COLUMN_DATE ? "date" : "number");
}

static mnk_status unknown_key(reading *g, const mnk_yaml *node, const char *const *keys, size_t n, const char *where) {
    char shown[96];
    const char *near = mnk_nearest(node->key, keys, n);
    return MNK_FAIL(g->err, MNK_ERR_INPUT, "%s:%d:%d: unknown key \"%s\" in %s%s%s%s", g->name, node->line, node->column,
                    mnk_printable(node->key, shown), where, near ? "; did you mean \"" : "", near ? near : "",
                    near ? "\"?" : "");
}

static mnk_status check_column(reading *g, const mnk_yaml *node, size_t c, bool has_levels) {
    mnk_column *k = &g->s->column[c];
    char shown[96];
    if (!*k->name) return fail_at(g, node, "a column without name");
    for (size_t i = 0; i < c; i++)
        if (!strcmp(g->s->column[i].name, k->name))
            return fail_at(g, node, "column \"%s\" is given twice", mnk_printable(k->name, shown));
    bool number = mnk_column_is_number(k);
    if (number && has_levels)
        return fail_at(g, node, "column \"%s\": %s columns have no levels", mnk_printable(k->name, shown),
                       mnk_column_type_name(k->type));
    if (!number && !(isnan(k->low) && isnan(k->high)))
        return fail_at(g, node, "column \"%s\": %s columns have no bounds", mnk_printable(k->name, shown),
                       mnk_column_type_name(k->type));
    if (k->low > k->high) return fail_at(g, node, "column \"%s\": low is above high", mnk_printable(k->name, shown));
    for (size_t i = 0; i < k->missings; i++)
        if (mnk_schema_level(g->s, c, k->missing[i]) >= 0)
            return fail_at(g, node, "column \"%s\": \"%.60s\" is a level and means missing", mnk_printable(k->name, shown),
                           k->missing[i]);
    if (!number && (!has_levels || k->type == MNK_COLUMN_TEXT || k->type == MNK_COLUMN_ID)) k->is_open = true; /* as found */
    return MNK_OK;
}

static mnk_status take_column(reading *g, const mnk_yaml *node, size_t c) {
    static const char *const keys[] = {"name", "type",   "roles", "unit",   "decimals", "low",
                                       "high", "format", "open",  "levels", "missing"};
    mnk_column *k = &g->s->column[c];
    const mnk_yaml *low = NULL, *high = NULL, *levels = NULL;
    if (node->kind != MNK_YAML_MAP) return fail_at(g, node, "a column is a list of \"name: …\", \"type: …\" lines");
    for (const mnk_yaml *e = node->first; e; e = e->next) {
        if (!strcmp(e->key, "name")) MNK_TRY(take_text(g, e, &k->name));
        else if (!strcmp(e->key, "type")) MNK_TRY(take_type(g, e, k));
        else if (!strcmp(e->key, "roles")) MNK_TRY(take_list(g, e, c, role_item));
        else if (!strcmp(e->key, "unit")) MNK_TRY(take_text(g, e, &k->unit));
        else if (!strcmp(e->key, "decimals")) MNK_TRY(take_decimals(g, e, k));
        else if (!strcmp(e->key, "low")) low = e;
        else if (!strcmp(e->key, "high")) high = e;
        else if (!strcmp(e->key, "format")) MNK_TRY(take_text(g, e, &k->format));
        else if (!strcmp(e->key, "open")) MNK_TRY(take_bool(g, e, &k->is_open));
        else if (!strcmp(e->key, "levels")) MNK_TRY(take_list(g, levels = e, c, level_item));
        else if (!strcmp(e->key, "missing")) MNK_TRY(take_list(g, e, c, missing_item));
        else return unknown_key(g, e, keys, sizeof keys / sizeof *keys, "a column");
    }
    if (!mnk_yaml_get(node, "type")) return fail_at(g, node, "column \"%.60s\" has no type", k->name);
    if (k->type == MNK_COLUMN_DATE && !*k->format) MNK_TRY(mnk_schema_text(&k->format, "%Y-%m-%d", g->err));
    if (k->type == MNK_COLUMN_DATE && !mnk_date_pattern_valid(k->format))
        return fail_at(g, node, "column \"%.60s\": a date format is made of %%Y %%y %%m %%d %%b %%H %%M %%S %%z", k->name);
    if (k->type != MNK_COLUMN_DATE && *k->format)
        return fail_at(g, node, "column \"%.60s\": only dates have a format", k->name);
    if (low) MNK_TRY(take_bound(g, low, k, &k->low));
    if (high) MNK_TRY(take_bound(g, high, k, &k->high));
    return check_column(g, node, c, levels != NULL);
}

static mnk_status check_roles(reading *g, const mnk_yaml *node) {
    static const mnk_column_role once[] = {MNK_COLUMN_IS_LABEL, MNK_COLUMN_IS_PERSON, MNK_COLUMN_IS_TIME, MNK_COLUMN_IS_EVENT,
                                           MNK_COLUMN_IS_SPLIT};
    for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
        long first = mnk_schema_role(g->s, once[i]);
        for (size_t c = (size_t)(first + 1); first >= 0 && c < g->s->columns; c++)
            if (g->s->column[c].roles & (unsigned)once[i])
                return fail_at(g, node, "two columns have the role %s: \"%.60s\" and \"%.60s\"", mnk_column_role_name(once[i]),
                               g->s->column[first].name, g->s->column[c].name);
    }
    return MNK_OK;
}

static mnk_status check_version(reading *g, const mnk_yaml *root) {
    const mnk_yaml *v = mnk_yaml_get(root, "manikin_schema");
    const char *t = NULL;
    char *end = NULL;
    if (!v) return MNK_FAIL(g->err, MNK_ERR_INPUT, "%s:1:1: the line \"manikin_schema: 1\" is missing", g->name);
    MNK_TRY(text_of(g, v, &t));
    long n = strtol(t, &end, 10);
    if (!*t || *end || n < 1) return fail_at(g, v, "manikin_schema: the version must be a number");
    if (n <= MNK_SCHEMA_FILE_VERSION) return MNK_OK;
    mnk_status status = MNK_FAIL(g->err, MNK_ERR_VERSION, "%s:%d:%d: schema format %ld; this program reads up to %d", g->name,
                                 v->value_line, v->value_column, n, MNK_SCHEMA_FILE_VERSION);
    mnk_error_hint(g->err, "use a newer manikin");
    return status;
}

static mnk_status take_mark(reading *g, const mnk_yaml *node, mnk_table_mark *mark) {
    static const char *const keys[] = {"generator", "model", "seed"};
    const char *t = NULL;
    char *end = NULL;
    if (node->kind != MNK_YAML_MAP)
        return fail_at(g, node, "synthetic is a list of \"generator: …\", \"model: …\", \"seed: …\"");
    mark->synthetic = true;
    for (const mnk_yaml *e = node->first; e; e = e->next) {
        MNK_TRY(text_of(g, e, &t));
        if (!strcmp(e->key, "generator")) snprintf(mark->generator, sizeof mark->generator, "%.63s", t);
        else if (!strcmp(e->key, "model")) snprintf(mark->model_hash, sizeof mark->model_hash, "%.72s", t);
        else if (!strcmp(e->key, "seed")) {
            mark->seed = strtoull(t, &end, 10);
            if (!*t || *end || *t == '-') return fail_at(g, e, "seed must be a whole number");
        } else return unknown_key(g, e, keys, 3, "synthetic");
    }
    return MNK_OK;
}

static mnk_status take_root(reading *g, const mnk_yaml *root, mnk_table_mark *mark) {
    static const char *const keys[] = {"manikin_schema", "proposed", "columns", "rules", "synthetic"};
    const mnk_yaml *columns = NULL, *rules = NULL;
    bool proposed = false;
    for (const mnk_yaml *e = root->first; e; e = e->next) {
        if (!strcmp(e->key, "proposed")) MNK_TRY(take_bool(g, e, &proposed));
        else if (!strcmp(e->key, "columns")) columns = e;
        else if (!strcmp(e->key, "rules")) rules = e;
        else if (!strcmp(e->key, "synthetic")) MNK_TRY(take_mark(g, e, mark));
        else if (strcmp(e->key, "manikin_schema") != 0) return unknown_key(g, e, keys, sizeof keys / sizeof *keys, "a schema");
    }
    if (!columns || columns->kind != MNK_YAML_LIST || !columns->first)
        return MNK_FAIL(g->err, MNK_ERR_INPUT, "%s:1:1: the list \"columns:\" is missing", g->name);
    size_t n = 0, c = 0;
    for (const mnk_yaml *e = columns->first; e; e = e->next) n++;
    if (n > 4096) return fail_at(g, columns, "%zu columns; at most 4096", n);
    MNK_TRY(mnk_schema_new(n, &g->s, g->err));
    for (const mnk_yaml *e = columns->first; e; e = e->next, c++) MNK_TRY(take_column(g, e, c));
    MNK_TRY(check_roles(g, columns));
    g->s->is_inferred = proposed;
    for (c = 0; c < n && proposed; c++) g->s->column[c].is_open = true;
    return rules ? take_list(g, rules, 0, rule_item) : MNK_OK;
}

mnk_status mnk_schema_file_parse(const char *text, size_t n, const char *name, mnk_schema **out, mnk_table_mark *mark,
                                 mnk_error *err) {
    mnk_table_mark unwanted;
    mnk_arena *arena = mnk_arena_open();
    mnk_yaml *root = NULL;
    reading g = {.name = name, .err = err};
    *out = NULL;
    if (!mark) mark = &unwanted;
    *mark = (mnk_table_mark){0};
    mnk_status status = arena ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", name);
    if (status == MNK_OK) status = mnk_yaml_parse(text, n, name, &format, arena, &root, err);
    if (status == MNK_OK) status = check_version(&g, root);
    if (status == MNK_OK) status = take_root(&g, root, mark);
    mnk_arena_close(arena);
    if (status == MNK_OK) {
        snprintf(g.s->source, sizeof g.s->source, "%s", name);
        *out = g.s;
    } else mnk_schema_close(g.s);
    return status;
}

mnk_status mnk_schema_file_read(const char *path, mnk_schema **out, mnk_table_mark *mark, mnk_error *err) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    *out = NULL;
    MNK_TRY(mnk_file_read(path, format.bytes_max, &bytes, &n, err));
    mnk_status status = mnk_schema_file_parse((const char *)bytes, n, path, out, mark, err);
    mnk_free(bytes);
    return status;
}

mnk_status mnk_schema_read(const char *path, mnk_schema **out, mnk_error *err) {
    return mnk_schema_file_read(path, out, NULL, err);
}
