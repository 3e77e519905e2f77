/* The adversarial random forest (Watson, Blesch, Kapar, Wright 2023, "Adversarial random forests for density estimation and
 * generative modeling"): a forest learns to tell the rows from synthetic ones, whose columns are drawn independently within the
 * leaves of the forest before it, until it cannot. Then columns are (nearly) independent within leaves, and each leaf keeps
 * one small distribution per column.
 *
 * Two things are added to the paper. "Missing" and values repeated often are states of their own beside a truncated normal
 * for the rest, in the scale of normal scores. And what dependence is left within leaves is kept as one matrix of
 * correlations of the columns' positions, common to all leaves (docs/methods/table-generators.md). */
#ifndef MNK_LEARN_TABLE_ARF_H
#define MNK_LEARN_TABLE_ARF_H

#include "learn/table/bintree.h"
#include "learn/table/kind.h"
#include "learn/table/latent.h"

typedef struct mnk_arf_config {
    int64_t trees, min_leaf, rounds, rows;
    double delta;
    bool residual;
} mnk_arf_config;

#define MNK_ARF_CONTINUOUS 255 /* the state of the continuous part */

/* What each leaf says of each column: states with their shares summed up, and a truncated normal for the continuous one. */
typedef struct mnk_arf_leaves {
    size_t leaves, columns, states, normals;
    uint32_t *first;               /* [trees + 1] first leaf of each tree */
    double *weight;                /* [leaves] training rows in it; 0: never drawn */
    uint32_t *start;               /* [leaves*columns + 1] into state and share */
    uint8_t *state;                /* [states] bin, or CONTINUOUS; bin 0 (missing) first, then in the order of values */
    float *share;                  /* [states] summed up within the cell; the last is 1 */
    uint32_t *normal;              /* [leaves*columns] into mean .. high; UINT32_MAX: no continuous part */
    float *mean, *sd, *low, *high; /* [normals] of normal scores */
    float *cut;                    /* [2*normals] probabilities below low and high; follows from the others */
} mnk_arf_leaves;

typedef struct mnk_arf {
    mnk_arf_config config;
    const mnk_schema *schema; /* of the working table; one reference */
    mnk_codebook book;
    mnk_bintree *tree;
    size_t trees;
    mnk_arf_leaves leaf;
    double *cumulative; /* [leaves] of weight */
    /* latent variables: the position of each column's value in its order, and whether it is missing */
    int32_t *position, *absence; /* [columns] latent variable, -1 none */
    size_t latents;
    double *correlation; /* [latents*latents] */
    mnk_latent latent;   /* with nothing given */
} mnk_arf;

/* arf_fit.c: the adversarial loop; fills book and tree. `bins` [column*n + row] are the training rows. */
mnk_status mnk_arf_grow(mnk_arf *a, const uint8_t *bins, size_t n, mnk_fit_context *context, mnk_error *err) MNK_CHECK;
/* arf_leaves.c: the leaves' distributions and the correlations within them. */
mnk_status mnk_arf_fill(mnk_arf *a, const mnk_table *t, const uint8_t *bins, mnk_fit_context *context,
                        mnk_error *err) MNK_CHECK;
/* Which latent variables there are, from the codebook. */
mnk_status mnk_arf_latents(mnk_arf *a, mnk_error *err) MNK_CHECK;
/* arf_draw.c */
mnk_status mnk_arf_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) MNK_CHECK;
mnk_status mnk_arf_density(const void *model, const mnk_table *rows, double *log_density, mnk_error *err) MNK_CHECK;
/* arf.c */
void mnk_arf_close(void *model);

#endif
