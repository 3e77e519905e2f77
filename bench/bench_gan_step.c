/* One training step of a class-conditional GAN at batch 64: D on real, D on fake, Adam, D on the same fake for G's gradient,
 * Adam with averaging. Nets as in the paired script torch_gan_step.py:
 *   G: 100 normals + one-hot class -> linear 8w x 4 x 4 -> (norm, relu, deconv k4 s2) ... -> 3, tanh
 *   D: conv k4 s2 3 -> w, leaky; (conv k4 s2, batch norm, leaky) ...; linear and projection head
 * D's weight gradients are left out of G's step. Then, for D without norm as the penalty needs it, the exact R1 and R2 by the
 * tangent pass, and sampling. Operands: pixels width, default all three nets. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "nn/net.h"

enum { BATCH = 64, CLASSES = 3, NOISE = 100, LATENT = NOISE + CLASSES };

typedef struct gan {
    mnk_net *g, *d;
    mnk_params *pg, *pd;
    mnk_plan *g_plan, *d_plan, *sampler;
    mnk_value z, image, pixels, labels, score;
    size_t image_floats; /* of a batch, in the plans' layout */
    float *real;         /* plain */
    float *latent;
    int32_t label[BATCH];
    float logit[BATCH], slope[BATCH];
    float scale[BATCH];
    bool norm;
    double times[8];
} gan;

static void fail(const mnk_error *err) {
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static void build_generator(gan *a, int size, int width) {
    int top = width;
    for (int s = 8; s < size; s *= 2) top *= 2;
    char name[24];
    a->g = mnk_net_open();
    a->z = mnk_net_input(a->g, "z", LATENT, 0, 0);
    mnk_value v = mnk_net_reshape(a->g, mnk_net_linear(a->g, a->z, "fc", top * 16, 0), top, 4, 4);
    int c = top, i = 0;
    for (int s = 4; s < size; s *= 2, i++) {
        snprintf(name, sizeof name, "norm%d", i);
        v = mnk_net_act(a->g, mnk_net_norm(a->g, v, name, MNK_NORM_BATCH, 0, -1), MNK_ACT_RELU, 0);
        c = 2 * s == size ? 3 : c / 2;
        snprintf(name, sizeof name, "deconv%d", i);
        v = mnk_net_deconv(a->g, v, name, c, 4, 2, 1, 0);
    }
    a->image = mnk_net_act(a->g, v, MNK_ACT_TANH, 0);
}

static void build_discriminator(gan *a, int size, int width) {
    char name[24];
    a->d = mnk_net_open();
    a->pixels = mnk_net_input(a->d, "image", 3, size, size);
    a->labels = mnk_net_labels(a->d, "class", CLASSES);
    mnk_value v = a->pixels;
    int c = width, i = 0;
    for (int s = size; s > 4; s /= 2, c *= 2, i++) {
        snprintf(name, sizeof name, "conv%d", i);
        v = mnk_net_conv(a->d, v, name, c, 4, 2, 1, 0);
        snprintf(name, sizeof name, "norm%d", i);
        if (i && a->norm) v = mnk_net_norm(a->d, v, name, MNK_NORM_BATCH, 0, -1);
        v = mnk_net_act(a->d, v, MNK_ACT_LEAKY, 0.2);
    }
    a->score = mnk_net_project(a->d, v, a->labels, "head", 0);
}

static void make_inputs(gan *a, int size) {
    size_t n = (size_t)BATCH * 3 * (size_t)size * (size_t)size;
    a->real = mnk_alloc(n, sizeof *a->real);
    a->latent = mnk_alloc((size_t)BATCH * LATENT, sizeof *a->latent);
    if (!a->real || !a->latent) exit(1);
    mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < n; i++) a->real[i] = 2 * mnk_rng_uniform_f32(&r) - 1;
    for (int s = 0; s < BATCH; s++) {
        a->label[s] = s % CLASSES;
        mnk_rng_normal_f32(&r, a->latent + (size_t)s * LATENT, NOISE);
        a->latent[(size_t)s * LATENT + NOISE + a->label[s]] = 1;
        a->scale[s] = 1.0f / BATCH;
    }
}

