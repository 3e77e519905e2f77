#include "learn/table/private/embedding.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "nn/gemm.h"

static const double COUNT_SHARE = 0.1; /* of the squared norm: the constant */
/* Cosines are floats, their squares sum to 1 up to 2^-23: the norm stays below 1 all the same. */
static const double SAFE = 1 - 1e-6;
enum { FRACTION = 32 /* bits of a summed number behind the point */, STEP_ANGLES = 1 };

/* ---- opening ---- */

static mnk_status lay_groups(mnk_embedding *e, mnk_error *err) {
    size_t columns = e->axes->columns, n = 0;
    MNK_TRY(MNK_NEW(e->start, mnk_pairs(columns) + 2, err));
    MNK_TRY(MNK_NEW(e->member, columns * columns + 1, err));
    if (e->shape.kernel == MNK_EMBEDDING_JOINT) {
        for (size_t c = 0; c < columns; c++)
            if ((long)c != e->label && e->axes->axis[c].is_number) e->member[n++] = (uint16_t)c;
        if (n > MNK_EMBEDDING_GROUP)
            return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "--kernel joint: %zu numbers; at most %d", n, MNK_EMBEDDING_GROUP);
        if (n) e->start[++e->groups] = n;
        return MNK_OK;
    }
    for (size_t a = 0; a < columns; a++)
        for (size_t b = a + 1; b < columns; b++) {
            if ((long)a == e->label || (long)b == e->label) continue;
            e->member[n++] = (uint16_t)a, e->member[n++] = (uint16_t)b;
            e->start[++e->groups] = n;
        }
    return MNK_OK;
}

static void lay_features(mnk_embedding *e) {
    size_t at = 1;
    for (size_t c = 0; c < e->axes->columns; c++) {
        const mnk_axis *a = &e->axes->axis[c];
        if ((long)c == e->label) continue;
        e->out_at[c] = e->outputs, e->outputs += (size_t)a->bins;
        e->hot_at[c] = at;
        e->hots[c] = e->shape.kernel == MNK_EMBEDDING_JOINT && a->is_number ? 1 : (size_t)a->bins;
        at += e->hots[c];
    }
    e->group_at = at;
    e->features = at + 2 * e->groups * e->shape.slots;
}

/* The squares sum to at most 1 over a row's vector. */
static void weigh(mnk_embedding *e) {
    double axes = (double)e->axes->columns - (e->label >= 0), count = axes > 0 ? COUNT_SHARE : 1;
    double groups = e->groups ? (1 - count) * e->shape.groups_share : 0, hots = 1 - count - groups;
    e->count_weight = SAFE * sqrt(count);
    e->hot_weight = axes > 0 ? SAFE * sqrt(hots / axes) : 0;
    e->group_weight = e->groups ? SAFE * sqrt(groups / ((double)e->groups * (double)e->shape.slots)) : 0;
}

static mnk_status draw_angles(mnk_embedding *e, size_t c, double bandwidth, mnk_error *err) {
    const mnk_axis *a = &e->axes->axis[c];
    size_t slots = e->shape.slots;
    MNK_TRY(MNK_NEW(e->angle[c], (size_t)a->bins * 2 * slots, err));
    for (size_t s = 0; s < slots; s++) {
        mnk_rng r = mnk_rng_at(e->shape.seed, MNK_PURPOSE_EMBEDDING, c | (uint64_t)s << 24, STEP_ANGLES);
        double w = mnk_rng_normal(&r) / bandwidth, middles = a->bins > 2 ? (double)(a->bins - 1) : 1;
        for (int32_t b = 0; b < a->bins; b++) {
            double angle = a->is_number && b > 0 ? w * ((double)b - 0.5) / middles : 2 * M_PI * mnk_rng_uniform(&r);
            e->angle[c][(size_t)b * 2 * slots + s] = (float)cos(angle);
            e->angle[c][(size_t)b * 2 * slots + slots + s] = (float)sin(angle);
        }
    }
    return MNK_OK;
}

