/* The reference backend: plain C for any machine, also built in double precision by the tests. Direct convolutions on
 * vectors of eight channels; every output number is summed by one thread in a fixed order. */
#include <string.h>

#include "base/mem.h"
#include "nn/backend.h"

/* Eight lanes; aligned like `real`, so that any address will do. */
typedef real v8 __attribute__((vector_size(8 * sizeof(real)), aligned(sizeof(real)), may_alias));

struct mnk_conv {
    mnk_conv_shape s;
    int icb, ocb;
    real *fwd; /* [ocb][k][k][icb*8][8 oc]: weights for forward, padding channels zero */
    real *bwd; /* [icb][k][k][ocb*8][8 ic] */
};

static size_t packed_count(const mnk_conv *c) { return (size_t)c->icb * (size_t)c->ocb * 64 * (size_t)c->s.k * (size_t)c->s.k; }

static void conv_close(mnk_conv *c) {
    if (!c) return;
    mnk_free(c->fwd);
    mnk_free(c->bwd);
    mnk_free(c);
}

static mnk_status conv_open(const mnk_conv_shape *shape, bool fwd, bool bwd_data, bool bwd_weights, mnk_conv **out,
                            mnk_error *err) {
    (void)bwd_weights;
    *out = NULL;
    mnk_conv *c = NULL;
    MNK_TRY(MNK_NEW(c, 1, err));
    c->s = *shape;
    c->icb = mnk_padded(shape->ic) / 8;
    c->ocb = mnk_padded(shape->oc) / 8;
    if (fwd) c->fwd = mnk_alloc_aligned(packed_count(c), sizeof(real));
    if (bwd_data) c->bwd = mnk_alloc_aligned(packed_count(c), sizeof(real));
    if ((fwd && !c->fwd) || (bwd_data && !c->bwd)) {
        conv_close(c);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the weights of a convolution");
    }
    *out = c;
    return MNK_OK;
}

static size_t conv_scratch_bytes(const mnk_conv *c) {
    (void)c;
    return 0;
}

static size_t conv_bytes(const mnk_conv *c) {
    return sizeof *c + ((c->fwd != NULL) + (c->bwd != NULL)) * packed_count(c) * sizeof(real);
}

static void conv_weights(mnk_conv *c, const real *w) {
    int ic = c->s.ic, oc = c->s.oc, taps = c->s.k * c->s.k;
    for (int t = 0; t < taps; t++)
        for (int i = 0; i < ic; i++)
            for (int o = 0; o < oc; o++) {
                real x = w[((size_t)t * (size_t)ic + (size_t)i) * (size_t)oc + (size_t)o];
                if (c->fwd)
                    c->fwd[(((size_t)(o / 8) * (size_t)taps + (size_t)t) * (size_t)c->icb * 8 + (size_t)i) * 8 +
                           (size_t)(o % 8)] = x;
                if (c->bwd)
                    c->bwd[(((size_t)(i / 8) * (size_t)taps + (size_t)t) * (size_t)c->ocb * 8 + (size_t)o) * 8 +
                           (size_t)(i % 8)] = x;
            }
}

/* One row of an output block: acc[j] += sum over eight input channels of x[j*step][channel] * w[channel]. */
static inline void row_step(v8 *acc, int from, int to, const real *x, int step, const real *w) {
    const v8 *wv = (const v8 *)w;
    for (int j = from; j < to; j++) {
        const real *xj = x + 8 * step * j;
        v8 a = acc[j];
        for (int l = 0; l < 8; l++) a += xj[l] * wv[l];
        acc[j] = a;
    }
}

/* Columns j of ow with 0 <= j*stride + offset < iw. */
static inline void valid(int offset, int stride, int iw, int ow, int *from, int *to) {
    *from = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    int last = iw - 1 - offset;
    *to = last < 0 ? 0 : last / stride + 1;
    if (*to > ow) *to = ow;
}

static void conv_fwd(mnk_conv *c, const real *x, real *y, void *scratch) {
    (void)scratch;
    mnk_conv_shape s = c->s;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < s.n * c->ocb * s.oh; u++) {
        int oy = u % s.oh, ob = u / s.oh % c->ocb, n = u / s.oh / c->ocb;
        v8 *acc = (v8 *)(y + (size_t)u * (size_t)s.ow * 8);
        memset(acc, 0, (size_t)s.ow * sizeof *acc);
        for (int ib = 0; ib < c->icb; ib++)
            for (int ky = 0; ky < s.k; ky++) {
                int iy = oy * s.stride + ky - s.pad;
                if (iy < 0 || iy >= s.ih) continue;
                const real *row =
                    x + (((size_t)n * (size_t)c->icb + (size_t)ib) * (size_t)s.ih + (size_t)iy) * (size_t)s.iw * 8;
                for (int kx = 0; kx < s.k; kx++) {
                    int from, to, tap = ky * s.k + kx;
                    valid(kx - s.pad, s.stride, s.iw, s.ow, &from, &to);
                    const real *w =
                        c->fwd + (((size_t)ob * (size_t)(s.k * s.k) + (size_t)tap) * (size_t)c->icb + (size_t)ib) * 64;
                    row_step(acc, from, to, row + 8 * (kx - s.pad), s.stride, w);
                }
            }
    }
}

