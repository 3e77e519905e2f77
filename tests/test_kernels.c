/* Kernels of the training engine against a convolution and a matrix product written out in double precision. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "nn/backend.h"
#include "nn/net.h"
#include "nn/vector_math.h"
#include "nn/winograd.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

typedef struct operands {
    mnk_conv_shape s;
    size_t nx, ny, nw;            /* plain counts */
    size_t bx, by;                /* blocked counts */
    float *x, *y, *w;             /* plain: [n][c][h][w], weights [k][k][ic][oc] */
    float *xb, *yb;               /* the same blocked */
    double *fwd, *data, *weights; /* expected results, plain */
} operands;

static void fill(float *p, size_t n, uint64_t item) {
    mnk_rng r = mnk_rng_at(7, MNK_PURPOSE_TEST, item, 0);
    for (size_t i = 0; i < n; i++) p[i] = 2.0f * mnk_rng_uniform_f32(&r) - 1.0f;
}

static void *need(size_t n, size_t size) {
    void *p = mnk_alloc_aligned(n, size);
    assert_non_null(p);
    return p;
}

static size_t blocked_at(int channels, int h, int w, int n, int c, int y, int x) {
    size_t cb = (size_t)mnk_padded(channels) / 8;
    return ((((size_t)n * cb + (size_t)c / 8) * (size_t)h + (size_t)y) * (size_t)w + (size_t)x) * 8 + (size_t)c % 8;
}

static void to_blocked(const float *plain, float *blocked, int n, int c, int h, int w) {
    for (int i = 0; i < n; i++)
        for (int k = 0; k < c; k++)
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++)
                    blocked[blocked_at(c, h, w, i, k, y, x)] = plain[(((size_t)i * c + k) * h + y) * w + x];
}

/* All three passes at once: y += x w, dx += dy w, dw += x dy over every (output, tap). */
static void expect(operands *o) {
    const mnk_conv_shape *s = &o->s;
    for (int n = 0; n < s->n; n++)
        for (int oy = 0; oy < s->oh; oy++)
            for (int ox = 0; ox < s->ow; ox++)
                for (int a = 0; a < s->k; a++)
                    for (int b = 0; b < s->k; b++) {
                        int iy = oy * s->stride - s->pad + a, ix = ox * s->stride - s->pad + b;
                        if (iy < 0 || ix < 0 || iy >= s->ih || ix >= s->iw) continue;
                        for (int i = 0; i < s->ic; i++)
                            for (int q = 0; q < s->oc; q++) {
                                size_t xi = (((size_t)n * s->ic + i) * s->ih + iy) * s->iw + ix;
                                size_t yi = (((size_t)n * s->oc + q) * s->oh + oy) * s->ow + ox;
                                size_t wi = (((size_t)a * s->k + b) * s->ic + i) * s->oc + q;
                                o->fwd[yi] += (double)o->x[xi] * o->w[wi];
                                o->data[xi] += (double)o->y[yi] * o->w[wi];
                                o->weights[wi] += (double)o->x[xi] * o->y[yi];
                            }
                    }
}

static operands make(mnk_conv_shape s, bool expected) {
    operands o = {.s = s};
    o.nx = (size_t)s.n * s.ic * s.ih * s.iw;
    o.ny = (size_t)s.n * s.oc * s.oh * s.ow;
    o.nw = (size_t)s.k * s.k * s.ic * s.oc;
    o.bx = (size_t)s.n * mnk_padded(s.ic) * s.ih * s.iw;
    o.by = (size_t)s.n * mnk_padded(s.oc) * s.oh * s.ow;
    o.x = need(o.nx, 4), o.y = need(o.ny, 4), o.w = need(o.nw, 4), o.xb = need(o.bx, 4), o.yb = need(o.by, 4);
    fill(o.x, o.nx, 1), fill(o.y, o.ny, 2), fill(o.w, o.nw, 3);
    to_blocked(o.x, o.xb, s.n, s.ic, s.ih, s.iw);
    to_blocked(o.y, o.yb, s.n, s.oc, s.oh, s.ow);
    o.fwd = need(o.ny, 8), o.data = need(o.nx, 8), o.weights = need(o.nw, 8);
    if (expected) expect(&o);
    return o;
}

