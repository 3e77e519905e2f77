/* Variety inside classes in plain pixels, and whether the classifier sees the intended class. */
#ifndef MNK_EVALUATE_VARIETY_H
#define MNK_EVALUATE_VARIETY_H

#include "evaluate/encoding.h"

/* spread[i] = |x_i - mean of i's class|^2 / pixels * n_c / (n_c - 1), pixels in [0, 1]: its mean over a class is the variance
 * within that class, averaged over pixels. 0 in a class of one. */
mnk_status mnk_within_class_spread(const mnk_images *d, const int32_t *label, int classes, double *spread,
                                   mnk_error *err) MNK_CHECK;

/* Square root of (mean over classes of b's within-class variance) / (the same of a), over classes that both sets have with
 * two images or more; `only` >= 0 takes that class alone. NaN when there is none. low/high (NULL: none) get the percentile
 * bootstrap over the images of both sets, stratified by class. */
typedef struct mnk_spread {
    const double *spread;
    const int32_t *label;
    size_t n;
} mnk_spread;
mnk_status mnk_spread_ratio(const mnk_spread *a, const mnk_spread *b, int classes, int only, size_t replicates, uint64_t seed,
                            double level, double *value, double *low, double *high, mnk_error *err) MNK_CHECK;

#endif
