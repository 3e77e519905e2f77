/* The engine as its users see it: graphs, parameters, plans, threads, checkpoints. Gradients: test_net_grad.c. */
#include "test.h"

#include <malloc.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "nn/net.h"

static mnk_error err;

static const mnk_backend *const reference = &mnk_backend_reference;

static float draw(uint64_t item, size_t i) {
    mnk_rng r = mnk_rng_at(11, MNK_PURPOSE_TEST, item, (uint32_t)i);
    return (float)mnk_rng_normal(&r);
}

static float *numbers(uint64_t item, size_t n) {
    float *x = mnk_alloc(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = draw(item, i);
    return x;
}

static int setup(void **state) {
    (void)state;
    mnk_error_clear(&err);
    mnk_threads_set(1);
    return 0;
}

/* ---- graphs ---- */

static void expect_refused(mnk_net *net, const char *part) {
    mnk_error e = MNK_ERROR_INIT;
    assert_int_equal(mnk_net_check(net, &e), MNK_ERR_USAGE);
    if (!strstr(e.message, part)) fail_msg("'%s' does not say '%s'", e.message, part);
    mnk_params *p = NULL;
    assert_int_not_equal(mnk_params_open(net, MNK_INIT_HE, 1, 0, &p, NULL), MNK_OK);
    assert_null(p);
    mnk_net_close(net);
}

static void test_bad_graphs(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open();
    expect_refused(net, "empty");
    net = mnk_net_open();
    mnk_value x = mnk_net_input(net, "x", 3, 8, 8);
    assert_int_equal(mnk_net_conv(net, 17, "lost", 8, 3, 1, 1, 0), -1);
    assert_int_equal(mnk_net_conv(net, x, "later", 8, 3, 1, 1, 0), -1); /* the first mistake stays */
    expect_refused(net, "lost: value 17 does not exist");
    net = mnk_net_open();
    mnk_net_conv(net, mnk_net_input(net, "v", 4, 0, 0), "c", 8, 3, 1, 1, 0);
    expect_refused(net, "'c': a convolution needs a map");
    net = mnk_net_open();
    mnk_net_conv(net, mnk_net_input(net, "x", 4, 3, 3), "c", 8, 7, 1, 1, 0);
    expect_refused(net, "does not fit");
    net = mnk_net_open();
    mnk_net_add(net, mnk_net_input(net, "a", 4, 3, 3), mnk_net_input(net, "b", 4, 3, 2));
    expect_refused(net, "4 x 3 x 3 and 4 x 3 x 2");
    net = mnk_net_open();
    mnk_net_concat(net, mnk_net_input(net, "a", 4, 3, 3), mnk_net_input(net, "b", 4, 0, 0));
    expect_refused(net, "concat");
    net = mnk_net_open();
    mnk_net_reshape(net, mnk_net_input(net, "a", 10, 0, 0), 3, 2, 2);
    expect_refused(net, "10 numbers do not make 3 x 2 x 2");
    net = mnk_net_open();
    x = mnk_net_input(net, "x", 6, 0, 0);
    mnk_net_linear(net, mnk_net_linear(net, x, "fc", 6, 0), "fc", 6, 0);
    expect_refused(net, "two parameters are called 'fc.w'");
    net = mnk_net_open();
    mnk_net_norm(net, mnk_net_input(net, "x", 6, 2, 2), "n", MNK_NORM_GROUP, 4, -1);
    expect_refused(net, "6 channels in 4 groups");
    net = mnk_net_open();
    mnk_net_linear(net, mnk_net_labels(net, "y", 3), "fc", 6, 0);
    expect_refused(net, "holds labels");
    net = mnk_net_open();
    mnk_net_embed(net, mnk_net_input(net, "x", 6, 0, 0), "e", 6);
    expect_refused(net, "does not hold labels");
    net = mnk_net_open();
    mnk_net_dropout(net, mnk_net_input(net, "x", 6, 0, 0), 1.0);
    expect_refused(net, "dropout: rate 1");
    net = mnk_net_open();
    mnk_net_input(net, "x", 6, 0, 0);
    mnk_net_input(net, "x", 6, 0, 0);
    expect_refused(net, "two inputs");
    net = mnk_net_open();
    mnk_net_pool(net, mnk_net_input(net, "x", 6, 1, 4), false);
    expect_refused(net, "only 1 x 4");
}

static mnk_value small_generator(mnk_net *net, unsigned flags) {
    mnk_value z = mnk_net_input(net, "z", 12, 0, 0), y = mnk_net_labels(net, "y", 3);
    mnk_value v = mnk_net_linear(net, mnk_net_concat(net, z, mnk_net_embed(net, y, "g.embed", 5)), "g.fc", 32 * 16, flags);
    v = mnk_net_reshape(net, v, 32, 4, 4);
    v = mnk_net_act(net, mnk_net_norm(net, v, "g.n0", MNK_NORM_BATCH, 0, y), MNK_ACT_RELU, 0);
    v = mnk_net_act(net, mnk_net_norm(net, mnk_net_deconv(net, v, "g.d1", 16, 4, 2, 1, flags), "g.n1", MNK_NORM_BATCH, 0, -1),
                    MNK_ACT_RELU, 0);
    return mnk_net_act(net, mnk_net_deconv(net, v, "g.d2", 3, 4, 2, 1, MNK_NN_BIAS), MNK_ACT_TANH, 0);
}

static mnk_value small_discriminator(mnk_net *net, unsigned flags) {
    mnk_value x = mnk_net_input(net, "x", 3, 16, 16), y = mnk_net_labels(net, "y", 3);
    mnk_value v = mnk_net_act(net, mnk_net_conv(net, x, "d.c1", 16, 4, 2, 1, flags), MNK_ACT_LEAKY, 0.2);
    v = mnk_net_dropout(net, mnk_net_act(net, mnk_net_conv(net, v, "d.c2", 32, 4, 2, 1, flags), MNK_ACT_LEAKY, 0.2), 0.2);
    return mnk_net_project(net, v, y, "d.head", flags);
}

static void test_describe(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open();
    mnk_value v = small_discriminator(net, MNK_NN_BIAS);
    int c, h, w;
    assert_ok(mnk_net_check(net, &err));
    mnk_net_shape(net, v, &c, &h, &w);
    assert_true(c == 1 && h == 0 && w == 0);
    mnk_net_shape(net, mnk_net_find(net, "x"), &c, &h, &w);
    assert_true(c == 3 && h == 16 && w == 16);
    assert_int_equal(mnk_net_find(net, "nobody"), -1);
    assert_true(mnk_net_macs(net) == 16.0 * 3 * 16 * 64 + 16.0 * 16 * 32 * 16 + 512);
    mnk_net_close(net);
}

static void test_bad_plans(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open(), *other = mnk_net_open();
    small_generator(net, 0);
    small_discriminator(other, 0);
    mnk_params *p = NULL;
    mnk_plan *plan = NULL;
    assert_ok(mnk_params_open(net, MNK_INIT_HE, 1, 0, &p, &err));
    assert_int_equal(mnk_plan_open(net, p, 0, reference, 0, &plan, &err), MNK_ERR_USAGE);
    mnk_error_clear(&err);
    assert_int_equal(mnk_plan_open(net, p, 4, NULL, 0, &plan, &err), MNK_ERR_UNSUPPORTED);
    mnk_error_clear(&err);
    assert_int_equal(mnk_plan_open(other, p, 4, reference, 0, &plan, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.message, "another network"));
    mnk_error_clear(&err);
    assert_int_equal(mnk_plan_open(net, p, 4, reference, MNK_PLAN_TANGENT, &plan, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.message, "g.n0 is a normalisation"));
    assert_null(plan);
    mnk_params_close(p);
    mnk_net_close(net);
    mnk_net_close(other);
}

/* Memory that runs out at any allocation ends in an error, not in a crash. */
static void test_short_memory(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open();
    small_discriminator(net, MNK_NN_BIAS | MNK_NN_SPECTRAL);
    int failures = 0;
    for (long n = 1;; n++) {
        mnk_params *p = NULL;
        mnk_plan *plan = NULL;
        mnk_alloc_fail_after(n);
        mnk_status status = mnk_params_open(net, MNK_INIT_HE, 1, 0, &p, NULL);
        if (status == MNK_OK) status = mnk_plan_open(net, p, 2, reference, MNK_PLAN_TRAIN | MNK_PLAN_TANGENT, &plan, NULL);
        mnk_alloc_fail_after(0);
        mnk_plan_close(plan);
        mnk_params_close(p);
        if (status == MNK_OK) break;
        assert_int_equal(status, MNK_ERR_MEMORY);
        failures++;
    }
    assert_true(failures > 15);
    mnk_net_close(net);
}

static size_t heap_bytes(void) {
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void test_plan_bytes(void **state) {
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* its allocator does not count */
#endif
    mnk_net *net = mnk_net_open();
    small_discriminator(net, MNK_NN_BIAS | MNK_NN_SPECTRAL);
    mnk_params *p = NULL;
    assert_ok(mnk_params_open(net, MNK_INIT_HE, 1, 0, &p, &err));
    for (unsigned flags = 0; flags < 8; flags++) {
        size_t before = heap_bytes(), said = mnk_plan_bytes(net, 32, reference, flags);
        assert_true(heap_bytes() <= before + 4096); /* nothing stays */
        before = heap_bytes();
        mnk_plan *plan = NULL;
        assert_ok(mnk_plan_open(net, p, 32, reference, flags, &plan, &err));
        size_t took = heap_bytes() - before;
        /* malloc rounds the large blocks to pages */
        if (took + 4096 < said || took > said + 16 * 4096) fail_msg("flags %u: said %zu bytes, took %zu", flags, said, took);
        mnk_plan_close(plan);
    }
    mnk_params_close(p);
    mnk_net_close(net);
}

/* ---- values ---- */

static void test_put_get(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open();
    mnk_value a = mnk_net_input(net, "a", 11, 5, 3), b = mnk_net_input(net, "b", 9, 0, 0);
    mnk_value flat = mnk_net_reshape(net, a, 11 * 15, 0, 0), back = mnk_net_reshape(net, flat, 11, 5, 3);
    mnk_params *p = NULL;
    mnk_plan *plan = NULL;
    assert_ok(mnk_params_open(net, MNK_INIT_HE, 1, 0, &p, &err));
    assert_ok(mnk_plan_open(net, p, 3, reference, 0, &plan, &err));
    float *x = numbers(1, 3 * 11 * 15), *y = numbers(2, 3 * 9), got[3 * 11 * 15];
    mnk_plan_put(plan, a, x);
    mnk_plan_put(plan, b, y);
    mnk_plan_forward(plan, NULL);
    mnk_value same[] = {a, flat, back}; /* all in the order c,h,w */
    for (int i = 0; i < 3; i++) {
        mnk_plan_get(plan, same[i], got);
        assert_memory_equal(got, x, sizeof got);
    }
    mnk_plan_get(plan, b, got);
    assert_memory_equal(got, y, 3 * 9 * sizeof *y);
    mnk_free(x);
    mnk_free(y);
    mnk_plan_close(plan);
    mnk_params_close(p);
    mnk_net_close(net);
}

/* ---- parity of backends ---- */

typedef struct result {
    float *y, *dx;
    real *g;
    size_t n_y, n_dx, n_g;
} result;

static result run_once(mnk_value (*build)(mnk_net *, unsigned), unsigned flags, const mnk_backend *backend, bool penalty,
                       int batch) {
    mnk_net *net = mnk_net_open();
    mnk_value out = build(net, flags);
    mnk_params *p = NULL;
    mnk_plan *plan = NULL;
    assert_ok(mnk_params_open(net, MNK_INIT_HE, 1, 0, &p, &err));
    assert_ok(mnk_plan_open(net, p, batch, backend, MNK_PLAN_TRAIN | (penalty ? MNK_PLAN_TANGENT : MNK_PLAN_INPUT_GRAD), &plan,
                            &err));
    int c, h, w, in = mnk_net_find(net, "x") >= 0 ? mnk_net_find(net, "x") : mnk_net_find(net, "z");
    result r = {.n_g = p->n};
    mnk_net_shape(net, out, &c, &h, &w);
    r.n_y = (size_t)batch * (size_t)c * (size_t)(h ? h * w : 1);
    mnk_net_shape(net, in, &c, &h, &w);
    r.n_dx = (size_t)batch * (size_t)c * (size_t)(h ? h * w : 1);
    float *x = numbers(5, r.n_dx), *d = numbers(6, r.n_y), *scale = mnk_alloc((size_t)batch, sizeof *scale);
    int32_t *labels = mnk_alloc((size_t)batch, sizeof *labels);
    for (int i = 0; i < batch; i++) labels[i] = i % 3, scale[i] = 0.1f * (float)(i + 1);
    mnk_plan_put(plan, in, x);
    if (mnk_net_find(net, "y") >= 0) mnk_plan_put_labels(plan, mnk_net_find(net, "y"), labels);
    mnk_plan_refresh(plan, true);
    mnk_rng dropout = mnk_rng_at(1, MNK_PURPOSE_DROPOUT, 0, 0);
    mnk_plan_forward(plan, &dropout);
    mnk_plan_put_grad(plan, out, d);
    mnk_plan_backward(plan, out, MNK_BACK_WEIGHTS | MNK_BACK_INPUTS);
    if (penalty) assert_true(mnk_plan_gradient_penalty(plan, out, in, scale, NULL) > 0);
    r.y = mnk_alloc(r.n_y, sizeof *r.y);
    r.dx = mnk_alloc(r.n_dx, sizeof *r.dx);
    r.g = mnk_alloc(r.n_g, sizeof *r.g);
    mnk_plan_get(plan, out, r.y);
    mnk_plan_get_grad(plan, in, r.dx);
    memcpy(r.g, p->g, r.n_g * sizeof *r.g);
    mnk_free(x), mnk_free(d), mnk_free(labels), mnk_free(scale);
    mnk_plan_close(plan);
    mnk_params_close(p);
    mnk_net_close(net);
    return r;
}

static void release(result *r) { mnk_free(r->y), mnk_free(r->dx), mnk_free(r->g); }

static double difference(const float *a, const float *b, size_t n) {
    double d = 0, s = 1e-30;
    for (size_t i = 0; i < n; i++) d += (double)(a[i] - b[i]) * (double)(a[i] - b[i]), s += (double)a[i] * (double)a[i];
    return sqrt(d / s);
}

static mnk_value only_conv3(mnk_net *net, unsigned flags) {
    return mnk_net_conv(net, mnk_net_input(net, "x", 20, 9, 9), "c", 33, 3, 1, 1, flags);
}
static mnk_value only_conv4(mnk_net *net, unsigned flags) {
    return mnk_net_conv(net, mnk_net_input(net, "x", 64, 16, 16), "c", 128, 4, 2, 1, flags);
}
static mnk_value only_deconv4(mnk_net *net, unsigned flags) {
    return mnk_net_deconv(net, mnk_net_input(net, "x", 128, 8, 8), "c", 64, 4, 2, 1, flags);
}
static mnk_value only_linear(mnk_net *net, unsigned flags) {
    return mnk_net_linear(net, mnk_net_input(net, "x", 300, 0, 0), "c", 77, flags);
}

static void test_parity(void **state) {
    (void)state;
    const mnk_backend *fast = mnk_backend_find("onednn");
    if (!fast) skip();
    mnk_value (*const builds[])(mnk_net *, unsigned) = {only_conv3,  only_conv4,      only_deconv4,
                                                        only_linear, small_generator, small_discriminator};
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++)
        for (unsigned flags = 0; flags < 4; flags += 3) {
            bool penalty = builds[i] == small_discriminator;
            result a = run_once(builds[i], flags, reference, penalty, 6), b = run_once(builds[i], flags, fast, penalty, 6);
            double y = difference(a.y, b.y, a.n_y), dx = difference(a.dx, b.dx, a.n_dx), g = difference(a.g, b.g, a.n_g);
            if (y > 1e-4 || dx > 1e-4 || g > 1e-4) fail_msg("build %zu: y %.1e, dx %.1e, g %.1e", i, y, dx, g);
            release(&a);
            release(&b);
        }
}

static void threads_invariant(const mnk_backend *backend) {
    static const int threads[] = {1, 2, 4};
    mnk_value (*const builds[])(mnk_net *, unsigned) = {only_conv4, only_deconv4, only_linear, small_generator,
                                                        small_discriminator};
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++) {
        result r[3];
        for (int t = 0; t < 3; t++) {
            mnk_threads_set(threads[t]);
            assert_int_equal(omp_get_max_threads(), threads[t]);
            r[t] = run_once(builds[i], MNK_NN_BIAS | MNK_NN_SPECTRAL, backend, builds[i] == small_discriminator, 6);
        }
        mnk_threads_set(1);
        for (int t = 1; t < 3; t++) {
            assert_memory_equal(r[0].y, r[t].y, r[0].n_y * sizeof(float));
            assert_memory_equal(r[0].dx, r[t].dx, r[0].n_dx * sizeof(float));
            assert_memory_equal(r[0].g, r[t].g, r[0].n_g * sizeof(real));
        }
        for (int t = 0; t < 3; t++) release(&r[t]);
    }
}

