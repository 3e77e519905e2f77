/* Gaussian noise on a power-of-two grid, fast enough for the gradients of DP-SGD and without floating point anywhere near the
 * data: a value is rounded to the grid, an exact integer is added, the sum is exact.
 *
 * The integer is x = 64^3 y3 + 64^2 y2 + 64 y1 + y0, every y a discrete Gaussian drawn from a table of 128-bit probabilities.
 * Each y is wide against the step of the next (sd >= 110 > 64 * 1.69), so by the smoothing lemma of lattices (Micciancio &
 * Regev 2007; Peikert 2010, Theorem 3.1) x is a discrete Gaussian up to a factor 1 +- 2^-80; and a discrete Gaussian of
 * variance v + 3 around an integer is, up to the same factor, a randomised rounding of N(., v): whatever is proved of
 * Gaussian noise of variance v, sampled or not, holds of what is drawn here. docs/methods/privacy.md has the steps. */
#ifndef MNK_PRIVACY_GRID_GAUSSIAN_H
#define MNK_PRIVACY_GRID_GAUSSIAN_H

#include "privacy/noise.h"

typedef struct mnk_gaussian_table mnk_gaussian_table;

typedef struct mnk_grid_gaussian {
    double unit;     /* of the grid, a power of two; sd / unit lies between 2^24 and 2^26 */
    double variance; /* of the integers drawn */
    mnk_gaussian_table *base, *top;
} mnk_grid_gaussian;

/* Noise that stands for N(0, sd^2) on each of `dimensions` coordinates where one person changes the vector by at most
 * `sensitivity` in L2. Rounding to the grid may lengthen that change by unit * sqrt(dimensions); the noise is raised in
 * proportion, so that sd / sensitivity is what holds. sd in [1e-100, 1e100]. Release with close. */
mnk_status mnk_grid_gaussian_open(double sd, double sensitivity, size_t dimensions, mnk_grid_gaussian *out,
                                  mnk_error *err) MNK_CHECK;
void mnk_grid_gaussian_close(mnk_grid_gaussian *g);

/* One integer of noise. */
int64_t mnk_grid_gaussian_draw(const mnk_grid_gaussian *g, mnk_noise *s);
/* Rounds to the grid, adds noise, in place. Values beyond 2^52 units are clamped, NaN becomes 0. Blocks of fixed size have
 * sources split from s, so a reproducible source gives the same values for any number of threads. */
void mnk_grid_gaussian_add(const mnk_grid_gaussian *g, mnk_noise *s, double *values, size_t n);
void mnk_grid_gaussian_add_f32(const mnk_grid_gaussian *g, mnk_noise *s, float *values, size_t n);

#endif
