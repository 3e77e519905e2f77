/* A plan: every buffer and kernel of a net for one batch size, decided once. */
#include <string.h>

#include "base/mem.h"
#include "nn/graph.h"

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

static size_t round16(size_t n) { return (n + 15) / 16 * 16; }

static bool has_trainable(const mnk_op *op) { return op->param[MNK_P_W] >= 0; }

/* Which gradients can be asked for: what reaches parameters, and what reaches an input. */
static void mark_needs(mnk_plan *p, mnk_node *n) {
    n->needs_weights = has_trainable(n->op);
    n->needs_input = n->op->kind == MNK_OP_INPUT;
    for (int s = 0; s < 2; s++) {
        if (n->op->in[s] < 0) continue;
        mnk_node *in = mnk_node_in(p, n, s);
        n->needs_weights |= in->needs_weights;
        n->needs_input |= in->needs_input;
        in->consumers++;
        in->last_consumer = n->id;
    }
}

static bool wants_gradient(const mnk_plan *p, const mnk_node *n) {
    return (mnk_plan_trains(p) && n->needs_weights) || (mnk_plan_input_gradients(p) && n->needs_input);
}

/* Number of numbers a spectral layer keeps: w / sigma of both of its tables. */
static size_t scaled_count(const mnk_plan *p, const mnk_node *n) {
    if (!(n->op->flags & MNK_NN_SPECTRAL)) return 0;
    const mnk_param *w = mnk_param_of(p, n, MNK_P_W), *e = mnk_param_of(p, n, MNK_P_E);
    return round16(w->count) + (e ? round16(e->count) : 0);
}

/* Pass 1: shapes and needs of every node. Kernel objects are made here when `open`. */
static mnk_status size_nodes(mnk_plan *p, bool open, mnk_error *err) {
    for (int i = 0; i < p->net->n_ops; i++) {
        mnk_node *n = &p->node[i];
        n->op = &p->net->op[i];
        n->id = i;
        mark_needs(p, n);
        if (n->op->kind == MNK_OP_LABELS) {
            p->n_labels += (size_t)p->batch;
            continue;
        }
        n->size = (size_t)p->batch * mnk_sample_size(n->op);
        const mnk_op_kind *kind = &mnk_op_kinds[n->op->kind];
        bool conv = n->op->kind == MNK_OP_CONV || n->op->kind == MNK_OP_DECONV;
        if (kind->plan && (open || !conv)) MNK_TRY(kind->plan(p, n, err));
        p->n_activations += round16(n->size) + round16(n->n_save) + scaled_count(p, n);
        if (wants_gradient(p, n)) p->n_gradients += round16(n->size);
        if (p->flags & MNK_PLAN_TANGENT) p->n_tangents += round16(n->size);
        p->n_sums += n->n_sums;
        if (n->consumers > 1 || n->op->in[1] >= 0) mnk_want(&p->n_grad_temp, n->size);
        for (int s = 0; s < 2; s++)
            if (n->op->in[s] >= 0) mnk_want(&p->n_grad_temp, p->node[n->op->in[s]].size);
        if (n->op->flags & MNK_NN_SPECTRAL)
            for (int role = MNK_P_W; role <= MNK_P_E; role += MNK_P_E - MNK_P_W) {
                const mnk_param *q = mnk_param_of(p, n, role);
                if (!q) continue;
                mnk_want(&p->n_weight_temp, q->count);
                mnk_want(&p->scratch_bytes, mnk_spectral_scratch(mnk_op_matrix(n->op, role, q)) * sizeof(real));
            }
    }
    return MNK_OK;
}

static real *take(real **arena, size_t n) {
    real *at = *arena;
    *arena += round16(n);
    return n ? at : NULL;
}

/* Pass 2: hands out the arenas. */
static void place_nodes(mnk_plan *p) {
    real *values = p->activations, *gradients = p->gradients, *tangents = p->tangents;
    double *sum = p->sums;
    int32_t *labels = p->labels;
    for (int i = 0; i < p->net->n_ops; i++) {
        mnk_node *n = &p->node[i];
        if (n->op->kind == MNK_OP_LABELS) {
            n->labels = labels;
            labels += p->batch;
            continue;
        }
        n->y = take(&values, n->size);
        n->save = take(&values, n->n_save);
        if (n->op->flags & MNK_NN_SPECTRAL) {
            n->w[0] = take(&values, mnk_param_of(p, n, MNK_P_W)->count);
            if (mnk_param_of(p, n, MNK_P_E)) n->w[1] = take(&values, mnk_param_of(p, n, MNK_P_E)->count);
        }
        if (wants_gradient(p, n)) n->dy = take(&gradients, n->size);
        if (p->flags & MNK_PLAN_TANGENT) n->t = take(&tangents, n->size);
        n->sums = sum;
        sum += n->n_sums;
    }
}

