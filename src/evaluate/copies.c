#include "evaluate/copies.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

const char *const mnk_symmetry_names[MNK_SYMMETRIES] = {"as it is",
                                                        "turned 180",
                                                        "mirrored",
                                                        "mirrored, turned 180",
                                                        "turned 90",
                                                        "turned 270",
                                                        "mirrored, turned 90",
                                                        "mirrored, turned 270"};

void mnk_symmetry_source(int symmetry, int h, int w, int y, int x, int *sy, int *sx) {
    switch (symmetry) {
    case 1: *sy = h - 1 - y, *sx = w - 1 - x; break;
    case 2: *sy = y, *sx = w - 1 - x; break;
    case 3: *sy = h - 1 - y, *sx = x; break;
    case 4: *sy = x, *sx = w - 1 - y; break; /* anticlockwise */
    case 5: *sy = h - 1 - x, *sx = y; break;
    case 6: *sy = x, *sx = y; break;
    case 7: *sy = h - 1 - x, *sx = w - 1 - y; break;
    default: *sy = y, *sx = x; break;
    }
}

static mnk_alignment symmetry_alignment(int s) {
    static const float angle_deg[MNK_SYMMETRIES] = {0, 180, 0, 180, 90, 270, 90, 270};
    return (mnk_alignment){.angle_deg = angle_deg[s], .zoom = 1, .mirrored = s == 2 || s == 3 || s == 6 || s == 7};
}

/* The symmetry that undoes s: quarter turns swap, all others are their own inverse. */
static int inverse(int s) { return s == 4 ? 5 : s == 5 ? 4 : s; }

typedef struct hashed {
    uint64_t hash;
    uint32_t row;
} hashed;

struct mnk_copy_index {
    const mnk_images *train;
    int symmetries;
    hashed *table;           /* [n] ascending by hash, then row */
    mnk_copy_finder *finder; /* NULL: train cannot be searched */
};

static const uint8_t *bytes_of(const mnk_images *d, size_t i, size_t *n) {
    const size_t values = (size_t)d->height * (size_t)d->width * (size_t)d->channels, item = d->depth == 16 ? 2 : 1;
    *n = values * item;
    return (d->depth == 16 ? (const uint8_t *)d->pixels16 : d->pixels8) + i * *n;
}

/* FNV-1a over eight bytes at a time; hits are compared byte by byte. */
static uint64_t hash_bytes(const uint8_t *p, size_t n) {
    uint64_t h = 0xcbf29ce484222325u;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        h = (h ^ v) * 0x100000001b3u;
        h ^= h >> 29;
    }
    for (; n; p++, n--) h = (h ^ *p) * 0x100000001b3u;
    return h;
}

static int by_hash(const void *a, const void *b) {
    const hashed *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* A train without anything to correlate has no near copies; that is no error. */
static mnk_status open_finder(mnk_copy_index *x, const mnk_observer *observer, mnk_error *err) {
    mnk_error own = MNK_ERROR_INIT;
    const mnk_status status = mnk_copy_finder_open(x->train, observer, &x->finder, &own);
    if (status == MNK_OK || status == MNK_ERR_INPUT) return MNK_OK;
    return MNK_FAIL(err, status, "%s", own.message);
}

mnk_status mnk_copy_index_open_exact(const mnk_images *train, mnk_copy_index **out, mnk_error *err) {
    mnk_copy_index *x = NULL;
    size_t bytes = 0;
    mnk_status status = MNK_OK;
    *out = NULL;
    MNK_OUT(MNK_NEW(x, 1, err));
    x->train = train;
    x->symmetries = train->height == train->width ? 8 : 4;
    MNK_OUT(MNK_NEW(x->table, train->n, err));
    for (size_t i = 0; i < train->n; i++) {
        const uint8_t *p = bytes_of(train, i, &bytes);
        x->table[i] = (hashed){hash_bytes(p, bytes), (uint32_t)i};
    }
    qsort(x->table, train->n, sizeof *x->table, by_hash);
out:
    if (status == MNK_OK) *out = x;
    else mnk_copy_index_close(x);
    return status;
}

mnk_status mnk_copy_index_open(const mnk_images *train, const mnk_observer *observer, mnk_copy_index **out, mnk_error *err) {
    MNK_TRY(mnk_copy_index_open_exact(train, out, err));
    mnk_status status = open_finder(*out, observer, err);
    if (status != MNK_OK) {
        mnk_copy_index_close(*out);
        *out = NULL;
    }
    return status;
}

void mnk_copy_index_close(mnk_copy_index *x) {
    if (!x) return;
    mnk_free(x->table);
    mnk_copy_finder_close(x->finder);
    mnk_free(x);
}

typedef struct exact_ctx {
    const mnk_copy_index *x;
    const mnk_images *q;
    mnk_copy *out;
    int failed;
} exact_ctx;

/* The lowest training row with these bytes, UINT32_MAX when none. */
static uint32_t find_bytes(const mnk_copy_index *x, const uint8_t *p, size_t n) {
    const uint64_t hash = hash_bytes(p, n);
    size_t lo = 0, hi = x->train->n, size = 0;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (x->table[mid].hash < hash) lo = mid + 1;
        else hi = mid;
    }
    for (; lo < x->train->n && x->table[lo].hash == hash; lo++)
        if (memcmp(bytes_of(x->train, x->table[lo].row, &size), p, n) == 0) return x->table[lo].row;
    return UINT32_MAX;
}

