/* Opening a table: which schema, which column is which, and the split asked for. */
#include "data/table_open.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "data/date_text.h"
#include "data/images.h"
#include "data/open.h"
#include "data/schema_file.h"
#include "data/table_fill.h"

typedef struct opening {
    const mnk_table_options *o;
    const mnk_observer *observer;
    mnk_table_file file;
    mnk_missing_list missing;
    mnk_column_stats *stats;
    mnk_arena *texts;
    mnk_schema *schema; /* one reference */
    mnk_table_mark mark;
    mnk_column_binding *binding;
    bool is_new; /* the schema was inferred here */
} opening;

/* ---- the schema ---- */

/* The mark is beside the table even when the schema comes from elsewhere. */
static mnk_status settle_schema(opening *g, mnk_error *err) {
    char beside[1200];
    mnk_schema *own = NULL;
    bool has_own = mnk_schema_file_beside(g->file.name, beside, sizeof beside) && mnk_path_exists(beside);
    if (has_own) MNK_TRY(mnk_schema_file_read(beside, &own, &g->mark, err));
    if (g->o->schema) g->schema = mnk_schema_retain(g->o->schema);
    else if (g->o->schema_path) {
        mnk_status status = mnk_schema_file_read(g->o->schema_path, &g->schema, NULL, err);
        if (status != MNK_OK) {
            mnk_schema_close(own);
            return status;
        }
    } else if (own) g->schema = mnk_schema_retain(own);
    else {
        g->is_new = true;
        MNK_TRY(mnk_schema_infer(&g->file, g->stats, g->o, &g->schema, err));
    }
    mnk_schema_close(own);
    return MNK_OK;
}

static mnk_status set_role(opening *g, const char *name, mnk_column_role role, const char *option, mnk_error *err) {
    if (!name) return MNK_OK;
    long at = mnk_schema_find(g->schema, name);
    char shown[96], listed[96], list[400] = "";
    if (at < 0) {
        for (size_t c = 0; c < g->schema->columns && strlen(list) < 300; c++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", c ? ", " : "",
                     mnk_printable(g->schema->column[c].name, listed));
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: %s: no column is called '%s'; it has %s", g->file.name, option,
                        mnk_printable(name, shown), list);
    }
    if (role != MNK_COLUMN_IS_IGNORE)
        for (size_t c = 0; c < g->schema->columns; c++) g->schema->column[c].roles &= ~(unsigned)role;
    g->schema->column[at].roles |= (unsigned)role;
    return MNK_OK;
}

static mnk_status settle_roles(opening *g, mnk_error *err) {
    MNK_TRY(set_role(g, g->o->label_column, MNK_COLUMN_IS_LABEL, "label", err));
    MNK_TRY(set_role(g, g->o->person_column, MNK_COLUMN_IS_PERSON, "person", err));
    char name[600];
    for (const char *p = g->o->ignore_columns; p && *p;) {
        size_t n = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        if (n) MNK_TRY(set_role(g, name, MNK_COLUMN_IS_IGNORE, "ignore", err));
        p += n + (p[n] == ',');
    }
    return MNK_OK;
}

/* A column without a single value has no type and nothing to compare. Said when the schema is made; a later table of the same
 * schema may lack the values: that is for judges to say. */
static mnk_status refuse_empty_columns(const opening *g, mnk_error *err) {
    mnk_bad_list list = {0};
    char shown[96];
    for (size_t c = 0; c < g->file.columns; c++)
        if (g->stats[c].missing == g->file.rows && !(g->schema->column[c].roles & MNK_COLUMN_IS_IGNORE))
            mnk_bad_list_add(&list, "%s", mnk_printable(g->file.heading[c], shown));
    if (!list.n) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%.200s: %zu column%s missing in all %zu rows: %s", g->file.name, list.n,
                                 list.n == 1 ? " is" : "s are", g->file.rows, list.text);
    mnk_error_hint(err, "leave them out with --ignore NAME,…, or give them the role ignore in the schema");
    return status;
}

/* ---- columns of the file and of the schema ---- */

/* A table without headings takes the schema's, in order. */
static bool in_order(const opening *g) {
    if (g->file.has_heading || g->file.columns != g->schema->columns) return false;
    for (size_t c = 0; c < g->file.columns; c++)
        if (mnk_schema_find(g->schema, g->file.heading[c]) >= 0) return false;
    return true;
}

