/* Parameters: flat buffers, initial values, tensors of a model file, and the optimiser's one pass. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/graph.h"

enum { BLOCK = 8192 /* numbers per unit of a flat pass */ };

static real he_sd(const mnk_param *q) { return (real)sqrt(2.0 / (q->fan_in > 0 ? q->fan_in : 1)); }

/* Start vectors of power iterations have unit length, whatever they are drawn from. */
static void to_unit_length(real *x, size_t n) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < n; i++) x[i] = (real)((double)x[i] / sqrt(s > 0 ? s : 1));
}

static void fill(const mnk_param *q, real *x, mnk_init init, uint64_t seed, uint64_t item) {
    mnk_rng r = mnk_rng_at(seed, q->init == MNK_PI_POWER ? MNK_PURPOSE_POWER : MNK_PURPOSE_INIT, item, 0);
    real sd = q->init == MNK_PI_WEIGHT ? (init == MNK_INIT_HE ? he_sd(q) : (real)0.02) : 1;
    for (size_t i = 0; i < q->count; i++)
        x[i] = q->init == MNK_PI_ZERO ? 0 : q->init == MNK_PI_ONE ? 1 : sd * (real)mnk_rng_normal(&r);
    if (q->init == MNK_PI_POWER) to_unit_length(x, q->count);
}

mnk_status mnk_params_open(const mnk_net *net, mnk_init init, uint64_t seed, uint64_t stream, mnk_params **out,
                           mnk_error *err) {
    *out = NULL;
    MNK_TRY(mnk_net_check(net, err));
    mnk_params *p = mnk_alloc(1, sizeof *p);
    if (!p) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    p->n = net->n_trainable;
    p->n_state = net->n_state;
    real **buffers[] = {&p->w, &p->g, &p->m, &p->v, &p->average};
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < 5 && status == MNK_OK; i++) status = MNK_NEW_ALIGNED(*buffers[i], p->n, err);
    if (status == MNK_OK) status = MNK_NEW_ALIGNED(p->state, p->n_state, err);
    if (status != MNK_OK) {
        mnk_params_close(p);
        return status;
    }
    for (int i = 0; i < net->n_params; i++) {
        const mnk_param *q = &net->param[i];
        fill(q, (q->state ? p->state : p->w) + q->offset, init, seed, stream << 32 | (uint64_t)i);
    }
    memcpy(p->average, p->w, p->n * sizeof *p->w);
    *out = p;
    return MNK_OK;
}

void mnk_params_close(mnk_params *p) {
    if (!p) return;
    real *buffers[] = {p->w, p->g, p->m, p->v, p->average, p->state};
    for (size_t i = 0; i < 6; i++) mnk_free(buffers[i]);
    mnk_free(p);
}

/* ---- model files ---- */

/* Which buffers a choice of tensors writes: suffix and buffer; state goes under the plain name. */
typedef struct part {
    const char *suffix;
    real *buffer;
} part;

static int parts_of(const mnk_params *p, const char *which, part out[4]) {
    if (!strcmp(which, "average")) return out[0] = (part){"", p->average}, 1;
    out[0] = (part){"", p->w};
    if (!strcmp(which, "w")) return 1;
    out[1] = (part){"#m", p->m};
    out[2] = (part){"#v", p->v};
    out[3] = (part){"#average", p->average};
    return 4;
}

static const mnk_dtype real_dtype = sizeof(real) == 4 ? MNK_F32 : MNK_F64;

mnk_status mnk_params_tensors(const mnk_net *net, const mnk_params *p, const char *prefix, const char *which,
                              mnk_st_tensor **out, size_t *n, mnk_error *err) {
    part parts[4];
    int n_parts = parts_of(p, which, parts);
    enum { NAME = MNK_NAME_MAX + 64 };
    size_t most = (size_t)net->n_params * (size_t)n_parts + 1;
    *n = 0;
    *out = mnk_alloc(most, sizeof **out + NAME); /* tensors, then their names: one block to release */
    if (!*out) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    char *name = (char *)(*out + most);
    for (int k = 0; k < n_parts; k++)
        for (int i = 0; i < net->n_params; i++) {
            const mnk_param *q = &net->param[i];
            if (q->state && k > 0) continue;
            mnk_st_tensor *t = &(*out)[(*n)++];
            snprintf(name, NAME, "%s%s%s", prefix, q->name, q->state ? "" : parts[k].suffix);
            *t = (mnk_st_tensor){name, real_dtype, q->rank, {0}, q->count, (q->state ? p->state : parts[k].buffer) + q->offset};
            for (int r = 0; r < q->rank; r++) t->shape[r] = q->shape[r];
            name += NAME;
        }
    if (n_parts > 1) {
        snprintf(name, NAME, "%sstep", prefix);
        (*out)[(*n)++] = (mnk_st_tensor){name, MNK_I64, 0, {0}, 1, &p->step};
    }
    return MNK_OK;
}