mnk_status mnk_embedding_open(const mnk_axes *axes, long label, const mnk_embedding_shape *shape, mnk_embedding *out,
                              mnk_error *err) {
    size_t columns = axes->columns;
    double bandwidth = shape->bandwidth, numbers = 0;
    *out = (mnk_embedding){.axes = axes, .shape = *shape, .label = label, .classes = 1};
    if (label >= 0 && (axes->axis[label].is_number || axes->axis[label].bins > MNK_EMBEDDING_CLASSES)) out->label = -1;
    if (out->label >= 0) out->classes = (size_t)axes->axis[label].bins;
    MNK_TRY(MNK_NEW(out->out_at, columns + 1, err));
    MNK_TRY(MNK_NEW(out->hot_at, columns + 1, err));
    MNK_TRY(MNK_NEW(out->hots, columns + 1, err));
    MNK_TRY(MNK_NEW(out->angle, columns + 1, err));
    MNK_TRY(MNK_NEW(out->nth, columns + 1, err));
    MNK_TRY(lay_groups(out, err));
    lay_features(out);
    weigh(out);
    for (size_t c = 0; c < columns; c++) numbers += (long)c != out->label && axes->axis[c].is_number;
    if (shape->kernel == MNK_EMBEDDING_JOINT) bandwidth *= sqrt(fmax(1, numbers));
    for (size_t k = 0; k < out->start[out->groups]; k++) {
        size_t c = out->member[k];
        if (out->angle[c]) continue;
        out->nth[c] = out->angled++;
        MNK_TRY(draw_angles(out, c, bandwidth, err));
    }
    return MNK_OK;
}

void mnk_embedding_clear(mnk_embedding *e) {
    for (size_t c = 0; e->angle && c < e->axes->columns; c++) mnk_free(e->angle[c]);
    void *blocks[] = {e->out_at, e->hot_at, e->hots, e->start, e->member, e->angle, e->nth};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) mnk_free(blocks[i]);
    *e = (mnk_embedding){0};
}

/* ---- the rows' sum ---- */

typedef struct sum_task {
    const mnk_embedding *e;
    const mnk_rows *r;
    double *sum;
    bool failed;
} sum_task;

static size_t class_of(const sum_task *t, size_t row) {
    return t->e->label < 0 ? 0 : t->r->cell[(size_t)t->e->label * t->r->rows + row];
}

static void sum_axis(void *ctx, size_t c) {
    const sum_task *t = ctx;
    const mnk_embedding *e = t->e;
    if ((long)c == e->label) return;
    const uint8_t *bin = t->r->cell + c * t->r->rows;
    for (size_t i = 0; i < t->r->rows; i++)
        if (bin[i] < e->hots[c]) t->sum[class_of(t, i) * e->features + e->hot_at[c] + bin[i]]++; /* whole numbers */
}

/* Integers, so that the sum is exact and a row moves it by what it adds; rounded towards 0, so that this is never longer. */
static void sum_group(void *ctx, size_t g) {
    sum_task *t = ctx;
    const mnk_embedding *e = t->e;
    size_t slots = e->shape.slots, members = e->start[g + 1] - e->start[g];
    const uint16_t *member = e->member + e->start[g];
    int64_t *total = mnk_alloc(e->classes * 2 * slots, sizeof *total);
    double *z = mnk_alloc(2 * slots, sizeof *z), scale = ldexp(e->group_weight, FRACTION);
    if (!total || !z) __atomic_store_n(&t->failed, true, __ATOMIC_RELAXED);
    for (size_t i = 0; total && z && i < t->r->rows; i++) {
        const float *u = e->angle[member[0]] + (size_t)t->r->cell[member[0] * t->r->rows + i] * 2 * slots;
        for (size_t s = 0; s < 2 * slots; s++) z[s] = scale * (double)u[s];
        for (size_t k = 1; k < members; k++) {
            u = e->angle[member[k]] + (size_t)t->r->cell[member[k] * t->r->rows + i] * 2 * slots;
            for (size_t s = 0; s < slots; s++) {
                double re = z[s] * (double)u[s] - z[slots + s] * (double)u[slots + s];
                z[slots + s] = z[s] * (double)u[slots + s] + z[slots + s] * (double)u[s];
                z[s] = re;
            }
        }
        int64_t *to = total + class_of(t, i) * 2 * slots;
        for (size_t s = 0; s < 2 * slots; s++) to[s] += (int64_t)z[s];
    }
    for (size_t k = 0; total && z && k < e->classes; k++)
        for (size_t s = 0; s < 2 * slots; s++)
            t->sum[k * e->features + e->group_at + g * 2 * slots + s] = ldexp((double)total[k * 2 * slots + s], -FRACTION);
    mnk_free(total);
    mnk_free(z);
}

mnk_status mnk_embedding_sum(const mnk_embedding *e, const mnk_rows *r, double *sum, mnk_error *err) {
    sum_task t = {.e = e, .r = r, .sum = sum};
    memset(sum, 0, mnk_embedding_numbers(e) * sizeof *sum);
    for (size_t i = 0; i < r->rows; i++) sum[class_of(&t, i) * e->features]++;
    mnk_parallel_for(e->axes->columns, sum_axis, &t);
    for (size_t k = 0; k < e->classes; k++) {
        double *x = sum + k * e->features;
        x[0] *= e->count_weight;
        for (size_t j = 1; j < e->group_at; j++) x[j] *= e->hot_weight;
    }
    mnk_parallel_for(e->groups, sum_group, &t);
    return t.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: the embedding of the rows") : MNK_OK;
}

