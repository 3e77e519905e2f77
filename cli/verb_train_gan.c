/* manikin train gan: learn a class-conditional generator of images. */
#include "cli.h"
#include "learn/gan/config.h"
#include "manikin/dataset.h"
#include "manikin/gan.h"

static mnk_status run(cli_context *c, mnk_error *err) {
    mnk_gan_config config = *(const mnk_gan_config *)c->config;
    config.seed = (uint64_t)c->common.seed;
    config.force = c->common.force;
    if (!c->common.out) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "train gan: where should the model go?");
        mnk_error_hint(err, "add -o model.safetensors");
        return status;
    }
    MNK_TRY(mnk_gan_config_check(&config, err)); /* before minutes of reading */
    mnk_images *data;
    mnk_images_options read = {.skip_bad = config.skip_bad, .size = (int)config.size, .channels = (int)config.channels};
    MNK_TRY(mnk_images_open(c->operand[0], &read, c->observer, &data, err));
    mnk_status status = mnk_gan_train(data, &config, c->common.out, c->observer, err);
    mnk_images_close(data);
    if (status == MNK_OK) cli_next(c, "manikin sample %s -n 1000 -o synthetic/", c->common.out);
    return status;
}

const cli_verb cli_verb_train_gan = {
    .name = "train gan",
    .group = "make",
    .summary = "learn to generate images of each class",
    .operands = "DATA",
    .min_operands = 1,
    .max_operands = 1,
    .uses = "seed threads out force",
    .table = mnk_gan_options,
    .config_size = sizeof(mnk_gan_config),
    .examples = "manikin train gan tissue/ -o tissue.safetensors                      # a folder per class, default recipe\n"
                "manikin train gan blood.npz:train -o blood.safetensors --kimg 1000   # longer\n"
                "manikin train gan tissue/ -o tissue.safetensors --resume --kimg 2000 # go on\n",
    .run = run,
};