static mnk_status load_tensor(const mnk_st *st, const char *name, const mnk_param *q, real *to, mnk_error *err) {
    const mnk_st_tensor *t = mnk_st_find(st, name);
    if (!t) return MNK_FAIL(err, MNK_ERR_INPUT, "model file lacks the tensor %s", name);
    bool same = t->dtype == real_dtype && t->rank == q->rank;
    for (int r = 0; same && r < q->rank; r++) same = t->shape[r] == q->shape[r];
    if (!same)
        return MNK_FAIL(err, MNK_ERR_INPUT, "model file: tensor %s has another shape or number type than this network", name);
    const real *x = t->data;
    for (size_t i = 0; i < q->count; i++)
        if (!isfinite(x[i]))
            return MNK_FAIL(err, MNK_ERR_INPUT, "model file: tensor %s holds a number that is not finite", name);
    memcpy(to, x, q->count * sizeof *to);
    return MNK_OK;
}

mnk_status mnk_params_load(const mnk_net *net, mnk_params *p, const char *prefix, const char *which, const mnk_st *st,
                           mnk_error *err) {
    part parts[4];
    int n_parts = parts_of(p, which, parts);
    char name[MNK_NAME_MAX + 64];
    for (int k = 0; k < n_parts; k++)
        for (int i = 0; i < net->n_params; i++) {
            const mnk_param *q = &net->param[i];
            if (q->state && k > 0) continue;
            snprintf(name, sizeof name, "%s%s%s", prefix, q->name, q->state ? "" : parts[k].suffix);
            MNK_TRY(load_tensor(st, name, q, (q->state ? p->state : parts[k].buffer) + q->offset, err));
        }
    if (!strcmp(which, "average")) memcpy(p->w, p->average, p->n * sizeof *p->w);
    if (!strcmp(which, "w")) memcpy(p->average, p->w, p->n * sizeof *p->w);
    if (n_parts == 1) return MNK_OK;
    snprintf(name, sizeof name, "%sstep", prefix);
    const mnk_st_tensor *step = mnk_st_find(st, name);
    if (!step || step->dtype != MNK_I64 || step->count != 1 || *(const int64_t *)step->data < 0)
        return MNK_FAIL(err, MNK_ERR_INPUT, "model file lacks the tensor %s", name);
    p->step = (uint64_t) * (const int64_t *)step->data;
    return MNK_OK;
}

/* ---- optimiser ---- */

void mnk_params_adam(mnk_params *p, const mnk_adam *a) {
    p->step++;
    double t = (double)p->step;
    real b1 = (real)a->beta1, b2 = (real)a->beta2, k1 = (real)(a->rate / (1 - pow(a->beta1, t))),
         k2 = (real)(1 / (1 - pow(a->beta2, t)));
    real e = (real)a->epsilon, decay = (real)(1 - a->rate * a->weight_decay), ema = (real)a->average_decay;
    real *restrict w = p->w, *restrict m = p->m, *restrict v = p->v, *restrict average = p->average;
    const real *restrict g = p->g;
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < p->n; begin += BLOCK) {
        size_t end = begin + BLOCK < p->n ? begin + BLOCK : p->n;
#pragma omp simd
        for (size_t i = begin; i < end; i++) {
            real mi = b1 * m[i] + (1 - b1) * g[i], vi = b2 * v[i] + (1 - b2) * g[i] * g[i];
            m[i] = mi;
            v[i] = vi;
            real x = decay * w[i] -
                     k1 * mi / ((sizeof(real) == 4 ? (real)sqrtf((float)(vi * k2)) : (real)sqrt((double)(vi * k2))) + e);
            w[i] = x;
            average[i] = ema > 0 ? ema * average[i] + (1 - ema) * x : x;
        }
    }
}

double mnk_params_gradient_norm(const mnk_params *p) {
    double total = 0;
    for (size_t begin = 0; begin < p->n; begin += BLOCK) {
        size_t end = begin + BLOCK < p->n ? begin + BLOCK : p->n;
        double s = 0;
#pragma omp simd reduction(+ : s)
        for (size_t i = begin; i < end; i++) s += (double)p->g[i] * (double)p->g[i];
        total += s;
    }
    return sqrt(total);
}

void mnk_params_scale_gradient(mnk_params *p, double factor) {
    for (size_t i = 0; i < p->n; i++) p->g[i] = (real)((double)p->g[i] * factor);
}

void mnk_params_zero_gradient(mnk_params *p) { memset(p->g, 0, p->n * sizeof *p->g); }