static mnk_status check_tangent(const mnk_plan *p, mnk_error *err) {
    for (int i = 0; i < p->net->n_ops; i++) {
        const mnk_op *op = &p->net->op[i];
        bool smooth = op->kind == MNK_OP_ACT && op->act != MNK_ACT_RELU && op->act != MNK_ACT_LEAKY;
        if (!mnk_op_kinds[op->kind].piecewise_linear || smooth)
            return MNK_FAIL(err, MNK_ERR_USAGE,
                            "the exact gradient penalty needs a piecewise linear network, but it has a %s '%s'",
                            mnk_op_kinds[op->kind].name, op->name);
    }
    return MNK_OK;
}

static size_t plan_bytes(const mnk_plan *p) {
    return (p->n_activations + p->n_gradients + p->n_tangents + p->n_grad_temp + p->n_weight_temp) * sizeof(real) +
           (p->n_sums + p->n_partial) * sizeof(double) + p->n_labels * sizeof(int32_t) + p->scratch_bytes +
           (size_t)p->net->n_ops * sizeof(mnk_node) + sizeof *p;
}

size_t mnk_plan_bytes(const mnk_net *net, int batch, const mnk_backend *backend, unsigned flags) {
    mnk_plan *p = NULL;
    if (mnk_plan_open(net, NULL, batch, backend, flags, &p, NULL) != MNK_OK) return 0;
    size_t bytes = plan_bytes(p);
    mnk_plan_close(p);
    return bytes;
}

static mnk_status allocate(mnk_plan *p, mnk_error *err) {
    MNK_TRY(MNK_NEW_ALIGNED(p->activations, p->n_activations, err));
    MNK_TRY(MNK_NEW_ALIGNED(p->gradients, p->n_gradients, err));
    MNK_TRY(MNK_NEW_ALIGNED(p->tangents, p->n_tangents, err));
    MNK_TRY(MNK_NEW_ALIGNED(p->grad_temp, p->n_grad_temp, err));
    MNK_TRY(MNK_NEW_ALIGNED(p->weight_temp, p->n_weight_temp, err));
    MNK_TRY(MNK_NEW_ALIGNED(p->sums, p->n_sums, err));
    MNK_TRY(MNK_NEW_ALIGNED(p->partial, p->n_partial, err));
    MNK_TRY(MNK_NEW_ALIGNED(p->labels, p->n_labels, err));
    p->scratch = mnk_alloc_aligned(p->scratch_bytes, 1);
    return p->scratch ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %zu bytes of scratch", p->scratch_bytes);
}

/* params NULL: only the sizes are worked out. */
mnk_status mnk_plan_open(const mnk_net *net, mnk_params *params, int batch, const mnk_backend *backend, unsigned flags,
                         mnk_plan **out, mnk_error *err) {
    *out = NULL;
    MNK_TRY(mnk_net_check(net, err));
    if (batch < 1 || !backend) return MNK_FAIL(err, MNK_ERR_USAGE, "a plan needs a batch of at least 1 and a backend");
    mnk_plan *p = mnk_alloc(1, sizeof *p);
    if (!p) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    p->net = net;
    p->params = params;
    p->backend = backend;
    p->batch = batch;
    p->flags = flags;
    mnk_status status = MNK_OK;
    if (flags & MNK_PLAN_TANGENT) MNK_OUT(check_tangent(p, err));
    MNK_OUT(MNK_NEW(p->node, (size_t)net->n_ops, err));
    MNK_OUT(size_nodes(p, true, err));
    if (params) {
        MNK_OUT(allocate(p, err));
        place_nodes(p);
        mnk_plan_refresh(p, false);
    }
    *out = p;
    p = NULL;
out:
    mnk_plan_close(p);
    return status;
}

void mnk_plan_close(mnk_plan *p) {
    if (!p) return;
    for (int i = 0; p->node && i < p->net->n_ops; i++)
        if (p->node[i].conv) p->backend->conv_close(p->node[i].conv);
    void *buffers[] = {p->activations, p->gradients, p->tangents, p->grad_temp, p->weight_temp,
                       p->sums,        p->partial,   p->labels,   p->scratch,   p->node};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) mnk_free(buffers[i]);
    mnk_free(p);
}
