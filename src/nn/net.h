/* Networks: an ordered list of operations (each value has one id), compiled for one batch size into a plan whose shapes,
 * kernels and memory are decided once. No tape, no automatic differentiation: each operation has a hand-written forward,
 * backward and, where it is piecewise linear, tangent pass.
 *
 *   net  (what)  ->  params (one flat buffer each for weights, gradients, moments, average)  ->  plan (how, for a batch)
 *
 * Several plans may share one params: a discriminator has one for 2N images and one for N. */
#ifndef MNK_NN_NET_H
#define MNK_NN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"
#include "base/safetensors.h"
#include "nn/backend.h"

typedef int mnk_value; /* id of a value inside its net */

typedef struct mnk_net mnk_net;

mnk_net *mnk_net_open(void); /* NULL when memory is short */
void mnk_net_close(mnk_net *net);
/* The first mistake made while building (shape mismatch, unknown id); builders after it do nothing. */
mnk_status mnk_net_check(const mnk_net *net, mnk_error *err) MNK_CHECK;

/* ---- builders: return the id of the new value. h = 0 makes a vector of c features. Names are the parameters' names. */
mnk_value mnk_net_input(mnk_net *net, const char *name, int c, int h, int w);
mnk_value mnk_net_labels(mnk_net *net, const char *name, int classes); /* one int32 per sample */

/* Spectral: weights are used divided by their largest singular value, estimated by one power iteration a step (Miyato et
 * al. 2018). Backward passes and the gradient penalty both take the exact gradient of that quotient. */
enum { MNK_NN_BIAS = 1, MNK_NN_SPECTRAL = 2 };
mnk_value mnk_net_conv(mnk_net *net, mnk_value x, const char *name, int out_channels, int k, int stride, int pad,
                       unsigned flags);
/* Transposed convolution: out = stride*(in - 1) + k - 2 pad. Its weights are those of the convolution it transposes:
 * [k][k][out][in]. */
mnk_value mnk_net_deconv(mnk_net *net, mnk_value x, const char *name, int out_channels, int k, int stride, int pad,
                         unsigned flags);
mnk_value mnk_net_linear(mnk_net *net, mnk_value x, const char *name, int out_features,
                         unsigned flags); /* maps are flattened c,h,w */
/* Class vectors, starting from N(0, 1). */
mnk_value mnk_net_embed(mnk_net *net, mnk_value labels, const char *name, int dim);
mnk_value mnk_net_concat(mnk_net *net, mnk_value a, mnk_value b); /* vectors, or maps of equal size along channels */
/* Vector -> map, features in order c,h,w; h = w = 0: map -> vector. */
mnk_value mnk_net_reshape(mnk_net *net, mnk_value x, int c, int h, int w);

typedef enum mnk_norm { MNK_NORM_BATCH, MNK_NORM_GROUP, MNK_NORM_LAYER } mnk_norm;
/* labels >= 0 makes scale and shift depend on the class (conditional normalisation); groups for GROUP only. */
mnk_value mnk_net_norm(mnk_net *net, mnk_value x, const char *name, mnk_norm kind, int groups, mnk_value labels);

typedef enum mnk_act { MNK_ACT_RELU, MNK_ACT_LEAKY, MNK_ACT_TANH, MNK_ACT_SIGMOID, MNK_ACT_SILU } mnk_act;
mnk_value mnk_net_act(mnk_net *net, mnk_value x, mnk_act kind, double slope); /* slope for LEAKY */
mnk_value mnk_net_add(mnk_net *net, mnk_value a, mnk_value b);
mnk_value mnk_net_upsample(mnk_net *net, mnk_value x); /* nearest, x2 */
/* 2x2, stride 2, average or maximum; an odd last row or column is left out. */
mnk_value mnk_net_pool(mnk_net *net, mnk_value x, bool max);
mnk_value mnk_net_global_pool(mnk_net *net, mnk_value x); /* map -> vector of channel means */
/* Kept numbers are divided by 1 - rate. Active in forward passes that are given a stream. */
mnk_value mnk_net_dropout(mnk_net *net, mnk_value x, double rate);
/* Projection head (Miyato & Koyama 2018): <x, w + e[label]> + b, one number per sample. */
mnk_value mnk_net_project(mnk_net *net, mnk_value x, mnk_value labels, const char *name, unsigned flags);

