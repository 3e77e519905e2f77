/* The fast backend: per pass of a convolution one of three kernels by a fixed rule on the shape: our own for images of few
 * channels, Winograd where it saves products, else oneDNN's direct kernel. Matrix products in fixed blocks. */
#include "base/mem.h"
#include "nn/backend.h"
#include "nn/conv_direct.h"
#include "nn/conv_image.h"
#include "nn/gemm.h"
#include "nn/winograd.h"

typedef enum kernel { DIRECT, WINOGRAD, IMAGE } kernel;

struct mnk_conv {
    kernel use[3]; /* by mnk_pass */
    mnk_conv_direct *direct;
    mnk_winograd *winograd;
    mnk_conv_image *image;
};

static mnk_status check_shape(const mnk_conv_shape *s, mnk_error *err) {
    bool positive = s->n > 0 && s->ic > 0 && s->ih > 0 && s->iw > 0 && s->oc > 0 && s->k > 0 && s->stride > 0 && s->pad >= 0;
    if (positive && s->ih + 2 * s->pad >= s->k && s->iw + 2 * s->pad >= s->k &&
        s->oh == (s->ih + 2 * s->pad - s->k) / s->stride + 1 && s->ow == (s->iw + 2 * s->pad - s->k) / s->stride + 1)
        return MNK_OK;
    return MNK_FAIL(err, MNK_ERR_USAGE, "convolution %dx%dx%dx%d to %dx%dx%d with k%d s%d p%d: sizes do not fit together", s->n,
                    s->ic, s->ih, s->iw, s->oc, s->oh, s->ow, s->k, s->stride, s->pad);
}

/* Which kernel computes a pass: a function of the shape alone, so that the same seed gives the same bytes. */
static kernel choose(const mnk_conv_shape *s, mnk_pass pass) {
    if (mnk_conv_image_possible(s)) return IMAGE;
    return mnk_winograd_wins(s, pass) ? WINOGRAD : DIRECT;
}

static void conv_close(mnk_conv *c) {
    if (!c) return;
    mnk_conv_direct_close(c->direct);
    mnk_winograd_close(c->winograd);
    mnk_conv_image_close(c->image);
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
    bool on[3][3] = {{false}}; /* kernel, pass */
    for (int pass = 0; pass < 3; pass++) {
        c->use[pass] = choose(shape, (mnk_pass)pass);
        on[c->use[pass]][pass] = wanted[pass];
    }
    if (on[DIRECT][0] || on[DIRECT][1] || on[DIRECT][2])
        MNK_OUT(mnk_conv_direct_open(shape, on[DIRECT][0], on[DIRECT][1], on[DIRECT][2], &c->direct, err));
    if (on[WINOGRAD][0] || on[WINOGRAD][1] || on[WINOGRAD][2])
        MNK_OUT(mnk_winograd_open(shape, on[WINOGRAD][0] || on[WINOGRAD][1], &c->winograd, err));
    if (on[IMAGE][0] || on[IMAGE][1] || on[IMAGE][2]) MNK_OUT(mnk_conv_image_open(shape, &c->image, err));
    *out = c;
    return MNK_OK;
out:
    conv_close(c);
    return status;
}

static size_t conv_scratch_bytes(const mnk_conv *c) {
    size_t bytes[3] = {c->direct ? mnk_conv_direct_scratch_bytes(c->direct) : 0,
                       c->winograd ? mnk_winograd_scratch_bytes(c->winograd) : 0,
                       c->image ? mnk_conv_image_scratch_bytes(c->image) : 0};
    size_t most = bytes[0] > bytes[1] ? bytes[0] : bytes[1];
    return most > bytes[2] ? most : bytes[2];
}

static void conv_weights(mnk_conv *c, const real *w) {
    if (c->direct) mnk_conv_direct_weights(c->direct, w);
    if (c->winograd) mnk_winograd_weights(c->winograd, w);
    if (c->image) mnk_conv_image_weights(c->image, w);
}

static void conv_fwd(mnk_conv *c, const real *x, real *y, void *scratch) {
    switch (c->use[MNK_PASS_FWD]) {
    case DIRECT: mnk_conv_direct_fwd(c->direct, x, y, scratch); break;
    case WINOGRAD: mnk_winograd_fwd(c->winograd, x, y, scratch); break;
    case IMAGE: mnk_conv_image_fwd(c->image, x, y, scratch); break;
    }
}

static void conv_bwd_data(mnk_conv *c, const real *dy, real *dx, void *scratch) {
    switch (c->use[MNK_PASS_BWD_DATA]) {
    case DIRECT: mnk_conv_direct_bwd_data(c->direct, dy, dx, scratch); break;
    case WINOGRAD: mnk_winograd_bwd_data(c->winograd, dy, dx, scratch); break;
    case IMAGE: mnk_conv_image_bwd_data(c->image, dy, dx, scratch); break;
    }
}

static void conv_bwd_weights(mnk_conv *c, const real *x, const real *dy, real *dw, bool accumulate, void *scratch) {
    switch (c->use[MNK_PASS_BWD_WEIGHTS]) {
    case DIRECT: mnk_conv_direct_bwd_weights(c->direct, x, dy, dw, accumulate, scratch); break;
    case WINOGRAD: mnk_winograd_bwd_weights(c->winograd, x, dy, dw, accumulate, scratch); break;
    case IMAGE: mnk_conv_image_bwd_weights(c->image, x, dy, dw, accumulate, scratch); break;
    }
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
