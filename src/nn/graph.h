/* Inside the engine: what a net, its parameters and a plan are made of. Not for users of net.h.
 *
 * A net is an array of operations; operation i makes value i. A plan has one node per operation. A kind of operation is
 * one row of mnk_op_kinds (ops.c) and one file op_*.c; nothing else names it. */
#ifndef MNK_NN_GRAPH_H
#define MNK_NN_GRAPH_H

#include "nn/net.h"

typedef enum mnk_op_id {
    MNK_OP_INPUT,
    MNK_OP_LABELS,
    MNK_OP_CONV,
    MNK_OP_DECONV,
    MNK_OP_LINEAR,
    MNK_OP_EMBED,
    MNK_OP_CONCAT,
    MNK_OP_RESHAPE,
    MNK_OP_NORM,
    MNK_OP_ACT,
    MNK_OP_ADD,
    MNK_OP_UPSAMPLE,
    MNK_OP_POOL,
    MNK_OP_GLOBAL_POOL,
    MNK_OP_DROPOUT,
    MNK_OP_PROJECT,
    MNK_OP_KINDS
} mnk_op_id;

enum { MNK_NAME_MAX = 80 };

/* Roles of an operation's parameters: indices into mnk_op.param. */
enum {
    MNK_P_W, /* weights, or scale of a norm */
    MNK_P_B, /* bias, or shift */
    MNK_P_E, /* class vectors of the projection head */
    MNK_P_MEAN,
    MNK_P_VAR, /* running statistics (state) */
    MNK_P_U,
    MNK_P_V, /* singular vectors of W (state) */
    MNK_P_EU,
    MNK_P_EV, /* of E (state) */
    MNK_P_ROLES
};

typedef struct mnk_op {
    mnk_op_id kind;
    char name[MNK_NAME_MAX];
    int in[2];   /* values, -1: none */
    int labels;  /* value of labels, -1: none */
    int c, h, w; /* shape of the value; h = w = 0 for vectors; labels: c classes */
    int k, stride, pad, groups;
    unsigned flags;
    mnk_norm norm;
    mnk_act act;
    double slope, rate;
    bool max;
    int param[MNK_P_ROLES]; /* index into mnk_net.param, -1: none */
} mnk_op;

typedef enum mnk_param_init { MNK_PI_WEIGHT, MNK_PI_ZERO, MNK_PI_ONE, MNK_PI_EMBED, MNK_PI_POWER } mnk_param_init;

typedef struct mnk_param {
    char name[MNK_NAME_MAX + 16];
    bool state; /* lives in mnk_params.state, else in w, g, m, v, average */
    int rank;
    int64_t shape[4];
    size_t count, offset; /* offsets are multiples of 16 numbers (one cache line) */
    mnk_param_init init;
    double fan_in;
} mnk_param;

struct mnk_net {
    mnk_op *op;
    int n_ops, max_ops;
    mnk_param *param;
    int n_params, max_params;
    size_t n_trainable, n_state; /* lengths of the flat buffers */
    mnk_error error;
};

static inline bool mnk_is_vector(const mnk_op *op) { return op->h == 0; }
/* Numbers of one sample of a value in the plan's layout. */
static inline size_t mnk_sample_size(const mnk_op *op) {
    return mnk_is_vector(op) ? (size_t)op->c : (size_t)mnk_padded(op->c) * (size_t)op->h * (size_t)op->w;
}
/* A weight matrix for the spectral norm: w[p][a][b]; rows of the matrix are b (over = 2) or a (over = 1). */
typedef struct mnk_matrix {
    size_t p, a, b;
    int over;
} mnk_matrix;

