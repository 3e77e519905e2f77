/* The engine in double precision (its own build, reference backend): every layer and whole networks against finite
 * differences, the gradient penalty against differences of the penalty itself, convolutions against the definition. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "nn/graph.h"

enum { BATCH = 3, CLASSES = 3, MOST = 24 /* numbers tried per tensor */ };

typedef struct fixture {
    mnk_net *net;
    mnk_params *params;
    mnk_plan *plan;
    mnk_value output;
    mnk_rng dropout;
    bool drop;
    double *r; /* weights of the outputs in the loss */
} fixture;

static double draw(uint64_t item, size_t i) {
    mnk_rng r = mnk_rng_at(7, MNK_PURPOSE_TEST, item, (uint32_t)i);
    return mnk_rng_normal(&r);
}

/* Random inputs in the plan's layout, padding left zero; labels 0, 1, 2, … */
static void fill_inputs(mnk_plan *p) {
    for (int v = 0; v < p->net->n_ops; v++) {
        const mnk_op *op = &p->net->op[v];
        if (op->kind == MNK_OP_LABELS)
            for (int i = 0; i < p->batch; i++) p->node[v].labels[i] = (i * 2 + 1) % op->c;
        if (op->kind != MNK_OP_INPUT) continue;
        size_t plain_size = (size_t)op->c * (size_t)(op->h ? op->h * op->w : 1) * (size_t)p->batch;
        float *plain = mnk_alloc(plain_size, sizeof *plain);
        for (size_t i = 0; i < plain_size; i++) plain[i] = (float)draw((uint64_t)v, i);
        mnk_plan_put(p, v, plain);
        mnk_free(plain);
    }
}

static fixture open_fixture(mnk_net *net, mnk_value output, unsigned flags) {
    mnk_error err = MNK_ERROR_INIT;
    fixture f = {.net = net, .output = output};
    assert_ok(mnk_net_check(net, &err));
    assert_ok(mnk_params_open(net, MNK_INIT_HE, 5, 0, &f.params, &err));
    for (int i = 0; i < net->n_params; i++) /* away from the special points 0 and 1 */
        if (!net->param[i].state)
            for (size_t j = 0; j < net->param[i].count; j++)
                f.params->w[net->param[i].offset + j] += 0.2 * draw(1000 + (uint64_t)i, j);
    for (int i = 0; i < net->n_params; i++)
        if (net->param[i].state && strstr(net->param[i].name, ".mean"))
            for (size_t j = 0; j < net->param[i].count; j++) f.params->state[net->param[i].offset + j] = 0.3 * draw(2000, j);
    memcpy(f.params->average, f.params->w, f.params->n * sizeof(real));
    assert_ok(mnk_plan_open(net, f.params, BATCH, &mnk_backend_reference, flags, &f.plan, &err));
    fill_inputs(f.plan);
    f.r = mnk_alloc(f.plan->node[output].size, sizeof *f.r);
    for (size_t i = 0; i < f.plan->node[output].size; i++) f.r[i] = draw(3000, i);
    const mnk_op *op = &net->op[output];
    if (!mnk_is_vector(op)) mnk_zero_padding(f.r, BATCH, op->c, op->h * op->w);
    for (int i = 0; i < 3; i++) mnk_plan_refresh(f.plan, true);
    return f;
}

static void close_fixture(fixture *f) {
    mnk_free(f->r);
    mnk_plan_close(f->plan);
    mnk_params_close(f->params);
    mnk_net_close(f->net);
}

static double loss(fixture *f) {
    mnk_plan_refresh(f->plan, false);
    mnk_plan_forward(f->plan, f->drop ? &f->dropout : NULL);
    const mnk_node *n = &f->plan->node[f->output];
    double s = 0;
    for (size_t i = 0; i < n->size; i++) s += f->r[i] * n->y[i];
    return s;
}

static double central(fixture *f, real *x, double (*value)(fixture *)) {
    const double h = 1e-5;
    real keep = *x;
    *x = keep + h;
    double up = value(f);
    *x = keep - h;
    double down = value(f);
    *x = keep;
    return (up - down) / (2 * h);
}

