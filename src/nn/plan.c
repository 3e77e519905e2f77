/* Plans: shapes, kernels and memory decided once.
 *
 * Memory is four arenas: activations (every value, and what operations save), gradients (reused: a gradient lives from its
 * last consumer's backward to its own), tangents, and doubles for sums. One scratch serves all kernels in turn. */
#include <string.h>

#include "base/mem.h"
#include "nn/graph.h"

enum { GRAIN = 16 /* numbers: one cache line of floats */ };

static size_t round_up(size_t n) { return (n + GRAIN - 1) / GRAIN * GRAIN; }

static size_t take(size_t *total, size_t n) {
    size_t at = *total;
    *total += round_up(n);
    return at;
}

static bool piecewise_linear(const mnk_op *op) {
    if (op->kind == MNK_OP_ACT) return op->act == MNK_ACT_RELU || op->act == MNK_ACT_LEAKY;
    return mnk_op_kinds[op->kind].piecewise_linear;
}

/* Samples must not meet: neither in a norm nor in the penalty of a pair of passes. */
static mnk_status check_private(const mnk_net *net, unsigned flags, mnk_error *err) {
    if (!(flags & MNK_PLAN_PRIVATE)) return MNK_OK;
    if (flags & (MNK_PLAN_TANGENT | MNK_PLAN_AVERAGE))
        return MNK_FAIL(err, MNK_ERR_USAGE, "a private plan has no gradient penalty and trains the weights, not their average");
    for (int i = 0; i < net->n_ops; i++)
        if (net->op[i].kind == MNK_OP_NORM && net->op[i].norm == MNK_NORM_BATCH) {
            mnk_status status = MNK_FAIL(
                err, MNK_ERR_USAGE, "private training needs the gradient of each sample, but batch norm '%s' mixes samples",
                net->op[i].name);
            mnk_error_hint(err, "use group or layer norm, or none");
            return status;
        }
    return MNK_OK;
}

static mnk_status check(const mnk_net *net, int batch, const mnk_backend *backend, unsigned flags, mnk_error *err) {
    MNK_TRY(mnk_net_check(net, err));
    if (batch < 1 || batch > 1 << 20) return MNK_FAIL(err, MNK_ERR_USAGE, "a plan for %d samples is not possible", batch);
    if (!backend) return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "no such backend in this build");
    MNK_TRY(check_private(net, flags, err));
    for (int i = 0; i < net->n_ops && (flags & MNK_PLAN_TANGENT); i++)
        if (!piecewise_linear(&net->op[i]))
            return MNK_FAIL(err, MNK_ERR_USAGE,
                            "a gradient penalty needs a piecewise linear network, but operation %d%s%s is a %s", i,
                            *net->op[i].name ? " " : "", net->op[i].name, mnk_op_kinds[net->op[i].kind].name);
    return MNK_OK;
}

/* Who reads what, and whose gradient leads to weights or to inputs. */
static void connect(mnk_plan *p) {
    for (int i = 0; i < p->net->n_ops; i++) {
        mnk_node *n = &p->node[i];
        const mnk_op *op = n->op = &p->net->op[i];
        n->id = i;
        n->last_consumer = -1;
        n->size = op->kind == MNK_OP_LABELS ? 0 : (size_t)p->batch * mnk_sample_size(op);
        n->needs_input = op->kind == MNK_OP_INPUT;
        for (int r = 0; r < MNK_P_ROLES; r++)
            if (op->param[r] >= 0 && !p->net->param[op->param[r]].state) n->needs_weights = true;
        for (int s = 0; s < 2; s++) {
            if (op->in[s] < 0) continue;
            mnk_node *in = &p->node[op->in[s]];
            in->consumers++;
            in->last_consumer = i;
            n->needs_input |= in->needs_input;
            n->needs_weights |= in->needs_weights;
        }
    }
    for (int i = 0; i < p->net->n_ops; i++) {
        mnk_node *n = &p->node[i];
        n->wants_dy = n->size && ((mnk_plan_trains(p) && n->needs_weights) || (mnk_plan_input_gradients(p) && n->needs_input));
    }
}

/* ---- gradients: places by lifetime ---- */

typedef struct span {
    int begin, end; /* backward time: operation i works at n_ops - i */
    size_t size, at;
} span;

/* The gradient of an elementwise operation may be written over the one it is made from. Seeds and results (outputs,
 * inputs) stay. */
static int shares_gradient_of(const mnk_plan *p, const mnk_node *n) {
    if (n->op->kind == MNK_OP_INPUT || n->consumers != 1 || mnk_plan_keeps_gradients(p)) return -1;
    const mnk_node *next = &p->node[n->last_consumer];
    bool elementwise = next->op->kind == MNK_OP_ACT || next->op->kind == MNK_OP_DROPOUT;
    return elementwise && next->consumers > 0 && next->wants_dy ? next->id : -1;
}

