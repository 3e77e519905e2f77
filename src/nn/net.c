/* Builders: check shapes, name parameters, append operations. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/graph.h"

enum { MAX_SIDE = 1 << 14, MAX_FEATURES = 1 << 24 };

mnk_net *mnk_net_open(void) { return mnk_alloc(1, sizeof(mnk_net)); }

void mnk_net_close(mnk_net *net) {
    if (!net) return;
    mnk_free(net->op);
    mnk_free(net->param);
    mnk_free(net);
}

mnk_status mnk_net_check(const mnk_net *net, mnk_error *err) {
    if (!net) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a network");
    if (net->error.code == MNK_OK && net->n_ops == 0) return MNK_FAIL(err, MNK_ERR_USAGE, "the network is empty");
    if (net->error.code != MNK_OK) return mnk_error_set(err, net->error.code, net->error.where, "%s", net->error.message);
    return MNK_OK;
}

/* Records the first mistake; builders return its value. */
static int bad(mnk_status recorded) {
    (void)recorded;
    return -1;
}
#define BAD(net, ...) bad(mnk_error_set(&(net)->error, MNK_ERR_USAGE, MNK_HERE, __VA_ARGS__))

static void *grow(void *p, int n, int *max, size_t size) {
    if (n < *max) return p;
    int more = *max ? 2 * *max : 32;
    void *q = mnk_realloc(p, (size_t)more, size);
    if (q) *max = more;
    return q;
}

static bool failed(const mnk_net *net) { return !net || net->error.code != MNK_OK; }

/* Appends an operation with no inputs and no parameters; NULL after a failure. */
static mnk_op *append(mnk_net *net, mnk_op_id kind, const char *name) {
    mnk_op *ops = grow(net->op, net->n_ops, &net->max_ops, sizeof *ops);
    if (!ops) {
        mnk_error_set(&net->error, MNK_ERR_MEMORY, MNK_HERE, "out of memory for a network of %d operations", net->n_ops);
        return NULL;
    }
    net->op = ops;
    mnk_op *op = &ops[net->n_ops];
    *op = (mnk_op){.kind = kind, .in = {-1, -1}, .labels = -1};
    for (int i = 0; i < MNK_P_ROLES; i++) op->param[i] = -1;
    if (strlen(name) >= sizeof op->name) {
        BAD(net, "name '%.40s…' is longer than %d bytes", name, MNK_NAME_MAX - 1);
        return NULL;
    }
    snprintf(op->name, sizeof op->name, "%s", name);
    net->n_ops++;
    return op;
}

/* The value x as an operand: known, and not labels. */
static const mnk_op *operand(mnk_net *net, mnk_value x, const char *what) {
    if (x < 0 || x >= net->n_ops) return BAD(net, "%s: value %d does not exist", what, x), NULL;
    if (net->op[x].kind == MNK_OP_LABELS)
        return BAD(net, "%s: value %d ('%s') holds labels, not numbers", what, x, net->op[x].name), NULL;
    return &net->op[x];
}

static const mnk_op *label_operand(mnk_net *net, mnk_value labels, const char *what) {
    if (labels < 0 || labels >= net->n_ops || net->op[labels].kind != MNK_OP_LABELS)
        return BAD(net, "%s: value %d does not hold labels", what, labels), NULL;
    return &net->op[labels];
}

static void add_param(mnk_net *net, mnk_op *op, int role, const char *suffix, bool state, mnk_param_init init, double fan_in,
                      int rank, const int64_t *shape) {
    mnk_param *params = grow(net->param, net->n_params, &net->max_params, sizeof *params);
    if (!params) {
        mnk_error_set(&net->error, MNK_ERR_MEMORY, MNK_HERE, "out of memory for the parameters of '%s'", op->name);
        return;
    }
    net->param = params;
    mnk_param *q = &params[net->n_params];
    *q = (mnk_param){.state = state, .rank = rank, .init = init, .fan_in = fan_in, .count = 1};
    snprintf(q->name, sizeof q->name, "%s.%s", op->name, suffix);
    for (int i = 0; i < net->n_params; i++)
        if (!strcmp(params[i].name, q->name)) {
            BAD(net, "two parameters are called '%s'", q->name);
            return;
        }
    for (int i = 0; i < rank; i++) {
        q->shape[i] = shape[i];
        q->count *= (size_t)shape[i];
    }
    size_t *total = state ? &net->n_state : &net->n_trainable;
    q->offset = *total;
    *total += (q->count + 15) / 16 * 16;
    op->param[role] = net->n_params++;
}

