/* A fixed wavelet scattering transform (Bruna & Mallat 2013, "Invariant scattering convolution networks"): averages of
 * |x * psi| and ||x * psi| * psi'| over Morlet wavelets of three scales and eight directions. Nothing is trained, so two
 * hospitals' numbers mean the same. Definition in docs/methods/evaluation.md. */
#ifndef MNK_EVALUATE_SCATTER_H
#define MNK_EVALUATE_SCATTER_H

#include <stddef.h>

#include "base/error.h"

enum { MNK_SCATTER_SCALES = 3, MNK_SCATTER_ANGLES = 8, MNK_SCATTER_POOLS = 5 };

typedef struct mnk_scatter mnk_scatter;

/* Pictures of height x width, 8 to 1024 px a side, 1 or 3 channels. */
mnk_status mnk_scatter_open(int height, int width, int channels, mnk_scatter **out, mnk_error *err) MNK_CHECK;
void mnk_scatter_close(mnk_scatter *s);
/* 1085 numbers for grey, 1335 for RGB. */
size_t mnk_scatter_dim(const mnk_scatter *s);

/* out [n][dim]: averages as they are for order 0, log(average + 1e-3) for orders 1 and 2. `plane(ctx, i, x)` gives picture i
 * as planes [channels][height][width] in [-1, 1]; it is called from several threads. */
mnk_status mnk_scatter_run(const mnk_scatter *s, size_t n, void (*plane)(void *ctx, size_t i, float *x), void *ctx, float *out,
                           mnk_error *err) MNK_CHECK;

#endif