static void open_gan(gan *a, int size, int width, bool norm) {
    mnk_error err = MNK_ERROR_INIT;
    memset(a, 0, sizeof *a);
    a->norm = norm;
    build_generator(a, size, width);
    build_discriminator(a, size, width);
    if (mnk_net_check(a->g, &err) || mnk_net_check(a->d, &err) ||
        mnk_params_open(a->g, MNK_INIT_NORMAL_002, 1, 0, &a->pg, &err) ||
        mnk_params_open(a->d, MNK_INIT_NORMAL_002, 1, 1, &a->pd, &err))
        fail(&err);
    const mnk_backend *b = mnk_backend_find("auto");
    unsigned tangent = norm ? 0 : MNK_PLAN_TANGENT;
    if (mnk_plan_open(a->g, a->pg, BATCH, b, MNK_PLAN_TRAIN, &a->g_plan, &err) ||
        mnk_plan_open(a->d, a->pd, BATCH, b, MNK_PLAN_TRAIN | MNK_PLAN_INPUT_GRAD | tangent, &a->d_plan, &err))
        fail(&err);
    a->image_floats = (size_t)BATCH * (size_t)mnk_padded(3) * (size_t)size * (size_t)size;
    make_inputs(a, size);
    mnk_plan_put_labels(a->d_plan, a->labels, a->label);
    mnk_plan_refresh(a->g_plan, false);
    mnk_plan_refresh(a->d_plan, false);
}

static void close_gan(gan *a) {
    mnk_plan_close(a->sampler), mnk_plan_close(a->d_plan), mnk_plan_close(a->g_plan);
    mnk_params_close(a->pd), mnk_params_close(a->pg);
    mnk_net_close(a->d), mnk_net_close(a->g);
    mnk_free(a->real), mnk_free(a->latent);
}

/* Gradient of mean softplus(-+logit) for a target of 1 (want) or 0. */
static void loss_slopes(gan *a, bool want) {
    mnk_plan_get(a->d_plan, a->score, a->logit);
    for (int s = 0; s < BATCH; s++) {
        float p = 1 / (1 + expf(-a->logit[s]));
        a->slope[s] = (p - (want ? 1.0f : 0.0f)) / BATCH;
    }
    mnk_plan_put_grad(a->d_plan, a->score, a->slope);
}

static void lap(gan *a, int what, double *since) {
    double now = bench_now_s();
    a->times[what] += now - *since;
    *since = now;
}

static const char *const parts[] = {"G forward",       "D real forward", "D real backward", "D fake forward",
                                    "D fake backward", "D for G",        "G backward",      "Adam, refresh"};

static void step(void *ctx) {
    gan *a = ctx;
    static const mnk_adam d_adam = {2e-4, 0.5, 0.999, 1e-8, 0, 0}, g_adam = {2e-4, 0.5, 0.999, 1e-8, 0, 0.999};
    double t = bench_now_s();
    mnk_plan_put(a->g_plan, a->z, a->latent);
    mnk_plan_forward(a->g_plan, NULL);
    lap(a, 0, &t);
    mnk_plan_put(a->d_plan, a->pixels, a->real);
    mnk_plan_forward(a->d_plan, NULL);
    lap(a, 1, &t);
    loss_slopes(a, true);
    mnk_plan_backward(a->d_plan, a->score, MNK_BACK_WEIGHTS);
    lap(a, 2, &t);
    memcpy(mnk_plan_data(a->d_plan, a->pixels), mnk_plan_data(a->g_plan, a->image), a->image_floats * sizeof(real));
    mnk_plan_forward(a->d_plan, NULL);
    lap(a, 3, &t);
    loss_slopes(a, false);
    mnk_plan_backward(a->d_plan, a->score, MNK_BACK_WEIGHTS | MNK_BACK_ACCUMULATE);
    lap(a, 4, &t);
    mnk_params_adam(a->pd, &d_adam);
    mnk_plan_refresh(a->d_plan, false);
    lap(a, 7, &t);
    mnk_plan_forward(a->d_plan, NULL);
    loss_slopes(a, true);
    mnk_plan_backward(a->d_plan, a->score, MNK_BACK_INPUTS);
    lap(a, 5, &t);
    memcpy(mnk_plan_grad(a->g_plan, a->image), mnk_plan_grad(a->d_plan, a->pixels), a->image_floats * sizeof(real));
    mnk_plan_backward(a->g_plan, a->image, MNK_BACK_WEIGHTS);
    lap(a, 6, &t);
    mnk_params_adam(a->pg, &g_adam);
    mnk_plan_refresh(a->g_plan, false);
    lap(a, 7, &t);
}

