/* ctgan: a conditional GAN for tables after Xu et al. 2019 (NeurIPS), with what small and incomplete medical tables need.
 *
 * A step draws a condition for every row (a column at random, its state by log-frequency), a real row that has it, and
 * latent numbers. The generator's states pass a Gumbel softmax; `pack` rows are judged together (Lin et al. 2018). The
 * discriminator has no norm and is piecewise linear, so that the penalty of WGAN-GP is exact by the tangent pass. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/neural/ctgan.h"

enum { D_STREAM = 12 /* of MNK_PURPOSE_INIT; + 2 for every stream of the frame */ };
enum { ROLE_ROW = 1, ROLE_MIX, ROLE_DROPOUT = MNK_CTGAN_DROPOUT, ROLE_STATISTICS };
enum { LOSS_WGAN = MNK_NEURAL_WGAN, LOSS_HINGE = MNK_NEURAL_HINGE };
enum { GUMBELS = 1 << 16, STATISTICS_BATCHES = 8, FAR = 1 << 30 /* steps of the statistics, beyond all others */ };

typedef mnk_ctgan gan;

/* ---- opening ---- */

static mnk_status discriminator_open(mnk_neural_trainer *t, gan *g, mnk_error *err) {
    const mnk_neural_config *c = t->config;
    mnk_net *n = t->other = mnk_net_open();
    unsigned flags = MNK_NN_BIAS | (c->loss == LOSS_HINGE ? MNK_NN_SPECTRAL : 0);
    char name[32];
    if (!n) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: discriminator");
    mnk_value x = g->d_in = mnk_net_input(n, "rows", (int)((size_t)c->pack * g->judged), 0, 0);
    for (int i = 0; i < (int)c->depth; i++) {
        snprintf(name, sizeof name, "judge%d", i);
        x = mnk_net_act(n, mnk_net_linear(n, x, name, (int)c->width, flags), MNK_ACT_LEAKY, 0.2);
        if (c->dropout > 0) x = mnk_net_dropout(n, x, c->dropout);
    }
    g->d_out = mnk_net_linear(n, x, "logit", 1, flags);
    return mnk_net_check(n, err);
}

static mnk_status plans_open(mnk_neural_trainer *t, gan *g, mnk_error *err) {
    const mnk_backend *b = mnk_backend_find("auto");
    mnk_neural_model *m = t->model;
    int batch = (int)g->batch, packs = (int)g->packs;
    MNK_TRY(mnk_plan_open(m->net, m->params, batch, b, MNK_PLAN_TRAIN, &g->g_train, err));
    MNK_TRY(mnk_plan_open(m->net, m->params, batch, b, MNK_PLAN_TRAIN | MNK_PLAN_AVERAGE, &g->g_statistics, err));
    MNK_TRY(mnk_plan_open(t->other, t->others, g->is_private ? packs : 2 * packs, b, MNK_PLAN_TRAIN, &g->d_both, err));
    MNK_TRY(mnk_plan_open(t->other, t->others, packs, b, MNK_PLAN_TRAIN | MNK_PLAN_INPUT_GRAD, &g->d_one, err));
    if (t->config->loss != LOSS_WGAN) return MNK_OK;
    return mnk_plan_open(t->other, t->others, packs, b, MNK_PLAN_TRAIN | MNK_PLAN_INPUT_GRAD | MNK_PLAN_TANGENT, &g->d_mix,
                         err);
}

static mnk_status index_open(const mnk_neural_trainer *t, gan *g, mnk_error *err) {
    const mnk_layout *l = g->l;
    MNK_TRY(MNK_NEW(g->log_weight, l->conditions + 1, err));
    if (g->is_private) { /* the label's noisy counts */
        for (size_t k = 0; k < l->condition_pieces; k++) {
            const mnk_piece *p = &l->piece[l->condition[k]];
            for (unsigned s = 0; s < p->states; s++) g->log_weight[p->condition_at + s] = p->weight[s];
        }
        return MNK_OK;
    }
    MNK_TRY(MNK_NEW(g->row_of, l->condition_pieces * t->learns + 1, err));
    MNK_TRY(MNK_NEW(g->start, l->conditions + 2, err));
    for (size_t k = 0; k < l->condition_pieces; k++) {
        size_t c = l->condition[k], at = l->piece[c].condition_at;
        for (size_t i = 0; i < t->learns; i++) g->start[at + t->rows.state[t->learn[i] * t->rows.columns + c] + 1]++;
    }
    for (size_t j = 0; j < l->conditions; j++) {
        g->log_weight[j] = log1p((double)g->start[j + 1]); /* 0 for a state that only held-out rows have */
        g->start[j + 1] += g->start[j];
    }
    size_t *next;
    MNK_TRY(MNK_NEW(next, l->conditions + 1, err));
    memcpy(next, g->start, l->conditions * sizeof *next);
    for (size_t k = 0; k < l->condition_pieces; k++) {
        size_t c = l->condition[k], at = l->piece[c].condition_at;
        for (size_t i = 0; i < t->learns; i++)
            g->row_of[next[at + t->rows.state[t->learn[i] * t->rows.columns + c]]++] = t->learn[i];
    }
    mnk_free(next);
    return MNK_OK;
}

