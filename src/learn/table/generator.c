/* Model files: writing after training is in train.c; here they are opened, as hostile input. */
#include "learn/table/generator.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "learn/table/schema_text.h"

/* clang-format off */
static const mnk_option frame_options[] = {
    {"levels", 0, MNK_OPTION_INT, offsetof(mnk_generator_config, levels), "N", "200", 4, MNK_WORK_LEVELS, NULL, "codes of more levels than this: the rare ones are pooled by their common beginning", true},
    {"unit", 0, MNK_OPTION_CHOICE, offsetof(mnk_generator_config, unit), "UNIT", "auto", 0, 0, "auto|row|person", "what is drawn at once: person where the table has several rows of one", true},
    {.type = MNK_OPTION_END},
};
static const mnk_option resume_option = {"resume", 0, MNK_OPTION_BOOL, offsetof(mnk_generator_config, resume), NULL, "false", 0, 0, NULL, "go on from the checkpoint beside the model", false};
/* clang-format on */

void mnk_generator_options(const mnk_generator_kind *kind, mnk_option out[MNK_GENERATOR_OPTIONS]) {
    size_t n = 0;
    for (const mnk_option *o = kind->options; o && o->type != MNK_OPTION_END && n + 5 < MNK_GENERATOR_OPTIONS; o++) {
        out[n] = *o;
        out[n++].offset += offsetof(mnk_generator_config, own);
    }
    if (kind->can & MNK_KIND_RESUMES) out[n++] = resume_option;
    for (const mnk_option *o = frame_options; o->type != MNK_OPTION_END; o++) out[n++] = *o;
    out[n] = (mnk_option){.type = MNK_OPTION_END};
}

void mnk_table_generator_close(mnk_table_generator *g) {
    if (!g) return;
    for (int m = 0; m < MNK_MODELS; m++)
        if (g->model[m]) g->kind->close(g->model[m]);
    mnk_visits_close(g->visits);
    mnk_recoding_close(g->recoding);
    mnk_schema_close(g->schema);
    for (int i = 0; i < 4; i++) mnk_free(g->text[i]);
    mnk_free(g);
}

const mnk_table_generator_info *mnk_table_generator_describe(const mnk_table_generator *g) { return &g->info; }

static mnk_status read_options(mnk_table_generator *g, const mnk_tensors_in *in, const char *text, mnk_error *err) {
    mnk_option table[MNK_GENERATOR_OPTIONS];
    mnk_generator_options(g->kind, table);
    mnk_options_defaults(table, &g->config);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    mnk_status status = json_is_object(root) ? MNK_OK : mnk_tensors_damaged(in, "its settings are not a JSON object", err);
    for (const mnk_option *o = table; o->type != MNK_OPTION_END && status == MNK_OK; o++) {
        const json_t *v = json_object_get(root, o->name);
        if (o->type == MNK_OPTION_TEXT || o->type == MNK_OPTION_PATH) continue; /* would point into `root` */
        char number[64];
        const char *value = json_is_string(v)  ? json_string_value(v)
                            : json_is_true(v)  ? "true"
                            : json_is_false(v) ? "false"
                                               : NULL;
        if (json_is_integer(v)) snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v)), value = number;
        if (json_is_real(v)) snprintf(number, sizeof number, "%.17g", json_real_value(v)), value = number;
        mnk_error inner = MNK_ERROR_INIT;
        if (v && (!value || mnk_options_set(table, &g->config, o->name, value, &inner) != MNK_OK))
            status = mnk_tensors_damaged(in, value ? inner.message : "a setting has the wrong type", err);
    }
    json_decref(root);
    return status;
}

static mnk_status keep_text(mnk_table_generator *g, const mnk_st *st, int i, const char *key, const char **to, mnk_error *err) {
    const char *value = mnk_st_meta_get(st, key);
    g->text[i] = mnk_strdup(value ? value : "");
    *to = g->text[i];
    return g->text[i] ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
}

/* What an older manikin wrote differently is said to be older, not damaged. */
static mnk_status check_format(const mnk_generator_kind *kind, const mnk_tensors_in *in, mnk_error *err) {
    const char *text = mnk_st_meta_get(in->st, "table_format"), *persons = mnk_st_meta_get(in->st, "by_person");
    const char *by = mnk_st_meta_get(in->st, "manikin_version");
    const long format = text ? strtol(text, NULL, 10) : 1;
    mnk_status status = MNK_OK;
    if (format > MNK_TABLE_FORMAT) {
        status = MNK_FAIL(err, MNK_ERR_VERSION, "%s: table model format %ld, but this manikin reads up to %d", in->path, format,
                          MNK_TABLE_FORMAT);
        mnk_error_hint(err, "use the manikin that wrote it (%.40s) or a newer one", by ? by : "unknown version");
    } else if (format < kind->oldest || (format < 2 && persons && strcmp(persons, "true") == 0)) {
        status = MNK_FAIL(err, MNK_ERR_VERSION, "%s: was written by an older manikin (table model format %ld, now %d)",
                          in->path, format, MNK_TABLE_FORMAT);
        mnk_error_hint(err, "train it again, or use the manikin that wrote it (%.40s)", by ? by : "unknown version");
    }
    return status;
}

