/* The table of operations: a new kind is one enum value in graph.h, one builder in net.c, one row here. */
#include "nn/ops.h"

const mnk_op_kind mnk_op_kinds[MNK_OP_KINDS] = {
    [MNK_OP_INPUT] = {.name = "input", .piecewise_linear = true},
    [MNK_OP_LABELS] = {.name = "labels", .piecewise_linear = true},
    [MNK_OP_CONV] = {.name = "convolution", .piecewise_linear = true, .plan = mnk_op_conv_plan, .refresh = mnk_op_conv_refresh, .forward = mnk_op_conv_forward, .backward = mnk_op_conv_backward, .weights = mnk_op_conv_weights, .tangent = mnk_op_conv_tangent, .macs = mnk_op_conv_macs},
    [MNK_OP_DECONV] = {.name = "transposed convolution", .piecewise_linear = true, .plan = mnk_op_conv_plan, .refresh = mnk_op_conv_refresh, .forward = mnk_op_conv_forward, .backward = mnk_op_conv_backward, .weights = mnk_op_conv_weights, .tangent = mnk_op_conv_tangent, .macs = mnk_op_conv_macs},
    [MNK_OP_LINEAR] = {.name = "linear layer", .piecewise_linear = true, .forward = mnk_op_linear_forward, .backward = mnk_op_linear_backward, .weights = mnk_op_linear_weights, .tangent = mnk_op_linear_tangent, .macs = mnk_op_linear_macs},
    [MNK_OP_EMBED] = {.name = "embedding", .piecewise_linear = true, .forward = mnk_op_embed_forward, .weights = mnk_op_embed_weights, .tangent = mnk_op_embed_tangent},
    [MNK_OP_CONCAT] = {.name = "concat", .piecewise_linear = true, .forward = mnk_op_concat_forward, .backward = mnk_op_concat_backward, .tangent = mnk_op_concat_tangent},
    [MNK_OP_RESHAPE] = {.name = "reshape", .piecewise_linear = true, .forward = mnk_op_reshape_forward, .backward = mnk_op_reshape_backward, .tangent = mnk_op_reshape_tangent},
    [MNK_OP_NORM] = {.name = "normalisation", .plan = mnk_op_norm_plan, .forward = mnk_op_norm_forward, .backward = mnk_op_norm_backward, .weights = mnk_op_norm_weights},
    [MNK_OP_ACT] = {.name = "activation", .piecewise_linear = true, .forward = mnk_op_act_forward, .backward = mnk_op_act_backward, .tangent = mnk_op_act_tangent},
    [MNK_OP_ADD] = {.name = "add", .piecewise_linear = true, .forward = mnk_op_add_forward, .backward = mnk_op_add_backward, .tangent = mnk_op_add_tangent},
    [MNK_OP_UPSAMPLE] = {.name = "upsampling", .piecewise_linear = true, .forward = mnk_op_upsample_forward, .backward = mnk_op_upsample_backward, .tangent = mnk_op_upsample_tangent},
    [MNK_OP_POOL] = {.name = "pooling", .piecewise_linear = true, .forward = mnk_op_pool_forward, .backward = mnk_op_pool_backward, .tangent = mnk_op_pool_tangent},
    [MNK_OP_GLOBAL_POOL] = {.name = "global pooling", .piecewise_linear = true, .forward = mnk_op_global_pool_forward, .backward = mnk_op_global_pool_backward, .tangent = mnk_op_global_pool_tangent},
    [MNK_OP_DROPOUT] = {.name = "dropout", .piecewise_linear = true, .plan = mnk_op_dropout_plan, .forward = mnk_op_dropout_forward, .backward = mnk_op_dropout_backward, .tangent = mnk_op_dropout_tangent},
    [MNK_OP_PROJECT] = {.name = "projection head", .piecewise_linear = true, .forward = mnk_op_project_forward, .backward = mnk_op_project_backward, .weights = mnk_op_project_weights, .tangent = mnk_op_project_tangent, .macs = mnk_op_project_macs},
};