static void test_threads_reference(void **state) {
    (void)state;
    threads_invariant(reference);
}

static void test_threads_fast(void **state) {
    (void)state;
    if (!mnk_backend_find("onednn")) skip();
    threads_invariant(mnk_backend_find("onednn"));
}

/* ---- training: both nets, penalty, dropout, spectral norm ---- */

typedef struct pair {
    mnk_net *g_net, *d_net;
    mnk_value g_out, d_out;
    mnk_params *g, *d;
    mnk_plan *g_plan, *d_plan;
} pair;

enum { N = 5 };

static pair open_pair(uint64_t seed) {
    pair s = {.g_net = mnk_net_open(), .d_net = mnk_net_open()};
    s.g_out = small_generator(s.g_net, MNK_NN_BIAS);
    s.d_out = small_discriminator(s.d_net, MNK_NN_BIAS | MNK_NN_SPECTRAL);
    assert_ok(mnk_params_open(s.g_net, MNK_INIT_NORMAL_002, seed, 0, &s.g, &err));
    assert_ok(mnk_params_open(s.d_net, MNK_INIT_HE, seed, 1, &s.d, &err));
    assert_ok(mnk_plan_open(s.g_net, s.g, N, mnk_backend_find("auto"), MNK_PLAN_TRAIN, &s.g_plan, &err));
    assert_ok(mnk_plan_open(s.d_net, s.d, N, mnk_backend_find("auto"), MNK_PLAN_TRAIN | MNK_PLAN_TANGENT, &s.d_plan, &err));
    return s;
}

