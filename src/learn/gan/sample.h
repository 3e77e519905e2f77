/* Opening a generator from tensors in memory: mnk_gan_open without the file, for the fuzz target. */
#ifndef MNK_LEARN_GAN_SAMPLE_H
#define MNK_LEARN_GAN_SAMPLE_H

#include <jansson.h>

#include "base/safetensors.h"
#include "learn/gan/config.h"
#include "manikin/gan.h"

/* `name` stands for the file in messages; model_hash stays empty. */
mnk_status mnk_gan_open_st(const mnk_st *st, const char *name, mnk_gan **out, mnk_error *err) MNK_CHECK;

/* Image shape and classes from a model's "data" entry, every number checked. */
mnk_status mnk_gan_read_shape(const json_t *data, const char *path, mnk_gan_shape *out, mnk_error *err) MNK_CHECK;

#endif
