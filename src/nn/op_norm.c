/* Batch, group and layer normalisation of maps and vectors, scale and shift per channel or per class and channel.
 *
 *   xhat = (x - mean) / sqrt(var + 1e-5),  y = scale xhat + shift
 *
 * Batch: moments over samples and positions (Ioffe & Szegedy 2015); group: over the channels of a group and positions of
 * one sample (Wu & He 2018); layer: one group. Moments come from sums per (sample, channel) that are combined in a fixed
 * order, in double, around a pivot (no cancellation). Only MNK_NORM_BATCH mixes samples. */
#include <math.h>
#include <string.h>

#include "nn/graph.h"
#include "nn/ops.h"

static const double epsilon = 1e-5, momentum = 0.1;

/* Where block b of sample s lies: 8 channels at hw positions. Vectors are maps of one position whose last block may be
 * short. */
typedef struct view {
    int n, c, cp, cb, hw;
    bool vector;
} view;

static view view_of(const mnk_plan *p, const mnk_node *n) {
    const mnk_op *op = n->op;
    view v = {.n = p->batch, .c = op->c, .cp = mnk_padded(op->c), .vector = mnk_is_vector(op)};
    v.cb = v.cp / 8;
    v.hw = v.vector ? 1 : op->h * op->w;
    return v;
}

static inline size_t view_at(const view *v, int s, int b) {
    return v->vector ? (size_t)s * (size_t)v->c + 8u * (size_t)b : ((size_t)s * (size_t)v->cb + (size_t)b) * (size_t)v->hw * 8;
}

static inline int view_lanes(const view *v, int b) { return v->vector && v->c - 8 * b < 8 ? v->c - 8 * b : 8; }

/* Batch statistics are used (else the running ones of the state). */
static bool from_batch(const mnk_plan *p, const mnk_node *n) {
    return n->op->norm != MNK_NORM_BATCH || (p->flags & MNK_PLAN_TRAIN) != 0;
}

/* save: mean and 1/sd, one row of cp for a batch norm, one per sample for the others. */
static size_t rows(const mnk_plan *p, const mnk_node *n) { return n->op->norm == MNK_NORM_BATCH ? 1 : (size_t)p->batch; }
static size_t row_of(const mnk_node *n, int s) { return n->op->norm == MNK_NORM_BATCH ? 0 : (size_t)s; }

mnk_status mnk_op_norm_plan(mnk_plan *p, mnk_node *n, mnk_error *err) {
    (void)err;
    view v = view_of(p, n);
    n->n_save = 2 * rows(p, n) * (size_t)v.cp;
    if (n->op->norm == MNK_NORM_BATCH && (p->flags & MNK_PLAN_TRAIN)) n->n_sums = 2 * (size_t)v.cp; /* collected moments */
    mnk_want(&p->n_partial, 4 * (size_t)v.n * (size_t)v.cp);
    return MNK_OK;
}

/* mean and sum of squared deviations of each (sample, channel). */
static void block_moments(const view *v, const real *x, double *mean, double *squares) {
#pragma omp parallel for schedule(static)
    for (int u = 0; u < v->n * v->cb; u++) {
        int s = u / v->cb, b = u % v->cb, lanes = view_lanes(v, b);
        const real *block = x + view_at(v, s, b);
        double *m = mean + (size_t)u * 8, *q = squares + (size_t)u * 8;
        for (int l = 0; l < 8; l++) m[l] = q[l] = 0;
        if (v->hw == 1) {
            for (int l = 0; l < lanes; l++) m[l] = (double)block[l];
            continue;
        }
        real pivot[8];
        for (int l = 0; l < 8; l++) pivot[l] = block[l];
        for (int begin = 0; begin < v->hw; begin += 64) {
            int end = begin + 64 < v->hw ? begin + 64 : v->hw;
            real sum[8] = {0}, square[8] = {0};
            for (int i = begin; i < end; i++)
                for (int l = 0; l < 8; l++) {
                    real d = block[8 * i + l] - pivot[l];
                    sum[l] += d;
                    square[l] += d * d;
                }
            for (int l = 0; l < 8; l++) {
                m[l] += (double)sum[l];
                q[l] += (double)square[l];
            }
        }
        for (int l = 0; l < 8; l++) {
            q[l] -= m[l] * m[l] / v->hw;
            m[l] = (double)pivot[l] + m[l] / v->hw;
        }
    }
}

enum { COLUMNS = 32 /* of a matrix [n][c], to a unit of work */ };

