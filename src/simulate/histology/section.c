/* From chromogen planes to a picture: area averaging in optical density, light, defocus, camera. */
#include <string.h>

#include "base/mem.h"
#include "simulate/histology/histology.h"

/* Microtome: thickness drifts over tens of micrometres. */
static float thickness(const slide *s, float x, float y) { return 1 + 0.05F * slide_noise(s, NOISE_COARSE, x, y); }

/* Ids of the finished tile: the fine pixel at the centre of each picture pixel, renumbered 1..n in order of appearance. */
static void mask_shrink(const slide *s, uint16_t *ids, uint16_t *out, int *count) {
    int size = (int)s->config->size, n = 0;
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            int fx = (x + s->margin) * s->over + s->over / 2, fy = (y + s->margin) * s->over + s->over / 2;
            uint16_t id = s->mask[(size_t)fy * s->w + fx];
            if (id && !ids[id]) ids[id] = (uint16_t)++n;
            if (out) out[y * size + x] = id ? ids[id] : 0;
        }
    *count = n;
}

mnk_status section_picture(slide *s, uint8_t *rgb, uint16_t *mask, mnk_error *err) {
    int size = (int)s->config->size, side = size + 2 * s->margin;
    size_t n = (size_t)side * side;
    float *block = NULL;
    uint16_t *ids = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(block, n * (CHROMOGENS + 6), err));
    MNK_OUT(MNK_NEW(ids, 65536, err));
    float *plane = block, *light = block + n * CHROMOGENS, *scratch = light + 3 * n;
    for (int k = 0; k < CHROMOGENS; k++) raster_shrink(s->c[k], s->w, s->over, plane + n * k, side, side);

    stain m;
    stain_of(&s->p, &m);
    const float white[3] = {(float)s->p.white_red, (float)s->p.white_green, (float)s->p.white_blue};
    float pixel = (float)s->config->pixel_um;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            size_t i = (size_t)y * side + x;
            float t = thickness(s, s->low + ((float)x + 0.5F) * pixel, s->low + ((float)y + 0.5F) * pixel);
            for (int c = 0; c < 3; c++) {
                float od = 0;
                for (int k = 0; k < CHROMOGENS; k++) od += (float)m.od[c][k] * plane[n * k + i];
                light[3 * i + c] = white[c] * expf(-od * t);
            }
        }
    /* diffraction of a x10..x20 objective (NA about 0.4: sd 0.21 lambda / NA = 0.29 um) and defocus add in variance */
    float sd = sqrtf(0.29F * 0.29F + (float)(s->p.focus_um * s->p.focus_um)) / pixel;
    raster_blur(light, side, side, 3, sd, scratch);

    mnk_rng r = mnk_rng_at(s->seed, MNK_PURPOSE_ACQUISITION, s->item, 1);
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++)
            for (int c = 0; c < 3; c++) {
                float v = light[3 * ((size_t)(y + s->margin) * side + x + s->margin) + c];
                /* shot noise: variance proportional to the signal; s->p.noise is its sd at white */
                float z = mnk_rng_uniform_f32(&r) + mnk_rng_uniform_f32(&r) - 1; /* triangular, variance 1/6 */
                v += (float)s->p.noise * 2.4494897F * z * sqrtf(max_f(v, 0) / 255 + 0.05F);
                rgb[3 * (y * size + x) + c] = (uint8_t)clampf(v + 0.5F, 0, 255);
            }
    int count;
    mask_shrink(s, ids, mask, &count);
    s->p.nuclei = count;
out:
    mnk_free(block);
    mnk_free(ids);
    return status;
}
