/* Exact duplicates by hash and comparison; near ones by thumbnails. The search is exact but seldom looks at two thumbnails
 * in full. Averages over the orbits of the square's symmetry group are an orthogonal projection that no turn changes, so
 * their distance is a lower bound of the distance at the best turn; and images are visited in order of mean brightness, which
 * bounds it again. */
#include "data/duplicates.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"

enum { SIDE = 16, CELLS = SIDE * SIDE, ORBITS = 36, BLOCK = 64, STEP = 12, TURNS = 8 };

/* ---- exact ---- */

typedef struct keyed {
    uint64_t key;
    size_t row;
} keyed;

static int compare_keyed(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* A fast hash of the pixels; equality is decided by memcmp. */
static uint64_t pixel_hash(const uint8_t *p, size_t n) {
    uint64_t h = n * 0x9e3779b97f4a7c15u, w = 0;
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&w, p, 8);
        h = (h ^ w) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    w = 0;
    memcpy(&w, p, n);
    h = (h ^ w) * 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 29;
}

static bool is_constant(const mnk_images *d, size_t i) {
    const uint8_t *p = mnk_images_pixels(d, i);
    size_t pixel = (size_t)d->channels * (d->depth == 16 ? 2 : 1), n = mnk_images_stride(d);
    return n == pixel || !memcmp(p, p + pixel, n - pixel);
}

/* Groups equal pixels inside a run of equal hashes. */
static void settle_run(const mnk_images *d, const keyed *run, size_t n, mnk_duplicates *out) {
    size_t stride = mnk_images_stride(d);
    for (size_t k = 0; k < n; k++) {
        size_t row = run[k].row;
        out->same[row] = row;
        for (size_t e = 0; e < k; e++) {
            size_t first = run[e].row;
            if (out->same[first] != first || memcmp(mnk_images_pixels(d, row), mnk_images_pixels(d, first), stride) != 0)
                continue;
            out->same[row] = first;
            break;
        }
        for (size_t e = 0; e < k; e++) { /* both ways: the later rows of a run see the earlier ones */
            size_t other = run[e].row;
            if (out->same[other] != out->same[row] || d->split[other] == d->split[row]) continue;
            if (out->same_across[row] == SIZE_MAX) out->same_across[row] = other;
            if (out->same_across[other] == SIZE_MAX) out->same_across[other] = row;
        }
    }
}

static mnk_status find_same(const mnk_images *d, mnk_duplicates *out, mnk_error *err) {
    keyed *keys = NULL;
    MNK_TRY(MNK_NEW(keys, d->n, err));
    for (size_t i = 0; i < d->n; i++) {
        keys[i] = (keyed){pixel_hash(mnk_images_pixels(d, i), mnk_images_stride(d)), i};
        out->constant[i] = is_constant(d, i);
    }
    qsort(keys, d->n, sizeof *keys, compare_keyed);
    for (size_t i = 0, j = 0; i < d->n; i = j) {
        while (j < d->n && keys[j].key == keys[i].key) j++;
        settle_run(d, keys + i, j - i, out);
    }
    mnk_free(keys);
    return MNK_OK;
}

/* ---- near ---- */

typedef struct search {
    const mnk_images *d;
    mnk_duplicates *out;
    double threshold;
    size_t n;      /* rows searched: the first of each pixels and split */
    size_t *row;   /* [n] in order of brightness */
    size_t width;  /* values of a thumbnail: 256 a channel */
    size_t folded; /* orbit averages: 36 a channel */
    float *thumb;  /* [n][width], channel by channel, 0..255 */
    float *fold;   /* [n][folded] */
    float *mean, *spread, spread_max;
    uint16_t turn[TURNS][CELLS]; /* cell that comes to each cell */
    uint8_t orbit[CELLS];
    float weight[ORBITS];
    atomic_bool failed; /* memory ran out in a thread */
} search;

