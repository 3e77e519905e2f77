#include "learn/gan/likeness.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/linalg.h"

/* The encoding of an image:
 *   colour and layout: the mean of each channel in each cell of a 4 x 4 grid;
 *   texture: log(0.01 + mean |d|) of the three kinds of Haar details d of luminance (the mean of the channels), at up to three
 *   scales, in each cell of a 2 x 2 grid;
 *   colour texture: the same of red - luminance and blue - luminance at each scale, all details and cells together.
 * Cells of a checkerboard grain, streaks and blur all show in the details; nothing is trained. */
enum { GRID = 4, CELLS = 2, SCALES = 3, DETAILS = 3, CHROMA = 2 };
#define FAINT 0.01f

struct mnk_gan_likeness {
    int channels, h, w, scales, classes;
    size_t d;
    mnk_pca axes;         /* of train, centred class by class, whitened */
    double *mean, *sd;    /* [classes][axes.m] of train; NaN where not estimable */
    float *code, *place;  /* [d], [axes.m] of one image */
    float *plane, *other; /* [h*w] scratch */
    double *sum, *square; /* [axes.m] of the samples added */
    size_t n;
};

/* ---- encoding ---- */

static size_t code_length(int channels, int scales) {
    size_t texture = (size_t)scales * (DETAILS * CELLS * CELLS + (channels == 3 ? CHROMA : 0));
    return (size_t)(channels * GRID * GRID) + texture;
}

static float *encode_layout(const mnk_gan_likeness *l, const float *image, float *out) {
    for (int c = 0; c < l->channels; c++)
        for (int i = 0; i < GRID; i++)
            for (int j = 0; j < GRID; j++) {
                const float *x = image + (size_t)c * (size_t)l->h * (size_t)l->w;
                int y0 = i * l->h / GRID, y1 = (i + 1) * l->h / GRID, x0 = j * l->w / GRID, x1 = (j + 1) * l->w / GRID;
                float sum = 0;
                for (int y = y0; y < y1; y++)
                    for (int k = x0; k < x1; k++) sum += x[y * l->w + k];
                *out++ = sum / (float)((y1 - y0) * (x1 - x0));
            }
    return out;
}

/* One scale of the Haar transform of `x` (h x w, both even): sums of |details| by kind and cell; x becomes the averages. */
static void haar(float *x, int h, int w, float sum[DETAILS][CELLS][CELLS]) {
    memset(sum, 0, sizeof(float[DETAILS][CELLS][CELLS]));
    for (int i = 0; i < h / 2; i++)
        for (int j = 0; j < w / 2; j++) {
            const float *p = x + 2 * i * w + 2 * j;
            float a = p[0], b = p[1], c = p[w], d = p[w + 1];
            float(*at)[CELLS][CELLS] = sum;
            int y = i * CELLS / (h / 2), k = j * CELLS / (w / 2);
            at[0][y][k] += fabsf(a - b + c - d) / 4;
            at[1][y][k] += fabsf(a + b - c - d) / 4;
            at[2][y][k] += fabsf(a - b - c + d) / 4;
            x[i * (w / 2) + j] = (a + b + c + d) / 4; /* behind what is still to be read */
        }
}

/* Items of 0..n-1 that fall into cell k of CELLS. */
static int cell_size(int n, int k) {
    int size = 0;
    for (int i = 0; i < n; i++) size += i * CELLS / n == k;
    return size;
}

static float *encode_texture(mnk_gan_likeness *l, bool cells, float *out) {
    float sum[DETAILS][CELLS][CELLS];
    int h = l->h, w = l->w;
    for (int s = 0; s < l->scales; s++, h /= 2, w /= 2) {
        float all = 0;
        haar(l->plane, h, w, sum);
        for (int k = 0; k < DETAILS; k++)
            for (int y = 0; y < CELLS; y++)
                for (int x = 0; x < CELLS; x++) {
                    int size = cell_size(h / 2, y) * cell_size(w / 2, x);
                    if (cells) *out++ = logf(FAINT + (size ? sum[k][y][x] / (float)size : 0));
                    all += sum[k][y][x];
                }
        if (!cells) *out++ = logf(FAINT + all / (float)(DETAILS * (h / 2) * (w / 2)));
    }
    return out;
}

