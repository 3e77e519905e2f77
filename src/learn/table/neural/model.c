#include "learn/table/neural/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { G_STREAM = 11 /* of MNK_PURPOSE_INIT; + 2 for every stream of the frame */ };

mnk_status mnk_neural_net_open(const mnk_neural_shape *shape, size_t inputs, size_t outputs, const char *prefix, mnk_net **net,
                               mnk_value *input, mnk_value *output, mnk_error *err) {
    char name[64];
    mnk_net *n = *net = mnk_net_open();
    if (!n) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: network");
    mnk_value x = *input = mnk_net_input(n, "x", (int)inputs, 0, 0);
    for (int i = 0; i < shape->depth; i++) {
        snprintf(name, sizeof name, "%shidden%d", prefix, i);
        x = mnk_net_linear(n, x, name, shape->width, shape->batch_norm ? 0 : MNK_NN_BIAS);
        snprintf(name, sizeof name, "%snorm%d", prefix, i);
        if (shape->batch_norm) x = mnk_net_norm(n, x, name, MNK_NORM_BATCH, 0, -1);
        x = mnk_net_act(n, x, MNK_ACT_RELU, 0);
    }
    snprintf(name, sizeof name, "%sout", prefix);
    *output = mnk_net_linear(n, mnk_net_concat(n, x, *input), name, (int)outputs, MNK_NN_BIAS);
    return mnk_net_check(n, err);
}

static mnk_status make(mnk_neural_model *m, bool conditional, uint64_t seed, uint32_t stream, mnk_error *err) {
    MNK_TRY(mnk_layout_open(&m->book, m->schema, m->shape.is_public, &m->layout, err));
    if (!conditional) m->layout.conditions = m->layout.condition_pieces = 0;
    MNK_TRY(MNK_NEW(m->sigma, m->layout.width + 1, err));
    if (m->layout.width == 0) return MNK_OK;
    size_t inputs = (size_t)m->shape.latent + m->layout.conditions;
    MNK_TRY(mnk_neural_net_open(&m->shape, inputs, m->layout.width, "", &m->net, &m->input, &m->output, err));
    return mnk_params_open(m->net, MNK_INIT_HE, seed, G_STREAM + 2 * stream, &m->params, err);
}

mnk_status mnk_neural_model_open(const mnk_table *t, mnk_codebook *book, const mnk_neural_shape *shape, bool conditional,
                                 uint64_t seed, uint32_t stream, mnk_neural_model **out, mnk_error *err) {
    mnk_neural_model *m;
    *out = NULL;
    MNK_TRY(MNK_NEW(m, 1, err));
    m->schema = mnk_schema_retain((mnk_schema *)t->schema);
    m->shape = *shape;
    mnk_status status = MNK_OK;
    if (book) m->book = *book, *book = (mnk_codebook){0};
    else status = mnk_codebook_fit(t, &m->book, err);
    if (status == MNK_OK) status = make(m, conditional, seed, stream, err);
    if (status == MNK_OK) *out = m;
    else mnk_neural_model_close(m);
    return status;
}

void mnk_neural_model_close(void *model) {
    mnk_neural_model *m = model;
    if (!m) return;
    mnk_plan_close(m->plan);
    mnk_params_close(m->params);
    mnk_net_close(m->net);
    mnk_layout_clear(&m->layout);
    mnk_codebook_clear(&m->book);
    mnk_schema_close(m->schema);
    mnk_free(m->sigma);
    mnk_free(m);
}

mnk_status mnk_neural_model_ready(mnk_neural_model *m, bool average, mnk_error *err) {
    mnk_plan_close(m->plan);
    m->plan = NULL;
    if (!m->net) return MNK_OK;
    return mnk_plan_open(m->net, m->params, MNK_NEURAL_BATCH, mnk_backend_find("auto"), average ? MNK_PLAN_AVERAGE : 0,
                         &m->plan, err);
}

