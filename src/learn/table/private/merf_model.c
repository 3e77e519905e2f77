/* The model of dp-merf: opening, its file, and drawing. Given its latent numbers a row's axes are independent, so that what
 * is given or wanted is met exactly: candidates of latent numbers are weighed by the probability of what is given and of
 * what the box allows, and the rest is drawn within the box. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/private/merf.h"

enum { G_STREAM = 21 /* of MNK_PURPOSE_INIT */, CANDIDATES = 64 };

/* ---- opening ---- */

static mnk_status make(mnk_merf *m, uint64_t seed, mnk_error *err) {
    size_t columns = m->axes.columns;
    m->classes = m->label < 0 ? 1 : (size_t)m->axes.axis[m->label].bins;
    MNK_TRY(MNK_NEW(m->share, m->classes + 1, err));
    MNK_TRY(MNK_NEW(m->out_at, columns + 1, err));
    for (size_t c = 0; c < columns; c++)
        if ((long)c != m->label) m->out_at[c] = m->outputs, m->outputs += (size_t)m->axes.axis[c].bins;
    if (m->outputs == 0) return MNK_OK;
    MNK_TRY(mnk_neural_net_open(&m->shape, (size_t)m->shape.latent + m->classes, m->outputs, "", &m->net, &m->input, &m->output,
                                err));
    return mnk_params_open(m->net, MNK_INIT_HE, seed, G_STREAM, &m->params, err);
}

static mnk_status ready(mnk_merf *m, mnk_error *err) {
    if (!m->net || m->plan) return MNK_OK;
    return mnk_plan_open(m->net, m->params, MNK_NEURAL_BATCH, mnk_backend_find("auto"), 0, &m->plan, err);
}

mnk_status mnk_merf_open(const mnk_schema *s, size_t bins, long label, const mnk_neural_shape *shape, uint64_t seed,
                         mnk_merf **out, mnk_error *err) {
    mnk_merf *m;
    *out = NULL;
    MNK_TRY(MNK_NEW(m, 1, err));
    m->label = label, m->shape = *shape;
    mnk_status status = mnk_axes_open(s, bins, &m->axes, err);
    if (status == MNK_OK) status = make(m, seed, err);
    if (status == MNK_OK) status = ready(m, err);
    if (status == MNK_OK) *out = m;
    else mnk_merf_close(m);
    return status;
}

void mnk_merf_close(void *model) {
    mnk_merf *m = model;
    if (!m) return;
    mnk_plan_close(m->plan);
    mnk_params_close(m->params);
    mnk_net_close(m->net);
    mnk_axes_clear(&m->axes);
    mnk_free(m->out_at);
    mnk_free(m->share);
    mnk_free(m);
}

void mnk_merf_softmax(const mnk_merf *m, float *row) {
    for (size_t c = 0; c < m->axes.columns; c++) {
        if ((long)c == m->label) continue;
        float *x = row + m->out_at[c], most = -INFINITY, sum = 0;
        size_t n = (size_t)m->axes.axis[c].bins;
        for (size_t k = 0; k < n; k++) most = x[k] > most ? x[k] : most;
        for (size_t k = 0; k < n; k++) sum += x[k] = expf(x[k] - most);
        for (size_t k = 0; k < n; k++) x[k] = sum > 0 ? x[k] / sum : 1 / (float)n; /* a damaged network: NaN */
    }
}

/* ---- drawing ---- */

typedef struct drawing {
    const mnk_merf *m;
    const mnk_draw_request *q;
    mnk_table *out;
    uint8_t **allowed; /* [columns] NULL: all, or [bins] */
    size_t first, rows, candidates;
    mnk_rng *rng;    /* [MNK_NEURAL_BATCH] */
    uint8_t *class_; /* [MNK_NEURAL_BATCH] */
    float *in, *p;
} drawing;

static bool is_given(const drawing *d, size_t c, size_t row) { return d->q->given && d->q->given[c] && d->q->given[c][row]; }

static uint8_t given_bin(const drawing *d, size_t c, size_t row) { return mnk_axis_bin(&d->m->axes.axis[c], d->out, c, row); }

