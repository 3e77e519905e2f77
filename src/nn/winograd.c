#include "nn/winograd.h"

#include <string.h>

#include "base/mem.h"
#include "nn/gemm.h"
#include "nn/winograd_transform.h"

/* A k4 s2 p1 convolution is a 2x2 convolution of stride 1 on the four phases (even/odd rows and columns) of its input:
 *     y[oy][ox] = sum_pq sum_ij x[2(oy+i)+p-1][2(ox+j)+q-1] w[2i+p][2j+q],   p, q, i, j in {0, 1}
 * so that one tile of m x m outputs reads alpha x alpha pixels of each phase. With V the transformed inputs (tiles x 4 ic),
 * U the transformed weights (4 ic x oc) and M the transformed outputs (tiles x oc), one matrix product per position of
 * the alpha x alpha grid does each pass:
 *     forward M = V U     backward data V = M U^T     backward weights U = V^T M
 *
 * The batch is worked through in chunks of images, fixed by the shape, so that V and M stay in the cache. Within a chunk
 * the transforms are parallel over images and channels and the products over (position x fixed row blocks); weight
 * gradients add up chunk by chunk. Nothing depends on the number of threads. */

/* Floats between the planes of V and M beyond their size: strides of powers of two would put all of them in one L1 set. */
#define PLANE_PAD 80
/* V and M of a chunk together, in bytes: what a core's share of the cache holds. Chunks of fewer than k/2 tiles would spend
 * more on packing U anew for each than they save (bench_conv: 128 tiles at k = 256, 256 at k = 512). */
#define CHUNK_BYTES (4u << 20)

struct mnk_winograd {
    mnk_conv_shape s;
    winograd_f f;
    int positions;           /* alpha^2 */
    int phases;              /* stride^2 */
    int ib, ob;              /* blocks of eight channels */
    int k, o;                /* columns of V (phases * 8 ib) and of M (8 ob) */
    int tiles_y, tiles_x;    /* of one image */
    int chunk;               /* images of a chunk */
    size_t plane_v, plane_m; /* floats from one position to the next */
    float *u;                /* [position][k][o], NULL when not wanted */
};

/* What one image costs with F: multiplications per pair of channels of the direct algorithm. */
static int products(const mnk_conv_shape *s, winograd_f f) {
    int m = f_outputs(f), alpha = f_alpha(f);
    return ((s->oh + m - 1) / m) * ((s->ow + m - 1) / m) * alpha * alpha * s->stride * s->stride;
}

static winograd_f choose_f(const mnk_conv_shape *s) {
    if (s->k == 3) return F43;
    return products(s, F42) <= products(s, F22) ? F42 : F22;
}

bool mnk_winograd_possible(const mnk_conv_shape *s) {
    return s->pad == 1 && ((s->k == 4 && s->stride == 2) || (s->k == 3 && s->stride == 1));
}

bool mnk_winograd_wins(const mnk_conv_shape *s, mnk_pass pass) {
    (void)pass; /* one rule has been enough for all three */
    if (!mnk_winograd_possible(s)) return false;
    winograd_f f = choose_f(s);
    int m = f_outputs(f), rows = s->n * ((s->oh + m - 1) / m) * ((s->ow + m - 1) / m);
    double saved = (double)s->k * s->k * s->oh * s->ow / products(s, f);
    return saved >= 1.5 && s->oc >= 16 && rows >= 16;
}

