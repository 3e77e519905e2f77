/* Running a plan: refresh, forward, backward, gradient penalty, statistics. */
#include <math.h>
#include <string.h>

#include "nn/graph.h"
#include "nn/ops.h"

static const mnk_op_kind *kind_of(const mnk_node *n) { return &mnk_op_kinds[n->op->kind]; }

const real *mnk_node_weights(const mnk_plan *p, const mnk_node *n, int role) {
    const mnk_param *q = mnk_param_of(p, n, role);
    return q ? ((p->flags & MNK_PLAN_AVERAGE) ? p->params->average : p->params->w) + q->offset : NULL;
}

real *mnk_node_gradient(const mnk_plan *p, const mnk_node *n, int role) {
    const mnk_param *q = mnk_param_of(p, n, role);
    return q ? p->params->g + q->offset : NULL;
}

real *mnk_node_state(const mnk_plan *p, const mnk_node *n, int role) {
    const mnk_param *q = mnk_param_of(p, n, role);
    return q ? p->params->state + q->offset : NULL;
}

/* w / sigma into the plan's own copy. u and v follow the trained weights: averaged ones only read them. */
static void spectral_refresh(mnk_plan *p, mnk_node *n, int e, bool power_iteration) {
    int role = e ? MNK_P_E : MNK_P_W;
    const mnk_param *q = mnk_param_of(p, n, role);
    mnk_matrix m = mnk_op_matrix(n->op, role, q);
    const real *w = mnk_node_weights(p, n, role);
    real *u = mnk_node_state(p, n, e ? MNK_P_EU : MNK_P_U), *v = mnk_node_state(p, n, e ? MNK_P_EV : MNK_P_V);
    if (power_iteration && !(p->flags & MNK_PLAN_AVERAGE)) mnk_spectral_iterate(m, w, u, v, p->scratch);
    n->sigma[e] = mnk_spectral_sigma(m, w, u, v, p->scratch);
    real f = (real)(1 / n->sigma[e]), *scaled = n->w[e] = p->activations + n->w_at[e];
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < q->count; i++) scaled[i] = f * w[i];
}

void mnk_plan_refresh(mnk_plan *plan, bool power_iteration) {
    for (int i = 0; i < plan->net->n_ops; i++) {
        mnk_node *n = &plan->node[i];
        for (int e = 0; e < 2; e++) {
            int role = e ? MNK_P_E : MNK_P_W;
            if (!mnk_param_of(plan, n, role)) continue;
            if (n->op->flags & MNK_NN_SPECTRAL) spectral_refresh(plan, n, e, power_iteration);
            else n->w[e] = (real *)mnk_node_weights(plan, n, role); /* read only */
        }
        if (kind_of(n)->refresh) kind_of(n)->refresh(plan, n);
    }
}

void mnk_plan_forward(mnk_plan *plan, const mnk_rng *dropout) {
    plan->dropout = dropout;
    for (int i = 0; i < plan->net->n_ops; i++)
        if (kind_of(&plan->node[i])->forward) kind_of(&plan->node[i])->forward(plan, &plan->node[i]);
    plan->dropout = NULL;
    if (plan->collecting) plan->collected++;
}

/* Sends the gradient of n to one input; a second contribution goes through grad_temp. */
static void send_back(mnk_plan *p, mnk_node *n, int slot, unsigned what) {
    if (n->op->in[slot] < 0) return;
    mnk_node *in = mnk_node_in(p, n, slot);
    bool wanted =
        ((what & (MNK_BACK_WEIGHTS | MNK_BACK_NORMS)) && in->needs_weights) || ((what & MNK_BACK_INPUTS) && in->needs_input);
    if (!wanted || !in->dy || !kind_of(n)->backward) return;
    if (in->has_grad) {
        kind_of(n)->backward(p, n, slot, p->grad_temp);
        mnk_add_to(in->dy, p->grad_temp, in->size);
    } else {
        kind_of(n)->backward(p, n, slot, in->dy);
        in->has_grad = true;
    }
}

void mnk_zero_node_gradient(mnk_plan *p, const mnk_node *n) {
    for (int r = 0; r < MNK_P_ROLES; r++) {
        const mnk_param *q = mnk_param_of(p, n, r);
        if (q && !q->state) memset(p->params->g + q->offset, 0, q->count * sizeof(real));
    }
}