/* First fit in order of `begin`: each span goes to the lowest place free during its life. */
static size_t place(span *s, int count, int index) {
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int j = 0; j < count; j++) {
            if (j == index || s[j].at == SIZE_MAX || !s[j].size) continue;
            bool meet = s[j].begin <= s[index].end && s[index].begin <= s[j].end;
            if (meet && at < s[j].at + s[j].size && s[j].at < at + s[index].size) {
                at = s[j].at + s[j].size;
                moved = true;
            }
        }
    }
    return at;
}

static mnk_status place_gradients(mnk_plan *p, mnk_error *err) {
    int count = p->net->n_ops;
    span *s = NULL;
    MNK_TRY(MNK_NEW(s, (size_t)count, err));
    bool keep_all = mnk_plan_keeps_gradients(p);
    for (int i = count - 1; i >= 0; i--) {
        mnk_node *n = &p->node[i];
        s[i] = (span){.begin = n->consumers && !keep_all ? count - n->last_consumer : 0,
                      .end = n->op->kind == MNK_OP_INPUT || !n->consumers || keep_all ? count + 1 : count - i,
                      .size = n->wants_dy ? round_up(n->size) : 0,
                      .at = SIZE_MAX};
        if (n->consumers > 1) mnk_want(&p->n_grad_temp, n->wants_dy ? round_up(n->size) : 0);
    }
    for (int i = 0; i < count; i++) { /* shared: the later value's span covers the earlier one */
        int owner = shares_gradient_of(p, &p->node[i]);
        if (owner < 0 || !s[i].size) continue;
        if (s[i].end > s[owner].end) s[owner].end = s[i].end;
        s[i].size = 0;
    }
    for (int pass = 0; pass < count; pass++) { /* a chain x -> act -> dropout: ends run down the chain */
        int owner = shares_gradient_of(p, &p->node[pass]);
        if (owner >= 0 && s[pass].end > s[owner].end) s[owner].end = s[pass].end;
    }
    for (int i = count - 1; i >= 0; i--) {
        if (!s[i].size) continue;
        s[i].at = place(s, count, i);
        p->node[i].dy_at = s[i].at;
        mnk_want(&p->n_gradients, s[i].at + s[i].size);
    }
    for (int i = count - 1; i >= 0; i--) {
        int owner = shares_gradient_of(p, &p->node[i]);
        if (owner >= 0 && p->node[i].wants_dy) p->node[i].dy_at = p->node[owner].dy_at;
    }
    mnk_free(s);
    return MNK_OK;
}

/* ---- the rest of the memory ---- */

static void want_spectral(mnk_plan *p, mnk_node *n) {
    if (!(n->op->flags & MNK_NN_SPECTRAL)) return;
    for (int e = 0; e < 2; e++) {
        int role = e ? MNK_P_E : MNK_P_W;
        const mnk_param *q = mnk_param_of(p, n, role);
        if (!q) continue;
        n->w_at[e] = take(&p->n_activations, q->count);
        mnk_want(&p->scratch_bytes, mnk_spectral_scratch(mnk_op_matrix(n->op, role, q)) * sizeof(real));
        if (mnk_plan_trains(p)) mnk_want(&p->n_weight_temp, round_up(q->count));
    }
}

/* An activation is written over the value it is made from where nobody else reads that: its own backward pass looks at y
 * alone, and those of the four kinds below never at theirs. */
static bool shares_value(const mnk_plan *p, const mnk_node *n) {
    if (n->op->kind != MNK_OP_ACT || n->op->act == MNK_ACT_SILU) return false;
    const mnk_node *in = &p->node[n->op->in[0]];
    mnk_op_id kind = in->op->kind;
    return in->consumers == 1 && (kind == MNK_OP_CONV || kind == MNK_OP_DECONV || kind == MNK_OP_LINEAR || kind == MNK_OP_NORM);
}

/* A norm of maps does the work of the rectifier after it, block by block while the block is in the cache. */
static void join_rectifiers(mnk_plan *p) {
    real slope;
    for (int i = 0; i < p->net->n_ops; i++) {
        mnk_node *n = &p->node[i];
        if (!shares_value(p, n) || !mnk_is_rectifier(n->op, &slope)) continue;
        mnk_node *in = &p->node[n->op->in[0]];
        if (in->op->kind != MNK_OP_NORM || mnk_is_vector(in->op)) continue;
        in->then = n->op;
        in->then_back = in->dy && in->dy == n->dy;
    }
}

