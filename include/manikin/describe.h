/* What is in a dataset, and what is wrong with it: counts, balance, exact and near duplicates, leaks across splits. */
#ifndef MANIKIN_DESCRIBE_H
#define MANIKIN_DESCRIBE_H

#include "manikin/dataset.h"
#include "manikin/result.h"

typedef struct mnk_describe_options {
    bool no_near;          /* leave out the search for near duplicates */
    double near_threshold; /* relative distance of thumbnails (docs/methods/data.md) up to which two images count as near
                              duplicates; 0: 0.1 */
} mnk_describe_options;

/* Adds metrics of group "data", flags and warnings about d to r. options may be NULL. Metric ids:
 *   n, n_class (subset: class), n_split (subset: split), classes, imbalance (largest class / smallest that is not empty),
 *   width, height, channels, depth, groups, skipped, constant_images,
 *   exact_duplicates         images whose pixels equal those of an earlier one
 *   conflicting_duplicates   images with an exact copy under another label
 *   near_duplicates          images with a near, not exact, duplicate under some turn or mirroring
 *   cross_split_duplicates, cross_split_near_duplicates   the same, counting only partners in another split
 *   cross_group_duplicates   images with an exact or near duplicate in another group
 * Flags: exact_duplicate, conflicting_duplicate, near_duplicate, cross_split, at most 1000 of each; distance in the units of
 * the threshold. A dataset of n images of 32 px takes about n*n*1e-8 s for near duplicates. */
MNK_API mnk_status mnk_images_describe(const mnk_images *d, const mnk_describe_options *options, const mnk_observer *observer,
                                       mnk_result *r, mnk_error *err) MNK_CHECK;

#endif
