/* exp, tanh and the logistic function for eight floats at once, without tables or library. Largest relative errors found
 * over [-20, 20] (test_kernels.c holds them there): exp 7e-8, logistic 1.4e-7, tanh 4e-7. */
#ifndef MNK_NN_VECTOR_MATH_H
#define MNK_NN_VECTOR_MATH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nn/vector.h"

typedef int32_t v8i __attribute__((vector_size(32), aligned(4)));

MNK_INLINE v8 v8_select(v8i mask, v8 yes, v8 no) { return (v8)((mask & (v8i)yes) | (~mask & (v8i)no)); }
MNK_INLINE v8 v8_clamp(v8 x, float low, float high) {
    x = v8_select(x < low, (v8){0} + low, x);
    return v8_select(x > high, (v8){0} + high, x);
}

/* exp(x) = 2^n exp(r), |r| <= ln(2)/2, the latter by its Taylor series to r^7 (remainder 1e-8). x is cut to [-87, 88]. */
MNK_INLINE v8 v8_exp(v8 x) {
    const float to_integer = 12582912.0f; /* 1.5 * 2^23: adding it rounds to whole numbers */
    x = v8_clamp(x, -87.0f, 88.0f);
    v8 n = (x * 1.44269504f + to_integer) - to_integer;
    v8 r = (x - n * 0.693359375f) + n * 2.12194440e-4f; /* ln 2 in two parts (Cody & Waite 1980) */
    v8 p = 1.0f / 720.0f + r * (1.0f / 5040.0f);
    p = 1.0f / 120.0f + r * p;
    p = 1.0f / 24.0f + r * p;
    p = 1.0f / 6.0f + r * p;
    p = 0.5f + r * p;
    p = 1.0f + r * p;
    p = 1.0f + r * p;
    v8i power = (__builtin_convertvector(n, v8i) + 127) << 23;
    return p * (v8)power;
}

MNK_INLINE v8 v8_sigmoid(v8 x) { return 1.0f / (1.0f + v8_exp(-x)); }

/* 1 - 2/(exp(2x) + 1); near 0, where that cancels, the Taylor series. */
MNK_INLINE v8 v8_tanh(v8 x) {
    v8 t = v8_clamp(x, -10.0f, 10.0f), s = x * x;
    v8 far = 1.0f - 2.0f / (v8_exp(2.0f * t) + 1.0f);
    v8 series = x + x * s * (-1.0f / 3.0f + s * (2.0f / 15.0f + s * (-17.0f / 315.0f + s * (62.0f / 2835.0f))));
    return v8_select(s < 0.0625f, series, far);
}

/* y = f(x) for n floats, the last few through a padded copy. */
#define MNK_V8_MAP(name, f)                                                                                                    \
    static inline void name(const float *x, float *y, size_t n) {                                                              \
        size_t i = 0;                                                                                                          \
        for (; i + 8 <= n; i += 8) *(v8 *)(y + i) = f(*(const v8 *)(x + i));                                                   \
        if (i < n) {                                                                                                           \
            v8 rest = {0};                                                                                                     \
            memcpy(&rest, x + i, (n - i) * sizeof *x);                                                                         \
            rest = f(rest);                                                                                                    \
            memcpy(y + i, &rest, (n - i) * sizeof *y);                                                                         \
        }                                                                                                                      \
    }
MNK_V8_MAP(mnk_tanh_f32, v8_tanh)
MNK_V8_MAP(mnk_sigmoid_f32, v8_sigmoid)
#undef MNK_V8_MAP

#endif
