/* Everything the neighbour-based metrics say of one pair of sets of equal n, from one sweep: improved precision and recall
 * (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020), alpha-precision, beta-recall. */
#ifndef MNK_EVALUATE_NEIGHBOURS_H
#define MNK_EVALUATE_NEIGHBOURS_H

#include "evaluate/alpha.h"

typedef enum mnk_neighbour_metric {
    MNK_NB_ALPHA_PRECISION,
    MNK_NB_BETA_RECALL,
    MNK_NB_PRECISION,
    MNK_NB_RECALL,
    MNK_NB_DENSITY,
    MNK_NB_COVERAGE,
    MNK_NB_METRICS
} mnk_neighbour_metric;
extern const char *const mnk_neighbour_ids[MNK_NB_METRICS], *const mnk_neighbour_groups[MNK_NB_METRICS];

typedef struct mnk_neighbours {
    size_t na, nb; /* real, synthetic */
    int k;
    mnk_knn self_b;
    mnk_cross cross;
    uint8_t *alpha_rank; /* [nb] smallest alpha_k whose ball around the real centre holds the item */
    uint8_t *covered;    /* [na] some synthetic item is inside the k-ball of this real one */
    double value[MNK_NB_METRICS], low[MNK_NB_METRICS], high[MNK_NB_METRICS];
} mnk_neighbours;

/* `real_knn` are the neighbours of `real` within itself (k as wanted; shared between many synthetic sets). */
mnk_status mnk_neighbours_open(const mnk_points *real, const mnk_knn *real_knn, const mnk_points *synthetic,
                               mnk_neighbours *out, mnk_error *err) MNK_CHECK;
void mnk_neighbours_close(mnk_neighbours *s);
/* What a bootstrap draws: items that belong together (rows of one person). */
typedef struct mnk_units {
    const int32_t *unit; /* [items] 0..units-1 */
    size_t units;
} mnk_units;
/* Fills low and high: percentile bootstrap over the units (NULL: items) that each metric averages, balls and supports held
 * fixed. */
mnk_status mnk_neighbours_intervals(mnk_neighbours *s, const mnk_units *real, const mnk_units *synthetic, size_t replicates,
                                    uint64_t seed, double level, mnk_error *err) MNK_CHECK;

/* rank[items->n]: the smallest alpha_k whose ball around the centre of `of` holds the item, MNK_ALPHA_OUTSIDE when none. */
mnk_status mnk_support_ranks(const mnk_points *of, const mnk_points *items, uint8_t *rank, mnk_error *err) MNK_CHECK;

/* Authenticity as in the paper: authentic[j] = 1 when synthetic j is farther from its nearest real item than that item is
 * from its own nearest other real item. nearest_row and nearest2 (may be NULL) tell which item and how far. */
mnk_status mnk_authenticity(const mnk_points *real, const mnk_points *synthetic, uint8_t *authentic, uint32_t *nearest_row,
                            float *nearest2, mnk_error *err) MNK_CHECK;

#endif
