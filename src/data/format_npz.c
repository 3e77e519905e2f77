/* .npz in the MedMNIST layout (Yang et al. 2023, MedMNIST v2): train_images, train_labels, val_…, test_… as N x H x W or
 * N x H x W x 3 of uint8 (uint16 too), labels N or N x 1 of any integer type; also holdout_…, *_groups (N integers), and
 * one set without a split (images, labels, groups). class_names is an array of text; without it, NAME.classes.txt beside
 * the file (one name a line), and without that "0", "1", …  A member `synthetic` is the synthetic mark. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/npy.h"
#include "data/open.h"
#include "data/picture.h"
#include "data/zip.h"

/* One split of the file. */
typedef struct part {
    mnk_split split;
    const mnk_zip_member *images, *labels, *groups;
    mnk_npy pixels; /* of images */
    int height, width, channels, depth;
    size_t n;
    int32_t *label, *group;
    bool wanted;
} part;

typedef struct npz {
    const mnk_open_request *request;
    mnk_zip *zip;
    part parts[5]; /* by mnk_split */
    int classes;
    bool groups, synthetic;
    char **class_names; /* in the arena */
    mnk_arena *arena;
} npz;

static mnk_status read_stream(void *ctx, void *bytes, size_t n, mnk_error *err) {
    return mnk_zip_stream_read(ctx, bytes, n, err);
}

/* Opens a member as an array: *s stands at the first item. The claimed size is compared with the member's before anything
 * is allocated for it. */
static mnk_status array_open(npz *z, const mnk_zip_member *m, mnk_npy *a, mnk_zip_stream **s, mnk_error *err) {
    MNK_TRY(mnk_zip_stream_open(z->zip, m, s, err));
    mnk_status status = mnk_npy_read_header(read_stream, *s, a, err);
    if (status == MNK_OK && a->bytes != mnk_zip_stream_left(*s))
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%.60s: its shape asks for %zu bytes, the archive holds %llu", m->name, a->bytes,
                          (unsigned long long)mnk_zip_stream_left(*s));
    if (status != MNK_OK) {
        mnk_zip_stream_close(*s);
        *s = NULL;
    }
    return status;
}

/* Reads a whole array into *items (mnk_free). */
static mnk_status array_read(npz *z, const mnk_zip_member *m, mnk_npy *a, void **items, mnk_error *err) {
    mnk_zip_stream *s = NULL;
    *items = NULL;
    MNK_TRY(array_open(z, m, a, &s, err));
    mnk_status status = mnk_memory_require(a->bytes, m->name, err);
    if (status == MNK_OK && !(*items = mnk_alloc(a->bytes, 1)))
        status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %zu bytes for %.60s", a->bytes, m->name);
    if (status == MNK_OK) status = mnk_zip_stream_read(s, *items, a->bytes, err);
    if (status == MNK_OK) status = mnk_zip_stream_finish(s, err);
    mnk_zip_stream_close(s);
    if (status != MNK_OK) {
        mnk_free(*items);
        *items = NULL;
    }
    return status;
}

static const char *shape_text(const mnk_npy *a, char buffer[128]) {
    size_t used = 0;
    buffer[0] = '\0';
    for (int i = 0; i < a->rank && used < 100; i++)
        used += (size_t)snprintf(buffer + used, 128 - used, "%s%zu", i ? "x" : "", a->shape[i]);
    return buffer;
}

/* Shape and type of an image array. */
static mnk_status image_header(npz *z, part *p, mnk_error *err) {
    mnk_zip_stream *s = NULL;
    mnk_npy *a = &p->pixels;
    char shape[128];
    MNK_TRY(array_open(z, p->images, a, &s, err));
    mnk_zip_stream_close(s);
    if (a->kind != 'u' || a->item > 2) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%.60s is of type %c%zu; images are uint8 or uint16", p->images->name,
                                     a->kind, a->item);
        mnk_error_hint(err, "scale the values to 0..255 and save them with .astype('uint8')");
        return status;
    }
    bool colour = a->rank == 4 && (a->shape[3] == 1 || a->shape[3] == 3 || a->shape[3] == 4);
    if (a->rank != 3 && !colour)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%.60s has shape %s; expected NxHxW or NxHxWx3", p->images->name,
                        shape_text(a, shape));
    p->n = a->shape[0];
    MNK_TRY(mnk_picture_check_size(a->shape[2], a->shape[1], err));
    p->height = (int)a->shape[1];
    p->width = (int)a->shape[2];
    p->channels = a->rank == 3 ? 1 : (int)a->shape[3];
    p->depth = a->item == 2 ? 16 : 8;
    if (p->depth == 16 && z->request->options->depth == 8) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%.60s holds 16-bit images, 8 bit were asked for", p->images->name);
        mnk_error_hint(err, "accept both with depth 16");
        return status;
    }
    return MNK_OK;
}

