/* The fast screen before the bank: a descriptor that rotations, mirroring and small shifts leave alone, and the K training
 * pictures nearest in it. */
#ifndef MNK_EVALUATE_COPY_SCREEN_H
#define MNK_EVALUATE_COPY_SCREEN_H

#include "evaluate/copy_view.h"
#include "math/fft.h"
#include "math/linalg.h"

enum {
    MNK_SCREEN_ZOOMS = 5,
    MNK_SCREEN_ANGLES = 24 /* over half a turn: |F| is even */,
    MNK_SCREEN_BATCH = MNK_FFT_LANES,
    MNK_SCREEN_PARTS = 5 /* of a training picture: the whole, and four parts nearer the corners, for crops */
};

typedef struct mnk_screen {
    mnk_view_shape shape;
    mnk_fft fft;
    float *window; /* [side][side] */
    float cosine[MNK_SCREEN_ANGLES], sine[MNK_SCREEN_ANGLES], half_cosine[MNK_SCREEN_ANGLES], half_sine[MNK_SCREEN_ANGLES];
    mnk_pca pca;      /* partly whitened */
    size_t n, raw, d; /* pictures; raw and reduced length of a descriptor */
    float *x;         /* [n][MNK_SCREEN_PARTS][d] unit length; zeroes for flat pictures */
} mnk_screen;

/* views [n][shape->values]; flat pictures (usable[i] == 0) are never found. */
mnk_status mnk_screen_open(const mnk_view_shape *shape, const float *views, const uint8_t *usable, size_t n, mnk_screen *out,
                           mnk_error *err) MNK_CHECK;
void mnk_screen_close(mnk_screen *s);

/* Descriptors of up to MNK_SCREEN_BATCH queries under MNK_SCREEN_ZOOMS zooms: out [n][MNK_SCREEN_ZOOMS][d]. scratch:
 * mnk_screen_scratch floats, 64-byte aligned. */
size_t mnk_screen_scratch(const mnk_screen *s);
void mnk_screen_describe(const mnk_screen *s, const float *views, size_t n, float *scratch, float *out);

/* likeness [nq][n]: the largest over zooms and parts of the products of each query's descriptors [nq][MNK_SCREEN_ZOOMS][d] with
 * every training picture's; nq <= MNK_SCREEN_BATCH. */
void mnk_screen_likeness(const mnk_screen *s, const float *query, size_t nq, float *likeness);
/* The `most` rows of largest likeness (lower row on ties; -infinity: never), ascending by row; returns how many. */
size_t mnk_screen_best(const float *likeness, size_t n, size_t most, uint32_t *row);

#endif
