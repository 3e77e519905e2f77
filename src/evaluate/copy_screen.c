#include "evaluate/copy_screen.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { RADII = 14, ANGLES = MNK_SCREEN_ANGLES, HARMONICS = 7, FIT = 4096, COMPONENTS = 64, L = MNK_FFT_LANES };

/* The lowest and highest frequency looked at, in periods over the side of the picture. */
static const double LOWEST = 1.2, HIGHEST_OF_NYQUIST = 0.8;
/* Parts: their scale, and how far off their centres lie along both axes, in half sides. */
static const float PART_SCALE = 0.76f, PART_OFF = 0.16f;
static const float ZOOM[MNK_SCREEN_ZOOMS] = {1, 1.15f, 1 / 1.15f, 1.32f, 1 / 1.32f};

size_t mnk_screen_scratch(const mnk_screen *s) {
    const size_t cells = (size_t)s->shape.side * (size_t)s->shape.side;
    return 2 * cells * L + 4 * L * (size_t)s->shape.side + 3 * cells + MNK_SCREEN_BATCH * MNK_SCREEN_ZOOMS * s->raw;
}

/* Radial Hann window over the disc: what turns in or out at the corners has no part. */
static void make_window(float *w, int n) {
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            const double v = (2 * y + 1 - n) / (double)n, u = (2 * x + 1 - n) / (double)n, r = sqrt(v * v + u * u);
            w[y * n + x] = r < 1 ? (float)(0.5 + 0.5 * cos(M_PI * r)) : 0;
        }
}

static void luminance(const mnk_screen *s, const float *view, float *out) {
    const size_t cells = (size_t)s->shape.side * (size_t)s->shape.side;
    for (size_t p = 0; p < cells; p++)
        out[p] = s->shape.channels == 3 ? 0.299f * view[p] + 0.587f * view[cells + p] + 0.114f * view[2 * cells + p] : view[p];
}

/* The part of a plane whose centre lies (dx, dy) off in half sides, PART_SCALE as large, at full size. */
static void enlarge(const float *in, int n, float dx, float dy, float *out) {
    const float half = 0.5f * (float)n, centre = half - 0.5f, top = (float)n - 1.001f;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            const float v = fminf(top, fmaxf(0, centre + half * dy + PART_SCALE * ((float)y - centre)));
            const float u = fminf(top, fmaxf(0, centre + half * dx + PART_SCALE * ((float)x - centre)));
            const int iy = (int)v, ix = (int)u;
            const float fy = v - (float)iy, fx = u - (float)ix, *q = in + iy * n + ix;
            out[y * n + x] = (1 - fy) * ((1 - fx) * q[0] + fx * q[1]) + fy * ((1 - fx) * q[n] + fx * q[n + 1]);
        }
}

/* Mean 0 under the window, length 1. */
static void windowed(const mnk_screen *s, float *out) {
    const size_t cells = (size_t)s->shape.side * (size_t)s->shape.side;
    double sum = 0, weight = 0, square = 0;
    for (size_t p = 0; p < cells; p++) {
        sum += (double)(out[p] * s->window[p]);
        weight += (double)s->window[p];
    }
    for (size_t p = 0; p < cells; p++) {
        out[p] = (out[p] - (float)(sum / weight)) * s->window[p];
        square += (double)(out[p] * out[p]);
    }
    const float scale = square > 1e-12 ? (float)(1 / sqrt(square)) : 0;
    for (size_t p = 0; p < cells; p++) out[p] *= scale;
}

/* Magnitude at frequency (v, u) in periods per side, bilinear between bins, indices modulo n. */
static float magnitude(const float *mag, int n, float v, float u) {
    const float fv = floorf(v), fu = floorf(u), a = v - fv, b = u - fu;
    const int y = ((int)fv % n + n) % n, x = ((int)fu % n + n) % n, y1 = (y + 1) % n, x1 = (x + 1) % n;
    return (1 - a) * ((1 - b) * mag[y * n + x] + b * mag[y * n + x1]) + a * ((1 - b) * mag[y1 * n + x] + b * mag[y1 * n + x1]);
}

/* Amplitudes of the angular harmonics (even ones of the full circle) on every radius: the phase is the rotation. Magnitudes
 * enter by their square roots, between the whole range of a spectrum and its shape alone. */
