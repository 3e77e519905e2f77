/* Inside the histology phantom. A slide is a field of chromogen concentrations in micrometres; each subtype fills it,
 * nuclei are stamped into it, stain.c turns it into optical density and section.c into a picture. */
#ifndef MNK_SIMULATE_HISTOLOGY_H
#define MNK_SIMULATE_HISTOLOGY_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"
#include "manikin/simulate.h"

/* Sub-streams (the `step` of mnk_rng_at) under MNK_PURPOSE_PHANTOM; persons and items never share a step. */
enum { STEP_PERSON = 1, STEP_ITEM, STEP_NOISE, STEP_LAYOUT, STEP_CELLS, STEP_NUCLEI, STEP_DETAIL };

enum { CHROMOGEN_H, CHROMOGEN_E, CHROMOGEN_BLOOD, CHROMOGEN_BROWN, CHROMOGENS };
enum { NOISE_FINE, NOISE_MID, NOISE_CELL, NOISE_COARSE, NOISE_WARP_X, NOISE_WARP_Y, NOISES };

/* ---- raster.c ---- */
typedef struct slide {
    const mnk_histology_config *config;
    mnk_histology_params p;
    uint64_t seed, item;
    int w, h;        /* fine grid, margin included */
    int over;        /* fine pixels per picture pixel and direction */
    int margin;      /* picture pixels outside the tile on each side */
    float step;      /* um per fine pixel */
    float low, high; /* tile plus margin spans low..high um in x and y; the tile itself is 0..field */
    float field;
    float *c[CHROMOGENS];
    float *noise[NOISES]; /* unit variance, wavelengths 1.6, 4, 10, 40 um, and two of 12 um for warping */
    uint16_t *mask;
    int nuclei;
    float *block;
} slide;

/* Fine pixels per picture pixel and direction. */
int raster_over(float pixel_um);
mnk_status slide_open(const mnk_histology_config *config, uint64_t seed, uint64_t item, slide *s, mnk_error *err) MNK_CHECK;
void slide_close(slide *s);
mnk_rng slide_rng(const slide *s, uint32_t step);

static inline float clampf(float v, float lo, float hi) { return v < lo ? lo : v > hi ? hi : v; }
static inline float smooth(float lo, float hi, float v) {
    float t = clampf((v - lo) / (hi - lo), 0, 1);
    return t * t * (3 - 2 * t);
}
static inline float mixf(float a, float b, float t) { return a + (b - a) * t; }
static inline float gauss(float d, float sd) { return expf(-0.5F * d * d / (sd * sd)); }
static inline float min_f(float a, float b) { return a < b ? a : b; }
static inline float max_f(float a, float b) { return a > b ? a : b; }
static inline float at_x(const slide *s, int x) { return s->low + ((float)x + 0.5F) * s->step; }

/* Value of a noise plane at a point in um (nearest fine pixel, clamped). */
float slide_noise(const slide *s, int plane, float x, float y);
/* Gaussian blur of an n-channel interleaved picture, edges replicated. scratch: w*h*n floats. */
void raster_blur(float *v, int w, int h, int n, float sd_px, float *scratch);
/* Mean over blocks of over x over. */
void raster_shrink(const float *in, int w, int over, float *out, int ow, int oh);

/* ---- layout.c: points and their power diagram ---- */
typedef struct site {
    float x, y;
    float power;  /* um^2; larger cells push their borders outwards */
    int kind;     /* population, by subtype */
    int nest;     /* compartment; only sites of one compartment share borders */
    float angle;  /* preferred direction of elongation */
    float tint;   /* N(0,1): how this cell's cytoplasm differs */
    float nx, ny; /* where the nucleus sits */
    bool has_nucleus;
} site;

typedef struct sites {
    site *site;
    int n, size;
    float x0, y0, bucket; /* grid */
    int gw, gh;
    int *head, *next;
} sites;

