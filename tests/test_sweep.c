/* The sweep and what is computed from it, against numpy on numpy's own random stream, and against brute force. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "evaluate/frechet.h"
#include "evaluate/neighbours.h"
#include "evaluate/scatter.h"
#include "golden/evaluate.h"
#include "math/fft.h"
#include "math/linalg.h"
#include "numpy_stream.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void near(double got, double expected, double tolerance, const char *what) {
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%s: %.10g, expected %.10g (off by %.3g)", what, got, expected, got - expected);
}

static void test_numpy_stream(void **state) {
    (void)state;
    enum { N = 5000 * 64, M = 4000 * 8 };
    float *f = mnk_alloc(2 * N, sizeof *f);
    double *d = mnk_alloc(2 * M, sizeof *d), sum = 0, size = 0;
    numpy_stream r = numpy_default_rng(0);
    numpy_standard_normal_f32(&r, f, 2 * N);
    for (int k = 0; k < 4; k++) {
        assert_true((double)f[k] == golden_stream_f32[k]);
        assert_true((double)f[2 * N - 4 + k] == golden_stream_f32[4 + k]);
    }
    for (int k = 0; k < N; k++) sum += (double)f[k], size += fabs((double)f[N + k]);
    near(sum, golden_stream_f32[8], 1e-6, "sum");
    near(size, golden_stream_f32[9], 1e-6, "sum of sizes");
    r = numpy_default_rng(0);
    numpy_standard_normal_f64(&r, d, 2 * M);
    for (int k = 0; k < 4; k++) {
        near(d[k], golden_stream_f64[k], 1e-13, "first");
        near(d[2 * M - 4 + k], golden_stream_f64[4 + k], 1e-13, "last");
    }
    mnk_free(f);
    mnk_free(d);
}

/* All twelve golden numbers of one pair of sets, in the order of make_evaluate.py's judge(). */
static void judge(const float *x, const float *y, size_t n, size_t d, double out[12]) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_points a = {0}, b = {0};
    mnk_knn knn = {0};
    mnk_neighbours s = {0};
    mnk_alpha_compat c;
    float *mean = mnk_alloc(d, sizeof *mean);
    uint8_t *authentic = mnk_alloc(n, 1);
    assert_ok(mnk_column_means(x, n, d, mean, &err));
    assert_ok(mnk_points_open(x, n, d, mean, &a, &err));
    assert_ok(mnk_points_open(y, n, d, mean, &b, &err));
    assert_ok(mnk_sweep_self(&a, 5, &knn, &err));
    assert_ok(mnk_neighbours_open(&a, &knn, &b, &s, &err));
    assert_ok(mnk_alpha_as_published(&a, &knn, &b, &s.cross, &c, &err));
    assert_ok(mnk_authenticity(&a, &b, authentic, NULL, NULL, &err));
    out[0] = s.value[MNK_NB_PRECISION], out[1] = s.value[MNK_NB_RECALL], out[2] = s.value[MNK_NB_DENSITY];
    out[3] = s.value[MNK_NB_COVERAGE], out[4] = s.value[MNK_NB_ALPHA_PRECISION], out[5] = s.value[MNK_NB_BETA_RECALL];
    out[6] = c.authors_alpha, out[7] = c.authors_beta, out[8] = c.synthcity_alpha, out[9] = c.synthcity_beta,
    out[10] = c.authenticity;
    out[11] = 0;
    for (size_t i = 0; i < n; i++) out[11] += authentic[i] / (double)n;
    assert_ok(mnk_neighbours_intervals(&s, NULL, NULL, 200, 1, 0.95, &err));
    for (int m = 0; m < MNK_NB_METRICS; m++) assert_true(s.low[m] <= s.value[m] + 0.02 && s.high[m] >= s.value[m] - 0.02);
    mnk_neighbours_close(&s);
    mnk_knn_close(&knn);
    mnk_points_close(&a);
    mnk_points_close(&b);
    mnk_free(mean);
    mnk_free(authentic);
}