/* Largest difference over `count` numbers (at most MOST of them), relative to the tensor's largest gradient or `least`
 * (a bias before a norm has gradient 0). Of a map, layout padding is left alone. */
static double compare(fixture *f, real *x, const double *analytic, size_t count, double least, const mnk_op *map,
                      double (*value)(fixture *)) {
    double worst = 0, scale = least;
    size_t stride = count / MOST + 1;
    for (size_t i = 0; i < count; i++) scale = fmax(scale, fabs(analytic[i]));
    for (size_t i = 0; i < count; i += stride) {
        if (map && !mnk_is_vector(map)) {
            size_t hw = (size_t)(map->h * map->w), block = i / (hw * 8) % (size_t)(mnk_padded(map->c) / 8);
            if (block * 8 + i % 8 >= (size_t)map->c) continue;
        }
        worst = fmax(worst, fabs(central(f, x + i, value) - analytic[i]));
    }
    return worst / scale;
}

static void check_padding(const mnk_plan *p) {
    for (int v = 0; v < p->net->n_ops; v++) {
        const mnk_op *op = &p->net->op[v];
        const mnk_node *n = &p->node[v];
        if (op->kind == MNK_OP_LABELS || mnk_is_vector(op)) continue;
        size_t hw = (size_t)(op->h * op->w), cb = (size_t)mnk_padded(op->c) / 8;
        for (size_t i = 0; i < n->size; i++)
            if (i / (hw * 8) % cb * 8 + i % 8 >= (size_t)op->c && n->y[i] != 0) fail_msg("padding of value %d is not zero", v);
    }
}

static void compare_params(fixture *f, double (*value)(fixture *), double tolerance, const char *what) {
    double *g = mnk_alloc(f->params->n, sizeof *g);
    double least = 1e-8;
    for (size_t i = 0; i < f->params->n; i++) least = fmax(least, 1e-3 * fabs(g[i] = f->params->g[i]));
    for (int i = 0; i < f->net->n_params; i++) {
        const mnk_param *q = &f->net->param[i];
        if (q->state) continue;
        double e = compare(f, f->params->w + q->offset, g + q->offset, q->count, least, NULL, value);
        if (!(e <= tolerance)) fail_msg("%s: gradient of %s is off by %.2e", what, q->name, e);
    }
    mnk_free(g);
}

static void check_net(mnk_net *net, mnk_value output, unsigned flags, bool drop, const char *what) {
    fixture f = open_fixture(net, output, flags | MNK_PLAN_INPUT_GRAD);
    f.drop = drop;
    f.dropout = mnk_rng_at(3, MNK_PURPOSE_DROPOUT, 40, 2);
    loss(&f);
    check_padding(f.plan);
    mnk_node *out = &f.plan->node[output];
    memcpy(out->dy, f.r, out->size * sizeof *out->dy);
    mnk_plan_backward(f.plan, output, MNK_BACK_INPUTS | MNK_BACK_WEIGHTS);
    for (int v = 0; v < net->n_ops; v++) {
        mnk_node *n = &f.plan->node[v];
        if (n->op->kind != MNK_OP_INPUT) continue;
        double *g = mnk_alloc(n->size, sizeof *g);
        memcpy(g, n->dy, n->size * sizeof *g);
        double e = compare(&f, n->y, g, n->size, 1e-8, n->op, loss);
        if (!(e <= 1e-6)) fail_msg("%s: gradient of input %s is off by %.2e", what, n->op->name, e);
        mnk_free(g);
    }
    if (mnk_plan_trains(f.plan)) compare_params(&f, loss, 1e-6, what);
    close_fixture(&f);
}

/* ---- single layers ---- */

