/* The GAN's option table and the sizes that follow from settings and data. */
#ifndef MNK_LEARN_GAN_CONFIG_H
#define MNK_LEARN_GAN_CONFIG_H

#include "base/json.h"
#include "base/options.h"
#include "manikin/gan.h"

extern const mnk_option mnk_gan_options[]; /* over mnk_gan_config */

enum { MNK_GAN_DECONV, MNK_GAN_RESIZE };                                   /* upsample */
enum { MNK_GAN_BATCH_NORM, MNK_GAN_CONDITIONAL_NORM, MNK_GAN_GROUP_NORM }; /* norm */
enum { MNK_GAN_BALANCED, MNK_GAN_PROPORTIONAL };                           /* balance */
enum { MNK_GAN_KEEP_BEST, MNK_GAN_KEEP_LAST };                             /* keep */

#define MNK_GAN_SIZE_MAX    512 /* pixels a side */
#define MNK_GAN_CLASSES_MAX 4096

/* What a run works with: the image shape, and the shape generated inside, base * 2^stages with base 1..7 (edges
 * replicated around training images, cropped from generated ones), so that any size from 8 to 512 works. */
typedef struct mnk_gan_shape {
    int height, width, channels, classes;
    int stages; /* doublings between the base map and the image */
    int base_h, base_w;
    int inner_h, inner_w, top, left; /* where the image lies in the inner one */
} mnk_gan_shape;

mnk_status mnk_gan_shape_of(int height, int width, int channels, int classes, mnk_gan_shape *out, mnk_error *err) MNK_CHECK;

/* Checks that go beyond one option's range: batch divisible by pack, ramp ordered, augmentation names … */
mnk_status mnk_gan_config_check(const mnk_gan_config *config, mnk_error *err) MNK_CHECK;

/* Steps of a run over n training images, 0 when only minutes limit it; steps_per_epoch = ceil(n / batch). */
uint64_t mnk_gan_total_steps(const mnk_gan_config *config, size_t n);
uint64_t mnk_gan_steps_per_epoch(const mnk_gan_config *config, size_t n);

/* Every option that shapes the result as one JSON object (compact). Budget, machinery and seed are left out: a
 * continuation may change them. Returns false when memory is short. */
bool mnk_gan_config_json(const mnk_gan_config *config, mnk_text *out);

/* The value that stands for an option in files older than it, or NULL for an option that was always there. */
const char *mnk_gan_option_before(const char *name);

/* Reads what mnk_gan_config_json wrote; `where` names the file in messages. Text values point into the result of
 * jansson's parser, so none is kept: augment and init_from become NULL. */
mnk_status mnk_gan_config_parse(const char *json, const char *where, mnk_gan_config *out, mnk_error *err) MNK_CHECK;

#endif