#define SHAPE(...)                                                                                                             \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) { __VA_ARGS__ }

/* Start vectors of the power iteration for the weights of `role`. */
static void add_spectral(mnk_net *net, mnk_op *op, int role, int role_u, int role_v, const char *suffix_u,
                         const char *suffix_v) {
    if (failed(net)) return;
    size_t u, v;
    mnk_spectral_lengths(mnk_op_matrix(op, role, &net->param[op->param[role]]), &u, &v);
    add_param(net, op, role_u, suffix_u, true, MNK_PI_POWER, 0, SHAPE((int64_t)u));
    if (!failed(net)) add_param(net, op, role_v, suffix_v, true, MNK_PI_POWER, 0, SHAPE((int64_t)v));
}

static void add_bias(mnk_net *net, mnk_op *op, int n) {
    if (!failed(net) && (op->flags & MNK_NN_BIAS)) add_param(net, op, MNK_P_B, "b", false, MNK_PI_ZERO, 0, SHAPE(n));
}

static mnk_value finish(mnk_net *net) { return failed(net) ? -1 : net->n_ops - 1; }

mnk_value mnk_net_input(mnk_net *net, const char *name, int c, int h, int w) {
    if (failed(net)) return -1;
    if (c < 1 || c > MAX_FEATURES || h < 0 || w < 0 || h > MAX_SIDE || w > MAX_SIDE || (h == 0) != (w == 0))
        return BAD(net, "input '%s': %d x %d x %d is not a shape", name, c, h, w);
    if (mnk_net_find(net, name) >= 0) return BAD(net, "two inputs are called '%s'", name);
    mnk_op *op = append(net, MNK_OP_INPUT, name);
    if (op) op->c = c, op->h = h, op->w = w;
    return finish(net);
}

mnk_value mnk_net_labels(mnk_net *net, const char *name, int classes) {
    if (failed(net)) return -1;
    if (classes < 1 || classes > 1 << 20) return BAD(net, "labels '%s': %d classes", name, classes);
    if (mnk_net_find(net, name) >= 0) return BAD(net, "two inputs are called '%s'", name);
    mnk_op *op = append(net, MNK_OP_LABELS, name);
    if (op) op->c = classes;
    return finish(net);
}

static mnk_value add_conv(mnk_net *net, mnk_op_id kind, mnk_value x, const char *name, int out, int k, int stride, int pad,
                          unsigned flags) {
    if (failed(net)) return -1;
    const mnk_op *in = operand(net, x, name);
    if (!in) return -1;
    if (mnk_is_vector(in)) return BAD(net, "'%s': a convolution needs a map, got a vector of %d", name, in->c);
    if (out < 1 || out > 1 << 16 || k < 1 || k > 64 || stride < 1 || pad < 0 || pad >= k)
        return BAD(net, "'%s': %d channels, kernel %d, stride %d, padding %d are not possible", name, out, k, stride, pad);
    int c = in->c, ih = in->h, iw = in->w;
    int oh = kind == MNK_OP_CONV ? (ih + 2 * pad - k) / stride + 1 : stride * (ih - 1) + k - 2 * pad;
    int ow = kind == MNK_OP_CONV ? (iw + 2 * pad - k) / stride + 1 : stride * (iw - 1) + k - 2 * pad;
    if (ih + 2 * pad < k || iw + 2 * pad < k) {
        if (kind == MNK_OP_CONV)
            return BAD(net, "'%s': a kernel of %d does not fit into %d x %d with padding %d", name, k, ih, iw, pad);
    }
    if (oh < 1 || ow < 1 || oh > MAX_SIDE || ow > MAX_SIDE) return BAD(net, "'%s': makes a map of %d x %d", name, oh, ow);
    mnk_op *op = append(net, kind, name);
    if (!op) return -1;
    op->in[0] = x, op->c = out, op->h = oh, op->w = ow;
    op->k = k, op->stride = stride, op->pad = pad, op->flags = flags;
    /* hwio of the underlying convolution; a transposed one reads its input on the output side. Its effective fan-in is
     * the share of taps that meet a pixel. */
    if (kind == MNK_OP_CONV) add_param(net, op, MNK_P_W, "w", false, MNK_PI_WEIGHT, (double)k * k * c, SHAPE(k, k, c, out));
    else add_param(net, op, MNK_P_W, "w", false, MNK_PI_WEIGHT, (double)k * k * c / (stride * stride), SHAPE(k, k, out, c));
    add_bias(net, op, out);
    if (flags & MNK_NN_SPECTRAL) add_spectral(net, op, MNK_P_W, MNK_P_U, MNK_P_V, "u", "v");
    return finish(net);
}