/* N or N x 1 integers in [lo, hi] -> int32. */
static mnk_status int_column(npz *z, const mnk_zip_member *m, size_t n, int64_t lo, int64_t hi, int32_t **out, mnk_error *err) {
    mnk_npy a;
    void *items = NULL;
    char shape[128];
    MNK_TRY(array_read(z, m, &a, &items, err));
    mnk_status status = MNK_OK;
    if (a.kind != 'u' && a.kind != 'i' && a.kind != 'b')
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%.60s is of type %c%zu; expected whole numbers", m->name, a.kind, a.item);
    else if (a.rank == 2 && a.shape[1] > 1)
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%.60s has shape %s: several labels per image; one is expected", m->name,
                          shape_text(&a, shape));
    else if (a.rank < 1 || a.rank > 2 || a.count != n || a.shape[0] != n)
        status =
            MNK_FAIL(err, MNK_ERR_INPUT, "%.60s has shape %s, but there are %zu images", m->name, shape_text(&a, shape), n);
    else status = MNK_NEW(*out, n, err);
    for (size_t i = 0; i < n && status == MNK_OK; i++) {
        int64_t v = mnk_npy_int(&a, items, i);
        if (v < lo || v > hi)
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%.60s: row %zu is %lld; expected %lld to %lld", m->name, i, (long long)v,
                              (long long)lo, (long long)hi);
        else (*out)[i] = (int32_t)v;
    }
    mnk_free(items);
    return status;
}

static const mnk_zip_member *find(const npz *z, mnk_split split, const char *what) {
    char key[64];
    snprintf(key, sizeof key, "%s%s%s.npy", mnk_split_name(split), split ? "_" : "", what);
    return mnk_zip_find(z->zip, key);
}

static mnk_status no_images(const npz *z, mnk_error *err) {
    char list[256] = "", shown[96];
    for (size_t i = 0; i < mnk_zip_count(z->zip) && i < 8; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", mnk_printable(mnk_zip_at(z->zip, i)->name, shown));
    }
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "no image arrays; the archive holds: %s", list);
    mnk_error_hint(err, "expected names: train_images and train_labels (val_, test_, holdout_), or images and labels");
    return status;
}

/* Finds the parts and reads all that is small: shapes, labels, groups of every split, wanted or not, so that class numbers
 * and the check of groups do not depend on which split is opened. */
static mnk_status read_columns(npz *z, mnk_error *err) {
    int found = 0;
    for (int s = MNK_SPLIT_HOLDOUT; s >= MNK_SPLIT_NONE; s--) {
        part *p = &z->parts[s];
        if (s == MNK_SPLIT_NONE && found) break; /* named splits win over a set without a split */
        p->split = (mnk_split)s;
        p->images = find(z, p->split, "images");
        p->labels = find(z, p->split, "labels");
        p->groups = find(z, p->split, "groups");
        if (!p->images && !p->labels) continue;
        if (!p->images || !p->labels)
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s%s%s is missing", mnk_split_name(p->split), s ? "_" : "",
                            p->images ? "labels" : "images");
        found++;
        MNK_TRY(image_header(z, p, err));
        MNK_TRY(int_column(z, p->labels, p->n, 0, MNK_CLASSES_MAX - 1, &p->label, err));
        if (p->groups) MNK_TRY(int_column(z, p->groups, p->n, -1, INT32_MAX, &p->group, err));
        for (size_t i = 0; i < p->n; i++)
            if (p->label[i] >= z->classes) z->classes = p->label[i] + 1;
        z->groups = z->groups || p->group;
        p->wanted = z->request->split == MNK_SPLIT_NONE || z->request->split == p->split;
    }
    return found ? MNK_OK : no_images(z, err);
}

