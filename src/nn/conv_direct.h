/* Direct convolution by oneDNN 2.x, cut so that no sum depends on the number of threads: the batch is split into blocks of
 * images fixed by the shape, every block is one single-threaded primitive inside our own loop, and weight gradients of the
 * blocks are added in block order. Every call of oneDNN's C API is in conv_direct.c. */
#ifndef MNK_NN_CONV_DIRECT_H
#define MNK_NN_CONV_DIRECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "nn/backend.h"

typedef struct mnk_conv_direct mnk_conv_direct;

/* MNK_ERR_UNSUPPORTED when oneDNN has no kernel for the shape. */
mnk_status mnk_conv_direct_open(const mnk_conv_shape *shape, bool fwd, bool bwd_data, bool bwd_weights, mnk_conv_direct **out,
                                mnk_error *err) MNK_CHECK;
void mnk_conv_direct_close(mnk_conv_direct *c);
size_t mnk_conv_direct_scratch_bytes(const mnk_conv_direct *c);
/* Canonical weights [k][k][ic][oc] into oneDNN's blocks, padding channels zero. */
void mnk_conv_direct_weights(mnk_conv_direct *c, const float *w);
void mnk_conv_direct_fwd(mnk_conv_direct *c, const float *x, float *y, void *scratch);
void mnk_conv_direct_bwd_data(mnk_conv_direct *c, const float *dy, float *dx, void *scratch);
void mnk_conv_direct_bwd_weights(mnk_conv_direct *c, const float *x, const float *dy, float *dw, bool accumulate,
                                 void *scratch);
/* Name of the kernel oneDNN chose for a pass ("jit:avx2"), "" when the pass was not opened. pass: 0 fwd, 1 data, 2 weights. */
const char *mnk_conv_direct_kernel(const mnk_conv_direct *c, int pass);

#endif
