/* The judge of synthetic images: fidelity, diversity, authenticity, copies, what was never generated. */
#ifndef MANIKIN_EVALUATE_H
#define MANIKIN_EVALUATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manikin/classifier.h"
#include "manikin/dataset.h"
#include "manikin/observer.h"
#include "manikin/result.h"

typedef struct mnk_evaluate_config {
    uint64_t seed;        /* not in the table: --seed is common to all commands */
    const char *encoding; /* comma-separated: scatter, classifier, pixels, npy; NULL: npy when features are given, else scatter
                             and, with a classifier, classifier */
    int compat;           /* 0 none, 1 synthcity, 2 authors, 3 both: published programs' numbers beside our own */
    int64_t neighbours;   /* k of precision, recall, density, coverage */
    int64_t max_items;    /* at most this many items a set in the comparisons at equal n */
    int64_t replicates;   /* of the bootstrap; 0: no intervals from it */
    double level;         /* of the intervals */
    bool by_class;
    double near_share; /* a near copy scores below all but this share of holdout images of its class */
    int64_t
        never_shown; /* flag at most this many real items as never generated, and about as many synthetic ones as artefacts */
    const char *features_train, *features_holdout, *features_synthetic; /* .npy, n x d, f32 or f64; NULL: none */
} mnk_evaluate_config;

/* The defaults of its options (the table itself is in evaluate/config.h). */
MNK_API void mnk_evaluate_defaults(mnk_evaluate_config *config);

/* Judges `synthetic` against `train`, with `holdout` (real images never used in training; may be NULL: allowed, warned of,
 * and without the holdout reference and near copies). Classes are matched by name. classifier (may be NULL) was trained on
 * real images; it gives the `classifier` encoding and label_agreement, and is not changed.
 * Refused: different sizes or channels, classes that train does not know, fewer than neighbours+2 images in a set,
 * non-finite features (named by row and column).
 * *out is opened here and closed by the caller with mnk_result_close. Overall metrics come first, then per class.
 * Flags: exact_copy and near_copy (item: synthetic row, of: train row, note: the alignment, for near ones with correlation and
 * p; see copies.h), never_generated (item: train row, of: nearest synthetic row), artefact (item: synthetic row, of: nearest
 * train row of its class, distance: times as far as all but near_share of train's images are from each other). Same numbers for
 * any number of threads. */
MNK_API mnk_status mnk_evaluate(const mnk_images *train, const mnk_images *holdout, const mnk_images *synthetic,
                                mnk_classifier *classifier, const mnk_evaluate_config *config, const mnk_observer *observer,
                                mnk_result **out, mnk_error *err) MNK_CHECK;

#endif