static void check_judge(const float *x, const float *y, size_t n, size_t d, const double *golden, const char *name) {
    static const char *const what[12] = {"precision",
                                         "recall",
                                         "density",
                                         "coverage",
                                         "alpha",
                                         "beta",
                                         "authors alpha",
                                         "authors beta",
                                         "synthcity alpha",
                                         "synthcity beta",
                                         "authenticity as published",
                                         "authenticity"};
    double got[12];
    char text[96];
    judge(x, y, n, d, got);
    for (int k = 0; k < 12; k++) {
        snprintf(text, sizeof text, "%s: %s", name, what[k]);
        near(got[k], golden[k], 1e-4, text);
    }
}

/* evaluation.md 2.2 and the second line of 2.1: .6842 .6960 1.01988 .9708; .97568 .49823 .4980; .97649 .51496. */
static void test_golden_5000(void **state) {
    (void)state;
    enum { N = 5000, D = 64 };
    float *x = mnk_alloc(2 * N * D, sizeof *x);
    numpy_stream r = numpy_default_rng(0);
    numpy_standard_normal_f32(&r, x, 2 * N * D);
    check_judge(x, x + N * D, N, D, golden_5000, "5000 x 64");
    near(golden_5000[7], 0.49823, 1e-5, "published beta-recall");
    mnk_free(x);
}

/* The five situations of the authenticity vectors: fresh, copies, a tenth copied, few copied often, half copied and half far.
 */
static void test_golden_authenticity(void **state) {
    (void)state;
    enum { N = 4000, D = 8 };
    double *raw = mnk_alloc(2 * N * D, sizeof *raw);
    float *x = mnk_alloc(3 * N * D, sizeof *x), *y = x + N * D, *z = y + N * D;
    numpy_stream r = numpy_default_rng(0);
    numpy_standard_normal_f64(&r, raw, 2 * N * D);
    for (size_t i = 0; i < 2 * N * D; i++) x[i] = (float)raw[i];
    check_judge(x, y, N, D, golden_fresh, "fresh");
    check_judge(x, x, N, D, golden_copies, "copies");
    memcpy(z, x, 400 * D * sizeof *z);
    memcpy(z + 400 * D, y, 3600 * D * sizeof *z);
    check_judge(x, z, N, D, golden_tenth_copied, "a tenth copied");
    for (int i = 0; i < N; i++) memcpy(z + i * D, x + i / 20 * D, D * sizeof *z);
    check_judge(x, z, N, D, golden_few_copied_often, "few copied often");
    memcpy(z, x, 2000 * D * sizeof *z);
    for (int i = 0; i < 2000 * D; i++) z[2000 * D + i] = y[i] + 10;
    check_judge(x, z, N, D, golden_half_copied_half_far, "half copied, half far");
    near(golden_fresh[11], 0.562, 6e-4, "paper");
    near(golden_fresh[10], 0.515, 6e-4, "published");
    mnk_free(raw);
    mnk_free(x);
}

/* Whole matrices in double precision, sizes that fill no tile. */
static void test_brute_force(void **state) {
    (void)state;
    enum { N = 777, M = 1301, D = 19, K = 7 };
    mnk_error err = MNK_ERROR_INIT;
    float *x = mnk_alloc((N + M) * D, sizeof *x), *y = x + N * D;
    mnk_rng r = mnk_rng_at(3, MNK_PURPOSE_TEST, 0, 0);
    mnk_rng_normal_f32(&r, x, (N + M) * D);
    for (int i = 0; i < 40; i++) memcpy(x + (i + 100) * D, x + (i % 5) * D, D * sizeof *x); /* duplicates within */
    for (int i = 0; i < 40; i++) memcpy(y + (i + 600) * D, x + (i * 3) * D, D * sizeof *x); /* and across */
    mnk_points a = {0}, b = {0};
    mnk_knn knn = {0};
    mnk_cross c = {0};
    assert_ok(mnk_points_open(x, N, D, NULL, &a, &err));
    assert_ok(mnk_points_open(y, M, D, NULL, &b, &err));
    assert_ok(mnk_sweep_self(&a, K, &knn, &err));
    assert_ok(mnk_sweep_cross(&a, &b, NULL, &c, &err));
    for (size_t i = 0; i < N; i++) {
        int closer = 0, zeros = 0;
        float best = INFINITY;
        for (size_t l = 0; l < N; l++) {
            float d2 = mnk_distance2(x + i * D, x + l * D, D);
            if (l != i) closer += d2 < knn.d2[i * K + K - 1] * 0.9999f, zeros += d2 == 0;
        }
        assert_true(closer < K);
        for (int k = 0; k < K; k++) {
            const size_t l = knn.index[i * K + (size_t)k];
            assert_true(l < N && l != i);
            near((double)knn.d2[i * K + (size_t)k], (double)mnk_distance2(x + i * D, x + l * D, D), 1e-4, "neighbour");
            if (k < zeros) assert_true(knn.d2[i * K + (size_t)k] == 0);
            if (k) assert_true(knn.d2[i * K + (size_t)k] >= knn.d2[i * K + (size_t)k - 1]);
        }
        for (size_t j = 0; j < M; j++) best = fminf(best, mnk_distance2(x + i * D, y + j * D, D));
        near((double)c.nearest_a2[i], (double)best, 1e-4, "nearest");
        if (best == 0) assert_true(c.nearest_a2[i] == 0);
    }
    mnk_points_close(&a);
    mnk_points_close(&b);
    mnk_knn_close(&knn);
    mnk_cross_close(&c);
    mnk_free(x);
}

