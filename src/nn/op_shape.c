/* Operations that move numbers: concatenation, reshape, upsampling, pooling. All are linear but maximum pooling, which is
 * piecewise linear. */
#include <string.h>

#include "nn/graph.h"
#include "nn/ops.h"

/* ---- concat ---- */

/* Copies channels of one sample between blocked maps of hw positions: to[to_first + k] = from[from_first + k]. */
static void copy_channels(const real *from, int from_first, real *to, int to_first, int count, int hw) {
    if (from_first % 8 == 0 && to_first % 8 == 0 && count % 8 == 0) {
        memcpy(to + (size_t)to_first * (size_t)hw, from + (size_t)from_first * (size_t)hw,
               (size_t)count * (size_t)hw * sizeof *to);
        return;
    }
    for (int k = 0; k < count; k++) {
        int a = from_first + k, b = to_first + k;
        const real *src = from + (size_t)(a / 8 * 8) * (size_t)hw + a % 8;
        real *dst = to + (size_t)(b / 8 * 8) * (size_t)hw + b % 8;
        for (int i = 0; i < hw; i++) dst[8 * i] = src[8 * i];
    }
}

static void concat(mnk_plan *p, mnk_node *n, const real *a, const real *b, real *y) {
    const mnk_op *op = n->op, *left = &p->net->op[op->in[0]], *right = &p->net->op[op->in[1]];
    size_t na = mnk_sample_size(left), nb = mnk_sample_size(right), ny = mnk_sample_size(op);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < p->batch; s++) {
        real *row = y + (size_t)s * ny;
        if (mnk_is_vector(op)) {
            memcpy(row, a + (size_t)s * na, na * sizeof *row);
            memcpy(row + na, b + (size_t)s * nb, nb * sizeof *row);
        } else {
            int hw = op->h * op->w;
            if (op->c % 8) memset(row, 0, ny * sizeof *row);
            copy_channels(a + (size_t)s * na, 0, row, 0, left->c, hw);
            copy_channels(b + (size_t)s * nb, 0, row, left->c, right->c, hw);
        }
    }
}

void mnk_op_concat_forward(mnk_plan *p, mnk_node *n) { concat(p, n, mnk_node_in(p, n, 0)->y, mnk_node_in(p, n, 1)->y, n->y); }
void mnk_op_concat_tangent(mnk_plan *p, mnk_node *n) { concat(p, n, mnk_node_in(p, n, 0)->t, mnk_node_in(p, n, 1)->t, n->t); }

void mnk_op_concat_backward(mnk_plan *p, mnk_node *n, int slot, real *dx) {
    const mnk_op *op = n->op, *part = &p->net->op[op->in[slot]];
    int first = slot ? p->net->op[op->in[0]].c : 0;
    size_t nx = mnk_sample_size(part), ny = mnk_sample_size(op);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < p->batch; s++) {
        const real *row = n->dy + (size_t)s * ny;
        real *out = dx + (size_t)s * nx;
        if (mnk_is_vector(op)) {
            memcpy(out, row + first, nx * sizeof *out);
        } else {
            if (part->c % 8) memset(out, 0, nx * sizeof *out);
            copy_channels(row, first, out, 0, part->c, op->h * op->w);
        }
    }
}

/* ---- reshape: vector (features in order c,h,w) <-> map ---- */

static void reshape(mnk_plan *p, mnk_node *n, const real *x, real *y, bool back) {
    const mnk_op *op = n->op, *in = &p->net->op[op->in[0]];
    const mnk_op *map = mnk_is_vector(op) ? in : op;
    if (mnk_is_vector(op) && mnk_is_vector(in)) mnk_copy(y, x, n->size);
    else if (mnk_is_vector(op) != back) mnk_unblock_maps(x, y, p->batch, map->c, map->h * map->w);
    else mnk_block_maps(x, y, p->batch, map->c, map->h * map->w);
}

void mnk_op_reshape_forward(mnk_plan *p, mnk_node *n) { reshape(p, n, mnk_node_in(p, n, 0)->y, n->y, false); }
void mnk_op_reshape_tangent(mnk_plan *p, mnk_node *n) { reshape(p, n, mnk_node_in(p, n, 0)->t, n->t, false); }
void mnk_op_reshape_backward(mnk_plan *p, mnk_node *n, int slot, real *dx) {
    (void)slot;
    reshape(p, n, n->dy, dx, true);
}

/* ---- nearest upsampling x2 ---- */

static void upsample(mnk_plan *p, mnk_node *n, const real *x, real *y) {
    int h = n->op->h / 2, w = n->op->w / 2, blocks = p->batch * mnk_padded(n->op->c) / 8;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < blocks * h; u++) {
        const real *from = x + (size_t)u * (size_t)w * 8;
        real *to = y + (size_t)u * (size_t)w * 32; /* two rows of 2w */
        for (int j = 0; j < w; j++)
            for (int l = 0; l < 8; l++) to[16 * j + l] = to[16 * j + 8 + l] = from[8 * j + l];
        memcpy(to + 16 * w, to, (size_t)w * 16 * sizeof *to);
    }
}

void mnk_op_upsample_forward(mnk_plan *p, mnk_node *n) { upsample(p, n, mnk_node_in(p, n, 0)->y, n->y); }
void mnk_op_upsample_tangent(mnk_plan *p, mnk_node *n) { upsample(p, n, mnk_node_in(p, n, 0)->t, n->t); }