static mnk_status buffers_open(gan *g, mnk_error *err) {
    MNK_TRY(MNK_NEW_ALIGNED(g->soft, g->batch * g->l->width, err));
    MNK_TRY(MNK_NEW(g->real, g->batch, err));
    MNK_TRY(MNK_NEW(g->piece, g->batch, err));
    MNK_TRY(MNK_NEW(g->state, g->batch, err));
    MNK_TRY(MNK_NEW(g->rng, g->batch, err));
    MNK_TRY(MNK_NEW(g->ce, g->batch, err));
    MNK_TRY(MNK_NEW(g->logit, 2 * g->packs, err));
    MNK_TRY(MNK_NEW(g->gradient, 2 * g->packs, err));
    MNK_TRY(MNK_NEW(g->scale, 2 * g->packs, err));
    MNK_TRY(MNK_NEW(g->norms2, 2 * g->packs, err));
    MNK_TRY(MNK_NEW(g->gumbel, GUMBELS, err));
    for (size_t i = 0; i < GUMBELS; i++) g->gumbel[i] = (float)-log(-log(((double)i + 0.5) / GUMBELS));
    return MNK_OK;
}

static size_t gan_bytes(const mnk_neural_trainer *t) {
    const mnk_neural_config *c = t->config;
    double row = (double)t->model->layout.width + (double)t->model->layout.conditions, wide = (double)c->width;
    double judge = ((double)c->pack * row + wide * (double)c->depth) * wide;
    return (size_t)(4 * (6 * judge + (double)c->batch * (14 * row + 20 * wide)));
}

static mnk_status gan_open(mnk_neural_trainer *t, mnk_error *err) {
    const mnk_neural_config *c = t->config;
    gan *g;
    MNK_TRY(MNK_NEW(g, 1, err));
    t->own = g;
    g->l = &t->model->layout;
    g->batch = (size_t)c->batch, g->packs = (size_t)(c->batch / c->pack);
    g->judged = g->l->width + g->l->conditions, g->inputs = (size_t)c->latent + g->l->conditions;
    g->is_private = t->own_private != NULL, g->fake_at = g->is_private ? 0 : g->batch;
    MNK_TRY(discriminator_open(t, g, err));
    MNK_TRY(mnk_params_open(t->other, MNK_INIT_HE, t->context->seed, D_STREAM + 2 * t->context->stream, &t->others, err));
    MNK_TRY(plans_open(t, g, err));
    MNK_TRY(buffers_open(g, err));
    MNK_TRY(index_open(t, g, err));
    if (g->is_private) MNK_TRY(mnk_ctgan_private_open(t, g, err));
    for (int i = 0; c->loss == LOSS_HINGE && i < 20; i++) mnk_plan_refresh(g->d_both, true);
    return MNK_OK;
}

static void gan_close(mnk_neural_trainer *t) {
    gan *g = t->own;
    mnk_plan *plans[] = {g->g_train, g->g_statistics, g->d_both, g->d_mix, g->d_one};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) mnk_plan_close(plans[i]);
    mnk_ctgan_private_close(g);
    void *blocks[] = {g->soft,     g->real,  g->piece,  g->state,  g->rng,    g->ce,    g->logit,
                      g->gradient, g->scale, g->norms2, g->gumbel, g->row_of, g->start, g->log_weight};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) mnk_free(blocks[i]);
    mnk_free(g);
    t->own = NULL;
}

/* ---- a batch ---- */