static void encode(mnk_gan_likeness *l, const float *image, float *out) {
    size_t size = (size_t)l->h * (size_t)l->w;
    out = encode_layout(l, image, out);
    for (size_t i = 0; i < size; i++) {
        float sum = 0;
        for (int c = 0; c < l->channels; c++) sum += image[(size_t)c * size + i];
        l->plane[i] = l->other[i] = sum / (float)l->channels;
    }
    out = encode_texture(l, true, out);
    for (int c = 0; l->channels == 3 && c < 3; c += 2) {
        for (size_t i = 0; i < size; i++) l->plane[i] = image[(size_t)c * size + i] - l->other[i];
        out = encode_texture(l, false, out);
    }
}

/* ---- training images ---- */

static size_t per_class_of(int classes) {
    size_t most = MNK_GAN_LIKENESS_TOTAL / (size_t)classes;
    return most < 2 ? 2 : most < MNK_GAN_LIKENESS_IMAGES ? most : MNK_GAN_LIKENESS_IMAGES;
}

/* Rows looked at: of a class with m images and room for `most`, every image whose place k begins a new one of min(m, most)
 * equal parts. */
static size_t choose(const mnk_images *data, int classes, const size_t *count, size_t *seen, size_t *row) {
    size_t most = per_class_of(classes), n = 0;
    for (size_t i = 0; i < data->n; i++) {
        size_t m = count[data->label[i]], k = seen[data->label[i]]++, want = m < most ? m : most;
        if (k == 0 || k * want / m != (k - 1) * want / m) row[n++] = i;
    }
    return n;
}

static void centre(const mnk_images *data, const size_t *row, size_t n, size_t d, int classes, float *code, double *mean,
                   size_t *count) {
    memset(count, 0, (size_t)classes * sizeof *count);
    for (size_t i = 0; i < n; i++) {
        double *m = mean + (size_t)data->label[row[i]] * d;
        count[data->label[row[i]]]++;
        for (size_t k = 0; k < d; k++) m[k] += code[i * d + k];
    }
    for (int c = 0; c < classes; c++)
        for (size_t k = 0; k < d && count[c]; k++) mean[(size_t)c * d + k] /= (double)count[c];
    for (size_t i = 0; i < n; i++) {
        const double *m = mean + (size_t)data->label[row[i]] * d;
        for (size_t k = 0; k < d; k++) code[i * d + k] -= (float)m[k];
    }
}

/* Means and standard deviations of the classes along the axes. Centred codes have them but for the class means. */
static void measure(mnk_gan_likeness *l, const mnk_images *data, const size_t *row, size_t n, const float *code,
                    const double *class_mean, const size_t *count) {
    size_t m = l->axes.m, d = l->d;
    for (size_t i = 0; i < n; i++) {
        double *square = l->sd + (size_t)data->label[row[i]] * m;
        mnk_pca_apply(&l->axes, code + i * d, 1, l->place);
        for (size_t k = 0; k < m; k++) square[k] += (double)l->place[k] * l->place[k];
    }
    for (int c = 0; c < l->classes; c++) {
        for (size_t k = 0; k < d; k++) l->code[k] = (float)class_mean[(size_t)c * d + k];
        mnk_pca_apply(&l->axes, l->code, 1, l->place);
        for (size_t k = 0; k < m; k++) {
            double *sd = l->sd + (size_t)c * m + k;
            l->mean[(size_t)c * m + k] = l->place[k];
            *sd = count[c] > 1 ? sqrt(*sd / (double)(count[c] - 1)) : NAN;
        }
    }
}

static mnk_status learn(mnk_gan_likeness *l, const mnk_images *data, void (*plane)(void *ctx, size_t i, float *image),
                        void *ctx, mnk_error *err) {
    size_t *count = NULL, *seen = NULL, *row = NULL, n, used = 0;
    size_t volume = (size_t)l->channels * (size_t)l->h * (size_t)l->w, classes = (size_t)l->classes;
    float *code = NULL, *image = NULL;
    double *class_mean = NULL;
    mnk_status status;
    MNK_OUT(MNK_NEW(count, classes, err));
    MNK_OUT(MNK_NEW(seen, classes, err));
    MNK_OUT(MNK_NEW(row, data->n, err));
    MNK_OUT(MNK_NEW(image, volume, err));
    MNK_OUT(MNK_NEW(class_mean, classes * l->d, err));
    for (size_t i = 0; i < data->n; i++) count[data->label[i]]++;
    for (size_t c = 0; c < classes; c++) used += count[c] > 0;
    n = choose(data, l->classes, count, seen, row);
    if (n < used + 8) goto out; /* no axes: every distance is NaN */
    MNK_OUT(MNK_NEW(code, n * l->d, err));
    for (size_t i = 0; i < n; i++) {
        plane(ctx, row[i], image);
        encode(l, image, code + i * l->d);
    }
    centre(data, row, n, l->d, l->classes, code, class_mean, count);
    /* at least four images an axis: a spread estimated from fewer is chance */
    size_t want = (n - used) / 4, most = l->d < MNK_GAN_LIKENESS_AXES ? l->d : MNK_GAN_LIKENESS_AXES;
    MNK_OUT(mnk_pca_fit(code, n, l->d, want < most ? want : most, 1, &l->axes, err));
    size_t m = l->axes.m ? l->axes.m : 1;
    MNK_OUT(MNK_NEW(l->mean, classes * m, err));
    MNK_OUT(MNK_NEW(l->sd, classes * m, err));
    MNK_OUT(MNK_NEW(l->place, m, err));
    MNK_OUT(MNK_NEW(l->sum, m, err));
    MNK_OUT(MNK_NEW(l->square, m, err));
    measure(l, data, row, n, code, class_mean, count);
out:
    mnk_free(count);
    mnk_free(seen);
    mnk_free(row);
    mnk_free(image);
    mnk_free(class_mean);
    mnk_free(code);
    return status;
}