static void test_convolutions(void **state) {
    (void)state;
    static const int cases[][6] = {/* c, size, out, k, stride, pad */
                                   {3, 8, 5, 4, 2, 1},
                                   {8, 6, 16, 3, 1, 1},
                                   {9, 5, 3, 1, 1, 0},
                                   {2, 7, 4, 3, 2, 1},
                                   {1, 6, 9, 5, 1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned flags = 0; flags < 4; flags++) {
            const int *c = cases[i];
            mnk_net *net = mnk_net_open();
            mnk_value x = mnk_net_input(net, "x", c[0], c[1], c[1] + 1);
            check_net(net, mnk_net_conv(net, x, "conv", c[2], c[3], c[4], c[5], flags), MNK_PLAN_TRAIN, false, "conv");
            net = mnk_net_open();
            x = mnk_net_input(net, "x", c[0], c[1], c[1] - 1);
            check_net(net, mnk_net_deconv(net, x, "deconv", c[2], c[3], c[4], c[5], flags), MNK_PLAN_TRAIN, false, "deconv");
        }
}

static void test_linear(void **state) {
    (void)state;
    for (unsigned flags = 0; flags < 4; flags++) {
        mnk_net *net = mnk_net_open();
        mnk_value x = mnk_net_input(net, "x", 13, 0, 0);
        check_net(net, mnk_net_linear(net, x, "fc", 7, flags), MNK_PLAN_TRAIN, false, "linear");
        net = mnk_net_open();
        x = mnk_net_input(net, "x", 5, 3, 2);
        check_net(net, mnk_net_linear(net, x, "fc", 9, flags), MNK_PLAN_TRAIN, false, "linear on a map");
        net = mnk_net_open();
        x = mnk_net_input(net, "x", 11, 2, 3);
        mnk_value y = mnk_net_labels(net, "y", CLASSES);
        check_net(net, mnk_net_project(net, x, y, "head", flags), MNK_PLAN_TRAIN, false, "project");
    }
}

static void test_norms(void **state) {
    (void)state;
    static const int shapes[][3] = {{12, 3, 4}, {10, 2, 2}, {12, 0, 0}, {18, 0, 0}, {3, 9, 9}};
    static const int groups[] = {4, 5, 3, 2, 3};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int kind = MNK_NORM_BATCH; kind <= (int)MNK_NORM_LAYER; kind++)
            for (int conditional = 0; conditional < 2; conditional++)
                for (int train = 0; train < 2; train++) {
                    mnk_net *net = mnk_net_open();
                    mnk_value x = mnk_net_input(net, "x", shapes[i][0], shapes[i][1], shapes[i][2]);
                    mnk_value y = mnk_net_labels(net, "y", CLASSES);
                    mnk_value v = mnk_net_norm(net, x, "norm", (mnk_norm)kind, groups[i], conditional ? y : -1);
                    check_net(net, v, train ? MNK_PLAN_TRAIN : 0, false, train ? "norm" : "norm without a batch");
                }
}

static void test_activations(void **state) {
    (void)state;
    for (int kind = MNK_ACT_RELU; kind <= (int)MNK_ACT_SILU; kind++)
        for (int map = 0; map < 2; map++) {
            mnk_net *net = mnk_net_open();
            mnk_value x = mnk_net_input(net, "x", 11, map ? 3 : 0, map ? 3 : 0);
            mnk_value a = mnk_net_act(net, x, (mnk_act)kind, 0.2);
            check_net(net, a, MNK_PLAN_TRAIN, false, "activation");
        }
}

