/* The discriminator that a checkpoint keeps: what it says of images is what an attacker with the file can ask. */
#ifndef MNK_LEARN_GAN_DISCRIMINATOR_H
#define MNK_LEARN_GAN_DISCRIMINATOR_H

#include "manikin/gan.h"

/* logit[d->n] of the images of d, each judged as a pack of itself, labelled by its class (matched by name). A released model
 * holds no discriminator: MNK_ERR_UNSUPPORTED. MNK_ERR_INPUT: damaged, other image shape, a class it does not know. */
mnk_status mnk_gan_discriminator_logits(const char *path, const mnk_images *d, double *logit, mnk_error *err) MNK_CHECK;

#endif
