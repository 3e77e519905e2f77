/* The baseline: a Gaussian for each class of the label, in the scale of normal scores (a Gaussian copula whose marginals are
 * those of the table). Every column has a latent normal variable that is cut at thresholds into its values, and a second one
 * that says whether it is missing. Closed form: means, correlations, thresholds. docs/methods/table-generators.md. */
#ifndef MNK_LEARN_TABLE_GAUSSIAN_H
#define MNK_LEARN_TABLE_GAUSSIAN_H

#include "learn/table/codebook.h"
#include "learn/table/kind.h"
#include "learn/table/latent.h"

typedef struct mnk_gaussian {
    const mnk_schema *schema;
    mnk_codebook book;
    size_t columns, latents, classes;
    long label;                  /* the column whose levels are the classes, -1: one class */
    int32_t *position, *absence; /* [columns] latent variable, -1 none */
    int32_t *class_of;           /* [MNK_BINS] class of each bin of the label */
    double *weight;              /* [classes] */
    double *mean, *sd;           /* [classes*latents] */
    double *correlation;         /* [classes*latents*latents] */
    /* follows from the rest */
    mnk_latent *latent; /* [classes] with nothing given */
    double *edge;       /* [columns*(MNK_BINS+1)] latent value at the lower edge of the k-th bin in order */
    double *threshold;  /* [columns] the latent variable of absence above it: missing */
} mnk_gaussian;

/* gaussian_fit.c */
mnk_status mnk_gaussian_estimate(mnk_gaussian *g, const mnk_table *t, mnk_error *err) MNK_CHECK;
/* What follows from means, correlations and the codebook. */
mnk_status mnk_gaussian_prepare(mnk_gaussian *g, mnk_error *err) MNK_CHECK;
/* Which latent variables there are. */
mnk_status mnk_gaussian_layout(mnk_gaussian *g, mnk_error *err) MNK_CHECK;
/* gaussian_draw.c */
mnk_status mnk_gaussian_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) MNK_CHECK;

#endif