static void polar(const mnk_screen *s, const float *mag, float zoom, float *out) {
    const int n = s->shape.side;
    float ring[ANGLES];
    const double top = HIGHEST_OF_NYQUIST * n / 2;
    for (int r = 0; r < RADII; r++) {
        const float radius = (float)(LOWEST * pow(top / LOWEST, (double)r / (RADII - 1))) * zoom;
        for (int a = 0; a < ANGLES; a++) /* half a turn: the tables go round in half steps */
            ring[a] =
                radius < 0.5f * (float)n ? sqrtf(magnitude(mag, n, radius * s->half_sine[a], radius * s->half_cosine[a])) : 0;
        for (int h = 0; h < HARMONICS; h++) {
            float re = 0, im = 0;
            for (int a = 0; a < ANGLES; a++) {
                re += ring[a] * s->cosine[a * h % ANGLES];
                im += ring[a] * s->sine[a * h % ANGLES];
            }
            *out++ = sqrtf(re * re + im * im) / ANGLES;
        }
    }
}

/* Raw descriptors of up to L pictures: out [n][zooms][raw]; part 0 the whole, 1 to 4 the parts. */
static void raw_descriptors(const mnk_screen *s, const float *views, size_t n, int part, int zooms, float *scratch, float *out,
                            size_t stride) {
    const int side = s->shape.side;
    const size_t cells = (size_t)side * (size_t)side;
    float *re = scratch, *im = re + cells * L, *work = im + cells * L, *plane = work + 4 * L * (size_t)side, *y = plane + cells;
    memset(re, 0, 2 * cells * L * sizeof *re);
    for (size_t i = 0; i < n; i++) {
        luminance(s, views + i * s->shape.values, part ? y : plane);
        if (part) enlarge(y, side, part & 1 ? -PART_OFF : PART_OFF, part & 2 ? -PART_OFF : PART_OFF, plane);
        windowed(s, plane);
        for (size_t p = 0; p < cells; p++) re[p * L + i] = plane[p];
    }
    mnk_fft_2d(&s->fft, &s->fft, -1, re, im, work);
    for (size_t i = 0; i < n; i++) {
        for (size_t p = 0; p < cells; p++) plane[p] = sqrtf(re[p * L + i] * re[p * L + i] + im[p * L + i] * im[p * L + i]);
        for (int z = 0; z < zooms; z++) polar(s, plane, ZOOM[z], out + i * stride + (size_t)z * s->raw);
    }
}

/* Components, scaled to length 1. */
static void reduce(const mnk_pca *p, const float *raw, size_t n, float *out) {
    mnk_pca_apply(p, raw, n, out);
    for (size_t i = 0; i < n; i++) {
        float square = 0, *row = out + i * p->m;
        for (size_t k = 0; k < p->m; k++) square += row[k] * row[k];
        const float scale = square > 0 ? 1 / sqrtf(square) : 0;
        for (size_t k = 0; k < p->m; k++) row[k] *= scale;
    }
}

void mnk_screen_describe(const mnk_screen *s, const float *views, size_t n, float *scratch, float *out) {
    float *raw = scratch + mnk_screen_scratch(s) - MNK_SCREEN_BATCH * MNK_SCREEN_ZOOMS * s->raw;
    raw_descriptors(s, views, n, 0, MNK_SCREEN_ZOOMS, scratch, raw, MNK_SCREEN_ZOOMS * s->raw);
    reduce(&s->pca, raw, n * MNK_SCREEN_ZOOMS, out);
}

typedef struct prepare_ctx {
    const mnk_screen *s;
    const float *views;
    float *raw;
    int failed;
} prepare_ctx;

static void prepare_block(void *ctx, size_t block) {
    prepare_ctx *c = ctx;
    const size_t begin = block * L, n = c->s->n - begin < L ? c->s->n - begin : L;
    float *scratch = mnk_alloc_aligned(mnk_screen_scratch(c->s), sizeof *scratch);
    if (!scratch) __atomic_store_n(&c->failed, 1, __ATOMIC_RELAXED);
    for (int part = 0; scratch && part < MNK_SCREEN_PARTS; part++)
        raw_descriptors(c->s, c->views + begin * c->s->shape.values, n, part, 1, scratch,
                        c->raw + (begin * MNK_SCREEN_PARTS + (size_t)part) * c->s->raw, MNK_SCREEN_PARTS * c->s->raw);
    mnk_free(scratch);
}

static mnk_status fit(mnk_screen *s, const float *raw, const uint8_t *usable, mnk_error *err) {
    float *some = NULL;
    size_t n = 0;
    const size_t step = s->n / FIT + 1;
    MNK_TRY(MNK_NEW(some, (s->n / step + 1) * s->raw, err));
    for (size_t i = 0; i < s->n; i += step)
        if (usable[i]) memcpy(some + n++ * s->raw, raw + i * MNK_SCREEN_PARTS * s->raw, s->raw * sizeof *some);
    size_t m = n > 4 ? (n - 1) / 2 : 1;
    if (m > COMPONENTS) m = COMPONENTS;
    mnk_status status = mnk_pca_fit(some, n, s->raw, m, 0, &s->pca, err);
    if (status == MNK_OK) mnk_pca_half_whiten(&s->pca), s->d = s->pca.m;
    mnk_free(some);
    return status;
}