void mnk_plan_walk_back(mnk_plan *p, mnk_value output, unsigned what) {
    for (int i = 0; i < p->net->n_ops; i++) p->node[i].has_grad = p->node[i].ready = false;
    p->node[output].has_grad = true;
    bool weights = (what & MNK_BACK_WEIGHTS) != 0, add = (what & MNK_BACK_ACCUMULATE) != 0;
    for (int i = p->net->n_ops - 1; i >= 0; i--) {
        mnk_node *n = &p->node[i];
        if (!n->has_grad) {
            if (weights && !add) mnk_zero_node_gradient(p, n);
            continue;
        }
        const real *x = n->op->in[0] < 0 ? NULL : mnk_node_in(p, n, 0)->y;
        if (weights && kind_of(n)->weights) kind_of(n)->weights(p, n, x, false, add);
        if ((what & MNK_BACK_NORMS) && kind_of(n)->norms) kind_of(n)->norms(p, n, x, p->norms2);
        for (int slot = 0; slot < 2; slot++) send_back(p, n, slot, what);
    }
}

void mnk_plan_backward(mnk_plan *plan, mnk_value output, unsigned what) {
    if (!plan->node[output].dy) return;
    if (!mnk_plan_trains(plan)) what &= ~(unsigned)MNK_BACK_WEIGHTS;
    mnk_plan_walk_back(plan, output, what);
}

/* ---- gradient penalty by the tangent pass ----
 * With g_s the input gradient of sample s and t_0 = 2 scale_s g_s held fixed, the gradient of the penalty is that of
 * sum_s <t_0, g_s> = the network's output for the tangents t_l = mask_l W_l t_{l-1}. Layer l contributes
 * t_{l-1} (x) delta_l, delta_l being the ordinary backward pass from a unit seed: exact where masks do not change. With
 * spectral norm W is w / sigma, and the exact gradient of that quotient is taken here too. */

static double input_norms(mnk_plan *p, const mnk_node *in, const float *scale, double centre, double *norms2, real *t) {
    size_t size = mnk_sample_size(in->op);
    double *square = p->partial; /* one per sample */
#pragma omp parallel for schedule(static)
    for (int s = 0; s < p->batch; s++) {
        const real *g = in->dy + (size_t)s * size;
        real *to = t + (size_t)s * size;
        double total = 0;
        for (size_t i = 0; i < size; i++) total += (double)g[i] * (double)g[i];
        square[s] = total;
        /* d (|g| - c)^2 = 2 (1 - c/|g|) <g, dg> */
        double pull = centre == 0 ? 1 : total > 0 ? 1 - centre / sqrt(total) : 0;
        real f = (real)(2 * (double)scale[s] * pull);
        for (size_t i = 0; i < size; i++) to[i] = f * g[i];
    }
    double penalty = 0;
    for (int s = 0; s < p->batch; s++) {
        double beyond = sqrt(square[s]) - centre;
        penalty += (double)scale[s] * (centre == 0 ? square[s] : beyond * beyond);
        if (norms2) norms2[s] = square[s];
    }
    return penalty;
}

double mnk_plan_gradient_penalty(mnk_plan *plan, mnk_value output, mnk_value input, const float *scale, double *norms2) {
    return mnk_plan_gradient_penalty_around(plan, output, input, scale, 0, norms2);
}

double mnk_plan_gradient_penalty_around(mnk_plan *plan, mnk_value output, mnk_value input, const float *scale, double centre,
                                        double *norms2) {
    mnk_node *in = &plan->node[input], *out = &plan->node[output];
    if (!(plan->flags & MNK_PLAN_TANGENT) || !in->dy || !out->dy || !out->needs_input) return NAN;
    for (size_t i = 0; i < out->size; i++) out->dy[i] = 1;
    if (!mnk_is_vector(out->op)) mnk_zero_padding(out->dy, plan->batch, out->op->c, out->op->h * out->op->w);
    mnk_plan_walk_back(plan, output, MNK_BACK_INPUTS);
    double penalty = input_norms(plan, in, scale, centre, norms2, in->t);
    for (int i = 0; i <= output; i++) {
        mnk_node *n = &plan->node[i];
        if (n->op->kind == MNK_OP_INPUT && i != input) memset(n->t, 0, n->size * sizeof *n->t);
        if (kind_of(n)->tangent) kind_of(n)->tangent(plan, n);
        if (kind_of(n)->weights && n->has_grad && n->op->in[0] >= 0)
            kind_of(n)->weights(plan, n, mnk_node_in(plan, n, 0)->t, true, true);
    }
    return penalty;
}

/* ---- statistics of batch norms ---- */

void mnk_plan_statistics_begin(mnk_plan *plan) {
    memset(plan->sums, 0, plan->n_sums * sizeof *plan->sums);
    plan->collected = 0;
    plan->collecting = true;
}

void mnk_plan_statistics_end(mnk_plan *plan) {
    for (int i = 0; i < plan->net->n_ops; i++)
        if (plan->node[i].op->kind == MNK_OP_NORM) mnk_op_norm_collected(plan, &plan->node[i]);
    plan->collecting = false;
}