/* A bin by weights, u in [0, 1); all weights 0: the first that is allowed. */
static size_t pick(const double *weight, size_t n, double u) {
    double sum = 0;
    size_t last = 0;
    for (size_t i = 0; i < n; i++) sum += weight[i];
    u *= sum;
    for (size_t i = 0; i < n; i++) {
        if (!(weight[i] > 0)) continue;
        last = i;
        if ((u -= weight[i]) < 0) break;
    }
    return last;
}

static size_t draw_class(const drawing *d, size_t row, double u) {
    double weight[MNK_AXIS_BINS], sum = 0;
    long label = d->m->label;
    if (label < 0) return 0;
    if (is_given(d, (size_t)label, row)) return given_bin(d, (size_t)label, row);
    for (size_t k = 0; k < d->m->classes; k++) {
        bool fine = !d->allowed[label] || d->allowed[label][k];
        sum += weight[k] = fine ? d->m->share[k] : 0;
    }
    for (size_t k = 0; !(sum > 0) && k < d->m->classes; k++) weight[k] = !d->allowed[label] || d->allowed[label][k];
    return pick(weight, d->m->classes, u);
}

static void prepare_row(void *ctx, size_t i) {
    drawing *d = ctx;
    size_t latent = (size_t)d->m->shape.latent, inputs = latent + d->m->classes, row = d->first + i;
    mnk_rng r = mnk_rng_at(d->q->seed, MNK_PURPOSE_TABLE_DRAW, d->q->item[row], d->q->stream);
    d->class_[i] = (uint8_t)draw_class(d, row, mnk_rng_uniform(&r));
    for (size_t k = 0; k < d->candidates; k++) {
        float *in = d->in + (i * d->candidates + k) * inputs;
        memset(in + latent, 0, d->m->classes * sizeof *in);
        in[latent + d->class_[i]] = 1;
        mnk_rng_normal_f32(&r, in, latent);
    }
    d->rng[i] = r;
}

/* Log probability of what is given in a row, and of what the box allows. */
static double likelihood(const drawing *d, size_t row, const float *p) {
    double sum = 0;
    for (size_t c = 0; c < d->m->axes.columns; c++) {
        const float *x = p + d->m->out_at[c];
        double chance = 0;
        if ((long)c == d->m->label) continue;
        if (is_given(d, c, row)) chance = (double)x[given_bin(d, c, row)];
        else if (d->allowed[c])
            for (int32_t b = 0; b < d->m->axes.axis[c].bins; b++) chance += d->allowed[c][b] ? (double)x[b] : 0;
        else continue;
        sum += log(fmax(chance, 1e-30));
    }
    return sum;
}

static size_t choose_candidate(const drawing *d, size_t i, double u) {
    double weight[CANDIDATES], most = -INFINITY;
    for (size_t k = 0; k < d->candidates; k++) {
        weight[k] = likelihood(d, d->first + i, d->p + (i * d->candidates + k) * d->m->outputs);
        most = fmax(most, weight[k]);
    }
    for (size_t k = 0; k < d->candidates; k++) weight[k] = exp(weight[k] - most);
    return pick(weight, d->candidates, u);
}

static void soften_row(void *ctx, size_t i) {
    const drawing *d = ctx;
    mnk_merf_softmax(d->m, d->p + i * d->m->outputs);
}

static void finish_row(void *ctx, size_t i) {
    drawing *d = ctx;
    const mnk_merf *m = d->m;
    mnk_rng r = d->rng[i];
    size_t row = d->first + i, chosen = d->candidates > 1 ? choose_candidate(d, i, mnk_rng_uniform(&r)) : 0;
    const float *p = d->p + (i * d->candidates + chosen) * m->outputs;
    for (size_t c = 0; c < m->axes.columns; c++) {
        const mnk_axis *a = &m->axes.axis[c];
        double weight[MNK_AXIS_BINS], u = mnk_rng_uniform(&r), sum = 0;
        size_t bin = d->class_[i];
        for (int32_t b = 0; (long)c != m->label && b < a->bins; b++)
            sum += weight[b] = d->allowed[c] && !d->allowed[c][b] ? 0 : (double)p[m->out_at[c] + (size_t)b];
        for (int32_t b = 0; (long)c != m->label && !(sum > 0) && b < a->bins; b++)
            weight[b] = !d->allowed[c] || d->allowed[c][b];
        if ((long)c != m->label) bin = pick(weight, (size_t)a->bins, u);
        mnk_rng within = r; /* two numbers a column, whether it is given or not */
        if (!is_given(d, c, row)) mnk_axis_put(a, (int32_t)bin, &within, d->out, c, row);
        mnk_rng_uniform(&r), mnk_rng_uniform(&r);
    }
}