/* Shape of a value without the batch; h = w = 0 for vectors. */
void mnk_net_shape(const mnk_net *net, mnk_value v, int *c, int *h, int *w);
mnk_value mnk_net_find(const mnk_net *net, const char *input_name); /* -1 when absent */
/* Multiply-adds of one forward pass of one sample. */
double mnk_net_macs(const mnk_net *net);

/* ---- parameters: each kind in one flat buffer, so that Adam, averaging, clipping and an all-reduce are one pass ---- */
typedef struct mnk_params {
    size_t n;       /* trainable numbers */
    real *w, *g;    /* weights, gradient */
    real *m, *v;    /* Adam moments */
    real *average;  /* exponential moving average of w */
    size_t n_state; /* not trained: batch-norm running mean and variance, spectral-norm vectors */
    real *state;
    uint64_t step; /* optimiser steps taken */
} mnk_params;

typedef enum mnk_init { MNK_INIT_NORMAL_002, MNK_INIT_HE } mnk_init; /* N(0, .02) as DCGAN; He normal; biases 0, scales 1 */
mnk_status mnk_params_open(const mnk_net *net, mnk_init init, uint64_t seed, uint64_t stream, mnk_params **out,
                           mnk_error *err) MNK_CHECK;
void mnk_params_close(mnk_params *p);

/* Tensors of the parameters for a model file. `which`: "w" (weights and state), "average" (averaged weights and state)
 * or "all" (w, m, v, average, state, steps: exact resume; the further buffers under NAME#m, NAME#v, NAME#average, the steps
 * first, as i64 "step", so that every tensor of the list is aligned). Names get `prefix`. The list is released with mnk_free;
 * data points into p. */
mnk_status mnk_params_tensors(const mnk_net *net, const mnk_params *p, const char *prefix, const char *which,
                              mnk_st_tensor **out, size_t *n, mnk_error *err) MNK_CHECK;
/* Reads what mnk_params_tensors wrote ("w" also accepts a file with "average" in its place); missing tensors, wrong
 * shapes and numbers that are not finite are refused by name, and then nothing has changed. "average" prefers the averaged
 * tensors of a full checkpoint; "w" and "average" set both w and average. */
mnk_status mnk_params_load(const mnk_net *net, mnk_params *p, const char *prefix, const char *which, const mnk_st *st,
                           mnk_error *err) MNK_CHECK;

typedef struct mnk_adam {
    double rate, beta1, beta2, epsilon, weight_decay /* decoupled */, average_decay /* 0: average = w */;
} mnk_adam;
void mnk_params_adam(mnk_params *p, const mnk_adam *settings); /* one step on g; fused with the average */
double mnk_params_gradient_norm(const mnk_params *p);          /* fixed-block sum */
void mnk_params_scale_gradient(mnk_params *p, double factor);
void mnk_params_zero_gradient(mnk_params *p);

/* ---- plans ---- */
typedef struct mnk_plan mnk_plan;

enum {
    MNK_PLAN_TRAIN = 1,      /* batch statistics, backward passes available */
    MNK_PLAN_INPUT_GRAD = 2, /* gradient with respect to the inputs is wanted (generator step, R1/R2) */
    MNK_PLAN_TANGENT = 4,    /* tangent pass available */
    MNK_PLAN_AVERAGE = 8,    /* reads params->average instead of w */
    MNK_PLAN_PRIVATE = 16    /* backward passes available, and norms of each sample's gradient (below) */
};

/* Bytes a plan will allocate, without making it (a backend's objects are opened and closed to ask them); 0 when it cannot
 * be made. */
size_t mnk_plan_bytes(const mnk_net *net, int batch, const mnk_backend *backend, unsigned flags);
mnk_status mnk_plan_open(const mnk_net *net, mnk_params *p, int batch, const mnk_backend *backend, unsigned flags,
                         mnk_plan **out, mnk_error *err) MNK_CHECK;
void mnk_plan_close(mnk_plan *plan);

/* Memory of gradients is used again during a backward pass: readable afterwards are those of inputs and of values nobody
 * consumes. The seed put at an output stays. Values of the last forward pass are readable,
 * but one that only an activation reads shares the activation's memory: get the latter. Labels outside the classes are
 * taken as the nearest class: callers check them. */