mnk_status mnk_winograd_open(const mnk_conv_shape *shape, bool transform, mnk_winograd **out, mnk_error *err) {
    *out = NULL;
    mnk_winograd *w = NULL;
    MNK_TRY(MNK_NEW(w, 1, err));
    w->s = *shape;
    w->f = choose_f(shape);
    int m = f_outputs(w->f), alpha = f_alpha(w->f);
    w->positions = alpha * alpha;
    w->phases = shape->stride * shape->stride;
    w->ib = mnk_padded(shape->ic) / 8;
    w->ob = mnk_padded(shape->oc) / 8;
    w->k = w->phases * w->ib * 8;
    w->o = w->ob * 8;
    w->tiles_y = (shape->oh + m - 1) / m;
    w->tiles_x = (shape->ow + m - 1) / m;
    size_t tiles = (size_t)w->tiles_y * (size_t)w->tiles_x;
    size_t image_bytes = tiles * (size_t)w->positions * (size_t)(w->k + w->o) * sizeof(float);
    size_t by_cache = CHUNK_BYTES / image_bytes, by_rows = ((size_t)w->k / 2 + tiles - 1) / tiles;
    size_t chunk = by_cache > by_rows ? by_cache : by_rows;
    w->chunk = chunk < (size_t)shape->n ? (int)chunk : shape->n;
    w->plane_v = tiles * (size_t)w->chunk * (size_t)w->k + PLANE_PAD;
    w->plane_m = tiles * (size_t)w->chunk * (size_t)w->o + PLANE_PAD;
    if (transform) {
        mnk_status status = MNK_NEW_ALIGNED(w->u, (size_t)w->positions * (size_t)w->k * (size_t)w->o, err);
        if (status != MNK_OK) {
            mnk_winograd_close(w);
            return status;
        }
    }
    *out = w;
    return MNK_OK;
}

void mnk_winograd_close(mnk_winograd *w) {
    if (!w) return;
    mnk_free(w->u);
    mnk_free(w);
}

/* V, M and the gradient of U, each rounded to whole cache lines. */
static size_t floats_v(const mnk_winograd *w) { return ((size_t)w->positions * w->plane_v + 15) / 16 * 16; }
static size_t floats_m(const mnk_winograd *w) { return ((size_t)w->positions * w->plane_m + 15) / 16 * 16; }

size_t mnk_winograd_scratch_bytes(const mnk_winograd *w) {
    return (floats_v(w) + floats_m(w) + (size_t)w->positions * (size_t)w->k * (size_t)w->o) * sizeof(float);
}

/* ---- weights ---- */

MNK_INLINE v8 load_part(const float *p, int n) {
    v8 v = {0};
    if (n >= 8) return *(const v8 *)p;
    for (int i = 0; i < n; i++) v[i] = p[i];
    return v;
}

MNK_INLINE size_t tap_at(const mnk_winograd *w, int phase, int i, int j, int c) {
    int s = w->s.stride, a = s * i + phase / s, b = s * j + phase % s;
    return (((size_t)a * (size_t)w->s.k + (size_t)b) * (size_t)w->s.ic + (size_t)c) * (size_t)w->s.oc;
}

MNK_INLINE void weights_row(winograd_f f, const mnk_winograd *w, const float *weights, int phase, int c) {
    const int r = f_taps(f), alpha = f_alpha(f);
    size_t plane = (size_t)w->k * (size_t)w->o;
    float *u = w->u + ((size_t)phase * (size_t)w->ib * 8 + (size_t)c) * (size_t)w->o;
    for (int o = 0; o < w->s.oc; o += 8) {
        v8 g[3][3], t[3][ALPHA_MAX], v[ALPHA_MAX];
        for (int i = 0; i < r; i++) {
            for (int j = 0; j < r; j++) g[i][j] = load_part(weights + tap_at(w, phase, i, j, c) + o, w->s.oc - o);
            weights_1d(f, g[i], t[i]);
        }
        for (int j = 0; j < alpha; j++) {
            v8 column[3];
            for (int i = 0; i < r; i++) column[i] = t[i][j];
            weights_1d(f, column, v);
            for (int i = 0; i < alpha; i++) *(v8 *)(u + (size_t)(i * alpha + j) * plane + o) = v[i];
        }
    }
}

MNK_INLINE void weights_back_row(winograd_f f, const mnk_winograd *w, const float *du, float *dw, bool accumulate, int phase,
                                 int c) {
    const int r = f_taps(f), alpha = f_alpha(f);
    size_t plane = (size_t)w->k * (size_t)w->o;
    const float *u = du + ((size_t)phase * (size_t)w->ib * 8 + (size_t)c) * (size_t)w->o;
    for (int o = 0; o < w->s.oc; o += 8) {
        v8 t[3][ALPHA_MAX], g[3];
        for (int j = 0; j < alpha; j++) {
            v8 column[ALPHA_MAX];
            for (int i = 0; i < alpha; i++) column[i] = *(const v8 *)(u + (size_t)(i * alpha + j) * plane + o);
            weights_back_1d(f, column, g);
            for (int i = 0; i < r; i++) t[i][j] = g[i];
        }
        for (int i = 0; i < r; i++) {
            weights_back_1d(f, t[i], g);
            for (int j = 0; j < r; j++) {
                float *to = dw + tap_at(w, phase, i, j, c) + o;
                int lanes = w->s.oc - o < 8 ? w->s.oc - o : 8;
                if (lanes == 8) *(v8 *)to = accumulate ? *(v8 *)to + g[j] : g[j];
                else
                    for (int q = 0; q < lanes; q++) to[q] = accumulate ? to[q] + g[j][q] : g[j][q];
            }
        }
    }
}

