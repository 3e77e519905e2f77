#include "data/picture.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "data/images.h"

void mnk_picture_clear(mnk_picture *p) {
    mnk_free(p->pixels);
    *p = (mnk_picture){0};
}

mnk_status mnk_picture_check_size(uint64_t width, uint64_t height, mnk_error *err) {
    if (width == 0 || height == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "empty picture (0 pixels)");
    if (width > MNK_IMAGE_SIDE_MAX || height > MNK_IMAGE_SIDE_MAX || width * height > MNK_IMAGE_PIXELS_MAX)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%llux%llu pixels, beyond the limit of %d a side and %zu in all",
                        (unsigned long long)width, (unsigned long long)height, MNK_IMAGE_SIDE_MAX, MNK_IMAGE_PIXELS_MAX);
    return MNK_OK;
}

static size_t value_bytes(const mnk_picture *p) { return p->depth == 16 ? 2 : 1; }

mnk_status mnk_picture_alloc(mnk_picture *p, mnk_error *err) {
    MNK_TRY(mnk_picture_check_size((uint64_t)p->width, (uint64_t)p->height, err));
    size_t bytes = (size_t)p->width * (size_t)p->height * (size_t)p->channels * value_bytes(p);
    if (bytes > 32 << 20) MNK_TRY(mnk_memory_require(bytes, "the picture", err)); /* asking costs more than a tile */
    p->pixels = mnk_alloc(bytes, 1);
    return p->pixels ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %zu bytes for a picture", bytes);
}

mnk_status mnk_picture_drop_alpha(mnk_picture *p, mnk_error *err) {
    if (p->channels != 2 && p->channels != 4) return MNK_OK;
    size_t n = (size_t)p->width * (size_t)p->height, from = (size_t)p->channels, to = from - 1;
    uint8_t *p8 = p->pixels;
    uint16_t *p16 = p->pixels;
    for (size_t i = 0; i < n; i++)
        if (p->depth == 16 ? p16[i * from + to] != 65535 : p8[i * from + to] != 255)
            return MNK_FAIL(err, MNK_ERR_INPUT, "its alpha channel is not opaque; flatten it first");
    for (size_t i = 0; i < n; i++) /* forwards, in place: the target never overtakes the source */
        for (size_t c = 0; c < to; c++) {
            if (p->depth == 16) p16[i * to + c] = p16[i * from + c];
            else p8[i * to + c] = p8[i * from + c];
        }
    p->channels = (int)to;
    return MNK_OK;
}

/* Lanczos window of three lobes: sinc(x) sinc(x/3) for |x| < 3. */
static double lanczos3(double x) {
    if (fabs(x) < 1e-12) return 1;
    if (fabs(x) >= 3) return 0;
    double a = M_PI * x;
    return 3 * sin(a) * sin(a / 3) / (a * a);
}

/* Resampling of a line of `from` values to `to`: value j is the sum over k of weight[j*taps + k] * x[first[j] + k]. When
 * shrinking the window is widened by the ratio, so that it also averages (no aliasing). */
typedef struct kernel {
    int taps, *first;
    double *weight;
} kernel;

static mnk_status kernel_open(kernel *k, int from, int to, mnk_error *err) {
    double ratio = (double)from / to, scale = ratio > 1 ? ratio : 1, reach = 3 * scale;
    k->taps = (int)ceil(reach) * 2 + 1;
    MNK_TRY(MNK_NEW(k->first, (size_t)to, err));
    MNK_TRY(MNK_NEW(k->weight, (size_t)to * (size_t)k->taps, err));
    for (int j = 0; j < to; j++) {
        double centre = (j + 0.5) * ratio, total = 0, *w = k->weight + (size_t)j * (size_t)k->taps;
        int lo = (int)fmax(0, floor(centre - reach + 0.5)), hi = (int)fmin(from, floor(centre + reach + 0.5));
        k->first[j] = lo;
        for (int x = lo; x < hi && x - lo < k->taps; x++) total += w[x - lo] = lanczos3((x + 0.5 - centre) / scale);
        for (int x = 0; x < k->taps; x++) w[x] /= total;
    }
    return MNK_OK;
}