mnk_value mnk_net_conv(mnk_net *net, mnk_value x, const char *name, int out_channels, int k, int stride, int pad,
                       unsigned flags) {
    return add_conv(net, MNK_OP_CONV, x, name, out_channels, k, stride, pad, flags);
}

mnk_value mnk_net_deconv(mnk_net *net, mnk_value x, const char *name, int out_channels, int k, int stride, int pad,
                         unsigned flags) {
    return add_conv(net, MNK_OP_DECONV, x, name, out_channels, k, stride, pad, flags);
}

/* Maps become vectors in c,h,w order; vectors pass. */
static mnk_value flatten(mnk_net *net, mnk_value x) {
    const mnk_op *in = operand(net, x, "flatten");
    if (!in) return -1;
    if (mnk_is_vector(in)) return x;
    return mnk_net_reshape(net, x, in->c * in->h * in->w, 0, 0);
}

mnk_value mnk_net_linear(mnk_net *net, mnk_value x, const char *name, int out_features, unsigned flags) {
    if (failed(net) || !operand(net, x, name)) return -1;
    if (out_features < 1 || out_features > MAX_FEATURES) return BAD(net, "'%s': %d features", name, out_features);
    x = flatten(net, x);
    mnk_op *op = x < 0 ? NULL : append(net, MNK_OP_LINEAR, name);
    if (!op) return -1;
    int c = net->op[x].c;
    op->in[0] = x, op->c = out_features, op->flags = flags;
    add_param(net, op, MNK_P_W, "w", false, MNK_PI_WEIGHT, c, SHAPE(c, out_features));
    add_bias(net, op, out_features);
    if (flags & MNK_NN_SPECTRAL) add_spectral(net, op, MNK_P_W, MNK_P_U, MNK_P_V, "u", "v");
    return finish(net);
}

mnk_value mnk_net_embed(mnk_net *net, mnk_value labels, const char *name, int dim) {
    if (failed(net)) return -1;
    const mnk_op *in = label_operand(net, labels, name);
    if (!in) return -1;
    if (dim < 1 || dim > 1 << 20) return BAD(net, "'%s': %d features", name, dim);
    int classes = in->c;
    mnk_op *op = append(net, MNK_OP_EMBED, name);
    if (!op) return -1;
    op->labels = labels, op->c = dim;
    add_param(net, op, MNK_P_W, "w", false, MNK_PI_EMBED, 1, SHAPE(classes, dim));
    return finish(net);
}

mnk_value mnk_net_concat(mnk_net *net, mnk_value a, mnk_value b) {
    if (failed(net)) return -1;
    const mnk_op *p = operand(net, a, "concat"), *q = operand(net, b, "concat");
    if (!p || !q) return -1;
    if (p->h != q->h || p->w != q->w)
        return BAD(net, "concat: maps of %d x %d and %d x %d do not fit together", p->h, p->w, q->h, q->w);
    int c = p->c + q->c, h = p->h, w = p->w;
    mnk_op *op = append(net, MNK_OP_CONCAT, "");
    if (op) op->in[0] = a, op->in[1] = b, op->c = c, op->h = h, op->w = w;
    return finish(net);
}