static void release(operands *o) {
    void *all[] = {o->x, o->y, o->w, o->xb, o->yb, o->fwd, o->data, o->weights};
    for (int i = 0; i < COUNT(all); i++) mnk_free(all[i]);
}

static mnk_conv_shape shape(int n, int ic, int ih, int iw, int oc, int k, int stride, int pad) {
    return (mnk_conv_shape){n, ic,     ih, iw, oc, (ih + 2 * pad - k) / stride + 1, (iw + 2 * pad - k) / stride + 1,
                            k, stride, pad};
}

/* Relative L2 distance of a blocked map to the plain expectation; padding channels must be exactly zero. */
static double map_error(const float *got, const double *want, int n, int c, int h, int w) {
    double e = 0, q = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < mnk_padded(c); k++)
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++) {
                    double g = got[blocked_at(c, h, w, i, k, y, x)];
                    if (k >= c) {
                        assert_true(g == 0.0);
                        continue;
                    }
                    double t = want[(((size_t)i * c + k) * h + y) * w + x];
                    e += (g - t) * (g - t), q += t * t;
                }
    return sqrt(e / (q > 0 ? q : 1));
}

static const mnk_conv_shape *shapes(int *count) {
    static mnk_conv_shape s[40];
    int n = 0;
    s[n++] = shape(5, 3, 16, 16, 16, 4, 2, 1); /* first layer of a discriminator */
    s[n++] = shape(9, 3, 14, 11, 40, 4, 2, 1); /* odd width, three channel blocks and a half */
    s[n++] = shape(3, 1, 8, 8, 16, 4, 2, 1);   /* grey */
    s[n++] = shape(3, 4, 6, 10, 12, 4, 2, 1);
    s[n++] = shape(9, 12, 8, 8, 24, 4, 2, 1);    /* packed images, tail block */
    s[n++] = shape(2, 64, 8, 8, 128, 4, 2, 1);   /* Winograd's territory */
    s[n++] = shape(3, 72, 12, 20, 136, 4, 2, 1); /* not square, channels not a power of two */
    s[n++] = shape(11, 64, 4, 4, 128, 4, 2, 1);
    s[n++] = shape(2, 64, 9, 7, 128, 4, 2, 1);  /* odd sizes */
    s[n++] = shape(1, 128, 2, 2, 256, 4, 2, 1); /* one output pixel */
    s[n++] = shape(3, 66, 10, 6, 130, 4, 2, 1); /* channels not in whole blocks */
    s[n++] = shape(20, 64, 4, 4, 32, 4, 2, 1);  /* F(2,2), two chunks at most */
    s[n++] = shape(40, 16, 8, 8, 24, 4, 2, 1);
    s[n++] = shape(24, 8, 64, 64, 8, 4, 2, 1); /* several chunks */
    s[n++] = shape(6, 40, 11, 14, 24, 3, 1, 1);
    s[n++] = shape(4, 16, 4, 4, 1, 4, 1, 0); /* a single output */
    s[n++] = shape(3, 16, 9, 9, 16, 3, 1, 1);
    s[n++] = shape(3, 16, 9, 11, 24, 3, 2, 1);
    s[n++] = shape(2, 64, 8, 8, 64, 3, 1, 1);
    s[n++] = shape(2, 128, 6, 5, 128, 3, 1, 1);
    s[n++] = shape(3, 1, 7, 5, 8, 3, 1, 1);
    s[n++] = shape(8, 24, 6, 6, 40, 1, 1, 0);
    s[n++] = shape(2, 32, 7, 7, 8, 1, 2, 0);
    s[n++] = shape(1, 8, 4, 4, 3, 3, 1, 1);
    *count = n;
    return s;
}