/* Groups of all splits together: renumbered when they are counted within classes, and checked. */
static mnk_status check_groups(const npz *z, mnk_error *err) {
    size_t n = 0, at = 0;
    for (int s = 0; s < 5; s++) n += z->parts[s].group ? z->parts[s].n : 0;
    if (!n) return MNK_OK;
    int32_t *group = NULL, *label = NULL;
    uint8_t *split = NULL;
    mnk_status status = MNK_NEW(group, n, err);
    if (status == MNK_OK) status = MNK_NEW(label, n, err);
    if (status == MNK_OK) status = MNK_NEW(split, n, err);
    for (int s = 0; s < 5 && status == MNK_OK; s++) {
        const part *p = &z->parts[s];
        if (!p->group || !p->n) continue;
        memcpy(group + at, p->group, p->n * sizeof *group);
        memcpy(label + at, p->label, p->n * sizeof *label);
        memset(split + at, s, p->n);
        at += p->n;
    }
    if (status == MNK_OK && z->request->options->groups_within_class)
        status = mnk_split_groups_within_class(group, label, n, err);
    if (status == MNK_OK) status = mnk_split_check_groups(group, split, n, z->request->path, NULL, NULL, err);
    at = 0;
    for (int s = 0; s < 5 && status == MNK_OK; s++) {
        const part *p = &z->parts[s];
        if (!p->group || !p->n) continue;
        memcpy(p->group, group + at, p->n * sizeof *group);
        at += p->n;
    }
    mnk_free(group);
    mnk_free(label);
    mnk_free(split);
    return status;
}

/* UCS-4 or bytes, padded with NULs -> UTF-8. */
static char *item_text(npz *z, const mnk_npy *a, const uint8_t *item) {
    char *out = mnk_arena_alloc(z->arena, a->item + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < a->item; i += a->kind == 'U' ? 4 : 1) {
        uint32_t u = a->kind == 'S'
                         ? item[i]
                         : item[i] | (uint32_t)item[i + 1] << 8 | (uint32_t)item[i + 2] << 16 | (uint32_t)item[i + 3] << 24;
        if (!u) break;
        if (a->kind == 'S') out[n++] = (char)u;
        else if (u < 0x80) out[n++] = (char)u;
        else if (u < 0x800) out[n++] = (char)(0xc0 | u >> 6), out[n++] = (char)(0x80 | (u & 63));
        else if (u >= 0xd800 && u < 0xe000) out[n++] = '?';
        else if (u < 0x10000)
            out[n++] = (char)(0xe0 | u >> 12), out[n++] = (char)(0x80 | (u >> 6 & 63)), out[n++] = (char)(0x80 | (u & 63));
        else if (u < 0x110000)
            out[n++] = (char)(0xf0 | u >> 18), out[n++] = (char)(0x80 | (u >> 12 & 63)),
            out[n++] = (char)(0x80 | (u >> 6 & 63)), out[n++] = (char)(0x80 | (u & 63));
        else out[n++] = '?';
    }
    if (out) out[n] = '\0';
    return out;
}

static mnk_status names_from_array(npz *z, const mnk_zip_member *m, mnk_error *err) {
    mnk_npy a;
    void *items = NULL;
    MNK_TRY(array_read(z, m, &a, &items, err));
    mnk_status status = MNK_OK;
    if ((a.kind != 'U' && a.kind != 'S') || a.rank != 1 || a.count > MNK_CLASSES_MAX)
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%.60s: expected one row of text", m->name);
    else if ((int)a.count < z->classes)
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%.60s names %zu classes, but the labels go up to %d", m->name, a.count,
                          z->classes - 1);
    else z->classes = (int)a.count;
    if (status == MNK_OK && !(z->class_names = mnk_arena_alloc(z->arena, a.count * sizeof(char *))))
        status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < a.count && status == MNK_OK; i++)
        if (!(z->class_names[i] = item_text(z, &a, (const uint8_t *)items + i * a.item)))
            status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    mnk_free(items);
    return status;
}