/* Condition, real row and latent numbers of item i: a function of (seed, step, i) alone. */
static void choose(const mnk_neural_trainer *t, const gan *g, size_t i, uint64_t step, unsigned role, float *input,
                   mnk_rng *out) {
    mnk_rng r = mnk_neural_rng(t, i, role, step);
    size_t latent = (size_t)t->config->latent;
    memset(input + latent, 0, g->l->conditions * sizeof *input);
    if (!g->is_private) g->real[i] = t->learn[mnk_rng_below(&r, t->learns)];
    g->piece[i] = MNK_NOWHERE;
    if (g->l->condition_pieces) {
        size_t c = g->l->condition[mnk_rng_below(&r, g->l->condition_pieces)], at = g->l->piece[c].condition_at;
        double sum = 0, u = mnk_rng_uniform(&r);
        size_t states = g->l->piece[c].states, s = 0;
        for (size_t k = 0; k < states; k++) sum += g->log_weight[at + k];
        u *= sum;
        for (size_t k = 0; k < states; k++) {
            if (!(g->log_weight[at + k] > 0)) continue;
            s = k;
            if ((u -= g->log_weight[at + k]) < 0) break;
        }
        g->piece[i] = c, g->state[i] = (uint8_t)s;
        if (!g->is_private)
            g->real[i] = g->row_of[g->start[at + s] + mnk_rng_below(&r, g->start[at + s + 1] - g->start[at + s])];
        input[latent + at + s] = 1;
    }
    mnk_rng_normal_f32(&r, input, latent);
    *out = r;
}

/* Of a soft row: that a state is chosen which has the score. */
static float chance_of_score(const mnk_piece *p, const float *soft) {
    float sum = 0;
    if (p->states < 2) return 1;
    for (unsigned s = 0; s < p->modes; s++) sum += soft[p->state_at + s];
    return sum;
}

/* Raw features to what the discriminator sees: Gumbel softmax over the states, and a score only as far as its mode is chosen.
 */
static void soften(const gan *g, double temperature, const float *raw, mnk_rng *r, float *soft) {
    float inverse = (float)(1 / temperature);
    for (size_t c = 0; c < g->l->book->columns; c++) {
        const mnk_piece *p = &g->l->piece[c];
        if (p->states > 1) {
            const float *x = raw + p->state_at;
            float *y = soft + p->state_at, most = -INFINITY, sum = 0;
            for (unsigned s = 0; s < p->states; s += 2) { /* sixteen bits a number */
                uint32_t bits = mnk_rng_u32(r);
                y[s] = (x[s] + g->gumbel[bits & (GUMBELS - 1)]) * inverse;
                if (s + 1u < p->states) y[s + 1] = (x[s + 1] + g->gumbel[bits >> 16]) * inverse;
            }
            for (unsigned s = 0; s < p->states; s++)
                if (y[s] > most) most = y[s];
            for (unsigned s = 0; s < p->states; s++) sum += y[s] = expf(y[s] - most);
            for (unsigned s = 0; s < p->states; s++) y[s] /= sum;
        }
        if (p->has_score) soft[p->score_at] = raw[p->score_at] * chance_of_score(p, soft);
    }
}

/* The gradient with respect to the raw features, from that with respect to the soft ones. */
static void soften_back(const gan *g, double temperature, const float *raw, const float *soft, const float *d_soft,
                        float *d_raw) {
    float inverse = (float)(1 / temperature);
    for (size_t c = 0; c < g->l->book->columns; c++) {
        const mnk_piece *p = &g->l->piece[c];
        float extra = 0; /* of the score's modes: their states scale the score */
        if (p->has_score) {
            d_raw[p->score_at] = d_soft[p->score_at] * chance_of_score(p, soft);
            extra = d_soft[p->score_at] * raw[p->score_at];
        }
        if (p->states < 2) continue;
        const float *y = soft + p->state_at, *d = d_soft + p->state_at;
        float *to = d_raw + p->state_at, dot = p->has_score ? extra * chance_of_score(p, soft) : 0;
        for (unsigned s = 0; s < p->states; s++) dot += y[s] * d[s];
        for (unsigned s = 0; s < p->states; s++) to[s] = y[s] * (d[s] - dot) * inverse;
        for (unsigned s = 0; s < p->modes; s++) to[s] += y[s] * extra * inverse;
    }
}

static void prepare_row(void *ctx, size_t i) {
    mnk_neural_trainer *t = ctx;
    gan *g = t->own;
    float *input = mnk_plan_data(g->g_train, t->model->input) + i * g->inputs;
    choose(t, g, i, g->step, ROLE_ROW, input, &g->rng[i]);
    if (g->is_private) return;
    float *row = mnk_plan_data(g->d_both, g->d_in) + i * g->judged; /* pack after pack: rows follow each other */
    mnk_layout_unfold(g->l, t->rows.state + g->real[i] * t->rows.columns, t->rows.score + g->real[i] * t->rows.columns, row);
    memcpy(row + g->l->width, input + t->config->latent, g->l->conditions * sizeof *row);
}