size_t mnk_gan_likeness_bytes(size_t images, const mnk_gan_shape *shape) {
    size_t d = code_length(shape->channels, SCALES), most = per_class_of(shape->classes) * (size_t)shape->classes;
    size_t n = images < most ? images : most, classes = (size_t)shape->classes;
    return n * d * sizeof(float) + images * sizeof(size_t) + classes * (d + 2 * MNK_GAN_LIKENESS_AXES) * sizeof(double) +
           4 * d * d * sizeof(double);
}

mnk_status mnk_gan_likeness_open(const mnk_images *data, const mnk_gan_shape *shape,
                                 void (*plane)(void *ctx, size_t i, float *image), void *ctx, mnk_gan_likeness **out,
                                 mnk_error *err) {
    mnk_gan_likeness *l;
    *out = NULL;
    MNK_TRY(MNK_NEW(l, 1, err));
    l->channels = shape->channels, l->h = shape->inner_h, l->w = shape->inner_w, l->classes = shape->classes;
    l->scales = shape->stages < SCALES ? shape->stages : SCALES;
    l->d = code_length(l->channels, l->scales);
    mnk_status status;
    MNK_OUT(MNK_NEW(l->code, l->d, err));
    MNK_OUT(MNK_NEW(l->plane, (size_t)l->h * (size_t)l->w, err));
    MNK_OUT(MNK_NEW(l->other, (size_t)l->h * (size_t)l->w, err));
    MNK_OUT(learn(l, data, plane, ctx, err));
    *out = l;
out:
    if (status != MNK_OK) mnk_gan_likeness_close(l);
    return status;
}

void mnk_gan_likeness_close(mnk_gan_likeness *l) {
    if (!l) return;
    void *blocks[] = {l->mean, l->sd, l->code, l->place, l->plane, l->other, l->sum, l->square};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) mnk_free(blocks[i]);
    mnk_pca_close(&l->axes);
    mnk_free(l);
}

/* ---- samples ---- */

void mnk_gan_likeness_reset(mnk_gan_likeness *l) {
    l->n = 0;
    if (l->axes.m == 0) return;
    memset(l->sum, 0, l->axes.m * sizeof *l->sum);
    memset(l->square, 0, l->axes.m * sizeof *l->square);
}

void mnk_gan_likeness_add(mnk_gan_likeness *l, const float *image) {
    if (l->axes.m == 0) return;
    l->n++;
    encode(l, image, l->code);
    mnk_pca_apply(&l->axes, l->code, 1, l->place);
    for (size_t k = 0; k < l->axes.m; k++) {
        l->sum[k] += l->place[k];
        l->square[k] += (double)l->place[k] * l->place[k];
    }
}

double mnk_gan_likeness_distance(const mnk_gan_likeness *l, int label) {
    size_t m = l->axes.m;
    double n = (double)l->n, total = 0;
    if (m == 0 || l->n < 2) return NAN;
    for (size_t k = 0; k < m; k++) {
        double mean = l->sum[k] / n, variance = (l->square[k] - l->sum[k] * mean) / (n - 1);
        double shift = mean - l->mean[(size_t)label * m + k];
        double widening = (variance > 0 ? sqrt(variance) : 0) - l->sd[(size_t)label * m + k];
        total += shift * shift + widening * widening;
    }
    return total / (double)m;
}
