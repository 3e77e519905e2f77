/* What the search for near-copies holds of train, shared by its making (copy_finder.c) and its use (copy_search.c). */
#ifndef MNK_EVALUATE_COPY_FINDER_H
#define MNK_EVALUATE_COPY_FINDER_H

#include <math.h>

#include "evaluate/copy_bank.h"
#include "evaluate/copy_screen.h"

enum { MNK_COPY_COHORT = 64 /* training pictures that stand for "unrelated" */ };
/* Colour distances count up to this. */
#define MNK_COPY_COLOUR_CAP 1.0f

typedef struct mnk_copy_kinds { /* of dissimilarity */
    float shape, both;
} mnk_copy_kinds;

struct mnk_copy_finder {
    const mnk_images *train;
    mnk_view_shape shape;
    size_t n;
    int16_t *view;   /* [n][values], 1 = 32767 */
    uint8_t *usable; /* [n] not of one colour */
    float *colour;   /* [n][colours], whitened */
    mnk_pca colours;
    mnk_screen screen;
    mnk_bank bank;
    int16_t *reference; /* [n][MNK_BANK_VARIANTS][m], 1 = 32767 */
    uint32_t cohort[MNK_COPY_COHORT];
    size_t cohorts;
    float *cohort_reference; /* [cohorts][MNK_BANK_SCALES][m] */
    mnk_copy_kinds *usual;   /* [n] dissimilarity to unrelated pictures at USUAL_SHARE */
};

/* Root mean square difference of whitened colour statistics. */
static inline float mnk_copy_colour_distance(const mnk_copy_finder *f, const float *a, const float *b) {
    float sum = 0;
    for (size_t k = 0; k < f->colours.m; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
    return sqrtf(sum / (float)f->colours.m);
}
/* From a correlation and a colour distance. */
mnk_copy_kinds mnk_copy_dissimilarity(float correlation, float colour);
/* What is usual for one picture, from its n <= MNK_COPY_COHORT dissimilarities to the cohort. */
mnk_copy_kinds mnk_copy_usual(const mnk_copy_kinds *x, size_t n);
/* Picture i of a and picture k of b belong to one group, both known. */
bool mnk_copy_same_group(const mnk_images *a, size_t i, const mnk_images *b, size_t k);
/* Values within [-1, 1] at 16 bits, and back. */
void mnk_copy_pack(const float *x, size_t n, int16_t *out);
void mnk_copy_unpack(const int16_t *x, size_t n, float *out);

#endif