mnk_status mnk_screen_open(const mnk_view_shape *shape, const float *views, const uint8_t *usable, size_t n, mnk_screen *s,
                           mnk_error *err) {
    *s = (mnk_screen){.shape = *shape, .n = n, .raw = RADII * HARMONICS};
    prepare_ctx c = {.s = s, .views = views};
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_fft_open(shape->side, &s->fft, err));
    MNK_OUT(MNK_NEW(s->window, (size_t)shape->side * (size_t)shape->side, err));
    make_window(s->window, shape->side);
    for (int a = 0; a < ANGLES; a++) {
        s->cosine[a] = (float)cos(2 * M_PI * a / ANGLES), s->sine[a] = (float)sin(2 * M_PI * a / ANGLES);
        s->half_cosine[a] = (float)cos(M_PI * a / ANGLES), s->half_sine[a] = (float)sin(M_PI * a / ANGLES);
    }
    MNK_OUT(MNK_NEW(c.raw, n * MNK_SCREEN_PARTS * s->raw, err));
    mnk_parallel_for((n + L - 1) / L, prepare_block, &c);
    if (c.failed) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a picture"));
    MNK_OUT(fit(s, c.raw, usable, err));
    MNK_OUT(MNK_NEW_ALIGNED(s->x, n * MNK_SCREEN_PARTS * s->d, err));
    reduce(&s->pca, c.raw, n * MNK_SCREEN_PARTS, s->x);
    for (size_t i = 0; i < n; i++)
        if (!usable[i]) memset(s->x + i * MNK_SCREEN_PARTS * s->d, 0, MNK_SCREEN_PARTS * s->d * sizeof *s->x);
out:
    mnk_free(c.raw);
    if (status != MNK_OK) mnk_screen_close(s);
    return status;
}

void mnk_screen_close(mnk_screen *s) {
    if (!s) return;
    mnk_fft_close(&s->fft);
    mnk_pca_close(&s->pca);
    mnk_free(s->window);
    mnk_free(s->x);
    *s = (mnk_screen){0};
}

void mnk_screen_likeness(const mnk_screen *s, const float *query, size_t nq, float *likeness) {
    enum { COLUMNS = 64, WIDE = COLUMNS * MNK_SCREEN_PARTS };
    float tile[MNK_SCREEN_BATCH * MNK_SCREEN_ZOOMS * WIDE];
    for (size_t j = 0; j < s->n; j += COLUMNS) {
        const size_t columns = s->n - j < COLUMNS ? s->n - j : COLUMNS, wide = columns * MNK_SCREEN_PARTS;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)(nq * MNK_SCREEN_ZOOMS), (blasint)wide, (blasint)s->d, 1,
                    query, (blasint)s->d, s->x + j * MNK_SCREEN_PARTS * s->d, (blasint)s->d, 0, tile, WIDE);
        for (size_t q = 0; q < nq; q++) {
            float *top = tile + q * MNK_SCREEN_ZOOMS * WIDE;
            for (size_t z = 1; z < MNK_SCREEN_ZOOMS; z++)
                for (size_t k = 0; k < wide; k++) top[k] = top[z * WIDE + k] > top[k] ? top[z * WIDE + k] : top[k];
            for (size_t k = 0; k < columns; k++) {
                float most = top[k * MNK_SCREEN_PARTS];
                for (size_t p = 1; p < MNK_SCREEN_PARTS; p++) most = fmaxf(most, top[k * MNK_SCREEN_PARTS + p]);
                likeness[q * s->n + j + k] = most;
            }
        }
    }
}

/* Heap order: the worst on top; of equals the later row is worse. */
static bool worse(const float *likeness, uint32_t a, uint32_t b) {
    return likeness[a] != likeness[b] ? likeness[a] < likeness[b] : a > b;
}

static void sink(const float *likeness, uint32_t *heap, size_t n, size_t at) {
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && worse(likeness, heap[child + 1], heap[child])) child++;
        if (!worse(likeness, heap[child], heap[at])) return;
        const uint32_t t = heap[at];
        heap[at] = heap[child], heap[child] = t;
    }
}

static int by_row(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

size_t mnk_screen_best(const float *likeness, size_t n, size_t most, uint32_t *row) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (likeness[i] == -INFINITY) continue;
        if (kept < most) {
            row[kept++] = (uint32_t)i;
            for (size_t k = kept / 2; kept == most && k-- > 0;) sink(likeness, row, kept, k);
        } else if (likeness[i] > likeness[row[0]]) {
            row[0] = (uint32_t)i;
            sink(likeness, row, kept, 0);
        }
    }
    qsort(row, kept, sizeof *row, by_row);
    return kept;
}