/* Numbers and codes together, and codes alone: every tile entry is the difference plus the mismatches; the sweep finds what a
 * search over all pairs finds. */
static void test_codes(void **state) {
    (void)state;
    enum { N = 301, M = 650, CODES = 37 };
    mnk_error err = MNK_ERROR_INIT;
    for (size_t d = 0; d <= 5; d += 5) {
        float *x = mnk_alloc((N + M) * 5, sizeof *x), *tile = mnk_alloc(N * M, sizeof *tile);
        uint16_t *code = mnk_alloc((N + M) * CODES, sizeof *code);
        mnk_points a = {0}, b = {0};
        mnk_cross c = {0};
        mnk_rng r = mnk_rng_at(5, MNK_PURPOSE_TEST, d, 0);
        mnk_rng_normal_f32(&r, x, (N + M) * 5);
        for (size_t i = 0; i < (N + M) * CODES; i++) code[i] = (uint16_t)(mnk_rng_below(&r, 3) * 32767);
        memcpy(code + (N + 70) * CODES, code, CODES * sizeof *code); /* a copy across */
        memcpy(x + (N + 70) * d, x, d * sizeof *x);
        assert_ok(mnk_points_open(x, N, d, NULL, &a, &err));
        assert_ok(mnk_points_open(x + N * d, M, d, NULL, &b, &err));
        assert_ok(mnk_points_add_codes(&a, code, CODES, &err));
        assert_ok(mnk_points_add_codes(&b, code + N * CODES, CODES, &err));
        mnk_distance2_tile(&a, 0, N, &b, 0, M, tile, M);
        assert_ok(mnk_sweep_cross(&a, &b, NULL, &c, &err));
        for (size_t i = 0; i < N; i++) {
            double best = INFINITY;
            for (size_t j = 0; j < M; j++) {
                double d2 = 0;
                for (size_t k = 0; k < d; k++) d2 += pow((double)x[i * d + k] - (double)x[(N + j) * d + k], 2);
                for (size_t k = 0; k < CODES; k++) d2 += code[i * CODES + k] != code[(N + j) * CODES + k];
                near((double)tile[i * M + j], d2, 1e-4, "tile");
                near(mnk_points_distance2(&a, i, &b, j), d2, 1e-12, "double");
                best = fmin(best, d2);
            }
            near((double)c.nearest_a2[i], best, 1e-4, "nearest");
        }
        assert_true(c.nearest_a2[0] == 0 && c.nearest_a_index[0] == 70);
        mnk_cross_close(&c);
        mnk_points b_less = b;
        b_less.codes--;
        assert_int_equal(mnk_sweep_cross(&a, &b_less, NULL, &c, &err), MNK_ERR_INPUT);
        mnk_error_clear(&err);
        mnk_cross_close(&c);
        mnk_points_close(&a);
        mnk_points_close(&b);
        mnk_free(x);
        mnk_free(code);
        mnk_free(tile);
    }
}