static void penalty(void *ctx) {
    gan *a = ctx;
    mnk_plan_gradient_penalty(a->d_plan, a->score, a->pixels, a->scale, NULL);
}

static void sample(void *ctx) {
    gan *a = ctx;
    mnk_plan_put(a->sampler, a->z, a->latent);
    mnk_plan_forward(a->sampler, NULL);
    mnk_plan_get(a->sampler, a->image, a->real);
}

static void report(int size, int width, const bench_options *o) {
    gan a;
    open_gan(&a, size, width, true);
    double fwd_g = 2e-9 * BATCH * mnk_net_macs(a.g), fwd_d = 2e-9 * BATCH * mnk_net_macs(a.d);
    step(&a);
    memset(a.times, 0, sizeof a.times);
    double best = 1e30, start = bench_now_s();
    int steps = 0;
    do {
        double t = bench_now_s();
        step(&a);
        t = bench_now_s() - t;
        if (t < best) best = t;
        steps++;
    } while (bench_now_s() - start < 10 * o->seconds);
    /* G: forward, data, weights; D: three forwards, three times data, twice weights */
    printf("%dpx w%d  step %8.1f ms  %7.1f images/s  %6.1f GFLOP/s of the direct algorithm  %d threads%s\n", size, width,
           best * 1e3, BATCH / best, (3 * fwd_g + 8 * fwd_d) / best, o->threads, o->cpu ? ", CPU time" : "");
    double total = 0;
    for (int i = 0; i < 8; i++) total += a.times[i];
    for (int i = 0; i < 8; i++)
        printf("    %-16s %8.1f ms %5.1f %%\n", parts[i], a.times[i] / steps * 1e3, 100 * a.times[i] / total);
    mnk_error err = MNK_ERROR_INIT;
    if (mnk_plan_open(a.g, a.pg, BATCH, mnk_backend_find("auto"), MNK_PLAN_AVERAGE, &a.sampler, &err)) fail(&err);
    mnk_plan_refresh(a.sampler, false);
    double s = bench_best_s(o->seconds, sample, &a);
    printf("    sampling: %.1f images/s, 30,000 images in %.1f s\n", BATCH / s, 30000 / BATCH * s);
    close_gan(&a);
    open_gan(&a, size, width, false);
    double plain = bench_best_s(5 * o->seconds, step, &a);
    double r1 = bench_best_s(2 * o->seconds, penalty, &a);
    printf(
        "    without norm in D: step %.1f ms; exact R1 or R2 %.1f ms each, every fourth step: R1 %.1f %%, R1 and R2 %.1f %%\n",
        plain * 1e3, r1 * 1e3, 25 * r1 / plain, 50 * r1 / plain);
    close_gan(&a);
}

int main(int argc, char **argv) {
    bench_options o;
    int operand = bench_parse(argc, argv, &o);
    if (operand + 1 < argc) report(atoi(argv[operand]), atoi(argv[operand + 1]), &o);
    else {
        report(64, 64, &o);
        report(64, 32, &o);
        report(32, 32, &o);
    }
    return 0;
}
