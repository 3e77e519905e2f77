/* Executing a plan: refresh, forward, backward, and the tangent pass of gradient penalties. */
#include <string.h>

#include "nn/graph.h"
#include "nn/ops.h"

/* ---- values in plain order ---- */

static void from_float(const float *plain, real *to, size_t n) {
    for (size_t i = 0; i < n; i++) to[i] = (real)plain[i];
}

static void put(mnk_plan *p, const mnk_node *n, const float *plain, real *to) {
    const mnk_op *op = n->op;
    if (mnk_is_vector(op)) {
        from_float(plain, to, n->size);
        return;
    }
    int cb = mnk_padded(op->c) / 8, hw = op->h * op->w;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < p->batch * cb; u++) {
        int s = u / cb, first = u % cb * 8, lanes = op->c - first < 8 ? op->c - first : 8;
        const float *from = plain + ((size_t)s * (size_t)op->c + (size_t)first) * (size_t)hw;
        real *block = to + (size_t)u * (size_t)hw * 8;
        for (int i = 0; i < hw; i++)
            for (int l = 0; l < 8; l++) block[8 * i + l] = l < lanes ? (real)from[l * hw + i] : 0;
    }
}

static void get(const mnk_plan *p, const mnk_node *n, const real *from, float *plain) {
    const mnk_op *op = n->op;
    if (mnk_is_vector(op)) {
        for (size_t i = 0; i < n->size; i++) plain[i] = (float)from[i];
        return;
    }
    int cb = mnk_padded(op->c) / 8, hw = op->h * op->w;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < p->batch * cb; u++) {
        int s = u / cb, first = u % cb * 8, lanes = op->c - first < 8 ? op->c - first : 8;
        float *to = plain + ((size_t)s * (size_t)op->c + (size_t)first) * (size_t)hw;
        const real *block = from + (size_t)u * (size_t)hw * 8;
        for (int l = 0; l < lanes; l++)
            for (int i = 0; i < hw; i++) to[l * hw + i] = (float)block[8 * i + l];
    }
}

void mnk_plan_put(mnk_plan *p, mnk_value v, const float *plain) { put(p, &p->node[v], plain, p->node[v].y); }
void mnk_plan_get(const mnk_plan *p, mnk_value v, float *plain) { get(p, &p->node[v], p->node[v].y, plain); }
void mnk_plan_put_grad(mnk_plan *p, mnk_value v, const float *plain) { put(p, &p->node[v], plain, p->node[v].dy); }
void mnk_plan_get_grad(const mnk_plan *p, mnk_value v, float *plain) { get(p, &p->node[v], p->node[v].dy, plain); }
real *mnk_plan_data(mnk_plan *p, mnk_value v) { return p->node[v].y; }
real *mnk_plan_grad(mnk_plan *p, mnk_value v) { return p->node[v].dy; }

void mnk_plan_put_labels(mnk_plan *p, mnk_value v, const int32_t *labels) {
    memcpy(p->node[v].labels, labels, (size_t)p->batch * sizeof *labels);
}

/* ---- weights changed ---- */

static void scale_weights(mnk_plan *p, mnk_node *n, int role, bool iterate) {
    const mnk_param *q = mnk_param_of(p, n, role);
    if (!q) return;
    bool e = role == MNK_P_E;
    mnk_matrix m = mnk_op_matrix(n->op, role, q);
    real *u = mnk_node_state(p, n, e ? MNK_P_EU : MNK_P_U), *v = mnk_node_state(p, n, e ? MNK_P_EV : MNK_P_V);
    const real *w = mnk_node_weights(p, n, role);
    if (iterate) mnk_spectral_iterate(m, w, u, v, p->scratch);
    n->sigma[e] = mnk_spectral_sigma(m, w, u, v, p->scratch);
    real f = (real)(1 / n->sigma[e]);
    for (size_t i = 0; i < q->count; i++) n->w[e][i] = w[i] * f;
}

void mnk_plan_refresh(mnk_plan *p, bool power_iteration) {
    for (int i = 0; i < p->net->n_ops; i++) {
        mnk_node *n = &p->node[i];
        if (n->op->param[MNK_P_W] < 0) continue;
        if (n->op->flags & MNK_NN_SPECTRAL) {
            scale_weights(p, n, MNK_P_W, power_iteration);
            scale_weights(p, n, MNK_P_E, power_iteration);
        } else {
            n->w[0] = (real *)mnk_node_weights(p, n, MNK_P_W);
            n->w[1] = (real *)mnk_node_weights(p, n, MNK_P_E);
        }
        if (mnk_op_kinds[n->op->kind].refresh) mnk_op_kinds[n->op->kind].refresh(p, n);
    }
}

/* ---- passes ---- */

void mnk_plan_forward(mnk_plan *p, const mnk_rng *dropout) {
    p->dropout = dropout;
    for (int i = 0; i < p->net->n_ops; i++)
        if (mnk_op_kinds[p->net->op[i].kind].forward) mnk_op_kinds[p->net->op[i].kind].forward(p, &p->node[i]);
    p->dropout = NULL;
    if (p->collecting) p->collected++;
}

