/* One training step of a table GAN of CTGAN's size at batch 500: G 128-256-256-64 with batch norm, D 64-256-256-1, D on
 * fake and real rows stacked, Adam for both. The paired script is torch_mlp_step.py. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/net.h"

enum { BATCH = 500, NOISE = 128, HIDDEN = 256, COLUMNS = 64 };

typedef struct table_gan {
    mnk_net *g, *d;
    mnk_params *pg, *pd;
    mnk_plan *g_plan, *d_both, *d_fake;
    mnk_value z, rows, input, score;
    float *latent, *real, *logit;
    double total;
    int steps;
} table_gan;

static void open_gan(table_gan *a) {
    mnk_error err = MNK_ERROR_INIT;
    memset(a, 0, sizeof *a);
    a->g = mnk_net_open(), a->d = mnk_net_open();
    mnk_value v = a->z = mnk_net_input(a->g, "z", NOISE, 0, 0);
    for (int i = 0; i < 2; i++) {
        v = mnk_net_linear(a->g, v, i ? "fc1" : "fc0", HIDDEN, MNK_NN_BIAS);
        v = mnk_net_act(a->g, mnk_net_norm(a->g, v, i ? "norm1" : "norm0", MNK_NORM_BATCH, 0, -1), MNK_ACT_RELU, 0);
    }
    a->rows = mnk_net_linear(a->g, v, "fc2", COLUMNS, MNK_NN_BIAS);
    v = a->input = mnk_net_input(a->d, "row", COLUMNS, 0, 0);
    for (int i = 0; i < 2; i++)
        v = mnk_net_act(a->d, mnk_net_linear(a->d, v, i ? "fc1" : "fc0", HIDDEN, MNK_NN_BIAS), MNK_ACT_LEAKY, 0.2);
    a->score = mnk_net_linear(a->d, v, "fc2", 1, MNK_NN_BIAS);
    const mnk_backend *b = mnk_backend_find("auto");
    if (mnk_net_check(a->g, &err) || mnk_net_check(a->d, &err) || mnk_params_open(a->g, MNK_INIT_HE, 1, 0, &a->pg, &err) ||
        mnk_params_open(a->d, MNK_INIT_HE, 1, 1, &a->pd, &err) ||
        mnk_plan_open(a->g, a->pg, BATCH, b, MNK_PLAN_TRAIN, &a->g_plan, &err) ||
        mnk_plan_open(a->d, a->pd, 2 * BATCH, b, MNK_PLAN_TRAIN, &a->d_both, &err) ||
        mnk_plan_open(a->d, a->pd, BATCH, b, MNK_PLAN_TRAIN | MNK_PLAN_INPUT_GRAD, &a->d_fake, &err)) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    a->latent = mnk_alloc(BATCH * NOISE, sizeof(float));
    a->real = mnk_alloc(BATCH * COLUMNS, sizeof(float));
    a->logit = mnk_alloc(2 * BATCH, sizeof(float));
    if (!a->latent || !a->real || !a->logit) exit(1);
    mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, 0, 0);
    mnk_rng_normal_f32(&r, a->latent, BATCH * NOISE);
    mnk_rng_normal_f32(&r, a->real, BATCH * COLUMNS);
    mnk_plan_refresh(a->g_plan, false), mnk_plan_refresh(a->d_both, false), mnk_plan_refresh(a->d_fake, false);
}

/* Rows from `real` on are wanted as 1, those before as 0. */
static void loss_slopes(table_gan *a, mnk_plan *plan, int n, int first_real) {
    mnk_plan_get(plan, a->score, a->logit);
    for (int i = 0; i < n; i++) a->logit[i] = (1 / (1 + expf(-a->logit[i])) - (i >= first_real)) / BATCH;
    mnk_plan_put_grad(plan, a->score, a->logit);
}

static void step(void *ctx) {
    table_gan *a = ctx;
    static const mnk_adam adam = {2e-4, 0.5, 0.9, 1e-8, 0, 0};
    const size_t fake_bytes = BATCH * COLUMNS * sizeof(real);
    double t = bench_now_s();
    mnk_plan_put(a->g_plan, a->z, a->latent);
    mnk_plan_forward(a->g_plan, NULL);
    real *both = mnk_plan_data(a->d_both, a->input);
    memcpy(both, mnk_plan_data(a->g_plan, a->rows), fake_bytes);
    memcpy(both + BATCH * COLUMNS, a->real, BATCH * COLUMNS * sizeof(float));
    mnk_plan_forward(a->d_both, NULL);
    loss_slopes(a, a->d_both, 2 * BATCH, BATCH);
    mnk_plan_backward(a->d_both, a->score, MNK_BACK_WEIGHTS);
    mnk_params_adam(a->pd, &adam);
    mnk_plan_refresh(a->d_both, false);
    mnk_plan_refresh(a->d_fake, false);
    memcpy(mnk_plan_data(a->d_fake, a->input), mnk_plan_data(a->g_plan, a->rows), fake_bytes);
    mnk_plan_forward(a->d_fake, NULL);
    loss_slopes(a, a->d_fake, BATCH, 0);
    mnk_plan_backward(a->d_fake, a->score, MNK_BACK_INPUTS);
    memcpy(mnk_plan_grad(a->g_plan, a->rows), mnk_plan_grad(a->d_fake, a->input), fake_bytes);
    mnk_plan_backward(a->g_plan, a->rows, MNK_BACK_WEIGHTS);
    mnk_params_adam(a->pg, &adam);
    mnk_plan_refresh(a->g_plan, false);
    a->total += bench_now_s() - t;
    a->steps++;
}

int main(int argc, char **argv) {
    bench_options o;
    bench_parse(argc, argv, &o);
    table_gan a;
    open_gan(&a);
    double best = bench_best_s(5 * o.seconds, step, &a), macs = 3 * mnk_net_macs(a.g) + 8 * mnk_net_macs(a.d);
    printf("table GAN, batch %d  step %.2f ms best, %.2f mean  %.1f GFLOP/s  %d threads%s\n", BATCH, best * 1e3,
           a.total / a.steps * 1e3, 2e-9 * BATCH * macs / best, o.threads, o.cpu ? ", CPU time" : "");
    mnk_plan_close(a.d_fake), mnk_plan_close(a.d_both), mnk_plan_close(a.g_plan);
    mnk_params_close(a.pd), mnk_params_close(a.pg), mnk_net_close(a.d), mnk_net_close(a.g);
    mnk_free(a.latent), mnk_free(a.real), mnk_free(a.logit);
    return 0;
}