static void check_backend(const mnk_backend *backend, const mnk_conv_shape *s, double tolerance) {
    mnk_error err = MNK_ERROR_INIT;
    operands o = make(*s, true);
    mnk_conv *c = NULL;
    assert_ok(backend->conv_open(s, true, true, true, &c, &err));
    void *scratch = need(backend->conv_scratch_bytes(c), 1);
    float *y = need(o.by, 4), *dx = need(o.bx, 4), *dw = need(o.nw, 4);
    backend->conv_weights(c, o.w);
    backend->conv_fwd(c, o.xb, y, scratch);
    memset(dx, 0x7f, o.bx * 4); /* "overwrites dx" */
    backend->conv_bwd_data(c, o.yb, dx, scratch);
    backend->conv_bwd_weights(c, o.xb, o.yb, dw, false, scratch);
    double ef = map_error(y, o.fwd, s->n, s->oc, s->oh, s->ow), ed = map_error(dx, o.data, s->n, s->ic, s->ih, s->iw);
    double ew = 0, q = 0;
    for (size_t i = 0; i < o.nw; i++) ew += pow(dw[i] - o.weights[i], 2), q += pow(o.weights[i], 2);
    ew = sqrt(ew / q);
    if (ef > tolerance || ed > tolerance || ew > tolerance)
        fail_msg("%s %d %dx%dx%d -> %dx%dx%d k%d s%d: relative errors %.1e %.1e %.1e", backend->name, s->n, s->ic, s->ih, s->iw,
                 s->oc, s->oh, s->ow, s->k, s->stride, ef, ed, ew);
    backend->conv_bwd_weights(c, o.xb, o.yb, dw, true, scratch); /* accumulates: twice the gradient */
    for (size_t i = 0; i < o.nw; i++) assert_true(fabs(dw[i] - 2 * o.weights[i]) <= 1e-4 * (1 + fabs(o.weights[i])) * 10);
    backend->conv_close(c);
    mnk_free(scratch), mnk_free(y), mnk_free(dx), mnk_free(dw);
    release(&o);
}

static void test_conv_against_double(void **state) {
    (void)state;
    int n = 0;
    const mnk_conv_shape *s = shapes(&n);
    mnk_threads_set(2);
    for (int i = 0; i < n; i++) {
        check_backend(mnk_backend_find("auto"), &s[i], 2e-5);
        check_backend(mnk_backend_find("reference"), &s[i], 2e-5);
    }
}

#if MNK_HAVE_ONEDNN
/* Winograd alone, also where the rule prefers the direct kernel. */
static mnk_status winograd_open(const mnk_conv_shape *s, bool f, bool d, bool w, mnk_conv **out, mnk_error *err) {
    (void)w;
    mnk_winograd *p = NULL;
    mnk_status status = mnk_winograd_open(s, f || d, &p, err);
    *out = (mnk_conv *)p;
    return status;
}
static void winograd_close(mnk_conv *c) { mnk_winograd_close((mnk_winograd *)c); }
static size_t winograd_scratch(const mnk_conv *c) { return mnk_winograd_scratch_bytes((const mnk_winograd *)c); }
static void winograd_weights(mnk_conv *c, const real *w) { mnk_winograd_weights((mnk_winograd *)c, w); }
static void winograd_fwd(mnk_conv *c, const real *x, real *y, void *s) { mnk_winograd_fwd((mnk_winograd *)c, x, y, s); }
static void winograd_data(mnk_conv *c, const real *dy, real *dx, void *s) {
    mnk_winograd_bwd_data((mnk_winograd *)c, dy, dx, s);
}
static void winograd_bwd_weights(mnk_conv *c, const real *x, const real *dy, real *dw, bool accumulate, void *s) {
    mnk_winograd_bwd_weights((mnk_winograd *)c, x, dy, dw, accumulate, s);
}

