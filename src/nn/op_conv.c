/* Convolution and transposed convolution. The latter is the same kernel object with forward and backward-data exchanged. */
#include <string.h>

#include "nn/graph.h"
#include "nn/ops.h"

mnk_conv_shape mnk_op_conv_shape(const mnk_plan *p, const mnk_node *n) {
    const mnk_op *op = n->op, *in = &p->net->op[op->in[0]];
    const mnk_op *wide = op->kind == MNK_OP_CONV ? in : op, *narrow = op->kind == MNK_OP_CONV ? op : in;
    return (mnk_conv_shape){.n = p->batch,
                            .ic = wide->c,
                            .ih = wide->h,
                            .iw = wide->w,
                            .oc = narrow->c,
                            .oh = narrow->h,
                            .ow = narrow->w,
                            .k = op->k,
                            .stride = op->stride,
                            .pad = op->pad};
}

mnk_status mnk_op_conv_plan(mnk_plan *p, mnk_node *n, mnk_error *err) {
    mnk_conv_shape shape = mnk_op_conv_shape(p, n);
    const mnk_node *in = mnk_node_in(p, n, 0);
    bool transposed = n->op->kind == MNK_OP_DECONV;
    bool data = (mnk_plan_trains(p) && in->needs_weights) || (mnk_plan_input_gradients(p) && in->needs_input);
    bool weights = mnk_plan_trains(p);
    if (transposed) /* oh of the convolution must round back to the input's size */
        if ((shape.ih + 2 * shape.pad - shape.k) / shape.stride + 1 != shape.oh)
            return MNK_FAIL(err, MNK_ERR_USAGE, "'%s': size does not divide by its stride", n->op->name);
    MNK_TRY(p->backend->conv_open(&shape, transposed ? data : true, transposed ? true : data, weights, &n->conv, err));
    mnk_want(&p->scratch_bytes, p->backend->conv_scratch_bytes(n->conv));
    if (p->flags & MNK_PLAN_PRIVATE) mnk_want(&p->scratch_bytes, mnk_conv_norms_scratch(&shape));
    if (p->backend->conv_bytes) p->conv_bytes += p->backend->conv_bytes(n->conv);
    mnk_want(&p->n_partial, (size_t)p->batch * (size_t)mnk_padded(n->op->c));
    return MNK_OK;
}

void mnk_op_conv_refresh(mnk_plan *p, mnk_node *n) { p->backend->conv_weights(n->conv, n->w[0]); }

static void apply(mnk_plan *p, mnk_node *n, const real *x, real *y) {
    if (n->op->kind == MNK_OP_CONV) p->backend->conv_fwd(n->conv, x, y, p->scratch);
    else p->backend->conv_bwd_data(n->conv, x, y, p->scratch);
}

static void add_bias(real *y, const real *b, int n, int c, int hw) {
    int cb = mnk_padded(c) / 8;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < n * cb; u++) {
        int first = u % cb * 8;
        real lanes[8] = {0}, *block = y + (size_t)u * (size_t)hw * 8;
        for (int l = 0; l < 8 && first + l < c; l++) lanes[l] = b[first + l];
        for (int i = 0; i < hw; i++)
            for (int l = 0; l < 8; l++) block[8 * i + l] += lanes[l];
    }
}

void mnk_op_conv_forward(mnk_plan *p, mnk_node *n) {
    const mnk_op *op = n->op;
    apply(p, n, mnk_node_in(p, n, 0)->y, n->y);
    const real *b = mnk_node_weights(p, n, MNK_P_B);
    if (b) add_bias(n->y, b, p->batch, op->c, op->h * op->w);
}

void mnk_op_conv_tangent(mnk_plan *p, mnk_node *n) { apply(p, n, mnk_node_in(p, n, 0)->t, n->t); }

void mnk_op_conv_backward(mnk_plan *p, mnk_node *n, int slot, real *dx) {
    (void)slot;
    if (n->op->kind == MNK_OP_CONV) p->backend->conv_bwd_data(n->conv, n->dy, dx, p->scratch);
    else p->backend->conv_fwd(n->conv, n->dy, dx, p->scratch);
}

void mnk_op_conv_weights(mnk_plan *p, mnk_node *n, const real *x, bool tangent, bool add) {
    const mnk_op *op = n->op;
    bool kernel_add = add;
    real *dw = mnk_weight_gradient_begin(p, n, MNK_P_W, &kernel_add);
    if (op->kind == MNK_OP_CONV) p->backend->conv_bwd_weights(n->conv, x, n->dy, dw, kernel_add, p->scratch);
    else p->backend->conv_bwd_weights(n->conv, n->dy, x, dw, kernel_add, p->scratch);
    mnk_weight_gradient_end(p, n, MNK_P_W, add);
    real *db = mnk_node_gradient(p, n, MNK_P_B);
    if (db && !tangent) mnk_sum_channels(n->dy, p->batch, op->c, op->h * op->w, p->partial, db, add);
}

double mnk_op_conv_macs(const mnk_net *net, const mnk_op *op) {
    const mnk_op *in = &net->op[op->in[0]], *narrow = op->kind == MNK_OP_CONV ? op : in;
    return (double)op->k * op->k * in->c * op->c * narrow->h * narrow->w;
}
