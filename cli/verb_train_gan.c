/* manikin train gan: learn a class-conditional generator of images. */
#include "cli.h"
#include "data/images.h"
#include "learn/gan/config.h"

typedef struct train_gan_config {
    mnk_gan_config gan;
    mnk_images_options data;
} train_gan_config;

/* The generator's options, then those of the data, moved to their place in the struct above. */
static mnk_option table[96];

static size_t add_rows(size_t n, const mnk_option *from, size_t offset) {
    for (; from->type != MNK_OPTION_END && n + 1 < sizeof table / sizeof *table; from++) {
        table[n] = *from;
        table[n++].offset += offset;
    }
    table[n] = (mnk_option){.type = MNK_OPTION_END};
    return n;
}

__attribute__((constructor)) static void make_table(void) {
    size_t n = add_rows(0, mnk_gan_options, offsetof(train_gan_config, gan));
    add_rows(n, mnk_images_option_table, offsetof(train_gan_config, data));
}

static mnk_status run(cli_context *c, mnk_error *err) {
    const train_gan_config *given = c->config;
    mnk_gan_config config = given->gan;
    config.seed = (uint64_t)c->common.seed;
    config.force = c->common.force;
    if (!c->common.out) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "train gan: where should the model go?");
        mnk_error_hint(err, "add -o model.safetensors");
        return status;
    }
    MNK_TRY(mnk_gan_config_check(&config, err)); /* before minutes of reading */
    mnk_images *data;
    MNK_TRY(mnk_images_open(c->operand[0], &given->data, c->observer, &data, err));
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
    .table = table,
    .config_size = sizeof(train_gan_config),
    .examples = "manikin train gan tissue/ -o tissue.safetensors                      # a folder per class, default recipe\n"
                "manikin train gan blood.npz:train -o blood.safetensors --kimg 1000   # longer\n"
                "manikin train gan tissue/ -o tissue.safetensors --resume --kimg 2000 # go on\n",
    .run = run,
};
