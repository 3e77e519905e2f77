/* Which images make up each training step, and their pixels: a function of (seed, step), whatever the thread count. */
#ifndef MNK_LEARN_CLASSIFIER_BATCHES_H
#define MNK_LEARN_CLASSIFIER_BATCHES_H

#include "learn/classifier/model.h"

typedef struct mnk_classifier_batches mnk_classifier_batches;

/* Every source fills a fixed number of places in each batch (its share, rounded). A balanced source's classes
 * take turns, each dealing its images in shuffled rounds. Otherwise the source's images are dealt in shuffled rounds.
 * `stream` keeps two sequences of one seed apart. */
mnk_status mnk_classifier_batches_open(const mnk_classifier_job *job, const mnk_classifier_config *config, uint64_t stream,
                                       mnk_classifier_batches **out, mnk_error *err) MNK_CHECK;
void mnk_classifier_batches_close(mnk_classifier_batches *b);

/* Fills planes[batch][channels][height][width], augmented, and label[batch] (the classifier's labels). */
void mnk_classifier_batches_at(mnk_classifier_batches *b, uint64_t step, float *planes, int32_t *label);

/* Places of source s in each batch. */
size_t mnk_classifier_batches_places(const mnk_classifier_batches *b, int s);

#endif
