/* One tiled sweep over the matrix of distances: everything the neighbour-based metrics need, in O(n) memory.
 *
 * Half a matrix within each set (k nearest others), then one whole matrix between the sets (nearest, balls, counts). Tiles
 * are fixed by the problem, each is one single-threaded matrix product, and what is kept (smallest by distance and then by
 * row, counts, any) does not depend on the order of tiles: results are the same for any number of threads. */
#ifndef MNK_MATH_SWEEP_H
#define MNK_MATH_SWEEP_H

#include <stdint.h>

#include "math/distance.h"

/* The k nearest other points of each point of one set. */
typedef struct mnk_knn {
    size_t n;
    int k;
    float *d2;       /* [n*k] ascending squared distances; +infinity where n-1 < k */
    uint32_t *index; /* [n*k] rows; UINT32_MAX where there is none */
} mnk_knn;

/* k in 1..64; n below 2^32-1. */
mnk_status mnk_sweep_self(const mnk_points *p, int k, mnk_knn *out, mnk_error *err) MNK_CHECK;
void mnk_knn_close(mnk_knn *k);

/* What is known of each point before the sets meet; any pointer may be NULL. */
typedef struct mnk_cross_in {
    const float *ball_a2;  /* [na] squared radius of the ball around each a: counts the b inside */
    const float *ball_b2;  /* [nb] squared radius around each b: tells which a are inside any */
    const float *near_a2;  /* [na] squared radius of a second ball around each a ... */
    const uint8_t *rank_b; /* [nb] ... within which the smallest rank of a b is found */
} mnk_cross_in;

/* A ball is open (distance < radius), except that radius 0 means equal points: with more than k duplicates an open ball of
 * radius 0 would leave even exact copies outside. */
typedef struct mnk_cross {
    size_t na, nb;
    float *nearest_a2;         /* [na] squared distance from a to the nearest b */
    uint32_t *nearest_a_index; /* [na] its row, lowest row on ties */
    float *nearest_b2;         /* [nb] the same from b to the nearest a */
    uint32_t *nearest_b_index;
    uint32_t *balls_b; /* [nb] number of a-balls that hold this b */
    uint8_t *inside_a; /* [na] 1 when some b-ball holds this a */
    uint8_t *rank_a;   /* [na] smallest rank_b within near_a2, 255 when none */
} mnk_cross;

mnk_status mnk_sweep_cross(const mnk_points *a, const mnk_points *b, const mnk_cross_in *in, mnk_cross *out,
                           mnk_error *err) MNK_CHECK;
void mnk_cross_close(mnk_cross *c);

/* Bytes that the two functions hold beyond inputs and outputs, per thread included. */
size_t mnk_sweep_bytes(size_t na, size_t nb, int k, int threads);

#endif