void mnk_winograd_weights(mnk_winograd *w, const float *weights) {
    if (!w->u) return;
#pragma omp parallel for collapse(2) schedule(static)
    for (int phase = 0; phase < w->phases; phase++)
        for (int c = 0; c < w->s.ic; c++) {
            if (w->f == F22) weights_row(F22, w, weights, phase, c);
            if (w->f == F42) weights_row(F42, w, weights, phase, c);
            if (w->f == F43) weights_row(F43, w, weights, phase, c);
        }
}

static void weights_back(const mnk_winograd *w, const float *du, float *dw, bool accumulate) {
#pragma omp parallel for collapse(2) schedule(static)
    for (int phase = 0; phase < w->phases; phase++)
        for (int c = 0; c < w->s.ic; c++) {
            if (w->f == F22) weights_back_row(F22, w, du, dw, accumulate, phase, c);
            if (w->f == F42) weights_back_row(F42, w, du, dw, accumulate, phase, c);
            if (w->f == F43) weights_back_row(F43, w, du, dw, accumulate, phase, c);
        }
}

/* ---- maps: one (image, block of channels) at a time, all its tiles ---- */

/* Where a tile begins in its image, in pixels of one phase. */
typedef struct tile {
    int y, x;    /* first input pixel, may be -1 */
    bool inside; /* every pixel of the tile exists */
} tile;

MNK_INLINE tile tile_at(winograd_f f, const mnk_winograd *w, int ty, int tx, int phase) {
    const int m = f_outputs(f), alpha = f_alpha(f), s = w->s.stride;
    tile t = {s * m * ty + phase / s - w->s.pad, s * m * tx + phase % s - w->s.pad, false};
    t.inside = t.y >= 0 && t.x >= 0 && t.y + s * (alpha - 1) < w->s.ih && t.x + s * (alpha - 1) < w->s.iw;
    return t;
}

/* V of one tile, phase and channel block: v = B^T d B. `image` is the h x w x 8 plane. */
MNK_INLINE void input_tile(winograd_f f, const mnk_winograd *w, const float *image, tile t, float *v) {
    const int alpha = f_alpha(f), s = w->s.stride, ih = w->s.ih, iw = w->s.iw;
    v8 rows[ALPHA_MAX][ALPHA_MAX], d[ALPHA_MAX];
    for (int i = 0; i < alpha; i++) {
        int y = t.y + s * i;
        for (int j = 0; j < alpha; j++) {
            int x = t.x + s * j;
            bool there = t.inside || (y >= 0 && y < ih && x >= 0 && x < iw);
            d[j] = there ? *(const v8 *)(image + ((size_t)y * (size_t)iw + (size_t)x) * 8) : (v8){0};
        }
        input_1d(f, d, rows[i]);
    }
    for (int j = 0; j < alpha; j++) {
        v8 column[ALPHA_MAX];
        for (int i = 0; i < alpha; i++) column[i] = rows[i][j];
        input_1d(f, column, d);
        for (int i = 0; i < alpha; i++) *(v8 *)(v + (size_t)(i * alpha + j) * w->plane_v) = d[i];
    }
}

