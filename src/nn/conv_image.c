#include "nn/conv_image.h"

#include <string.h>

#include "base/mem.h"
#include "nn/vector.h"

/* Images are worked on as (h + 2) x (w + 2) x 4, border zero, so that the 4 x 4 window of an output pixel is four runs of 16
 * floats and the next output pixel begins 8 floats further. Forward and backward data go image by image; weight gradients
 * add up within SHARDS fixed groups of images, which are then summed in order. */
#define SHARDS 8
#define TAPS   16
#define LANES  4 /* channels of a repacked image */

struct mnk_conv_image {
    mnk_conv_shape s;
    int ob;            /* blocks of eight output channels */
    int row;           /* floats of a repacked row */
    size_t image;      /* floats of a repacked image */
    size_t partial;    /* floats of one shard's gradient: [ob][16 taps][4][8] */
    int shard, shards; /* images of a shard, shards */
    float *forward;    /* [ob][tap][ic][8] */
    float *backward;   /* [8 ob][tap][4] */
};

bool mnk_conv_image_possible(const mnk_conv_shape *s) {
    return s->k == 4 && s->stride == 2 && s->pad == 1 && s->ic <= LANES && s->oc >= 8;
}

mnk_status mnk_conv_image_open(const mnk_conv_shape *shape, mnk_conv_image **out, mnk_error *err) {
    *out = NULL;
    mnk_conv_image *c = NULL;
    mnk_status status = MNK_OK;
    MNK_TRY(MNK_NEW(c, 1, err));
    c->s = *shape;
    c->ob = mnk_padded(shape->oc) / 8;
    c->row = (shape->iw + 2) * LANES;
    c->image = (size_t)(shape->ih + 2) * (size_t)c->row;
    c->image = (c->image + 15) / 16 * 16;
    c->partial = (size_t)c->ob * TAPS * LANES * 8;
    c->shard = (shape->n + SHARDS - 1) / SHARDS;
    c->shards = (shape->n + c->shard - 1) / c->shard;
    MNK_OUT(MNK_NEW_ALIGNED(c->forward, (size_t)c->ob * TAPS * (size_t)shape->ic * 8, err));
    MNK_OUT(MNK_NEW_ALIGNED(c->backward, (size_t)c->ob * 8 * TAPS * LANES, err));
    *out = c;
    return MNK_OK;
out:
    mnk_conv_image_close(c);
    return status;
}

void mnk_conv_image_close(mnk_conv_image *c) {
    if (!c) return;
    mnk_free(c->forward);
    mnk_free(c->backward);
    mnk_free(c);
}

size_t mnk_conv_image_bytes(const mnk_conv_image *c) {
    return (size_t)c->ob * TAPS * 8 * (size_t)(c->s.ic + LANES) * sizeof(float);
}

/* One repacked image per image: threads take images in any order. */
size_t mnk_conv_image_scratch_bytes(const mnk_conv_image *c) {
    return ((size_t)c->s.n * c->image + (size_t)c->shards * c->partial) * sizeof(float);
}

void mnk_conv_image_weights(mnk_conv_image *c, const float *w) {
    int ic = c->s.ic, oc = c->s.oc;
    for (int t = 0; t < TAPS; t++)
        for (int i = 0; i < ic; i++)
            for (int o = 0; o < oc; o++) {
                float value = w[((size_t)t * (size_t)ic + (size_t)i) * (size_t)oc + (size_t)o];
                c->forward[(((size_t)(o / 8) * TAPS + (size_t)t) * (size_t)ic + (size_t)i) * 8 + (size_t)(o % 8)] = value;
                c->backward[((size_t)o * TAPS + (size_t)t) * LANES + (size_t)i] = value;
            }
}

/* ---- repacking ---- */

static void pack_image(const mnk_conv_image *c, const float *x, float *packed) {
    const mnk_conv_shape *s = &c->s;
    memset(packed, 0, c->image * sizeof *packed);
    for (int y = 0; y < s->ih; y++) {
        float *to = packed + (size_t)(y + 1) * (size_t)c->row + LANES;
        const float *from = x + (size_t)y * (size_t)s->iw * 8;
        for (int i = 0; i < s->iw; i++) memcpy(to + i * LANES, from + i * 8, LANES * sizeof *to);
    }
}

static void unpack_image(const mnk_conv_image *c, const float *packed, float *x) {
    const mnk_conv_shape *s = &c->s;
    for (int y = 0; y < s->ih; y++) {
        const float *from = packed + (size_t)(y + 1) * (size_t)c->row + LANES;
        float *to = x + (size_t)y * (size_t)s->iw * 8;
        for (int i = 0; i < s->iw; i++)
            for (int k = 0; k < 8; k++) to[i * 8 + k] = k < LANES ? from[i * LANES + k] : 0;
    }
}

/* Channel blocks are taken four at a time where there are as many: with three pixels that makes 12 sums, which with three
 * broadcast numbers fit 16 registers (weights are operands from memory). */
static int group_of(int blocks_left) { return blocks_left >= 4 ? 4 : blocks_left >= 2 ? 2 : 1; }