static void close_pair(pair *s) {
    mnk_plan_close(s->g_plan), mnk_plan_close(s->d_plan);
    mnk_params_close(s->g), mnk_params_close(s->d);
    mnk_net_close(s->g_net), mnk_net_close(s->d_net);
}

static void train(pair *s, int from, int to) {
    static const mnk_adam settings = {
        .rate = 1e-3, .beta1 = 0.5, .beta2 = 0.99, .epsilon = 1e-8, .weight_decay = 1e-3, .average_decay = 0.9};
    static const float up[N] = {1, 1, 1, 1, 1}, down[N] = {-1, -1, -1, -1, -1}, scale[N] = {0.1f, 0.1f, 0.1f, 0.1f, 0.1f};
    static const int32_t labels[N] = {0, 1, 2, 0, 1};
    static float image[N * 3 * 256], gradient[N * 3 * 256];
    for (int step = from; step < to; step++) {
        mnk_rng dropout = mnk_rng_at(9, MNK_PURPOSE_DROPOUT, 0, (uint32_t)step);
        float *z = numbers(100 + (uint64_t)step, N * 12);
        mnk_plan_refresh(s->g_plan, false);
        mnk_plan_refresh(s->d_plan, true);
        mnk_plan_put(s->g_plan, mnk_net_find(s->g_net, "z"), z);
        mnk_plan_put_labels(s->g_plan, mnk_net_find(s->g_net, "y"), labels);
        mnk_plan_forward(s->g_plan, NULL);
        mnk_plan_get(s->g_plan, s->g_out, image);
        mnk_value x = mnk_net_find(s->d_net, "x");
        mnk_plan_put(s->d_plan, x, image);
        mnk_plan_put_labels(s->d_plan, mnk_net_find(s->d_net, "y"), labels);
        mnk_plan_forward(s->d_plan, &dropout);
        mnk_plan_put_grad(s->d_plan, s->d_out, down);
        mnk_plan_backward(s->d_plan, s->d_out, MNK_BACK_INPUTS);
        mnk_plan_get_grad(s->d_plan, x, gradient);
        mnk_plan_put_grad(s->g_plan, s->g_out, gradient);
        mnk_plan_backward(s->g_plan, s->g_out, MNK_BACK_WEIGHTS);
        mnk_params_adam(s->g, &settings);
        mnk_plan_put_grad(s->d_plan, s->d_out, up);
        mnk_plan_backward(s->d_plan, s->d_out, MNK_BACK_WEIGHTS);
        mnk_plan_gradient_penalty(s->d_plan, s->d_out, x, scale, NULL);
        mnk_params_adam(s->d, &settings);
        mnk_free(z);
    }
}

