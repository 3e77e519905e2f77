/* Functions of the kinds of operations, for the table in ops.c. */
#ifndef MNK_NN_OPS_H
#define MNK_NN_OPS_H

#include "nn/graph.h"

mnk_status mnk_op_conv_plan(mnk_plan *p, mnk_node *n, mnk_error *err);
void mnk_op_conv_refresh(mnk_plan *p, mnk_node *n);
void mnk_op_conv_forward(mnk_plan *p, mnk_node *n);
void mnk_op_conv_backward(mnk_plan *p, mnk_node *n, int slot, real *dx);
void mnk_op_conv_weights(mnk_plan *p, mnk_node *n, const real *x, bool tangent, bool add);
void mnk_op_conv_norms(mnk_plan *p, mnk_node *n, const real *x, double *norms2);
void mnk_op_conv_tangent(mnk_plan *p, mnk_node *n);
double mnk_op_conv_macs(const mnk_net *net, const mnk_op *op);

/* private_conv.c: how the norms of a convolution are made, and the bytes of scratch they want. */
size_t mnk_conv_norms_scratch(const mnk_conv_shape *shape);
mnk_conv_shape mnk_op_conv_shape(const mnk_plan *p, const mnk_node *n);

void mnk_op_linear_forward(mnk_plan *p, mnk_node *n);
void mnk_op_linear_backward(mnk_plan *p, mnk_node *n, int slot, real *dx);
void mnk_op_linear_weights(mnk_plan *p, mnk_node *n, const real *x, bool tangent, bool add);
void mnk_op_linear_norms(mnk_plan *p, mnk_node *n, const real *x, double *norms2);
void mnk_op_linear_tangent(mnk_plan *p, mnk_node *n);
double mnk_op_linear_macs(const mnk_net *net, const mnk_op *op);

void mnk_op_embed_forward(mnk_plan *p, mnk_node *n);
void mnk_op_embed_weights(mnk_plan *p, mnk_node *n, const real *x, bool tangent, bool add);
void mnk_op_embed_norms(mnk_plan *p, mnk_node *n, const real *x, double *norms2);
void mnk_op_embed_tangent(mnk_plan *p, mnk_node *n);

void mnk_op_concat_forward(mnk_plan *p, mnk_node *n);
void mnk_op_concat_backward(mnk_plan *p, mnk_node *n, int slot, real *dx);
void mnk_op_concat_tangent(mnk_plan *p, mnk_node *n);

void mnk_op_reshape_forward(mnk_plan *p, mnk_node *n);
void mnk_op_reshape_backward(mnk_plan *p, mnk_node *n, int slot, real *dx);
void mnk_op_reshape_tangent(mnk_plan *p, mnk_node *n);

mnk_status mnk_op_norm_plan(mnk_plan *p, mnk_node *n, mnk_error *err);
void mnk_op_norm_forward(mnk_plan *p, mnk_node *n);
void mnk_op_norm_backward(mnk_plan *p, mnk_node *n, int slot, real *dx);
void mnk_op_norm_weights(mnk_plan *p, mnk_node *n, const real *x, bool tangent, bool add);
void mnk_op_norm_norms(mnk_plan *p, mnk_node *n, const real *x, double *norms2);

void mnk_op_act_forward(mnk_plan *p, mnk_node *n);
void mnk_op_act_backward(mnk_plan *p, mnk_node *n, int slot, real *dx);
void mnk_op_act_tangent(mnk_plan *p, mnk_node *n);

void mnk_op_add_forward(mnk_plan *p, mnk_node *n);
void mnk_op_add_backward(mnk_plan *p, mnk_node *n, int slot, real *dx);
void mnk_op_add_tangent(mnk_plan *p, mnk_node *n);

void mnk_op_upsample_forward(mnk_plan *p, mnk_node *n);
void mnk_op_upsample_backward(mnk_plan *p, mnk_node *n, int slot, real *dx);
void mnk_op_upsample_tangent(mnk_plan *p, mnk_node *n);

void mnk_op_pool_forward(mnk_plan *p, mnk_node *n);
void mnk_op_pool_backward(mnk_plan *p, mnk_node *n, int slot, real *dx);
void mnk_op_pool_tangent(mnk_plan *p, mnk_node *n);

void mnk_op_global_pool_forward(mnk_plan *p, mnk_node *n);
void mnk_op_global_pool_backward(mnk_plan *p, mnk_node *n, int slot, real *dx);
void mnk_op_global_pool_tangent(mnk_plan *p, mnk_node *n);

mnk_status mnk_op_dropout_plan(mnk_plan *p, mnk_node *n, mnk_error *err);
void mnk_op_dropout_forward(mnk_plan *p, mnk_node *n);
void mnk_op_dropout_backward(mnk_plan *p, mnk_node *n, int slot, real *dx);
void mnk_op_dropout_tangent(mnk_plan *p, mnk_node *n);

void mnk_op_project_forward(mnk_plan *p, mnk_node *n);
void mnk_op_project_backward(mnk_plan *p, mnk_node *n, int slot, real *dx);
void mnk_op_project_weights(mnk_plan *p, mnk_node *n, const real *x, bool tangent, bool add);
void mnk_op_project_norms(mnk_plan *p, mnk_node *n, const real *x, double *norms2);
void mnk_op_project_tangent(mnk_plan *p, mnk_node *n);
double mnk_op_project_macs(const mnk_net *net, const mnk_op *op);

/* Running statistics of a norm from what its forward passes collected (mnk_plan_statistics_end). */
void mnk_op_norm_collected(mnk_plan *p, mnk_node *n);

#endif
