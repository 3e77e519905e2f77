/* Training of dp-merf. A step draws latent numbers for a fixed number of rows of each class; the network gives each row one
 * distribution an axis, and the row's vector is its expectation, exactly: nothing is sampled and nothing softened. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/private/merf.h"

enum { STEP_LATENT = 1 << 30 /* beyond the steps of the features' streams */, CLASS_ROWS = 16, BLOCK = 64 };

typedef struct training {
    mnk_merf *m;
    const mnk_embedding *e;
    const double *target;
    const mnk_merf_steps *c;
    mnk_plan *plan;
    mnk_embedding_batch batch;
    float *p, *d_p;
    size_t *from; /* [classes + 1] first row of a class */
    uint8_t *of;  /* [rows] class of a row */
    double *mean; /* [classes][features] of the batch */
    double *loss; /* [rows] its part of the loss */
    size_t rows, step;
} training;

static double share_of(const training *t, size_t class_) { return t->m->share[class_]; }

/* Rows in proportion to the classes, CLASS_ROWS at least: two are needed to leave one out. */
static mnk_status deal_rows(training *t, mnk_error *err) {
    MNK_TRY(MNK_NEW(t->from, t->e->classes + 1, err));
    for (size_t k = 0; k < t->e->classes; k++) {
        size_t n = (size_t)(share_of(t, k) * (double)t->c->batch);
        t->from[k + 1] = t->from[k] + (share_of(t, k) > 0 ? (n > CLASS_ROWS ? n : CLASS_ROWS) : 0);
    }
    t->rows = t->from[t->e->classes];
    MNK_TRY(MNK_NEW(t->of, t->rows + 1, err));
    for (size_t k = 0; k < t->e->classes; k++) memset(t->of + t->from[k], (int)k, t->from[k + 1] - t->from[k]);
    return MNK_OK;
}

static void prepare_row(void *ctx, size_t i) {
    training *t = ctx;
    size_t latent = (size_t)t->m->shape.latent, inputs = latent + t->e->classes;
    float *in = mnk_plan_data(t->plan, t->m->input) + i * inputs;
    mnk_rng r = mnk_rng_at(t->c->seed, MNK_PURPOSE_EMBEDDING, i, STEP_LATENT + (uint32_t)t->step);
    mnk_rng_normal_f32(&r, in, latent);
    memset(in + latent, 0, t->e->classes * sizeof *in);
    in[latent + t->of[i]] = 1;
}

static void soften_row(void *ctx, size_t i) {
    training *t = ctx;
    memcpy(t->p + i * t->e->outputs, mnk_plan_data(t->plan, t->m->output) + i * t->e->outputs, t->e->outputs * sizeof *t->p);
    mnk_merf_softmax(t->m, t->p + i * t->e->outputs);
}

/* Means over the rows of each class, for a block of features. */
static void mean_block(void *ctx, size_t block) {
    training *t = ctx;
    size_t n = t->e->features, begin = block * BLOCK, end = begin + BLOCK < n ? begin + BLOCK : n;
    for (size_t k = 0; k < t->e->classes; k++) {
        double *mean = t->mean + k * n, rows = (double)(t->from[k + 1] - t->from[k]);
        for (size_t j = begin; j < end; j++) mean[j] = 0;
        for (size_t i = t->from[k]; i < t->from[k + 1]; i++)
            for (size_t j = begin; j < end; j++) mean[j] += (double)t->batch.phi[i * n + j];
        for (size_t j = begin; rows > 0 && j < end; j++) mean[j] /= rows;
    }
}

/* |mean - target|^2 of a few rows is too large by the rows' own spread, and falls when rows become alike. So a row is compared
 * with the others' mean: sum_i <phi_i - target, mean of the others - target> / n is unbiased, and twice the second factor is
 * its gradient. */
static void compare_row(void *ctx, size_t i) {
    training *t = ctx;
    size_t n = t->e->features, k = t->of[i];
    double rows = (double)(t->from[k + 1] - t->from[k]), weight = share_of(t, k) / rows, loss = 0;
    const double *mean = t->mean + k * n, *target = t->target + k * n;
    const float *phi = t->batch.phi + i * n;
    float *d = t->batch.d_phi + i * n;
    for (size_t j = 0; j < n; j++) {
        double others = (rows * mean[j] - (double)phi[j]) / (rows - 1) - target[j];
        d[j] = (float)(2 * weight * others);
        loss += weight * others * ((double)phi[j] - target[j]);
    }
    t->loss[i] = loss;
}

