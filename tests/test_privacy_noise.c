/* Noise: distributions by chi-square, exactness of what can be exact, and permits that cannot be misused. The generator is in
 * its reproducible mode here, so that a test either always passes or always fails. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "math/stats.h"
#include "privacy/grid_gaussian.h"
#include "privacy/permit.h"

static mnk_error err = MNK_ERROR_INIT;

/* Standard normal score of Pearson's statistic (Wilson & Hilferty 1931) for counts of draws in cells of given probability;
 * cells expecting fewer than 10 are joined with the next. */
static double chi_square_z(const double *expected, const double *seen, size_t cells) {
    double statistic = 0, e = 0, o = 0, freedom = -1;
    for (size_t i = 0; i < cells; i++) {
        e += expected[i], o += seen[i];
        if (e < 10 && i + 1 < cells) continue;
        if (e <= 0) continue;
        statistic += (o - e) * (o - e) / fmax(e, 10), freedom++;
        e = o = 0;
    }
    return (cbrt(statistic / freedom) - (1 - 2 / (9 * freedom))) / sqrt(2 / (9 * freedom));
}

/* Draws n integers and compares them with log_p (up to a constant) on -reach..reach, the ends counting what lies beyond. */
static double test_integers(int64_t (*draw)(void *ctx, mnk_noise *s), void *ctx, double (*log_p)(double k, double scale),
                            double scale, int reach, size_t n, uint64_t seed) {
    mnk_noise s;
    double *expected, *seen, total = 0;
    const size_t cells = 2 * (size_t)reach + 1;
    assert_ok(MNK_NEW(expected, cells, &err));
    assert_ok(MNK_NEW(seen, cells, &err));
    for (int k = -60 * reach; k <= 60 * reach; k++) {
        int at = k < -reach ? -reach : k > reach ? reach : k;
        double p = exp(log_p(k, scale));
        expected[at + reach] += p, total += p;
    }
    for (size_t i = 0; i < cells; i++) expected[i] *= (double)n / total;
    mnk_noise_open_reproducible(seed, &s);
    for (size_t i = 0; i < n; i++) {
        int64_t k = draw(ctx, &s);
        seen[(k < -reach ? -reach : k > reach ? reach : k) + reach]++;
    }
    double z = chi_square_z(expected, seen, cells);
    mnk_free(expected);
    mnk_free(seen);
    return z;
}

static double log_gaussian(double k, double sigma) { return -k * k / (2 * sigma * sigma); }
static double log_laplace(double k, double scale) { return -fabs(k) / scale; }
static int64_t draw_gaussian(void *ctx, mnk_noise *s) { return mnk_noise_discrete_gaussian(s, ctx); }
static int64_t draw_laplace(void *ctx, mnk_noise *s) {
    const uint64_t *scale = ctx;
    return mnk_noise_discrete_laplace(s, scale[0], scale[1]);
}

static void test_discrete_gaussian(void **state) {
    (void)state; /* 1e7 draws: bench/bench_privacy */
    static const double sigma[] = {.3, .5, 1, 2.7, 10, 100};
    for (size_t i = 0; i < sizeof sigma / sizeof *sigma; i++) {
        mnk_discrete_gaussian g;
        assert_true(mnk_discrete_gaussian_open(sigma[i], &g));
        double z = test_integers(draw_gaussian, &g, log_gaussian, sigma[i], (int)(4 * sigma[i]) + 2, 200000, i);
        if (!(z < 3.5)) fail_msg("sigma %g: z = %g", sigma[i], z);
        /* and it would be noticed if the variance were 3 % off */
        z = test_integers(draw_gaussian, &g, log_gaussian, sigma[i] * 1.03, (int)(4 * sigma[i]) + 2, 200000, i);
        if (!(z > 3.5)) fail_msg("sigma %g: a wrong variance goes unnoticed, z = %g", sigma[i], z);
    }
    mnk_discrete_gaussian g;
    assert_false(mnk_discrete_gaussian_open(0, &g) || mnk_discrete_gaussian_open(NAN, &g) ||
                 mnk_discrete_gaussian_open(1e9, &g));
}