static void test_winograd_against_double(void **state) {
    (void)state;
    const mnk_backend b = {"winograd",       winograd_open,        winograd_close,
                           winograd_scratch, winograd_weights,     winograd_fwd,
                           winograd_data,    winograd_bwd_weights, NULL};
    int n = 0, tested = 0;
    const mnk_conv_shape *s = shapes(&n);
    for (int i = 0; i < n; i++)
        if (mnk_winograd_possible(&s[i])) check_backend(&b, &s[i], 1e-5), tested++;
    assert_true(tested >= 10);
}

static void test_winograd_rule(void **state) {
    (void)state;
    mnk_conv_shape yes = shape(64, 64, 32, 32, 128, 4, 2, 1), one_by_one = shape(64, 64, 8, 8, 64, 1, 1, 0);
    mnk_conv_shape few_outputs = shape(64, 64, 8, 8, 8, 3, 1, 1), wasteful = shape(64, 64, 2, 2, 64, 4, 2, 1);
    for (int pass = 0; pass < 3; pass++) {
        assert_true(mnk_winograd_wins(&yes, (mnk_pass)pass));
        assert_false(mnk_winograd_wins(&one_by_one, (mnk_pass)pass));
        assert_false(mnk_winograd_wins(&few_outputs, (mnk_pass)pass));
        assert_false(mnk_winograd_wins(&wasteful, (mnk_pass)pass));
    }
}
#endif

static void test_conv_single_passes(void **state) {
    (void)state;
    const mnk_backend *b = mnk_backend_find("auto");
    mnk_conv_shape s = shape(4, 64, 8, 8, 128, 4, 2, 1);
    operands o = make(s, true);
    for (int pass = 0; pass < 3; pass++) { /* an object opened for one pass alone */
        mnk_error err = MNK_ERROR_INIT;
        mnk_conv *c = NULL;
        assert_ok(b->conv_open(&s, pass == 0, pass == 1, pass == 2, &c, &err));
        void *scratch = need(b->conv_scratch_bytes(c), 1);
        float *out = need(o.bx + o.by + o.nw, 4);
        b->conv_weights(c, o.w);
        if (pass == 0) b->conv_fwd(c, o.xb, out, scratch), assert_true(map_error(out, o.fwd, s.n, s.oc, s.oh, s.ow) < 2e-5);
        if (pass == 1)
            b->conv_bwd_data(c, o.yb, out, scratch), assert_true(map_error(out, o.data, s.n, s.ic, s.ih, s.iw) < 2e-5);
        if (pass == 2) {
            b->conv_bwd_weights(c, o.xb, o.yb, out, false, scratch);
            for (size_t i = 0; i < o.nw; i++) assert_true(fabs(out[i] - o.weights[i]) < 1e-3);
        }
        b->conv_close(c);
        mnk_free(scratch), mnk_free(out);
    }
    release(&o);
}

/* Results of one configuration, one after the other, for comparing bytes. */
static float *all_passes(const mnk_backend *b, const operands *o, int threads, size_t *count) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_conv *c = NULL;
    mnk_threads_set(threads);
    assert_ok(b->conv_open(&o->s, true, true, true, &c, &err));
    void *scratch = need(b->conv_scratch_bytes(c), 1);
    *count = o->by + o->bx + o->nw;
    float *out = need(*count, 4);
    b->conv_weights(c, o->w);
    b->conv_fwd(c, o->xb, out, scratch);
    b->conv_bwd_data(c, o->yb, out + o->by, scratch);
    b->conv_bwd_weights(c, o->xb, o->yb, out + o->by + o->bx, false, scratch);
    b->conv_close(c);
    mnk_free(scratch);
    return out;
}