static void assert_same_params(const mnk_params *a, const mnk_params *b) {
    assert_true(a->step == b->step);
    assert_memory_equal(a->w, b->w, a->n * sizeof(real));
    assert_memory_equal(a->m, b->m, a->n * sizeof(real));
    assert_memory_equal(a->v, b->v, a->n * sizeof(real));
    assert_memory_equal(a->average, b->average, a->n * sizeof(real));
    if (a->n_state) assert_memory_equal(a->state, b->state, a->n_state * sizeof(real));
}

static void save(const mnk_net *net, const mnk_params *p, const char *which, const char *path) {
    mnk_st_tensor *t = NULL;
    size_t n = 0;
    assert_ok(mnk_params_tensors(net, p, "net.", which, &t, &n, &err));
    assert_ok(mnk_st_write(path, true, t, n, NULL, 0, &err));
    mnk_free(t);
}

static void test_resume(void **state) {
    (void)state;
    char path[2][512];
    const char *folder = test_folder("net_resume");
    snprintf(path[0], sizeof path[0], "%s/g.safetensors", folder);
    snprintf(path[1], sizeof path[1], "%s/d.safetensors", folder);
    pair whole = open_pair(4), first = open_pair(4), second = open_pair(77);
    mnk_threads_set(2);
    train(&whole, 0, 5);
    mnk_threads_set(1);
    train(&first, 0, 2);
    save(first.g_net, first.g, "all", path[0]);
    save(first.d_net, first.d, "all", path[1]);
    mnk_st *st = NULL;
    assert_ok(mnk_st_open(path[0], &st, &err));
    assert_non_null(mnk_st_find(st, "net.g.d1.w"));
    assert_ok(mnk_params_load(second.g_net, second.g, "net.", "all", st, &err));
    mnk_st_close(st);
    assert_ok(mnk_st_open(path[1], &st, &err));
    assert_ok(mnk_params_load(second.d_net, second.d, "net.", "all", st, &err));
    mnk_st_close(st);
    assert_same_params(first.d, second.d);
    train(&second, 2, 5);
    assert_same_params(whole.g, second.g);
    assert_same_params(whole.d, second.d);
    assert_memory_not_equal(whole.g->w, first.g->w, whole.g->n * sizeof(real)); /* training did something */
    close_pair(&whole), close_pair(&first), close_pair(&second);
}