static mnk_status describe(mnk_plan *p, mnk_error *err) {
    MNK_TRY(MNK_NEW(p->node, (size_t)p->net->n_ops, err));
    connect(p);
    if (p->flags & MNK_PLAN_TANGENT) mnk_want(&p->n_partial, (size_t)p->batch); /* norms of the penalty, one per sample */
    for (int i = 0; i < p->net->n_ops; i++) {
        mnk_node *n = &p->node[i];
        const mnk_op_kind *kind = &mnk_op_kinds[n->op->kind];
        if (kind->plan) MNK_TRY(kind->plan(p, n, err));
        n->y_at = shares_value(p, n) ? p->node[n->op->in[0]].y_at : take(&p->n_activations, n->size);
        n->save_at = take(&p->n_activations, n->n_save);
        n->sums_at = take(&p->n_sums, n->n_sums);
        if (p->flags & MNK_PLAN_TANGENT) n->t_at = take(&p->n_tangents, n->size);
        if (n->op->kind == MNK_OP_LABELS) n->labels_at = take(&p->n_labels, (size_t)p->batch);
        want_spectral(p, n);
    }
    return place_gradients(p, err);
}

static size_t plan_size(const mnk_plan *p) {
    return sizeof *p + (size_t)p->net->n_ops * sizeof *p->node +
           (p->n_activations + p->n_gradients + p->n_tangents + p->n_grad_temp + p->n_weight_temp) * sizeof(real) +
           (p->n_sums + p->n_partial) * sizeof(double) + p->n_labels * sizeof(int32_t) + p->scratch_bytes + p->conv_bytes;
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
    if (!p->scratch) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %zu bytes of scratch", p->scratch_bytes);
    for (int i = 0; i < p->net->n_ops; i++) {
        mnk_node *n = &p->node[i];
        n->y = n->size ? p->activations + n->y_at : NULL;
        n->save = n->n_save ? p->activations + n->save_at : NULL;
        n->sums = n->n_sums ? p->sums + n->sums_at : NULL;
        n->dy = n->wants_dy ? p->gradients + n->dy_at : NULL;
        n->t = (p->flags & MNK_PLAN_TANGENT) && n->size ? p->tangents + n->t_at : NULL;
        n->labels = n->op->kind == MNK_OP_LABELS ? p->labels + n->labels_at : NULL;
    }
    join_rectifiers(p);
    return MNK_OK;
}

static mnk_status begin(const mnk_net *net, mnk_params *params, int batch, const mnk_backend *backend, unsigned flags,
                        mnk_plan **out, mnk_error *err) {
    MNK_TRY(check(net, batch, backend, flags, err));
    mnk_plan *p = NULL;
    MNK_TRY(MNK_NEW(p, 1, err));
    *p = (mnk_plan){.net = net, .params = params, .backend = backend, .batch = batch, .flags = flags};
    mnk_status status = describe(p, err);
    if (status != MNK_OK) {
        mnk_plan_close(p);
        return status;
    }
    *out = p;
    return MNK_OK;
}

size_t mnk_plan_bytes(const mnk_net *net, int batch, const mnk_backend *backend, unsigned flags) {
    mnk_plan *p = NULL;
    if (begin(net, NULL, batch, backend, flags, &p, NULL) != MNK_OK) return 0;
    size_t bytes = plan_size(p);
    mnk_plan_close(p);
    return bytes;
}

mnk_status mnk_plan_open(const mnk_net *net, mnk_params *p, int batch, const mnk_backend *backend, unsigned flags,
                         mnk_plan **out, mnk_error *err) {
    *out = NULL;
    MNK_TRY(check(net, batch, backend, flags, err));
    if (!p || p->n != net->n_trainable || p->n_state != net->n_state)
        return MNK_FAIL(err, MNK_ERR_USAGE, "these parameters belong to another network");
    mnk_plan *plan = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(begin(net, p, batch, backend, flags, &plan, err));
    MNK_OUT(mnk_memory_require(plan_size(plan), "the training plan", err));
    MNK_OUT(allocate(plan, err));
    mnk_plan_refresh(plan, false);
    *out = plan;
    return MNK_OK;
out:
    mnk_plan_close(plan);
    return status;
}

void mnk_plan_close(mnk_plan *plan) {
    if (!plan) return;
    for (int i = 0; plan->node && i < plan->net->n_ops; i++)
        if (plan->node[i].conv) plan->backend->conv_close(plan->node[i].conv);
    mnk_free(plan->activations);
    mnk_free(plan->gradients);
    mnk_free(plan->tangents);
    mnk_free(plan->grad_temp);
    mnk_free(plan->weight_temp);
    mnk_free(plan->sums);
    mnk_free(plan->partial);
    mnk_free(plan->labels);
    mnk_free(plan->scratch);
    mnk_free(plan->node);
    mnk_free(plan);
}