static void test_conv_same_bytes_for_any_threads(void **state) {
    (void)state;
    const mnk_backend *b = mnk_backend_find("auto");
    int count = 0;
    const mnk_conv_shape *listed = shapes(&count);
    mnk_conv_shape s[60];
    memcpy(s, listed, (size_t)count * sizeof *s);
    s[count++] = shape(64, 3, 32, 32, 32, 4, 2, 1);
    s[count++] = shape(64, 32, 16, 16, 64, 4, 2, 1);
    s[count++] = shape(64, 64, 8, 8, 128, 4, 2, 1);
    s[count++] = shape(33, 64, 16, 16, 128, 4, 2, 1);
    for (int i = 0; i < count; i++) {
        operands o = make(s[i], false);
        size_t n = 0;
        float *one = all_passes(b, &o, 1, &n);
        for (int threads = 2; threads <= 4; threads += 2) {
            float *more = all_passes(b, &o, threads, &n);
            assert_memory_equal(one, more, n * sizeof *one);
            mnk_free(more);
        }
        mnk_free(one);
        release(&o);
    }
    mnk_threads_set(0);
}

static void test_conv_refuses_wrong_sizes(void **state) {
    (void)state;
    mnk_conv_shape s = shape(2, 8, 8, 8, 8, 4, 2, 1);
    s.oh++;
    mnk_error err = MNK_ERROR_INIT;
    mnk_conv *c = NULL;
    assert_int_equal(mnk_backend_find("auto")->conv_open(&s, true, true, true, &c, &err), MNK_ERR_USAGE);
    assert_null(c);
    assert_non_null(strstr(err.message, "do not fit"));
}

static void test_conv_open_survives_short_memory(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        mnk_conv_shape s = i ? shape(4, 64, 8, 8, 128, 4, 2, 1) : shape(4, 16, 8, 8, 16, 3, 1, 1);
        int failed = 0;
        for (long at = 1; at < 20; at++) {
            mnk_error err = MNK_ERROR_INIT;
            mnk_conv *c = NULL;
            mnk_alloc_fail_after(at);
            mnk_status status = mnk_backend_find("auto")->conv_open(&s, true, true, true, &c, &err);
            mnk_alloc_fail_after(0);
            if (status == MNK_OK) {
                mnk_backend_find("auto")->conv_close(c);
                break;
            }
            assert_int_equal(status, MNK_ERR_MEMORY);
            failed++;
        }
        assert_true(failed >= 2);
    }
}

static const int gemm_sizes[][3] = {{1, 1, 1},       {3, 5, 7},       {64, 8192, 103}, {103, 8192, 64},
                                    {500, 256, 256}, {500, 256, 128}, {256, 256, 500}, {500, 64, 256},
                                    {257, 31, 129},  {16, 16, 20000}, {1, 300, 1000}};

static void gemm_case(const int *size, bool ta, bool tb, float beta) {
    int m = size[0], n = size[1], k = size[2];
    int lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 5, ldc = n + 2;
    size_t na = (size_t)(ta ? k : m) * lda, nb = (size_t)(tb ? n : k) * ldb, nc = (size_t)m * ldc;
    float *a = need(na, 4), *b = need(nb, 4), *c = need(nc, 4), *first = need(nc, 4), *start = need(nc, 4);
    fill(a, na, 11), fill(b, nb, 12), fill(start, nc, 13);
    const int threads[] = {1, 2, 4};
    for (int t = 0; t < COUNT(threads); t++) {
        mnk_threads_set(threads[t]);
        memcpy(c, start, nc * 4);
        mnk_backend_find("auto")->gemm(ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc);
        if (t == 0) memcpy(first, c, nc * 4);
        assert_memory_equal(first, c, nc * 4);
    }
    for (int i = 0; i < m; i++)
        for (int j = 0; j < ldc; j++) {
            size_t at = (size_t)i * ldc + j;
            if (j >= n) {
                assert_true(c[at] == start[at]); /* between the rows nothing is touched */
                continue;
            }
            if ((size_t)m * n * k > 2000000 && (i * 31 + j) % 97) continue;
            double sum = beta * start[at];
            for (int q = 0; q < k; q++)
                sum += (double)(ta ? a[(size_t)q * lda + i] : a[(size_t)i * lda + q]) *
                       (tb ? b[(size_t)j * ldb + q] : b[(size_t)q * ldb + j]);
            assert_true(fabs(sum - c[at]) < 1e-4);
        }
    mnk_free(a), mnk_free(b), mnk_free(c), mnk_free(first), mnk_free(start);
}