static void test_model_files(void **state) {
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/m.safetensors", test_folder("net_files"));
    pair a = open_pair(4), b = open_pair(8);
    train(&a, 0, 2);
    save(a.g_net, a.g, "average", path);
    mnk_st *st = NULL;
    assert_ok(mnk_st_open(path, &st, &err));
    assert_ok(mnk_params_load(b.g_net, b.g, "net.", "w", st, &err)); /* averaged weights in the place of w */
    mnk_st_close(st);
    assert_memory_equal(b.g->w, a.g->average, a.g->n * sizeof(real));
    assert_memory_equal(b.g->average, a.g->average, a.g->n * sizeof(real));
    assert_memory_equal(b.g->state, a.g->state, a.g->n_state * sizeof(real));
    save(a.g_net, a.g, "all", path);
    assert_ok(mnk_st_open(path, &st, &err));
    mnk_params *p = NULL;
    assert_ok(mnk_params_open(a.g_net, MNK_INIT_HE, 1, 0, &p, &err));
    assert_ok(mnk_params_load(a.g_net, p, "net.", "average", st, &err)); /* prefers the averaged tensors of a checkpoint */
    assert_memory_equal(p->average, a.g->average, a.g->n * sizeof(real));
    assert_ok(mnk_params_load(a.g_net, p, "net.", "w", st, &err));
    assert_memory_equal(p->w, a.g->w, a.g->n * sizeof(real));
    mnk_st_close(st);
    mnk_params_close(p);
    close_pair(&a), close_pair(&b);
}