static void test_shapes(void **state) {
    (void)state;
    static const int channels[][2] = {{8, 16}, {3, 7}, {5, 0}};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        int a = channels[i][0], b = channels[i][1];
        mnk_net *net = mnk_net_open();
        mnk_value x = mnk_net_input(net, "x", a, 5, 4);
        check_net(net, mnk_net_upsample(net, x), MNK_PLAN_TRAIN, false, "upsample");
        for (int max = 0; max < 2; max++) {
            net = mnk_net_open();
            x = mnk_net_input(net, "x", a, 5, 6);
            check_net(net, mnk_net_pool(net, x, max), MNK_PLAN_TRAIN, false, "pool");
        }
        net = mnk_net_open();
        x = mnk_net_input(net, "x", a, 3, 2);
        check_net(net, mnk_net_global_pool(net, x), MNK_PLAN_TRAIN, false, "global pool");
        net = mnk_net_open();
        x = mnk_net_input(net, "x", a * 6, 0, 0);
        check_net(net, mnk_net_reshape(net, x, a, 3, 2), MNK_PLAN_TRAIN, false, "reshape");
        net = mnk_net_open();
        x = mnk_net_input(net, "x", a, 3, 3);
        check_net(net, mnk_net_dropout(net, x, 0.4), MNK_PLAN_TRAIN, true, "dropout");
        if (!b) continue;
        for (int h = 0; h < 6; h += 5) {
            net = mnk_net_open();
            x = mnk_net_input(net, "x", a, h, h);
            mnk_value z = mnk_net_input(net, "z", b, h, h);
            mnk_value both = mnk_net_concat(net, mnk_net_concat(net, x, z), x);
            check_net(net, both, MNK_PLAN_TRAIN, false, "concat");
        }
        net = mnk_net_open();
        x = mnk_net_input(net, "x", a, 3, 3);
        check_net(net, mnk_net_add(net, x, mnk_net_add(net, x, x)), MNK_PLAN_TRAIN, false, "add");
    }
}

/* ---- whole networks ---- */

static mnk_value generator(mnk_net *net, mnk_norm norm, bool conditional, unsigned flags) {
    mnk_value z = mnk_net_input(net, "z", 6, 0, 0), y = mnk_net_labels(net, "y", CLASSES);
    mnk_value v = mnk_net_concat(net, z, mnk_net_embed(net, y, "embed", 3));
    v = mnk_net_linear(net, v, "fc", 16 * 4, flags);
    v = mnk_net_reshape(net, v, 16, 2, 2);
    v = mnk_net_act(net, mnk_net_norm(net, v, "n0", norm, 4, conditional ? y : -1), MNK_ACT_RELU, 0);
    v = mnk_net_deconv(net, v, "d1", 8, 4, 2, 1, flags);
    v = mnk_net_act(net, mnk_net_norm(net, v, "n1", norm, 2, conditional ? y : -1), MNK_ACT_SILU, 0);
    v = mnk_net_conv(net, mnk_net_upsample(net, v), "c2", 3, 3, 1, 1, MNK_NN_BIAS);
    return mnk_net_act(net, v, MNK_ACT_TANH, 0);
}

static void test_generators(void **state) {
    (void)state;
    for (int norm = MNK_NORM_BATCH; norm <= (int)MNK_NORM_LAYER; norm++)
        for (unsigned flags = 0; flags < 4; flags++) {
            mnk_net *net = mnk_net_open();
            mnk_value v = generator(net, (mnk_norm)norm, flags & 1, flags);
            check_net(net, v, MNK_PLAN_TRAIN, false, "generator");
        }
}

/* Residual, pooled, concatenated: every piecewise linear layer in one discriminator. */
static mnk_value discriminator(mnk_net *net, unsigned flags, bool project) {
    mnk_value x = mnk_net_input(net, "x", 3, 8, 8), y = mnk_net_labels(net, "y", CLASSES);
    mnk_value v = mnk_net_act(net, mnk_net_conv(net, x, "c1", 8, 4, 2, 1, flags), MNK_ACT_LEAKY, 0.2);
    mnk_value side = mnk_net_conv(net, mnk_net_act(net, mnk_net_conv(net, v, "c2", 8, 3, 1, 1, flags), MNK_ACT_RELU, 0), "c3",
                                  8, 3, 1, 1, flags);
    v = mnk_net_add(net, v, side);
    v = mnk_net_concat(net, v, mnk_net_pool(net, mnk_net_upsample(net, v), true));
    v = mnk_net_deconv(net, mnk_net_pool(net, v, false), "d4", 10, 4, 2, 1, flags);
    v = mnk_net_act(net, v, MNK_ACT_LEAKY, 0.1);
    v = mnk_net_concat(net, mnk_net_global_pool(net, v), mnk_net_linear(net, v, "fc", 12, flags));
    v = mnk_net_concat(net, mnk_net_act(net, v, MNK_ACT_LEAKY, 0.2), mnk_net_embed(net, y, "embed", 4));
    v = mnk_net_act(net, mnk_net_linear(net, v, "fc2", 9, flags), MNK_ACT_LEAKY, 0.2);
    return project ? mnk_net_project(net, v, y, "head", flags) : mnk_net_linear(net, v, "head", 1, flags);
}