/* Inputs and outputs in plain order: maps as [n][c][h][w], vectors as [n][c]. `put` converts into the plan's layout. */
void mnk_plan_put(mnk_plan *plan, mnk_value v, const float *plain);
void mnk_plan_put_labels(mnk_plan *plan, mnk_value v, const int32_t *labels);
void mnk_plan_get(const mnk_plan *plan, mnk_value v, float *plain);
void mnk_plan_get_grad(const mnk_plan *plan, mnk_value v, float *plain); /* after backward */
/* Gradient of the loss at the output value, before backward; overwrites. */
void mnk_plan_put_grad(mnk_plan *plan, mnk_value v, const float *plain);
/* In the plan's own layout, for code that knows it. */
real *mnk_plan_data(mnk_plan *plan, mnk_value v);
real *mnk_plan_grad(mnk_plan *plan, mnk_value v);

/* Call after the weights changed (optimiser step, load) and before the next forward: packs weights, advances spectral
 * norm's power iteration by one when `power_iteration` (once per step, whatever the number of plans; never by plans of the
 * average). A new plan is fresh. */
void mnk_plan_refresh(mnk_plan *plan, bool power_iteration);
/* `dropout` (NULL: off) is mnk_rng_at(seed, MNK_PURPOSE_DROPOUT, item of sample 0, step): sample i takes item + i. */
void mnk_plan_forward(mnk_plan *plan, const mnk_rng *dropout);

enum { MNK_BACK_WEIGHTS = 1, MNK_BACK_INPUTS = 2, MNK_BACK_ACCUMULATE = 4 /* add to params->g instead of overwriting */ };
void mnk_plan_backward(mnk_plan *plan, mnk_value output, unsigned what);

/* Exact gradient of a penalty on the input gradient of a piecewise-linear net without double backward (tangent pass):
 * for each sample s, g_s = d output_s / d input_s, penalty = sum_s scale_s * |g_s|^2 (scale plain [n]); adds its weight
 * gradient to params->g and returns the penalty's value. Runs its own backward with unit seed on the values of the last
 * forward; needs MNK_PLAN_TANGENT (NaN without), whose plans refuse nets that are not piecewise linear: norms, tanh, sigmoid,
 * silu. Gradients of the plan's values are overwritten. norms2 (may be NULL) receives |g_s|^2. */
double mnk_plan_gradient_penalty(mnk_plan *plan, mnk_value output, mnk_value input, const float *scale, double *norms2);
/* The same for sum_s scale_s (|g_s| - centre)^2: centre 1 is the penalty of WGAN-GP (Gulrajani et al. 2017). A sample whose
 * gradient is 0 adds to the penalty and nothing to its gradient, which does not exist there. */
double mnk_plan_gradient_penalty_around(mnk_plan *plan, mnk_value output, mnk_value input, const float *scale, double centre,
                                        double *norms2);

/* ---- private training: the gradient of each sample, without ever holding it ----
 * For plans opened with MNK_PLAN_PRIVATE, which refuses nets whose samples mix (batch norm) and gradient penalties. Such a
 * plan keeps the gradient of every value. Per step: put, forward, put_grad at `output` (each sample's own loss, not its
 * mean), sample_norms, weighted_gradient; and once, after as many of these as the batch needs and after the noise, settle.
 * With spectral norm, gradients are those with respect to w / sigma up to settle: the space of clipping and noise.
 * On other plans norms are NaN and gradients 0. */
/* Backward pass from the seed at `output`. norms2[batch]: squared L2 norm of each sample's gradient over all trainable
 * parameters, never below the true one by more than rounding (private_conv.c). With MNK_PLAN_INPUT_GRAD the gradients of the
 * inputs are there too (mnk_plan_get_grad), for a net that feeds this one: squared norms of the two add. */
void mnk_plan_sample_norms(mnk_plan *plan, mnk_value output, double *norms2);
/* params->g (+)= sum_s weight[s] g_s; `add` false overwrites. Uses up the pass: gradients are scaled where they lie, and
 * values of samples of weight 0 are cleared, so that these add nothing even if they are not finite. Once per pass;
 * gradients of inputs are left as they are. */
void mnk_plan_weighted_gradient(mnk_plan *plan, mnk_value output, const float *weight, bool add);
/* Turns params->g from the gradient by w / sigma into that by w: a linear map made of the weights alone. Wants the weights
 * and power iteration of the pass: call before refresh. Adding an ordinary backward pass (MNK_BACK_ACCUMULATE) comes after. */
void mnk_plan_private_settle(mnk_plan *plan);

/* Batch norm for use without a batch: set the running statistics of `state` from the values of the forward passes made
 * between begin and end (moments pooled over passes). */
void mnk_plan_statistics_begin(mnk_plan *plan);
void mnk_plan_statistics_end(mnk_plan *plan);

#endif
