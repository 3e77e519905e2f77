/* Linear layer, class embedding and projection head: operations on vectors [n][c]. */
#include <string.h>

#include "nn/graph.h"
#include "nn/ops.h"

enum { WIDTH = 64 /* columns per unit of work */ };

/* ---- linear: y = x W + b, W [in][out] ---- */

static void linear_apply(mnk_plan *p, mnk_node *n, const real *x, real *y) {
    int in = p->net->op[n->op->in[0]].c, out = n->op->c;
    p->backend->gemm(false, false, p->batch, out, in, x, in, n->w[0], out, 0, y, out);
}

void mnk_op_linear_forward(mnk_plan *p, mnk_node *n) {
    linear_apply(p, n, mnk_node_in(p, n, 0)->y, n->y);
    const real *b = mnk_node_weights(p, n, MNK_P_B);
    if (!b) return;
    int out = n->op->c;
    for (int i = 0; i < p->batch; i++)
        for (int j = 0; j < out; j++) n->y[(size_t)i * (size_t)out + (size_t)j] += b[j];
}

void mnk_op_linear_tangent(mnk_plan *p, mnk_node *n) { linear_apply(p, n, mnk_node_in(p, n, 0)->t, n->t); }

void mnk_op_linear_backward(mnk_plan *p, mnk_node *n, int slot, real *dx) {
    (void)slot;
    int in = p->net->op[n->op->in[0]].c, out = n->op->c;
    p->backend->gemm(false, true, p->batch, in, out, n->dy, out, n->w[0], out, 0, dx, in);
}

void mnk_op_linear_weights(mnk_plan *p, mnk_node *n, const real *x, bool tangent, bool add) {
    int in = p->net->op[n->op->in[0]].c, out = n->op->c;
    bool kernel_add = add;
    real *dw = mnk_weight_gradient_begin(p, n, MNK_P_W, &kernel_add);
    p->backend->gemm(true, false, in, out, p->batch, x, in, n->dy, out, kernel_add ? 1 : 0, dw, out);
    mnk_weight_gradient_end(p, n, MNK_P_W, add);
    real *db = mnk_node_gradient(p, n, MNK_P_B);
    if (db && !tangent) mnk_sum_columns(n->dy, p->batch, out, db, add);
}

/* The gradient of a sample is x dy': an outer product, whose squared norm is the product of two (Goodfellow 2015). */
void mnk_op_linear_norms(mnk_plan *p, mnk_node *n, const real *x, double *norms2) {
    size_t in = (size_t)p->net->op[n->op->in[0]].c, out = (size_t)n->op->c;
    double bias = mnk_node_gradient(p, n, MNK_P_B) ? 1 : 0;
#pragma omp parallel for schedule(static)
    for (int s = 0; s < p->batch; s++) {
        const real *xs = x + (size_t)s * in, *ds = n->dy + (size_t)s * out;
        norms2[s] += (mnk_dot(xs, xs, in) + bias) * mnk_dot(ds, ds, out);
    }
}

double mnk_op_linear_macs(const mnk_net *net, const mnk_op *op) { return (double)net->op[op->in[0]].c * op->c; }

/* ---- embedding: y = W[label] ---- */

void mnk_op_embed_forward(mnk_plan *p, mnk_node *n) {
    size_t c = (size_t)n->op->c;
    const int32_t *label = p->node[n->op->labels].labels;
    for (int i = 0; i < p->batch; i++) memcpy(n->y + (size_t)i * c, n->w[0] + (size_t)label[i] * c, c * sizeof *n->y);
}

void mnk_op_embed_tangent(mnk_plan *p, mnk_node *n) {
    (void)p;
    memset(n->t, 0, n->size * sizeof *n->t); /* does not depend on the input */
}

/* dw[label[i]] += f[i] x[i], samples in order, columns in parallel; f NULL: 1. */
static void scatter(const int32_t *label, const real *f, const real *x, int n, size_t c, real *dw) {
#pragma omp parallel for schedule(static) if ((size_t)n * c > 16384)
    for (size_t begin = 0; begin < c; begin += WIDTH) {
        size_t end = begin + WIDTH < c ? begin + WIDTH : c;
        for (int i = 0; i < n; i++) {
            real *row = dw + (size_t)label[i] * c, k = f ? f[i] : 1;
            for (size_t j = begin; j < end; j++) row[j] += k * x[(size_t)i * c + j];
        }
    }
}