static void soften_back_row(void *ctx, size_t i) {
    training *t = ctx;
    const float *p = t->p + i * t->e->outputs, *d = t->d_p + i * t->e->outputs;
    float *to = mnk_plan_grad(t->plan, t->m->output) + i * t->e->outputs;
    for (size_t c = 0; c < t->m->axes.columns; c++) {
        if ((long)c == t->m->label) continue;
        size_t at = t->m->out_at[c], end = at + (size_t)t->m->axes.axis[c].bins;
        float dot = 0;
        for (size_t k = at; k < end; k++) dot += p[k] * d[k];
        for (size_t k = at; k < end; k++) to[k] = p[k] * (d[k] - dot);
    }
}

/* The rate falls to 0 along half a cosine: the end is a minimum and no walk around it. */
static double rate_at(const training *t) { return t->c->rate * 0.5 * (1 + cos(M_PI * (double)t->step / (double)t->c->steps)); }

static mnk_status one_step(training *t, double *loss, mnk_error *err) {
    mnk_parallel_for(t->rows, prepare_row, t);
    mnk_plan_refresh(t->plan, false);
    mnk_plan_forward(t->plan, NULL);
    mnk_parallel_for(t->rows, soften_row, t);
    mnk_embedding_expect(&t->batch, t->p);
    mnk_parallel_for((t->e->features + BLOCK - 1) / BLOCK, mean_block, t);
    mnk_parallel_for(t->rows, compare_row, t);
    *loss = 0;
    for (size_t i = 0; i < t->rows; i++) *loss += t->loss[i];
    mnk_embedding_back(&t->batch, t->d_p);
    mnk_parallel_for(t->rows, soften_back_row, t);
    mnk_plan_backward(t->plan, t->m->output, MNK_BACK_WEIGHTS);
    if (!isfinite(*loss) || !isfinite(mnk_params_gradient_norm(t->m->params))) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_FAILED, "training diverged at step %zu: the loss is not finite", t->step);
        mnk_error_hint(err, "lower --rate");
        return status;
    }
    /* gradients are as small as a feature's share of the vector: next to them 1e-8 would not be small */
    mnk_params_adam(t->m->params, &(mnk_adam){rate_at(t), 0.9, 0.999, 1e-14, 0, 0});
    return MNK_OK;
}

mnk_status mnk_merf_train(mnk_merf *m, const mnk_embedding *e, const double *target, const mnk_merf_steps *steps,
                          const mnk_observer *observer, double *left, mnk_error *err) {
    training t = {.m = m, .e = e, .target = target, .c = steps};
    char detail[64];
    mnk_status status;
    *left = 0;
    if (!m->net) return MNK_OK;
    MNK_OUT(deal_rows(&t, err));
    MNK_OUT(mnk_memory_require(mnk_embedding_bytes(e, t.rows), "dp-merf", err));
    MNK_OUT(mnk_plan_open(m->net, m->params, (int)t.rows, mnk_backend_find("auto"), MNK_PLAN_TRAIN, &t.plan, err));
    MNK_OUT(mnk_embedding_batch_open(e, t.rows, &t.batch, err));
    MNK_OUT(MNK_NEW_ALIGNED(t.p, t.rows * e->outputs, err));
    MNK_OUT(MNK_NEW_ALIGNED(t.d_p, t.rows * e->outputs, err));
    MNK_OUT(MNK_NEW(t.mean, mnk_embedding_numbers(e), err));
    MNK_OUT(MNK_NEW(t.loss, t.rows, err));
    for (t.step = 0; t.step < steps->steps; t.step++) {
        if (mnk_observe_stopped(observer)) {
            status = MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped at step %zu of %zu", t.step, steps->steps);
            mnk_error_hint(err, "the noise was drawn and stays paid for");
            goto out;
        }
        MNK_OUT(one_step(&t, left, err));
        snprintf(detail, sizeof detail, "distance %.3g", *left);
        mnk_observe_progress(observer, "step", (double)t.step + 1, (double)steps->steps, detail);
    }
out:
    mnk_plan_close(t.plan);
    mnk_embedding_batch_clear(&t.batch);
    void *blocks[] = {t.from, t.of, t.p, t.d_p, t.mean, t.loss};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) mnk_free(blocks[i]);
    return status;
}
