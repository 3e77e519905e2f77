/* The reference backend: plain loops, one unit of work per (image, block of output channels). The measure of every other
 * backend, and the one that runs anywhere; built in double precision by the gradient tests. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/backend.h"

struct mnk_conv {
    mnk_conv_shape s;
    real *w; /* [k][k][ic][oc] */
};

static mnk_status conv_open(const mnk_conv_shape *shape, bool fwd, bool bwd_data, bool bwd_weights, mnk_conv **out,
                            mnk_error *err) {
    (void)fwd;
    (void)bwd_data;
    (void)bwd_weights;
    *out = mnk_alloc(1, sizeof **out);
    if (*out)
        (*out)->w =
            mnk_alloc_aligned((size_t)shape->k * (size_t)shape->k * (size_t)shape->ic * (size_t)shape->oc, sizeof(real));
    if (!*out || !(*out)->w) {
        mnk_free(*out);
        *out = NULL;
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a convolution");
    }
    (*out)->s = *shape;
    return MNK_OK;
}

static void conv_close(mnk_conv *c) {
    if (!c) return;
    mnk_free(c->w);
    mnk_free(c);
}

static size_t conv_scratch_bytes(const mnk_conv *c) {
    (void)c;
    return 0;
}

static void conv_weights(mnk_conv *c, const real *w) {
    memcpy(c->w, w, (size_t)c->s.k * (size_t)c->s.k * (size_t)c->s.ic * (size_t)c->s.oc * sizeof *w);
}

/* Number (image, channel, row, column) of a blocked map. */
static inline size_t at(int image, int channels, int h, int w, int c, int y, int x) {
    return ((((size_t)image * (size_t)(mnk_padded(channels) / 8) + (size_t)(c / 8)) * (size_t)h + (size_t)y) * (size_t)w +
            (size_t)x) *
               8 +
           (size_t)(c % 8);
}

static void conv_fwd(mnk_conv *c, const real *x, real *y, void *scratch) {
    (void)scratch;
    mnk_conv_shape s = c->s;
    memset(y, 0, (size_t)s.n * (size_t)mnk_padded(s.oc) * (size_t)s.oh * (size_t)s.ow * sizeof *y);
#pragma omp parallel for collapse(2) schedule(static)
    for (int n = 0; n < s.n; n++)
        for (int oy = 0; oy < s.oh; oy++)
            for (int ox = 0; ox < s.ow; ox++)
                for (int ky = 0; ky < s.k; ky++)
                    for (int kx = 0; kx < s.k; kx++) {
                        int iy = oy * s.stride - s.pad + ky, ix = ox * s.stride - s.pad + kx;
                        if (iy < 0 || iy >= s.ih || ix < 0 || ix >= s.iw) continue;
                        for (int i = 0; i < s.ic; i++) {
                            real v = x[at(n, s.ic, s.ih, s.iw, i, iy, ix)];
                            const real *w = c->w + ((size_t)(ky * s.k + kx) * (size_t)s.ic + (size_t)i) * (size_t)s.oc;
                            for (int o = 0; o < s.oc; o++) y[at(n, s.oc, s.oh, s.ow, o, oy, ox)] += v * w[o];
                        }
                    }
}

static void conv_bwd_data(mnk_conv *c, const real *dy, real *dx, void *scratch) {
    (void)scratch;
    mnk_conv_shape s = c->s;
    memset(dx, 0, (size_t)s.n * (size_t)mnk_padded(s.ic) * (size_t)s.ih * (size_t)s.iw * sizeof *dx);
#pragma omp parallel for schedule(static)
    for (int n = 0; n < s.n; n++)
        for (int oy = 0; oy < s.oh; oy++)
            for (int ox = 0; ox < s.ow; ox++)
                for (int ky = 0; ky < s.k; ky++)
                    for (int kx = 0; kx < s.k; kx++) {
                        int iy = oy * s.stride - s.pad + ky, ix = ox * s.stride - s.pad + kx;
                        if (iy < 0 || iy >= s.ih || ix < 0 || ix >= s.iw) continue;
                        for (int i = 0; i < s.ic; i++) {
                            const real *w = c->w + ((size_t)(ky * s.k + kx) * (size_t)s.ic + (size_t)i) * (size_t)s.oc;
                            real sum = 0;
                            for (int o = 0; o < s.oc; o++) sum += w[o] * dy[at(n, s.oc, s.oh, s.ow, o, oy, ox)];
                            dx[at(n, s.ic, s.ih, s.iw, i, iy, ix)] += sum;
                        }
                    }
}

static void conv_bwd_weights(mnk_conv *c, const real *x, const real *dy, real *dw, bool accumulate, void *scratch) {
    (void)scratch;
    mnk_conv_shape s = c->s;
    if (!accumulate) memset(dw, 0, (size_t)s.k * (size_t)s.k * (size_t)s.ic * (size_t)s.oc * sizeof *dw);
#pragma omp parallel for collapse(2) schedule(static)
    for (int tap = 0; tap < s.k * s.k; tap++)
        for (int i = 0; i < s.ic; i++) {
            real *row = dw + ((size_t)tap * (size_t)s.ic + (size_t)i) * (size_t)s.oc;
            for (int n = 0; n < s.n; n++)
                for (int oy = 0; oy < s.oh; oy++)
                    for (int ox = 0; ox < s.ow; ox++) {
                        int iy = oy * s.stride - s.pad + tap / s.k, ix = ox * s.stride - s.pad + tap % s.k;
                        if (iy < 0 || iy >= s.ih || ix < 0 || ix >= s.iw) continue;
                        real v = x[at(n, s.ic, s.ih, s.iw, i, iy, ix)];
                        for (int o = 0; o < s.oc; o++) row[o] += v * dy[at(n, s.oc, s.oh, s.ow, o, oy, ox)];
                    }
        }
}

static void gemm(bool ta, bool tb, int m, int n, int k, const real *a, int lda, const real *b, int ldb, real beta, real *c,
                 int ldc) {
#pragma omp parallel for schedule(static)
    for (int i = 0; i < m; i++) {
        real *row = c + (size_t)i * (size_t)ldc;
        for (int j = 0; j < n; j++) row[j] = beta != 0 ? beta * row[j] : 0;
        for (int l = 0; l < k; l++) {
            real v = ta ? a[(size_t)l * (size_t)lda + (size_t)i] : a[(size_t)i * (size_t)lda + (size_t)l];
            for (int j = 0; j < n; j++)
                row[j] += v * (tb ? b[(size_t)j * (size_t)ldb + (size_t)l] : b[(size_t)l * (size_t)ldb + (size_t)j]);
        }
    }
}

const mnk_backend mnk_backend_reference = {
    .name = "reference",
    .conv_open = conv_open,
    .conv_close = conv_close,
    .conv_scratch_bytes = conv_scratch_bytes,
    .conv_weights = conv_weights,
    .conv_fwd = conv_fwd,
    .conv_bwd_data = conv_bwd_data,
    .conv_bwd_weights = conv_bwd_weights,
    .gemm = gemm,
};
