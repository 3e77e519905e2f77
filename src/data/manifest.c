/* manifest.csv: file,label[,split][,person|group][, further columns = subgroup attributes]. The columns synthetic,
 * generator, model and seed are what our own writer says of its output, not attributes. */
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "data/image_decode.h"
#include "data/listing.h"

enum { ATTRIBUTES_MAX = 256, MANIFEST_BYTES_MAX = 1 << 30 };

typedef struct columns {
    long file, label, split, group, synthetic;
    long attribute[ATTRIBUTES_MAX];
    int attributes;
} columns;

static mnk_status no_column(const mnk_csv *csv, const char *name, const char *wanted, mnk_error *err) {
    char list[400] = "", shown[96];
    const char *headings[64];
    size_t n = mnk_csv_columns(csv);
    for (size_t c = 0; c < n && c < 64; c++) {
        headings[c] = mnk_csv_heading(csv, c);
        size_t used = strlen(list);
        if (used < 300) snprintf(list + used, sizeof list - used, "%s%s", c ? ", " : "", mnk_printable(headings[c], shown));
    }
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_INPUT, "%s: column '%s' is missing; it has %s", name, mnk_printable(wanted, shown), list);
    const char *near = mnk_nearest(wanted, headings, n < 64 ? n : 64);
    if (near) mnk_error_hint(err, "did you mean '%.80s'? say so with --label-column, --group-column or --split-column", near);
    else mnk_error_hint(err, "a manifest needs the columns file and label; other names with --label-column NAME");
    return status;
}

static mnk_status find_columns(const mnk_csv *csv, const char *name, const mnk_images_options *o, columns *c, mnk_error *err) {
    const char *label = o->label_column ? o->label_column : "label", *split = o->split_column ? o->split_column : "split";
    *c = (columns){.file = mnk_csv_find(csv, "file"),
                   .label = mnk_csv_find(csv, label),
                   .split = mnk_csv_find(csv, split),
                   .synthetic = mnk_csv_find(csv, "synthetic")};
    c->group = o->group_column ? mnk_csv_find(csv, o->group_column) : mnk_csv_find(csv, "person");
    if (c->group < 0 && !o->group_column) c->group = mnk_csv_find(csv, "group");
    if (c->file < 0) return no_column(csv, name, "file", err);
    if (c->label < 0) return no_column(csv, name, label, err);
    if (c->split < 0 && o->split_column) return no_column(csv, name, split, err);
    if (c->group < 0 && o->group_column) return no_column(csv, name, o->group_column, err);
    for (long k = 0; k < (long)mnk_csv_columns(csv); k++) {
        const char *heading = mnk_csv_heading(csv, (size_t)k);
        bool ours =
            c->synthetic >= 0 && (!strcmp(heading, "generator") || !strcmp(heading, "model") || !strcmp(heading, "seed"));
        if (k == c->file || k == c->label || k == c->split || k == c->group || k == c->synthetic || ours) continue;
        if (c->attributes == ATTRIBUTES_MAX)
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s: more than %d subgroup columns", name, ATTRIBUTES_MAX);
        c->attribute[c->attributes++] = k;
    }
    return MNK_OK;
}

/* The file of a manifest row as the listing names it; NULL (and a reason) when it may not be opened. */
static const mnk_entry *find_file(const mnk_listing *l, const char *file, const char **reason) {
    while (!strncmp(file, "./", 2)) file += 2;
    bool leaves = file[0] == '/' || !strcmp(file, "..") || !strncmp(file, "../", 3) || strstr(file, "/../");
    if (!*file) *reason = "no file name";
    else if (leaves) *reason = "lies outside the folder of the manifest";
    else {
        const mnk_entry *e = mnk_listing_find(l, file);
        if (!e || e->folder) *reason = "missing";
        else if (!mnk_image_name(file)) *reason = "not a PNG, JPEG or TIFF name";
        else return e;
    }
    return NULL;
}

typedef struct reading {
    const mnk_listing *l;
    const mnk_csv *csv;
    const columns *c;
    mnk_words classes, groups, files;
} reading;