/* mean and squared deviations of each column of a batch of vectors, over all samples. */
static void column_moments(const view *v, const real *x, double *mean, double *squares) {
#pragma omp parallel for schedule(static) if (v->n * v->c > 16384)
    for (int first = 0; first < v->c; first += COLUMNS) {
        int width = v->c - first < COLUMNS ? v->c - first : COLUMNS;
        double m[COLUMNS] = {0}, q[COLUMNS] = {0};
        const real *pivot = x + first;
        for (int begin = 0; begin < v->n; begin += 64) {
            int end = begin + 64 < v->n ? begin + 64 : v->n;
            real sum[COLUMNS] = {0}, square[COLUMNS] = {0};
            for (int s = begin; s < end; s++) {
                const real *row = x + (size_t)s * (size_t)v->c + (size_t)first;
                for (int l = 0; l < width; l++) {
                    real d = row[l] - pivot[l];
                    sum[l] += d;
                    square[l] += d * d;
                }
            }
            for (int l = 0; l < width; l++) m[l] += (double)sum[l], q[l] += (double)square[l];
        }
        for (int l = 0; l < width; l++) {
            mean[first + l] = (double)pivot[l] + m[l] / v->n;
            squares[first + l] = q[l] - m[l] * m[l] / v->n;
        }
    }
}

/* Pools `count` moments of equal weight, `stride` apart: the exact combination of means and squared deviations. */
static void pool_moments(const double *mean, const double *squares, size_t stride, int count, int weight, double *m,
                         double *q) {
    double a = 0, b = 0;
    for (int i = 0; i < count; i++) a += mean[(size_t)i * stride];
    a /= count;
    for (int i = 0; i < count; i++) {
        double d = mean[(size_t)i * stride] - a;
        b += squares[(size_t)i * stride] + weight * d * d;
    }
    *m = a;
    *q = b;
}

/* Adds a batch's moments to those of the passes before (Chan, Golub & LeVeque 1979). */
static void collect(mnk_plan *p, mnk_node *n, int k, double m, double q, double count) {
    double *mean = n->sums + k, *squares = n->sums + mnk_padded(n->op->c) + k, before = (double)p->collected * count;
    double delta = m - *mean, total = before + count;
    *mean += delta * count / total;
    *squares += q + delta * delta * before * count / total;
}

static void batch_moments(mnk_plan *p, mnk_node *n, const view *v, const double *mean, const double *squares) {
    real *save_mean = n->save, *save_scale = n->save + v->cp;
    real *state_mean = mnk_node_state(p, n, MNK_P_MEAN), *state_var = mnk_node_state(p, n, MNK_P_VAR);
    double count = (double)v->n * v->hw;
    for (int k = 0; k < v->c; k++) {
        double m, q;
        if (v->vector) m = mean[k], q = squares[k] > 0 ? squares[k] : 0;
        else pool_moments(mean + k, squares + k, (size_t)v->cp, v->n, v->hw, &m, &q);
        save_mean[k] = (real)m;
        save_scale[k] = (real)(1 / sqrt(q / count + epsilon));
        if (p->collecting) {
            collect(p, n, k, m, q, count);
        } else if (!(p->flags & MNK_PLAN_AVERAGE)) { /* running statistics are those of the weights in training */
            double var = count > 1 ? q / (count - 1) : 0;
            state_mean[k] = (real)((1 - momentum) * (double)state_mean[k] + momentum * m);
            state_var[k] = (real)((1 - momentum) * (double)state_var[k] + momentum * var);
        }
    }
}

void mnk_op_norm_collected(mnk_plan *p, mnk_node *n) {
    view v = view_of(p, n);
    double count = (double)p->collected * v.n * v.hw;
    if (n->op->norm != MNK_NORM_BATCH || !n->n_sums || count < 1) return;
    real *state_mean = mnk_node_state(p, n, MNK_P_MEAN), *state_var = mnk_node_state(p, n, MNK_P_VAR);
    for (int k = 0; k < v.c; k++) {
        state_mean[k] = (real)n->sums[k];
        state_var[k] = (real)(n->sums[v.cp + k] / (count > 1 ? count - 1 : 1));
    }
}

static void group_moments(mnk_node *n, const view *v, const double *mean, const double *squares) {
    int size = v->c / n->op->groups;
    real *save_mean = n->save, *save_scale = n->save + (size_t)v->n * (size_t)v->cp;
    for (int s = 0; s < v->n; s++)
        for (int g = 0; g < n->op->groups; g++) {
            size_t first = (size_t)s * (size_t)v->cp + (size_t)(g * size);
            double m, q;
            pool_moments(mean + first, squares + first, 1, size, v->hw, &m, &q);
            double scale = 1 / sqrt(q / ((double)size * v->hw) + epsilon);
            for (int k = 0; k < size; k++) save_mean[first + (size_t)k] = (real)m, save_scale[first + (size_t)k] = (real)scale;
        }
}