/* ---- plan ---- */
typedef struct mnk_node {
    const mnk_op *op;
    int id;
    size_t size; /* numbers in y, dy and t: batch * mnk_sample_size */
    real *y;     /* value */
    real *dy;    /* gradient of the loss; NULL when never wanted */
    real *t;     /* tangent; NULL without MNK_PLAN_TANGENT */
    int32_t *labels;
    int consumers, last_consumer;
    bool needs_weights; /* a gradient here reaches trainable parameters */
    bool needs_input;   /* … reaches a net input */
    bool has_grad;      /* dy holds something in the running backward pass */
    bool ready;         /* op-private: sums of this node are done in this backward pass */
    bool masked;        /* dropout: the last forward drew a mask */
    const mnk_op *then; /* norm: the rectifier that reads it, applied in the same pass over memory; else NULL */
    bool then_back;     /* and its derivative too */
    mnk_conv *conv;
    real *save;   /* op-private, n_save numbers */
    double *sums; /* op-private, n_sums doubles */
    size_t n_save, n_sums;
    bool wants_dy;                                                  /* dy is made */
    size_t y_at, dy_at, t_at, save_at, sums_at, labels_at, w_at[2]; /* places in the arenas */
    real *w[2]; /* weights in use: params, or w / sigma for spectral norm; [1] is the class table of a head */
    double sigma[2];
} mnk_node;

struct mnk_plan {
    const mnk_net *net;
    mnk_params *params;
    const mnk_backend *backend;
    int batch;
    unsigned flags;
    mnk_node *node;
    real *activations, *gradients, *tangents; /* arenas */
    size_t n_activations, n_gradients, n_tangents;
    double *sums;
    size_t n_sums;
    int32_t *labels;
    size_t n_labels;
    real *scratch; /* one kernel's working memory */
    size_t scratch_bytes;
    double *partial; /* per-block sums on their way to a total */
    size_t n_partial;
    real *grad_temp; /* second contribution to a gradient */
    size_t n_grad_temp;
    real *weight_temp; /* gradient of w / sigma on its way to w */
    size_t n_weight_temp;
    size_t conv_bytes;
    const mnk_rng *dropout; /* during forward */
    double *norms2;         /* during sample_norms: [batch] */
    bool quotient;          /* during weighted_gradient: gradients by w / sigma stay what they are */
    bool collecting;        /* between statistics_begin and _end */
    int64_t collected;      /* forward passes since begin */
};

typedef struct mnk_op_kind {
    const char *name;
    bool piecewise_linear; /* has a tangent pass; activations decide by their function */
    /* Declares n_save, n_sums, scratch and partial needs; opens the backend's objects. NULL: needs nothing. */
    mnk_status (*plan)(mnk_plan *p, mnk_node *n, mnk_error *err);
    void (*refresh)(mnk_plan *p, mnk_node *n); /* weights changed; n->w is set */
    void (*forward)(mnk_plan *p, mnk_node *n);
    /* Gradient of input `slot` from n->dy; overwrites dx. */
    void (*backward)(mnk_plan *p, mnk_node *n, int slot, real *dx);
    /* Weight gradient from input x and n->dy. Ordinary backward: x is the value of input 0. Tangent pass: x is its
     * tangent and parameters that act by addition (biases) get nothing. */
    void (*weights)(mnk_plan *p, mnk_node *n, const real *x, bool tangent, bool add);
    /* Adds the squared norm of each sample's weight gradient, of which `weights` makes the sum, to norms2[batch]. With
     * spectral norm: of the gradient by w / sigma. Every kind with `weights` has it. */
    void (*norms)(mnk_plan *p, mnk_node *n, const real *x, double *norms2);
    void (*tangent)(mnk_plan *p, mnk_node *n); /* n->t from the tangents of the inputs */
    double (*macs)(const mnk_net *net, const mnk_op *op);
} mnk_op_kind;

extern const mnk_op_kind mnk_op_kinds[MNK_OP_KINDS];

