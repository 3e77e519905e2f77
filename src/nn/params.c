/* Parameters: flat buffers, start values, tensors of model files. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/graph.h"

/* Start values are drawn in plain order from a stream per (network, parameter). */
static void fill(const mnk_param *q, mnk_init init, uint64_t seed, uint64_t stream, int index, real *to) {
    mnk_rng r =
        mnk_rng_at(seed, q->init == MNK_PI_POWER ? MNK_PURPOSE_POWER : MNK_PURPOSE_INIT, stream << 32 | (uint64_t)index, 0);
    double sd = init == MNK_INIT_HE ? sqrt(2 / q->fan_in) : 0.02;
    for (size_t i = 0; i < q->count; i++) switch (q->init) {
        case MNK_PI_ZERO: to[i] = 0; break;
        case MNK_PI_ONE: to[i] = 1; break;
        case MNK_PI_WEIGHT: to[i] = (real)(sd * mnk_rng_normal(&r)); break;
        case MNK_PI_EMBED:
        case MNK_PI_POWER: to[i] = (real)mnk_rng_normal(&r); break;
        }
}

/* Fifteen iterations bring the start vectors near the leading singular pair. */
static mnk_status settle(const mnk_net *net, mnk_params *p, const mnk_op *op, int role, int role_u, int role_v,
                         mnk_error *err) {
    if (op->param[role_u] < 0) return MNK_OK;
    const mnk_param *q = &net->param[op->param[role]];
    mnk_matrix m = mnk_op_matrix(op, role, q);
    real *scratch = NULL;
    MNK_TRY(MNK_NEW_ALIGNED(scratch, mnk_spectral_scratch(m), err));
    for (int i = 0; i < 15; i++)
        mnk_spectral_iterate(m, p->w + q->offset, p->state + net->param[op->param[role_u]].offset,
                             p->state + net->param[op->param[role_v]].offset, scratch);
    mnk_free(scratch);
    return MNK_OK;
}

static mnk_status allocate(mnk_params *p, mnk_error *err) {
    real **buffer[] = {&p->w, &p->g, &p->m, &p->v, &p->average};
    for (size_t i = 0; i < sizeof buffer / sizeof *buffer; i++) {
        *buffer[i] = mnk_alloc_aligned(p->n, sizeof(real));
        if (!*buffer[i]) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %zu bytes for parameters", p->n * sizeof(real));
    }
    return MNK_NEW_ALIGNED(p->state, p->n_state, err);
}

mnk_status mnk_params_open(const mnk_net *net, mnk_init init, uint64_t seed, uint64_t stream, mnk_params **out,
                           mnk_error *err) {
    *out = NULL;
    MNK_TRY(mnk_net_check(net, err));
    mnk_params *p = NULL;
    mnk_status status = MNK_OK;
    MNK_TRY(MNK_NEW(p, 1, err));
    p->n = net->n_trainable;
    p->n_state = net->n_state;
    MNK_OUT(allocate(p, err));
    for (int i = 0; i < net->n_params; i++) {
        const mnk_param *q = &net->param[i];
        fill(q, init, seed, stream, i, (q->state ? p->state : p->w) + q->offset);
    }
    for (int i = 0; i < net->n_ops; i++) {
        MNK_OUT(settle(net, p, &net->op[i], MNK_P_W, MNK_P_U, MNK_P_V, err));
        MNK_OUT(settle(net, p, &net->op[i], MNK_P_E, MNK_P_EU, MNK_P_EV, err));
    }
    memcpy(p->average, p->w, p->n * sizeof(real));
    *out = p;
    return MNK_OK;
out:
    mnk_params_close(p);
    return status;
}

void mnk_params_close(mnk_params *p) {
    if (!p) return;
    mnk_free(p->w);
    mnk_free(p->g);
    mnk_free(p->m);
    mnk_free(p->v);
    mnk_free(p->average);
    mnk_free(p->state);
    mnk_free(p);
}

