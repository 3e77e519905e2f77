/* Maximum mean discrepancy with a Gaussian kernel on any points: unbiased MMD^2, width by the median heuristic, p-value by
 * permutation (Gretton et al. 2012). */
#ifndef MNK_EVALUATE_TABLE_MMD_H
#define MNK_EVALUATE_TABLE_MMD_H

#include "math/distance.h"

typedef struct mnk_mmd {
    double value; /* unbiased MMD^2, may be negative */
    double se;    /* from the row means of the U-statistic (Hajek projection) */
    double
        width2; /* the kernel is exp(-d^2 / (2 width2)), width2 the median of d^2 over pairs of different items of both sets */
    double p;   /* (1 + permutations with MMD^2 at least as large) / (1 + permutations); NaN without permutations */
} mnk_mmd;

/* Points of one space, n and m >= 2, all pairs in memory: 8 (n+m)^2 bytes and as much again for the median. width2 > 0 is
 * taken as given, 0 found. */
mnk_status mnk_mmd_gaussian(const mnk_points *x, const mnk_points *y, double width2, size_t permutations, uint64_t seed,
                            mnk_mmd *out, mnk_error *err) MNK_CHECK;

#endif