static mnk_status read_row(reading *in, size_t i, mnk_row *row, bool *synthetic, mnk_error *err) {
    const columns *c = in->c;
    mnk_arena *a = in->l->arena;
    const char *file = mnk_csv_cell(in->csv, i, (size_t)c->file), *label = mnk_csv_cell(in->csv, i, (size_t)c->label);
    const char *split = c->split >= 0 ? mnk_csv_cell(in->csv, i, (size_t)c->split) : "";
    const char *group = c->group >= 0 ? mnk_csv_cell(in->csv, i, (size_t)c->group) : "";
    size_t line = mnk_csv_line(in->csv, i), files = in->files.n, label_number = 0, group_number = 0;
    char *name = *file ? mnk_arena_strdup(a, file) : mnk_arena_printf(a, "line %zu", line);
    *row = (mnk_row){.name = name, .label = -1, .group = -1};
    char *label_copy = mnk_arena_strdup(a, label), *group_copy = mnk_arena_strdup(a, group);
    bool ok = name && label_copy && group_copy && mnk_words_add(&in->files, file) != SIZE_MAX;
    if (ok) row->entry = find_file(in->l, file, &row->reason);
    if (ok && row->entry && in->files.n == files) row->reason = mnk_arena_printf(a, "listed again in line %zu", line);
    if (ok && row->entry && !*label) row->reason = mnk_arena_printf(a, "no label in line %zu", line);
    if (ok && *label) {
        ok = (label_number = mnk_words_add(&in->classes, label_copy)) != SIZE_MAX;
        row->label = (int32_t)label_number;
    }
    if (ok && *group) {
        ok = (group_number = mnk_words_add(&in->groups, group_copy)) != SIZE_MAX;
        row->group = (int32_t)group_number;
    }
    int which = *split ? mnk_split_parse(split) : MNK_SPLIT_NONE;
    if (which < 0 && row->entry) {
        char shown[96];
        row->reason = mnk_arena_printf(a, "split '%s' in line %zu; expected train, val, test or holdout",
                                       mnk_printable(split, shown), line);
    } else if (which >= 0) row->split = (uint8_t)which;
    if (row->reason) row->entry = NULL;
    if (c->synthetic >= 0 && !strcmp(mnk_csv_cell(in->csv, i, (size_t)c->synthetic), "true")) *synthetic = true;
    if (ok && c->attributes) ok = (row->attribute = mnk_arena_alloc(a, (size_t)c->attributes * sizeof *row->attribute)) != NULL;
    for (int k = 0; k < c->attributes && ok; k++)
        ok = (row->attribute[k] = mnk_arena_strdup(a, mnk_csv_cell(in->csv, i, (size_t)c->attribute[k]))) != NULL;
    return ok ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: a manifest of %zu rows", mnk_csv_rows(in->csv));
}

static mnk_status finish(reading *in, mnk_rows *out, mnk_error *err) {
    const columns *c = in->c;
    mnk_arena *a = in->l->arena;
    MNK_TRY(mnk_rows_number_classes(out, &in->classes, err));
    MNK_TRY(MNK_NEW(out->group_name, in->groups.n, err));
    if (in->groups.n) memcpy(out->group_name, in->groups.word, in->groups.n * sizeof *out->group_name);
    out->group_names = in->groups.n;
    out->groups = c->group >= 0;
    out->splits = c->split >= 0;
    out->attributes = c->attributes;
    if (c->attributes && !(out->attribute_name = mnk_arena_alloc(a, (size_t)c->attributes * sizeof *out->attribute_name)))
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    for (int k = 0; k < c->attributes; k++)
        if (!(out->attribute_name[k] = mnk_arena_strdup(a, mnk_csv_heading(in->csv, (size_t)c->attribute[k]))))
            return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    return MNK_OK;
}

mnk_status mnk_rows_from_csv(const mnk_listing *l, const mnk_csv *csv, const char *name, const mnk_open_request *request,
                             mnk_rows *out, mnk_error *err) {
    columns c;
    reading in = {.l = l, .csv = csv, .c = &c};
    *out = (mnk_rows){0};
    MNK_TRY(find_columns(csv, name, request->options, &c, err));
    size_t n = mnk_csv_rows(csv);
    mnk_status status = n ? MNK_NEW(out->row, n, err) : MNK_FAIL(err, MNK_ERR_INPUT, "%s: lists no images", name);
    for (size_t i = 0; i < n && status == MNK_OK; i++) {
        status = read_row(&in, i, &out->row[i], &out->synthetic, err);
        out->n = i + 1;
        if (status == MNK_OK && in.classes.n > MNK_CLASSES_MAX) {
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: more than %d different labels", name, MNK_CLASSES_MAX);
            mnk_error_hint(err, "is the label column right? choose it with --label-column NAME");
        }
    }
    if (status == MNK_OK) status = finish(&in, out, err);
    mnk_words_clear(&in.classes);
    mnk_words_clear(&in.groups);
    mnk_words_clear(&in.files);
    if (status != MNK_OK) mnk_rows_clear(out);
    return status;
}

mnk_status mnk_rows_from_manifest(const mnk_listing *l, const mnk_entry *manifest, const mnk_open_request *request,
                                  mnk_rows *out, mnk_error *err) {
    char name[256], shown[96];
    snprintf(name, sizeof name, "%s", mnk_printable(l->path, shown));
    size_t used = strlen(name);
    snprintf(name + used, sizeof name - used, "/%s", mnk_printable(manifest->path, shown));
    uint8_t *bytes = NULL;
    size_t n = 0;
    mnk_csv *csv = NULL;
    *out = (mnk_rows){0};
    MNK_TRY(l->fetch(l, manifest, MANIFEST_BYTES_MAX, &bytes, &n, err));
    mnk_status status = mnk_csv_parse((const char *)bytes, n, name, &csv, err);
    if (status == MNK_OK) status = mnk_rows_from_csv(l, csv, name, request, out, err);
    mnk_csv_close(csv);
    mnk_free(bytes);
    return status;
}