static inline mnk_node *mnk_node_in(mnk_plan *p, const mnk_node *n, int slot) { return &p->node[n->op->in[slot]]; }
static inline void mnk_want(size_t *have, size_t need) {
    if (need > *have) *have = need;
}
static inline const mnk_param *mnk_param_of(const mnk_plan *p, const mnk_node *n, int role) {
    return n->op->param[role] < 0 ? NULL : &p->net->param[n->op->param[role]];
}
/* Weights in use (w or average), gradient and state of a role; NULL when the operation has none. */
const real *mnk_node_weights(const mnk_plan *p, const mnk_node *n, int role);
real *mnk_node_gradient(const mnk_plan *p, const mnk_node *n, int role);
real *mnk_node_state(const mnk_plan *p, const mnk_node *n, int role);
static inline bool mnk_plan_trains(const mnk_plan *p) {
    return (p->flags & (MNK_PLAN_TRAIN | MNK_PLAN_TANGENT | MNK_PLAN_PRIVATE)) != 0;
}
/* The gradient of every value outlives the backward pass. */
static inline bool mnk_plan_keeps_gradients(const mnk_plan *p) {
    return (p->flags & (MNK_PLAN_TANGENT | MNK_PLAN_PRIVATE)) != 0;
}
static inline bool mnk_plan_input_gradients(const mnk_plan *p) {
    return (p->flags & (MNK_PLAN_INPUT_GRAD | MNK_PLAN_TANGENT)) != 0;
}

/* y = x > 0 ? x : slope x is what operation `op` does; *slope is set then. */
static inline bool mnk_is_rectifier(const mnk_op *op, real *slope) {
    if (op->kind != MNK_OP_ACT || (op->act != MNK_ACT_RELU && op->act != MNK_ACT_LEAKY)) return false;
    *slope = op->act == MNK_ACT_RELU ? 0 : (real)op->slope;
    return true;
}

/* The walk from `output` to the inputs, without touching the seed (plan_run.c). MNK_BACK_NORMS: as for weights, but what is
 * made is p->norms2. */
enum { MNK_BACK_NORMS = 8 };
void mnk_plan_walk_back(mnk_plan *p, mnk_value output, unsigned what);
void mnk_zero_node_gradient(mnk_plan *p, const mnk_node *n);

/* ---- layout.c: plain <-> blocked, sums over channels ---- */
void mnk_block_maps(const real *plain, real *blocked, int n, int c, int hw);
void mnk_unblock_maps(const real *blocked, real *plain, int n, int c, int hw);
void mnk_zero_padding(real *blocked, int n, int c, int hw);
/* g[c] (+)= sum over samples and positions of dy; partial: n * mnk_padded(c) doubles. */
void mnk_sum_channels(const real *dy, int n, int c, int hw, double *partial, real *g, bool add);
/* partial[n][mnk_padded(c)]: the same for each sample alone. */
void mnk_sample_channels(const real *dy, int n, int c, int hw, double *partial);
void mnk_sum_columns(const real *dy, int n, int c, real *g, bool add);
void mnk_add_to(real *y, const real *x, size_t n);
void mnk_copy(real *y, const real *x, size_t n);
double mnk_dot(const real *a, const real *b, size_t n); /* short runs in `real`, their sum in double */

/* ---- spectral.c ---- */
mnk_matrix mnk_op_matrix(const mnk_op *op, int role, const mnk_param *param);
/* Scratch numbers a power iteration of this matrix wants. */
size_t mnk_spectral_scratch(mnk_matrix m);
void mnk_spectral_lengths(mnk_matrix m, size_t *u, size_t *v);
void mnk_spectral_iterate(mnk_matrix m, const real *w, real *u, real *v, real *scratch);
double mnk_spectral_sigma(mnk_matrix m, const real *w, const real *u, const real *v, real *scratch);
/* Gradient of w from the gradient d of w/sigma (Miyato et al. 2018, eq. 12): (d - <d, w/sigma> u v') / sigma. */
void mnk_spectral_backward(mnk_matrix m, const real *d, const real *scaled, const real *u, const real *v, double sigma, real *g,
                           bool add);
/* Where the weight gradient of a role goes: the gradient buffer, or for spectral norm a temporary that
 * mnk_weight_gradient_end folds in. *add is the caller's wish and becomes what the kernel must do. */
real *mnk_weight_gradient_begin(mnk_plan *p, mnk_node *n, int role, bool *add);
void mnk_weight_gradient_end(mnk_plan *p, mnk_node *n, int role, bool add);

#endif
