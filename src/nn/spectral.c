/* Spectral norm (Miyato, Kataoka, Koyama, Yoshida 2018): weights are used as w / sigma, sigma = u' W v, with one power
 * iteration per training step. u and v are state: with them fixed, sigma is linear in W and its gradient is u v'. */
#include <math.h>
#include <string.h>

#include "nn/graph.h"

/* Rows of the matrix are the output channels, as in the paper; a transposed convolution has them in the middle. */
mnk_matrix mnk_op_matrix(const mnk_op *op, int role, const mnk_param *param) {
    const int64_t *s = param->shape;
    if (op->kind == MNK_OP_CONV) return (mnk_matrix){(size_t)(s[0] * s[1]), (size_t)s[2], (size_t)s[3], 2};
    if (op->kind == MNK_OP_DECONV) return (mnk_matrix){(size_t)(s[0] * s[1]), (size_t)s[2], (size_t)s[3], 1};
    return (mnk_matrix){1, (size_t)s[0], (size_t)s[1], role == MNK_P_E ? 1 : 2};
}

void mnk_spectral_lengths(mnk_matrix m, size_t *u, size_t *v) {
    *u = m.over == 2 ? m.b : m.a;
    *v = m.over == 2 ? m.p * m.a : m.p * m.b;
}

/* Partial sums of the columns (one row per p), then a result of the length of u or v. */
size_t mnk_spectral_scratch(mnk_matrix m) { return m.p * m.b + m.p * (m.a > m.b ? m.a : m.b) + m.a + m.b; }

static real dot(const real *a, const real *b, size_t n) {
    real s[8] = {0}, rest = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int l = 0; l < 8; l++) s[l] += a[i + (size_t)l] * b[i + (size_t)l];
    for (; i < n; i++) rest += a[i] * b[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7])) + rest;
}

/* out[p][a] = sum_b w[p][a][b] x[b]  (x the same for every p, or a row per p). */
static void times_b(mnk_matrix m, const real *w, const real *x, size_t x_stride, real *out) {
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < m.p * m.a; r++) out[r] = dot(w + r * m.b, x + r / m.a * x_stride, m.b);
}

/* out[p][b] = sum_a w[p][a][b] x[p][a]. */
static void times_a(mnk_matrix m, const real *w, const real *x, size_t x_stride, real *out) {
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < m.p; p++) {
        real *o = out + p * m.b;
        memset(o, 0, m.b * sizeof *o);
        for (size_t a = 0; a < m.a; a++) {
            const real *row = w + (p * m.a + a) * m.b, f = x[p * x_stride + a];
            for (size_t b = 0; b < m.b; b++) o[b] += f * row[b];
        }
    }
}

static void fold(const real *rows, size_t p, size_t n, real *out) {
    for (size_t i = 0; i < n; i++) {
        double s = 0;
        for (size_t k = 0; k < p; k++) s += (double)rows[k * n + i];
        out[i] = (real)s;
    }
}

/* v-sized product W' u (out needs no scratch). */
static void product_v(mnk_matrix m, const real *w, const real *u, real *out) {
    if (m.over == 2) times_b(m, w, u, 0, out);
    else times_a(m, w, u, 0, out);
}

/* u-sized product W v. */
static void product_u(mnk_matrix m, const real *w, const real *v, real *out, real *scratch) {
    if (m.over == 2) {
        times_a(m, w, v, m.a, scratch);
        fold(scratch, m.p, m.b, out);
    } else {
        times_b(m, w, v, m.b, scratch);
        fold(scratch, m.p, m.a, out);
    }
}

static void normalise(real *x, size_t n) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (double)x[i] * (double)x[i];
    double f = 1 / (sqrt(s) > 1e-12 ? sqrt(s) : 1e-12);
    for (size_t i = 0; i < n; i++) x[i] = (real)((double)x[i] * f);
}

void mnk_spectral_iterate(mnk_matrix m, const real *w, real *u, real *v, real *scratch) {
    size_t nu, nv;
    mnk_spectral_lengths(m, &nu, &nv);
    product_v(m, w, u, v);
    normalise(v, nv);
    product_u(m, w, v, u, scratch);
    normalise(u, nu);
}

double mnk_spectral_sigma(mnk_matrix m, const real *w, const real *u, const real *v, real *scratch) {
    size_t nu, nv;
    mnk_spectral_lengths(m, &nu, &nv);
    real *wv = scratch + (m.over == 2 ? m.p * m.b : m.p * m.a);
    product_u(m, w, v, wv, scratch);
    double sigma = 0;
    for (size_t i = 0; i < nu; i++) sigma += (double)wv[i] * (double)u[i];
    return sigma > 1e-12 ? sigma : 1e-12;
}

void mnk_spectral_backward(mnk_matrix m, const real *d, const real *scaled, const real *u, const real *v, double sigma, real *g,
                           bool add) {
    size_t rows = m.p * m.a;
    double inner = 0;
    for (size_t r = 0; r < rows; r++) inner += (double)dot(d + r * m.b, scaled + r * m.b, m.b);
    real f = (real)(1 / sigma), q = (real)(inner / sigma);
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        const real *dr = d + r * m.b;
        real *gr = g + r * m.b;
        const real *along = m.over == 2 ? u : v + r / m.a * m.b;
        real c = q * (m.over == 2 ? v[r] : u[r % m.a]), keep = add ? 1 : 0;
        for (size_t b = 0; b < m.b; b++) gr[b] = (add ? keep * gr[b] : 0) + f * dr[b] - c * along[b];
    }
}

real *mnk_weight_gradient_begin(mnk_plan *p, mnk_node *n, int role, bool *add) {
    if (!(n->op->flags & MNK_NN_SPECTRAL) || p->quotient) return mnk_node_gradient(p, n, role);
    *add = false;
    return p->weight_temp;
}

void mnk_weight_gradient_end(mnk_plan *p, mnk_node *n, int role, bool add) {
    if (!(n->op->flags & MNK_NN_SPECTRAL) || p->quotient) return;
    bool e = role == MNK_P_E;
    mnk_matrix m = mnk_op_matrix(n->op, role, mnk_param_of(p, n, role));
    mnk_spectral_backward(m, p->weight_temp, n->w[e], mnk_node_state(p, n, e ? MNK_P_EU : MNK_P_U),
                          mnk_node_state(p, n, e ? MNK_P_EV : MNK_P_V), n->sigma[e], mnk_node_gradient(p, n, role), add);
}