static void running_moments(mnk_plan *p, mnk_node *n, const view *v) {
    const real *m = mnk_node_state(p, n, MNK_P_MEAN), *var = mnk_node_state(p, n, MNK_P_VAR);
    for (int k = 0; k < v->c; k++) {
        n->save[k] = m[k];
        n->save[v->cp + k] = (real)(1 / sqrt((double)var[k] + epsilon));
    }
}

/* Row of scale or shift for sample s. */
static const real *class_row(const mnk_plan *p, const mnk_node *n, const real *table, int s) {
    return n->op->labels < 0 ? table : table + (size_t)p->node[n->op->labels].labels[s] * (size_t)n->op->c;
}

/* Eight numbers of a row, zero beyond the channels. */
static void load8(const real *row, int b, int c, real out[8]) {
    for (int l = 0; l < 8; l++) out[l] = 8 * b + l < c ? row[8 * b + l] : 0;
}

/* d becomes y > 0 ? d : slope d, for the rectifier after this norm: forward with y = d, backward with its output. */
static void rectify(const real *y, real *d, real slope, size_t n) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        real low = slope * d[i];
        d[i] = y[i] > 0 ? d[i] : low;
    }
}

void mnk_op_norm_forward(mnk_plan *p, mnk_node *n) {
    view v = view_of(p, n);
    const real *x = mnk_node_in(p, n, 0)->y, *scale = mnk_node_weights(p, n, MNK_P_W), *shift = mnk_node_weights(p, n, MNK_P_B);
    double *mean = p->partial, *squares = p->partial + (size_t)v.n * (size_t)v.cp;
    if (from_batch(p, n) && v.vector && n->op->norm == MNK_NORM_BATCH) column_moments(&v, x, mean, squares);
    else if (from_batch(p, n)) block_moments(&v, x, mean, squares);
    if (!from_batch(p, n)) running_moments(p, n, &v);
    else if (n->op->norm == MNK_NORM_BATCH) batch_moments(p, n, &v, mean, squares);
    else group_moments(n, &v, mean, squares);
    const real *save_scale = n->save + rows(p, n) * (size_t)v.cp;
    real slope = 0;
    if (n->then) mnk_is_rectifier(n->then, &slope);
#pragma omp parallel for schedule(static)
    for (int u = 0; u < v.n * v.cb; u++) {
        int s = u / v.cb, b = u % v.cb, lanes = view_lanes(&v, b);
        size_t at = view_at(&v, s, b), row = row_of(n, s) * (size_t)v.cp + 8u * (size_t)b;
        real g[8], d[8], m[8];
        load8(class_row(p, n, scale, s), b, v.c, g);
        load8(class_row(p, n, shift, s), b, v.c, d);
        for (int l = 0; l < 8; l++) {
            m[l] = n->save[row + (size_t)l];
            g[l] *= save_scale[row + (size_t)l];
        }
        const real *from = x + at;
        real *to = n->y + at;
        if (lanes < 8)
            for (int l = 0; l < lanes; l++) to[l] = (from[l] - m[l]) * g[l] + d[l];
        else
            for (int i = 0; i < v.hw; i++)
                for (int l = 0; l < 8; l++) to[8 * i + l] = (from[8 * i + l] - m[l]) * g[l] + d[l];
        if (n->then) rectify(to, to, slope, (size_t)v.hw * 8);
    }
}

/* Rows of the gradient sums: one per sample, or a single one where nothing tells samples apart. */
static int sum_rows(const mnk_node *n, const view *v) { return n->op->norm == MNK_NORM_BATCH && n->op->labels < 0 ? 1 : v->n; }

/* The gradient sums of a batch of vectors in a single row. */
static void column_gradient_sums(const mnk_node *n, const view *v, const real *x, const real *save_scale, double *s1,
                                 double *s2) {
#pragma omp parallel for schedule(static) if (v->n * v->c > 16384)
    for (int first = 0; first < v->c; first += COLUMNS) {
        int width = v->c - first < COLUMNS ? v->c - first : COLUMNS;
        double a[COLUMNS] = {0}, q[COLUMNS] = {0};
        for (int begin = 0; begin < v->n; begin += 64) {
            int end = begin + 64 < v->n ? begin + 64 : v->n;
            real sum[COLUMNS] = {0}, square[COLUMNS] = {0};
            for (int s = begin; s < end; s++) {
                size_t at = (size_t)s * (size_t)v->c + (size_t)first;
                for (int l = 0; l < width; l++) {
                    sum[l] += n->dy[at + (size_t)l];
                    square[l] += n->dy[at + (size_t)l] * (x[at + (size_t)l] - n->save[first + l]);
                }
            }
            for (int l = 0; l < width; l++) a[l] += (double)sum[l], q[l] += (double)square[l];
        }
        for (int l = 0; l < width; l++) {
            s1[first + l] = a[l];
            s2[first + l] = q[l] * (double)save_scale[first + l];
        }
    }
}