static void test_gemm(void **state) {
    (void)state;
    for (int i = 0; i < COUNT(gemm_sizes); i++)
        for (int mode = 0; mode < 8; mode++) gemm_case(gemm_sizes[i], mode & 1, mode & 2, mode & 4 ? 1.0f : 0.0f);
    mnk_threads_set(0);
}

static void test_threads_are_what_was_asked(void **state) {
    (void)state;
    for (int n = 1; n <= 4; n++) {
        mnk_threads_set(n);
        assert_int_equal(mnk_threads(), n);
        int seen = 0;
#pragma omp parallel reduction(+ : seen)
        seen += 1;
        assert_int_equal(seen, n);
    }
    mnk_threads_set(0);
}

static void test_find(void **state) {
    (void)state;
    assert_non_null(mnk_backend_find("auto"));
    assert_string_equal(mnk_backend_find("reference")->name, "reference");
    assert_null(mnk_backend_find("abacus"));
    assert_null(mnk_backend_find(NULL));
    assert_int_equal(mnk_padded(3), 8);
    assert_int_equal(mnk_padded(16), 16);
}

/* Relative error of `got` against `want`, small values against 1e-30. */
static double relative(double got, double want) { return fabs(got - want) / (fabs(want) + 1e-30); }

static void test_vector_functions(void **state) {
    (void)state;
    enum { N = 40003 }; /* not a multiple of eight: the last few take another path */
    float *x = need(N, 4), *t = need(N, 4), *g = need(N, 4);
    for (int i = 0; i < N; i++) x[i] = -20.0f + 40.0f * (float)i / (N - 1);
    mnk_tanh_f32(x, t, N);
    mnk_sigmoid_f32(x, g, N);
    double worst_exp = 0, worst_tanh = 0, worst_sigmoid = 0;
    for (int i = 0; i < N; i++) {
        v8 e = v8_exp((v8){0} + x[i]);
        worst_exp = fmax(worst_exp, relative(e[3], exp(x[i])));
        worst_tanh = fmax(worst_tanh, relative(t[i], tanh(x[i])));
        worst_sigmoid = fmax(worst_sigmoid, relative(g[i], 1 / (1 + exp(-(double)x[i]))));
    }
    if (worst_exp > 1.2e-7 || worst_tanh > 5e-7 || worst_sigmoid > 3e-7)
        fail_msg("largest relative errors: exp %.2e, tanh %.2e, sigmoid %.2e", worst_exp, worst_tanh, worst_sigmoid);
    const float ends[] = {-1e30f, -100, 0, 100, 1e30f};
    mnk_tanh_f32(ends, t, 5);
    mnk_sigmoid_f32(ends, g, 5);
    assert_true(t[0] == -1 && t[1] == -1 && t[2] == 0 && t[3] == 1 && t[4] == 1);
    assert_true(g[0] >= 0 && g[0] < 1e-30f && g[2] == 0.5f && g[4] == 1);
    mnk_free(x), mnk_free(t), mnk_free(g);
}