/* ---- tensors ----
 * Plain names hold the weights in use: w, or with "average" the averaged ones. "all" adds the other buffers under the
 * name followed by #average, #m and #v, and the number of steps. */

typedef struct part {
    const char *suffix;
    real *buffer; /* NULL: not part of `which` */
} part;

enum { PARTS = 4 };

static mnk_status parts_of(const mnk_params *p, const char *which, part parts[PARTS], bool *all, mnk_error *err) {
    bool w = !strcmp(which, "w"), average = !strcmp(which, "average");
    *all = !strcmp(which, "all");
    if (!w && !average && !*all) return MNK_FAIL(err, MNK_ERR_USAGE, "'%s' is none of w, average, all", which);
    parts[0] = (part){"", average ? p->average : p->w};
    parts[1] = (part){"#average", *all ? p->average : NULL};
    parts[2] = (part){"#m", *all ? p->m : NULL};
    parts[3] = (part){"#v", *all ? p->v : NULL};
    return MNK_OK;
}

static const mnk_dtype real_dtype = sizeof(real) == 4 ? MNK_F32 : MNK_F64;

mnk_status mnk_params_tensors(const mnk_net *net, const mnk_params *p, const char *prefix, const char *which,
                              mnk_st_tensor **out, size_t *n, mnk_error *err) {
    part parts[PARTS];
    bool all;
    *out = NULL, *n = 0;
    MNK_TRY(parts_of(p, which, parts, &all, err));
    size_t name_bytes = strlen(prefix) + sizeof net->param->name + 16, most = (size_t)net->n_params * PARTS + 1;
    mnk_st_tensor *list = NULL; /* the names follow the rows in the same block */
    size_t bytes = 0;
    if (mnk_mul_overflow(most, sizeof *list + name_bytes, &bytes) || !(list = mnk_alloc(bytes, 1)))
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a list of %zu tensors", most);
    char *name = (char *)(list + most);
    size_t count = 0;
    if (all) { /* first: eight bytes a number want an even place in the file */
        list[count] = (mnk_st_tensor){.name = name, .dtype = MNK_I64, .rank = 0, .count = 1, .data = &p->step};
        count++;
        snprintf(name, name_bytes, "%sstep", prefix);
        name += name_bytes;
    }
    for (int k = 0; k < PARTS; k++)
        for (int i = 0; i < net->n_params && parts[k].buffer; i++) {
            const mnk_param *q = &net->param[i];
            if (q->state && k > 0) continue;
            mnk_st_tensor *t = &list[count++];
            *t = (mnk_st_tensor){.name = name,
                                 .dtype = real_dtype,
                                 .rank = q->rank,
                                 .count = q->count,
                                 .data = (q->state ? p->state : parts[k].buffer) + q->offset};
            memcpy(t->shape, q->shape, sizeof q->shape);
            snprintf(name, name_bytes, "%s%s%s", prefix, q->name, parts[k].suffix);
            name += name_bytes;
        }
    *out = list;
    *n = count;
    return MNK_OK;
}

static void shape_text(char *to, size_t size, int rank, const int64_t *shape) {
    size_t at = 0;
    to[0] = 0;
    for (int i = 0; i < rank && at < size; i++)
        at += (size_t)snprintf(to + at, size - at, i ? "x%lld" : "%lld", (long long)shape[i]);
}

/* Number i of a tensor; no alignment is promised by the file. */
static double number_at(const mnk_st_tensor *t, size_t i) {
    double d;
    float f;
    if (t->dtype == MNK_F64) return memcpy(&d, (const char *)t->data + i * sizeof d, sizeof d), d;
    return memcpy(&f, (const char *)t->data + i * sizeof f, sizeof f), (double)f;
}

