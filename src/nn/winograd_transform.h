/* The one-dimensional transforms of the Winograd kernels, on vectors of eight channels.
 *
 * F(m, r) computes m outputs of an r-tap correlation with m + r - 1 = alpha multiplications:
 *     y = A^T [ (G g) . (B^T d) ]
 * (Toom-Cook on the points below and infinity; Lavin & Gray 2016). The backward passes use the same three matrices
 * transposed: dd = B [ (G g) . (A dy) ],  dg = G^T [ (B^T d) . (A dy) ]. In two dimensions each is applied to rows, then
 * columns. All functions are inlined with a constant `f`, so that every loop over them unrolls. */
#ifndef MNK_NN_WINOGRAD_TRANSFORM_H
#define MNK_NN_WINOGRAD_TRANSFORM_H

#include "nn/vector.h"

#define ALPHA_MAX 6

/* F(2,2): points 0, 1. F(4,2): points 0, 1, -1, 1/2. F(4,3): points 0, 1, -1, 1/2, -2, whose rounding error is smaller than
 * that of the customary +-1, +-2 (Barabasz, Anderson, Soodhalter & Gregg 2018, arXiv 1803.10986; here 1.5e-6 against 2.2e-6
 * relative over 128 channels). */
typedef enum winograd_f { F22, F42, F43 } winograd_f;

MNK_INLINE int f_outputs(winograd_f f) { return f == F22 ? 2 : 4; }
MNK_INLINE int f_taps(winograd_f f) { return f == F43 ? 3 : 2; }
MNK_INLINE int f_alpha(winograd_f f) { return f_outputs(f) + f_taps(f) - 1; }

/* v = B^T d */
MNK_INLINE void input_1d(winograd_f f, const v8 *d, v8 *v) {
    if (f == F22) {
        v[0] = d[0] - d[1];
        v[1] = d[1];
        v[2] = d[1] - d[2];
    } else if (f == F43) {
        v[0] = d[0] + d[4] + 1.5f * (d[3] - d[1]) - 2.0f * d[2];
        v[1] = d[4] - d[1] + 0.5f * d[2] + 2.5f * d[3];
        v[2] = d[4] + d[1] - 2.5f * d[2] + 0.5f * d[3];
        v[3] = d[4] - d[2] + 2.0f * (d[3] - d[1]);
        v[4] = d[4] - d[2] + 0.5f * (d[1] - d[3]);
        v[5] = d[5] + d[1] + 1.5f * (d[4] - d[2]) - 2.0f * d[3];
    } else {
        v8 e = d[3] - d[1];
        v[0] = (d[0] - d[2]) + 2.0f * e;
        v[1] = d[3] + 0.5f * (d[2] - d[1]);
        v[2] = (d[3] - d[2]) - 0.5f * (d[2] - d[1]);
        v[3] = e;
        v[4] = (d[4] - d[2]) - 0.5f * e;
    }
}

/* d = B v */
MNK_INLINE void input_back_1d(winograd_f f, const v8 *v, v8 *d) {
    if (f == F22) {
        d[0] = v[0];
        d[1] = v[1] - v[0] + v[2];
        d[2] = -v[2];
    } else if (f == F43) {
        d[0] = v[0];
        d[1] = v[2] + v[5] - v[1] - 1.5f * v[0] - 2.0f * v[3] + 0.5f * v[4];
        d[2] = 0.5f * v[1] - 2.0f * v[0] - 2.5f * v[2] - v[3] - v[4] - 1.5f * v[5];
        d[3] = 1.5f * v[0] + 2.5f * v[1] + 0.5f * v[2] + 2.0f * (v[3] - v[5]) - 0.5f * v[4];
        d[4] = v[0] + v[1] + v[2] + v[3] + v[4] + 1.5f * v[5];
        d[5] = v[5];
    } else {
        v8 e = 2.0f * v[0] + v[3] - 0.5f * v[4], h = 0.5f * (v[1] - v[2]);
        d[0] = v[0];
        d[1] = -e - h;
        d[2] = h - v[0] - v[2] - v[4];
        d[3] = e + v[1] + v[2];
        d[4] = v[4];
    }
}