/* Gathers: dx[iy][ix] = sum over taps with (iy + pad - ky) = stride oy. */
static void conv_bwd_data(mnk_conv *c, const real *dy, real *dx, void *scratch) {
    (void)scratch;
    mnk_conv_shape s = c->s;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < s.n * c->icb * s.ih; u++) {
        int iy = u % s.ih, ib = u / s.ih % c->icb, n = u / s.ih / c->icb;
        v8 *acc = (v8 *)(dx + (size_t)u * (size_t)s.iw * 8);
        memset(acc, 0, (size_t)s.iw * sizeof *acc);
        for (int ob = 0; ob < c->ocb; ob++)
            for (int ky = 0; ky < s.k; ky++) {
                int up = iy + s.pad - ky;
                if (up < 0 || up % s.stride || up / s.stride >= s.oh) continue;
                const real *row = dy + (((size_t)n * (size_t)c->ocb + (size_t)ob) * (size_t)s.oh + (size_t)(up / s.stride)) *
                                           (size_t)s.ow * 8;
                for (int kx = 0; kx < s.k; kx++) {
                    int tap = ky * s.k + kx, from, to;
                    const v8 *w =
                        (const v8 *)(c->bwd +
                                     (((size_t)ib * (size_t)(s.k * s.k) + (size_t)tap) * (size_t)c->ocb + (size_t)ob) * 64);
                    valid(kx - s.pad, s.stride, s.iw, s.ow, &from, &to);
                    for (int j = from; j < to; j++) {
                        v8 a = acc[j * s.stride + kx - s.pad];
                        for (int l = 0; l < 8; l++) a += row[8 * j + l] * w[l];
                        acc[j * s.stride + kx - s.pad] = a;
                    }
                }
            }
    }
}

/* One unit: 8 input by 8 output channels of one tap, summed over samples and positions by one thread. */
static void weight_tile(const mnk_conv *c, const real *x, const real *dy, int ib, int ob, int ky, int kx, v8 acc[8]) {
    mnk_conv_shape s = c->s;
    int from, to;
    valid(kx - s.pad, s.stride, s.iw, s.ow, &from, &to);
    for (int n = 0; n < s.n; n++)
        for (int oy = 0; oy < s.oh; oy++) {
            int iy = oy * s.stride + ky - s.pad;
            if (iy < 0 || iy >= s.ih) continue;
            const real *xr = x + ((((size_t)n * (size_t)c->icb + (size_t)ib) * (size_t)s.ih + (size_t)iy) * (size_t)s.iw) * 8;
            const v8 *dr =
                (const v8 *)(dy + (((size_t)n * (size_t)c->ocb + (size_t)ob) * (size_t)s.oh + (size_t)oy) * (size_t)s.ow * 8);
            for (int j = from; j < to; j++) {
                const real *xj = xr + 8 * (j * s.stride + kx - s.pad);
                for (int l = 0; l < 8; l++) acc[l] += xj[l] * dr[j];
            }
        }
}

static void conv_bwd_weights(mnk_conv *c, const real *x, const real *dy, real *dw, bool accumulate, void *scratch) {
    (void)scratch;
    mnk_conv_shape s = c->s;
    int tiles = c->icb * c->ocb;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < tiles * s.k * s.k; u++) {
        int tap = u / tiles, ib = u % tiles / c->ocb, ob = u % c->ocb;
        v8 acc[8];
        memset(acc, 0, sizeof acc);
        weight_tile(c, x, dy, ib, ob, tap / s.k, tap % s.k, acc);
        for (int i = 0; i < 8 && 8 * ib + i < s.ic; i++)
            for (int o = 0; o < 8 && 8 * ob + o < s.oc; o++) {
                real *to = dw + ((size_t)tap * (size_t)s.ic + (size_t)(8 * ib + i)) * (size_t)s.oc + (size_t)(8 * ob + o);
                *to = (accumulate ? *to : 0) + acc[i][o];
            }
    }
}

/* ---- products: row i of C at a time ---- */

static void gemm_row(bool ta, int n, int k, const real *a, int lda, int i, const real *b, int ldb, real *c) {
    for (int q = 0; q < k; q++) {
        real f = ta ? a[(size_t)q * (size_t)lda + (size_t)i] : a[(size_t)i * (size_t)lda + (size_t)q];
        const real *row = b + (size_t)q * (size_t)ldb;
        for (int j = 0; j < n; j++) c[j] += f * row[j];
    }
}

static void gemm_row_transposed(bool ta, int n, int k, const real *a, int lda, int i, const real *b, int ldb, real *c) {
    for (int j = 0; j < n; j++) {
        const real *row = b + (size_t)j * (size_t)ldb;
        real s[8] = {0};
        int q = 0;
        if (!ta) {
            const real *ai = a + (size_t)i * (size_t)lda;
            for (; q + 8 <= k; q += 8)
                for (int l = 0; l < 8; l++) s[l] += ai[q + l] * row[q + l];
        }
        for (; q < k; q++)
            s[0] += (ta ? a[(size_t)q * (size_t)lda + (size_t)i] : a[(size_t)i * (size_t)lda + (size_t)q]) * row[q];
        c[j] += ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
    }
}

static void gemm(bool ta, bool tb, int m, int n, int k, const real *a, int lda, const real *b, int ldb, real beta, real *c,
                 int ldc) {
#pragma omp parallel for schedule(static)
    for (int i = 0; i < m; i++) {
        real *row = c + (size_t)i * (size_t)ldc;
        for (int j = 0; j < n; j++) row[j] = beta == 0 ? 0 : beta * row[j];
        if (tb) gemm_row_transposed(ta, n, k, a, lda, i, b, ldb, row);
        else gemm_row(ta, n, k, a, lda, i, b, ldb, row);
    }
}

const mnk_backend mnk_backend_reference = {
    .name = "reference",
    .conv_open = conv_open,
    .conv_close = conv_close,
    .conv_scratch_bytes = conv_scratch_bytes,
    .conv_bytes = conv_bytes,
    .conv_weights = conv_weights,
    .conv_fwd = conv_fwd,
    .conv_bwd_data = conv_bwd_data,
    .conv_bwd_weights = conv_bwd_weights,
    .gemm = gemm,
};
