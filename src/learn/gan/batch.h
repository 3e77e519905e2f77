/* Which real images and classes make up each step: a function of (seed, step) alone, so that a continued run draws what
 * the unbroken one would have drawn. Images of a pack share a class and lie next to each other. */
#ifndef MNK_LEARN_GAN_BATCH_H
#define MNK_LEARN_GAN_BATCH_H

#include <stdint.h>

#include "learn/gan/config.h"

typedef struct mnk_gan_batches mnk_gan_batches;

/* labels[0..n-1] in 0..classes-1; classes without images are never drawn. Balanced: packs go round the classes in random
 * order, images of a class are drawn without replacement, again and again. Proportional: each epoch cuts every class into
 * packs (the last one filled up from its beginning) and shuffles all packs. */
mnk_status mnk_gan_batches_open(const int32_t *labels, size_t n, int classes, const mnk_gan_config *config,
                                mnk_gan_batches **out, mnk_error *err) MNK_CHECK;
void mnk_gan_batches_close(mnk_gan_batches *b);

/* Fills, for the step's batch/pack packs: index[batch] of the real images; fake_labels[batch] for the generator;
 * pack_labels[batch/pack] for the discriminator. During the ramp (Shahbazi et al. 2022, collapse by conditioning, here as a
 * mixture) a pack is unconditional with probability 1 - lambda: any classes, labelled `classes`, one beyond the last. */
void mnk_gan_batches_at(mnk_gan_batches *b, uint64_t step, size_t *index, int32_t *fake_labels, int32_t *pack_labels);

/* Labels the discriminator must know: classes, or one more when there is a ramp. */
int mnk_gan_judged_classes(const mnk_gan_config *config, int classes);

#endif