/* NAME.classes.txt beside NAME.npz. */
static mnk_status names_from_file(npz *z, mnk_error *err) {
    char path[1100];
    const char *npz_path = z->request->path;
    snprintf(path, sizeof path, "%.*s.classes.txt", (int)(strlen(npz_path) - strlen(mnk_path_ext(npz_path))), npz_path);
    if (!mnk_path_exists(path)) return MNK_OK;
    uint8_t *bytes = NULL;
    size_t n = 0, lines = 0;
    MNK_TRY(mnk_file_read(path, 1 << 20, &bytes, &n, err));
    char *text = mnk_arena_strdup(z->arena, (const char *)bytes);
    mnk_free(bytes);
    char **names = mnk_arena_alloc(z->arena, MNK_CLASSES_MAX * sizeof(char *)), *rest = NULL;
    if (!text || !names) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    for (char *line = strtok_r(text, "\r\n", &rest); line && lines < MNK_CLASSES_MAX; line = strtok_r(NULL, "\r\n", &rest))
        names[lines++] = line;
    if ((int)lines < z->classes)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s names %zu classes, but the labels go up to %d", path, lines, z->classes - 1);
    z->classes = (int)lines;
    z->class_names = names;
    return MNK_OK;
}

/* Without names, a number that no image has is a mistake (with names it is a class that happens to be absent). */
static mnk_status check_gaps(const npz *z, mnk_error *err) {
    size_t *count = NULL;
    if (z->class_names || !z->classes) return MNK_OK;
    MNK_TRY(MNK_NEW(count, (size_t)z->classes, err));
    for (int s = 0; s < 5; s++)
        for (size_t i = 0; i < z->parts[s].n && z->parts[s].label; i++) count[z->parts[s].label[i]]++;
    int gap = 0;
    while (gap < z->classes && count[gap]) gap++;
    mnk_free(count);
    if (gap == z->classes) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "class %d has no images, but labels go up to %d", gap, z->classes - 1);
    mnk_error_hint(err, "renumber the labels from 0, or name all classes in an array class_names");
    return status;
}

static mnk_status read_names(npz *z, mnk_error *err) {
    const mnk_zip_member *m = mnk_zip_find(z->zip, "class_names.npy");
    z->synthetic = mnk_zip_find(z->zip, "synthetic.npy") != NULL;
    return m ? names_from_array(z, m, err) : names_from_file(z, err);
}

/* Shape of the result: the parts that are wanted must agree, unless all are resized. */
static mnk_status result_shape(const npz *z, mnk_images_shape *shape, mnk_error *err) {
    const mnk_images_options *o = z->request->options;
    const part *first = NULL;
    for (int s = 0; s < 5; s++) {
        const part *p = &z->parts[s];
        if (!p->wanted || !p->images) continue;
        if (!first) first = p;
        if (!o->size && (p->height != first->height || p->width != first->width))
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s is %dx%d, %s is %dx%d", first->images->name, first->width, first->height,
                            p->images->name, p->width, p->height);
        if (!o->channels && (p->channels == 1) != (first->channels == 1))
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s and %s differ in colour", first->images->name, p->images->name);
        if (!o->depth && p->depth != first->depth)
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s is %d bit, %s is %d bit", first->images->name, first->depth,
                            p->images->name, p->depth);
        shape->n += p->n;
    }
    if (!first || !shape->n) {
        const char *name = mnk_split_name(z->request->split);
        return MNK_FAIL(err, MNK_ERR_INPUT, *name ? "the archive has no %s%simages" : "the archive has no images", name,
                        *name ? " " : "");
    }
    shape->height = o->size ? (int)o->size : first->height;
    shape->width = o->size ? (int)o->size : first->width;
    shape->channels = o->channels ? (int)o->channels : first->channels == 1 ? 1 : 3;
    shape->depth = o->depth ? (int)o->depth : first->depth;
    shape->classes = z->classes;
    shape->groups = z->groups;
    return MNK_OK;
}

