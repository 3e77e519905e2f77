/* Points in an encoding, ready for squared distances: Euclidean by matrix products, plus one for every code that differs. */
#ifndef MNK_MATH_DISTANCE_H
#define MNK_MATH_DISTANCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* n points of d coordinates, row by row, shifted by a common centre (distances do not change, cancellation does). */
typedef struct mnk_points {
    size_t n, d;
    float *x;       /* [n*d], 64-byte aligned */
    float *norm2;   /* [n] squared norm of each shifted point */
    size_t codes;   /* categorical coordinates of each point; 0: none */
    uint16_t *code; /* [codes][n], coordinate by coordinate: a tile compares one with many */
} mnk_points;

/* Copies n x d values, subtracting centre[d] (NULL: none). All sets that meet in one comparison share one centre. */
mnk_status mnk_points_open(const float *x, size_t n, size_t d, const float *centre, mnk_points *out, mnk_error *err) MNK_CHECK;
/* Adds categorical coordinates, code [n][codes] row by row: every mismatch adds 1 to a squared distance. The space stays
 * Euclidean: it is the one where level v of a column stands at e_v / sqrt(2). At most 65535 of them. */
mnk_status mnk_points_add_codes(mnk_points *p, const uint16_t *code, size_t codes, mnk_error *err) MNK_CHECK;
void mnk_points_close(mnk_points *p);

/* Column means of x [n][d] in double, rounded to f32; sums in fixed blocks. */
mnk_status mnk_column_means(const float *x, size_t n, size_t d, float *mean, mnk_error *err) MNK_CHECK;

/* Sum of (a_i - b_i)^2 without cancellation: exactly 0 for equal points. */
float mnk_distance2(const float *a, const float *b, size_t d);

/* Below this share of |a|^2+|b|^2 the product formula has lost too many digits and mnk_distance2 takes over: f32 products
 * are good to a few 1e-7 of the norms, so what stays above is good to about 1e-4 of d^2 in the worst case. */
#define MNK_DISTANCE_GUARD 2e-3f

/* Squared distance of point i of a and point j of b in double: what a tile rounds. */
double mnk_points_distance2(const mnk_points *a, size_t i, const mnk_points *b, size_t j);

/* out[i*ld + j] = |a_i - b_j|^2 + mismatches for rows a0..a0+na-1 of a and b0..b0+nb-1 of b. One single-threaded product, one
 * pass, and one pass over the codes. */
void mnk_distance2_tile(const mnk_points *a, size_t a0, size_t na, const mnk_points *b, size_t b0, size_t nb, float *out,
                        size_t ld);

#endif