/* Bins that may be drawn: those that meet the box somewhere, and not "missing" where holes are filled. */
static mnk_status open_allowed(drawing *d, mnk_error *err) {
    MNK_TRY(MNK_NEW(d->allowed, d->m->axes.columns + 1, err));
    for (size_t c = 0; c < d->m->axes.columns; c++) {
        const mnk_axis *a = &d->m->axes.axis[c];
        const mnk_column_box *b = d->q->box ? &d->q->box->column[c] : NULL;
        const bool boxed = b && b->restricted;
        size_t left = 0;
        if (!boxed && !d->q->complete) continue;
        MNK_TRY(MNK_NEW(d->allowed[c], MNK_AXIS_BINS, err));
        for (int32_t k = 0; k < a->bins; k++) {
            double low = a->low + (double)(k - 1) * a->width;
            bool fine = k > 0 || !d->q->complete;
            if (boxed && k == 0) fine = fine && b->missing;
            else if (boxed && a->is_number) fine = low + a->width >= b->low && low <= b->high;
            else if (boxed) fine = b->level[k - 1];
            left += d->allowed[c][k] = fine;
        }
        if (left == 0) mnk_free(d->allowed[c]), d->allowed[c] = NULL; /* the frame rejects what does not fit */
    }
    return MNK_OK;
}

/* Several candidates where anything but the class is given or wanted. */
static bool needs_candidates(const drawing *d) {
    for (size_t c = 0; c < d->m->axes.columns; c++)
        if ((long)c != d->m->label && ((d->q->given && d->q->given[c]) || d->allowed[c])) return true;
    return false;
}

mnk_status mnk_merf_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) {
    drawing d = {.m = model, .q = request, .out = out};
    const mnk_merf *m = d.m;
    size_t inputs = (size_t)m->shape.latent + m->classes;
    mnk_status status;
    MNK_OUT(MNK_NEW(d.in, MNK_NEURAL_BATCH * inputs, err));
    MNK_OUT(MNK_NEW(d.p, MNK_NEURAL_BATCH * m->outputs + 1, err));
    MNK_OUT(MNK_NEW(d.rng, MNK_NEURAL_BATCH, err));
    MNK_OUT(MNK_NEW(d.class_, MNK_NEURAL_BATCH, err));
    MNK_OUT(open_allowed(&d, err));
    d.candidates = m->net && needs_candidates(&d) ? CANDIDATES : 1;
    if (m->net) mnk_plan_refresh(m->plan, false);
    for (d.first = 0; d.first < out->n; d.first += d.rows) {
        size_t room = MNK_NEURAL_BATCH / d.candidates;
        d.rows = out->n - d.first < room ? out->n - d.first : room;
        mnk_parallel_for(d.rows, prepare_row, &d);
        if (m->net) {
            mnk_plan_put(m->plan, m->input, d.in);
            mnk_plan_forward(m->plan, NULL);
            mnk_plan_get(m->plan, m->output, d.p);
            mnk_parallel_for(d.rows * d.candidates, soften_row, &d);
        }
        mnk_parallel_for(d.rows, finish_row, &d);
    }
out:
    for (size_t c = 0; d.allowed && c < m->axes.columns; c++) mnk_free(d.allowed[c]);
    void *blocks[] = {d.allowed, d.in, d.p, d.rng, d.class_};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) mnk_free(blocks[i]);
    return status;
}

/* ---- file: axes, which is the label, the classes' shares, the network's weights ---- */

mnk_status mnk_merf_save(const void *model, mnk_tensors *file, mnk_error *err) {
    const mnk_merf *m = model;
    void *label;
    MNK_TRY(mnk_axes_save(&m->axes, file, err));
    MNK_TRY(mnk_tensors_block(file, 1, sizeof(int32_t), &label, err));
    *(int32_t *)label = (int32_t)m->label;
    MNK_TRY(mnk_tensors_add(file, "label", MNK_I32, label, 1, err));
    MNK_TRY(mnk_tensors_add(file, "class.share", MNK_F64, m->share, m->classes, err));
    return m->net ? mnk_tensors_add(file, "weights", MNK_F32, m->params->w, m->params->n, err) : MNK_OK;
}