static bool wanted(const mnk_node *n, unsigned what) {
    return ((what & MNK_BACK_WEIGHTS) && n->needs_weights) || ((what & MNK_BACK_INPUTS) && n->needs_input);
}

static void back_to_inputs(mnk_plan *p, mnk_node *n, unsigned what) {
    for (int s = 0; s < 2; s++) {
        if (n->op->in[s] < 0) continue;
        mnk_node *in = mnk_node_in(p, n, s);
        if (!in->dy || !wanted(in, what)) continue;
        if (!in->has_grad) {
            mnk_op_kinds[n->op->kind].backward(p, n, s, in->dy);
            in->has_grad = true;
        } else { /* a second consumer */
            mnk_op_kinds[n->op->kind].backward(p, n, s, p->grad_temp);
            mnk_add_to(in->dy, p->grad_temp, in->size);
        }
    }
}

void mnk_plan_walk_back(mnk_plan *p, mnk_value output, unsigned what) {
    bool add = (what & MNK_BACK_ACCUMULATE) != 0;
    for (int i = 0; i < p->net->n_ops; i++) p->node[i].has_grad = p->node[i].ready = false;
    p->node[output].has_grad = true;
    for (int i = output; i >= 0; i--) {
        mnk_node *n = &p->node[i];
        const mnk_op_kind *kind = &mnk_op_kinds[n->op->kind];
        if (!n->has_grad) continue;
        if ((what & MNK_BACK_WEIGHTS) && kind->weights)
            kind->weights(p, n, n->op->in[0] < 0 ? NULL : mnk_node_in(p, n, 0)->y, false, add);
        back_to_inputs(p, n, what);
    }
    if (add || !(what & MNK_BACK_WEIGHTS)) return;
    for (int i = 0; i < p->net->n_ops; i++) { /* what this pass did not reach has no gradient */
        mnk_node *n = &p->node[i];
        for (int role = 0; role < MNK_P_MEAN && !n->has_grad; role++)
            if (mnk_node_gradient(p, n, role))
                memset(mnk_node_gradient(p, n, role), 0, mnk_param_of(p, n, role)->count * sizeof(real));
    }
}

void mnk_plan_backward(mnk_plan *p, mnk_value output, unsigned what) { mnk_plan_walk_back(p, output, what); }

/* penalty = sum_s c_s |g_s|^2 with g = d output / d input. With t = 2 c g held fixed, its gradient is that of the
 * directional derivative <g, t>: one forward pass of tangents, then each layer's weight gradient from the tangent that
 * enters it and the delta that leaves it. Exact where the net is piecewise linear. */
double mnk_plan_gradient_penalty(mnk_plan *p, mnk_value output, mnk_value input, const float *scale, double *norms2) {
    mnk_node *out = &p->node[output], *in = &p->node[input];
    size_t sample = mnk_sample_size(in->op);
    for (size_t i = 0; i < out->size; i++) out->dy[i] = 1;
    mnk_plan_walk_back(p, output, MNK_BACK_INPUTS);
    double penalty = 0;
    for (int i = 0; i < p->net->n_ops; i++)
        if (p->net->op[i].kind == MNK_OP_INPUT) memset(p->node[i].t, 0, p->node[i].size * sizeof(real));
    for (int s = 0; s < p->batch; s++) {
        const real *g = in->dy + (size_t)s * sample;
        real *t = in->t + (size_t)s * sample, factor = (real)(2 * (double)scale[s]);
        double norm2 = 0;
        for (size_t i = 0; i < sample; i++) {
            norm2 += (double)g[i] * (double)g[i];
            t[i] = factor * g[i];
        }
        if (norms2) norms2[s] = norm2;
        penalty += (double)scale[s] * norm2;
    }
    for (int i = 0; i <= output; i++)
        if (mnk_op_kinds[p->net->op[i].kind].tangent) mnk_op_kinds[p->net->op[i].kind].tangent(p, &p->node[i]);
    for (int i = output; i >= 0; i--) {
        mnk_node *n = &p->node[i];
        const mnk_op_kind *kind = &mnk_op_kinds[n->op->kind];
        if (n->has_grad && kind->weights) kind->weights(p, n, n->op->in[0] < 0 ? NULL : mnk_node_in(p, n, 0)->t, true, true);
    }
    return penalty;
}

void mnk_plan_statistics_begin(mnk_plan *p) {
    p->collecting = true;
    p->collected = 0;
    memset(p->sums, 0, p->n_sums * sizeof *p->sums);
}

void mnk_plan_statistics_end(mnk_plan *p) {
    for (int i = 0; i < p->net->n_ops; i++)
        if (p->net->op[i].kind == MNK_OP_NORM) mnk_op_norm_collected(p, &p->node[i]);
    p->collecting = false;
}
