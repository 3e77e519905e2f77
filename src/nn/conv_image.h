/* Convolution k4 s2 p1 between an image of at most four channels and a map: the first layer of a discriminator and, with
 * passes exchanged, the last of a generator. The general kernels compute eight channels where three are wanted. */
#ifndef MNK_NN_CONV_IMAGE_H
#define MNK_NN_CONV_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "nn/backend.h"

typedef struct mnk_conv_image mnk_conv_image;

bool mnk_conv_image_possible(const mnk_conv_shape *shape);
mnk_status mnk_conv_image_open(const mnk_conv_shape *shape, mnk_conv_image **out, mnk_error *err) MNK_CHECK;
void mnk_conv_image_close(mnk_conv_image *c);
size_t mnk_conv_image_bytes(const mnk_conv_image *c); /* held by the object */
size_t mnk_conv_image_scratch_bytes(const mnk_conv_image *c);
void mnk_conv_image_weights(mnk_conv_image *c, const float *w);
void mnk_conv_image_fwd(const mnk_conv_image *c, const float *x, float *y, void *scratch);
void mnk_conv_image_bwd_data(const mnk_conv_image *c, const float *dy, float *dx, void *scratch);
void mnk_conv_image_bwd_weights(const mnk_conv_image *c, const float *x, const float *dy, float *dw, bool accumulate,
                                void *scratch);

#endif
