/* Kernels of the training engine. One table per backend: `reference` (plain C, any machine, also built in double
 * precision by the tests) and `onednn` (oneDNN convolutions and products, own Winograd). A CUDA backend would be a third.
 *
 * Values are `real` (float; double in the gradient tests). Two layouts, decided by a tensor's rank alone:
 *   maps    (c, h, w)  blocked by eight channels: [n][cb][h][w][8], cb = ceil(c/8), padding channels are zero and stay zero
 *   vectors (c)        plain rows: [n][c]
 * Everything a step needs is decided by *_open; nothing allocates afterwards. Every kernel gives the same bytes for any
 * number of threads: units of work have shapes fixed by the problem, partial sums are added in unit order. */
#ifndef MNK_NN_BACKEND_H
#define MNK_NN_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#ifndef MNK_REAL
#define MNK_REAL float
#endif
typedef MNK_REAL real;

/* 2-D convolution, x (n, ic, ih, iw) -> y (n, oc, oh, ow), square kernel; oh = (ih + 2 pad - k)/stride + 1.
 * Weights are [k][k][ic][oc] (hwio), the layout of model files too, without padding channels.
 * A transposed convolution is the same object with forward and backward-data exchanged. */
typedef struct mnk_conv_shape {
    int n, ic, ih, iw, oc, oh, ow, k, stride, pad;
} mnk_conv_shape;

typedef struct mnk_conv mnk_conv; /* a backend's own */

typedef struct mnk_backend {
    const char *name;
    /* Passes the caller will use: they decide which kernels and buffers are made. */
    mnk_status (*conv_open)(const mnk_conv_shape *shape, bool fwd, bool bwd_data, bool bwd_weights, mnk_conv **out,
                            mnk_error *err);
    void (*conv_close)(mnk_conv *c);
    /* Bytes of scratch this object wants during any call; the caller owns one buffer of the largest size. */
    size_t (*conv_scratch_bytes)(const mnk_conv *c);
    /* Must follow every change of the weights, before fwd or bwd_data (packs or transforms them into the object). */
    void (*conv_weights)(mnk_conv *c, const real *w);
    void (*conv_fwd)(mnk_conv *c, const real *x, real *y, void *scratch);
    void (*conv_bwd_data)(mnk_conv *c, const real *dy, real *dx, void *scratch); /* overwrites dx */
    void (*conv_bwd_weights)(mnk_conv *c, const real *x, const real *dy, real *dw, bool accumulate, void *scratch);

    /* C[m][n] = A'[m][k] B'[k][n] + beta C, row-major, ta/tb transpose; beta 0 or 1. */
    void (*gemm)(bool ta, bool tb, int m, int n, int k, const real *a, int lda, const real *b, int ldb, real beta, real *c,
                 int ldc);

    /* Bytes an object holds itself (packed weights and the like), for mnk_plan_bytes. NULL: nothing worth counting. */
    size_t (*conv_bytes)(const mnk_conv *c);
} mnk_backend;

/* NULL when this build does not have it. "auto" is onednn where built, else reference. */
const mnk_backend *mnk_backend_find(const char *name);
extern const mnk_backend mnk_backend_reference;
#if MNK_HAVE_ONEDNN
extern const mnk_backend mnk_backend_onednn; /* float only */
#endif

/* Channels of a blocked map, padding included. */
static inline int mnk_padded(int c) { return (c + 7) / 8 * 8; }

#endif
