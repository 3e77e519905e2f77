#include "evidence/gallery.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"

static size_t volume_of(const mnk_images *d) { return (size_t)d->height * (size_t)d->width * (size_t)d->channels; }

static uint8_t value_at(const mnk_images *d, size_t k) { return d->pixels8 ? d->pixels8[k] : (uint8_t)(d->pixels16[k] >> 8); }

/* Source pixel of (y, x) of the turned square image of side s. */
static void turned(int turn, int s, int y, int x, int *sy, int *sx) {
    int a = y, b = x;
    for (int q = turn & 3; q > 0; q--) { /* undo one quarter turn clockwise */
        int t = a;
        a = s - 1 - b;
        b = t;
    }
    *sy = a;
    *sx = turn & 4 ? s - 1 - b : b;
}

static void copy_turned(const mnk_images *d, size_t item, int turn, uint8_t *out) {
    size_t n = volume_of(d), base = item * n;
    if (turn == 0 || d->height != d->width) {
        for (size_t k = 0; k < n; k++) out[k] = value_at(d, base + k);
        return;
    }
    int s = d->height, c = d->channels;
    for (int y = 0; y < s; y++)
        for (int x = 0; x < s; x++) {
            int sy = 0, sx = 0;
            turned(turn, s, y, x, &sy, &sx);
            for (int k = 0; k < c; k++)
                *out++ = value_at(d, base + ((size_t)sy * (size_t)s + (size_t)sx) * (size_t)c + (size_t)k);
        }
}

void mnk_sprite_clear(mnk_sprite *s) {
    mnk_free(s->pixels);
    *s = (mnk_sprite){0};
}

/* Averages factor x factor blocks of `image` into the cell at (top, left); grey spreads over the sprite's channels. */
static void put_cell(mnk_sprite *s, const mnk_images *d, const uint8_t *image, int factor, int top, int left) {
    for (int y = 0; y < d->height / factor; y++)
        for (int x = 0; x < d->width / factor; x++)
            for (int c = 0; c < s->channels; c++) {
                unsigned sum = 0;
                for (int v = 0; v < factor; v++)
                    for (int u = 0; u < factor; u++) {
                        size_t at = (size_t)(y * factor + v) * (size_t)d->width + (size_t)(x * factor + u);
                        sum += image[at * (size_t)d->channels + (size_t)(d->channels == 3 ? c : 0)];
                    }
                size_t to = (size_t)(top + y) * (size_t)s->width + (size_t)(left + x);
                s->pixels[to * (size_t)s->channels + (size_t)c] =
                    (uint8_t)((sum + (unsigned)(factor * factor / 2)) / (unsigned)(factor * factor));
            }
}

mnk_status mnk_sprite_make(const mnk_cell *cells, int rows, int columns, mnk_sprite *out, mnk_error *err) {
    *out = (mnk_sprite){.channels = 1};
    size_t most = 0;
    int side = 0, factor = 1;
    for (int i = 0; i < rows * columns; i++) {
        const mnk_images *d = cells[i].from;
        if (!d) continue;
        if (d->channels == 3) out->channels = 3;
        int longest = d->height > d->width ? d->height : d->width;
        if (longest > side) side = longest;
        if (volume_of(d) > most) most = volume_of(d);
    }
    if (!side) return MNK_FAIL(err, MNK_ERR_USAGE, "a sprite without pictures");
    while (side / factor > MNK_SPRITE_CELL_MAX) factor *= 2;
    out->cell = side / factor;
    int pitch = out->cell + MNK_SPRITE_GAP;
    out->width = columns * pitch - MNK_SPRITE_GAP;
    out->height = rows * pitch - MNK_SPRITE_GAP;
    uint8_t *image = NULL;
    size_t bytes = (size_t)out->width * (size_t)out->height * (size_t)out->channels;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(out->pixels, bytes, err));
    MNK_OUT(MNK_NEW(image, most, err));
    memset(out->pixels, 255, bytes);
    for (int i = 0; i < rows * columns; i++) {
        if (!cells[i].from) continue;
        copy_turned(cells[i].from, cells[i].item, cells[i].turn, image);
        put_cell(out, cells[i].from, image, factor, i / columns * pitch, i % columns * pitch);
    }