/* Refused files leave the parameters as they were. */
static void refuse(pair *s, const mnk_st_tensor *t, size_t n, const char *which, const char *path, const char *part) {
    mnk_st *st = NULL;
    mnk_error e = MNK_ERROR_INIT;
    real *before = mnk_alloc(s->g->n, sizeof *before);
    memcpy(before, s->g->w, s->g->n * sizeof *before);
    assert_ok(mnk_st_write(path, true, t, n, NULL, 0, &err));
    assert_ok(mnk_st_open(path, &st, &err));
    assert_int_equal(mnk_params_load(s->g_net, s->g, "", which, st, &e), MNK_ERR_INPUT);
    if (!strstr(e.message, part)) fail_msg("'%s' does not say '%s'", e.message, part);
    assert_memory_equal(before, s->g->w, s->g->n * sizeof *before);
    mnk_free(before);
    mnk_st_close(st);
}

static void test_refused_files(void **state) {
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/m.safetensors", test_folder("net_refused"));
    pair s = open_pair(4), other = open_pair(5);
    mnk_st_tensor *t = NULL;
    size_t n = 0;
    assert_ok(mnk_params_tensors(other.g_net, other.g, "", "all", &t, &n, &err));
    assert_string_equal(t[0].name, "step");
    refuse(&s, t + 1, n - 1, "all", path, "'step'");
    refuse(&s, t, n / 6, "w", path, "has no tensor");
    refuse(&s, t + 2, n - 2, "w", path, "has no tensor 'g.embed.w'");
    mnk_st_tensor *embed = &t[1];
    embed->shape[0] = 5, embed->shape[1] = 3;
    refuse(&s, t, n, "w", path, "'g.embed.w' is 5x3, the network needs 3x5");
    embed->shape[0] = 3, embed->shape[1] = 5;
    float bad[15] = {0};
    bad[7] = NAN;
    embed->data = bad;
    refuse(&s, t, n, "w", path, "not finite");
    mnk_free(t);
    assert_int_equal(mnk_params_tensors(s.g_net, s.g, "", "some", &t, &n, &err), MNK_ERR_USAGE);
    close_pair(&s), close_pair(&other);
}

/* ---- pieces with known answers ---- */

static void test_adam(void **state) {
    (void)state;
    mnk_net *net = mnk_net_open();
    mnk_net_linear(net, mnk_net_input(net, "x", 7, 0, 0), "fc", 5, MNK_NN_BIAS);
    mnk_params *p = NULL;
    assert_ok(mnk_params_open(net, MNK_INIT_HE, 3, 0, &p, &err));
    double w = (double)p->w[3], m = 0, v = 0, average = w;
    mnk_adam a = {.rate = 0.01, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6, .weight_decay = 0.1, .average_decay = 0.75};
    for (int t = 1; t <= 4; t++) {
        for (size_t i = 0; i < p->n; i++) p->g[i] = (real)(0.3 * t - 0.1 * (double)(i % 5));
        double g = (double)p->g[3];
        mnk_params_adam(p, &a);
        m = 0.8 * m + 0.2 * g;
        v = 0.95 * v + 0.05 * g * g;
        w -= 0.01 * (m / (1 - pow(0.8, t)) / (sqrt(v / (1 - pow(0.95, t))) + 1e-6) + 0.1 * w);
        average = 0.75 * average + 0.25 * w;
        assert_true(fabs((double)p->w[3] - w) < 1e-6 && fabs((double)p->average[3] - average) < 1e-6);
    }
    a.average_decay = 0;
    mnk_params_adam(p, &a);
    assert_memory_equal(p->w, p->average, p->n * sizeof(real));
    memset(p->g, 0, p->n * sizeof(real));
    p->g[0] = 3, p->g[1] = -4;
    assert_true(mnk_params_gradient_norm(p) == 5);
    mnk_params_scale_gradient(p, 0.5);
    assert_true(p->g[0] == 1.5f && p->g[1] == -2);
    mnk_params_zero_gradient(p);
    assert_true(mnk_params_gradient_norm(p) == 0);
    mnk_params_close(p);
    mnk_net_close(net);
}