static void exact_one(void *ctx, size_t i) {
    exact_ctx *c = ctx;
    const mnk_images *q = c->q;
    size_t bytes = 0;
    const uint8_t *p = bytes_of(q, i, &bytes);
    const size_t pixel = bytes / ((size_t)q->height * (size_t)q->width);
    uint8_t *turned = mnk_alloc(bytes, 1);
    if (!turned) {
        __atomic_store_n(&c->failed, 1, __ATOMIC_RELAXED);
        return;
    }
    for (int s = 0; s < c->x->symmetries; s++) { /* undo s on the query: is that a training image? */
        const int undo = inverse(s);
        for (int y = 0; y < q->height; y++)
            for (int k = 0; k < q->width; k++) {
                int sy, sx;
                mnk_symmetry_source(undo, q->height, q->width, y, k, &sy, &sx);
                memcpy(turned + ((size_t)y * (size_t)q->width + (size_t)k) * pixel,
                       p + ((size_t)sy * (size_t)q->width + (size_t)sx) * pixel, pixel);
            }
        const uint32_t row = find_bytes(c->x, turned, bytes);
        if (row == UINT32_MAX) continue;
        c->out[i] = (mnk_copy){{row, 0, 1, 0, symmetry_alignment(s)}, (uint8_t)s, true};
        break;
    }
    mnk_free(turned);
}

/* Near copies of what is no exact copy. */
static mnk_status find_near(const mnk_copy_index *x, const mnk_images *queries, bool other_groups, const mnk_observer *observer,
                            mnk_copy *out, mnk_error *err) {
    size_t *row = NULL, n = 0;
    mnk_images *rest = NULL;
    mnk_near *near = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(row, queries->n, err));
    for (size_t i = 0; i < queries->n; i++)
        if (!out[i].is_exact) row[n++] = i;
    if (n) {
        MNK_OUT(MNK_NEW(near, n, err));
        MNK_OUT(mnk_images_select(queries, row, n, &rest, err));
        MNK_OUT(mnk_copy_finder_search(x->finder, rest, other_groups, observer, near, err));
        for (size_t k = 0; k < n; k++) out[row[k]].near = near[k];
    }
out:
    mnk_images_close(rest);
    mnk_free(near);
    mnk_free(row);
    return status;
}

mnk_status mnk_copies_find(const mnk_copy_index *x, const mnk_images *queries, bool other_groups, const mnk_observer *observer,
                           mnk_copy *out, mnk_error *err) {
    for (size_t i = 0; i < queries->n; i++) out[i] = (mnk_copy){.near = {.row = UINT32_MAX, .score = INFINITY}};
    exact_ctx exact = {.x = x, .q = queries, .out = out};
    mnk_parallel_for(queries->n, exact_one, &exact);
    if (exact.failed) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a picture");
    return x->finder && queries->n ? find_near(x, queries, other_groups, observer, out, err) : MNK_OK;
}

mnk_status mnk_copies_find_others(const mnk_copy_index *x, const mnk_images *queries, const mnk_observer *observer,
                                  mnk_copy *out, mnk_error *err) {
    for (size_t i = 0; i < queries->n; i++) out[i] = (mnk_copy){.near = {.row = UINT32_MAX, .score = INFINITY}};
    return x->finder && queries->n ? find_near(x, queries, true, observer, out, err) : MNK_OK;
}