static void test_discrete_laplace(void **state) {
    (void)state;
    static const uint64_t scale[][2] = {{1, 2}, {1, 1}, {7, 2}, {40, 1}, {5ull << 20, 1ull << 20}};
    for (size_t i = 0; i < sizeof scale / sizeof *scale; i++) {
        double b = (double)scale[i][0] / (double)scale[i][1], z;
        uint64_t own[2] = {scale[i][0], scale[i][1]};
        z = test_integers(draw_laplace, own, log_laplace, b, (int)(6 * b) + 2, 200000, 50 + i);
        if (!(z < 3.5)) fail_msg("scale %g: z = %g", b, z);
    }
}

static void test_bernoulli(void **state) {
    (void)state;
    static const double rate[] = {0, .1, 1, 2.5, 7};
    mnk_noise s;
    mnk_noise_open_reproducible(9, &s);
    for (size_t i = 0; i < sizeof rate / sizeof *rate; i++) {
        double hits = 0, n = 200000, low, high;
        for (int k = 0; k < n; k++) hits += mnk_noise_bernoulli_exp(&s, (mnk_u128)(rate[i] * 1000), 1000);
        mnk_clopper_pearson(hits, n, .9999, &low, &high);
        assert_true(exp(-rate[i]) >= low && exp(-rate[i]) <= high);
    }
    for (int k = 0; k < 1000; k++) { /* 128-bit bounds are kept, and reached above 64 bits */
        mnk_u128 n = ((mnk_u128)1 << 100) + 12345, x = mnk_noise_below(&s, n);
        assert_true(x < n);
        assert_true(mnk_noise_below(&s, 1) == 0);
    }
    mnk_u128 largest = 0;
    for (int k = 0; k < 200; k++) {
        mnk_u128 x = mnk_noise_below(&s, (mnk_u128)1 << 100);
        if (x > largest) largest = x;
    }
    assert_true(largest > (mnk_u128)1 << 99);
}

/* The grid Gaussian against the normal distribution in 64 cells of equal probability, and its lowest bits, which a sum of
 * tables could leave uneven. */
static void test_grid_gaussian(void **state) {
    (void)state;
    enum { N = 400000, CELLS = 64 };
    static const double sd[] = {1, 0.37, 1234.5, 1e-9};
    for (size_t i = 0; i < sizeof sd / sizeof *sd; i++) {
        mnk_grid_gaussian g;
        mnk_noise s;
        double expected[CELLS], seen[CELLS] = {0}, low[256] = {0}, even[256], sum = 0, squares = 0;
        mnk_noise_open_reproducible(100 + i, &s);
        assert_ok(mnk_grid_gaussian_open(sd[i], sd[i], 1, &g, &err));
        assert_true(exp2(round(log2(g.unit))) == g.unit && sd[i] / g.unit > ldexp(1, 24) && sd[i] / g.unit < ldexp(1, 26));
        assert_true(sqrt(g.variance) * g.unit >= sd[i] && sqrt(g.variance) * g.unit < sd[i] * (1 + 1e-6));
        for (int k = 0; k < CELLS; k++) expected[k] = (double)N / CELLS;
        for (int k = 0; k < 256; k++) even[k] = (double)N / 256;
        for (int k = 0; k < N; k++) {
            int64_t x = mnk_grid_gaussian_draw(&g, &s);
            double z = (double)x * g.unit / sd[i];
            seen[(int)(mnk_normal_cdf(z) * CELLS * (1 - 1e-15))]++;
            low[x & 255]++;
            sum += z, squares += z * z;
        }
        double z = chi_square_z(expected, seen, CELLS), bits = chi_square_z(even, low, 256);
        if (!(z < 3.5 && bits < 3.5)) fail_msg("sd %g: z = %g, low bits %g", sd[i], z, bits);
        assert_true(fabs(sum / N) < 4 / sqrt(N) && fabs(squares / N - 1) < 4 * sqrt(2.0 / N));
        mnk_grid_gaussian_close(&g);
    }
    mnk_grid_gaussian g; /* a million coordinates: the grid's rounding is made good by more noise, and costs little */
    assert_ok(mnk_grid_gaussian_open(1, 1, 1000000, &g, &err));
    double raised = sqrt(g.variance) * g.unit;
    assert_true(raised > 1 + 0.99 * 1000 * g.unit && raised < 1.001);
    mnk_grid_gaussian_close(&g);
    assert_true(mnk_grid_gaussian_open(0, 1, 1, &g, &err) == MNK_ERR_USAGE);
    mnk_error_clear(&err);
}

