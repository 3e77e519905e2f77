/* Alpha-precision, beta-recall and authenticity (Alaa, van Breugel, Saveliev & van der Schaar 2022, arXiv 2102.08921). */
#ifndef MNK_EVALUATE_ALPHA_H
#define MNK_EVALUATE_ALPHA_H

#include <stdint.h>

#include "math/sweep.h"

/* Levels alpha_k = k/29, k = 0..29, as both published implementations take them. */
enum { MNK_ALPHA_LEVELS = 30, MNK_ALPHA_OUTSIDE = 30 };

/* radius[k] = type-7 quantile alpha_k of distance[n]; n > 0. */
mnk_status mnk_alpha_radii(const double *distance, size_t n, double radius[MNK_ALPHA_LEVELS], mnk_error *err) MNK_CHECK;
/* The smallest k with distance <= radius[k], MNK_ALPHA_OUTSIDE when none. */
uint8_t mnk_alpha_rank(double distance, const double radius[MNK_ALPHA_LEVELS]);
/* Sum over k of |alpha_k - f_k| where f_k = share of weight at ranks <= k; weight[r] is the weight at rank r, `total` all of
 * it (items of no rank included). */
double mnk_alpha_deviation(const double weight[MNK_ALPHA_LEVELS], double total);
/* The paper's summary 1 - 2 * integral |alpha - f| with the authors' step 1/29. */
double mnk_alpha_summary(double deviation);

/* The mean of a set of points: of the coordinates, and for codes the share of every level (the mean of e_v / sqrt(2), in whose
 * space a mismatch is a squared distance of 1). */
typedef struct mnk_centre {
    size_t d, codes;
    double *mean;   /* [d] */
    size_t *first;  /* [codes+1] where each code's levels begin in share */
    double *share;  /* [first[codes]] */
    double *square; /* [codes] sum of the squared shares */
} mnk_centre;
mnk_status mnk_centre_open(const mnk_points *p, mnk_centre *out, mnk_error *err) MNK_CHECK;
void mnk_centre_close(mnk_centre *c);
/* distance[p->n] of each point from the centre. */
void mnk_centre_distances(const mnk_points *p, const mnk_centre *centre, double *distance);

/* What the published programs compute, faults included: authenticity looks up the nearest-real distance of real items by
 * rows of the synthetic set, and beta-recall measures its radii on the synthetic items that are somebody's nearest. */
typedef struct mnk_alpha_compat {
    double authors_alpha, authors_beta, synthcity_alpha, synthcity_beta, authenticity; /* NaN where the program would fail */
} mnk_alpha_compat;
mnk_status mnk_alpha_as_published(const mnk_points *real, const mnk_knn *real_nearest, const mnk_points *synthetic,
                                  const mnk_cross *cross, mnk_alpha_compat *out, mnk_error *err) MNK_CHECK;

#endif