/* A convolutional classifier-like net with every kind of kernel; its gradient's bytes after two steps. */
static float *train_steps(int threads, size_t *n) {
    enum { BATCH = 19, SIZE = 16, CLASSES = 3 };
    mnk_error err = MNK_ERROR_INIT;
    mnk_threads_set(threads);
    mnk_net *net = mnk_net_open();
    mnk_value x = mnk_net_input(net, "x", 3, SIZE, SIZE), y = mnk_net_labels(net, "y", CLASSES);
    mnk_value v = mnk_net_act(net, mnk_net_conv(net, x, "a", 24, 4, 2, 1, MNK_NN_BIAS), MNK_ACT_LEAKY, 0.2);
    v = mnk_net_act(net, mnk_net_norm(net, mnk_net_conv(net, v, "b", 40, 3, 1, 1, 0), "bn", MNK_NORM_BATCH, 0, -1),
                    MNK_ACT_RELU, 0);
    v = mnk_net_act(net, mnk_net_norm(net, mnk_net_conv(net, v, "c", 48, 4, 2, 1, 0), "cn", MNK_NORM_BATCH, 0, y), MNK_ACT_RELU,
                    0);
    v = mnk_net_act(net, mnk_net_deconv(net, v, "d", 24, 4, 2, 1, 0), MNK_ACT_TANH, 0);
    v = mnk_net_act(net, mnk_net_norm(net, mnk_net_linear(net, v, "e", 70, MNK_NN_BIAS), "en", MNK_NORM_BATCH, 0, -1),
                    MNK_ACT_SILU, 0);
    mnk_value out = mnk_net_linear(net, v, "f", 1, MNK_NN_BIAS);
    assert_ok(mnk_net_check(net, &err));
    mnk_params *p = NULL;
    mnk_plan *plan = NULL;
    assert_ok(mnk_params_open(net, MNK_INIT_HE, 3, 0, &p, &err));
    assert_ok(mnk_plan_open(net, p, BATCH, mnk_backend_find("auto"), MNK_PLAN_TRAIN, &plan, &err));
    float *image = need((size_t)BATCH * 3 * SIZE * SIZE, 4), slope[BATCH];
    int32_t label[BATCH];
    for (int i = 0; i < BATCH; i++) label[i] = i % CLASSES;
    mnk_plan_put_labels(plan, y, label);
    const mnk_adam adam = {1e-3, 0.9, 0.999, 1e-8, 0, 0.9};
    for (int step = 0; step < 2; step++) {
        fill(image, (size_t)BATCH * 3 * SIZE * SIZE, (uint64_t)(20 + step));
        mnk_plan_put(plan, x, image);
        mnk_plan_forward(plan, NULL);
        mnk_plan_get(plan, out, slope);
        mnk_plan_put_grad(plan, out, slope); /* loss: half the sum of squares */
        mnk_plan_backward(plan, out, MNK_BACK_WEIGHTS);
        mnk_params_adam(p, &adam);
        mnk_plan_refresh(plan, false);
    }
    *n = 2 * p->n;
    float *result = need(*n, 4);
    memcpy(result, p->g, p->n * sizeof *result);
    memcpy(result + p->n, p->w, p->n * sizeof *result);
    mnk_plan_close(plan), mnk_params_close(p), mnk_net_close(net), mnk_free(image);
    return result;
}

static void test_steps_same_bytes_for_any_threads(void **state) {
    (void)state;
    size_t n = 0;
    float *one = train_steps(1, &n);
    double size = 0;
    for (size_t i = 0; i < n / 2; i++) size += fabs(one[i]);
    assert_true(size > 0);
    for (int threads = 2; threads <= 4; threads += 2) {
        float *more = train_steps(threads, &n);
        assert_memory_equal(one, more, n * sizeof *one);
        mnk_free(more);
    }
    mnk_free(one);
    mnk_threads_set(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_are_what_was_asked),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_conv_against_double),
#if MNK_HAVE_ONEDNN
        cmocka_unit_test(test_winograd_against_double),
        cmocka_unit_test(test_winograd_rule),
#endif
        cmocka_unit_test(test_conv_single_passes),
        cmocka_unit_test(test_conv_same_bytes_for_any_threads),
        cmocka_unit_test(test_conv_refuses_wrong_sizes),
        cmocka_unit_test(test_conv_open_survives_short_memory),
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_vector_functions),
        cmocka_unit_test(test_steps_same_bytes_for_any_threads),
    };
    return MNK_RUN_TESTS("kernels", tests);
}
