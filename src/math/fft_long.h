/* One long Fourier transform in double precision, of a power-of-two length: what convolving probability distributions needs.
 * (fft.h has many short ones in single precision.) Forward leaves its output in bit-reversed order and inverse takes it in
 * that order, so no pass is spent on sorting: between the two only pointwise work is done. */
#ifndef MNK_MATH_FFT_LONG_H
#define MNK_MATH_FFT_LONG_H

#include <stddef.h>

#include "base/error.h"

enum { MNK_FFT_LONG_MAX_LOG2 = 24 };

typedef struct mnk_fft_long {
    int log2n;
    double *cosine, *sine; /* a table for each length n, n/4, n/16 …, one after the other */
} mnk_fft_long;

/* Length 2^log2n, log2n in [0, 24]. */
mnk_status mnk_fft_long_open(int log2n, mnk_fft_long *out, mnk_error *err) MNK_CHECK;
void mnk_fft_long_close(mnk_fft_long *f);

/* In place on re, im [n]: sum_j z_j e^(-2 pi i j k / n), unscaled, at position bit-reversed k. */
void mnk_fft_long_forward(const mnk_fft_long *f, double *re, double *im);
/* The exact undoing of forward: conjugate exponent, scaled by 1/n, natural order. */
void mnk_fft_long_inverse(const mnk_fft_long *f, double *re, double *im);

/* Where forward puts frequency -k, when it puts k at `position`. */
static inline size_t mnk_fft_long_mirror(size_t position) {
    if (position < 2) return position;
    size_t block = (size_t)1 << (8 * sizeof(long) - 1 - (size_t)__builtin_clzl(position));
    return 3 * block - 1 - position;
}

#endif