/* Largest output of a (transposed) convolution of which two weights, 3 and 4, are not zero. */
static double largest_output(bool transposed, unsigned flags, size_t first, size_t second) {
    mnk_net *net = mnk_net_open();
    mnk_value x = mnk_net_input(net, "x", 3, 4, 4);
    mnk_value y = transposed ? mnk_net_deconv(net, x, "c", 2, 2, 2, 0, flags) : mnk_net_conv(net, x, "c", 2, 2, 2, 0, flags);
    mnk_params *p = NULL;
    mnk_plan *plan = NULL;
    assert_ok(mnk_params_open(net, MNK_INIT_HE, 3, 0, &p, &err));
    assert_ok(mnk_plan_open(net, p, 1, reference, 0, &plan, &err));
    float ones[48], got[2 * 64], largest = 0;
    for (int i = 0; i < 48; i++) ones[i] = 1;
    memset(p->w, 0, p->n * sizeof(real));
    p->w[first] = 3, p->w[second] = 4;
    for (int i = 0; i < 60; i++) mnk_plan_refresh(plan, true);
    mnk_plan_put(plan, x, ones);
    mnk_plan_forward(plan, NULL);
    mnk_plan_get(plan, y, got);
    int c, h, w;
    mnk_net_shape(net, y, &c, &h, &w);
    for (int i = 0; i < c * h * w; i++) largest = fmaxf(largest, got[i]);
    mnk_plan_close(plan);
    mnk_params_close(p);
    mnk_net_close(net);
    return (double)largest;
}

static void check_sigma(bool transposed, size_t first, size_t second, double sigma) {
    double plain = largest_output(transposed, 0, first, second),
           scaled = largest_output(transposed, MNK_NN_SPECTRAL, first, second);
    assert_true(fabs(plain / scaled - sigma) < 1e-4);
}

static void test_spectral(void **state) {
    (void)state;
    /* Rows of the matrix are output channels; two weights in one row or column give 5, on a diagonal 4. */
    check_sigma(false, 0, 1, 5); /* conv [k][k][3][2]: one input, two outputs */
    check_sigma(false, 0, 2, 5); /* two inputs, one output */
    check_sigma(false, 0, 3, 4); /* two inputs, two outputs */
    check_sigma(false, 0, 7, 4); /* two taps, two outputs */
    check_sigma(true, 0, 1, 5);  /* deconv [k][k][2][3]: two inputs, one output */
    check_sigma(true, 0, 6, 5);  /* two taps of one output */
    check_sigma(true, 0, 3, 5);  /* one input, two outputs */
    check_sigma(true, 0, 9, 4);  /* two taps, two outputs */
}

static void test_statistics(void **state) {
    (void)state;
    enum { B = 4, C = 3, HW = 6 };
    mnk_net *net = mnk_net_open();
    mnk_value x = mnk_net_input(net, "x", C, 2, 3), y = mnk_net_norm(net, x, "n", MNK_NORM_BATCH, 0, -1);
    mnk_params *p = NULL;
    mnk_plan *train_plan = NULL, *average = NULL, *plain = NULL;
    assert_ok(mnk_params_open(net, MNK_INIT_HE, 3, 0, &p, &err));
    assert_ok(mnk_plan_open(net, p, B, reference, MNK_PLAN_TRAIN, &train_plan, &err));
    assert_ok(mnk_plan_open(net, p, B, reference, MNK_PLAN_TRAIN | MNK_PLAN_AVERAGE, &average, &err));
    assert_ok(mnk_plan_open(net, p, B, reference, 0, &plain, &err));
    double sum = 0, square = 0, first = 0;
    mnk_plan_statistics_begin(average);
    for (int pass = 0; pass < 3; pass++) {
        float *v = numbers(50 + (uint64_t)pass, B * C * HW);
        for (int i = 0; i < B * C * HW; i++) v[i] = 100 + 2 * v[i]; /* far from zero: no cancellation */
        for (int n = 0; n < B; n++)
            for (int i = 0; i < HW; i++) {
                double a = (double)v[(n * C + 1) * HW + i];
                sum += a, square += a * a;
            }
        if (pass == 0) first = sum / (B * HW);
        mnk_plan_put(average, x, v);
        mnk_plan_forward(average, NULL);
        if (pass == 0) mnk_plan_put(train_plan, x, v);
        if (pass == 0) mnk_plan_put(plain, x, v);
        mnk_free(v);
    }
    assert_true(p->state[1] == 0); /* untouched until the end */
    mnk_plan_forward(train_plan, NULL);
    assert_true(fabs((double)p->state[1] - 0.1 * first) < 1e-4); /* momentum 0.1 */
    mnk_plan_statistics_end(average);
    double n = 3 * B * HW, mean = sum / n, var = (square - n * mean * mean) / (n - 1);
    assert_true(fabs((double)p->state[1] - mean) < 1e-4);
    assert_true(fabs((double)p->state[16 + 1] - var) < 1e-4);
    mnk_plan_forward(average, NULL);
    assert_true(fabs((double)p->state[1] - mean) < 1e-4); /* averaged weights leave running statistics alone */
    mnk_plan_forward(plain, NULL);
    float in[B * C * HW], out[B * C * HW];
    mnk_plan_get(plain, x, in);
    mnk_plan_get(plain, y, out);
    double want = ((double)in[HW] - mean) / sqrt(var + 1e-5);
    assert_true(fabs((double)out[HW] - want) < 1e-4);
    mnk_plan_close(train_plan), mnk_plan_close(average), mnk_plan_close(plain);
    mnk_params_close(p);
    mnk_net_close(net);
}

