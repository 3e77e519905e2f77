#include "evaluate/copies.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "evaluate/encoding.h"
#include "math/sweep.h"

enum { THUMBNAIL = 16, FEWEST_NULL = 20 };

/* Below half a grey level of spread a picture has nothing to correlate. */
static const double FLAT_SD = 0.5 / 127.5;

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

/* The symmetry that undoes s: quarter turns swap, all others are their own inverse. */
static int inverse(int s) { return s == 4 ? 5 : s == 5 ? 4 : s; }

typedef struct hashed {
    uint64_t hash;
    uint32_t row;
} hashed;

struct mnk_copy_index {
    const mnk_images *train;
    int symmetries, th, tw; /* thumbnail size */
    hashed *table;          /* [n] ascending by hash, then row */
    mnk_points points;      /* thumbnails of train that are not flat */
    uint32_t *row;          /* their rows */
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

/* Luminance at th x tw, mean 0, length 1. False for a picture of one colour. */
static bool thumbnail(const mnk_images *d, size_t i, int th, int tw, float *planes, float *small, float *out) {
    const size_t cells = (size_t)th * (size_t)tw;
    mnk_images_f32(d, i, planes);
    mnk_shrink(planes, d->channels, d->height, d->width, th, tw, small);
    double mean = 0, norm = 0;
    for (size_t p = 0; p < cells; p++) {
        out[p] = d->channels == 3 ? 0.299f * small[p] + 0.587f * small[cells + p] + 0.114f * small[2 * cells + p] : small[p];
        mean += (double)out[p] / (double)cells;
    }
    for (size_t p = 0; p < cells; p++) {
        out[p] -= (float)mean;
        norm += (double)out[p] * (double)out[p];
    }
    if (norm < FLAT_SD * FLAT_SD * (double)cells) return false;
    const float scale = (float)(1 / sqrt(norm));
    for (size_t p = 0; p < cells; p++) out[p] *= scale;
    return true;
}

typedef struct thumbs_ctx {
    const mnk_images *d;
    int th, tw;
    float *out;
    uint8_t *good;
    int failed;
} thumbs_ctx;

static void thumbs_block(void *ctx, size_t block) {
    enum { BLOCK = 64 };
    thumbs_ctx *c = ctx;
    const size_t cells = (size_t)c->th * (size_t)c->tw, channels = (size_t)c->d->channels;
    const size_t values = (size_t)c->d->height * (size_t)c->d->width * channels;
    float *planes = mnk_alloc(values + cells * channels, sizeof *planes);
    if (!planes) __atomic_store_n(&c->failed, 1, __ATOMIC_RELAXED);
    else
        for (size_t i = block * BLOCK; i < c->d->n && i < (block + 1) * BLOCK; i++)
            c->good[i] = thumbnail(c->d, i, c->th, c->tw, planes, planes + values, c->out + i * cells);
    mnk_free(planes);
}

/* Thumbnails of the pictures that are not flat, packed; row[] tells which. The arrays have room for d->n. */
static mnk_status thumbnails(const mnk_images *d, int th, int tw, float *out, uint32_t *row, size_t *n, mnk_error *err) {
    const size_t cells = (size_t)th * (size_t)tw;
    thumbs_ctx c = {.d = d, .th = th, .tw = tw, .out = out};
    MNK_TRY(MNK_NEW(c.good, d->n ? d->n : 1, err));
    mnk_parallel_for((d->n + 63) / 64, thumbs_block, &c);
    *n = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (!c.good[i]) continue;
        memmove(out + *n * cells, out + i * cells, cells * sizeof *out);
        row[(*n)++] = (uint32_t)i;
    }
    mnk_free(c.good);
    return c.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a picture") : MNK_OK;
}

mnk_status mnk_copy_index_open(const mnk_images *train, mnk_copy_index **out, mnk_error *err) {
    mnk_copy_index *x = NULL;
    float *thumbs = NULL;
    size_t n = 0, bytes = 0;
    mnk_status status = MNK_OK;
    *out = NULL;
    MNK_OUT(MNK_NEW(x, 1, err));
    x->train = train;
    x->symmetries = train->height == train->width ? 8 : 4;
    x->th = train->height < THUMBNAIL ? train->height : THUMBNAIL;
    x->tw = train->width < THUMBNAIL ? train->width : THUMBNAIL;
    const size_t cells = (size_t)x->th * (size_t)x->tw;
    MNK_OUT(MNK_NEW(x->table, train->n, err));
    MNK_OUT(MNK_NEW(x->row, train->n, err));
    MNK_OUT(MNK_NEW(thumbs, train->n * cells, err));
    for (size_t i = 0; i < train->n; i++) {
        const uint8_t *p = bytes_of(train, i, &bytes);
        x->table[i] = (hashed){hash_bytes(p, bytes), (uint32_t)i};
    }
    qsort(x->table, train->n, sizeof *x->table, by_hash);
    MNK_OUT(thumbnails(train, x->th, x->tw, thumbs, x->row, &n, err));
    MNK_OUT(mnk_points_open(thumbs, n, cells, NULL, &x->points, err));
out:
    mnk_free(thumbs);
    if (status == MNK_OK) *out = x;
    else mnk_copy_index_close(x);
    return status;
}