static void test_threads(void **state) {
    (void)state;
    enum { N = 1500, D = 33 };
    double first[12], again[12];
    float *x = mnk_alloc(2 * N * D, sizeof *x);
    mnk_rng r = mnk_rng_at(4, MNK_PURPOSE_TEST, 0, 0);
    mnk_rng_normal_f32(&r, x, 2 * N * D);
    mnk_threads_set(1);
    judge(x, x + N * D, N, D, first);
    for (int threads = 2; threads <= 4; threads += 2) {
        mnk_threads_set(threads);
        judge(x, x + N * D, N, D, again);
        assert_memory_equal(first, again, sizeof first);
    }
    mnk_threads_set(0);
    mnk_free(x);
}

static void test_moments(void **state) {
    (void)state;
    enum { D = 6 };
    mnk_error err = MNK_ERROR_INIT;
    double *raw = mnk_alloc(2 * 4000 * 8, sizeof *raw);
    float *a = mnk_alloc(1100 * D, sizeof *a), *b = a + 600 * D;
    numpy_stream r = numpy_default_rng(0);
    numpy_standard_normal_f64(&r, raw, 2 * 4000 * 8);
    for (int i = 0; i < 600; i++)
        for (int k = 0; k < D; k++) a[i * D + k] = (float)raw[i * 8 + k];
    for (int i = 0; i < 500; i++)
        for (int k = 0; k < D; k++) b[i * D + k] = (float)raw[4000 * 8 + i * 8 + k] * 1.3f + 0.2f;
    mnk_estimate fd, kid;
    assert_ok(mnk_frechet(a, 600, b, 500, D, 1, &fd, &err));
    assert_ok(mnk_kid(a, 600, b, 500, D, &kid, &err));
    near(fd.value, golden_frechet[0], 1e-6, "frechet");
    near(kid.value, golden_kid[0], 1e-5, "kid");
    /* the standard errors against the spread over fresh samples of the same two distributions */
    double v[2][200], mean[2] = {0}, sd[2] = {0};
    for (int t = 0; t < 200; t++) {
        mnk_rng q = mnk_rng_at(5, MNK_PURPOSE_TEST, (uint64_t)t, 0);
        mnk_estimate f, k;
        mnk_rng_normal_f32(&q, a, 1100 * D);
        for (int i = 0; i < 500 * D; i++) b[i] = b[i] * 1.3f + 0.2f;
        assert_ok(mnk_frechet(a, 600, b, 500, D, 0, &f, &err));
        assert_ok(mnk_kid(a, 600, b, 500, D, &k, &err));
        v[0][t] = f.value, v[1][t] = k.value;
        mean[0] += f.value / 200, mean[1] += k.value / 200;
    }
    for (int m = 0; m < 2; m++) {
        for (int t = 0; t < 200; t++) sd[m] += (v[m][t] - mean[m]) * (v[m][t] - mean[m]) / 199;
        near((m ? kid.se : fd.se) / sqrt(sd[m]), 1, 0.25, m ? "kid's standard error" : "frechet's standard error");
    }
    mnk_free(raw);
    mnk_free(a);
}

typedef struct pattern {
    int channels, h, w;
} pattern;

static void pattern_plane(void *ctx, size_t i, float *x) {
    const pattern *p = ctx;
    (void)i;
    for (int k = 0; k < p->channels * p->h * p->w; k++) x[k] = (float)((k * 7919 + k * k % 251 * 31) % 256) / 255.0f * 2 - 1;
}

static void check_scatter(int channels, int h, int w, const double *golden, size_t count) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_scatter *s = NULL;
    pattern p = {channels, h, w};
    assert_ok(mnk_scatter_open(h, w, channels, &s, &err));
    const size_t n = mnk_scatter_dim(s);
    assert_int_equal(n, (size_t)golden[0]);
    float *f = mnk_alloc(n, sizeof *f);
    assert_ok(mnk_scatter_run(s, 1, pattern_plane, &p, f, &err));
    double sum = 0, square = 0;
    for (size_t k = 0; k < n; k++) sum += (double)f[k], square += (double)f[k] * (double)f[k];
    near(sum, golden[1], 2e-2, "sum"); /* over more than a thousand numbers */
    near(square, golden[2], 2e-1, "sum of squares");
    assert_int_equal(count, 3 + 36);
    for (size_t k = 0; k < 12; k++) {
        near((double)f[k], golden[3 + k], 1e-4, "first numbers");
        near((double)f[n / 2 + k], golden[15 + k], 1e-4, "middle numbers");
        near((double)f[n - 12 + k], golden[27 + k], 1e-4, "last numbers");
    }
    mnk_free(f);
    mnk_scatter_close(s);
}

