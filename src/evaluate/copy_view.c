#include "evaluate/copy_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate/encoding.h"

/* Below half a grey level of spread a picture has nothing to correlate. */
static const float FLAT_SD = 0.5f / 127.5f;

void mnk_view_shape_of(const mnk_images *d, mnk_view_shape *s) {
    const int square = d->height < d->width ? d->height : d->width;
    *s = (mnk_view_shape){.side = square < MNK_VIEW_SIDE ? square : MNK_VIEW_SIDE, .channels = d->channels};
    s->values = (size_t)s->channels * (size_t)s->side * (size_t)s->side;
    s->colours = (size_t)s->channels * 5;
    for (int v = 0; v < MNK_VIEW_GRID; v++)
        for (int u = 0; u < MNK_VIEW_GRID; u++) {
            const float y = (2 * (float)v + 1) / MNK_VIEW_GRID - 1, x = (2 * (float)u + 1) / MNK_VIEW_GRID - 1;
            if (x * x + y * y > 1) continue;
            s->x[s->points] = x;
            s->y[s->points++] = y;
        }
}

size_t mnk_view_scratch(const mnk_images *d, const mnk_view_shape *s) {
    return 2 * (size_t)d->height * (size_t)d->width * (size_t)d->channels + 2 * s->values;
}

/* Binomial 3 x 3 with the border repeated. */
static void blur(const float *in, int n, float *work, float *out) {
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            const int l = x ? x - 1 : 0, r = x + 1 < n ? x + 1 : x;
            work[y * n + x] = 0.25f * (in[y * n + l] + 2 * in[y * n + x] + in[y * n + r]);
        }
    for (int y = 0; y < n; y++) {
        const float *up = work + (y ? y - 1 : 0) * n, *at = work + y * n, *down = work + (y + 1 < n ? y + 1 : y) * n;
        for (int x = 0; x < n; x++) out[y * n + x] = 0.25f * (up[x] + 2 * at[x] + down[x]);
    }
}

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Mean, standard deviation, quantiles inside the disc of one plane; returns the standard deviation. */
static float colour_of(const float *plane, int n, float *out) {
    float inside[MNK_VIEW_SIDE * MNK_VIEW_SIDE];
    size_t k = 0;
    double sum = 0, square = 0;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            const int v = 2 * y + 1 - n, u = 2 * x + 1 - n;
            if (v * v + u * u > n * n) continue;
            inside[k++] = plane[y * n + x];
            sum += (double)plane[y * n + x];
        }
    const double mean = sum / (double)k;
    for (size_t i = 0; i < k; i++) square += ((double)inside[i] - mean) * ((double)inside[i] - mean);
    qsort(inside, k, sizeof *inside, ascending);
    out[0] = (float)mean;
    out[1] = (float)sqrt(square / (double)k);
    out[2] = inside[k / 10], out[3] = inside[k / 2], out[4] = inside[k - 1 - k / 10];
    return out[1];
}

bool mnk_view_make(const mnk_images *d, size_t i, const mnk_view_shape *s, float *scratch, float *view, float *colour) {
    const size_t h = (size_t)d->height, w = (size_t)d->width, cells = (size_t)s->side * (size_t)s->side;
    const size_t square = h < w ? h : w, top = (h - square) / 2, left = (w - square) / 2;
    float *planes = scratch, *cut = planes + h * w * (size_t)d->channels, *small = cut + h * w * (size_t)d->channels;
    float *work = small + s->values;
    bool any = false;
    mnk_images_f32(d, i, planes);
    for (size_t c = 0; c < (size_t)d->channels; c++)
        for (size_t y = 0; y < square; y++)
            memcpy(cut + (c * square + y) * square, planes + (c * h + top + y) * w + left, square * sizeof *cut);
    mnk_shrink(cut, d->channels, (int)square, (int)square, s->side, s->side, small);
    for (size_t c = 0; c < (size_t)s->channels; c++) {
        any = colour_of(small + c * cells, s->side, colour + 5 * c) >= FLAT_SD || any;
        blur(small + c * cells, s->side, work, view + c * cells);
    }
    return any;
}

mnk_view_map mnk_view_map_of(float angle_deg, bool mirrored, float scale) {
    const double t = (double)angle_deg * M_PI / 180;
    const float c = scale * (float)cos(t), s = scale * (float)sin(t);
    /* mirrored x first, then anticlockwise with y pointing down: (x c + y s, -x s + y c) */
    return mirrored ? (mnk_view_map){-c, s, s, c, 0, 0} : (mnk_view_map){c, s, -s, c, 0, 0};
}

static inline float clamp(float x, float top) { return x < 0 ? 0 : x > top ? top : x; }

static inline mnk_view_taps taps_at(const mnk_view_shape *s, const mnk_view_map *m, size_t p) {
    const float half = 0.5f * (float)s->side, centre = half - 0.5f, top = (float)s->side - 1.001f;
    const float x = clamp(centre + half * (m->a * s->x[p] + m->b * s->y[p] + m->ox), top);
    const float y = clamp(centre + half * (m->c * s->x[p] + m->d * s->y[p] + m->oy), top);
    const int ix = (int)x, iy = (int)y, at = iy * s->side + ix;
    const float fx = x - (float)ix, fy = y - (float)iy;
    return (mnk_view_taps){{(uint16_t)at, (uint16_t)(at + 1), (uint16_t)(at + s->side), (uint16_t)(at + s->side + 1)},
                           {(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx}};
}

void mnk_view_taps_make(const mnk_view_shape *s, const mnk_view_map *map, mnk_view_taps *out) {
    for (size_t p = 0; p < s->points; p++) out[p] = taps_at(s, map, p);
}

/* Mean 0 and length 1 over the points; zeroes for a plane of one colour. */
static void standardise(float *x, size_t n) {
    float sum = 0, square = 0;
    for (size_t p = 0; p < n; p++) sum += x[p];
    const float mean = sum / (float)n;
    for (size_t p = 0; p < n; p++) x[p] -= mean, square += x[p] * x[p];
    const float scale = square < FLAT_SD * FLAT_SD * (float)n ? 0 : 1 / sqrtf(square);
    for (size_t p = 0; p < n; p++) x[p] *= scale;
}

void mnk_view_disc_taps(const mnk_view_shape *s, const float *view, const mnk_view_taps *t, float *out) {
    const size_t cells = (size_t)s->side * (size_t)s->side;
    for (size_t c = 0; c < (size_t)s->channels; c++, view += cells, out += s->points) {
        for (size_t p = 0; p < s->points; p++)
            out[p] = t[p].weight[0] * view[t[p].at[0]] + t[p].weight[1] * view[t[p].at[1]] + t[p].weight[2] * view[t[p].at[2]] +
                     t[p].weight[3] * view[t[p].at[3]];
        standardise(out, s->points);
    }
}

void mnk_view_disc(const mnk_view_shape *s, const float *view, const mnk_view_map *map, float *out) {
    mnk_view_taps taps[MNK_VIEW_GRID * MNK_VIEW_GRID];
    mnk_view_taps_make(s, map, taps);
    mnk_view_disc_taps(s, view, taps, out);
}