static void soften_row(void *ctx, size_t i) {
    mnk_neural_trainer *t = ctx;
    gan *g = t->own;
    const float *raw = mnk_plan_data(g->g_train, t->model->output) + i * g->l->width;
    const float *condition = mnk_plan_data(g->g_train, t->model->input) + i * g->inputs + t->config->latent;
    float *fake = mnk_plan_data(g->d_both, g->d_in) + (g->fake_at + i) * g->judged;
    float *one = mnk_plan_data(g->d_one, g->d_in) + i * g->judged;
    soften(g, t->config->temperature, raw, &g->rng[i], fake);
    memcpy(g->soft + i * g->l->width, fake, g->l->width * sizeof *fake);
    memcpy(fake + g->l->width, condition, g->l->conditions * sizeof *fake);
    memcpy(one, fake, g->judged * sizeof *one);
}

/* A point between a real pack and a generated one. */
static void mix_pack(void *ctx, size_t j) {
    mnk_neural_trainer *t = ctx;
    gan *g = t->own;
    size_t size = (size_t)t->config->pack * g->judged;
    const float *pack = mnk_plan_data(g->d_both, g->d_in) + j * size, *fake = pack + g->batch * g->judged;
    float *to = mnk_plan_data(g->d_mix, g->d_in) + j * size;
    mnk_rng r = mnk_neural_rng(t, j, ROLE_MIX, g->step);
    float a = mnk_rng_uniform_f32(&r);
    for (size_t k = 0; k < size; k++) to[k] = fake[k] + a * (pack[k] - fake[k]);
}

/* ---- the step ---- */

static mnk_status not_finite(const mnk_neural_trainer *t, const char *what, mnk_error *err) {
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_FAILED, "training diverged at step %.0f: %s is not finite", t->progress.step, what);
    mnk_error_hint(err, "lower --rate and --rate-d");
    return status;
}

static double judge_loss(const gan *g, int loss, const float *logit, float *gradient) {
    double sum = 0, n = (double)g->packs;
    for (size_t j = 0; j < 2 * g->packs; j++) {
        double sign = j < g->packs ? -1 : 1, x = sign * (double)logit[j]; /* falls with x: real up, generated down */
        if (loss == LOSS_WGAN) sum += x / n, gradient[j] = (float)(sign / n);
        else sum += fmax(0, 1 + x) / n, gradient[j] = x > -1 ? (float)(sign / n) : 0;
    }
    return sum;
}

static void move_judge(mnk_neural_trainer *t) {
    mnk_adam adam = {t->config->rate_d, 0.5, 0.9, 1e-8, 0, 0};
    mnk_params_adam(t->others, &adam);
}

static mnk_status step_judge_private(mnk_neural_trainer *t, gan *g, mnk_error *err) {
    double loss = 0;
    MNK_TRY(mnk_ctgan_private_gradient(t, g, &loss, err));
    if (!isfinite(loss) || !isfinite(mnk_params_gradient_norm(t->others))) return not_finite(t, "the discriminator", err);
    move_judge(t);
    return MNK_OK;
}

static mnk_status step_judge(mnk_neural_trainer *t, gan *g, mnk_error *err) {
    const mnk_neural_config *c = t->config;
    mnk_rng drop = mnk_neural_rng(t, 0, ROLE_DROPOUT, g->step);
    const mnk_rng *dropout = c->dropout > 0 ? &drop : NULL;
    mnk_plan_refresh(g->d_both, true);
    mnk_plan_forward(g->d_both, dropout);
    mnk_plan_get(g->d_both, g->d_out, g->logit);
    double loss = judge_loss(g, c->loss, g->logit, g->gradient);
    mnk_plan_put_grad(g->d_both, g->d_out, g->gradient);
    mnk_plan_backward(g->d_both, g->d_out, MNK_BACK_WEIGHTS);
    if (c->loss == LOSS_WGAN) {
        mnk_parallel_for(g->packs, mix_pack, t);
        for (size_t j = 0; j < g->packs; j++) g->scale[j] = (float)(c->penalty / (double)g->packs);
        mnk_plan_refresh(g->d_mix, false);
        mnk_plan_forward(g->d_mix, dropout);
        loss += mnk_plan_gradient_penalty_around(g->d_mix, g->d_out, g->d_in, g->scale, 1, g->norms2);
    }
    if (!isfinite(loss) || !isfinite(mnk_params_gradient_norm(t->others))) return not_finite(t, "the discriminator", err);
    t->progress.loss[1] = loss;
    move_judge(t);
    return MNK_OK;
}