static mnk_status bind_columns(opening *g, mnk_error *err) {
    const mnk_schema *s = g->schema;
    mnk_bad_list extra = {0}, lacking = {0};
    char shown[96];
    bool positions = in_order(g);
    mnk_number_style preferred = mnk_table_style(g->stats, g->file.columns);
    MNK_TRY(MNK_NEW(g->binding, s->columns, err));
    for (size_t c = 0; c < s->columns; c++) g->binding[c].from = -1;
    for (size_t k = 0; k < g->file.columns; k++) {
        long c = positions ? (long)k : mnk_schema_find(s, g->file.heading[k]);
        if (c < 0) mnk_bad_list_add(&extra, "%s", mnk_printable(g->file.heading[k], shown));
        else g->binding[c] = (mnk_column_binding){(long)k, mnk_column_style(&g->stats[k], preferred)};
    }
    for (size_t c = 0; c < s->columns; c++) /* what nobody compares may be left out of a synthetic table */
        if (g->binding[c].from < 0 && mnk_column_is_data(&s->column[c]))
            mnk_bad_list_add(&lacking, "%s", mnk_printable(s->column[c].name, shown));
    if (!extra.n && !lacking.n) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%.200s: not the columns of the schema (%.200s): %s%.200s%s%s%.200s",
                                 g->file.name, s->source, lacking.n ? "missing: " : "", lacking.text,
                                 lacking.n && extra.n ? "; " : "", extra.n ? "unknown: " : "", extra.text);
    mnk_error_hint(err, "tables that are compared have the same columns; the role ignore leaves one out of everything");
    return status;
}

static mnk_status fill_splits(mnk_table *t, mnk_error *err) {
    long c = mnk_schema_role(t->schema, MNK_COLUMN_IS_SPLIT);
    char shown[96];
    if (c < 0 || !t->code[c]) return MNK_OK;
    const mnk_column *k = &t->schema->column[c];
    for (size_t i = 0; i < t->n; i++) {
        if (t->code[c][i] < 0) continue;
        int split = mnk_split_parse(k->level[t->code[c][i]]);
        if (split < 0)
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s: row %zu, column %s: '%.40s' is none of train, val, test, holdout",
                            t->source, i + 1, mnk_printable(k->name, shown), k->level[t->code[c][i]]);
        t->split[i] = (uint8_t)split;
    }
    return MNK_OK;
}

/* ---- all of it ---- */

static mnk_status check_rows(const opening *g, mnk_error *err) {
    if (g->file.rows >= 2) return MNK_OK;
    return MNK_FAIL(err, MNK_ERR_INPUT, "%s: %s below the heading; a table needs at least two", g->file.name,
                    g->file.rows ? "only one row" : "no rows");
}

static void tell_file(const opening *g) {
    const mnk_table_file *f = &g->file;
    if (f->latin1 && g->o->encoding == 0)
        mnk_observe_log(g->observer, MNK_LOG_INFO, "%s: not UTF-8: read as Latin-1 (Windows-1252)", f->name);
    if (*f->class_names)
        mnk_observe_log(g->observer, MNK_LOG_INFO,
                        "%s: scikit-learn's form without headings: columns are column_1 … and label, classes %s", f->name,
                        f->class_names);
    else if (!f->has_heading)
        mnk_observe_log(g->observer, MNK_LOG_WARNING,
                        "%s: its first line holds numbers alone: taken as a row; columns are called column_1 …", f->name);
}

/* A column in which no day is above 12 can be read in two ways. */
static void tell_dates(const opening *g) {
    char shown[96];
    for (size_t c = 0; g->is_new && c < g->file.columns; c++) {
        const mnk_column_stats *s = &g->stats[c];
        if (g->schema->column[c].type != MNK_COLUMN_DATE) continue;
        for (int a = 0; a < MNK_DATE_PATTERNS; a++)
            for (int b = a + 1; b < MNK_DATE_PATTERNS && s->dates[a / 64] >> (a % 64) & 1; b++) {
                const char *x = mnk_date_patterns[a], *y = mnk_date_patterns[b];
                bool swapped = x[1] == 'd' && y[1] == 'm' && strlen(x) == strlen(y) && x[2] == y[2];
                if (swapped && s->dates[b / 64] >> (b % 64) & 1)
                    mnk_observe_log(g->observer, MNK_LOG_WARNING,
                                    "%s: column %s: read as %s, though %s fits too; say which in the schema", g->file.name,
                                    mnk_printable(g->file.heading[c], shown), x, y);
            }
    }
}

