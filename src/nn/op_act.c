/* Activations, dropout, add: one number in, one number out. */
#include <math.h>
#include <string.h>

#include "nn/graph.h"
#include "nn/ops.h"
#include "nn/vector_math.h"

enum { CHUNK = 8192 };

/* `omp simd`: gradients may be written over the ones they are made from. */
#define EACH(body)                                                                                                             \
    _Pragma("omp simd") for (size_t i = begin; i < end; i++) { body }

static real sigmoid(real x) { return (real)1 / ((real)1 + (real)exp(-(double)x)); }

/* Eight at a time in float; in double (gradient tests) by the library. */
static void sigmoid_chunk(const real *x, real *y, size_t n) {
    if (sizeof(real) == sizeof(float)) {
        mnk_sigmoid_f32((const void *)x, (void *)y, n);
        return;
    }
    for (size_t i = 0; i < n; i++) y[i] = sigmoid(x[i]);
}

static void tanh_chunk(const real *x, real *y, size_t n) {
    if (sizeof(real) == sizeof(float)) {
        mnk_tanh_f32((const void *)x, (void *)y, n);
        return;
    }
    for (size_t i = 0; i < n; i++) y[i] = (real)tanh((double)x[i]);
}

/* Both branches are computed and one is kept: a loop the compiler can vectorise. */
static void act_chunk(const mnk_op *op, const real *x, real *y, size_t begin, size_t end) {
    real slope = (real)op->slope;
    switch (op->act) {
    case MNK_ACT_RELU: EACH(y[i] = x[i] > 0 ? x[i] : 0;) break;
    case MNK_ACT_LEAKY: EACH(real low = slope * x[i]; y[i] = x[i] > 0 ? x[i] : low;) break;
    case MNK_ACT_TANH: tanh_chunk(x + begin, y + begin, end - begin); break;
    case MNK_ACT_SIGMOID: sigmoid_chunk(x + begin, y + begin, end - begin); break;
    case MNK_ACT_SILU:
        sigmoid_chunk(x + begin, y + begin, end - begin);
        EACH(y[i] *= x[i];)
        break;
    }
}

void mnk_op_act_forward(mnk_plan *p, mnk_node *n) {
    const real *x = mnk_node_in(p, n, 0)->y;
    if (mnk_node_in(p, n, 0)->then == n->op) return; /* done by the norm before */
#pragma omp parallel for schedule(static) if (n->size > 4 * CHUNK)
    for (size_t begin = 0; begin < n->size; begin += CHUNK)
        act_chunk(n->op, x, n->y, begin, begin + CHUNK < n->size ? begin + CHUNK : n->size);
    if (n->op->act == MNK_ACT_SIGMOID && !mnk_is_vector(n->op))
        mnk_zero_padding(n->y, p->batch, n->op->c, n->op->h * n->op->w); /* sigmoid(0) is not 0 */
}

/* out = derivative * d. Relu and leaky at 0 take the slope of the left side, as the forward pass does. */
static void act_chunk_back(const mnk_op *op, const real *x, const real *y, const real *d, real *out, size_t begin, size_t end) {
    real slope = (real)op->slope;
    switch (op->act) {
    case MNK_ACT_RELU: EACH(out[i] = y[i] > 0 ? d[i] : 0;) break;
    case MNK_ACT_LEAKY: EACH(real low = slope * d[i]; out[i] = y[i] > 0 ? d[i] : low;) break;
    case MNK_ACT_TANH: EACH(out[i] = d[i] * (1 - y[i] * y[i]);) break;
    case MNK_ACT_SIGMOID: EACH(out[i] = d[i] * y[i] * (1 - y[i]);) break;
    case MNK_ACT_SILU: /* out may be d: the logistic function of x waits elsewhere */
        for (size_t at = begin; at < end; at += 256) {
            real s[256];
            size_t count = end - at < 256 ? end - at : 256;
            sigmoid_chunk(x + at, s, count);
#pragma omp simd
            for (size_t i = 0; i < count; i++) out[at + i] = d[at + i] * (s[i] + y[at + i] * (1 - s[i]));
        }
        break;
    }
}

static void act_derivative(mnk_plan *p, mnk_node *n, const real *d, real *out) {
    const real *x = mnk_node_in(p, n, 0)->y;
#pragma omp parallel for schedule(static) if (n->size > 4 * CHUNK)
    for (size_t begin = 0; begin < n->size; begin += CHUNK)
        act_chunk_back(n->op, x, n->y, d, out, begin, begin + CHUNK < n->size ? begin + CHUNK : n->size);
}