/* Through the softmax, and the cross-entropy of the condition on top: the generator must do as it is told. */
static void back_row(void *ctx, size_t i) {
    mnk_neural_trainer *t = ctx;
    gan *g = t->own;
    const float *raw = mnk_plan_data(g->g_train, t->model->output) + i * g->l->width;
    const float *d_soft = mnk_plan_grad(g->d_one, g->d_in) + i * g->judged;
    float *d_raw = mnk_plan_grad(g->g_train, t->model->output) + i * g->l->width;
    soften_back(g, t->config->temperature, raw, g->soft + i * g->l->width, d_soft, d_raw);
    g->ce[i] = 0;
    if (g->piece[i] == MNK_NOWHERE) return;
    const mnk_piece *p = &g->l->piece[g->piece[i]];
    const float *x = raw + p->state_at;
    float most = x[0], sum = 0, share = 1 / (float)g->batch;
    for (unsigned s = 1; s < p->states; s++) most = fmaxf(most, x[s]);
    for (unsigned s = 0; s < p->states; s++) sum += expf(x[s] - most);
    for (unsigned s = 0; s < p->states; s++) d_raw[p->state_at + s] += share * (expf(x[s] - most) / sum - (s == g->state[i]));
    g->ce[i] = logf(sum) + most - x[g->state[i]];
}

static double average_decay(const mnk_neural_config *c, double step) { /* short at first: random weights are soon forgotten */
    double warm = (1 + step) / (10 + step);
    return c->ema < warm ? c->ema : warm;
}

static mnk_status step_generator(mnk_neural_trainer *t, gan *g, mnk_error *err) {
    const mnk_neural_config *c = t->config;
    mnk_rng drop = mnk_neural_rng(t, 1, ROLE_DROPOUT, g->step);
    double loss = 0;
    mnk_plan_refresh(g->d_one, false);
    mnk_plan_forward(g->d_one, c->dropout > 0 ? &drop : NULL);
    mnk_plan_get(g->d_one, g->d_out, g->logit);
    for (size_t j = 0; j < g->packs; j++) loss -= (double)g->logit[j] / (double)g->packs, g->gradient[j] = -1 / (float)g->packs;
    mnk_plan_put_grad(g->d_one, g->d_out, g->gradient);
    mnk_plan_backward(g->d_one, g->d_out, MNK_BACK_INPUTS);
    mnk_parallel_for(g->batch, back_row, t);
    for (size_t i = 0; i < g->batch; i++) loss += (double)g->ce[i] / (double)g->batch;
    mnk_plan_backward(g->g_train, t->model->output, MNK_BACK_WEIGHTS);
    if (!isfinite(loss) || !isfinite(mnk_params_gradient_norm(t->model->params))) return not_finite(t, "the generator", err);
    t->progress.loss[0] = loss;
    mnk_adam adam = {c->rate, 0.5, 0.9, 1e-8, 1e-6, average_decay(c, t->progress.step)};
    mnk_params_adam(t->model->params, &adam);
    return MNK_OK;
}

static mnk_status gan_step(mnk_neural_trainer *t, mnk_error *err) {
    gan *g = t->own;
    g->step = (uint64_t)t->progress.step;
    mnk_parallel_for(g->batch, prepare_row, t);
    mnk_plan_refresh(g->g_train, false);
    mnk_plan_forward(g->g_train, NULL);
    mnk_parallel_for(g->batch, soften_row, t);
    MNK_TRY(g->is_private ? step_judge_private(t, g, err) : step_judge(t, g, err));
    return step_generator(t, g, err);
}

static void statistics_row(void *ctx, size_t i) {
    mnk_neural_trainer *t = ctx;
    gan *g = t->own;
    mnk_rng r;
    choose(t, g, i, g->step, ROLE_STATISTICS, mnk_plan_data(g->g_statistics, t->model->input) + i * g->inputs, &r);
}

