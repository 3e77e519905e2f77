#include "learn/gan/models.h"

#include <stdio.h>

#include "learn/gan/batch.h"

#define CHANNELS_MAX 512
#define GROUPS       8

/* Channels of the map that is `doublings` halvings away from full size (1: the largest inner map). */
static int channels_at(int64_t width, int doublings) {
    int64_t c = width;
    for (int i = 1; i < doublings && c < CHANNELS_MAX; i++) c *= 2;
    return (int)(c < CHANNELS_MAX ? c : CHANNELS_MAX);
}

static mnk_value normalise(const mnk_gan_config *config, mnk_gan_generator *g, mnk_value x, int channels, const char *name) {
    if (config->norm == MNK_GAN_GROUP_NORM) {
        int groups = GROUPS;
        while (channels % groups) groups--;
        return mnk_net_norm(g->net, x, name, MNK_NORM_GROUP, groups, -1);
    }
    return mnk_net_norm(g->net, x, name, MNK_NORM_BATCH, 0, config->norm == MNK_GAN_CONDITIONAL_NORM ? g->labels : -1);
}

/* One doubling: transposed convolution k4 s2, or nearest-neighbour enlargement and convolution k3 (Odena et al. 2016). */
static mnk_value enlarge(const mnk_gan_config *config, mnk_gan_generator *g, mnk_value x, int channels, unsigned flags,
                         const char *name) {
    if (config->upsample == MNK_GAN_RESIZE)
        return mnk_net_conv(g->net, mnk_net_upsample(g->net, x), name, channels, 3, 1, 1, flags);
    return mnk_net_deconv(g->net, x, name, channels, 4, 2, 1, flags);
}

mnk_status mnk_gan_generator_open(const mnk_gan_config *config, const mnk_gan_shape *shape, mnk_gan_generator *out,
                                  mnk_error *err) {
    mnk_net *net = mnk_net_open();
    *out = (mnk_gan_generator){.net = net};
    if (!net) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: generator");
    char name[32];
    int c = channels_at(config->width, shape->stages);
    out->z = mnk_net_input(net, "z", (int)config->latent, 0, 0);
    out->labels = mnk_net_labels(net, "label", shape->classes);
    mnk_value x = mnk_net_concat(net, out->z, mnk_net_embed(net, out->labels, "class", (int)config->embed));
    x = out->base = mnk_net_linear(net, x, "base", c * shape->base_h * shape->base_w, 0);
    x = mnk_net_reshape(net, x, c, shape->base_h, shape->base_w);
    for (int s = 0; s < shape->stages; s++) {
        snprintf(name, sizeof name, "norm%d", s);
        x = mnk_net_act(net, normalise(config, out, x, c, name), MNK_ACT_RELU, 0);
        bool last = s + 1 == shape->stages;
        c = last ? shape->channels : channels_at(config->width, shape->stages - 1 - s);
        snprintf(name, sizeof name, "up%d", s);
        x = enlarge(config, out, x, c, last ? MNK_NN_BIAS : 0, name);
    }
    out->image = mnk_net_act(net, x, MNK_ACT_TANH, 0);
    return mnk_net_check(net, err);
}

mnk_status mnk_gan_judge_open(const mnk_gan_config *config, const mnk_gan_shape *shape, mnk_gan_judge *out, mnk_error *err) {
    mnk_net *net = mnk_net_open();
    *out = (mnk_gan_judge){.net = net};
    if (!net) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: discriminator");
    char name[32];
    unsigned flags = MNK_NN_BIAS | (config->spectral ? MNK_NN_SPECTRAL : 0);
    out->image = mnk_net_input(net, "image", (int)config->pack * shape->channels, shape->inner_h, shape->inner_w);
    out->labels = mnk_net_labels(net, "label", mnk_gan_judged_classes(config, shape->classes));
    mnk_value x = out->image;
    int64_t width = config->width_d ? config->width_d : config->width;
    for (int s = 0; s < shape->stages; s++) {
        snprintf(name, sizeof name, "down%d", s);
        x = mnk_net_act(net, mnk_net_conv(net, x, name, channels_at(width, s + 1), 4, 2, 1, flags), MNK_ACT_LEAKY, 0.2);
    }
    out->logit = mnk_net_project(net, x, out->labels, "head", flags);
    return mnk_net_check(net, err);
}