/* ---- file: the codebook, the spreads, and the network's weights and state as two vectors ---- */

mnk_status mnk_neural_save(const void *model, mnk_tensors *file, mnk_error *err) {
    const mnk_neural_model *m = model;
    MNK_TRY(mnk_codebook_save(&m->book, file, err));
    MNK_TRY(mnk_tensors_add(file, "sigma", MNK_F32, m->sigma, m->layout.width, err));
    if (!m->net) return MNK_OK;
    MNK_TRY(mnk_tensors_add(file, "weights", MNK_F32, m->params->w, m->params->n, err));
    return mnk_tensors_add(file, "state", MNK_F32, m->params->state, m->params->n_state, err);
}

static mnk_status read_numbers(const mnk_tensors_in *in, const char *name, float *to, size_t n, float low, mnk_error *err) {
    const void *data = NULL;
    MNK_TRY(mnk_tensors_get(in, name, MNK_F32, n, &data, NULL, err));
    const float *x = data;
    for (size_t i = 0; i < n; i++)
        if (!(x[i] >= low && x[i] < 1e12f)) return mnk_tensors_damaged(in, "a weight of its network is impossible", err);
    if (n) memcpy(to, x, n * sizeof *to);
    return MNK_OK;
}

static mnk_status read_file(const mnk_tensors_in *in, mnk_neural_model *m, bool conditional, mnk_error *err) {
    const mnk_neural_shape *s = &m->shape;
    const void *data = NULL;
    size_t have = 0;
    if (s->latent < 1 || s->latent > MNK_LATENT_MAX || s->width < 1 || s->width > MNK_WIDTH_MAX || s->depth < 1 ||
        s->depth > MNK_DEPTH_MAX)
        return mnk_tensors_damaged(in, "its network has an impossible size", err);
    MNK_TRY(mnk_codebook_open(in, m->schema, &m->book, err));
    MNK_TRY(mnk_layout_open(&m->book, m->schema, m->shape.is_public, &m->layout, err));
    if (m->layout.width) { /* before memory is taken for a network: is the file as large as it claims to be? */
        size_t in_size = (size_t)s->latent + (conditional ? m->layout.conditions : 0), wide = (size_t)s->width;
        size_t least = in_size * wide + (size_t)(s->depth - 1) * wide * wide + (wide + in_size) * m->layout.width;
        MNK_TRY(mnk_tensors_get(in, "weights", MNK_F32, SIZE_MAX, &data, &have, err));
        if (have < least) return mnk_tensors_damaged(in, "its network is smaller than its settings say", err);
    }
    mnk_layout_clear(&m->layout);
    MNK_TRY(make(m, conditional, 0, 0, err));
    MNK_TRY(read_numbers(in, "sigma", m->sigma, m->layout.width, -1e12f, err));
    for (size_t c = 0; c < m->book.columns; c++)
        if (m->layout.piece[c].has_score && !(m->sigma[m->layout.piece[c].score_at] >= 0))
            return mnk_tensors_damaged(in, "a spread of its scores is impossible", err);
    if (!m->net) return MNK_OK;
    MNK_TRY(read_numbers(in, "weights", m->params->w, m->params->n, -1e12f, err));
    MNK_TRY(read_numbers(in, "state", m->params->state, m->params->n_state, -1e12f, err));
    return mnk_neural_model_ready(m, false, err);
}

mnk_status mnk_neural_open(const mnk_tensors_in *file, const mnk_schema *schema, const mnk_neural_shape *shape,
                           bool conditional, void **model, mnk_error *err) {
    mnk_neural_model *m;
    *model = NULL;
    MNK_TRY(MNK_NEW(m, 1, err));
    m->schema = mnk_schema_retain((mnk_schema *)schema);
    m->shape = *shape;
    mnk_status status = read_file(file, m, conditional, err);
    if (status == MNK_OK) *model = m;
    else mnk_neural_model_close(m);
    return status;
}