/* Adds the rows of all samples, in order, to the first. */
static void collapse(const view *v, double *sums) {
    for (int s = 1; s < v->n; s++)
        for (int k = 0; k < v->cp; k++) sums[k] += sums[(size_t)s * (size_t)v->cp + (size_t)k];
}

/* s1 = sum dy, s2 = sum dy xhat of each (sample, channel). */
static void gradient_sums(mnk_plan *p, mnk_node *n, const view *v, double *s1, double *s2) {
    const real *x = mnk_node_in(p, n, 0)->y, *save_scale = n->save + rows(p, n) * (size_t)v->cp;
    if (v->vector && sum_rows(n, v) == 1) {
        column_gradient_sums(n, v, x, save_scale, s1, s2);
        return;
    }
    real slope = 0;
    bool mask = n->then_back && mnk_is_rectifier(n->then, &slope);
#pragma omp parallel for schedule(static)
    for (int u = 0; u < v->n * v->cb; u++) {
        int s = u / v->cb, b = u % v->cb, lanes = view_lanes(v, b);
        size_t at = view_at(v, s, b), row = row_of(n, s) * (size_t)v->cp + 8u * (size_t)b;
        double a[8] = {0}, q[8] = {0};
        real m[8];
        for (int l = 0; l < 8; l++) m[l] = n->save[row + (size_t)l];
        const real *from = x + at, *d = n->dy + at;
        if (mask) rectify(n->y + at, n->dy + at, slope, (size_t)v->hw * 8);
        if (lanes < 8) {
            for (int l = 0; l < lanes; l++) a[l] = (double)d[l], q[l] = (double)d[l] * (double)(from[l] - m[l]);
        } else {
            for (int begin = 0; begin < v->hw; begin += 64) {
                int end = begin + 64 < v->hw ? begin + 64 : v->hw;
                real sum[8] = {0}, square[8] = {0};
                for (int i = begin; i < end; i++)
                    for (int l = 0; l < 8; l++) {
                        sum[l] += d[8 * i + l];
                        square[l] += d[8 * i + l] * (from[8 * i + l] - m[l]);
                    }
                for (int l = 0; l < 8; l++) a[l] += (double)sum[l], q[l] += (double)square[l];
            }
        }
        for (int l = 0; l < 8; l++) {
            s1[(size_t)u * 8 + (size_t)l] = a[l];
            s2[(size_t)u * 8 + (size_t)l] = q[l] * (double)save_scale[row + (size_t)l];
        }
    }
    if (sum_rows(n, v) == 1) {
        collapse(v, s1);
        collapse(v, s2);
    }
}

/* The sums serve the weights and the input; the first to ask makes them. */
static void gradient_sums_once(mnk_plan *p, mnk_node *n, const view *v) {
    if (!n->ready) gradient_sums(p, n, v, p->partial, p->partial + (size_t)v->n * (size_t)v->cp);
    n->ready = true;
}

void mnk_op_norm_weights(mnk_plan *p, mnk_node *n, const real *x, bool tangent, bool add) {
    (void)x;
    (void)tangent; /* plans with a tangent pass have no norms */
    view v = view_of(p, n);
    gradient_sums_once(p, n, &v);
    const double *s1 = p->partial, *s2 = p->partial + (size_t)v.n * (size_t)v.cp;
    real *scale = mnk_node_gradient(p, n, MNK_P_W), *shift = mnk_node_gradient(p, n, MNK_P_B);
    const int32_t *label = n->op->labels < 0 ? NULL : p->node[n->op->labels].labels;
    size_t count = mnk_param_of(p, n, MNK_P_W)->count;
    if (!add) {
        memset(scale, 0, count * sizeof *scale);
        memset(shift, 0, count * sizeof *shift);
    }
    if (!label) {
        for (int k = 0; k < v.c; k++) {
            double a = 0, b = 0;
            for (int s = 0; s < sum_rows(n, &v); s++)
                a += s1[(size_t)s * (size_t)v.cp + (size_t)k], b += s2[(size_t)s * (size_t)v.cp + (size_t)k];
            shift[k] += (real)a;
            scale[k] += (real)b;
        }
        return;
    }
    for (int s = 0; s < v.n; s++)
        for (int k = 0; k < v.c; k++) {
            size_t to = (size_t)label[s] * (size_t)v.c + (size_t)k, from = (size_t)s * (size_t)v.cp + (size_t)k;
            shift[to] += (real)s1[from];
            scale[to] += (real)s2[from];
        }
}

