/* The two networks, from settings and image shape. */
#ifndef MNK_LEARN_GAN_MODELS_H
#define MNK_LEARN_GAN_MODELS_H

#include "learn/gan/config.h"
#include "nn/net.h"

typedef struct mnk_gan_generator {
    mnk_net *net;
    mnk_value z, labels, image; /* latent vector, class, picture (channels, inner_h, inner_w) in [-1, 1] */
    mnk_value base;             /* the first linear layer's features */
} mnk_gan_generator;

typedef struct mnk_gan_judge {
    mnk_net *net;
    mnk_value image, labels, logit; /* pack of pictures on the channel axis, its class, one number */
} mnk_gan_judge;

/* Latent and class embedding -> linear -> [norm, ReLU, x2] … -> tanh. Channels double from `width` at full size towards the
 * base map, at most 512. */
mnk_status mnk_gan_generator_open(const mnk_gan_config *config, const mnk_gan_shape *shape, mnk_gan_generator *out,
                                  mnk_error *err) MNK_CHECK;

/* The mirror image: [conv k4 s2, leaky ReLU 0.2] …, then the projection head; no normalisation, so that gradient
 * penalties by the tangent pass are exact and no image's verdict depends on its neighbours. */
mnk_status mnk_gan_judge_open(const mnk_gan_config *config, const mnk_gan_shape *shape, mnk_gan_judge *out,
                              mnk_error *err) MNK_CHECK;

#endif