static mnk_status read_meta(mnk_table_generator *g, const mnk_tensors_in *in, mnk_error *err) {
    const mnk_st *st = in->st;
    const char *name = mnk_st_meta_get(st, "generator"), *schema = mnk_st_meta_get(st, "schema");
    const char *seed = mnk_st_meta_get(st, "seed"), *rows = mnk_st_meta_get(st, "rows"),
               *persons = mnk_st_meta_get(st, "persons");
    mnk_table_generator_info *info = &g->info;
    g->kind = name ? mnk_generator_kind_find(name) : NULL;
    if (!g->kind) {
        mnk_status status =
            MNK_FAIL(err, MNK_ERR_INPUT, "%s: was made by a generator \"%.40s\" that this manikin does not have", in->path,
                     name ? name : "");
        mnk_error_hint(err, "use the manikin that wrote it, or a newer one");
        return status;
    }
    MNK_TRY(check_format(g->kind, in, err));
    MNK_TRY(keep_text(g, st, 0, "manikin_version", &info->version, err));
    MNK_TRY(keep_text(g, st, 1, "options", &info->options_json, err));
    MNK_TRY(keep_text(g, st, 2, "data_hash", &info->data_hash, err));
    MNK_TRY(keep_text(g, st, 3, "privacy", &info->privacy, err));
    info->generator = g->kind->name;
    info->model_hash = g->hash;
    info->seed = seed ? strtoull(seed, NULL, 10) : 0;
    info->rows = rows ? strtoull(rows, NULL, 10) : 0;
    info->persons = persons ? strtoull(persons, NULL, 10) : 0;
    info->has_density = g->kind->density != NULL;
    MNK_TRY(read_options(g, in, info->options_json, err));
    if (!schema) return mnk_tensors_damaged(in, "its schema is missing", err);
    MNK_TRY(mnk_schema_from_json(schema, in->path, &g->schema, err));
    info->schema = g->schema;
    return MNK_OK;
}

static mnk_status open_models(mnk_table_generator *g, const mnk_tensors_in *in, mnk_error *err) {
    const char *by_person = mnk_st_meta_get(in->st, "by_person");
    MNK_TRY(mnk_recoding_open(in, g->schema, &g->recoding, err));
    g->info.by_person = by_person && strcmp(by_person, "true") == 0;
    if (!g->info.by_person) {
        mnk_tensors_in rows = {in->st, "rows.", in->path};
        return g->kind->open(&rows, g->recoding->work, g->config.own, &g->model[MNK_MODEL_ROWS], err);
    }
    MNK_TRY(mnk_visits_open(in, g->recoding->work, &g->visits, err));
    if (!(g->kind->can & MNK_KIND_GIVEN)) return mnk_tensors_damaged(in, "its generator cannot draw visits", err);
    mnk_tensors_in rows = {in->st, "rows.", in->path}, next = {in->st, "visits.", in->path};
    MNK_TRY(g->kind->open(&rows, g->visits->first, g->config.own, &g->model[MNK_MODEL_ROWS], err));
    return g->kind->open(&next, g->visits->next, g->config.own, &g->model[MNK_MODEL_VISITS], err);
}

mnk_status mnk_table_generator_open_st(const mnk_st *st, const char *path, mnk_table_generator **out, mnk_error *err) {
    mnk_table_generator *g = NULL;
    mnk_tensors_in in = {.st = st, .prefix = "", .path = path};
    *out = NULL;
    MNK_TRY(mnk_st_require_model(st, path, "table", err));
    mnk_status status = MNK_NEW(g, 1, err);
    if (status != MNK_OK) return status;
    MNK_OUT(read_meta(g, &in, err));
    MNK_OUT(open_models(g, &in, err));
    *out = g;
    g = NULL;
out:
    mnk_table_generator_close(g);
    return status;
}

mnk_status mnk_table_generator_open(const char *path, mnk_table_generator **out, mnk_error *err) {
    mnk_st *st;
    *out = NULL;
    MNK_TRY(mnk_st_open(path, &st, err));
    mnk_status status = mnk_table_generator_open_st(st, path, out, err);
    mnk_st_close(st);
    if (status == MNK_OK) status = mnk_hash_file(path, (*out)->hash, err);
    if (status != MNK_OK) mnk_table_generator_close(*out), *out = NULL;
    return status;
}