void mnk_op_act_backward(mnk_plan *p, mnk_node *n, int slot, real *dx) {
    (void)slot;
    const mnk_node *in = mnk_node_in(p, n, 0);
    if (in->then == n->op && in->then_back) return; /* the norm before does it when it sums its gradients */
    act_derivative(p, n, n->dy, dx);
}

void mnk_op_act_tangent(mnk_plan *p, mnk_node *n) { act_derivative(p, n, mnk_node_in(p, n, 0)->t, n->t); }

/* ---- add ---- */

static void add(const real *a, const real *b, real *y, size_t size) {
#pragma omp parallel for schedule(static) if (size > 4 * CHUNK)
    for (size_t begin = 0; begin < size; begin += CHUNK) {
        size_t end = begin + CHUNK < size ? begin + CHUNK : size;
        EACH(y[i] = a[i] + b[i];)
    }
}

void mnk_op_add_forward(mnk_plan *p, mnk_node *n) { add(mnk_node_in(p, n, 0)->y, mnk_node_in(p, n, 1)->y, n->y, n->size); }
void mnk_op_add_tangent(mnk_plan *p, mnk_node *n) { add(mnk_node_in(p, n, 0)->t, mnk_node_in(p, n, 1)->t, n->t, n->size); }
void mnk_op_add_backward(mnk_plan *p, mnk_node *n, int slot, real *dx) {
    (void)p;
    (void)slot;
    mnk_copy(dx, n->dy, n->size);
}

/* ---- dropout: kept numbers are divided by the share kept ---- */

mnk_status mnk_op_dropout_plan(mnk_plan *p, mnk_node *n, mnk_error *err) {
    (void)p;
    (void)err;
    n->n_save = n->size; /* the mask */
    return MNK_OK;
}

/* Draws follow c,h,w order of each sample, so that masks do not depend on the layout. */
static void draw_mask(const mnk_plan *p, mnk_node *n) {
    const mnk_op *op = n->op;
    int hw = mnk_is_vector(op) ? 1 : op->h * op->w;
    real keep = (real)(1 / (1 - op->rate));
    memset(n->save, 0, n->size * sizeof *n->save);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < p->batch; s++) {
        mnk_rng r = *p->dropout; /* sample s of this operation has a stream of its own */
        uint32_t item = r.counter[1];
        r.counter[1] += (uint32_t)s;
        r.counter[2] += (uint32_t)(r.counter[1] < item) + ((uint32_t)(n->id + 1) << 16);
        r.counter[0] = 0;
        r.used = 4;
        real *mask = n->save + (size_t)s * mnk_sample_size(op);
        for (int c = 0; c < op->c; c++)
            for (int i = 0; i < hw; i++) {
                real m = mnk_rng_uniform_f32(&r) < (float)op->rate ? 0 : keep;
                if (mnk_is_vector(op)) mask[c] = m;
                else mask[((size_t)(c / 8) * (size_t)hw + (size_t)i) * 8 + (size_t)(c % 8)] = m;
            }
    }
}

static void dropout_apply(const mnk_node *n, const real *x, real *y) {
    if (!n->masked) {
        mnk_copy(y, x, n->size);
        return;
    }
    const real *mask = n->save;
#pragma omp parallel for schedule(static) if (n->size > 4 * CHUNK)
    for (size_t begin = 0; begin < n->size; begin += CHUNK) {
        size_t end = begin + CHUNK < n->size ? begin + CHUNK : n->size;
        EACH(y[i] = mask[i] * x[i];)
    }
}

void mnk_op_dropout_forward(mnk_plan *p, mnk_node *n) {
    n->masked = p->dropout != NULL && n->op->rate > 0;
    if (n->masked) draw_mask(p, n);
    dropout_apply(n, mnk_node_in(p, n, 0)->y, n->y);
}

void mnk_op_dropout_backward(mnk_plan *p, mnk_node *n, int slot, real *dx) {
    (void)p;
    (void)slot;
    dropout_apply(n, n->dy, dx);
}

void mnk_op_dropout_tangent(mnk_plan *p, mnk_node *n) { dropout_apply(n, mnk_node_in(p, n, 0)->t, n->t); }