/* ---- forward: `pixels` outputs of `blocks` channel blocks in registers ---- */

MNK_INLINE void forward_pixels(const mnk_conv_image *c, int ic, int blocks, int pixels, const float *window, const float *w,
                               float *y, size_t plane) {
    v8 sum[4][3] = {{{0}}};
    size_t step = (size_t)TAPS * (size_t)ic * 8;
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++)
            for (int i = 0; i < ic; i++) {
                const float *x = window + a * c->row + b * LANES + i, *k = w + ((a * 4 + b) * ic + i) * 8;
                for (int q = 0; q < blocks; q++)
                    for (int p = 0; p < pixels; p++) sum[q][p] += *(const v8 *)(k + (size_t)q * step) * x[p * 2 * LANES];
            }
    for (int q = 0; q < blocks; q++)
        for (int p = 0; p < pixels; p++) *(v8 *)(y + (size_t)q * plane + (size_t)p * 8) = sum[q][p];
}

MNK_INLINE void forward_group(const mnk_conv_image *c, int ic, int blocks, const float *packed, const float *w, float *y,
                              size_t plane) {
    for (int oy = 0; oy < c->s.oh; oy++) {
        const float *window = packed + (size_t)(2 * oy) * (size_t)c->row;
        float *to = y + (size_t)oy * (size_t)c->s.ow * 8;
        int ox = 0;
        for (; ox + 3 <= c->s.ow; ox += 3) forward_pixels(c, ic, blocks, 3, window + ox * 2 * LANES, w, to + ox * 8, plane);
        if (ox + 2 <= c->s.ow) {
            forward_pixels(c, ic, blocks, 2, window + ox * 2 * LANES, w, to + ox * 8, plane);
            ox += 2;
        }
        if (ox < c->s.ow) forward_pixels(c, ic, blocks, 1, window + ox * 2 * LANES, w, to + ox * 8, plane);
    }
}

MNK_INLINE void forward_image(const mnk_conv_image *c, int ic, const float *packed, float *y) {
    size_t plane = (size_t)c->s.oh * (size_t)c->s.ow * 8;
    for (int q = 0, group; q < c->ob; q += group) {
        const float *w = c->forward + (size_t)q * TAPS * (size_t)ic * 8;
        float *to = y + (size_t)q * plane;
        group = group_of(c->ob - q);
        if (group == 4) forward_group(c, ic, 4, packed, w, to, plane);
        if (group == 2) forward_group(c, ic, 2, packed, w, to, plane);
        if (group == 1) forward_group(c, ic, 1, packed, w, to, plane);
    }
}

void mnk_conv_image_fwd(const mnk_conv_image *c, const float *x, float *y, void *scratch) {
    const mnk_conv_shape *s = &c->s;
    size_t in = (size_t)s->ih * (size_t)s->iw * 8, out = (size_t)c->ob * 8 * (size_t)s->oh * (size_t)s->ow;
#pragma omp parallel for schedule(static)
    for (int n = 0; n < s->n; n++) {
        float *packed = (float *)scratch + (size_t)n * c->image, *to = y + (size_t)n * out;
        pack_image(c, x + (size_t)n * in, packed);
        if (s->ic == 3) forward_image(c, 3, packed, to);
        else if (s->ic == 1) forward_image(c, 1, packed, to);
        else forward_image(c, s->ic, packed, to);
    }
}

/* ---- backward data: the 16 taps x 4 channels an output pixel contributes to, two taps to a vector ---- */

/* `pixels` neighbouring outputs, rows a and a + 1 of their windows; the windows overlap by half. */
MNK_INLINE void data_pixels(const mnk_conv_image *c, int a, int pixels, const float *dy, size_t plane, float *window) {
    v8 sum[3][2][2] = {{{{0}}}}; /* pixel, row, half row */
    const float *w = c->backward + a * 4 * LANES;
    for (int q = 0; q < c->ob; q++)
        for (int l = 0; l < 8; l++, w += TAPS * LANES)
            for (int r = 0; r < 2; r++)
                for (int h = 0; h < 2; h++)
                    for (int p = 0; p < pixels; p++)
                        sum[p][r][h] += *(const v8 *)(w + r * 4 * LANES + h * 8) * dy[(size_t)q * plane + (size_t)(p * 8 + l)];
    for (int p = 0; p < pixels; p++)
        for (int r = 0; r < 2; r++)
            for (int h = 0; h < 2; h++) *(v8 *)(window + (a + r) * c->row + p * 2 * LANES + h * 8) += sum[p][r][h];
}

static void data_image(const mnk_conv_image *c, const float *dy, float *packed) {
    const mnk_conv_shape *s = &c->s;
    size_t plane = (size_t)s->oh * (size_t)s->ow * 8;
    memset(packed, 0, c->image * sizeof *packed);
    for (int oy = 0; oy < s->oh; oy++)
        for (int a = 0; a < 4; a += 2) {
            const float *from = dy + (size_t)oy * (size_t)s->ow * 8;
            float *window = packed + (size_t)(2 * oy) * (size_t)c->row;
            int ox = 0;
            for (; ox + 3 <= s->ow; ox += 3) data_pixels(c, a, 3, from + ox * 8, plane, window + ox * 2 * LANES);
            for (; ox + 2 <= s->ow; ox += 2) data_pixels(c, a, 2, from + ox * 8, plane, window + ox * 2 * LANES);
            for (; ox < s->ow; ox++) data_pixels(c, a, 1, from + ox * 8, plane, window + ox * 2 * LANES);
        }
}