/* y = A^T m */
MNK_INLINE void output_1d(winograd_f f, const v8 *m, v8 *y) {
    if (f == F22) {
        y[0] = m[0] + m[1];
        y[1] = m[1] - m[2];
    } else if (f == F43) {
        v8 s = m[1] + m[2], t = m[1] - m[2];
        y[0] = m[0] + s + m[3] + m[4];
        y[1] = t + 0.5f * m[3] - 2.0f * m[4];
        y[2] = s + 0.25f * m[3] + 4.0f * m[4];
        y[3] = t + 0.125f * m[3] - 8.0f * m[4] + m[5];
    } else {
        v8 s = m[1] + m[2], t = m[1] - m[2];
        y[0] = m[0] + s + m[3];
        y[1] = t + 0.5f * m[3];
        y[2] = s + 0.25f * m[3];
        y[3] = t + 0.125f * m[3] + m[4];
    }
}

/* m = A y */
MNK_INLINE void output_back_1d(winograd_f f, const v8 *y, v8 *m) {
    if (f == F22) {
        m[0] = y[0];
        m[1] = y[0] + y[1];
        m[2] = -y[1];
    } else if (f == F43) {
        v8 a = y[0] + y[2], b = y[1] + y[3];
        m[0] = y[0];
        m[1] = a + b;
        m[2] = a - b;
        m[3] = y[0] + 0.5f * y[1] + 0.25f * y[2] + 0.125f * y[3];
        m[4] = y[0] - 2.0f * y[1] + 4.0f * y[2] - 8.0f * y[3];
        m[5] = y[3];
    } else {
        v8 a = y[0] + y[2], b = y[1] + y[3];
        m[0] = y[0];
        m[1] = a + b;
        m[2] = a - b;
        m[3] = y[0] + 0.5f * y[1] + 0.25f * y[2] + 0.125f * y[3];
        m[4] = y[3];
    }
}

/* u = G g */
MNK_INLINE void weights_1d(winograd_f f, const v8 *g, v8 *u) {
    if (f == F22) {
        u[0] = g[0];
        u[1] = g[0] + g[1];
        u[2] = g[1];
    } else if (f == F43) {
        u[0] = g[0];
        u[1] = (g[0] + g[1] + g[2]) * (1.0f / 3.0f);
        u[2] = (g[1] - g[0] - g[2]) * (1.0f / 3.0f);
        u[3] = (4.0f * g[0] + 2.0f * g[1] + g[2]) * (-4.0f / 15.0f);
        u[4] = (g[0] - 2.0f * g[1] + 4.0f * g[2]) * (1.0f / 15.0f);
        u[5] = g[2];
    } else {
        u[0] = g[0];
        u[1] = g[0] + g[1];
        u[2] = (g[1] - g[0]) * (1.0f / 3.0f);
        u[3] = (g[0] + 0.5f * g[1]) * (-8.0f / 3.0f);
        u[4] = g[1];
    }
}

/* g = G^T u */
MNK_INLINE void weights_back_1d(winograd_f f, const v8 *u, v8 *g) {
    if (f == F22) {
        g[0] = u[0] + u[1];
        g[1] = u[1] + u[2];
    } else if (f == F43) {
        v8 a = u[1] * (1.0f / 3.0f), b = u[2] * (-1.0f / 3.0f), c = u[3] * (-4.0f / 15.0f), d = u[4] * (1.0f / 15.0f);
        g[0] = u[0] + a + b + 4.0f * c + d;
        g[1] = a - b + 2.0f * (c - d);
        g[2] = a + b + c + 4.0f * d + u[5];
    } else {
        v8 a = u[2] * (1.0f / 3.0f), b = u[3] * (-8.0f / 3.0f);
        g[0] = u[0] + u[1] - a + b;
        g[1] = u[1] + a + 0.5f * b + u[4];
    }
}

#endif
