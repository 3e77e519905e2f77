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

/* distance[n] of each point from `centre` [d], and the mean of the points. */
void mnk_centre_distances(const mnk_points *p, const double *centre, double *distance);
void mnk_points_mean(const mnk_points *p, double *mean);

/* What the published programs compute, faults included: authenticity looks up the nearest-real distance of real items by
 * rows of the synthetic set, and beta-recall measures its radii on the synthetic items that are somebody's nearest. */
typedef struct mnk_alpha_compat {
    double authors_alpha, authors_beta, synthcity_alpha, synthcity_beta, authenticity; /* NaN where the program would fail */
} mnk_alpha_compat;
mnk_status mnk_alpha_as_published(const mnk_points *real, const mnk_knn *real_nearest, const mnk_points *synthetic,
                                  const mnk_cross *cross, mnk_alpha_compat *out, mnk_error *err) MNK_CHECK;

#endif
