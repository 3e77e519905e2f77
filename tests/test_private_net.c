/* Norms of each sample's gradient and weighted sums of gradients against brute force: a plan of one sample, its ordinary
 * backward pass, norm and sum written out. Built twice: in float with every backend, and in double precision. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "nn/graph.h"

enum { BATCH = 5, CLASSES = 3 };

static double tolerance(void) { return sizeof(real) == sizeof(float) ? 2e-4 : 1e-11; }

static double draw(uint64_t item, size_t i) {
    mnk_rng r = mnk_rng_at(11, MNK_PURPOSE_TEST, item, (uint32_t)i);
    return mnk_rng_normal(&r);
}

/* Sample s of the batch as sample `to` of a plan: inputs and labels are functions of (value, sample). Classes repeat. */
static void fill_inputs(mnk_plan *p, int first) {
    for (int v = 0; v < p->net->n_ops; v++) {
        const mnk_op *op = &p->net->op[v];
        if (op->kind == MNK_OP_LABELS) {
            int32_t label[BATCH];
            for (int i = 0; i < p->batch; i++) label[i] = ((first + i) * 2 + 1) % (op->c < 2 ? 1 : 2);
            mnk_plan_put_labels(p, v, label);
        }
        if (op->kind != MNK_OP_INPUT) continue;
        size_t size = (size_t)op->c * (size_t)(op->h ? op->h * op->w : 1);
        float *plain = mnk_alloc(size * (size_t)p->batch, sizeof *plain);
        for (int s = 0; s < p->batch; s++)
            for (size_t i = 0; i < size; i++) plain[(size_t)s * size + i] = (float)draw((uint64_t)(v * 64 + first + s), i);
        mnk_plan_put(p, v, plain);
        mnk_free(plain);
    }
}

static void fill_seed(mnk_plan *p, mnk_value output, int first) {
    const mnk_op *op = &p->net->op[output];
    size_t size = (size_t)op->c * (size_t)(op->h ? op->h * op->w : 1);
    float *plain = mnk_alloc(size * (size_t)p->batch, sizeof *plain);
    for (int s = 0; s < p->batch; s++)
        for (size_t i = 0; i < size; i++) plain[(size_t)s * size + i] = (float)draw((uint64_t)(9000 + first + s), i);
    mnk_plan_put_grad(p, output, plain);
    mnk_free(plain);
}

static void pass(mnk_plan *p, mnk_value output, int first, bool drop) {
    mnk_rng dropout = mnk_rng_at(3, MNK_PURPOSE_DROPOUT, 40 + (uint64_t)first, 2);
    fill_inputs(p, first);
    mnk_plan_forward(p, drop ? &dropout : NULL);
    fill_seed(p, output, first);
}

static mnk_params *open_params(mnk_net *net) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_params *params = NULL;
    assert_ok(mnk_net_check(net, &err));
    assert_ok(mnk_params_open(net, MNK_INIT_HE, 5, 0, &params, &err));
    for (int i = 0; i < net->n_params; i++)
        for (size_t j = 0; j < net->param[i].count && !net->param[i].state; j++)
            params->w[net->param[i].offset + j] += (real)(0.2 * draw(1000 + (uint64_t)i, j));
    return params;
}

static mnk_plan *open_plan(const mnk_net *net, mnk_params *params, int batch, const mnk_backend *backend, unsigned flags) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_plan *plan = NULL;
    assert_ok(mnk_plan_open(net, params, batch, backend, flags, &plan, &err));
    return plan;
}

/* Gradients of each sample alone, rows of [BATCH][params->n]; none with respect to w / sigma: nets without spectral norm. */
static double *brute_force(const mnk_net *net, mnk_params *params, mnk_value output, const mnk_backend *backend, bool drop) {
    mnk_plan *one = open_plan(net, params, 1, backend, MNK_PLAN_TRAIN);
    double *rows = mnk_alloc(BATCH * params->n, sizeof *rows);
    for (int s = 0; s < BATCH; s++) {
        pass(one, output, s, drop);
        mnk_plan_backward(one, output, MNK_BACK_WEIGHTS);
        for (size_t i = 0; i < params->n; i++) rows[(size_t)s * params->n + i] = (double)params->g[i];
    }
    mnk_plan_close(one);
    return rows;
}