void mnk_op_upsample_backward(mnk_plan *p, mnk_node *n, int slot, real *dx) {
    (void)slot;
    int h = n->op->h / 2, w = n->op->w / 2, blocks = p->batch * mnk_padded(n->op->c) / 8;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < blocks * h; u++) {
        const real *a = n->dy + (size_t)u * (size_t)w * 32, *b = a + 16 * w;
        real *to = dx + (size_t)u * (size_t)w * 8;
        for (int j = 0; j < w; j++)
            for (int l = 0; l < 8; l++)
                to[8 * j + l] = (a[16 * j + l] + a[16 * j + 8 + l]) + (b[16 * j + l] + b[16 * j + 8 + l]);
    }
}

/* ---- 2x2 pooling; an odd last row or column is left out ---- */

typedef struct window {
    int ih, iw, oh, ow, blocks;
} window;

static window pool_window(const mnk_plan *p, const mnk_node *n) {
    const mnk_op *in = &p->net->op[n->op->in[0]];
    return (window){in->h, in->w, n->op->h, n->op->w, p->batch * mnk_padded(n->op->c) / 8};
}

/* The four numbers of window (i, j), lane l of block u. */
static inline size_t corner(const window *s, int u, int i, int j) {
    return (((size_t)u * (size_t)s->ih + 2u * (size_t)i) * (size_t)s->iw + 2u * (size_t)j) * 8;
}

static inline size_t largest(const real *x, size_t at, int iw) {
    size_t best = at, candidate[3] = {at + 8, at + 8 * (size_t)iw, at + 8 * (size_t)iw + 8};
    for (int k = 0; k < 3; k++)
        if (x[candidate[k]] > x[best]) best = candidate[k];
    return best;
}

/* y from v by the window of x: average of v, or v where x is largest (the first of equals). */
static void pool(mnk_plan *p, mnk_node *n, const real *v, real *y) {
    window s = pool_window(p, n);
    const real *x = mnk_node_in(p, n, 0)->y;
    bool max = n->op->max;
#pragma omp parallel for schedule(static)
    for (int r = 0; r < s.blocks * s.oh; r++) {
        int u = r / s.oh, i = r % s.oh;
        real *to = y + (size_t)r * (size_t)s.ow * 8;
        for (int j = 0; j < s.ow; j++) {
            size_t at = corner(&s, u, i, j), below = at + 8 * (size_t)s.iw;
            if (max)
                for (size_t l = 0; l < 8; l++) to[8 * (size_t)j + l] = v[largest(x, at + l, s.iw)];
            else
                for (size_t l = 0; l < 8; l++)
                    to[8 * (size_t)j + l] = (real)0.25 * ((v[at + l] + v[at + 8 + l]) + (v[below + l] + v[below + 8 + l]));
        }
    }
}

void mnk_op_pool_forward(mnk_plan *p, mnk_node *n) { pool(p, n, mnk_node_in(p, n, 0)->y, n->y); }
void mnk_op_pool_tangent(mnk_plan *p, mnk_node *n) { pool(p, n, mnk_node_in(p, n, 0)->t, n->t); }

void mnk_op_pool_backward(mnk_plan *p, mnk_node *n, int slot, real *dx) {
    (void)slot;
    window s = pool_window(p, n);
    const real *x = mnk_node_in(p, n, 0)->y;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < s.blocks; u++) {
        memset(dx + (size_t)u * (size_t)(s.ih * s.iw) * 8, 0, (size_t)(s.ih * s.iw) * 8 * sizeof *dx);
        for (int i = 0; i < s.oh; i++)
            for (int j = 0; j < s.ow; j++) {
                size_t at = corner(&s, u, i, j), below = at + 8 * (size_t)s.iw;
                const real *d = n->dy + (((size_t)u * (size_t)s.oh + (size_t)i) * (size_t)s.ow + (size_t)j) * 8;
                for (size_t l = 0; l < 8; l++) {
                    if (n->op->max) dx[largest(x, at + l, s.iw)] = d[l];
                    else dx[at + l] = dx[at + 8 + l] = dx[below + l] = dx[below + 8 + l] = (real)0.25 * d[l];
                }
            }
    }
}

/* ---- global average: map -> vector ---- */

static void global_pool(mnk_plan *p, mnk_node *n, const real *x, real *y) {
    const mnk_op *in = &p->net->op[n->op->in[0]];
    int c = in->c, cb = mnk_padded(c) / 8, hw = in->h * in->w;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < p->batch * cb; u++) {
        const real *block = x + (size_t)u * (size_t)hw * 8;
        real s[8] = {0};
        for (int i = 0; i < hw; i++)
            for (int l = 0; l < 8; l++) s[l] += block[8 * i + l];
        int first = u % cb * 8;
        for (int l = 0; l < 8 && first + l < c; l++) y[(size_t)(u / cb) * (size_t)c + (size_t)(first + l)] = s[l] / (real)hw;
    }
}

void mnk_op_global_pool_forward(mnk_plan *p, mnk_node *n) { global_pool(p, n, mnk_node_in(p, n, 0)->y, n->y); }
void mnk_op_global_pool_tangent(mnk_plan *p, mnk_node *n) { global_pool(p, n, mnk_node_in(p, n, 0)->t, n->t); }

void mnk_op_global_pool_backward(mnk_plan *p, mnk_node *n, int slot, real *dx) {
    (void)slot;
    const mnk_op *in = &p->net->op[n->op->in[0]];
    int c = in->c, cb = mnk_padded(c) / 8, hw = in->h * in->w;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < p->batch * cb; u++) {
        real d[8] = {0}, *block = dx + (size_t)u * (size_t)hw * 8;
        int first = u % cb * 8;
        for (int l = 0; l < 8 && first + l < c; l++)
            d[l] = n->dy[(size_t)(u / cb) * (size_t)c + (size_t)(first + l)] / (real)hw;
        for (int i = 0; i < hw; i++)
            for (int l = 0; l < 8; l++) block[8 * i + l] = d[l];
    }
}
