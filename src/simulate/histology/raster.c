/* Fine grid, noise planes, blur and area averaging. */
#include <string.h>

#include "base/mem.h"
#include "simulate/histology/histology.h"

mnk_rng slide_rng(const slide *s, uint32_t step) { return mnk_rng_at(s->seed, MNK_PURPOSE_PHANTOM, s->item, step); }

/* Cubic B-spline weights at fraction t of a lattice cell. */
static void spline(float t, float w[4]) {
    float u = 1 - t;
    w[0] = u * u * u / 6;
    w[1] = (3 * t * t * t - 6 * t * t + 4) / 6;
    w[2] = (3 * u * u * u - 6 * u * u + 4) / 6;
    w[3] = t * t * t / 6;
}

/* Value noise: uniform white noise on a lattice of half the wavelength, cubic B-spline interpolated. The mean variance
 * of the interpolated field is that of the lattice times (151/315)^2, from the integral of the squared spline. */
static mnk_status noise_fill(float *out, int w, int h, float step, float wavelength, mnk_rng *r, mnk_error *err) {
    float cell = 0.5F * wavelength;
    int lw = (int)((float)w * step / cell) + 5, lh = (int)((float)h * step / cell) + 5;
    float *lattice = NULL;
    MNK_TRY(MNK_NEW(lattice, (size_t)lw * lh + (size_t)lh * w, err));
    float *rows = lattice + (size_t)lw * lh;
    const float scale = 3.4641016F / (151.0F / 315.0F);
    for (int i = 0; i < lw * lh; i++) lattice[i] = scale * (mnk_rng_uniform_f32(r) - 0.5F);
    float ox = mnk_rng_uniform_f32(r), oy = mnk_rng_uniform_f32(r);
    for (int x = 0; x < w; x++) {
        float u = (float)x * step / cell + ox, k[4];
        int j = (int)u;
        spline(u - (float)j, k);
        for (int y = 0; y < lh; y++) {
            const float *l = lattice + (size_t)y * lw + j;
            rows[(size_t)y * w + x] = k[0] * l[0] + k[1] * l[1] + k[2] * l[2] + k[3] * l[3];
        }
    }
    for (int y = 0; y < h; y++) {
        float u = (float)y * step / cell + oy, k[4];
        int j = (int)u;
        spline(u - (float)j, k);
        const float *a = rows + (size_t)j * w, *b = a + w, *c = b + w, *d = c + w;
        float *o = out + (size_t)y * w;
        for (int x = 0; x < w; x++) o[x] = k[0] * a[x] + k[1] * b[x] + k[2] * c[x] + k[3] * d[x];
    }
    mnk_free(lattice);
    return MNK_OK;
}

int raster_over(float pixel_um) {
    /* half a micrometre resolves a membrane when its profile is drawn analytically */
    int over = (int)ceilf(pixel_um / 0.5F);
    return over > 1 ? over : pixel_um > 0.35F ? 2 : 1;
}

mnk_status slide_open(const mnk_histology_config *config, uint64_t seed, uint64_t item, slide *s, mnk_error *err) {
    /* um; the smallest is about one chromatin granule, the largest a group of cells */
    static const float wavelength[NOISES] = {1.6F, 4, 10, 40, 12, 12};
    memset(s, 0, sizeof *s);
    s->config = config;
    s->seed = seed;
    s->item = item;
    float pixel = (float)config->pixel_um;
    s->over = raster_over(pixel);
    s->margin = 1 + (int)ceilf(2.5F * (float)config->focus_um / pixel);
    if (s->margin > 16) s->margin = 16;
    s->step = pixel / (float)s->over;
    s->w = s->h = ((int)config->size + 2 * s->margin) * s->over;
    s->field = (float)config->size * pixel;
    s->low = -(float)s->margin * pixel;
    s->high = s->field - s->low;
    size_t n = (size_t)s->w * s->h;
    MNK_TRY(MNK_NEW(s->block, n * (CHROMOGENS + NOISES), err));
    for (int i = 0; i < CHROMOGENS; i++) s->c[i] = s->block + n * i;
    for (int i = 0; i < NOISES; i++) s->noise[i] = s->block + n * (CHROMOGENS + i);
    mnk_status status = MNK_NEW(s->mask, n, err);
    mnk_rng r = slide_rng(s, STEP_NOISE);
    for (int i = 0; i < NOISES && status == MNK_OK; i++) {
        float shortest = 2 * s->step; /* finer detail than the grid averages out anyway */
        status = noise_fill(s->noise[i], s->w, s->h, s->step, max_f(wavelength[i], shortest), &r, err);
    }
    if (status != MNK_OK) slide_close(s);
    return status;
}

void slide_close(slide *s) {
    mnk_free(s->block);
    mnk_free(s->mask);
    s->block = NULL;
    s->mask = NULL;
}

float slide_noise(const slide *s, int plane, float x, float y) {
    int i = (int)((x - s->low) / s->step), j = (int)((y - s->low) / s->step);
    i = i < 0 ? 0 : i >= s->w ? s->w - 1 : i;
    j = j < 0 ? 0 : j >= s->h ? s->h - 1 : j;
    return s->noise[plane][(size_t)j * s->w + i];
}

void raster_blur(float *v, int w, int h, int n, float sd, float *scratch) {
    if (sd < 0.15F) return; /* beyond that the kernel is one pixel */
    int half = (int)ceilf(3 * sd);
    if (half > 48) half = 48;
    float k[97], sum = 0;
    for (int i = -half; i <= half; i++) sum += k[i + half] = gauss((float)i, sd);
    for (int i = 0; i <= 2 * half; i++) k[i] /= sum;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int c = 0; c < n; c++) {
                float a = 0;
                for (int i = -half; i <= half; i++) {
                    int q = x + i < 0 ? 0 : x + i >= w ? w - 1 : x + i;
                    a += k[i + half] * v[((size_t)y * w + q) * n + c];
                }
                scratch[((size_t)y * w + x) * n + c] = a;
            }
    for (int y = 0; y < h; y++) {
        float *o = v + (size_t)y * w * n;
        for (int x = 0; x < w * n; x++) o[x] = 0;
        for (int i = -half; i <= half; i++) {
            int q = y + i < 0 ? 0 : y + i >= h ? h - 1 : y + i;
            const float *a = scratch + (size_t)q * w * n;
            for (int x = 0; x < w * n; x++) o[x] += k[i + half] * a[x];
        }
    }
}

void raster_shrink(const float *in, int w, int over, float *out, int ow, int oh) {
    float scale = 1.0F / (float)(over * over);
    for (int y = 0; y < oh; y++)
        for (int x = 0; x < ow; x++) {
            float a = 0;
            for (int j = 0; j < over; j++)
                for (int i = 0; i < over; i++) a += in[(size_t)(y * over + j) * w + x * over + i];
            out[(size_t)y * ow + x] = a * scale;
        }
}