static void test_discriminators(void **state) {
    (void)state;
    for (unsigned flags = 0; flags < 4; flags++) {
        mnk_net *net = mnk_net_open();
        mnk_value v = discriminator(net, flags, flags & 1);
        check_net(net, v, MNK_PLAN_TRAIN, false, "discriminator");
    }
}

/* A plan that keeps every gradient and one that reuses their memory give the same numbers. */
static void test_reuse_changes_nothing(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_net *net = mnk_net_open();
    mnk_value v = discriminator(net, MNK_NN_BIAS, true);
    fixture f = open_fixture(net, v, MNK_PLAN_TRAIN | MNK_PLAN_INPUT_GRAD);
    mnk_plan *keep = NULL;
    assert_ok(mnk_plan_open(net, f.params, BATCH, &mnk_backend_reference, MNK_PLAN_TRAIN | MNK_PLAN_TANGENT, &keep, &err));
    assert_true(f.plan->n_gradients < keep->n_gradients);
    fill_inputs(keep);
    mnk_plan *plans[2] = {f.plan, keep};
    double *g[2];
    for (int i = 0; i < 2; i++) {
        mnk_plan_forward(plans[i], NULL);
        memcpy(mnk_plan_grad(plans[i], v), f.r, plans[i]->node[v].size * sizeof(real));
        mnk_plan_backward(plans[i], v, MNK_BACK_INPUTS | MNK_BACK_WEIGHTS);
        g[i] = mnk_alloc(f.params->n, sizeof(double));
        memcpy(g[i], f.params->g, f.params->n * sizeof(double));
    }
    assert_memory_equal(g[0], g[1], f.params->n * sizeof(double));
    assert_memory_equal(mnk_plan_grad(plans[0], 0), mnk_plan_grad(plans[1], 0), plans[0]->node[0].size * sizeof(real));
    mnk_plan_backward(f.plan, v, MNK_BACK_WEIGHTS | MNK_BACK_ACCUMULATE); /* the seed is still there */
    for (size_t i = 0; i < f.params->n; i++) assert_true(fabs(f.params->g[i] - 2 * g[0][i]) <= 1e-12 * (1 + fabs(g[0][i])));
    mnk_free(g[0]);
    mnk_free(g[1]);
    mnk_plan_close(keep);
    close_fixture(&f);
}

/* Gradients at an inner value: later layers get zero, earlier ones the right number. */
static void test_inner_output(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open();
    mnk_value x = mnk_net_input(net, "x", 5, 0, 0);
    mnk_value inner = mnk_net_act(net, mnk_net_linear(net, x, "a", 6, MNK_NN_BIAS), MNK_ACT_TANH, 0);
    mnk_net_linear(net, inner, "b", 4, MNK_NN_BIAS);
    fixture f = open_fixture(net, inner, MNK_PLAN_TRAIN);
    for (size_t i = 0; i < f.params->n; i++) f.params->g[i] = 99;
    loss(&f);
    memcpy(f.plan->node[inner].dy, f.r, f.plan->node[inner].size * sizeof(real));
    mnk_plan_backward(f.plan, inner, MNK_BACK_WEIGHTS);
    compare_params(&f, loss, 1e-6, "inner value");
    close_fixture(&f);
}

/* ---- gradient penalty ---- */

static const float penalty_scale[BATCH] = {0.7f, 0.2f, 1.3f};

static double penalty(fixture *f) {
    mnk_plan_refresh(f->plan, false);
    mnk_plan_forward(f->plan, f->drop ? &f->dropout : NULL);
    return mnk_plan_gradient_penalty(f->plan, f->output, 0, penalty_scale, NULL);
}

