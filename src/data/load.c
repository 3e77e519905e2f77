/* Rows to pixels: look at every header, find the shape all should have, name those that differ, then decode in parallel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "data/image_decode.h"
#include "data/listing.h"

enum { CHUNK = 512 }; /* pictures between two looks at the observer */

typedef struct loading {
    const mnk_listing *l;
    const mnk_open_request *request;
    mnk_row **row;     /* the rows wanted */
    mnk_picture *seen; /* their headers */
    char **reason;     /* [n] why one cannot be used; NULL when it can */
    size_t n, base;    /* base: first row of the chunk at work */
    mnk_images *d;     /* second pass */
} loading;

static char no_memory[] = "out of memory"; /* a reason that must not fail to exist */

static void set_reason(loading *g, size_t i, const char *text) {
    g->reason[i] = mnk_strdup(text);
    if (!g->reason[i]) g->reason[i] = no_memory;
}

static void free_reason(loading *g, size_t i) {
    if (g->reason[i] != no_memory) mnk_free(g->reason[i]);
    g->reason[i] = NULL;
}

/* Keeps the message of a failed picture, without the path, which stands before it anyway. */
static void fail_item(loading *g, size_t i, const mnk_error *e) {
    const char *text = e->message, *path = g->row[i]->entry->path, *at = strstr(text, path);
    if (at && !strncmp(at + strlen(path), ": ", 2)) text = at + strlen(path) + 2;
    set_reason(g, i, text);
}

static void look(void *ctx, size_t k) {
    loading *g = ctx;
    size_t i = g->base + k, n = 0;
    uint8_t *bytes = NULL;
    mnk_error e = MNK_ERROR_INIT;
    const mnk_row *row = g->row[i];
    if (!row->entry) {
        set_reason(g, i, row->reason);
        return;
    }
    mnk_status status = g->l->fetch(g->l, row->entry, MNK_IMAGE_FILE_BYTES_MAX, &bytes, &n, &e);
    if (status == MNK_OK) status = mnk_image_info(bytes, n, &g->seen[i], &e);
    if (status != MNK_OK) fail_item(g, i, &e);
    mnk_free(bytes);
}

static void decode(void *ctx, size_t k) {
    loading *g = ctx;
    size_t i = g->base + k, n = 0;
    uint8_t *bytes = NULL;
    mnk_error e = MNK_ERROR_INIT;
    mnk_images *d = g->d;
    mnk_picture p = {0};
    bool resize = g->request->options->size > 0;
    mnk_status status = g->l->fetch(g->l, g->row[i]->entry, MNK_IMAGE_FILE_BYTES_MAX, &bytes, &n, &e);
    if (status == MNK_OK) status = mnk_image_decode(bytes, n, &p, &e);
    if (status == MNK_OK && ((!resize && (p.width != d->width || p.height != d->height)) || (p.depth == 16 && d->depth == 8)))
        status = MNK_FAIL(&e, MNK_ERR_INPUT, "its pixels do not fit its header");
    if (status == MNK_OK) status = mnk_picture_fit(&p, d->height, d->width, d->channels, d->depth, mnk_images_pixels(d, i), &e);
    if (status != MNK_OK) fail_item(g, i, &e);
    g->seen[i].synthetic = p.synthetic;
    mnk_picture_clear(&p);
    mnk_free(bytes);
}

static mnk_status each(loading *g, const char *what, void (*f)(void *ctx, size_t k), mnk_error *err) {
    for (g->base = 0; g->base < g->n; g->base += CHUNK) {
        mnk_parallel_for(g->n - g->base < CHUNK ? g->n - g->base : CHUNK, f, g);
        mnk_observe_progress(g->request->observer, what, (double)g->base, (double)g->n, "");
        if (mnk_observe_stopped(g->request->observer))
            return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while reading images");
    }
    return MNK_OK;
}

static int plain_channels(const mnk_picture *p) { return p->channels >= 3 ? 3 : 1; }

/* Most frequent value of a property; ties go to the larger. */
typedef int64_t (*property)(const mnk_picture *p);
static int64_t size_of(const mnk_picture *p) { return (int64_t)p->width << 32 | p->height; }
static int64_t channels_of(const mnk_picture *p) { return plain_channels(p); }
static int64_t depth_of(const mnk_picture *p) { return p->depth; }

