/* Usefulness: is a classifier trained on real + synthetic images better than one trained on real alone? */
#ifndef MANIKIN_USEFULNESS_H
#define MANIKIN_USEFULNESS_H

#include "manikin/classifier.h"
#include "manikin/result.h"

typedef struct mnk_usefulness_config {
    mnk_classifier_config classifier; /* first, so that mnk_classifier_options also fit this struct */
    int64_t seeds;                    /* classifiers per arm, seeds classifier.seed, +1, … */
    double synthetic_share;           /* share of synthetic images in a batch of the mixed arm, at most one half */
    double level;                     /* of the intervals */
    int64_t bootstrap;                /* replicates where test has groups */
} mnk_usefulness_config;

/* The defaults of all options, the classifier's included (the table itself is in evaluate/usefulness.h). */
MNK_API void mnk_usefulness_defaults(mnk_usefulness_config *config);

/* Trains `seeds` classifiers per arm and scores them on `test`, which nothing else sees. Arms: "real", "real+synthetic",
 * "synthetic". All arms take the same number of optimiser steps at the same batch size, with the same validation set (real)
 * choosing the kept weights. val may be NULL: val_share of train is cut once, for all arms. Classes are matched by name;
 * a class absent from an arm's training data counts as wrong there (probability 0).
 *
 * Adds to r, group "usefulness", for each arm: "auc.<arm>" per class (subset = class), "macro_auc.<arm>" and
 * "accuracy.<arm>" (with a reference "real"), and for each other arm the paired differences against real
 * "auc_gain.<arm>", "macro_auc_gain.<arm>", "accuracy_gain.<arm>". Values are means over seeds (their spread is in the
 * note); intervals are DeLong's, or percentile intervals of a bootstrap by group where test has groups. */
MNK_API mnk_status mnk_usefulness(const mnk_images *train, const mnk_images *val, const mnk_images *synthetic,
                                  const mnk_images *test, const mnk_usefulness_config *config, const mnk_observer *observer,
                                  mnk_result *r, mnk_error *err) MNK_CHECK;

/* One trained classifier on one dataset: "auc" per class, "macro_auc", "accuracy", group "classifier", intervals as above. */
MNK_API mnk_status mnk_classifier_judge(mnk_classifier *c, const mnk_images *test, double level, int64_t bootstrap,
                                        uint64_t seed, mnk_result *r, mnk_error *err) MNK_CHECK;

#endif