static double norm2(const double *g, size_t n) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += g[i] * g[i];
    return s;
}

static void compare_gradient(const mnk_net *net, const mnk_params *params, const double *want, const char *what) {
    for (int i = 0; i < net->n_params; i++) {
        const mnk_param *q = &net->param[i];
        if (q->state) continue;
        double scale = sqrt(norm2(want + q->offset, q->count)) + 1e-30, off = 0;
        for (size_t j = 0; j < q->count; j++) off += pow((double)params->g[q->offset + j] - want[q->offset + j], 2);
        if (!(sqrt(off) <= tolerance() * scale)) fail_msg("%s: %s is off by %.2e", what, q->name, sqrt(off) / scale);
    }
}

/* Numbers that must be overwritten; the gaps between parameters stay 0. */
static void spoil_gradient(const mnk_net *net, const mnk_params *params) {
    for (int i = 0; i < net->n_params; i++)
        for (size_t j = 0; j < net->param[i].count && !net->param[i].state; j++) params->g[net->param[i].offset + j] = 77;
}

/* Norms, and the sum of clipped gradients as private training makes it: some samples clipped, one left out. */
static void compare_all(mnk_plan *plan, const double *rows, mnk_value output, bool drop, const char *what) {
    const mnk_params *params = plan->params;
    size_t n = params->n;
    double norms2[BATCH], *want = mnk_alloc(n, sizeof *want);
    float weight[BATCH];
    pass(plan, output, 0, drop);
    mnk_plan_sample_norms(plan, output, norms2);
    for (int s = 0; s < BATCH; s++) {
        double truth = norm2(rows + (size_t)s * n, n);
        assert_true(truth > 0);
        if (!(fabs(norms2[s] - truth) <= tolerance() * truth))
            fail_msg("%s: norm of sample %d is %.9g, not %.9g", what, s, sqrt(norms2[s]), sqrt(truth));
    }
    double clip = sqrt(norms2[1]);
    for (int s = 0; s < BATCH; s++) {
        weight[s] = s == 3 ? 0 : (float)fmin(1, clip / sqrt(norms2[s]));
        for (size_t i = 0; i < n; i++) want[i] += (double)weight[s] * rows[(size_t)s * n + i];
    }
    spoil_gradient(plan->net, params);
    mnk_plan_weighted_gradient(plan, output, weight, false);
    compare_gradient(plan->net, params, want, what);
    for (size_t i = 0; i < n; i++) want[i] *= 2;
    pass(plan, output, 0, drop);
    mnk_plan_sample_norms(plan, output, norms2);
    mnk_plan_weighted_gradient(plan, output, weight, true);
    compare_gradient(plan->net, params, want, what);
    mnk_free(want);
}

static const mnk_backend *backend_at(int i) {
    static const char *const name[] = {"reference", "onednn"};
    if (sizeof(real) == sizeof(double)) return i ? NULL : &mnk_backend_reference;
    return i < 2 ? mnk_backend_find(name[i]) : NULL;
}

static void check_net(mnk_net *net, mnk_value output, bool drop, const char *what) {
    mnk_params *params = open_params(net);
    for (int i = 0; i < 2 && backend_at(i); i++) {
        double *rows = brute_force(net, params, output, backend_at(i), drop);
        mnk_plan *plan = open_plan(net, params, BATCH, backend_at(i), MNK_PLAN_PRIVATE);
        compare_all(plan, rows, output, drop, what);
        mnk_plan_close(plan);
        mnk_free(rows);
    }
    mnk_params_close(params);
    mnk_net_close(net);
}