static void test_gradient_penalty(void **state) {
    (void)state;
    for (unsigned flags = 0; flags < 4; flags++)
        for (int project = 0; project < 2; project++) {
            mnk_net *net = mnk_net_open();
            mnk_value v = discriminator(net, flags, project);
            fixture f = open_fixture(net, v, MNK_PLAN_TRAIN | MNK_PLAN_TANGENT);
            mnk_plan_forward(f.plan, NULL);
            mnk_params_zero_gradient(f.params);
            double norms2[BATCH], p = mnk_plan_gradient_penalty(f.plan, v, 0, penalty_scale, norms2), sum = 0;
            for (int i = 0; i < BATCH; i++) sum += (double)penalty_scale[i] * norms2[i];
            assert_true(p > 1e-6 && fabs(p - sum) <= 1e-12 * p);
            assert_true(mnk_params_gradient_norm(f.params) > 1e-6);
            compare_params(&f, penalty, 1e-5, "penalty");
            close_fixture(&f);
        }
}

static double penalty_around_one(fixture *f) {
    mnk_plan_refresh(f->plan, false);
    mnk_plan_forward(f->plan, NULL);
    return mnk_plan_gradient_penalty_around(f->plan, f->output, 0, penalty_scale, 1, NULL);
}

/* The penalty of WGAN-GP, on a network of linear layers alone: no other operation asks for the memory of its norms. */
static void test_gradient_penalty_around_one(void **state) {
    (void)state;
    for (unsigned flags = 0; flags < 4; flags++) {
        mnk_net *net = mnk_net_open();
        mnk_value v = mnk_net_input(net, "x", 10, 0, 0);
        v = mnk_net_act(net, mnk_net_linear(net, v, "a", 20, flags), MNK_ACT_LEAKY, 0.2);
        v = mnk_net_act(net, mnk_net_linear(net, v, "b", 20, flags), MNK_ACT_LEAKY, 0.2);
        v = mnk_net_linear(net, v, "c", 1, flags);
        fixture f = open_fixture(net, v, MNK_PLAN_TRAIN | MNK_PLAN_TANGENT);
        mnk_plan_forward(f.plan, NULL);
        mnk_params_zero_gradient(f.params);
        double norms2[BATCH], p = mnk_plan_gradient_penalty_around(f.plan, v, 0, penalty_scale, 1, norms2), sum = 0;
        for (int i = 0; i < BATCH; i++) sum += (double)penalty_scale[i] * (sqrt(norms2[i]) - 1) * (sqrt(norms2[i]) - 1);
        assert_true(p > 1e-6 && fabs(p - sum) <= 1e-9 * p);
        compare_params(&f, penalty_around_one, 1e-5, "penalty around one");
        close_fixture(&f);
    }
}

static void test_gradient_penalty_with_dropout(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open();
    mnk_value x = mnk_net_input(net, "x", 10, 0, 0), y = mnk_net_labels(net, "y", CLASSES);
    mnk_value v = mnk_net_act(net, mnk_net_linear(net, x, "a", 20, MNK_NN_BIAS), MNK_ACT_LEAKY, 0.2);
    v = mnk_net_act(net, mnk_net_linear(net, mnk_net_dropout(net, v, 0.5), "b", 20, MNK_NN_BIAS), MNK_ACT_LEAKY, 0.2);
    v = mnk_net_project(net, mnk_net_dropout(net, v, 0.5), y, "head", MNK_NN_BIAS);
    fixture f = open_fixture(net, v, MNK_PLAN_TRAIN | MNK_PLAN_TANGENT);
    f.drop = true;
    f.dropout = mnk_rng_at(3, MNK_PURPOSE_DROPOUT, 0, 1);
    mnk_params_zero_gradient(f.params);
    penalty(&f);
    compare_params(&f, penalty, 1e-5, "penalty with dropout");
    close_fixture(&f);
}

/* The input gradient the penalty measures is that of the network's output. */
static double output_of_sample(fixture *f) {
    mnk_plan_forward(f->plan, NULL);
    return f->plan->node[f->output].y[1];
}