/* Every output is a multiple of the unit, whatever went in; NaN and infinities included. */
static void test_grid_addition(void **state) {
    (void)state;
    enum { N = 70000 };
    double *a, *b;
    assert_ok(MNK_NEW(a, N, &err));
    assert_ok(MNK_NEW(b, N, &err));
    for (int threads = 1; threads <= 4; threads *= 2) {
        mnk_noise s;
        mnk_grid_gaussian g;
        mnk_threads_set(threads);
        mnk_noise_open_reproducible(5, &s);
        assert_ok(mnk_grid_gaussian_open(2, 1, N, &g, &err));
        for (int i = 0; i < N; i++) a[i] = i * 0.1;
        a[0] = NAN, a[1] = INFINITY, a[2] = -INFINITY, a[3] = 1e300;
        mnk_grid_gaussian_add(&g, &s, a, N);
        for (int i = 0; i < N; i++) assert_true(isfinite(a[i]) && a[i] / g.unit == round(a[i] / g.unit));
        assert_true(fabs(a[0]) < 20 && a[1] == a[1]);
        if (threads == 1) memcpy(b, a, N * sizeof *a);
        else assert_memory_equal(a, b, N * sizeof *a); /* for any number of threads */
        mnk_grid_gaussian_close(&g);
    }
    mnk_threads_set(0);
    mnk_free(a);
    mnk_free(b);
}

/* ---- the source ---- */

static void test_system_source(void **state) {
    (void)state;
    mnk_noise a, b, c;
    mnk_noise_open(&a);
    mnk_noise_open(&b);
    assert_false(a.is_reproducible);
    assert_true(mnk_noise_u64(&a) != mnk_noise_u64(&b)); /* keys of their own: fails once in 2^64 */
    mnk_noise_open_reproducible(1, &a);
    mnk_noise_open_reproducible(1, &b);
    mnk_noise_open_reproducible(2, &c);
    for (int i = 0; i < 3000; i++) assert_true(mnk_noise_u64(&a) == mnk_noise_u64(&b));
    assert_true(mnk_noise_u64(&a) != mnk_noise_u64(&c));
    uint64_t ones = 0;
    for (int i = 0; i < 100000; i++) ones += (uint64_t)__builtin_popcountll(mnk_noise_u64(&c));
    assert_true(fabs((double)ones - 3200000) < 5 * sqrt(1600000));
    mnk_noise_close(&a);
    for (size_t i = 0; i < sizeof a.key; i++) assert_true(a.key[i] == 0);
}

static void test_fork(void **state) {
    (void)state;
    mnk_noise s;
    int channel[2];
    uint64_t mine, childs = 0;
    mnk_noise_open(&s);
    (void)mnk_noise_u64(&s);
    assert_int_equal(pipe(channel), 0);
    pid_t child = fork();
    if (child == 0) {
        mnk_noise_after_fork(&s);
        mine = mnk_noise_u64(&s);
        _exit(write(channel[1], &mine, sizeof mine) != sizeof mine);
    }
    assert_int_equal(read(channel[0], &childs, sizeof childs), sizeof childs);
    waitpid(child, NULL, 0);
    mnk_noise_after_fork(&s);
    mine = mnk_noise_u64(&s);
    assert_true(mine != childs);
    close(channel[0]), close(channel[1]);
}

/* ---- permits ---- */

static mnk_permit permit_for(mnk_noise *s, mnk_mechanism m) {
    assert_ok(mnk_mechanism_check(&m, MNK_ADD_REMOVE, &err));
    return (mnk_permit){s, m, m.sensitivity, m.count, m.count};
}

static void expect_refused(mnk_status status, const char *part) {
    if (status != MNK_ERR_FAILED || !strstr(err.message, part)) fail_msg("status %d: %s", (int)status, err.message);
    mnk_error_clear(&err);
}

static void test_permits(void **state) {
    (void)state;
    mnk_noise s;
    int64_t counts[3] = {0};
    double values[2] = {0};
    size_t chosen;
    mnk_noise_open_reproducible(3, &s);
    mnk_permit none = {0},
               p = permit_for(&s, (mnk_mechanism){.kind = MNK_MECHANISM_DISCRETE_GAUSSIAN, .noise = 50, .count = 2});
    expect_refused(mnk_permit_discrete_gaussian(&none, counts, 3, &err), "without a ledger entry");
    expect_refused(mnk_permit_gaussian(&p, values, 2, &err), "is for discrete_gaussian");
    expect_refused(mnk_permit_discrete_laplace(&p, counts, 3, &err), "is for discrete_gaussian");
    expect_refused(mnk_permit_select(&p, values, 2, &chosen, &err), "is for discrete_gaussian");
    assert_ok(mnk_permit_discrete_gaussian(&p, counts, 3, &err));
    assert_ok(mnk_permit_discrete_gaussian(&p, counts, 3, &err));
    int64_t before = counts[0];
    expect_refused(mnk_permit_discrete_gaussian(&p, counts, 3, &err), "used up");
    assert_true(counts[0] == before && (counts[0] || counts[1] || counts[2]));
}