void mnk_embedding_counts(const mnk_embedding *e, const double *noisy, double *count) {
    for (size_t k = 0; k < e->classes; k++) {
        const double *x = noisy + k * e->features;
        double precision = e->count_weight * e->count_weight, sum = e->count_weight * x[0];
        for (size_t c = 0; c < e->axes->columns; c++) {
            if (e->hots[c] != (size_t)e->axes->axis[c].bins) continue; /* not all of its bins are there */
            double p = e->hot_weight * e->hot_weight / (double)e->hots[c], own = 0;
            for (size_t b = 0; b < e->hots[c]; b++) own += x[e->hot_at[c] + b];
            if (e->hot_weight > 0) precision += p, sum += p * own / e->hot_weight;
        }
        count[k] = sum / precision;
    }
}

/* ---- batches ---- */

size_t mnk_embedding_bytes(const mnk_embedding *e, size_t rows) {
    return rows * sizeof(float) * (2 * e->features + 4 * e->shape.slots * e->angled + 2 * e->outputs);
}

mnk_status mnk_embedding_batch_open(const mnk_embedding *e, size_t rows, mnk_embedding_batch *out, mnk_error *err) {
    size_t means = e->angled * rows * 2 * e->shape.slots;
    *out = (mnk_embedding_batch){.e = e, .rows = rows};
    MNK_TRY(MNK_NEW_ALIGNED(out->mean, means + 1, err));
    MNK_TRY(MNK_NEW_ALIGNED(out->d_mean, means + 1, err));
    MNK_TRY(MNK_NEW_ALIGNED(out->phi, rows * e->features, err));
    return MNK_NEW_ALIGNED(out->d_phi, rows * e->features, err);
}

void mnk_embedding_batch_clear(mnk_embedding_batch *b) {
    mnk_free(b->mean);
    mnk_free(b->d_mean);
    mnk_free(b->phi);
    mnk_free(b->d_phi);
    *b = (mnk_embedding_batch){0};
}

static float *mean_of(const mnk_embedding_batch *b, float *means, size_t axis, size_t row) {
    return means + (b->e->nth[axis] * b->rows + row) * 2 * b->e->shape.slots;
}

static void pair_forward(const float *x, const float *y, size_t slots, float w, float *out) {
    for (size_t s = 0; s < slots; s++) {
        out[s] = w * (x[s] * y[s] - x[slots + s] * y[slots + s]);
        out[slots + s] = w * (x[s] * y[slots + s] + x[slots + s] * y[s]);
    }
}

/* d x = conj(y) d, as a vector of (Re, Im); and the other way round. */
static void pair_back(const float *x, const float *y, size_t slots, float w, const float *d, float *dx, float *dy) {
    for (size_t s = 0; s < slots; s++) {
        float re = w * d[s], im = w * d[slots + s];
        dx[s] += re * y[s] + im * y[slots + s], dx[slots + s] += im * y[s] - re * y[slots + s];
        dy[s] += re * x[s] + im * x[slots + s], dy[slots + s] += im * x[s] - re * x[slots + s];
    }
}

static void product_forward(const mnk_embedding_batch *b, size_t g, size_t row, float *out) {
    const mnk_embedding *e = b->e;
    size_t slots = e->shape.slots;
    for (size_t s = 0; s < slots; s++) {
        float re = (float)e->group_weight, im = 0;
        for (size_t k = e->start[g]; k < e->start[g + 1]; k++) {
            const float *x = mean_of(b, b->mean, e->member[k], row);
            float r = re * x[s] - im * x[slots + s];
            im = re * x[slots + s] + im * x[s], re = r;
        }
        out[s] = re, out[slots + s] = im;
    }
}