static void test_dropout(void **state) {
    (void)state;
    enum { C = 9, S = 20, B = 4, SIZE = C * S * S };
    mnk_net *net = mnk_net_open();
    mnk_value x = mnk_net_input(net, "x", C, S, S), a = mnk_net_dropout(net, x, 0.25), b = mnk_net_dropout(net, x, 0.25);
    mnk_params *p = NULL;
    mnk_plan *four = NULL, *two = NULL;
    assert_ok(mnk_params_open(net, MNK_INIT_HE, 3, 0, &p, &err));
    assert_ok(mnk_plan_open(net, p, B, reference, MNK_PLAN_TRAIN, &four, &err));
    assert_ok(mnk_plan_open(net, p, 2, reference, MNK_PLAN_TRAIN, &two, &err));
    static float ones[B * SIZE], y[B * SIZE], z[B * SIZE], w[B * SIZE];
    for (int i = 0; i < B * SIZE; i++) ones[i] = 1;
    mnk_plan_put(four, x, ones);
    mnk_plan_put(two, x, ones);
    mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_DROPOUT, 10, 3), third = mnk_rng_at(1, MNK_PURPOSE_DROPOUT, 12, 3);
    mnk_plan_forward(four, &r);
    mnk_plan_get(four, a, y);
    mnk_plan_get(four, b, z);
    assert_memory_not_equal(y, z, sizeof y); /* each operation has a mask of its own */
    double kept = 0;
    for (int i = 0; i < B * SIZE; i++) {
        assert_true(y[i] == 0 || fabsf(y[i] - 4.0f / 3) < 1e-6f);
        kept += y[i] != 0;
    }
    assert_true(fabs(kept / (B * SIZE) - 0.75) < 0.012); /* 3.3 standard errors */
    mnk_plan_forward(two, &third);
    mnk_plan_get(two, a, w);
    assert_memory_equal(w, y + 2 * SIZE, 2 * SIZE * sizeof *w); /* the mask follows the sample, not its place in a batch */
    assert_memory_not_equal(w, y, 2 * SIZE * sizeof *w);
    mnk_plan_forward(four, NULL);
    mnk_plan_get(four, a, y);
    assert_memory_equal(y, ones, sizeof y);
    mnk_plan_close(four), mnk_plan_close(two);
    mnk_params_close(p);
    mnk_net_close(net);
}

/* What a backward pass was not asked for stays. */
static void test_backward_flags(void **state) {
    (void)state;
    pair s = open_pair(4);
    float one[N] = {1, 1, 1, 1, 1};
    float *x = numbers(3, N * 3 * 256), *scale = one;
    mnk_plan_put(s.d_plan, mnk_net_find(s.d_net, "x"), x);
    mnk_plan_forward(s.d_plan, NULL);
    for (size_t i = 0; i < s.d->n; i++) s.d->g[i] = 7;
    mnk_plan_put_grad(s.d_plan, s.d_out, one);
    mnk_plan_backward(s.d_plan, s.d_out, MNK_BACK_INPUTS);
    for (size_t i = 0; i < s.d->n; i++) assert_true(s.d->g[i] == 7);
    assert_true(isnan(mnk_plan_gradient_penalty(s.g_plan, s.g_out, 0, scale, NULL))); /* no tangent pass in this plan */
    mnk_free(x);
    close_pair(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_bad_graphs, setup),     cmocka_unit_test_setup(test_describe, setup),
        cmocka_unit_test_setup(test_bad_plans, setup),      cmocka_unit_test_setup(test_short_memory, setup),
        cmocka_unit_test_setup(test_plan_bytes, setup),     cmocka_unit_test_setup(test_put_get, setup),
        cmocka_unit_test_setup(test_parity, setup),         cmocka_unit_test_setup(test_threads_reference, setup),
        cmocka_unit_test_setup(test_threads_fast, setup),   cmocka_unit_test_setup(test_resume, setup),
        cmocka_unit_test_setup(test_model_files, setup),    cmocka_unit_test_setup(test_refused_files, setup),
        cmocka_unit_test_setup(test_adam, setup),           cmocka_unit_test_setup(test_spectral, setup),
        cmocka_unit_test_setup(test_statistics, setup),     cmocka_unit_test_setup(test_dropout, setup),
        cmocka_unit_test_setup(test_backward_flags, setup),
    };
    return MNK_RUN_TESTS("net", tests);
}