static int compare_i64(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static mnk_status most_frequent(const loading *g, property get, int64_t *out, mnk_error *err) {
    int64_t *values = NULL;
    size_t n = 0, best = 0;
    MNK_TRY(MNK_NEW(values, g->n, err));
    for (size_t i = 0; i < g->n; i++)
        if (!g->reason[i]) values[n++] = get(&g->seen[i]);
    qsort(values, n, sizeof *values, compare_i64);
    for (size_t i = 0, j = 0; i < n; i = j) {
        while (j < n && values[j] == values[i]) j++;
        if (j - i >= best) best = j - i, *out = values[i];
    }
    mnk_free(values);
    return MNK_OK;
}

static void odd_one(loading *g, size_t i, const char *fmt, int64_t a, int64_t b, int64_t c, int64_t d) {
    char text[128];
    snprintf(text, sizeof text, fmt, (long long)a, (long long)b, (long long)c, (long long)d);
    set_reason(g, i, text);
}

/* Decides the shape of the dataset and marks the pictures that do not have it. */
static mnk_status agree(loading *g, mnk_images_shape *shape, mnk_error *err) {
    const mnk_images_options *o = g->request->options;
    int64_t size = 0, channels = 0, depth = 0;
    MNK_TRY(most_frequent(g, size_of, &size, err));
    MNK_TRY(most_frequent(g, channels_of, &channels, err));
    MNK_TRY(most_frequent(g, depth_of, &depth, err));
    shape->width = o->size ? (int)o->size : (int)(size >> 32);
    shape->height = o->size ? (int)o->size : (int)(size & 0xffffffff);
    shape->channels = o->channels ? (int)o->channels : (int)channels;
    shape->depth = o->depth ? (int)o->depth : (int)depth;
    for (size_t i = 0; i < g->n; i++) {
        const mnk_picture *p = &g->seen[i];
        if (g->reason[i]) continue;
        if (!o->size && size_of(p) != size)
            odd_one(g, i, "%lldx%lld pixels, most are %lldx%lld; --size makes them equal", p->width, p->height, size >> 32,
                    size & 0xffffffff);
        else if (!o->channels && plain_channels(p) != channels)
            set_reason(g, i,
                       channels == 3 ? "grey, most are RGB; --channels makes them equal"
                                     : "RGB, most are grey; --channels makes them equal");
        else if (p->depth == 16 && o->depth == 8) set_reason(g, i, "16 bit, 8 bit was asked for");
        else if (!o->depth && p->depth != depth)
            odd_one(g, i, "%lld bit, most have %lld; --depth 16 makes them equal", p->depth, depth, 0, 0);
    }
    return MNK_OK;
}

/* Notes the bad ones and closes the ranks. The first pass (without pixels yet) leaves the refusal to the second, so that
 * one list names them all. */
static mnk_status sort_out(loading *g, mnk_bad *bad, size_t total, mnk_error *err) {
    size_t kept = 0;
    for (size_t i = 0; i < g->n; i++) {
        if (g->reason[i]) {
            mnk_status status = mnk_bad_add(bad, g->row[i]->name, g->reason[i], err);
            free_reason(g, i);
            if (status != MNK_OK) return status;
            continue;
        }
        if (g->d && kept != i) memmove(mnk_images_pixels(g->d, kept), mnk_images_pixels(g->d, i), mnk_images_stride(g->d));
        g->row[kept] = g->row[i];
        g->seen[kept++] = g->seen[i];
    }
    g->n = kept;
    if (g->d) g->d->n = kept;
    if (!kept || (g->d && bad->n && !g->request->options->skip_bad)) return mnk_bad_report(bad, g->request->path, total, err);
    return MNK_OK;
}

/* Labels, names and the rest, once it is certain which rows stay. */
static mnk_status fill(const loading *g, const mnk_rows *rows, const mnk_bad *bad, mnk_error *err) {
    mnk_images *d = g->d;
    mnk_arena *a = mnk_images_arena(d);
    bool ok = true;
    for (int c = 0; c < rows->classes && ok; c++) ok = (d->class_names[c] = mnk_arena_strdup(a, rows->class_name[c])) != NULL;
    for (int k = 0; k < rows->attributes && ok; k++)
        ok = (d->attribute_names[k] = mnk_arena_strdup(a, rows->attribute_name[k])) != NULL;
    d->synthetic = rows->synthetic;
    for (size_t i = 0; i < g->n && ok; i++) {
        const mnk_row *row = g->row[i];
        d->label[i] = row->label;
        d->split[i] = row->split;
        if (d->group) d->group[i] = row->group;
        if (g->seen[i].synthetic) d->synthetic = true;
        ok = (d->name[i] = mnk_arena_strdup(a, row->name)) != NULL;
        for (size_t k = 0; k < (size_t)rows->attributes && ok; k++)
            ok = (d->attribute_values[k * g->n + i] = mnk_arena_strdup(a, row->attribute[k])) != NULL;
    }
    if (ok && bad->n) ok = (d->skipped_reasons = mnk_alloc(bad->n, sizeof(char *))) != NULL;
    for (size_t i = 0; i < bad->n && ok; i++)
        if ((ok = (d->skipped_reasons[i] = mnk_arena_strdup(a, bad->line[i])) != NULL)) d->skipped = i + 1;
    return ok ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: names of %zu images", g->n);
}

/* A class all of whose pictures were bad; with one split asked for, a class may well be missing. */
static mnk_status check_classes(const loading *g, const mnk_rows *rows, mnk_error *err) {
    char shown[96], shown_class[96];
    if (g->request->split != MNK_SPLIT_NONE) return MNK_OK;
    size_t *count = NULL;
    MNK_TRY(MNK_NEW(count, (size_t)rows->classes, err));
    for (size_t i = 0; i < g->n; i++) count[g->row[i]->label]++;
    mnk_status status = MNK_OK;
    for (int c = 0; c < rows->classes && status == MNK_OK; c++)
        if (!count[c])
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: class '%s' has no usable picture left",
                              mnk_printable(g->request->path, shown), mnk_printable(rows->class_name[c], shown_class));
    mnk_free(count);
    return status;
}

