/* The yardstick classifier: a small residual network with classical augmentation. It measures what data are worth
 * (usefulness), its penultimate layer is the `classifier` embedding, and it is what the stress tests stress. */
#ifndef MANIKIN_CLASSIFIER_H
#define MANIKIN_CLASSIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manikin/dataset.h"
#include "manikin/error.h"
#include "manikin/observer.h"

typedef struct mnk_classifier_config {
    uint64_t seed;  /* not in the table: --seed is common to all commands */
    int64_t epochs; /* passes over train (class-balanced draws of as many items) */
    int64_t steps;  /* optimiser steps; 0: epochs x batches per epoch */
    int64_t batch;
    int64_t width;  /* channels of the stem; stage s has width << (s - 1) */
    int64_t stages; /* stages of stride 2; 0: three, four from 96 px; fewer where under 3 px would be left */
    double rate;    /* peak of the one-cycle schedule */
    double weight_decay;
    double label_smoothing;
    double dropout;    /* before the last layer */
    bool balanced;     /* every batch draws its classes in equal shares */
    double val_share;  /* share of train cut for validation when none is given, by class and group */
    int64_t patience;  /* epochs without a better validation loss before stopping; 0: never stop */
    bool augment;      /* false switches all of the following off */
    bool flips;        /* left-right and up-down */
    bool rotations;    /* quarter turns; square images only */
    double translate;  /* largest shift as a share of the side; the edge is repeated */
    double brightness; /* largest shift of all channels, scale [-1, 1] */
    double contrast;   /* largest relative change of contrast */
    double colour;     /* largest shift of each channel, scale [-1, 1] */
    int backend;       /* kernels: 0 auto, 1 reference, 2 onednn */
} mnk_classifier_config;

/* The defaults of its options (the table itself is in learn/classifier/config.h). */
MNK_API void mnk_classifier_defaults(mnk_classifier_config *config);

typedef struct mnk_classifier mnk_classifier;

/* What training found; also kept in the model file. */
typedef struct mnk_classifier_summary {
    int classes, height, width, channels, dim; /* dim: numbers of the penultimate layer */
    size_t parameters;
    double macs; /* multiply-adds per image */
    uint64_t seed;
    size_t train_n, val_n;
    size_t steps, best_step;       /* taken; the one whose weights were kept */
    double val_loss, val_accuracy; /* at best_step; NaN without validation */
    char train_hash[73];
} mnk_classifier_summary;

/* Trains on all rows of `train` (choose the split before). val may be NULL: then val_share of train is cut, stratified by
 * class and never through a group. val's classes must be among train's (matched by name). Refused: fewer than two classes,
 * a class without images, different sizes, sides under 16 px, no val and val_share 0 is allowed (no early stopping).
 * Stopped by the observer: MNK_ERR_INTERRUPTED and no classifier. Same bytes for any number of threads. */
MNK_API mnk_status mnk_classifier_train(const mnk_images *train, const mnk_images *val, const mnk_classifier_config *config,
                                        const mnk_observer *observer, mnk_classifier **out, mnk_error *err) MNK_CHECK;

/* Model file: safetensors, kind "classifier". */
MNK_API mnk_status mnk_classifier_save(const mnk_classifier *c, const char *path, bool force, mnk_error *err) MNK_CHECK;
MNK_API mnk_status mnk_classifier_open(const char *path, mnk_classifier **out, mnk_error *err) MNK_CHECK;
MNK_API void mnk_classifier_close(mnk_classifier *c);

MNK_API mnk_classifier_summary mnk_classifier_describe(const mnk_classifier *c);
MNK_API const char *mnk_classifier_class_name(const mnk_classifier *c, int label);
MNK_API int mnk_classifier_dim(const mnk_classifier *c); /* of features */

/* Class probabilities, prob[i*classes + k], and penultimate features, features[i*dim + d]. Images must have the size and
 * channels of training; their labels are not read. Not for two threads at once on one handle. */
MNK_API mnk_status mnk_classifier_predict(mnk_classifier *c, const mnk_images *images, float *prob, mnk_error *err) MNK_CHECK;
MNK_API mnk_status mnk_classifier_features(mnk_classifier *c, const mnk_images *images, float *features,
                                           mnk_error *err) MNK_CHECK;
/* The two above from f32 planes in [-1, 1], images[i*channels*height*width]; either output may be NULL. */
MNK_API mnk_status mnk_classifier_run(mnk_classifier *c, const float *planes, size_t n, float *prob, float *features,
                                      mnk_error *err) MNK_CHECK;

/* map[k] = the classifier's label of the dataset's class k, by name; refuses a class that has images but is unknown to
 * the classifier (-1 for one without images). map: [images->classes]. */
MNK_API mnk_status mnk_classifier_map(const mnk_classifier *c, const mnk_images *images, int32_t *map,
                                      mnk_error *err) MNK_CHECK;

#endif