void mnk_conv_image_bwd_data(const mnk_conv_image *c, const float *dy, float *dx, void *scratch) {
    const mnk_conv_shape *s = &c->s;
    size_t in = (size_t)s->ih * (size_t)s->iw * 8, out = (size_t)c->ob * 8 * (size_t)s->oh * (size_t)s->ow;
#pragma omp parallel for schedule(static)
    for (int n = 0; n < s->n; n++) {
        float *packed = (float *)scratch + (size_t)n * c->image;
        data_image(c, dy + (size_t)n * out, packed);
        unpack_image(c, packed, dx + (size_t)n * in);
    }
}

/* ---- backward weights: one tap and a group of channel blocks in registers ---- */

/* Output rows at a time: their part of the image and of a group of dy stay in the nearest cache. */
#define ROWS 4

MNK_INLINE void weights_tap(const mnk_conv_image *c, int ic, int blocks, int tap, int first, int last, const float *packed,
                            const float *dy, size_t plane, float *partial) {
    v8 sum[4][LANES] = {{{0}}};
    for (int oy = first; oy < last; oy++) {
        const float *x = packed + (size_t)(2 * oy + tap / 4) * (size_t)c->row + tap % 4 * LANES;
        for (int ox = 0; ox < c->s.ow; ox++, x += 2 * LANES, dy += 8)
            for (int q = 0; q < blocks; q++)
                for (int i = 0; i < ic; i++) sum[q][i] += *(const v8 *)(dy + (size_t)q * plane) * x[i];
    }
    for (int q = 0; q < blocks; q++)
        for (int i = 0; i < ic; i++) *(v8 *)(partial + ((q * TAPS + tap) * LANES + i) * 8) += sum[q][i];
}

MNK_INLINE void weights_rows(const mnk_conv_image *c, int ic, int first, int last, const float *packed, const float *dy,
                             float *partial) {
    size_t plane = (size_t)c->s.oh * (size_t)c->s.ow * 8;
    for (int q = 0, group; q < c->ob; q += group) {
        const float *from = dy + (size_t)q * plane + (size_t)first * (size_t)c->s.ow * 8;
        float *to = partial + (size_t)q * TAPS * LANES * 8;
        group = group_of(c->ob - q);
        for (int tap = 0; tap < TAPS; tap++) {
            if (group == 4) weights_tap(c, ic, 4, tap, first, last, packed, from, plane, to);
            if (group == 2) weights_tap(c, ic, 2, tap, first, last, packed, from, plane, to);
            if (group == 1) weights_tap(c, ic, 1, tap, first, last, packed, from, plane, to);
        }
    }
}

static void weights_image(const mnk_conv_image *c, const float *packed, const float *dy, float *partial) {
    for (int first = 0; first < c->s.oh; first += ROWS) {
        int last = first + ROWS < c->s.oh ? first + ROWS : c->s.oh;
        if (c->s.ic == 3) weights_rows(c, 3, first, last, packed, dy, partial);
        else if (c->s.ic == 1) weights_rows(c, 1, first, last, packed, dy, partial);
        else weights_rows(c, c->s.ic, first, last, packed, dy, partial);
    }
}

void mnk_conv_image_bwd_weights(const mnk_conv_image *c, const float *x, const float *dy, float *dw, bool accumulate,
                                void *scratch) {
    const mnk_conv_shape *s = &c->s;
    size_t in = (size_t)s->ih * (size_t)s->iw * 8, out = (size_t)c->ob * 8 * (size_t)s->oh * (size_t)s->ow;
    float *images = scratch, *partials = images + (size_t)s->n * c->image;
    memset(partials, 0, (size_t)c->shards * c->partial * sizeof *partials);
#pragma omp parallel for schedule(dynamic, 1)
    for (int u = 0; u < c->shards; u++)
        for (int n = u * c->shard; n < (u + 1) * c->shard && n < s->n; n++) {
            float *packed = images + (size_t)u * c->image;
            pack_image(c, x + (size_t)n * in, packed);
            weights_image(c, packed, dy + (size_t)n * out, partials + (size_t)u * c->partial);
        }
    for (int t = 0; t < TAPS; t++)
        for (int i = 0; i < s->ic; i++)
            for (int o = 0; o < s->oc; o++) {
                float sum = 0;
                for (int u = 0; u < c->shards; u++)
                    sum += partials[(size_t)u * c->partial + (((size_t)(o / 8) * TAPS + (size_t)t) * LANES + (size_t)i) * 8 +
                                    (size_t)(o % 8)];
                float *to = dw + ((size_t)t * (size_t)s->ic + (size_t)i) * (size_t)s->oc + (size_t)o;
                *to = accumulate ? *to + sum : sum;
            }
}
