/* The fast backend: per pass of a convolution either oneDNN's direct kernel or our Winograd kernel, by a fixed rule on the
 * shape; matrix products in fixed blocks. */
#include "base/mem.h"
#include "nn/backend.h"
#include "nn/conv_direct.h"
#include "nn/gemm.h"
#include "nn/winograd.h"

struct mnk_conv {
    bool winograd[3]; /* by mnk_pass: which of the two computes it */
    mnk_conv_direct *direct;
    mnk_winograd *transformed;
};

static mnk_status check_shape(const mnk_conv_shape *s, mnk_error *err) {
    bool positive = s->n > 0 && s->ic > 0 && s->ih > 0 && s->iw > 0 && s->oc > 0 && s->k > 0 && s->stride > 0 && s->pad >= 0;
    if (positive && s->ih + 2 * s->pad >= s->k && s->iw + 2 * s->pad >= s->k &&
        s->oh == (s->ih + 2 * s->pad - s->k) / s->stride + 1 && s->ow == (s->iw + 2 * s->pad - s->k) / s->stride + 1)
        return MNK_OK;
    return MNK_FAIL(err, MNK_ERR_USAGE, "convolution %dx%dx%dx%d to %dx%dx%d with k%d s%d p%d: sizes do not fit together", s->n,
                    s->ic, s->ih, s->iw, s->oc, s->oh, s->ow, s->k, s->stride, s->pad);
}

static void conv_close(mnk_conv *c) {
    if (!c) return;
    mnk_conv_direct_close(c->direct);
    mnk_winograd_close(c->transformed);
    mnk_free(c);
}

static mnk_status conv_open(const mnk_conv_shape *shape, bool fwd, bool bwd_data, bool bwd_weights, mnk_conv **out,
                            mnk_error *err) {
    *out = NULL;
    MNK_TRY(check_shape(shape, err));
    mnk_conv *c = NULL;
    mnk_status status = MNK_OK;
    MNK_TRY(MNK_NEW(c, 1, err));
    const bool wanted[3] = {fwd, bwd_data, bwd_weights};
    bool direct[3], any_direct = false, any_winograd = false;
    for (int pass = 0; pass < 3; pass++) {
        c->winograd[pass] = wanted[pass] && mnk_winograd_wins(shape, (mnk_pass)pass);
        direct[pass] = wanted[pass] && !c->winograd[pass];
        any_direct |= direct[pass];
        any_winograd |= c->winograd[pass];
    }
    if (any_direct)
        MNK_OUT(mnk_conv_direct_open(shape, direct[MNK_PASS_FWD], direct[MNK_PASS_BWD_DATA], direct[MNK_PASS_BWD_WEIGHTS],
                                     &c->direct, err));
    if (any_winograd)
        MNK_OUT(mnk_winograd_open(shape, c->winograd[MNK_PASS_FWD] || c->winograd[MNK_PASS_BWD_DATA], &c->transformed, err));
    *out = c;
    return MNK_OK;
out:
    conv_close(c);
    return status;
}

static size_t conv_scratch_bytes(const mnk_conv *c) {
    size_t a = c->direct ? mnk_conv_direct_scratch_bytes(c->direct) : 0;
    size_t b = c->transformed ? mnk_winograd_scratch_bytes(c->transformed) : 0;
    return a > b ? a : b;
}

static void conv_weights(mnk_conv *c, const real *w) {
    if (c->direct) mnk_conv_direct_weights(c->direct, w);
    if (c->transformed) mnk_winograd_weights(c->transformed, w);
}

static void conv_fwd(mnk_conv *c, const real *x, real *y, void *scratch) {
    if (c->winograd[MNK_PASS_FWD]) mnk_winograd_fwd(c->transformed, x, y, scratch);
    else mnk_conv_direct_fwd(c->direct, x, y, scratch);
}

static void conv_bwd_data(mnk_conv *c, const real *dy, real *dx, void *scratch) {
    if (c->winograd[MNK_PASS_BWD_DATA]) mnk_winograd_bwd_data(c->transformed, dy, dx, scratch);
    else mnk_conv_direct_bwd_data(c->direct, dy, dx, scratch);
}

static void conv_bwd_weights(mnk_conv *c, const real *x, const real *dy, real *dw, bool accumulate, void *scratch) {
    if (c->winograd[MNK_PASS_BWD_WEIGHTS]) mnk_winograd_bwd_weights(c->transformed, x, dy, dw, accumulate, scratch);
    else mnk_conv_direct_bwd_weights(c->direct, x, dy, dw, accumulate, scratch);
}

static void gemm(bool ta, bool tb, int m, int n, int k, const real *a, int lda, const real *b, int ldb, real beta, real *c,
                 int ldc) {
    mnk_gemm_f32(ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

const mnk_backend mnk_backend_onednn = {
    .name = "onednn",
    .conv_open = conv_open,
    .conv_close = conv_close,
    .conv_scratch_bytes = conv_scratch_bytes,
    .conv_weights = conv_weights,
    .conv_fwd = conv_fwd,
    .conv_bwd_data = conv_bwd_data,
    .conv_bwd_weights = conv_bwd_weights,
    .gemm = gemm,
};
