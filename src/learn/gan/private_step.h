/* The discriminator's step of a private run (docs/methods/private-training.md): persons meet nothing but this. */
#ifndef MNK_LEARN_GAN_PRIVATE_STEP_H
#define MNK_LEARN_GAN_PRIVATE_STEP_H

#include "learn/gan/trainer.h"

/* After the checkpoint was loaded, where there is one, and before anything is written: checks the target, opens MODEL.ledger
 * (t->config.resume: goes on with it, if it is the checkpoint's), sizes the noise for the steps ahead. */
mnk_status mnk_gan_private_open(mnk_gan_trainer *t, mnk_error *err) MNK_CHECK;
void mnk_gan_private_close(mnk_gan_trainer *t);

/* The ledger's last line, for the checkpoint. */
const char *mnk_gan_private_head(const mnk_gan_trainer *t);
/* The guarantee of what the ledger has: in one line, and as the JSON of a model file. */
mnk_status mnk_gan_private_state(const mnk_gan_trainer *t, char *line, size_t size, mnk_text *block, mnk_error *err) MNK_CHECK;
/* Binds the finished model to the ledger. */
mnk_status mnk_gan_private_bind(mnk_gan_trainer *t, mnk_error *err) MNK_CHECK;

/* dp->g becomes the gradient of the loss on real packs: a Poisson batch, each pack's gradient clipped, noise, divided by the
 * expected number of packs. With `dry`, the same work on fixed packs and then 0: no budget is spent and nothing is told. */
mnk_status mnk_gan_private_gradient(mnk_gan_trainer *t, bool dry, mnk_error *err) MNK_CHECK;

#endif