static mnk_status make_table(opening *g, const char *spec, mnk_table **out, mnk_error *err) {
    mnk_table *t = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_memory_require(g->file.rows * (8 * g->schema->columns + 16), g->file.name, err));
    MNK_OUT(mnk_table_new(g->schema, g->file.rows, &t, err));
    snprintf(t->source, sizeof t->source, "%s", spec);
    MNK_OUT(mnk_table_fill(t, &g->file, g->binding, &g->missing, g->observer, err));
    MNK_OUT(fill_splits(t, err));
    t->synthetic = g->mark.synthetic;
    t->seed = g->mark.seed;
    memcpy(t->generator, g->mark.generator, sizeof t->generator);
    memcpy(t->model_hash, g->mark.model_hash, sizeof t->model_hash);
    MNK_OUT(mnk_table_finish(t, err));
    *out = t;
    return MNK_OK;
out:
    mnk_table_close(t);
    return status;
}

/* g->file is read. */
static mnk_status open_text(opening *g, const char *spec, mnk_table **out, mnk_error *err) {
    MNK_TRY(check_rows(g, err));
    tell_file(g);
    if (!(g->texts = mnk_arena_open())) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    MNK_TRY(mnk_table_look(&g->file, &g->missing, g->texts, &g->stats, err));
    MNK_TRY(settle_schema(g, err));
    MNK_TRY(settle_roles(g, err));
    if (g->is_new) MNK_TRY(refuse_empty_columns(g, err));
    MNK_TRY(bind_columns(g, err));
    tell_dates(g);
    return make_table(g, spec, out, err);
}

static void clear(opening *g) {
    mnk_column_stats_clear(g->stats, g->file.columns);
    mnk_table_file_clear(&g->file);
    mnk_arena_close(g->texts);
    mnk_schema_close(g->schema);
    mnk_free(g->binding);
}

static const mnk_table_options defaults;

mnk_status mnk_table_open(const char *spec, const mnk_table_options *options, const mnk_observer *observer, mnk_table **out,
                          mnk_error *err) {
    char path[1024];
    mnk_split split;
    mnk_table *all = NULL;
    opening g = {.o = options ? options : &defaults, .observer = observer};
    *out = NULL;
    MNK_TRY(mnk_spec_parse(spec, path, sizeof path, &split, err));
    mnk_status status = mnk_missing_list_parse(g.o->missing, &g.missing, err);
    if (status == MNK_OK) status = mnk_table_file_open(path, g.o, observer, &g.file, err);
    if (status == MNK_OK) status = open_text(&g, spec, &all, err);
    if (status == MNK_OK && split != MNK_SPLIT_NONE) {
        status = mnk_table_subset(all, split, out, err);
        if (mnk_schema_role(all->schema, MNK_COLUMN_IS_SPLIT) < 0)
            mnk_error_hint(err, "the table has no column with the role split");
        mnk_table_close(all);
    } else *out = all;
    clear(&g);
    return status;
}

mnk_status mnk_table_parse(const char *bytes, size_t n, const char *name, const mnk_table_options *options, mnk_table **out,
                           mnk_error *err) {
    opening g = {.o = options ? options : &defaults};
    *out = NULL;
    mnk_status status = mnk_missing_list_parse(g.o->missing, &g.missing, err);
    if (status == MNK_OK) status = mnk_table_file_parse(bytes, n, name, g.o, &g.file, err);
    if (status == MNK_OK) status = open_text(&g, name, out, err);
    clear(&g);
    return status;
}

/* ---- is it one? ---- */

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcasecmp(s + n - m, end);
}

/* The first line of a manifest of images has a column "file". */
static bool is_manifest(const char *path) {
    char line[4096];
    FILE *f = ends_with(path, ".csv") ? fopen(path, "rb") : NULL;
    size_t n = f ? fread(line, 1, sizeof line, f) : 0;
    if (f) fclose(f);
    size_t mark = mnk_csv_mark(line, n);
    mnk_csv_scan s = {.p = line + mark, .end = line + n, .line = 1, .separator = ',', .name = path};
    mnk_csv_field x = {0};
    if (!mnk_csv_scan_row(&s)) return false;
    while (!x.last && mnk_csv_scan_field(&s, &x, NULL) == MNK_OK)
        if (x.n == 4 && !memcmp(x.at, "file", 4)) return true;
    return false;
}

bool mnk_is_table(const char *spec) {
    char path[1024];
    mnk_split split;
    if (mnk_spec_parse(spec, path, sizeof path, &split, NULL) != MNK_OK) return false;
    static const char *const endings[] = {".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends_with(path, endings[i])) return !mnk_path_is_dir(path) && !is_manifest(path);
    return false;
}