/* turn t: t & 3 quarter turns counter-clockwise, mirrored left to right before that when t & 4. */
static void make_turns(search *s) {
    int seen = 0, number[SIDE / 2][SIDE / 2], size[ORBITS] = {0};
    for (int t = 0; t < TURNS; t++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                int sy = y, sx = x;
                for (int k = 0; k < (t & 3); k++) {
                    int old = sy;
                    sy = sx;
                    sx = SIDE - 1 - old;
                }
                if (t & 4) sx = SIDE - 1 - sx;
                s->turn[t][y * SIDE + x] = (uint16_t)(sy * SIDE + sx);
            }
    for (int y = 0; y < SIDE / 2; y++)
        for (int x = 0; x <= y; x++) number[y][x] = number[x][y] = seen++;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int o = number[y < SIDE / 2 ? y : SIDE - 1 - y][x < SIDE / 2 ? x : SIDE - 1 - x];
            s->orbit[y * SIDE + x] = (uint8_t)o;
            size[o]++;
        }
    for (int o = 0; o < ORBITS; o++) s->weight[o] = 1 / sqrtf((float)size[o]);
}

/* Share of pixel k in cell i of SIDE when `from` pixels are averaged into (or spread over) the cells. */
static void cover(int from, int i, int *first, int *last, float share[2]) {
    double a = (double)i * from / SIDE, b = (double)(i + 1) * from / SIDE;
    *first = (int)a;
    *last = (int)ceil(b) - 1;
    if (*last >= from) *last = from - 1;
    share[0] = (float)((*first + 1 < b ? *first + 1 : b) - a);
    share[1] = (float)(b - *last);
}

/* Area average of one channel into SIDE x SIDE, on the scale of 8 bits. */
static void shrink(const mnk_images *d, size_t row, int c, float *out) {
    const uint8_t *p8 = d->depth == 8 ? mnk_images_pixels(d, row) : NULL;
    const uint16_t *p16 = d->depth == 16 ? mnk_images_pixels(d, row) : NULL;
    float scale = d->depth == 16 ? 1 / 257.0f : 1;
    for (int i = 0; i < SIDE; i++) {
        int y0, y1;
        float ys[2];
        cover(d->height, i, &y0, &y1, ys);
        for (int j = 0; j < SIDE; j++) {
            int x0, x1;
            float xs[2], sum = 0, area = 0;
            cover(d->width, j, &x0, &x1, xs);
            for (int y = y0; y <= y1; y++)
                for (int x = x0; x <= x1; x++) {
                    float w = (y == y0 ? ys[0] : y == y1 ? ys[1] : 1) * (x == x0 ? xs[0] : x == x1 ? xs[1] : 1);
                    size_t at = ((size_t)y * (size_t)d->width + (size_t)x) * (size_t)d->channels + (size_t)c;
                    sum += w * (p8 ? (float)p8[at] : (float)p16[at]);
                    area += w;
                }
            out[i * SIDE + j] = sum / area * scale;
        }
    }
}

static void prepare(void *ctx, size_t k) {
    search *s = ctx;
    float *thumb = s->thumb + k * s->width, *fold = s->fold + k * s->folded;
    double mean = 0, spread = 0;
    for (int c = 0; c < s->d->channels; c++) {
        float *t = thumb + c * CELLS, *f = fold + c * ORBITS;
        double own = 0;
        shrink(s->d, s->row[k], c, t);
        for (int i = 0; i < CELLS; i++) f[s->orbit[i]] += t[i] * s->weight[s->orbit[i]], own += t[i];
        own /= CELLS;
        for (int i = 0; i < CELLS; i++) spread += (t[i] - own) * (t[i] - own);
        mean += own;
    }
    s->mean[k] = (float)(mean / s->d->channels);
    s->spread[k] = fmaxf(2, (float)sqrt(spread / (double)s->width));
}

/* Squared distance, given up beyond `limit`. */
static float distance2(const float *a, const float *b, size_t n, float limit) {
    float sum = 0;
    for (size_t i = 0; i < n; i += STEP) {
        float part = 0;
        size_t end = i + STEP < n ? i + STEP : n;
        for (size_t k = i; k < end; k++) part += (a[k] - b[k]) * (a[k] - b[k]);
        sum += part;
        if (sum > limit) return FLT_MAX;
    }
    return sum;
}

/* Best turn of thumbnail b onto the turned copies of a. */
static float best_turn(const search *s, const float *turned, const float *b, float limit, uint8_t *turn) {
    float best = FLT_MAX;
    for (int t = 0; t < TURNS; t++) {
        float d2 = distance2(turned + (size_t)t * s->width, b, s->width, best < limit ? best : limit);
        if (d2 < best) best = d2, *turn = (uint8_t)t;
    }
    return best;
}