static mnk_status load(loading *g, const mnk_rows *rows, mnk_bad *bad, mnk_error *err) {
    size_t total = g->n;
    mnk_images_shape shape = {.classes = rows->classes, .groups = rows->groups, .attributes = rows->attributes};
    MNK_TRY(each(g, "header", look, err));
    MNK_TRY(agree(g, &shape, err));
    MNK_TRY(sort_out(g, bad, total, err));
    shape.n = g->n;
    MNK_TRY(mnk_images_require(&shape, g->request->options->max_bytes, g->request->path, err));
    MNK_TRY(mnk_images_alloc(&shape, &g->d, err));
    MNK_TRY(each(g, "image", decode, err));
    MNK_TRY(sort_out(g, bad, total, err));
    MNK_TRY(check_classes(g, rows, err));
    return fill(g, rows, bad, err);
}

static const char *group_name(void *ctx, int32_t g) { return ((const mnk_rows *)ctx)->group_name[g]; }

/* Groups of all rows: renumbered when they are counted within classes, and checked against the splits. */
static mnk_status check_groups(mnk_rows *rows, const mnk_open_request *request, mnk_error *err) {
    int32_t *group = NULL, *label = NULL;
    uint8_t *split = NULL;
    if (!rows->groups) return MNK_OK;
    mnk_status status = MNK_NEW(group, rows->n, err);
    if (status == MNK_OK) status = MNK_NEW(label, rows->n, err);
    if (status == MNK_OK) status = MNK_NEW(split, rows->n, err);
    for (size_t i = 0; i < rows->n && status == MNK_OK; i++)
        group[i] = rows->row[i].group, label[i] = rows->row[i].label, split[i] = rows->row[i].split;
    bool within = request->options->groups_within_class;
    if (status == MNK_OK && within) status = mnk_split_groups_within_class(group, label, rows->n, err);
    /* the check names groups by number when classes share names: a pair is a number then */
    if (status == MNK_OK)
        status = mnk_split_check_groups(group, split, rows->n, request->path, within ? NULL : group_name, rows, err);
    for (size_t i = 0; i < rows->n && status == MNK_OK; i++) rows->row[i].group = group[i];
    mnk_free(group);
    mnk_free(label);
    mnk_free(split);
    return status;
}

static mnk_status choose_rows(loading *g, mnk_rows *rows, mnk_error *err) {
    char shown[96];
    mnk_split split = g->request->split;
    if (split != MNK_SPLIT_NONE && !rows->splits) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s has no splits, so no :%s", mnk_printable(g->request->path, shown),
                                     mnk_split_name(split));
        mnk_error_hint(err, "splits come from folders train/ and test/, or from the column split of a manifest.csv");
        return status;
    }
    MNK_TRY(MNK_NEW(g->row, rows->n, err));
    MNK_TRY(MNK_NEW(g->seen, rows->n, err));
    MNK_TRY(MNK_NEW(g->reason, rows->n, err));
    for (size_t i = 0; i < rows->n; i++)
        if (split == MNK_SPLIT_NONE || rows->row[i].split == split) g->row[g->n++] = &rows->row[i];
    if (!g->n)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s has no %s images", mnk_printable(g->request->path, shown),
                        mnk_split_name(split));
    return MNK_OK;
}

mnk_status mnk_listing_load(const mnk_listing *l, const char *manifest, const mnk_open_request *request, mnk_images **out,
                            mnk_error *err) {
    char shown[96];
    const mnk_entry *m = mnk_listing_find(l, manifest ? manifest : "manifest.csv");
    mnk_rows rows = {0};
    loading g = {.l = l, .request = request};
    mnk_bad bad = {.arena = l->arena};
    *out = NULL;
    if (manifest && (!m || m->folder))
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: no such manifest", mnk_printable(request->path, shown));
    mnk_status status =
        m && !m->folder ? mnk_rows_from_manifest(l, m, request, &rows, err) : mnk_rows_from_folders(l, request, &rows, err);
    if (status == MNK_OK) status = check_groups(&rows, request, err);
    if (status == MNK_OK) status = choose_rows(&g, &rows, err);
    size_t n = g.n;
    if (status == MNK_OK) status = load(&g, &rows, &bad, err);
    if (status != MNK_OK) mnk_images_close(g.d);
    else *out = g.d;
    for (size_t i = 0; i < n && g.reason; i++) free_reason(&g, i);
    mnk_free(g.row);
    mnk_free(g.seen);
    mnk_free(g.reason);
    mnk_bad_clear(&bad);
    mnk_rows_clear(&rows);
    return status;
}