/* A sample's sums are its gradient, whether scale and shift are shared or its class's own. */
void mnk_op_norm_norms(mnk_plan *p, mnk_node *n, const real *x, double *norms2) {
    (void)x;
    view v = view_of(p, n);
    gradient_sums_once(p, n, &v);
    const double *s1 = p->partial, *s2 = p->partial + (size_t)v.n * (size_t)v.cp;
    for (int s = 0; s < v.n; s++)
        for (int k = 0; k < v.c; k++) {
            size_t at = (size_t)s * (size_t)v.cp + (size_t)k;
            norms2[s] += s1[at] * s1[at] + s2[at] * s2[at];
        }
}

/* Means of scale dy and scale dy xhat over what shares moments: one row for a batch norm, one per sample otherwise. */
static void gradient_means(mnk_plan *p, mnk_node *n, const view *v, double *m1, double *m2) {
    const double *s1 = p->partial, *s2 = p->partial + (size_t)v->n * (size_t)v->cp;
    const real *table = mnk_node_weights(p, n, MNK_P_W);
    memset(m1, 0, rows(p, n) * (size_t)v->cp * sizeof *m1);
    memset(m2, 0, rows(p, n) * (size_t)v->cp * sizeof *m2);
    if (!from_batch(p, n)) return; /* running statistics are constants */
    int size = n->op->norm == MNK_NORM_BATCH ? 1 : v->c / n->op->groups;
    double count = n->op->norm == MNK_NORM_BATCH ? (double)v->n * v->hw : (double)size * v->hw;
    for (int s = 0; s < sum_rows(n, v); s++) {
        const real *scale = class_row(p, n, table, s);
        size_t row = row_of(n, s) * (size_t)v->cp;
        for (int k = 0; k < v->c; k++) {
            size_t from = (size_t)s * (size_t)v->cp + (size_t)k, to = row + (size_t)(k / size * size);
            m1[to] += (double)scale[k] * s1[from] / count;
            m2[to] += (double)scale[k] * s2[from] / count;
        }
        if (size > 1)
            for (int k = 0; k < v->c; k++) {
                m1[row + (size_t)k] = m1[row + (size_t)(k / size * size)];
                m2[row + (size_t)k] = m2[row + (size_t)(k / size * size)];
            }
    }
}

void mnk_op_norm_backward(mnk_plan *p, mnk_node *n, int slot, real *dx) {
    (void)slot;
    view v = view_of(p, n);
    gradient_sums_once(p, n, &v);
    double *m1 = p->partial + 2 * (size_t)v.n * (size_t)v.cp, *m2 = m1 + (size_t)v.n * (size_t)v.cp;
    gradient_means(p, n, &v, m1, m2);
    const real *x = mnk_node_in(p, n, 0)->y, *table = mnk_node_weights(p, n, MNK_P_W);
    const real *save_scale = n->save + rows(p, n) * (size_t)v.cp;
    /* dx = (scale dy - m1 - xhat m2) / sd */
#pragma omp parallel for schedule(static)
    for (int u = 0; u < v.n * v.cb; u++) {
        int s = u / v.cb, b = u % v.cb, lanes = view_lanes(&v, b);
        size_t at = view_at(&v, s, b), row = row_of(n, s) * (size_t)v.cp + 8u * (size_t)b;
        real g[8], m[8], c1[8], c2[8];
        load8(class_row(p, n, table, s), b, v.c, g);
        for (int l = 0; l < 8; l++) {
            real r = save_scale[row + (size_t)l];
            m[l] = n->save[row + (size_t)l];
            g[l] *= r;
            c1[l] = (real)(m1[row + (size_t)l] * (double)r);
            c2[l] = (real)(m2[row + (size_t)l] * (double)r * (double)r);
        }
        const real *from = x + at, *d = n->dy + at;
        real *to = dx + at;
        if (lanes < 8)
            for (int l = 0; l < lanes; l++) to[l] = g[l] * d[l] - c1[l] - (from[l] - m[l]) * c2[l];
        else
            for (int i = 0; i < v.hw; i++)
                for (int l = 0; l < 8; l++) to[8 * i + l] = g[l] * d[8 * i + l] - c1[l] - (from[8 * i + l] - m[l]) * c2[l];
    }
}
