/* tvae: a variational autoencoder for tables after Xu et al. 2019 (NeurIPS). Scores are Gaussian around the decoder's value
 * with one spread a column, which is set to its optimum in closed form, the root mean square error (Rybkin et al. 2021);
 * states are categorical. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/neural/private.h"

enum { E_STREAM = 12 /* of MNK_PURPOSE_INIT; + 2 for every stream of the frame */ };
enum { ROLE_ROW = 1 };
#define SIGMA_MIN   0.03 /* of a normal score: columns that follow from others would drive it to 0 */
#define SIGMA_KEEP  0.98 /* moving average of squared errors */
#define LOG_VAR_MAX 8.0f
#define DP_SIGMA    0.5 /* --dp: a place within a stretch, from -1 to 1; errors of rows may not say */

typedef struct vae {
    const mnk_layout *l;
    size_t batch, latent;
    mnk_value e_in, e_out;
    mnk_plan *encoder, *decoder;
    size_t first;  /* --dp: of this pass, in the batch */
    float share;   /* of a row in the loss: 1/batch; with --dp 1, each row by itself */
    float *weight; /* --dp: [batch] clipping factors */
    double *norms2, *norms2_encoder;
    uint32_t *row;
    float *noise;  /* [batch][latent] */
    double *loss;  /* [batch] reconstruction */
    double *kl;    /* [batch] */
    float *error2; /* [batch][width] squared errors of scores, -1: none */
    uint64_t step;
} vae;

static size_t vae_bytes(const mnk_neural_trainer *t) {
    const mnk_neural_config *c = t->config;
    double row = (double)t->model->layout.width, wide = (double)c->width;
    return (size_t)(4 * (6 * wide * (row + wide * (double)c->depth) + (double)c->batch * (8 * row + 12 * wide)));
}

static mnk_status vae_open(mnk_neural_trainer *t, mnk_error *err) {
    const mnk_neural_config *c = t->config;
    const mnk_backend *b = mnk_backend_find("auto");
    const mnk_neural_shape shape = {(int)c->latent, (int)c->width, (int)c->depth, false};
    mnk_neural_model *m = t->model;
    vae *v;
    MNK_TRY(MNK_NEW(v, 1, err));
    t->own = v;
    const unsigned flags = c->dp ? MNK_PLAN_PRIVATE : MNK_PLAN_TRAIN;
    v->l = &m->layout, v->batch = c->dp ? MNK_NEURAL_SLOTS : (size_t)c->batch, v->latent = (size_t)c->latent;
    v->share = c->dp ? 1 : 1 / (float)v->batch;
    MNK_TRY(mnk_neural_net_open(&shape, v->l->width, 2 * v->latent, "encoder.", &t->other, &v->e_in, &v->e_out, err));
    MNK_TRY(mnk_params_open(t->other, MNK_INIT_HE, t->context->seed, E_STREAM + 2 * t->context->stream, &t->others, err));
    MNK_TRY(mnk_plan_open(t->other, t->others, (int)v->batch, b, flags, &v->encoder, err));
    MNK_TRY(mnk_plan_open(m->net, m->params, (int)v->batch, b, flags | MNK_PLAN_INPUT_GRAD, &v->decoder, err));
    MNK_TRY(MNK_NEW(v->row, v->batch, err));
    MNK_TRY(MNK_NEW(v->noise, v->batch * v->latent, err));
    MNK_TRY(MNK_NEW(v->loss, v->batch, err));
    MNK_TRY(MNK_NEW(v->kl, v->batch, err));
    MNK_TRY(MNK_NEW(v->error2, v->batch * v->l->width, err));
    for (size_t k = 0; k < v->l->book->columns; k++)
        if (v->l->piece[k].has_score) m->sigma[v->l->piece[k].score_at] = c->dp ? (float)DP_SIGMA : 1;
    MNK_TRY(MNK_NEW(v->weight, v->batch, err));
    MNK_TRY(MNK_NEW(v->norms2, v->batch, err));
    MNK_TRY(MNK_NEW(v->norms2_encoder, v->batch, err));
    return MNK_OK;
}

