/* Squared norm of each sample's gradient for convolutions, in two forms. With patches a_t (T positions, p = k k channels
 * numbers each) and dy d_t (d channels), a sample's gradient is G = sum_t a_t d_t', and
 *
 *   materialised   |G|^2, G itself                                    T p d        multiply-adds, p d numbers of memory
 *   ghost          sum_{s,t} <a_s, a_t> <d_s, d_t>                    T^2 (p + d)  multiply-adds, 2 T^2 numbers
 *
 * (Li, Tramer, Liang & Hashimoto 2022; a choice by layer: Bu, Mao & Xu 2022.) The one of fewer multiply-adds is taken: early
 * layers of large maps materialise their few weights, late ones never see their many. A transposed convolution is the same
 * with input and dy exchanged.
 *
 * Terms of the ghost form may cancel, and a norm that came out too small would let a sample through the clipping: a bound of
 * the rounding, sum |<a_s, a_t> <d_s, d_t>| times a few units in the last place, is added. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "nn/graph.h"
#include "nn/ops.h"

enum { UNITS = 8 /* shares of the batch, each with scratch of its own */, CHUNK = 64 /* positions at a time */, SLACK = 16 };

typedef struct form {
    bool ghost;
    int t, p, d, rows;          /* positions, their numbers; positions in the buffers at a time */
    size_t a, b, first, second; /* numbers of the buffers: patches, dy, products */
} form;

static form form_of(const mnk_conv_shape *s) {
    form f = {.t = s->oh * s->ow, .p = s->k * s->k * s->ic, .d = s->oc};
    f.ghost = (double)f.t * (f.p + f.d) < (double)f.p * f.d;
    f.rows = f.ghost || f.t < CHUNK ? f.t : CHUNK;
    f.a = (size_t)f.rows * (size_t)f.p + SLACK;
    f.b = (size_t)f.rows * (size_t)f.d + SLACK;
    f.first = f.ghost ? (size_t)f.t * (size_t)f.t : (size_t)f.p * (size_t)f.d;
    f.second = f.ghost ? f.first : 0;
    return f;
}

static size_t unit_numbers(const form *f) { return (f->a + f->b + f->first + f->second + SLACK - 1) / SLACK * SLACK; }

size_t mnk_conv_norms_scratch(const mnk_conv_shape *shape) {
    form f = form_of(shape);
    return UNITS * unit_numbers(&f) * sizeof(real);
}

/* One position of a blocked map, padding channels left out. Whole blocks are copied: what is too much is overwritten by the
 * next, or lies in the slack. */
static real *copy_pixel(const real *x, int c, size_t plane, real *to) {
    for (int first = 0; first < c; first += 8, x += plane) {
        memcpy(to, x, 8 * sizeof *to);
        to += c - first < 8 ? c - first : 8;
    }
    return to;
}

/* out[t - begin][ky][kx][c]: what output positions begin .. end-1 see of one sample of the wide map. */
static void patches(const mnk_conv_shape *s, const real *x, int begin, int end, real *out) {
    size_t plane = (size_t)s->ih * (size_t)s->iw * 8;
    for (int t = begin; t < end; t++) {
        int y = t / s->ow * s->stride - s->pad, left = t % s->ow * s->stride - s->pad;
        for (int ky = 0; ky < s->k; ky++)
            for (int kx = 0; kx < s->k; kx++) {
                int iy = y + ky, ix = left + kx;
                if (iy >= 0 && iy < s->ih && ix >= 0 && ix < s->iw) {
                    out = copy_pixel(x + ((size_t)iy * (size_t)s->iw + (size_t)ix) * 8, s->ic, plane, out);
                } else {
                    memset(out, 0, (size_t)s->ic * sizeof *out);
                    out += s->ic;
                }
            }
    }
}

/* out[t - begin][c] of one sample of the narrow map. */
static void pixels(const mnk_conv_shape *s, const real *x, int begin, int end, real *out) {
    size_t plane = (size_t)s->oh * (size_t)s->ow * 8;
    for (int t = begin; t < end; t++) out = copy_pixel(x + (size_t)t * 8, s->oc, plane, out);
}

static double materialised(const mnk_backend *k, const mnk_conv_shape *s, const form *f, const real *wide, const real *narrow,
                           real *a) {
    real *b = a + f->a, *g = b + f->b;
    for (int begin = 0; begin < f->t; begin += f->rows) {
        int end = begin + f->rows < f->t ? begin + f->rows : f->t;
        patches(s, wide, begin, end, a);
        pixels(s, narrow, begin, end, b);
        k->gemm(true, false, f->p, f->d, end - begin, a, f->p, b, f->d, begin ? 1 : 0, g, f->d);
    }
    return mnk_dot(g, g, f->first);
}

static double ghost(const mnk_backend *k, const mnk_conv_shape *s, const form *f, const real *wide, const real *narrow,
                    real *a) {
    real *b = a + f->a, *aa = b + f->b, *bb = aa + f->first;
    patches(s, wide, 0, f->t, a);
    pixels(s, narrow, 0, f->t, b);
    k->gemm(false, true, f->t, f->t, f->p, a, f->p, a, f->p, 0, aa, f->t);
    k->gemm(false, true, f->t, f->t, f->d, b, f->d, b, f->d, 0, bb, f->t);
    double sum = 0, size = 0;
    for (size_t i = 0; i < f->first; i++) {
        double term = (double)aa[i] * (double)bb[i];
        sum += term;
        size += fabs(term);
    }
    double ulp = sizeof(real) == sizeof(float) ? (double)FLT_EPSILON : DBL_EPSILON;
    return fmax(sum, 0) + 8 * ulp * size;
}

static void add_bias(mnk_plan *p, const mnk_node *n, double *norms2) {
    size_t cp = (size_t)mnk_padded(n->op->c);
    mnk_sample_channels(n->dy, p->batch, n->op->c, n->op->h * n->op->w, p->partial);
    for (int s = 0; s < p->batch; s++)
        for (size_t c = 0; c < cp; c++) norms2[s] += p->partial[(size_t)s * cp + c] * p->partial[(size_t)s * cp + c];
}

void mnk_op_conv_norms(mnk_plan *p, mnk_node *n, const real *x, double *norms2) {
    mnk_conv_shape shape = mnk_op_conv_shape(p, n);
    form f = form_of(&shape);
    bool transposed = n->op->kind == MNK_OP_DECONV;
    const real *wide = transposed ? n->dy : x, *narrow = transposed ? x : n->dy;
    size_t wide_size = (size_t)mnk_padded(shape.ic) * (size_t)shape.ih * (size_t)shape.iw;
    size_t narrow_size = (size_t)mnk_padded(shape.oc) * (size_t)f.t;
#pragma omp parallel for schedule(dynamic, 1)
    for (int u = 0; u < UNITS; u++) {
        real *own = p->scratch + (size_t)u * unit_numbers(&f);
        for (int s = u; s < p->batch; s += UNITS)
            norms2[s] += (f.ghost ? ghost : materialised)(p->backend, &shape, &f, wide + (size_t)s * wide_size,
                                                          narrow + (size_t)s * narrow_size, own);
    }
    if (mnk_node_gradient(p, n, MNK_P_B)) add_bias(p, n, norms2);
}