/* Running statistics of the averaged weights, over conditions as in training. */
static mnk_status gan_settle(mnk_neural_trainer *t, mnk_error *err) {
    gan *g = t->own;
    (void)err;
    mnk_plan_refresh(g->g_statistics, false);
    mnk_plan_statistics_begin(g->g_statistics);
    for (uint64_t b = 0; b < STATISTICS_BATCHES; b++) {
        g->step = FAR + b;
        mnk_parallel_for(g->batch, statistics_row, t);
        mnk_plan_forward(g->g_statistics, NULL);
    }
    mnk_plan_statistics_end(g->g_statistics);
    return MNK_OK;
}

/* ---- the row of the table ---- */

/* clang-format off */
static const mnk_option options[] = {
    MNK_NEURAL_OPTION_ROWS("300", "5e-4", "500"),
    {"rate-d", 0, MNK_OPTION_REAL, MNK_NEURAL_AT(rate_d), "RATE", "5e-4", 1e-8, 1, NULL, "learning rate of the discriminator", false},
    {"pack", 0, MNK_OPTION_INT, MNK_NEURAL_AT(pack), "N", "0", 0, 64, NULL, "rows judged together; more keeps variety (0: 10, with --dp 1)", false},
    {"loss", 0, MNK_OPTION_CHOICE, MNK_NEURAL_AT(loss), "NAME", "auto", 0, 0, "auto|wgan|hinge", "wgan: with gradient penalty; hinge: with spectral norm, the only one with --dp", true},
    {"penalty", 0, MNK_OPTION_REAL, MNK_NEURAL_AT(penalty), "LAMBDA", "10", 0, 1e4, NULL, "gradient penalty of wgan", true},
    {"dropout", 0, MNK_OPTION_REAL, MNK_NEURAL_AT(dropout), "RATE", "0", 0, 0.9, NULL, "dropout in the discriminator", true},
    {"temperature", 0, MNK_OPTION_REAL, MNK_NEURAL_AT(temperature), "TAU", "0.2", 0.05, 10, NULL, "of the Gumbel softmax", true},
    {.type = MNK_OPTION_END},
};
/* clang-format on */

static const mnk_neural_learner learner = {
    .name = "ctgan",
    .loss_names = {"G", "D"},
    .options = options,
    .conditional = true,
    .batch_norm = true,
    .bytes = gan_bytes,
    .open = gan_open,
    .close = gan_close,
    .step = gan_step,
    .settle = gan_settle,
};

static mnk_status fit(const mnk_table *t, const void *config, mnk_fit_context *context, void **model, mnk_error *err) {
    mnk_neural_config c = *(const mnk_neural_config *)config;
    *model = NULL;
    MNK_TRY(mnk_neural_private_check(&c, options, learner.name, err)); /* before "auto" is replaced */
    if (c.loss == MNK_NEURAL_AUTO) c.loss = c.dp ? LOSS_HINGE : LOSS_WGAN;
    if (c.pack == 0) c.pack = c.dp ? 1 : 10;
    if (c.batch % c.pack) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "--batch %lld does not divide into packs of %lld", (long long)c.batch,
                                     (long long)c.pack);
        mnk_error_hint(err, "use --batch %lld", (long long)((c.batch / c.pack + 1) * c.pack));
        return status;
    }
    return mnk_neural_fit(t, &c, &learner, context, model, err);
}

static mnk_status open_file(const mnk_tensors_in *file, const mnk_schema *schema, const void *config, void **model,
                            mnk_error *err) {
    const mnk_neural_config *c = config;
    mnk_neural_shape shape = {(int)c->latent, (int)c->width, (int)c->depth, true, c->dp};
    return mnk_neural_open(file, schema, &shape, true, model, err);
}

const mnk_generator_kind mnk_kind_ctgan = {
    .name = "ctgan",
    .summary = "a conditional GAN for tables: conditions by log-frequency, packs, WGAN-GP",
    .examples = "manikin train ctgan patients.csv -o patients.model\n"
                "manikin train ctgan patients.csv -o patients.model --resume     # go on after an interruption\n"
                "manikin train ctgan patients.csv -o patients.model --dp --epsilon 8 --delta 1e-6   # private\n",
    .options = options,
    .config_size = sizeof(mnk_neural_config),
    .can = MNK_KIND_GIVEN | MNK_KIND_BOX | MNK_KIND_RESUMES,
    .is_private = mnk_neural_is_private,
    .fit = fit,
    .draw = mnk_neural_draw,
    .save = mnk_neural_save,
    .open = open_file,
    .close = mnk_neural_model_close,
};