static mnk_status read_shares(const mnk_tensors_in *in, mnk_merf *m, mnk_error *err) {
    const void *data = NULL;
    double sum = 0;
    MNK_TRY(mnk_tensors_get(in, "class.share", MNK_F64, m->classes, &data, NULL, err));
    for (size_t k = 0; k < m->classes; k++) {
        double x = ((const double *)data)[k];
        if (!(x >= 0 && x <= 1.000001)) return mnk_tensors_damaged(in, "a class's share is impossible", err);
        sum += m->share[k] = x;
    }
    return fabs(sum - 1) < 1e-6 ? MNK_OK : mnk_tensors_damaged(in, "its classes' shares do not sum to 1", err);
}

static mnk_status read_weights(const mnk_tensors_in *in, mnk_merf *m, mnk_error *err) {
    const void *data = NULL;
    if (!m->net) return MNK_OK;
    MNK_TRY(mnk_tensors_get(in, "weights", MNK_F32, m->params->n, &data, NULL, err));
    const float *x = data;
    for (size_t i = 0; i < m->params->n; i++)
        if (!(x[i] > -1e12f && x[i] < 1e12f)) return mnk_tensors_damaged(in, "a weight of its network is impossible", err);
    memcpy(m->params->w, x, m->params->n * sizeof *x);
    return MNK_OK;
}

/* Before memory is taken for a network: is the file as large as its settings say? */
static mnk_status check_size(const mnk_tensors_in *in, const mnk_merf *m, mnk_error *err) {
    const mnk_neural_shape *s = &m->shape;
    const void *data = NULL;
    size_t have = 0, outputs = 0, wide = (size_t)s->width;
    if (s->latent < 1 || s->latent > MNK_LATENT_MAX || s->width < 1 || s->width > MNK_WIDTH_MAX || s->depth < 1 ||
        s->depth > MNK_DEPTH_MAX)
        return mnk_tensors_damaged(in, "its network has an impossible size", err);
    for (size_t c = 0; c < m->axes.columns; c++) outputs += (long)c == m->label ? 0 : (size_t)m->axes.axis[c].bins;
    if (outputs == 0) return MNK_OK;
    MNK_TRY(mnk_tensors_get(in, "weights", MNK_F32, SIZE_MAX, &data, &have, err));
    size_t least = (size_t)s->latent * wide + (size_t)(s->depth - 1) * wide * wide + (wide + (size_t)s->latent) * outputs;
    return have >= least ? MNK_OK : mnk_tensors_damaged(in, "its network is smaller than its settings say", err);
}

static mnk_status read_file(const mnk_tensors_in *in, const mnk_schema *schema, mnk_merf *m, mnk_error *err) {
    const void *label = NULL;
    MNK_TRY(mnk_axes_read(in, schema, &m->axes, err));
    MNK_TRY(mnk_tensors_get(in, "label", MNK_I32, 1, &label, NULL, err));
    m->label = *(const int32_t *)label;
    if (m->label < -1 || m->label >= (long)m->axes.columns || (m->label >= 0 && m->axes.axis[m->label].is_number) ||
        (m->label >= 0 && m->axes.axis[m->label].bins > MNK_EMBEDDING_CLASSES))
        return mnk_tensors_damaged(in, "its label is no column of classes", err);
    for (size_t c = 0; c < m->axes.columns; c++)
        for (int32_t b = 0; b < m->axes.axis[c].bins; b++)
            if (m->axes.axis[c].cell[b] != b) return mnk_tensors_damaged(in, "its bins are merged", err);
    MNK_TRY(check_size(in, m, err));
    MNK_TRY(make(m, 0, err));
    MNK_TRY(read_shares(in, m, err));
    MNK_TRY(read_weights(in, m, err));
    return ready(m, err);
}

mnk_status mnk_merf_read(const mnk_tensors_in *in, const mnk_schema *schema, const mnk_neural_shape *shape, void **model,
                         mnk_error *err) {
    mnk_merf *m;
    *model = NULL;
    MNK_TRY(MNK_NEW(m, 1, err));
    m->label = -1, m->shape = *shape;
    mnk_status status = read_file(in, schema, m, err);
    if (status == MNK_OK) *model = m;
    else mnk_merf_close(m);
    return status;
}
