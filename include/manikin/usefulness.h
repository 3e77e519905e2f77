/* Usefulness: does adding synthetic images help a classifier more than what costs nothing, oversampling and classical
 * augmentation? */
#ifndef MANIKIN_USEFULNESS_H
#define MANIKIN_USEFULNESS_H

#include "manikin/classifier.h"
#include "manikin/result.h"

typedef struct mnk_usefulness_config {
    mnk_classifier_config classifier; /* first, so that mnk_classifier_options also fit this struct. The arms decide over
                                         `balanced` and `augment` */
    int64_t seeds;                    /* classifiers per arm, seeds classifier.seed, +1, … */
    double synthetic_share;           /* share of synthetic images in a batch of the mixed arms, at most one half */
    const char *arms;                 /* comma-separated names; NULL: all */
    const char *select;               /* comma-separated: confidence, realism; each adds an arm. NULL: none */
    double select_share;              /* of the synthetic images of each class that such an arm trains on */
    const char *pair;                 /* "A vs B": the hard pair; NULL: the baseline's worst pair on the validation images */
    double margin;                    /* of "not worse": loss of AUC that would not matter */
    double variety_min;               /* within-class spread of synthetic over real images below which nothing is concluded */
    double level;                     /* of the intervals; verdicts at 1 - level over all arms together */
    int64_t bootstrap;                /* replicates where test has groups */
} mnk_usefulness_config;

/* The defaults of all options, the classifier's included (the table itself is in evaluate/usefulness.h). */
MNK_API void mnk_usefulness_defaults(mnk_usefulness_config *config);

/* Trains `seeds` classifiers per arm and scores them on `test`, which nothing else sees. Arms (the baseline is
 * real+over+classical):
 *   real, real+over, real+classical, real+over+classical, real+synthetic, real+synthetic+classical,
 *   real+synthetic+over+classical, synthetic (with classical augmentation), and with `select`
 *   real+synthetic+over+classical:confidence, …:realism.
 * "over" draws the real classes in equal shares, "classical" augments; synthetic images always come in equal shares. All arms
 * take the same number of optimiser steps at the same batch size and keep the last weights. val (may be NULL) only serves to
 * find the hardest pair. Classes are matched by name; a class absent from an arm's training data counts as wrong there.
 *
 * Adds to r, group "usefulness", for each arm: "auc.<arm>" per class (subset = class), "macro_auc.<arm>", "accuracy.<arm>",
 * "pair_auc.<arm>" (subset "A vs B"), and for all but the baseline the paired differences from it, "auc_gain.<arm>" and so on,
 * each but accuracy's with a verdict and references "p_holm" (two-sided, no difference) and "p_margin" (one-sided, worse by the
 * margin or more), corrected for the number of arms; and "generator_variety" per class. docs/methods/usefulness.md has the
 * formulas. */
MNK_API mnk_status mnk_usefulness(const mnk_images *train, const mnk_images *val, const mnk_images *synthetic,
                                  const mnk_images *test, const mnk_usefulness_config *config, const mnk_observer *observer,
                                  mnk_result *r, mnk_error *err) MNK_CHECK;

/* One trained classifier on one dataset: "auc" per class, "macro_auc", "accuracy", group "classifier". Intervals: DeLong, or a
 * percentile bootstrap by group where test has groups. */
MNK_API mnk_status mnk_classifier_judge(mnk_classifier *c, const mnk_images *test, double level, int64_t bootstrap,
                                        uint64_t seed, mnk_result *r, mnk_error *err) MNK_CHECK;

#endif
