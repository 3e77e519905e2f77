/* Classical augmentation of one image: what real data already allow without any generator. */
#ifndef MNK_LEARN_CLASSIFIER_AUGMENT_H
#define MNK_LEARN_CLASSIFIER_AUGMENT_H

#include "base/rng.h"
#include "manikin/classifier.h"

/* out = a random variant of in, both planes [channels][height][width] in [-1, 1]. Mirror and quarter turn (all eight
 * symmetries equally often when both are on), shift with repeated edges, then contrast about the image's mean,
 * brightness and colour shifts, clipped. The number of draws never depends on the settings. */
void mnk_classifier_augment(const mnk_classifier_config *config, const float *in, float *out, int channels, int height,
                            int width, mnk_rng *rng);

#endif
