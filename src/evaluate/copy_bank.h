/* The bank: one picture under every rotation, mirrored or not, at several zooms, correlated with others in a disc. */
#ifndef MNK_EVALUATE_COPY_BANK_H
#define MNK_EVALUATE_COPY_BANK_H

#include "evaluate/copy_view.h"
#include "math/linalg.h"

enum {
    MNK_BANK_ANGLES = 36,
    MNK_BANK_SCALES = 4,
    MNK_BANK_UPRIGHT = 2 * MNK_BANK_ANGLES, /* transforms of a query at scale 1 */
    MNK_BANK_VARIANTS = 24 /* of a reference: the scales about its centre, then parts of it away from the centre (crops) */
};

typedef struct mnk_bank {
    mnk_view_shape shape;
    size_t dim, m;              /* values of a disc, components kept */
    mnk_pca pca;                /* of discs of train under rotation; partly whitened */
    size_t transforms;          /* MNK_BANK_SCALES * MNK_BANK_UPRIGHT: scale, then mirrored, then angle */
    mnk_view_taps *taps, *part; /* of the transforms; of the variants */
} mnk_bank;

/* views [n][shape->values] of train. */
mnk_status mnk_bank_open(const mnk_view_shape *shape, const float *views, const uint8_t *usable, size_t n, mnk_bank *out,
                         mnk_error *err) MNK_CHECK;
void mnk_bank_close(mnk_bank *b);

size_t mnk_bank_scratch(const mnk_bank *b); /* floats, for every function below */

/* A picture under all transforms: out [transforms][m], rows of length 1. */
void mnk_bank_query(const mnk_bank *b, const float *view, float *scratch, float *out);
/* A picture as it is, in all variants: out [MNK_BANK_VARIANTS][m]. */
void mnk_bank_reference(const mnk_bank *b, const float *view, float *scratch, float *out);

/* The best correlation between a query and a reference, and where it lies. */
typedef struct mnk_bank_match {
    float correlation;
    uint16_t transform; /* of the query */
    uint16_t variant;   /* of the reference */
} mnk_bank_match;
/* references [n][variants][m], the first `variants` of each; out [n]. Query zoomed or reference zoomed, never both. */
void mnk_bank_match_all(const mnk_bank *b, const float *query, const float *references, size_t n, size_t variants,
                        float *scratch, mnk_bank_match *out);

/* Improves a match by small steps of angle, zoom and shift; returns the correlation. *as: what turns the reference into the
 * query. */
float mnk_bank_refine(const mnk_bank *b, const float *query_view, const float *reference_view, const mnk_bank_match *start,
                      float *scratch, mnk_alignment *as);

#endif