static void vae_close(mnk_neural_trainer *t) {
    vae *v = t->own;
    mnk_plan_close(v->encoder);
    mnk_plan_close(v->decoder);
    void *blocks[] = {v->row, v->noise, v->loss, v->kl, v->error2, v->weight, v->norms2, v->norms2_encoder};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) mnk_free(blocks[i]);
    mnk_free(v);
    t->own = NULL;
}

static void prepare_row(void *ctx, size_t i) {
    mnk_neural_trainer *t = ctx;
    vae *v = t->own;
    mnk_rng r = mnk_neural_rng(t, v->first + i, ROLE_ROW, v->step);
    if (!t->own_private) v->row[i] = t->learn[mnk_rng_below(&r, t->learns)];
    size_t row = v->row[i];
    mnk_layout_unfold(v->l, t->rows.state + row * t->rows.columns, t->rows.score + row * t->rows.columns,
                      mnk_plan_data(v->encoder, v->e_in) + i * v->l->width);
    mnk_rng_normal_f32(&r, v->noise + i * v->latent, v->latent);
}

static float log_var(float x) { return x < -LOG_VAR_MAX ? -LOG_VAR_MAX : x > LOG_VAR_MAX ? LOG_VAR_MAX : x; }

/* z = mean + exp(log_var / 2) noise */
static void latent_row(void *ctx, size_t i) {
    mnk_neural_trainer *t = ctx;
    vae *v = t->own;
    const float *code = mnk_plan_data(v->encoder, v->e_out) + 2 * i * v->latent;
    float *z = mnk_plan_data(v->decoder, t->model->input) + i * v->latent;
    for (size_t k = 0; k < v->latent; k++)
        z[k] = code[k] + expf(0.5f * log_var(code[v->latent + k])) * v->noise[i * v->latent + k];
}

/* -log p(row | z) and its gradient with respect to the decoder's raw features. */
static void decode_row(void *ctx, size_t i) {
    mnk_neural_trainer *t = ctx;
    vae *v = t->own;
    size_t width = v->l->width, row = v->row[i];
    const uint8_t *state = t->rows.state + row * t->rows.columns;
    const float *score = t->rows.score + row * t->rows.columns, *raw = mnk_plan_data(v->decoder, t->model->output) + i * width;
    float *d = mnk_plan_grad(v->decoder, t->model->output) + i * width, share = v->share;
    double loss = 0;
    for (size_t c = 0; c < t->rows.columns; c++) {
        const mnk_piece *p = &v->l->piece[c];
        if (p->has_score) {
            size_t at = p->score_at;
            bool has = state[c] < p->modes;
            float sigma = t->model->sigma[at], e = has ? raw[at] - score[c] : 0;
            d[at] = share * e / (sigma * sigma);
            v->error2[i * width + at] = has ? e * e : -1;
            if (has) loss += 0.5 * (double)(e * e / (sigma * sigma)) + log((double)sigma);
        }
        if (p->states < 2) continue;
        const float *x = raw + p->state_at;
        float most = x[0], sum = 0;
        for (unsigned s = 1; s < p->states; s++) most = fmaxf(most, x[s]);
        for (unsigned s = 0; s < p->states; s++) sum += expf(x[s] - most);
        for (unsigned s = 0; s < p->states; s++) d[p->state_at + s] = share * (expf(x[s] - most) / sum - (s == state[c]));
        loss += (double)(logf(sum) + most - x[state[c]]);
    }
    v->loss[i] = loss;
}