mnk_value mnk_net_reshape(mnk_net *net, mnk_value x, int c, int h, int w) {
    if (failed(net)) return -1;
    const mnk_op *in = operand(net, x, "reshape");
    if (!in) return -1;
    int64_t have = (int64_t)in->c * (in->h ? in->h : 1) * (in->w ? in->w : 1);
    int64_t want = (int64_t)c * (h ? h : 1) * (w ? w : 1);
    if (c < 1 || h < 0 || w < 0 || (h == 0) != (w == 0) || have != want)
        return BAD(net, "reshape: %lld numbers do not make %d x %d x %d", (long long)have, c, h, w);
    if (!mnk_is_vector(in) && h > 0) return BAD(net, "reshape: from a map to another map is not supported");
    mnk_op *op = append(net, MNK_OP_RESHAPE, "");
    if (op) op->in[0] = x, op->c = c, op->h = h, op->w = w;
    return finish(net);
}

mnk_value mnk_net_norm(mnk_net *net, mnk_value x, const char *name, mnk_norm kind, int groups, mnk_value labels) {
    if (failed(net)) return -1;
    const mnk_op *in = operand(net, x, name);
    if (!in || (labels >= 0 && !label_operand(net, labels, name))) return -1;
    int c = in->c, h = in->h, w = in->w;
    if (kind == MNK_NORM_LAYER) groups = 1;
    if (kind == MNK_NORM_GROUP && (groups < 1 || c % groups))
        return BAD(net, "'%s': %d channels in %d groups", name, c, groups);
    mnk_op *op = append(net, MNK_OP_NORM, name);
    if (!op) return -1;
    op->in[0] = x, op->labels = labels, op->c = c, op->h = h, op->w = w, op->norm = kind, op->groups = groups;
    if (labels >= 0) {
        int classes = net->op[labels].c;
        add_param(net, op, MNK_P_W, "scale", false, MNK_PI_ONE, 0, SHAPE(classes, c));
        if (!failed(net)) add_param(net, op, MNK_P_B, "shift", false, MNK_PI_ZERO, 0, SHAPE(classes, c));
    } else {
        add_param(net, op, MNK_P_W, "scale", false, MNK_PI_ONE, 0, SHAPE(c));
        if (!failed(net)) add_param(net, op, MNK_P_B, "shift", false, MNK_PI_ZERO, 0, SHAPE(c));
    }
    if (kind == MNK_NORM_BATCH && !failed(net)) add_param(net, op, MNK_P_MEAN, "mean", true, MNK_PI_ZERO, 0, SHAPE(c));
    if (kind == MNK_NORM_BATCH && !failed(net)) add_param(net, op, MNK_P_VAR, "var", true, MNK_PI_ONE, 0, SHAPE(c));
    return finish(net);
}

/* Operations with one input, no parameters, and a shape of their own. */
static mnk_op *simple(mnk_net *net, mnk_op_id kind, mnk_value x, const char *what, bool map) {
    const mnk_op *in = failed(net) ? NULL : operand(net, x, what);
    if (!in) return NULL;
    if (map && mnk_is_vector(in)) return BAD(net, "%s: needs a map, got a vector of %d", what, in->c), NULL;
    int c = in->c, h = in->h, w = in->w;
    mnk_op *op = append(net, kind, "");
    if (op) op->in[0] = x, op->c = c, op->h = h, op->w = w;
    return op;
}

mnk_value mnk_net_act(mnk_net *net, mnk_value x, mnk_act kind, double slope) {
    if (!failed(net) && kind == MNK_ACT_LEAKY && !(slope > 0 && slope <= 1))
        return BAD(net, "leaky: slope %g is outside (0, 1]", slope);
    mnk_op *op = simple(net, MNK_OP_ACT, x, "activation", false);
    if (!op) return -1;
    op->act = kind, op->slope = kind == MNK_ACT_LEAKY ? slope : 0;
    return finish(net);
}

