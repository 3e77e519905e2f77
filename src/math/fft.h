/* Fourier transforms of small pictures, eight at a time: lane l of every array element belongs to transform l, so that the
 * compiler keeps the eight side by side in one vector register. Any side; fast for sides whose prime factors are small. */
#ifndef MNK_MATH_FFT_H
#define MNK_MATH_FFT_H

#include <stddef.h>

#include "base/error.h"

enum { MNK_FFT_LANES = 8 };

typedef struct mnk_fft {
    int n, factors;
    int factor[32];
    float *cosine, *sine; /* [n] of 2 pi k / n */
} mnk_fft;

mnk_status mnk_fft_open(int n, mnk_fft *out, mnk_error *err) MNK_CHECK;
void mnk_fft_close(mnk_fft *f);

/* In place on re, im [rows][columns][8]: sum over y, x of z e^(-+ 2 pi i (v y / rows + u x / columns)); sign -1 forward,
 * +1 inverse, neither scaled. work: 4 * 8 * max(rows, columns) floats. */
void mnk_fft_2d(const mnk_fft *along_rows, const mnk_fft *along_columns, int sign, float *re, float *im, float *work);

#endif