MNK_INLINE void input_back_tile(winograd_f f, const mnk_winograd *w, float *image, tile t, const float *v) {
    const int alpha = f_alpha(f), s = w->s.stride, ih = w->s.ih, iw = w->s.iw;
    v8 rows[ALPHA_MAX][ALPHA_MAX], d[ALPHA_MAX];
    for (int j = 0; j < alpha; j++) {
        v8 column[ALPHA_MAX];
        for (int i = 0; i < alpha; i++) column[i] = *(const v8 *)(v + (size_t)(i * alpha + j) * w->plane_v);
        input_back_1d(f, column, d);
        for (int i = 0; i < alpha; i++) rows[i][j] = d[i];
    }
    for (int i = 0; i < alpha; i++) {
        int y = t.y + s * i;
        input_back_1d(f, rows[i], d);
        for (int j = 0; j < alpha; j++) {
            int x = t.x + s * j;
            if (t.inside || (y >= 0 && y < ih && x >= 0 && x < iw))
                *(v8 *)(image + ((size_t)y * (size_t)iw + (size_t)x) * 8) += d[j];
        }
    }
}

MNK_INLINE void output_tile(winograd_f f, const mnk_winograd *w, const float *m, float *image, int ty, int tx) {
    const int alpha = f_alpha(f), size = f_outputs(f);
    v8 rows[4][ALPHA_MAX], y[4];
    for (int j = 0; j < alpha; j++) {
        v8 column[ALPHA_MAX];
        for (int i = 0; i < alpha; i++) column[i] = *(const v8 *)(m + (size_t)(i * alpha + j) * w->plane_m);
        output_1d(f, column, y);
        for (int i = 0; i < size; i++) rows[i][j] = y[i];
    }
    for (int i = 0; i < size && ty * size + i < w->s.oh; i++) {
        float *row = image + (size_t)(ty * size + i) * (size_t)w->s.ow * 8;
        output_1d(f, rows[i], y);
        for (int j = 0; j < size && tx * size + j < w->s.ow; j++) *(v8 *)(row + (size_t)(tx * size + j) * 8) = y[j];
    }
}

MNK_INLINE void output_back_tile(winograd_f f, const mnk_winograd *w, const float *image, int ty, int tx, float *m) {
    const int alpha = f_alpha(f), size = f_outputs(f);
    v8 rows[4][ALPHA_MAX], d[ALPHA_MAX];
    for (int i = 0; i < size; i++) {
        const float *row = image + (size_t)(ty * size + i) * (size_t)w->s.ow * 8;
        v8 y[4];
        for (int j = 0; j < size; j++) {
            bool there = ty * size + i < w->s.oh && tx * size + j < w->s.ow;
            y[j] = there ? *(const v8 *)(row + (size_t)(tx * size + j) * 8) : (v8){0};
        }
        output_back_1d(f, y, rows[i]);
    }
    for (int j = 0; j < alpha; j++) {
        v8 column[4];
        for (int i = 0; i < size; i++) column[i] = rows[i][j];
        output_back_1d(f, column, d);
        for (int i = 0; i < alpha; i++) *(v8 *)(m + (size_t)(i * alpha + j) * w->plane_m) = d[i];
    }
}

/* ---- whole chunks: `first` is the first image, `images` their number ---- */

typedef enum map_step { INPUT, INPUT_BACK, OUTPUT, OUTPUT_BACK } map_step;

/* One step for one image and one block of eight channels. `map` points to the image's h x w x 8 plane, `planes` to V or M. */
MNK_INLINE void map_plane(winograd_f f, map_step step, const mnk_winograd *w, float *map, float *planes, int image, int block) {
    size_t tile0 = (size_t)image * (size_t)w->tiles_y * (size_t)w->tiles_x;
    if (step == INPUT_BACK) memset(map, 0, (size_t)w->s.ih * (size_t)w->s.iw * 8 * sizeof *map);
    for (int ty = 0; ty < w->tiles_y; ty++)
        for (int tx = 0; tx < w->tiles_x; tx++) {
            size_t t = tile0 + (size_t)ty * (size_t)w->tiles_x + (size_t)tx;
            if (step == OUTPUT) output_tile(f, w, planes + t * (size_t)w->o + (size_t)block * 8, map, ty, tx);
            if (step == OUTPUT_BACK) output_back_tile(f, w, map, ty, tx, planes + t * (size_t)w->o + (size_t)block * 8);
            if (step != INPUT && step != INPUT_BACK) continue;
            for (int phase = 0; phase < w->phases; phase++) {
                float *v = planes + t * (size_t)w->k + ((size_t)phase * (size_t)w->ib + (size_t)block) * 8;
                tile where = tile_at(f, w, ty, tx, phase);
                if (step == INPUT) input_tile(f, w, map, where, v);
                else input_back_tile(f, w, map, where, v);
            }
        }
}