static mnk_status check_tensor(const mnk_st_tensor *t, const mnk_param *q, const char *name, mnk_error *err) {
    if (!t) return MNK_FAIL(err, MNK_ERR_INPUT, "the model has no tensor '%s'", name);
    char have[100], want[100];
    shape_text(have, sizeof have, t->rank, t->shape);
    shape_text(want, sizeof want, q->rank, q->shape);
    if (t->rank != q->rank || t->count != q->count || memcmp(t->shape, q->shape, (size_t)q->rank * sizeof *q->shape))
        return MNK_FAIL(err, MNK_ERR_INPUT, "tensor '%s' is %s, the network needs %s", name, have, want);
    if (t->dtype != MNK_F32 && t->dtype != MNK_F64)
        return MNK_FAIL(err, MNK_ERR_INPUT, "tensor '%s' does not hold floating-point numbers", name);
    for (size_t i = 0; i < t->count; i++)
        if (!isfinite(number_at(t, i)))
            return MNK_FAIL(err, MNK_ERR_INPUT, "tensor '%s' holds a number that is not finite", name);
    return MNK_OK;
}

/* One parameter of one part. "average" prefers the averaged tensors of a full checkpoint to its plain ones. */
static mnk_status find_tensor(const mnk_st *st, const char *prefix, const char *suffix, bool average, const mnk_param *q,
                              const mnk_st_tensor **out, mnk_error *err) {
    char name[256];
    *out = NULL;
    if (average && !q->state) {
        snprintf(name, sizeof name, "%s%s#average", prefix, q->name);
        *out = mnk_st_find(st, name);
    }
    if (!*out) {
        snprintf(name, sizeof name, "%s%s%s", prefix, q->name, q->state ? "" : suffix);
        *out = mnk_st_find(st, name);
    }
    return check_tensor(*out, q, name, err);
}

static mnk_status each_tensor(const mnk_net *net, mnk_params *p, const char *prefix, const char *which, const mnk_st *st,
                              bool copy, mnk_error *err) {
    part parts[PARTS];
    bool all, average = !strcmp(which, "average");
    MNK_TRY(parts_of(p, which, parts, &all, err));
    for (int k = 0; k < PARTS; k++)
        for (int i = 0; i < net->n_params && parts[k].buffer; i++) {
            const mnk_param *q = &net->param[i];
            if (q->state && k > 0) continue;
            const mnk_st_tensor *t = NULL;
            MNK_TRY(find_tensor(st, prefix, parts[k].suffix, average, q, &t, err));
            real *to = (q->state ? p->state : parts[k].buffer) + q->offset;
            for (size_t j = 0; copy && j < q->count; j++) to[j] = (real)number_at(t, j);
        }
    return MNK_OK;
}

static mnk_status load_step(mnk_params *p, const char *prefix, const mnk_st *st, mnk_error *err) {
    char name[256];
    snprintf(name, sizeof name, "%sstep", prefix);
    const mnk_st_tensor *t = mnk_st_find(st, name);
    int64_t step = -1;
    if (t && t->dtype == MNK_I64 && t->count == 1) memcpy(&step, t->data, sizeof step);
    if (step < 0) return MNK_FAIL(err, MNK_ERR_INPUT, "the checkpoint has no valid tensor '%s'", name);
    p->step = (uint64_t)step;
    return MNK_OK;
}

mnk_status mnk_params_load(const mnk_net *net, mnk_params *p, const char *prefix, const char *which, const mnk_st *st,
                           mnk_error *err) {
    MNK_TRY(each_tensor(net, p, prefix, which, st, false, err)); /* refuse before anything is changed */
    if (!strcmp(which, "all")) MNK_TRY(load_step(p, prefix, st, err));
    MNK_TRY(each_tensor(net, p, prefix, which, st, true, err));
    if (!strcmp(which, "w")) memcpy(p->average, p->w, p->n * sizeof(real)); /* all there is to average */
    if (!strcmp(which, "average")) memcpy(p->w, p->average, p->n * sizeof(real));
    return MNK_OK;
}