/* Each factor's gradient has the product of all others: from the left and from the right. */
static void product_back(const mnk_embedding_batch *b, size_t g, size_t row, const float *d) {
    const mnk_embedding *e = b->e;
    const uint16_t *member = e->member + e->start[g];
    size_t slots = e->shape.slots, n = e->start[g + 1] - e->start[g];
    float left[MNK_EMBEDDING_GROUP + 1][2];
    for (size_t s = 0; s < slots; s++) {
        float re = 1, im = 0;
        left[0][0] = (float)e->group_weight, left[0][1] = 0;
        for (size_t k = 0; k < n; k++) {
            const float *x = mean_of(b, b->mean, member[k], row);
            left[k + 1][0] = left[k][0] * x[s] - left[k][1] * x[slots + s];
            left[k + 1][1] = left[k][0] * x[slots + s] + left[k][1] * x[s];
        }
        for (size_t k = n; k-- > 0;) {
            const float *x = mean_of(b, b->mean, member[k], row);
            float *dx = mean_of(b, b->d_mean, member[k], row);
            float or = left[k][0] * re - left[k][1] * im, oi = left[k][0] * im + left[k][1] * re;
            dx[s] += d[s] * or +d[slots + s] * oi, dx[slots + s] += d[slots + s] * or -d[s] * oi;
            float r = re * x[s] - im * x[slots + s];
            im = re * x[slots + s] + im * x[s], re = r;
        }
    }
}

typedef struct row_task {
    mnk_embedding_batch *b;
    const float *p;
    float *d_p;
} row_task;

static void expect_row(void *ctx, size_t i) {
    const row_task *t = ctx;
    mnk_embedding_batch *b = t->b;
    const mnk_embedding *e = b->e;
    float *phi = b->phi + i * e->features, hot = (float)e->hot_weight;
    phi[0] = (float)e->count_weight;
    for (size_t c = 0; c < e->axes->columns; c++)
        for (size_t k = 0; k < e->hots[c]; k++) phi[e->hot_at[c] + k] = hot * t->p[i * e->outputs + e->out_at[c] + k];
    for (size_t g = 0; g < e->groups; g++) {
        float *to = phi + e->group_at + g * 2 * e->shape.slots;
        const uint16_t *m = e->member + e->start[g];
        if (e->start[g + 1] - e->start[g] == 2)
            pair_forward(mean_of(b, b->mean, m[0], i), mean_of(b, b->mean, m[1], i), e->shape.slots, (float)e->group_weight,
                         to);
        else product_forward(b, g, i, to);
    }
}

void mnk_embedding_expect(mnk_embedding_batch *b, const float *p) {
    const mnk_embedding *e = b->e;
    row_task t = {.b = b, .p = p};
    int wide = 2 * (int)e->shape.slots;
    for (size_t c = 0; c < e->axes->columns; c++)
        if (e->angle[c])
            mnk_gemm_f32(false, false, (int)b->rows, wide, e->axes->axis[c].bins, p + e->out_at[c], (int)e->outputs,
                         e->angle[c], wide, 0, mean_of(b, b->mean, c, 0), wide);
    mnk_parallel_for(b->rows, expect_row, &t);
}

static void back_row(void *ctx, size_t i) {
    const row_task *t = ctx;
    mnk_embedding_batch *b = t->b;
    const mnk_embedding *e = b->e;
    const float *d = b->d_phi + i * e->features;
    size_t slots = e->shape.slots;
    for (size_t c = 0; c < e->axes->columns; c++) {
        if ((long)c == e->label) continue;
        if (e->angle[c]) memset(mean_of(b, b->d_mean, c, i), 0, 2 * slots * sizeof(float));
        for (size_t k = 0; k < (size_t)e->axes->axis[c].bins; k++)
            t->d_p[i * e->outputs + e->out_at[c] + k] = k < e->hots[c] ? (float)e->hot_weight * d[e->hot_at[c] + k] : 0;
    }
    for (size_t g = 0; g < e->groups; g++) {
        const float *from = d + e->group_at + g * 2 * slots;
        const uint16_t *m = e->member + e->start[g];
        if (e->start[g + 1] - e->start[g] == 2)
            pair_back(mean_of(b, b->mean, m[0], i), mean_of(b, b->mean, m[1], i), slots, (float)e->group_weight, from,
                      mean_of(b, b->d_mean, m[0], i), mean_of(b, b->d_mean, m[1], i));
        else product_back(b, g, i, from);
    }
}

void mnk_embedding_back(mnk_embedding_batch *b, float *d_p) {
    const mnk_embedding *e = b->e;
    row_task t = {.b = b, .d_p = d_p};
    int wide = 2 * (int)e->shape.slots;
    mnk_parallel_for(b->rows, back_row, &t);
    for (size_t c = 0; c < e->axes->columns; c++)
        if (e->angle[c])
            mnk_gemm_f32(false, true, (int)b->rows, e->axes->axis[c].bins, wide, mean_of(b, b->d_mean, c, 0), wide, e->angle[c],
                         wide, 1, d_p + e->out_at[c], (int)e->outputs);
}
