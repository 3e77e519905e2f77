/* Copies as people make them: a picture cut out of a larger one, mirrored, turned, zoomed, moved, recoloured. Own geometry,
 * not the library's. */
#ifndef MNK_TESTS_COPY_MAKER_H
#define MNK_TESTS_COPY_MAKER_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

typedef struct copy_recipe {
    bool turn, mirror;       /* any angle; half of them mirrored */
    double zoom_lo, zoom_hi; /* log-uniform; above 1 magnifies */
    double crop;             /* how much of the room that a zoom leaves the centre moves: 0 centred .. 1 into the corner */
    double recolour;         /* sd of the log gain of each channel, and / 2 of its offset in units of full range */
} copy_recipe;

typedef struct copy_pose {
    double angle_deg, zoom, dx, dy;
    bool mirrored;
    double gain[3], offset[3];
} copy_pose;

static inline copy_pose copy_draw(const copy_recipe *r, mnk_rng *rng) {
    copy_pose p = {.angle_deg = r->turn ? 360 * mnk_rng_uniform(rng) : 0};
    p.mirrored = r->mirror && mnk_rng_uniform(rng) < 0.5;
    p.zoom = exp(log(r->zoom_lo) + (log(r->zoom_hi) - log(r->zoom_lo)) * mnk_rng_uniform(rng));
    const double room = p.zoom > 1 ? 1 - 1 / p.zoom : 0;
    p.dx = r->crop * room * (2 * mnk_rng_uniform(rng) - 1), p.dy = r->crop * room * (2 * mnk_rng_uniform(rng) - 1);
    for (int c = 0; c < 3; c++)
        p.gain[c] = exp(r->recolour * mnk_rng_normal(rng)), p.offset[c] = 0.5 * r->recolour * mnk_rng_normal(rng);
    return p;
}

/* out [side][side][channels] from the middle of big [large][large][channels]; side pixels of out are side / zoom of big. */
static inline void copy_make(const uint8_t *big, int large, int channels, const copy_pose *p, int side, uint8_t *out) {
    const double t = p->angle_deg * M_PI / 180, c = cos(t), s = sin(t);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            const double v = (y + 0.5 - side / 2.0) / p->zoom, u = (x + 0.5 - side / 2.0) / p->zoom;
            double a = u * c - v * s, b = u * s + v * c; /* turns what is seen anticlockwise */
            if (p->mirrored) a = -a;
            a += large / 2.0 + p->dx * side / 2 - 0.5, b += large / 2.0 + p->dy * side / 2 - 0.5;
            a = fmin(fmax(a, 0), large - 1.001), b = fmin(fmax(b, 0), large - 1.001);
            const int ix = (int)a, iy = (int)b;
            const double fx = a - ix, fy = b - iy;
            for (int k = 0; k < channels; k++) {
                const uint8_t *q = big + (iy * large + ix) * channels + k;
                const double value = (1 - fy) * ((1 - fx) * q[0] + fx * q[channels]) +
                                     fy * ((1 - fx) * q[large * channels] + fx * q[(large + 1) * channels]);
                *out++ = (uint8_t)fmin(255, fmax(0, (value - 128) * p->gain[k] + 128 + 255 * p->offset[k] + 0.5));
            }
        }
}

#endif