void mnk_op_embed_weights(mnk_plan *p, mnk_node *n, const real *x, bool tangent, bool add) {
    (void)x;
    if (tangent) return; /* the class vectors act by addition only */
    real *dw = mnk_node_gradient(p, n, MNK_P_W);
    if (!add) memset(dw, 0, mnk_param_of(p, n, MNK_P_W)->count * sizeof *dw);
    scatter(p->node[n->op->labels].labels, NULL, n->dy, p->batch, (size_t)n->op->c, dw);
}

/* A sample touches the one row of its class, whoever else does. */
void mnk_op_embed_norms(mnk_plan *p, mnk_node *n, const real *x, double *norms2) {
    (void)x;
    size_t c = (size_t)n->op->c;
    for (int s = 0; s < p->batch; s++) norms2[s] += mnk_dot(n->dy + (size_t)s * c, n->dy + (size_t)s * c, c);
}

/* ---- projection head: y = <x, w + e[label]> + b ---- */

static real dot2(const real *x, const real *w, const real *e, size_t c) {
    real s[8] = {0};
    size_t j = 0;
    for (; j + 8 <= c; j += 8)
        for (size_t l = 0; l < 8; l++) s[l] += x[j + l] * (w[j + l] + e[j + l]);
    for (; j < c; j++) s[0] += x[j] * (w[j] + e[j]);
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static void project_apply(mnk_plan *p, mnk_node *n, const real *x, const real *b, real *y) {
    size_t c = (size_t)p->net->op[n->op->in[0]].c;
    const int32_t *label = p->node[n->op->labels].labels;
#pragma omp parallel for schedule(static)
    for (int i = 0; i < p->batch; i++)
        y[i] = dot2(x + (size_t)i * c, n->w[0], n->w[1] + (size_t)label[i] * c, c) + (b ? b[0] : 0);
}

void mnk_op_project_forward(mnk_plan *p, mnk_node *n) {
    project_apply(p, n, mnk_node_in(p, n, 0)->y, mnk_node_weights(p, n, MNK_P_B), n->y);
}

void mnk_op_project_tangent(mnk_plan *p, mnk_node *n) { project_apply(p, n, mnk_node_in(p, n, 0)->t, NULL, n->t); }

void mnk_op_project_backward(mnk_plan *p, mnk_node *n, int slot, real *dx) {
    (void)slot;
    size_t c = (size_t)p->net->op[n->op->in[0]].c;
    const int32_t *label = p->node[n->op->labels].labels;
#pragma omp parallel for schedule(static)
    for (int i = 0; i < p->batch; i++) {
        const real *e = n->w[1] + (size_t)label[i] * c, *w = n->w[0];
        real *row = dx + (size_t)i * c, d = n->dy[i];
        for (size_t j = 0; j < c; j++) row[j] = d * (w[j] + e[j]);
    }
}

void mnk_op_project_weights(mnk_plan *p, mnk_node *n, const real *x, bool tangent, bool add) {
    size_t c = (size_t)p->net->op[n->op->in[0]].c;
    bool kernel_add = add;
    real *dw = mnk_weight_gradient_begin(p, n, MNK_P_W, &kernel_add);
    p->backend->gemm(true, false, (int)c, 1, p->batch, x, (int)c, n->dy, 1, kernel_add ? 1 : 0, dw, 1);
    mnk_weight_gradient_end(p, n, MNK_P_W, add);
    kernel_add = add;
    real *de = mnk_weight_gradient_begin(p, n, MNK_P_E, &kernel_add);
    if (!kernel_add) memset(de, 0, mnk_param_of(p, n, MNK_P_E)->count * sizeof *de);
    scatter(p->node[n->op->labels].labels, n->dy, x, p->batch, c, de);
    mnk_weight_gradient_end(p, n, MNK_P_E, add);
    real *db = mnk_node_gradient(p, n, MNK_P_B);
    if (db && !tangent) mnk_sum_columns(n->dy, p->batch, 1, db, add);
}

/* dy x for w, the same for the row of the class, dy for the bias. */
void mnk_op_project_norms(mnk_plan *p, mnk_node *n, const real *x, double *norms2) {
    size_t c = (size_t)p->net->op[n->op->in[0]].c;
    double bias = mnk_node_gradient(p, n, MNK_P_B) ? 1 : 0;
    for (int s = 0; s < p->batch; s++) {
        const real *xs = x + (size_t)s * c;
        norms2[s] += (2 * mnk_dot(xs, xs, c) + bias) * (double)n->dy[s] * (double)n->dy[s];
    }
}

double mnk_op_project_macs(const mnk_net *net, const mnk_op *op) { return (double)net->op[op->in[0]].c; }