/* Reparametrisation backwards, and the divergence from N(0, 1): half the sum of mean² + var - 1 - log var. */
static void encode_back_row(void *ctx, size_t i) {
    mnk_neural_trainer *t = ctx;
    vae *v = t->own;
    const float *code = mnk_plan_data(v->encoder, v->e_out) + 2 * i * v->latent;
    const float *dz = mnk_plan_grad(v->decoder, t->model->input) + i * v->latent;
    float *d = mnk_plan_grad(v->encoder, v->e_out) + 2 * i * v->latent, share = (float)t->config->kl * v->share;
    double kl = 0;
    for (size_t k = 0; k < v->latent; k++) {
        float l = log_var(code[v->latent + k]), var = expf(l), inside = l == code[v->latent + k];
        d[k] = dz[k] + share * code[k];
        d[v->latent + k] = inside * (dz[k] * 0.5f * sqrtf(var) * v->noise[i * v->latent + k] + share * 0.5f * (var - 1));
        kl += 0.5 * (double)(code[k] * code[k] + var - 1 - l);
    }
    v->kl[i] = kl;
}

/* The spread of every score moves to the root mean square error of the batch. */
static void follow_errors(mnk_neural_trainer *t, const vae *v) {
    double keep = t->progress.step < 50 ? t->progress.step / (t->progress.step + 1) : SIGMA_KEEP;
    for (size_t c = 0; c < v->l->book->columns; c++) {
        size_t at = v->l->piece[c].score_at, n = 0;
        double sum = 0;
        if (!v->l->piece[c].has_score) continue;
        for (size_t i = 0; i < v->batch; i++) {
            float e = v->error2[i * v->l->width + at];
            if (e >= 0) sum += (double)e, n++;
        }
        double old = (double)t->model->sigma[at];
        if (n) t->model->sigma[at] = (float)fmax(SIGMA_MIN, sqrt(keep * old * old + (1 - keep) * sum / (double)n));
    }
}

static void move(mnk_neural_trainer *t) {
    const mnk_neural_config *c = t->config;
    double warm = (1 + t->progress.step) / (10 + t->progress.step);
    mnk_adam adam = {c->rate, 0.9, 0.999, 1e-8, 1e-5, c->ema < warm ? c->ema : warm};
    mnk_params_adam(t->model->params, &adam);
    mnk_params_adam(t->others, &adam);
}

static mnk_status diverged(const mnk_neural_trainer *t, mnk_error *err) {
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_FAILED, "training diverged at step %.0f: the loss is not finite", t->progress.step);
    mnk_error_hint(err, "lower --rate");
    return status;
}

/* Forward through both networks, and back to the gradient at the encoder's output. */
static void pass_rows(mnk_neural_trainer *t, vae *v) {
    mnk_parallel_for(v->batch, prepare_row, t);
    mnk_plan_forward(v->encoder, NULL);
    mnk_parallel_for(v->batch, latent_row, t);
    mnk_plan_forward(v->decoder, NULL);
    mnk_parallel_for(v->batch, decode_row, t);
}

/* A row's loss goes through both networks, so it is clipped by the norm of both gradients together. */
static mnk_status private_step(mnk_neural_trainer *t, vae *v, mnk_error *err) {
    mnk_params *p = t->model->params, *q = t->others;
    mnk_private_sgd *sgd = t->own_private->sgd;
    const uint32_t *unit;
    size_t n;
    v->first = 0;
    MNK_TRY(mnk_private_sgd_batch(sgd, &unit, &n, err));
    mnk_params_zero_gradient(p);
    mnk_params_zero_gradient(q);
    mnk_plan_refresh(v->encoder, false);
    mnk_plan_refresh(v->decoder, false);
    do { /* slots that nobody takes keep a row and get weight 0 */
        size_t used = n - v->first < v->batch ? n - v->first : v->batch;
        for (size_t i = 0; i < used; i++) v->row[i] = (uint32_t)mnk_neural_private_row(t, unit[v->first + i]);
        pass_rows(t, v);
        mnk_plan_sample_norms(v->decoder, t->model->output, v->norms2);
        mnk_parallel_for(v->batch, encode_back_row, t);
        mnk_plan_sample_norms(v->encoder, v->e_out, v->norms2_encoder);
        for (size_t i = 0; i < v->batch; i++) v->norms2[i] += v->norms2_encoder[i];
        mnk_private_sgd_clip(sgd, v->norms2, used, v->batch, v->weight);
        mnk_plan_weighted_gradient(v->decoder, t->model->output, v->weight, true);
        mnk_plan_weighted_gradient(v->encoder, v->e_out, v->weight, true);
        v->first += v->batch;
    } while (v->first < n);
    const mnk_gradient_part part[] = {{p->g, p->n}, {q->g, q->n}};
    MNK_TRY(mnk_private_sgd_finish(sgd, part, 2, err));
    if (!isfinite(mnk_params_gradient_norm(p)) || !isfinite(mnk_params_gradient_norm(q))) return diverged(t, err);
    move(t);
    return MNK_OK;
}