static void map_chunk(map_step step, const mnk_winograd *w, float *map, float *planes, int first, int images) {
    bool output = step == OUTPUT || step == OUTPUT_BACK;
    int blocks = output ? w->ob : w->ib;
    size_t plane = (output ? (size_t)w->s.oh * (size_t)w->s.ow : (size_t)w->s.ih * (size_t)w->s.iw) * 8;
#pragma omp parallel for collapse(2) schedule(static)
    for (int i = 0; i < images; i++)
        for (int b = 0; b < blocks; b++) {
            float *at = map + ((size_t)(first + i) * (size_t)blocks + (size_t)b) * plane;
#define MAP_PLANE(F, STEP)                                                                                                     \
    if (w->f == F && step == STEP) map_plane(F, STEP, w, at, planes, i, b)
            MAP_PLANE(F22, INPUT);
            MAP_PLANE(F22, INPUT_BACK);
            MAP_PLANE(F22, OUTPUT);
            MAP_PLANE(F22, OUTPUT_BACK);
            MAP_PLANE(F42, INPUT);
            MAP_PLANE(F42, INPUT_BACK);
            MAP_PLANE(F42, OUTPUT);
            MAP_PLANE(F42, OUTPUT_BACK);
            MAP_PLANE(F43, INPUT);
            MAP_PLANE(F43, INPUT_BACK);
            MAP_PLANE(F43, OUTPUT);
            MAP_PLANE(F43, OUTPUT_BACK);
#undef MAP_PLANE
        }
}

static int images_at(const mnk_winograd *w, int first) { return w->s.n - first < w->chunk ? w->s.n - first : w->chunk; }
static int rows_of(const mnk_winograd *w, int images) { return images * w->tiles_y * w->tiles_x; }

void mnk_winograd_fwd(const mnk_winograd *w, const float *x, float *y, void *scratch) {
    float *v = scratch, *m = v + floats_v(w);
    for (int first = 0; first < w->s.n; first += w->chunk) {
        int images = images_at(w, first);
        map_chunk(INPUT, w, (float *)x, v, first, images);
        mnk_gemm_f32_batch(w->positions, false, false, rows_of(w, images), w->o, w->k, v, w->plane_v, w->k, w->u,
                           (size_t)w->k * (size_t)w->o, w->o, 0, m, w->plane_m, w->o);
        map_chunk(OUTPUT, w, y, m, first, images);
    }
}

void mnk_winograd_bwd_data(const mnk_winograd *w, const float *dy, float *dx, void *scratch) {
    float *v = scratch, *m = v + floats_v(w);
    for (int first = 0; first < w->s.n; first += w->chunk) {
        int images = images_at(w, first);
        map_chunk(OUTPUT_BACK, w, (float *)dy, m, first, images);
        mnk_gemm_f32_batch(w->positions, false, true, rows_of(w, images), w->k, w->o, m, w->plane_m, w->o, w->u,
                           (size_t)w->k * (size_t)w->o, w->o, 0, v, w->plane_v, w->k);
        map_chunk(INPUT_BACK, w, dx, v, first, images);
    }
}

void mnk_winograd_bwd_weights(const mnk_winograd *w, const float *x, const float *dy, float *dw, bool accumulate,
                              void *scratch) {
    float *v = scratch, *m = v + floats_v(w), *du = m + floats_m(w);
    for (int first = 0; first < w->s.n; first += w->chunk) {
        int images = images_at(w, first);
        map_chunk(INPUT, w, (float *)x, v, first, images);
        map_chunk(OUTPUT_BACK, w, (float *)dy, m, first, images);
        mnk_gemm_f32_batch(w->positions, true, false, w->k, w->o, rows_of(w, images), v, w->plane_v, w->k, m, w->plane_m, w->o,
                           first ? 1.0f : 0.0f, du, (size_t)w->k * (size_t)w->o, w->o);
    }
    weights_back(w, du, dw, accumulate);
}