static void test_scatter(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_scatter *s = NULL;
    check_scatter(1, 28, 28, golden_scatter_grey, COUNT(golden_scatter_grey));
    check_scatter(3, 32, 32, golden_scatter_rgb, COUNT(golden_scatter_rgb));
    check_scatter(3, 16, 24, golden_scatter_wide, COUNT(golden_scatter_wide));
    assert_int_equal(mnk_scatter_open(4, 32, 3, &s, &err), MNK_ERR_INPUT);
    assert_ok(mnk_scatter_open(33, 15, 1, &s, &err)); /* odd sides: no halving, still a transform */
    mnk_scatter_close(s);
}

static void test_fft(void **state) {
    (void)state;
    enum { H = 12, W = 35, L = MNK_FFT_LANES };
    mnk_error err = MNK_ERROR_INIT;
    mnk_fft rows, columns;
    static float re[H * W * L], im[H * W * L], was[H * W * L], work[4 * W * L];
    assert_ok(mnk_fft_open(W, &rows, &err));
    assert_ok(mnk_fft_open(H, &columns, &err));
    for (int i = 0; i < H * W * L; i++) re[i] = was[i] = (float)(i * 37 % 101) / 101 - 0.5f;
    memset(im, 0, sizeof im);
    mnk_fft_2d(&rows, &columns, -1, re, im, work);
    for (int v = 0; v < H; v += 5)
        for (int u = 0; u < W; u += 8)
            for (int l = 0; l < L; l++) { /* the definition */
                double sr = 0, si = 0;
                for (int y = 0; y < H; y++)
                    for (int x = 0; x < W; x++) {
                        const double t = -2 * M_PI * ((double)v * y / H + (double)u * x / W),
                                     z = (double)was[(y * W + x) * L + l];
                        sr += z * cos(t), si += z * sin(t);
                    }
                near((double)re[(v * W + u) * L + l], sr, 1e-4, "real part");
                near((double)im[(v * W + u) * L + l], si, 1e-4, "imaginary part");
            }
    mnk_fft_2d(&rows, &columns, +1, re, im, work);
    for (int i = 0; i < H * W * L; i++) near((double)re[i] / (H * W), (double)was[i], 1e-5, "there and back");
    mnk_fft_close(&rows);
    mnk_fft_close(&columns);
}

/* Whitened components have covariance 1, by both routes (more items than columns, and fewer). */
static void test_pca(void **state) {
    (void)state;
    enum { D = 60, M = 8 };
    mnk_error err = MNK_ERROR_INIT;
    for (int route = 0; route < 2; route++) {
        const size_t n = route ? 45 : 900;
        float *x = mnk_alloc(n * D, sizeof *x), *y = mnk_alloc(n * M, sizeof *y);
        double mean[M], cov[M * M];
        mnk_rng r = mnk_rng_at(6, MNK_PURPOSE_TEST, (uint64_t)route, 0);
        mnk_rng_normal_f32(&r, x, n * D);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < D; k++) x[i * D + k] = x[i * D + k] * (1 + 10 / (1 + (float)k)) + x[i * D + k / 2] + 3;
        mnk_pca p = {0};
        assert_ok(mnk_pca_fit(x, n, D, M, 1, &p, &err));
        assert_int_equal(p.m, M);
        mnk_pca_apply(&p, x, n, y);
        assert_ok(mnk_covariance(y, n, M, mean, cov, &err));
        for (int i = 0; i < M; i++)
            for (int j = 0; j < M; j++) near(cov[i * M + j], i == j, 1e-4, "covariance of whitened components");
        for (int k = 1; k < M; k++) assert_true(p.variance[k] <= p.variance[k - 1]);
        mnk_pca_close(&p);
        mnk_free(x);
        mnk_free(y);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numpy_stream), cmocka_unit_test(test_brute_force),
        cmocka_unit_test(test_golden_5000),  cmocka_unit_test(test_golden_authenticity),
        cmocka_unit_test(test_codes),        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_moments),      cmocka_unit_test(test_fft),
        cmocka_unit_test(test_scatter),      cmocka_unit_test(test_pca),
    };
    return MNK_RUN_TESTS("sweep", tests);
}