static void test_penalty_norms(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open();
    mnk_value v = discriminator(net, MNK_NN_BIAS, true);
    fixture f = open_fixture(net, v, MNK_PLAN_TRAIN | MNK_PLAN_TANGENT);
    double norms2[BATCH], sum = 0;
    mnk_plan_forward(f.plan, NULL);
    mnk_plan_gradient_penalty(f.plan, v, 0, penalty_scale, norms2);
    mnk_node *in = &f.plan->node[0];
    size_t size = mnk_sample_size(in->op);
    for (size_t i = 0; i < size; i++) {
        if (i % 8 >= 3) continue; /* padding of three channels */
        double d = central(&f, in->y + size + i, output_of_sample);
        sum += d * d;
    }
    assert_true(fabs(sum - norms2[1]) <= 1e-6 * sum);
    close_fixture(&f);
}

/* ---- the definition of a convolution, written independently in plain order ---- */

static void test_convolution_by_definition(void **state) {
    (void)state;
    enum { C = 5, H = 6, W = 7, O = 11, K = 4, S = 2, P = 1 };
    mnk_error err = MNK_ERROR_INIT;
    mnk_net *net = mnk_net_open();
    mnk_value x = mnk_net_input(net, "x", C, H, W);
    mnk_value a = mnk_net_conv(net, x, "a", O, K, S, P, 0), b = mnk_net_deconv(net, x, "b", O, K, S, P, 0);
    int oh = (H + 2 * P - K) / S + 1, ow = (W + 2 * P - K) / S + 1, th = S * (H - 1) + K - 2 * P, tw = S * (W - 1) + K - 2 * P;
    fixture f = open_fixture(net, a, 0);
    mnk_plan_forward(f.plan, NULL);
    const real *wa = f.params->w + net->param[0].offset, *wb = f.params->w + net->param[1].offset;
    static double want[BATCH * O * 20 * 20];
    static float plain[BATCH * C * H * W], got[BATCH * O * 20 * 20];
    mnk_plan_get(f.plan, x, plain);
    memset(want, 0, sizeof want);
    for (int n = 0; n < BATCH; n++)
        for (int o = 0; o < O; o++)
            for (int i = 0; i < oh * ow; i++)
                for (int k = 0; k < K * K * C; k++) {
                    int c = k % C, iy = i / ow * S - P + k / C / K, ix = i % ow * S - P + k / C % K;
                    if (iy >= 0 && iy < H && ix >= 0 && ix < W)
                        want[(n * O + o) * oh * ow + i] += (double)plain[((n * C + c) * H + iy) * W + ix] * wa[k * O + o];
                }
    mnk_plan_get(f.plan, a, got);
    for (int i = 0; i < BATCH * O * oh * ow; i++) assert_true(fabs(want[i] - (double)got[i]) < 1e-5);
    memset(want, 0, sizeof want);
    for (int n = 0; n < BATCH; n++) /* each input pixel stamps the kernel */
        for (int c = 0; c < C; c++)
            for (int i = 0; i < H * W; i++)
                for (int k = 0; k < K * K * O; k++) {
                    int o = k % O, y = i / W * S - P + k / O / K, xx = i % W * S - P + k / O % K;
                    if (y >= 0 && y < th && xx >= 0 && xx < tw)
                        want[((n * O + o) * th + y) * tw + xx] += (double)plain[(n * C + c) * H * W + i] * wb[k * C + c];
                }
    mnk_plan_get(f.plan, b, got);
    for (int i = 0; i < BATCH * O * th * tw; i++) assert_true(fabs(want[i] - (double)got[i]) < 1e-5);
    (void)err;
    close_fixture(&f);
}

int main(void) {
    mnk_threads_set(1); /* small work, many times: threads would only wait for each other */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_generators),
        cmocka_unit_test(test_discriminators),
        cmocka_unit_test(test_reuse_changes_nothing),
        cmocka_unit_test(test_inner_output),
        cmocka_unit_test(test_gradient_penalty),
        cmocka_unit_test(test_gradient_penalty_around_one),
        cmocka_unit_test(test_gradient_penalty_with_dropout),
        cmocka_unit_test(test_penalty_norms),
        cmocka_unit_test(test_convolution_by_definition),
    };
    return MNK_RUN_TESTS("net_grad", tests);
}