static void keep_nearest(size_t *partner, float *distance, size_t other, float d) {
    if (d < *distance || (d == *distance && other < *partner)) *partner = other, *distance = d;
}

/* The partners of one image. `turned` is scratch for its eight copies. */
static void look_around(const search *s, size_t k, float *turned) {
    const mnk_images *d = s->d;
    mnk_duplicates *out = s->out;
    const float *thumb = s->thumb + k * s->width, *fold = s->fold + k * s->folded;
    size_t row = s->row[k];
    float nearest = FLT_MAX, across = FLT_MAX, group = FLT_MAX;
    bool ready = false;
    /* |mean difference| <= rms <= threshold * sqrt(spread * other spread) */
    float reach = (float)s->threshold * sqrtf(s->spread[k] * s->spread_max);
    for (int side = 0; side < 2; side++)
        for (size_t j = side ? k + 1 : k - 1; j < s->n && fabsf(s->mean[j] - s->mean[k]) <= reach; j += side ? 1 : SIZE_MAX) {
            size_t other = s->row[j];
            float unit = s->spread[k] * s->spread[j], limit = (float)(s->threshold * s->threshold) * unit * (float)s->width;
            if (out->same[other] == out->same[row] ||
                distance2(fold, s->fold + j * s->folded, s->folded, limit * 1.0001f) == FLT_MAX)
                continue;
            for (int t = 0; t < TURNS && !ready; t++)
                for (size_t i = 0; i < s->width; i++)
                    turned[(size_t)t * s->width + i] = thumb[i / CELLS * CELLS + s->turn[t][i % CELLS]];
            ready = true;
            uint8_t turn = 0;
            float d2 = best_turn(s, turned, s->thumb + j * s->width, limit, &turn);
            if (d2 > limit) continue;
            float rms = sqrtf(d2 / ((float)s->width * unit));
            keep_nearest(&out->near[row], &nearest, other, rms);
            if (out->near[row] == other) out->near_turn[row] = turn, out->near_distance[row] = nearest;
            if (d->split[other] != d->split[row]) keep_nearest(&out->near_across[row], &across, other, rms);
            if (d->group && d->group[row] >= 0 && d->group[other] >= 0 && d->group[other] != d->group[row])
                keep_nearest(&out->near_group[row], &group, other, rms);
        }
}

static void search_block(void *ctx, size_t b) {
    search *s = ctx;
    float *turned = mnk_alloc_aligned(TURNS * s->width, sizeof *turned);
    if (!turned) {
        s->failed = true;
        return;
    }
    for (size_t k = b * BLOCK; k < (b + 1) * BLOCK && k < s->n; k++) look_around(s, k, turned);
    mnk_free(turned);
}

/* First row of each (pixels, split). */
static size_t distinct_rows(const mnk_images *d, const mnk_duplicates *out, uint8_t *seen, size_t *row) {
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) {
        uint8_t bit = (uint8_t)(1u << d->split[i]), *mask = &seen[out->same[i]];
        if (*mask & bit) continue;
        *mask |= bit;
        row[n++] = i;
    }
    return n;
}

typedef struct bright {
    float mean;
    size_t k;
} bright;

static int compare_bright(const void *a, const void *b) {
    const bright *x = a, *y = b;
    if (x->mean != y->mean) return x->mean < y->mean ? -1 : 1;
    return x->k < y->k ? -1 : x->k > y->k;
}

/* Rows in order of mean brightness, before thumbnails are made in that order. */
static mnk_status order_rows(search *s, mnk_error *err) {
    bright *list = NULL;
    MNK_TRY(MNK_NEW(list, s->n, err));
    for (size_t k = 0; k < s->n; k++) list[k] = (bright){s->mean[k], s->row[k]};
    qsort(list, s->n, sizeof *list, compare_bright);
    for (size_t k = 0; k < s->n; k++) s->row[k] = list[k].k;
    mnk_free(list);
    return MNK_OK;
}

static mnk_status run_search(search *s, const mnk_observer *observer, mnk_error *err) {
    make_turns(s);
    for (int pass = 0; pass < 2; pass++) { /* the first finds the order, the second works in it */
        memset(s->fold, 0, s->n * s->folded * sizeof *s->fold);
        mnk_parallel_for(s->n, prepare, s);
        if (!pass) MNK_TRY(order_rows(s, err));
    }
    for (size_t k = 0; k < s->n; k++)
        if (s->spread[k] > s->spread_max) s->spread_max = s->spread[k];
    mnk_observe_progress(observer, "near duplicates", 0, 1, "");
    mnk_parallel_for((s->n + BLOCK - 1) / BLOCK, search_block, s);
    mnk_observe_progress(observer, "near duplicates", 1, 1, "");
    return s->failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory") : MNK_OK;
}