static mnk_status vae_step(mnk_neural_trainer *t, mnk_error *err) {
    vae *v = t->own;
    double loss = 0, kl = 0;
    v->step = (uint64_t)t->progress.step;
    if (t->own_private) return private_step(t, v, err);
    mnk_plan_refresh(v->encoder, false);
    mnk_plan_refresh(v->decoder, false);
    pass_rows(t, v);
    mnk_plan_backward(v->decoder, t->model->output, MNK_BACK_WEIGHTS | MNK_BACK_INPUTS);
    mnk_parallel_for(v->batch, encode_back_row, t);
    mnk_plan_backward(v->encoder, v->e_out, MNK_BACK_WEIGHTS);
    for (size_t i = 0; i < v->batch; i++) loss += v->loss[i] / (double)v->batch, kl += v->kl[i] / (double)v->batch;
    if (!isfinite(loss + kl) || !isfinite(mnk_params_gradient_norm(t->model->params)) ||
        !isfinite(mnk_params_gradient_norm(t->others)))
        return diverged(t, err);
    t->progress.loss[0] = loss, t->progress.loss[1] = kl;
    move(t);
    follow_errors(t, v);
    return MNK_OK;
}

static mnk_status vae_settle(mnk_neural_trainer *t, mnk_error *err) { /* no batch norms, and the spreads are up to date */
    (void)t;
    (void)err;
    return MNK_OK;
}

/* clang-format off */
static const mnk_option options[] = {
    MNK_NEURAL_OPTION_ROWS("300", "1e-3", "500"),
    {"kl", 0, MNK_OPTION_REAL, MNK_NEURAL_AT(kl), "WEIGHT", "1", 0, 1000, NULL, "weight of the divergence from the prior", true},
    {.type = MNK_OPTION_END},
};
/* clang-format on */

static const mnk_neural_learner learner = {
    .name = "tvae",
    .loss_names = {"reconstruction", "divergence"},
    .options = options,
    .both_private = true,
    .bytes = vae_bytes,
    .open = vae_open,
    .close = vae_close,
    .step = vae_step,
    .settle = vae_settle,
};

static mnk_status fit(const mnk_table *t, const void *config, mnk_fit_context *context, void **model, mnk_error *err) {
    return mnk_neural_fit(t, config, &learner, context, model, err);
}

static mnk_status open_file(const mnk_tensors_in *file, const mnk_schema *schema, const void *config, void **model,
                            mnk_error *err) {
    const mnk_neural_config *c = config;
    mnk_neural_shape shape = {(int)c->latent, (int)c->width, (int)c->depth, false, c->dp};
    return mnk_neural_open(file, schema, &shape, false, model, err);
}

const mnk_generator_kind mnk_kind_tvae = {
    .name = "tvae",
    .summary = "a variational autoencoder for tables",
    .examples = "manikin train tvae patients.csv -o patients.model\n"
                "manikin train tvae patients.csv -o patients.model --dp --epsilon 8 --delta 1e-6   # private\n",
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