static mnk_status read_pixels(npz *z, const part *p, mnk_images *d, size_t at, mnk_error *err) {
    mnk_zip_stream *s = NULL;
    mnk_npy a;
    MNK_TRY(array_open(z, p->images, &a, &s, err));
    bool as_is = p->height == d->height && p->width == d->width && p->channels == d->channels && p->depth == d->depth;
    mnk_picture raw = {.width = p->width, .height = p->height, .channels = p->channels, .depth = p->depth};
    size_t stride = p->n ? a.bytes / p->n : 0;
    mnk_status status = as_is ? MNK_OK : mnk_picture_alloc(&raw, err);
    for (size_t i = 0; i < p->n && status == MNK_OK; i++) {
        status = mnk_zip_stream_read(s, as_is ? mnk_images_pixels(d, at + i) : raw.pixels, stride, err);
        if (status == MNK_OK && !as_is) {
            raw.channels = p->channels;
            status = mnk_picture_drop_alpha(&raw, err);
            if (status == MNK_OK)
                status = mnk_picture_fit(&raw, d->height, d->width, d->channels, d->depth, mnk_images_pixels(d, at + i), err);
        }
        if (i % 1024 == 0) {
            mnk_observe_progress(z->request->observer, "image", (double)(at + i), (double)d->n, "");
            if (status == MNK_OK && mnk_observe_stopped(z->request->observer))
                status = MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while reading");
        }
    }
    if (status == MNK_OK) status = mnk_zip_stream_finish(s, err);
    mnk_picture_clear(&raw);
    mnk_zip_stream_close(s);
    return status;
}

static mnk_status fill(npz *z, mnk_images *d, mnk_error *err) {
    mnk_arena *a = mnk_images_arena(d);
    bool ok = true;
    for (int c = 0; c < d->classes && ok; c++)
        ok = (d->class_names[c] = z->class_names ? mnk_arena_strdup(a, z->class_names[c]) : mnk_arena_printf(a, "%d", c)) !=
             NULL;
    size_t at = 0;
    for (int s = 0; s < 5 && ok; s++) {
        const part *p = &z->parts[s];
        if (!p->wanted || !p->images) continue;
        for (size_t i = 0; i < p->n && ok; i++) {
            d->label[at + i] = p->label[i];
            d->split[at + i] = (uint8_t)s;
            if (p->group) d->group[at + i] = p->group[i];
            ok = (d->name[at + i] = mnk_arena_printf(a, s ? "%s:%zu" : "%s%zu", mnk_split_name(p->split), i)) != NULL;
        }
        if (ok) MNK_TRY(read_pixels(z, p, d, at, err));
        at += p->n;
    }
    d->synthetic = z->synthetic;
    return ok ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
}

static mnk_status load(npz *z, FILE *f, mnk_images **out, mnk_error *err) {
    mnk_images_shape shape = {0};
    mnk_images *d = NULL;
    MNK_TRY(mnk_zip_open(f, &z->zip, err));
    MNK_TRY(read_columns(z, err));
    MNK_TRY(check_groups(z, err));
    MNK_TRY(read_names(z, err));
    MNK_TRY(check_gaps(z, err));
    MNK_TRY(result_shape(z, &shape, err));
    MNK_TRY(mnk_images_require(&shape, z->request->options->max_bytes, z->request->path, err));
    MNK_TRY(mnk_images_alloc(&shape, &d, err));
    mnk_status status = fill(z, d, err);
    if (status != MNK_OK) mnk_images_close(d);
    else *out = d;
    return status;
}

mnk_status mnk_npz_read(FILE *f, const mnk_open_request *request, mnk_images **out, mnk_error *err) {
    npz z = {.request = request, .arena = mnk_arena_open()};
    *out = NULL;
    if (!z.arena) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    mnk_error inner = MNK_ERROR_INIT;
    mnk_status status = load(&z, f, out, &inner);
    if (status != MNK_OK) { /* name the file first */
        char shown[96];
        mnk_printable(request->path, shown);
        bool named = !strncmp(inner.message, shown, strlen(shown));
        mnk_error_set(err, status, inner.where, "%s%s%s", named ? "" : shown, named ? "" : ": ", inner.message);
        if (inner.hint[0]) mnk_error_hint(err, "%s", inner.hint);
    }
    for (int s = 0; s < 5; s++) {
        mnk_free(z.parts[s].label);
        mnk_free(z.parts[s].group);
    }
    mnk_zip_close(z.zip);
    mnk_arena_close(z.arena);
    return status;
}

static bool claims(const char *path) { return !strcmp(mnk_path_ext(path), ".npz") && !mnk_path_is_dir(path); }

static mnk_status open_file(const mnk_open_request *request, mnk_images **out, mnk_error *err) {
    char shown[96];
    FILE *f = fopen(request->path, "rb");
    if (!f) return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot open: %s", mnk_printable(request->path, shown), strerror(errno));
    mnk_status status = mnk_npz_read(f, request, out, err);
    fclose(f);
    return status;
}

const mnk_images_format mnk_format_npz = {"npz", claims, open_file};