out:
    mnk_free(image);
    if (status != MNK_OK) mnk_sprite_clear(out);
    return status;
}

size_t mnk_gallery_draw(const mnk_images *d, int label, size_t n, uint64_t seed, uint64_t salt, size_t *out) {
    mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_GALLERY, salt, 0);
    size_t seen = 0, taken = 0;
    for (size_t i = 0; i < d->n; i++) { /* reservoir sampling (Vitter 1985, algorithm R) */
        if (label >= 0 && d->label[i] != label) continue;
        seen++;
        if (taken < n) out[taken++] = i;
        else {
            uint64_t k = mnk_rng_below(&rng, seen);
            if (k < n) out[k] = i;
        }
    }
    return taken;
}

static uint64_t squared_difference(const uint8_t *a, const uint8_t *b, size_t n) {
    uint64_t total = 0;
    for (size_t k = 0; k < n; k += 4096) { /* 4096 * 255^2 fits 32 bits */
        size_t end = n - k < 4096 ? n : k + 4096;
        uint32_t sum = 0;
        for (size_t i = k; i < end; i++) {
            int d = (int)a[i] - (int)b[i];
            sum += (uint32_t)(d * d);
        }
        total += sum;
    }
    return total;
}

typedef struct search {
    const mnk_images *from, *in;
    const size_t *query;
    const uint8_t *rows; /* `in` as 8 bit */
    uint8_t *scratch;    /* [n][volume] */
    bool turned;
    size_t *nearest;
    int *turn;
    double *rms;
} search;

static void search_one(void *ctx, size_t q) {
    const search *s = ctx;
    size_t n = volume_of(s->from);
    uint8_t *image = s->scratch + q * n;
    uint64_t best = UINT64_MAX;
    int turns = s->turned && s->from->height == s->from->width ? 8 : 1;
    for (int t = 0; t < turns; t++) {
        copy_turned(s->from, s->query[q], t, image);
        for (size_t i = 0; i < s->in->n; i++) {
            uint64_t d = squared_difference(image, s->rows + i * n, n);
            if (d >= best) continue;
            best = d;
            s->nearest[q] = i;
            /* the query was turned by t; its neighbour is turned back: mirrored turns are their own inverse */
            if (s->turn) s->turn[q] = t & 4 ? t : (4 - t) & 3;
        }
    }
    s->rms[q] = sqrt((double)best / (double)n);
}

mnk_status mnk_gallery_nearest(const mnk_images *from, const size_t *query, size_t n, const mnk_images *in, bool turned_too,
                               size_t *nearest, int *turn, double *rms, const mnk_observer *observer, mnk_error *err) {
    if (from->height != in->height || from->width != in->width || from->channels != in->channels || !in->n)
        return MNK_FAIL(err, MNK_ERR_INPUT, "nearest images: %dx%dx%d against %dx%dx%d (%zu items)", from->width, from->height,
                        from->channels, in->width, in->height, in->channels, in->n);
    size_t v = volume_of(from);
    uint8_t *rows = NULL, *scratch = NULL;
    mnk_status status = MNK_OK;
    if (!in->pixels8) {
        MNK_OUT(MNK_NEW(rows, in->n * v, err));
        for (size_t k = 0; k < in->n * v; k++) rows[k] = value_at(in, k);
    }
    MNK_OUT(MNK_NEW(scratch, n * v + 1, err));
    search s = {from, in, query, rows ? rows : in->pixels8, scratch, turned_too, nearest, turn, rms};
    for (size_t begin = 0; begin < n; begin += 64) { /* in blocks, to look up for Ctrl-C */
        search block = s;
        block.query += begin;
        block.scratch += begin * v;
        block.nearest += begin;
        block.rms += begin;
        if (block.turn) block.turn += begin;
        mnk_parallel_for(n - begin < 64 ? n - begin : 64, search_one, &block);
        mnk_observe_progress(observer, "nearest images", (double)(begin + 64 < n ? begin + 64 : n), (double)n, "");
        if (mnk_observe_stopped(observer))
            MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while looking for nearest images"));
    }
out:
    mnk_free(rows);
    mnk_free(scratch);
    return status;
}
