/* Classes and splits from folder names: CLASS/file or SPLIT/CLASS/file; what lies deeper belongs to its class. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image_decode.h"
#include "data/listing.h"

/* First part of a path; the rest (NULL when there is none). */
static const char *cut(const char *path, char *part, size_t size) {
    const char *slash = strchr(path, '/');
    snprintf(part, size, "%.*s", (int)(slash ? (size_t)(slash - path) : strlen(path)), path);
    return slash ? slash + 1 : NULL;
}

/* How the pictures are filed. */
typedef struct filing {
    bool splits;
    size_t pictures;
} filing;

static mnk_status refuse(const mnk_listing *l, const char *what, const char *file, mnk_error *err) {
    char shown[96], shown_file[96];
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_INPUT, "%s: %s (%s)", mnk_printable(l->path, shown), what, mnk_printable(file, shown_file));
    mnk_error_hint(err, "expected CLASS/picture, or train/CLASS/picture and test/CLASS/picture, or a manifest.csv");
    return status;
}

static mnk_status find_filing(const mnk_listing *l, filing *f, mnk_error *err) {
    char part[256], word[256];
    const char *with = NULL, *without = NULL;
    for (size_t i = 0; i < l->n; i++) {
        const mnk_entry *e = &l->entry[i];
        if (e->folder || !mnk_image_name(e->path)) continue;
        f->pictures++;
        const char *rest = cut(e->path, part, sizeof part);
        if (!rest) return refuse(l, "a picture without a class folder", e->path, err);
        if (mnk_split_parse(part) < 0) {
            without = e->path;
            continue;
        }
        if (!cut(rest, word, sizeof word)) return refuse(l, "a split folder without class folders", e->path, err);
        with = e->path;
    }
    if (with && without) return refuse(l, "some pictures are in a split folder, some are not", without, err);
    f->splits = with != NULL;
    return MNK_OK;
}

static int compare_words(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Class folders that hold no picture at all. */
static mnk_status check_empty(const mnk_listing *l, const filing *f, const mnk_words *classes, mnk_error *err) {
    char part[256], word[256], list[256] = "", shown[96];
    size_t empty = 0;
    mnk_words all = {0};
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < l->n && status == MNK_OK; i++) {
        const mnk_entry *e = &l->entry[i];
        if (!e->folder) continue;
        const char *rest = cut(e->path, part, sizeof part);
        if (f->splits != (rest != NULL) || (rest && (cut(rest, word, sizeof word) || mnk_split_parse(part) < 0))) continue;
        const char *name = mnk_arena_strdup(l->arena, rest ? word : part);
        bool known = false;
        for (size_t c = 0; c < classes->n && name && !known; c++) known = !strcmp(classes->word[c], name);
        if (known) continue;
        size_t before = all.n;
        if (!name || mnk_words_add(&all, name) == SIZE_MAX) status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
        else if (all.n > before && empty++ < 5) {
            size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", mnk_printable(name, shown));
        }
    }
    mnk_words_clear(&all);
    if (status != MNK_OK || !empty) return status;
    status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: %zu class folder%s without pictures: %s%s", mnk_printable(l->path, shown), empty,
                      empty == 1 ? "" : "s", list, empty > 5 ? ", …" : "");
    mnk_error_hint(err, "fill or remove it; PNG, JPEG and TIFF count as pictures");
    return status;
}

static mnk_status fill(const mnk_listing *l, const filing *f, mnk_rows *out, mnk_words *classes, mnk_error *err) {
    char part[256], word[256];
    MNK_TRY(MNK_NEW(out->row, f->pictures, err));
    for (size_t i = 0; i < l->n; i++) {
        const mnk_entry *e = &l->entry[i];
        if (e->folder || !mnk_image_name(e->path)) continue;
        const char *rest = cut(e->path, part, sizeof part);
        int split = f->splits ? mnk_split_parse(part) : MNK_SPLIT_NONE;
        if (f->splits) cut(rest, word, sizeof word);
        char *name = mnk_arena_strdup(l->arena, f->splits ? word : part);
        size_t label = name ? mnk_words_add(classes, name) : SIZE_MAX;
        if (label == SIZE_MAX) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
        if (label >= MNK_CLASSES_MAX) return refuse(l, "more than 10000 classes", e->path, err);
        out->row[out->n++] =
            (mnk_row){.entry = e, .name = e->path, .label = (int32_t)label, .group = -1, .split = (uint8_t)split};
    }
    return check_empty(l, f, classes, err);
}

mnk_status mnk_rows_number_classes(mnk_rows *out, const mnk_words *classes, mnk_error *err) {
    int32_t *number = NULL;
    MNK_TRY(MNK_NEW(out->class_name, classes->n, err));
    MNK_TRY(MNK_NEW(number, classes->n, err));
    for (size_t c = 0; c < classes->n; c++) out->class_name[c] = classes->word[c];
    qsort(out->class_name, classes->n, sizeof *out->class_name, compare_words);
    for (size_t c = 0; c < classes->n; c++) {
        const char **at = bsearch(&classes->word[c], out->class_name, classes->n, sizeof *at, compare_words);
        number[c] = (int32_t)(at - out->class_name);
    }
    for (size_t i = 0; i < out->n; i++)
        if (out->row[i].label >= 0) out->row[i].label = number[out->row[i].label];
    out->classes = (int)classes->n;
    mnk_free(number);
    return MNK_OK;
}

mnk_status mnk_rows_from_folders(const mnk_listing *l, const mnk_open_request *request, mnk_rows *out, mnk_error *err) {
    filing f = {0};
    mnk_words classes = {0};
    char shown[96];
    (void)request;
    *out = (mnk_rows){0};
    MNK_TRY(find_filing(l, &f, err));
    mnk_status status = MNK_OK;
    if (!f.pictures) {
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: no pictures (PNG, JPEG or TIFF) in it", mnk_printable(l->path, shown));
        mnk_error_hint(err, "expected CLASS/picture, or train/CLASS/picture and test/CLASS/picture, or a manifest.csv");
    }
    if (status == MNK_OK) status = fill(l, &f, out, &classes, err);
    if (status == MNK_OK) status = mnk_rows_number_classes(out, &classes, err);
    out->splits = f.splits;
    mnk_words_clear(&classes);
    if (status != MNK_OK) mnk_rows_clear(out);
    return status;
}

void mnk_rows_clear(mnk_rows *r) {
    mnk_free(r->row);
    mnk_free(r->class_name);
    mnk_free(r->group_name);
    *r = (mnk_rows){0};
}
