/* Winograd convolution (Winograd 1980; Lavin & Gray 2016, arXiv 1509.09308) for the layers where fewer multiplications beat
 * the direct kernels. All three passes of a convolution, on maps blocked by eight channels and canonical weights. */
#ifndef MNK_NN_WINOGRAD_H
#define MNK_NN_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "nn/backend.h"

typedef struct mnk_winograd mnk_winograd;

typedef enum mnk_pass { MNK_PASS_FWD, MNK_PASS_BWD_DATA, MNK_PASS_BWD_WEIGHTS } mnk_pass;

/* Whether the kernels below can compute this shape at all: k4 s2 p1 or k3 s1 p1. */
bool mnk_winograd_possible(const mnk_conv_shape *shape);
/* The fixed rule: whether Winograd is used for this shape and pass. Found with bench_conv, never by timing at run time, so
 * that the same seed gives the same bytes. */
bool mnk_winograd_wins(const mnk_conv_shape *shape, mnk_pass pass);

/* `transform`: forward or backward-data will be called, so transformed weights are kept. */
mnk_status mnk_winograd_open(const mnk_conv_shape *shape, bool transform, mnk_winograd **out, mnk_error *err) MNK_CHECK;
void mnk_winograd_close(mnk_winograd *w);
size_t mnk_winograd_scratch_bytes(const mnk_winograd *w);
void mnk_winograd_weights(mnk_winograd *w, const float *weights);
void mnk_winograd_fwd(const mnk_winograd *w, const float *x, float *y, void *scratch);
void mnk_winograd_bwd_data(const mnk_winograd *w, const float *dy, float *dx, void *scratch);
void mnk_winograd_bwd_weights(const mnk_winograd *w, const float *x, const float *dy, float *dw, bool accumulate,
                              void *scratch);

#endif