/* Odd sizes, strides and channels that leave padding; some shapes take the ghost form, some the other. */
static void test_convolutions(void **state) {
    (void)state;
    static const int shapes[][7] = {/* channels, height, width, out, k, stride, pad */
                                    {3, 8, 8, 8, 4, 2, 1},   {12, 16, 16, 9, 4, 2, 1}, {8, 4, 4, 24, 4, 2, 1},
                                    {5, 7, 9, 11, 3, 1, 1},  {16, 3, 3, 16, 3, 1, 1},  {1, 11, 5, 3, 5, 2, 2},
                                    {10, 5, 5, 17, 1, 1, 0}, {7, 6, 6, 30, 6, 1, 0},   {20, 12, 12, 24, 3, 1, 1}};
    char what[80];
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (unsigned flags = 0; flags < 2; flags++)
            for (int transposed = 0; transposed < 2; transposed++) {
                const int *s = shapes[i];
                snprintf(what, sizeof what, "%sconvolution %d: k%d s%d, %d to %d channels", transposed ? "transposed " : "",
                         (int)i, s[4], s[5], s[0], s[3]);
                mnk_net *net = mnk_net_open();
                mnk_value x = mnk_net_input(net, "x", s[0], s[1], s[2]);
                mnk_value v = (transposed ? mnk_net_deconv : mnk_net_conv)(net, x, "c", s[3], s[4], s[5], s[6], flags);
                check_net(net, v, false, what);
            }
}

static void test_vectors(void **state) {
    (void)state;
    for (unsigned flags = 0; flags < 2; flags++) {
        mnk_net *net = mnk_net_open();
        mnk_value x = mnk_net_input(net, "x", 13, 0, 0);
        check_net(net, mnk_net_linear(net, x, "a", 7, flags), false, "linear");
        net = mnk_net_open();
        x = mnk_net_input(net, "x", 13, 0, 0);
        mnk_value y = mnk_net_labels(net, "y", CLASSES);
        check_net(net, mnk_net_project(net, x, y, "head", flags), false, "projection head");
    }
    mnk_net *net = mnk_net_open();
    mnk_value y = mnk_net_labels(net, "y", CLASSES);
    check_net(net, mnk_net_embed(net, y, "e", 19), false, "embedding");
}