/* Borders around a point: nearest site, distance to its nearest border, the neighbour there, and to the second border. */
typedef struct place {
    int site, neighbour;
    float edge, edge2;
} place;

/* Local minimum distance at a point; <= 0: nothing may stand there. */
typedef float (*spacing_f)(void *ctx, float x, float y);

/* Hard-core dart throwing on [low, high]^2, then `lloyd` relaxation steps. spacing: upper bound of f. */
mnk_status sites_throw(sites *t, float low, float high, float spacing, spacing_f f, void *ctx, int lloyd, mnk_rng *r,
                       mnk_error *err) MNK_CHECK;
void sites_index(sites *t); /* after sites moved */
void sites_close(sites *t);
/* nest -1: any. site -1 when none is near. */
place sites_at(const sites *t, float x, float y, int nest);

/* The same for many points near each other (a raster scan): remembers the sites around the last point. Borders are
 * exact up to `reach` um and reported as `reach` beyond. */
enum { FINDER_NEAR = 96 };
typedef struct finder {
    const sites *t;
    float reach, slack, x, y;
    int nest, n, id[FINDER_NEAR];
    float px[FINDER_NEAR], py[FINDER_NEAR], power[FINDER_NEAR];
} finder;
void finder_init(finder *f, const sites *t, float reach);
place finder_at(finder *f, float x, float y, int nest);

/* ---- nuclei.c ---- */
#define WRINKLES 6 /* contour harmonics k = 3..8 */
typedef struct nucleus {
    float x, y, a, b, angle;                /* semi-axes and direction of a */
    float z, c;                             /* height of the centre above the middle of the section, semi-axis across it */
    float cosine[WRINKLES], sine[WRINKLES]; /* relative contour deviation */
    float h, e;                             /* stain at full depth */
    float chromatin, rim;                   /* granularity; condensation below the nuclear envelope */
    float nucleolus;                        /* radius um, 0 none */
    float nucleolus_x, nucleolus_y;         /* relative to the semi-axes */
    float halo, halo_strength;
    bool masked; /* gets an id in the mask */
} nucleus;

/* Draws a tumour nucleus of the tile's parameters at (x, y). scale: relative size. */
nucleus nucleus_draw(const slide *s, float x, float y, float scale, mnk_rng *r);
/* Slender dark nucleus of endothelium or stroma; small round lymphocyte. */
nucleus nucleus_spindle(const slide *s, float x, float y, float angle, mnk_rng *r);
nucleus nucleus_lymphocyte(const slide *s, float x, float y, mnk_rng *r);
void nucleus_stamp(slide *s, const nucleus *n);
/* Red cell: disc with paler centre, replaces what is there by `cover`. */
void red_cell_stamp(slide *s, float x, float y, float radius, float strength, mnk_rng *r);

/* ---- one per subtype: fill the slide ---- */
mnk_status clear_fill(slide *s, mnk_error *err) MNK_CHECK;
mnk_status papillary_fill(slide *s, mnk_error *err) MNK_CHECK;
mnk_status chromophobe_fill(slide *s, mnk_error *err) MNK_CHECK;

/* ---- params.c ---- */
void params_draw(const mnk_histology_config *config, uint64_t seed, uint64_t item, mnk_histology_class k,
                 mnk_histology_params *p);

/* ---- stain.c: Beer-Lambert ---- */
typedef struct stain {
    double od[3][CHROMOGENS]; /* unit columns: red, green, blue of each chromogen */
} stain;
void stain_of(const mnk_histology_params *p, stain *m);
/* RGB intensity in units of the white level: exp(-M c). */
void stain_render(const stain *m, const double c[CHROMOGENS], double rgb[3]);
/* The two concentrations behind an intensity when the others are absent, by least squares on the optical density. */
void stain_unmix(const stain *m, const double rgb[3], double *h, double *e);

/* ---- section.c: chromogen planes to picture ---- */
mnk_status section_picture(slide *s, uint8_t *rgb, uint16_t *mask, mnk_error *err) MNK_CHECK;

#endif
