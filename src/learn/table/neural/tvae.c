/* tvae: a variational autoencoder for tables after Xu et al. 2019 (NeurIPS). Scores are Gaussian around the decoder's value
 * with one spread a column, which is set to its optimum in closed form, the root mean square error (Rybkin et al. 2021);
 * states are categorical. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/neural/train.h"

enum { E_STREAM = 12 /* of MNK_PURPOSE_INIT; + 2 for every stream of the frame */ };
enum { ROLE_ROW = 1 };
#define SIGMA_MIN   0.03 /* of a normal score: columns that follow from others would drive it to 0 */
#define SIGMA_KEEP  0.98 /* moving average of squared errors */
#define LOG_VAR_MAX 8.0f

typedef struct vae {
    const mnk_layout *l;
    size_t batch, latent;
    mnk_value e_in, e_out;
    mnk_plan *encoder, *decoder;
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
    v->l = &m->layout, v->batch = (size_t)c->batch, v->latent = (size_t)c->latent;
    MNK_TRY(mnk_neural_net_open(&shape, v->l->width, 2 * v->latent, "encoder.", &t->other, &v->e_in, &v->e_out, err));
    MNK_TRY(mnk_params_open(t->other, MNK_INIT_HE, t->context->seed, E_STREAM + 2 * t->context->stream, &t->others, err));
    MNK_TRY(mnk_plan_open(t->other, t->others, (int)v->batch, b, MNK_PLAN_TRAIN, &v->encoder, err));
    MNK_TRY(mnk_plan_open(m->net, m->params, (int)v->batch, b, MNK_PLAN_TRAIN | MNK_PLAN_INPUT_GRAD, &v->decoder, err));
    MNK_TRY(MNK_NEW(v->row, v->batch, err));
    MNK_TRY(MNK_NEW(v->noise, v->batch * v->latent, err));
    MNK_TRY(MNK_NEW(v->loss, v->batch, err));
    MNK_TRY(MNK_NEW(v->kl, v->batch, err));
    MNK_TRY(MNK_NEW(v->error2, v->batch * v->l->width, err));
    for (size_t k = 0; k < v->l->book->columns; k++)
        if (v->l->piece[k].has_score) m->sigma[v->l->piece[k].score_at] = 1;
    return MNK_OK;
}

static void vae_close(mnk_neural_trainer *t) {
    vae *v = t->own;
    mnk_plan_close(v->encoder);
    mnk_plan_close(v->decoder);
    void *blocks[] = {v->row, v->noise, v->loss, v->kl, v->error2};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) mnk_free(blocks[i]);
    mnk_free(v);
    t->own = NULL;
}

static void prepare_row(void *ctx, size_t i) {
    mnk_neural_trainer *t = ctx;
    vae *v = t->own;
    mnk_rng r = mnk_neural_rng(t, i, ROLE_ROW, v->step);
    size_t row = v->row[i] = t->learn[mnk_rng_below(&r, t->learns)];
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
    float *d = mnk_plan_grad(v->decoder, t->model->output) + i * width, share = 1 / (float)v->batch;
    double loss = 0;
    for (size_t c = 0; c < t->rows.columns; c++) {
        const mnk_piece *p = &v->l->piece[c];
        if (p->has_score) {
            size_t at = p->score_at;
            float sigma = t->model->sigma[at], e = state[c] == 0 ? raw[at] - score[c] : 0;
            d[at] = share * e / (sigma * sigma);
            v->error2[i * width + at] = state[c] == 0 ? e * e : -1;
            if (state[c] == 0) loss += 0.5 * (double)(e * e / (sigma * sigma)) + log((double)sigma);
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
    float *d = mnk_plan_grad(v->encoder, v->e_out) + 2 * i * v->latent, share = (float)t->config->kl / (float)v->batch;
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

static mnk_status vae_step(mnk_neural_trainer *t, mnk_error *err) {
    vae *v = t->own;
    const mnk_neural_config *c = t->config;
    double loss = 0, kl = 0;
    v->step = (uint64_t)t->progress.step;
    mnk_parallel_for(v->batch, prepare_row, t);
    mnk_plan_refresh(v->encoder, false);
    mnk_plan_forward(v->encoder, NULL);
    mnk_parallel_for(v->batch, latent_row, t);
    mnk_plan_refresh(v->decoder, false);
    mnk_plan_forward(v->decoder, NULL);
    mnk_parallel_for(v->batch, decode_row, t);
    mnk_plan_backward(v->decoder, t->model->output, MNK_BACK_WEIGHTS | MNK_BACK_INPUTS);
    mnk_parallel_for(v->batch, encode_back_row, t);
    mnk_plan_backward(v->encoder, v->e_out, MNK_BACK_WEIGHTS);
    for (size_t i = 0; i < v->batch; i++) loss += v->loss[i] / (double)v->batch, kl += v->kl[i] / (double)v->batch;
    if (!isfinite(loss + kl) || !isfinite(mnk_params_gradient_norm(t->model->params)) ||
        !isfinite(mnk_params_gradient_norm(t->others))) {
        mnk_status status =
            MNK_FAIL(err, MNK_ERR_FAILED, "training diverged at step %.0f: the loss is not finite", t->progress.step);
        mnk_error_hint(err, "lower --rate");
        return status;
    }
    t->progress.loss[0] = loss, t->progress.loss[1] = kl;
    double warm = (1 + t->progress.step) / (10 + t->progress.step);
    mnk_adam adam = {c->rate, 0.9, 0.999, 1e-8, 1e-5, c->ema < warm ? c->ema : warm};
    mnk_params_adam(t->model->params, &adam);
    mnk_params_adam(t->others, &adam);
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
    mnk_neural_shape shape = {(int)c->latent, (int)c->width, (int)c->depth, false};
    return mnk_neural_open(file, schema, &shape, false, model, err);
}

const mnk_generator_kind mnk_kind_tvae = {
    .name = "tvae",
    .summary = "a variational autoencoder for tables",
    .examples = "manikin train tvae patients.csv -o patients.model\n",
    .options = options,
    .config_size = sizeof(mnk_neural_config),
    .can = MNK_KIND_GIVEN | MNK_KIND_BOX | MNK_KIND_RESUMES,
    .fit = fit,
    .draw = mnk_neural_draw,
    .save = mnk_neural_save,
    .open = open_file,
    .close = mnk_neural_model_close,
};