static void test_norms(void **state) {
    (void)state;
    static const int shapes[][4] = {{12, 3, 5, 4}, {8, 4, 4, 2}, {12, 0, 0, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int kind = MNK_NORM_GROUP; kind <= (int)MNK_NORM_LAYER; kind++)
            for (int conditional = 0; conditional < 2; conditional++)
                for (int act = 0; act < 2; act++) {
                    const int *s = shapes[i];
                    mnk_net *net = mnk_net_open();
                    mnk_value x = mnk_net_input(net, "x", s[0], s[1], s[2]), y = mnk_net_labels(net, "y", CLASSES);
                    mnk_value v = mnk_net_norm(net, x, "n", (mnk_norm)kind, s[3], conditional ? y : -1);
                    if (act) v = mnk_net_act(net, v, MNK_ACT_LEAKY, 0.2);
                    check_net(net, v, false, "norm");
                }
}

/* Every layer that can be in a private net, residual and pooled, values read by several. */
static mnk_value discriminator(mnk_net *net, unsigned flags, bool norms, bool project) {
    mnk_value x = mnk_net_input(net, "x", 6, 16, 16), y = mnk_net_labels(net, "y", CLASSES);
    mnk_value v = mnk_net_act(net, mnk_net_conv(net, x, "c1", 8, 4, 2, 1, flags), MNK_ACT_LEAKY, 0.2);
    mnk_value side = mnk_net_conv(net, v, "c2", 12, 3, 1, 1, flags);
    if (norms) side = mnk_net_norm(net, side, "n2", MNK_NORM_GROUP, 3, y);
    side = mnk_net_conv(net, mnk_net_act(net, side, MNK_ACT_RELU, 0), "c3", 8, 3, 1, 1, flags);
    v = mnk_net_concat(net, mnk_net_add(net, v, side), mnk_net_pool(net, mnk_net_upsample(net, v), true));
    v = mnk_net_act(net, mnk_net_conv(net, v, "c4", 20, 4, 2, 1, flags), MNK_ACT_SILU, 0);
    v = mnk_net_deconv(net, mnk_net_dropout(net, mnk_net_pool(net, v, false), 0.3), "d5", 10, 4, 2, 1, flags);
    v = mnk_net_concat(net, mnk_net_global_pool(net, v), mnk_net_linear(net, v, "fc", 12, flags));
    if (norms) v = mnk_net_norm(net, v, "n6", MNK_NORM_LAYER, 1, -1);
    v = mnk_net_concat(net, mnk_net_act(net, v, MNK_ACT_TANH, 0), mnk_net_embed(net, y, "embed", 4));
    return project ? mnk_net_project(net, v, y, "head", flags) : mnk_net_linear(net, v, "head", 1, flags);
}

static void test_whole_nets(void **state) {
    (void)state;
    for (int i = 0; i < 8; i++) {
        mnk_net *net = mnk_net_open();
        mnk_value v = discriminator(net, i & 1 ? MNK_NN_BIAS : 0, i & 2, i & 4);
        check_net(net, v, true, "whole net");
    }
}

/* A gradient at an inner value: what comes after it has none. */
static void test_inner_output(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open();
    mnk_value x = mnk_net_input(net, "x", 5, 0, 0);
    mnk_value inner = mnk_net_act(net, mnk_net_linear(net, x, "a", 6, MNK_NN_BIAS), MNK_ACT_TANH, 0);
    mnk_net_linear(net, inner, "b", 4, MNK_NN_BIAS);
    check_net(net, inner, false, "inner value");
}

/* ---- spectral norm: the same net without it, whose weights are the quotients ---- */

static void copy_quotients(const mnk_plan *from, mnk_params *to, const mnk_net *net) {
    for (int v = 0; v < net->n_ops; v++)
        for (int r = 0; r <= (int)MNK_P_E; r++) {
            const mnk_param *q = mnk_param_of(from, &from->node[v], r);
            if (!q) continue;
            const real *w = r == MNK_P_B ? mnk_node_weights(from, &from->node[v], r) : from->node[v].w[r == MNK_P_E];
            memcpy(to->w + net->param[net->op[v].param[r]].offset, w, q->count * sizeof *w);
        }
}

/* The sum of all samples, settled, is the ordinary gradient of the net with spectral norm. */
static void check_settle(mnk_plan *plan, mnk_value output) {
    const float ones[BATCH] = {1, 1, 1, 1, 1};
    double norms2[BATCH], *want = mnk_alloc(plan->params->n, sizeof *want);
    mnk_plan *ordinary = open_plan(plan->net, plan->params, BATCH, plan->backend, MNK_PLAN_TRAIN);
    pass(ordinary, output, 0, true);
    mnk_plan_backward(ordinary, output, MNK_BACK_WEIGHTS);
    for (size_t i = 0; i < plan->params->n; i++) want[i] = (double)plan->params->g[i];
    pass(plan, output, 0, true);
    mnk_plan_sample_norms(plan, output, norms2);
    mnk_plan_weighted_gradient(plan, output, ones, false);
    double before = mnk_params_gradient_norm(plan->params);
    mnk_plan_private_settle(plan);
    assert_true(fabs(before - mnk_params_gradient_norm(plan->params)) > 1e-3 * before); /* it does something here */
    compare_gradient(plan->net, plan->params, want, "settled");
    mnk_plan_close(ordinary);
    mnk_free(want);
}

static void test_spectral(void **state) {
    (void)state;
    for (int i = 0; i < 2 && backend_at(i); i++)
        for (int project = 0; project < 2; project++) {
            mnk_net *net = mnk_net_open(), *twin = mnk_net_open();
            mnk_value v = discriminator(net, MNK_NN_BIAS | MNK_NN_SPECTRAL, true, project);
            assert_int_equal(discriminator(twin, MNK_NN_BIAS, true, project), v);
            mnk_params *params = open_params(net), *quotients = open_params(twin);
            mnk_plan *plan = open_plan(net, params, BATCH, backend_at(i), MNK_PLAN_PRIVATE);
            for (int k = 0; k < 3; k++) mnk_plan_refresh(plan, true);
            copy_quotients(plan, quotients, twin);
            double *rows = brute_force(twin, quotients, v, backend_at(i), true),
                   *moved = mnk_alloc(BATCH * params->n, sizeof *moved);
            assert_int_equal(params->n, quotients->n); /* state apart: parameters lie in the same places */
            memcpy(moved, rows, BATCH * params->n * sizeof *rows);
            compare_all(plan, moved, v, true, "spectral norm");
            check_settle(plan, v);
            mnk_free(moved);
            mnk_free(rows);
            mnk_plan_close(plan);
            mnk_params_close(params);
            mnk_params_close(quotients);
            mnk_net_close(net);
            mnk_net_close(twin);
        }
}

/* ---- two nets in a row, other rules ---- */

/* With input gradients a private plan passes on what an ordinary one would, also after the weighted gradient. */
static void test_input_gradient(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open();
    mnk_value v = discriminator(net, MNK_NN_BIAS, true, true);
    mnk_params *params = open_params(net);
    mnk_plan *plan = open_plan(net, params, BATCH, &mnk_backend_reference, MNK_PLAN_PRIVATE | MNK_PLAN_INPUT_GRAD);
    mnk_plan *ordinary = open_plan(net, params, BATCH, &mnk_backend_reference, MNK_PLAN_TRAIN | MNK_PLAN_INPUT_GRAD);
    const float weight[BATCH] = {1, 0, 0.5f, 2, 1};
    double norms2[BATCH];
    static float a[BATCH * 6 * 256], b[BATCH * 6 * 256];
    pass(ordinary, v, 0, true);
    mnk_plan_backward(ordinary, v, MNK_BACK_INPUTS);
    mnk_plan_get_grad(ordinary, 0, a);
    pass(plan, v, 0, true);
    mnk_plan_sample_norms(plan, v, norms2);
    mnk_plan_weighted_gradient(plan, v, weight, false);
    mnk_plan_get_grad(plan, 0, b);
    assert_memory_equal(a, b, sizeof a);
    mnk_plan_close(plan);
    mnk_plan_close(ordinary);
    mnk_params_close(params);
    mnk_net_close(net);
}

/* A sample of weight 0 adds nothing, whatever its numbers are. */
static void test_left_out(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open();
    mnk_value v = discriminator(net, MNK_NN_BIAS, true, true);
    mnk_params *params = open_params(net);
    mnk_plan *plan = open_plan(net, params, BATCH, &mnk_backend_reference, MNK_PLAN_PRIVATE);
    double norms2[BATCH];
    const float weight[BATCH] = {1, 1, 0, 1, 1};
    real *sums[2];
    for (int bad = 0; bad < 2; bad++) {
        fill_inputs(plan, 0);
        if (bad) mnk_plan_data(plan, 0)[2 * plan->node[0].size / BATCH] = (real)INFINITY;
        mnk_plan_forward(plan, NULL);
        fill_seed(plan, v, 0);
        mnk_plan_sample_norms(plan, v, norms2);
        assert_true(bad == !isfinite(norms2[2]));
        for (int s = 0; s < BATCH; s++) assert_true(s == 2 || isfinite(norms2[s]));
        mnk_plan_weighted_gradient(plan, v, weight, false);
        sums[bad] = mnk_alloc(params->n, sizeof(real));
        memcpy(sums[bad], params->g, params->n * sizeof(real));
    }
    assert_memory_equal(sums[0], sums[1], params->n * sizeof(real));
    mnk_free(sums[0]);
    mnk_free(sums[1]);
    mnk_plan_close(plan);
    mnk_params_close(params);
    mnk_net_close(net);
}

static void test_threads(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open();
    mnk_value v = discriminator(net, MNK_NN_BIAS | MNK_NN_SPECTRAL, true, true);
    for (int i = 0; i < 2 && backend_at(i); i++) {
        mnk_params *params = open_params(net);
        double norms2[2][BATCH];
        real *sums[2];
        for (int threads = 1; threads <= 2; threads++) {
            mnk_threads_set(threads);
            mnk_plan *plan = open_plan(net, params, BATCH, backend_at(i), MNK_PLAN_PRIVATE);
            const float weight[BATCH] = {1, 0.3f, 0.5f, 0, 1};
            pass(plan, v, 0, true);
            mnk_plan_sample_norms(plan, v, norms2[threads - 1]);
            mnk_plan_weighted_gradient(plan, v, weight, false);
            mnk_plan_private_settle(plan);
            sums[threads - 1] = mnk_alloc(params->n, sizeof(real));
            memcpy(sums[threads - 1], params->g, params->n * sizeof(real));
            mnk_plan_close(plan);
        }
        mnk_threads_set(1);
        assert_memory_equal(norms2[0], norms2[1], sizeof norms2[0]);
        assert_memory_equal(sums[0], sums[1], params->n * sizeof(real));
        mnk_free(sums[0]);
        mnk_free(sums[1]);
        mnk_params_close(params);
    }
    mnk_net_close(net);
}

static void test_refusals(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_net *net = mnk_net_open();
    mnk_value x = mnk_net_input(net, "x", 8, 4, 4);
    mnk_net_norm(net, mnk_net_conv(net, x, "c", 8, 3, 1, 1, 0), "bn", MNK_NORM_BATCH, 0, -1);
    mnk_params *params = open_params(net);
    mnk_plan *plan = NULL;
    assert_int_equal(mnk_plan_open(net, params, 2, &mnk_backend_reference, MNK_PLAN_PRIVATE, &plan, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.message, "'bn' mixes samples"));
    assert_true(mnk_plan_bytes(net, 2, &mnk_backend_reference, MNK_PLAN_PRIVATE) == 0);
    err = (mnk_error)MNK_ERROR_INIT;
    assert_int_equal(mnk_plan_open(net, params, 2, &mnk_backend_reference, MNK_PLAN_PRIVATE | MNK_PLAN_TANGENT, &plan, &err),
                     MNK_ERR_USAGE);
    /* without the flag nothing comes out that could be taken for a private gradient */
    plan = open_plan(net, params, 2, &mnk_backend_reference, MNK_PLAN_TRAIN);
    double norms2[2];
    const float weight[2] = {1, 1};
    mnk_plan_forward(plan, NULL);
    mnk_plan_sample_norms(plan, 2, norms2);
    assert_true(isnan(norms2[0]) && isnan(norms2[1]));
    spoil_gradient(net, params);
    mnk_plan_weighted_gradient(plan, 2, weight, false);
    assert_true(mnk_params_gradient_norm(params) == 0);
    mnk_plan_close(plan);
    mnk_params_close(params);
    mnk_net_close(net);
}

int main(void) {
    mnk_threads_set(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions),   cmocka_unit_test(test_vectors),      cmocka_unit_test(test_norms),
        cmocka_unit_test(test_whole_nets),     cmocka_unit_test(test_inner_output), cmocka_unit_test(test_spectral),
        cmocka_unit_test(test_input_gradient), cmocka_unit_test(test_left_out),     cmocka_unit_test(test_threads),
        cmocka_unit_test(test_refusals),
    };
    return MNK_RUN_TESTS(sizeof(real) == sizeof(float) ? "private_net" : "private_net_double", tests);
}
