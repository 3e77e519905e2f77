/* Norms of each sample's gradient and weighted sums of gradients from one backward pass ("book-keeping": Bu, Wang, Zha &
 * Karypis 2023, "Differentially private optimization on large model at small cost", Algorithm 1).
 *
 * The pass keeps dy of every layer. A layer's gradient is a sum over samples of products of its input and dy, so that norms
 * follow layer by layer, and the sum with weights is the ordinary kernel on rows of dy times their weight: the second
 * backward pass of older ghost clipping is not run. */
#include <math.h>
#include <string.h>

#include "nn/graph.h"

void mnk_plan_sample_norms(mnk_plan *plan, mnk_value output, double *norms2) {
    bool possible = (plan->flags & MNK_PLAN_PRIVATE) && plan->node[output].dy;
    for (int s = 0; s < plan->batch; s++) norms2[s] = possible ? 0 : NAN;
    if (!possible) return;
    plan->norms2 = norms2;
    mnk_plan_walk_back(plan, output, MNK_BACK_NORMS | ((plan->flags & MNK_PLAN_INPUT_GRAD) ? MNK_BACK_INPUTS : 0));
    plan->norms2 = NULL;
}

static void clear_row(real *x, size_t size, int batch, int s) {
    if (x) memset(x + (size_t)s * (size / (size_t)batch), 0, size / (size_t)batch * sizeof *x);
}

/* Weight 0 is exact: 0 times what is not finite would not be 0. save: moments of a norm, two halves of a row a sample. */
static void leave_out(mnk_plan *p, mnk_node *n, int s) {
    clear_row(n->dy, n->size, p->batch, s);
    if (n->op->in[0] >= 0) clear_row(mnk_node_in(p, n, 0)->y, mnk_node_in(p, n, 0)->size, p->batch, s);
    for (size_t half = 0; half < 2 && n->n_save; half++)
        clear_row(n->save + half * (n->n_save / 2), n->n_save / 2, p->batch, s);
}

static void scale_rows(mnk_plan *p, mnk_node *n, const float *weight) {
    size_t size = n->size / (size_t)p->batch;
#pragma omp parallel for schedule(static)
    for (int s = 0; s < p->batch; s++) {
        if (weight[s] == 0) {
            leave_out(p, n, s);
            continue;
        }
        real f = (real)weight[s], *dy = n->dy + (size_t)s * size;
#pragma omp simd
        for (size_t i = 0; i < size; i++) dy[i] *= f;
    }
}

void mnk_plan_weighted_gradient(mnk_plan *plan, mnk_value output, const float *weight, bool add) {
    bool possible = (plan->flags & MNK_PLAN_PRIVATE) && plan->node[output].has_grad;
    plan->quotient = true;
    for (int i = plan->net->n_ops - 1; i >= 0; i--) {
        mnk_node *n = &plan->node[i];
        const mnk_op_kind *kind = &mnk_op_kinds[n->op->kind];
        if (!kind->weights) continue;
        if (!possible || !n->has_grad) {
            if (!add) mnk_zero_node_gradient(plan, n);
            continue;
        }
        scale_rows(plan, n, weight);
        n->ready = false; /* sums of the pass were of unscaled gradients */
        kind->weights(plan, n, n->op->in[0] < 0 ? NULL : mnk_node_in(plan, n, 0)->y, false, add);
    }
    plan->quotient = false;
}

void mnk_plan_private_settle(mnk_plan *plan) {
    if (!(plan->flags & MNK_PLAN_PRIVATE)) return;
    for (int i = 0; i < plan->net->n_ops; i++) {
        mnk_node *n = &plan->node[i];
        if (!(n->op->flags & MNK_NN_SPECTRAL)) continue;
        for (int e = 0; e < 2; e++) {
            int role = e ? MNK_P_E : MNK_P_W;
            const mnk_param *q = mnk_param_of(plan, n, role);
            if (!q) continue;
            bool add = false;
            memcpy(mnk_weight_gradient_begin(plan, n, role, &add), mnk_node_gradient(plan, n, role), q->count * sizeof(real));
            mnk_weight_gradient_end(plan, n, role, false);
        }
    }
}