static mnk_status find_near(const mnk_images *d, double threshold, const mnk_observer *observer, mnk_duplicates *out,
                            mnk_error *err) {
    search s = {.d = d, .out = out, .threshold = threshold};
    uint8_t *seen = NULL;
    s.width = (size_t)d->channels * CELLS;
    s.folded = (size_t)d->channels * ORBITS;
    mnk_status status =
        mnk_memory_require(d->n * (s.width + s.folded + 4) * sizeof(float), "the search for near duplicates", err);
    if (status == MNK_OK) status = MNK_NEW(seen, d->n, err);
    if (status == MNK_OK) status = MNK_NEW(s.row, d->n, err);
    if (status == MNK_OK) s.n = distinct_rows(d, out, seen, s.row);
    if (status == MNK_OK) status = MNK_NEW_ALIGNED(s.thumb, s.n * s.width, err);
    if (status == MNK_OK) status = MNK_NEW_ALIGNED(s.fold, s.n * s.folded, err);
    if (status == MNK_OK) status = MNK_NEW(s.mean, s.n, err);
    if (status == MNK_OK) status = MNK_NEW(s.spread, s.n, err);
    if (status == MNK_OK) status = run_search(&s, observer, err);
    mnk_free(seen);
    mnk_free(s.row);
    mnk_free(s.thumb);
    mnk_free(s.fold);
    mnk_free(s.mean);
    mnk_free(s.spread);
    return status;
}

/* Copies of a row inside its split share its partners. */
static void spread_to_copies(const mnk_images *d, mnk_duplicates *out) {
    for (size_t i = 0; i < d->n; i++) {
        size_t first = out->same[i];
        if (first == i || d->split[first] != d->split[i] || out->near[first] == SIZE_MAX) continue;
        out->near[i] = out->near[first];
        out->near_across[i] = out->near_across[first];
        out->near_group[i] = out->near_group[first];
        out->near_distance[i] = out->near_distance[first];
        out->near_turn[i] = out->near_turn[first];
    }
}

mnk_status mnk_duplicates_find(const mnk_images *d, double threshold, const mnk_observer *observer, mnk_duplicates *out,
                               mnk_error *err) {
    *out = (mnk_duplicates){.n = d->n};
    size_t **lists[] = {&out->same, &out->same_across, &out->near, &out->near_across, &out->near_group};
    mnk_status status = MNK_OK;
    for (size_t k = 0; k < sizeof lists / sizeof *lists && status == MNK_OK; k++) {
        status = MNK_NEW(*lists[k], d->n, err);
        for (size_t i = 0; i < d->n && status == MNK_OK; i++) (*lists[k])[i] = SIZE_MAX;
    }
    if (status == MNK_OK) status = MNK_NEW(out->near_distance, d->n, err);
    if (status == MNK_OK) status = MNK_NEW(out->near_turn, d->n, err);
    if (status == MNK_OK) status = MNK_NEW(out->constant, d->n, err);
    if (status == MNK_OK) status = find_same(d, out, err);
    if (status == MNK_OK && threshold > 0) status = find_near(d, threshold, observer, out, err);
    if (status == MNK_OK && threshold > 0) spread_to_copies(d, out);
    if (status != MNK_OK) mnk_duplicates_clear(out);
    return status;
}

void mnk_duplicates_clear(mnk_duplicates *dup) {
    mnk_free(dup->same);
    mnk_free(dup->same_across);
    mnk_free(dup->near);
    mnk_free(dup->near_across);
    mnk_free(dup->near_group);
    mnk_free(dup->near_distance);
    mnk_free(dup->near_turn);
    mnk_free(dup->constant);
    *dup = (mnk_duplicates){0};
}

const char *mnk_turn_text(uint8_t turn) {
    static const char *const text[TURNS] = {"",         "turned 90",           "turned 180",           "turned 270",
                                            "mirrored", "mirrored, turned 90", "mirrored, turned 180", "mirrored, turned 270"};
    return text[turn % TURNS];
}
