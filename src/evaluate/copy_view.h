/* Pictures as the search for near-copies looks at them: small square planes, and discs cut out of them under an alignment. */
#ifndef MNK_EVALUATE_COPY_VIEW_H
#define MNK_EVALUATE_COPY_VIEW_H

#include "manikin/copies.h"

enum {
    MNK_VIEW_SIDE = 32,   /* largest side of a view */
    MNK_VIEW_GRID = 16,   /* samples across the disc */
    MNK_VIEW_COLOURS = 15 /* statistics of colour of an RGB picture */
};

/* One picture: channels x side x side in [-1, 1], central square, averaged down to MNK_VIEW_SIDE when larger, lightly blurred
 * so that samples two pixels apart do not alias. */
typedef struct mnk_view_shape {
    int side, channels;
    size_t values;  /* channels * side * side */
    size_t colours; /* per picture: 5 a channel */
    size_t points;  /* of the disc: grid points at distance <= 1 */
    float x[MNK_VIEW_GRID * MNK_VIEW_GRID], y[MNK_VIEW_GRID * MNK_VIEW_GRID];
} mnk_view_shape;

void mnk_view_shape_of(const mnk_images *d, mnk_view_shape *out);

/* Picture i of d. scratch: mnk_view_scratch floats. colour[shape->colours]: mean, standard deviation and the 10, 50 and 90 %
 * quantiles of every channel within the disc. False for a picture of one colour (standard deviation of every channel below
 * half a grey level of 8 bits). */
size_t mnk_view_scratch(const mnk_images *d, const mnk_view_shape *shape);
bool mnk_view_make(const mnk_images *d, size_t i, const mnk_view_shape *shape, float *scratch, float *view, float *colour);

/* A linear map of the unit disc into a view: point (x, y) of the disc lies at centre + half * (a x + b y + ox, c x + d y + oy).
 */
typedef struct mnk_view_map {
    float a, b, c, d, ox, oy;
} mnk_view_map;
/* scale <= 1 of the disc's radius, mirrored, turned anticlockwise. */
mnk_view_map mnk_view_map_of(float angle_deg, bool mirrored, float scale);

/* The disc seen through map: out [channels][points], each channel mean 0 and length 1 (0 when it is of one colour). */
void mnk_view_disc(const mnk_view_shape *shape, const float *view, const mnk_view_map *map, float *out);

/* The same with the bilinear weights worked out once: for maps used on many views. */
typedef struct mnk_view_taps {
    uint16_t at[4];
    float weight[4];
} mnk_view_taps;
void mnk_view_taps_make(const mnk_view_shape *shape, const mnk_view_map *map, mnk_view_taps *out /* [points] */);
void mnk_view_disc_taps(const mnk_view_shape *shape, const float *view, const mnk_view_taps *taps, float *out);

#endif