mnk_value mnk_net_add(mnk_net *net, mnk_value a, mnk_value b) {
    if (failed(net)) return -1;
    const mnk_op *p = operand(net, a, "add"), *q = operand(net, b, "add");
    if (!p || !q) return -1;
    if (p->c != q->c || p->h != q->h || p->w != q->w)
        return BAD(net, "add: %d x %d x %d and %d x %d x %d differ", p->c, p->h, p->w, q->c, q->h, q->w);
    mnk_op *op = simple(net, MNK_OP_ADD, a, "add", false);
    if (op) op->in[1] = b;
    return finish(net);
}

mnk_value mnk_net_upsample(mnk_net *net, mnk_value x) {
    mnk_op *op = simple(net, MNK_OP_UPSAMPLE, x, "upsample", true);
    if (!op) return -1;
    op->h *= 2, op->w *= 2;
    if (op->h > MAX_SIDE || op->w > MAX_SIDE) return BAD(net, "upsample: makes a map of %d x %d", op->h, op->w);
    return finish(net);
}

mnk_value mnk_net_pool(mnk_net *net, mnk_value x, bool max) {
    mnk_op *op = simple(net, MNK_OP_POOL, x, "pool", true);
    if (!op) return -1;
    op->h /= 2, op->w /= 2, op->max = max;
    if (op->h < 1 || op->w < 1) return BAD(net, "pool: the map is only %d x %d", net->op[x].h, net->op[x].w);
    return finish(net);
}

mnk_value mnk_net_global_pool(mnk_net *net, mnk_value x) {
    mnk_op *op = simple(net, MNK_OP_GLOBAL_POOL, x, "global pool", true);
    if (!op) return -1;
    op->h = op->w = 0;
    return finish(net);
}

mnk_value mnk_net_dropout(mnk_net *net, mnk_value x, double rate) {
    if (!failed(net) && !(rate >= 0 && rate < 1)) return BAD(net, "dropout: rate %g is outside [0, 1)", rate);
    mnk_op *op = simple(net, MNK_OP_DROPOUT, x, "dropout", false);
    if (!op) return -1;
    op->rate = rate;
    return finish(net);
}

mnk_value mnk_net_project(mnk_net *net, mnk_value x, mnk_value labels, const char *name, unsigned flags) {
    if (failed(net) || !operand(net, x, name) || !label_operand(net, labels, name)) return -1;
    x = flatten(net, x);
    mnk_op *op = x < 0 ? NULL : append(net, MNK_OP_PROJECT, name);
    if (!op) return -1;
    int c = net->op[x].c, classes = net->op[labels].c;
    op->in[0] = x, op->labels = labels, op->c = 1, op->flags = flags;
    add_param(net, op, MNK_P_W, "w", false, MNK_PI_WEIGHT, c, SHAPE(c, 1));
    add_bias(net, op, 1);
    if (!failed(net)) add_param(net, op, MNK_P_E, "e", false, MNK_PI_WEIGHT, c, SHAPE(classes, c));
    if (flags & MNK_NN_SPECTRAL) {
        add_spectral(net, op, MNK_P_W, MNK_P_U, MNK_P_V, "u", "v");
        add_spectral(net, op, MNK_P_E, MNK_P_EU, MNK_P_EV, "eu", "ev");
    }
    return finish(net);
}

void mnk_net_shape(const mnk_net *net, mnk_value v, int *c, int *h, int *w) {
    bool known = net && v >= 0 && v < net->n_ops;
    if (c) *c = known ? net->op[v].c : 0;
    if (h) *h = known ? net->op[v].h : 0;
    if (w) *w = known ? net->op[v].w : 0;
}

mnk_value mnk_net_find(const mnk_net *net, const char *input_name) {
    for (int i = 0; net && i < net->n_ops; i++)
        if ((net->op[i].kind == MNK_OP_INPUT || net->op[i].kind == MNK_OP_LABELS) && !strcmp(net->op[i].name, input_name))
            return i;
    return -1;
}

double mnk_net_macs(const mnk_net *net) {
    double total = 0;
    for (int i = 0; net && i < net->n_ops; i++)
        if (mnk_op_kinds[net->op[i].kind].macs) total += mnk_op_kinds[net->op[i].kind].macs(net, &net->op[i]);
    return total;
}
