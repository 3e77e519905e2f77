/* GAN objectives: one row of a table each. Logits are per pack; losses are means over n packs. */
#ifndef MNK_LEARN_GAN_LOSS_H
#define MNK_LEARN_GAN_LOSS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct mnk_gan_loss {
    const char *name;
    double powerless; /* the discriminator's loss when it tells nothing: all logits 0 */
    bool pairs;       /* the generator's loss needs the logits of real images too */
    /* Loss of the discriminator; writes its gradient with respect to each logit. */
    double (*discriminator)(const float *real, const float *fake, size_t n, float *grad_real, float *grad_fake);
    /* Loss of the generator; `real` is NULL unless `pairs`. */
    double (*generator)(const float *real, const float *fake, size_t n, float *grad_fake);
} mnk_gan_loss;

/* A logit that adds nothing to any loss: of real packs when generated ones are judged alone, minus it the other way round. */
#define MNK_GAN_CERTAIN 1000.0f

/* In the order of the option's choices: hinge, logistic, relativistic. */
extern const mnk_gan_loss mnk_gan_losses[3];

#endif