void mnk_copy_index_close(mnk_copy_index *x) {
    if (!x) return;
    mnk_free(x->table);
    mnk_free(x->row);
    mnk_points_close(&x->points);
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
        c->out[i] = (mnk_copy){row, (uint8_t)s, true, 0};
        break;
    }
    mnk_free(turned);
}

/* Nearest training thumbnail of every query under one symmetry; keeps what is nearer than before. */
static mnk_status near_under(const mnk_copy_index *x, int symmetry, const float *thumbs, const uint32_t *row, size_t n,
                             float *turned, mnk_copy *out, mnk_error *err) {
    const size_t cells = (size_t)x->th * (size_t)x->tw;
    const int undo = inverse(symmetry);
    mnk_points q = {0};
    mnk_cross cross = {0};
    for (size_t i = 0; i < n; i++)
        for (int y = 0; y < x->th; y++)
            for (int k = 0; k < x->tw; k++) {
                int sy, sx;
                mnk_symmetry_source(undo, x->th, x->tw, y, k, &sy, &sx);
                turned[i * cells + (size_t)(y * x->tw + k)] = thumbs[i * cells + (size_t)(sy * x->tw + sx)];
            }
    mnk_status status = mnk_points_open(turned, n, cells, NULL, &q, err);
    if (status == MNK_OK) status = mnk_sweep_cross(&q, &x->points, NULL, &cross, err);
    for (size_t i = 0; i < n && status == MNK_OK; i++) {
        mnk_copy *c = &out[row[i]];
        const float distance = sqrtf(cross.nearest_a2[i]);
        if (c->is_exact || !(distance < c->distance)) continue;
        *c = (mnk_copy){x->row[cross.nearest_a_index[i]], (uint8_t)symmetry, false, distance};
    }
    mnk_points_close(&q);
    mnk_cross_close(&cross);
    return status;
}

mnk_status mnk_copies_find(const mnk_copy_index *x, const mnk_images *queries, mnk_copy *out, mnk_error *err) {
    const size_t cells = (size_t)x->th * (size_t)x->tw;
    float *thumbs = NULL, *turned = NULL;
    uint32_t *row = NULL;
    size_t n = 0;
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < queries->n; i++) out[i] = (mnk_copy){UINT32_MAX, 0, false, INFINITY};
    exact_ctx exact = {.x = x, .q = queries, .out = out};
    mnk_parallel_for(queries->n, exact_one, &exact);
    if (exact.failed) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a picture");
    MNK_OUT(MNK_NEW(thumbs, queries->n * cells, err));
    MNK_OUT(MNK_NEW(turned, queries->n * cells, err));
    MNK_OUT(MNK_NEW(row, queries->n, err));
    MNK_OUT(thumbnails(queries, x->th, x->tw, thumbs, row, &n, err));
    for (int s = 0; s < x->symmetries && n && x->points.n; s++) MNK_OUT(near_under(x, s, thumbs, row, n, turned, out, err));
out:
    mnk_free(thumbs);
    mnk_free(turned);
    mnk_free(row);
    return status;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static mnk_copy_threshold order_statistic(double *x, size_t n, double share) {
    if (n == 0) return (mnk_copy_threshold){.distance = -1};
    qsort(x, n, sizeof *x, ascending);
    const double all = (double)n + 1;
    double k = floor(share * all);
    if (k < 1) k = 1;
    if (k > (double)n) k = (double)n;
    return (mnk_copy_threshold){
        .distance = x[(size_t)k - 1], .expected = k / all, .variance = k * (all - k) / (all * all * (all + 1))};
}

mnk_status mnk_copy_thresholds(const mnk_copy *null, const int32_t *label, size_t n, int classes, double share,
                               mnk_copy_threshold *threshold, mnk_error *err) {
    double *x = NULL;
    MNK_TRY(MNK_NEW(x, n ? n : 1, err));
    for (int c = -1; c < classes; c++) { /* all classes together first */
        size_t count = 0;
        for (size_t i = 0; i < n; i++)
            if (isfinite(null[i].distance) && (c < 0 || label[i] == c)) x[count++] = (double)null[i].distance;
        if (c < 0) {
            const mnk_copy_threshold all = order_statistic(x, count, share);
            for (int k = 0; k < classes; k++) threshold[k] = all, threshold[k].is_pooled = true;
        } else if (count >= FEWEST_NULL) {
            threshold[c] = order_statistic(x, count, share);
        }
    }
    mnk_free(x);
    return MNK_OK;
}