/* Centre square of p to size x size, values 0..max, channels as in p. */
static mnk_status resample(const mnk_picture *p, int size, double *out, mnk_error *err) {
    int side = p->width < p->height ? p->width : p->height, x0 = (p->width - side) / 2, y0 = (p->height - side) / 2;
    size_t c_n = (size_t)p->channels, row = (size_t)size * c_n;
    kernel k = {0};
    double *lines = NULL; /* side rows, already resampled across */
    mnk_status status = kernel_open(&k, side, size, err);
    if (status == MNK_OK) status = MNK_NEW(lines, (size_t)side * row, err);
    for (int y = 0; y < side && status == MNK_OK; y++)
        for (int j = 0; j < size; j++)
            for (size_t c = 0; c < c_n; c++) {
                double sum = 0;
                for (int t = 0; t < k.taps && k.first[j] + t < side; t++) {
                    size_t at = ((size_t)(y + y0) * (size_t)p->width + (size_t)(x0 + k.first[j] + t)) * c_n + c;
                    double v = p->depth == 16 ? ((const uint16_t *)p->pixels)[at] : ((const uint8_t *)p->pixels)[at];
                    sum += k.weight[(size_t)j * (size_t)k.taps + (size_t)t] * v;
                }
                lines[(size_t)y * row + (size_t)j * c_n + c] = sum;
            }
    for (int i = 0; i < size && status == MNK_OK; i++)
        for (size_t q = 0; q < row; q++) {
            double sum = 0;
            for (int t = 0; t < k.taps && k.first[i] + t < side; t++)
                sum += k.weight[(size_t)i * (size_t)k.taps + (size_t)t] * lines[(size_t)(k.first[i] + t) * row + q];
            out[(size_t)i * row + q] = sum;
        }
    mnk_free(lines);
    mnk_free(k.first);
    mnk_free(k.weight);
    return status;
}

static double clamp(double v, double max) { return v < 0 ? 0 : v > max ? max : floor(v + 0.5); }

/* Writes pixel i of out (channels, depth) from one pixel of `from` channels whose values lie in 0..255 or 0..65535. */
static void put_pixel(const double *v, int from, bool promote, int channels, int depth, void *out, size_t i) {
    double max = depth == 16 ? 65535 : 255, grey = from == 3 ? 0.299 * v[0] + 0.587 * v[1] + 0.114 * v[2] : v[0];
    for (int c = 0; c < channels; c++) {
        double x = (channels == 3 && from == 3 ? v[c] : grey) * (promote ? 257 : 1);
        size_t at = i * (size_t)channels + (size_t)c;
        if (depth == 16) ((uint16_t *)out)[at] = (uint16_t)clamp(x, max);
        else ((uint8_t *)out)[at] = (uint8_t)clamp(x, max);
    }
}

mnk_status mnk_picture_fit(const mnk_picture *p, int height, int width, int channels, int depth, void *out, mnk_error *err) {
    size_t n = (size_t)height * (size_t)width, from = (size_t)p->channels;
    bool same = p->height == height && p->width == width, promote = p->depth == 8 && depth == 16;
    if ((from != 1 && from != 3) || (!same && height != width) || (p->depth == 16 && depth == 8))
        return MNK_FAIL(err, MNK_ERR_USAGE, "a %dx%dx%d picture of %d bit cannot become %dx%dx%d of %d bit", p->width,
                        p->height, p->channels, p->depth, width, height, channels, depth);
    if (same && p->channels == channels && p->depth == depth) {
        memcpy(out, p->pixels, n * from * value_bytes(p));
        return MNK_OK;
    }
    double *resized = NULL;
    if (!same) {
        mnk_status status = MNK_NEW(resized, n * from, err);
        if (status == MNK_OK) status = resample(p, width, resized, err);
        if (status != MNK_OK) {
            mnk_free(resized);
            return status;
        }
    }
    for (size_t i = 0; i < n; i++) {
        double v[3] = {0};
        for (size_t c = 0; c < from; c++)
            v[c] = resized          ? resized[i * from + c]
                   : p->depth == 16 ? ((const uint16_t *)p->pixels)[i * from + c]
                                    : ((const uint8_t *)p->pixels)[i * from + c];
        put_pixel(v, p->channels, promote, channels, depth, out, i);
    }
    mnk_free(resized);
    return MNK_OK;
}