/* Batches: sizes are binomial, members even, and small expectations give empty batches. */
static void test_batches(void **state) {
    (void)state;
    enum { PEOPLE = 200, BATCHES = 20000 };
    mnk_noise s;
    uint32_t member[PEOPLE];
    double times[PEOPLE] = {0}, expected[PEOPLE], sizes[10] = {0}, binomial[10];
    const double q = 0.01;
    mnk_noise_open_reproducible(4, &s);
    mnk_permit p =
        permit_for(&s, (mnk_mechanism){.kind = MNK_MECHANISM_GAUSSIAN, .noise = 1, .sampling_rate = q, .count = BATCHES});
    for (int b = 0; b < BATCHES; b++) {
        size_t n;
        assert_ok(mnk_permit_batch(&p, PEOPLE, member, &n, &err));
        sizes[n < 9 ? n : 9]++;
        for (size_t i = 0; i < n; i++) times[member[i]]++;
        for (size_t i = 1; i < n; i++) assert_true(member[i] > member[i - 1]);
    }
    size_t n;
    expect_refused(mnk_permit_batch(&p, PEOPLE, member, &n, &err), "no further batch");
    binomial[0] = BATCHES * pow(1 - q, PEOPLE), binomial[9] = BATCHES - binomial[0];
    for (int k = 1; k < 9; k++) binomial[k] = binomial[k - 1] * (PEOPLE - k + 1) / k * q / (1 - q), binomial[9] -= binomial[k];
    for (int i = 0; i < PEOPLE; i++) expected[i] = q * BATCHES;
    assert_true(sizes[0] > 0);
    assert_true(chi_square_z(binomial, sizes, 10) < 3.5 && chi_square_z(expected, times, PEOPLE) < 3.5);
    p = permit_for(&s, (mnk_mechanism){.kind = MNK_MECHANISM_GAUSSIAN, .noise = 1});
    assert_ok(mnk_permit_batch(&p, PEOPLE, member, &n, &err));
    assert_true(n == PEOPLE); /* no sampling: everybody */
}

static void test_select(void **state) {
    (void)state;
    enum { N = 5, DRAWS = 100000 };
    const double score[N] = {10, 11, 12.5, 3, 12};
    double expected[N], seen[N] = {0}, total = 0;
    mnk_noise s;
    mnk_noise_open_reproducible(6, &s);
    mnk_permit p = permit_for(
        &s, (mnk_mechanism){.kind = MNK_MECHANISM_EXPONENTIAL, .epsilon = 1.5, .sensitivity = 2, .count = DRAWS + 1});
    for (int i = 0; i < N; i++) total += expected[i] = exp(1.5 * score[i] / 4);
    for (int i = 0; i < N; i++) expected[i] *= DRAWS / total;
    for (int k = 0; k < DRAWS; k++) {
        size_t i;
        assert_ok(mnk_permit_select(&p, score, N, &i, &err));
        seen[i]++;
    }
    assert_true(chi_square_z(expected, seen, N) < 3.5);
    size_t i;
    assert_true(mnk_permit_select(&p, (double[]){1, NAN}, 2, &i, &err) == MNK_ERR_USAGE);
    mnk_error_clear(&err);
    assert_true(mnk_permit_select(&p, score, 0, &i, &err) == MNK_ERR_USAGE);
    mnk_error_clear(&err);
    assert_true(p.left == 1); /* a refused call is not a use */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discrete_gaussian),
        cmocka_unit_test(test_discrete_laplace),
        cmocka_unit_test(test_bernoulli),
        cmocka_unit_test(test_grid_gaussian),
        cmocka_unit_test(test_grid_addition),
        cmocka_unit_test(test_system_source),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_permits),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_select),
    };
    return MNK_RUN_TESTS("privacy_noise", tests);
}
