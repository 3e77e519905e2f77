#include "privacy/grid_gaussian.h"

#include <math.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { RADIX = 64, LEVELS = 3, GUIDE_BITS = 12, BLOCK = 16384 };
static const double BASE_VARIANCE = 110.0 * 110.0;
static const double ROUNDING_VARIANCE = 3; /* > 1.69^2, the smoothing parameter of the integers for 2^-80, as a variance */

struct mnk_gaussian_table {
    int64_t lowest; /* value of the first entry */
    size_t n;
    uint64_t *high, *low; /* P(X <= lowest + i) times 2^128; the last counts as 2^128 */
    uint16_t guide[1 << GUIDE_BITS];
};

static void table_close(mnk_gaussian_table *t) {
    if (!t) return;
    mnk_free(t->high);
    mnk_free(t->low);
    mnk_free(t);
}

/* Upper half of the product of two fractions scaled by 2^128. */
static mnk_u128 multiply(mnk_u128 a, mnk_u128 b) {
    const uint64_t a1 = (uint64_t)(a >> 64), a0 = (uint64_t)a, b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b;
    const mnk_u128 middle = (mnk_u128)a1 * b0 + ((mnk_u128)a0 * b0 >> 64), other = (mnk_u128)a0 * b1 + (uint64_t)middle;
    return (mnk_u128)a1 * b1 + (middle >> 64) + (other >> 64);
}

/* exp(-x) times 2^128 for a small x > 0, itself scaled: 1 - (x - x^2/2 + x^3/6 - …). */
static mnk_u128 exp_minus(mnk_u128 x) {
    mnk_u128 sum = 0, term = x;
    for (unsigned k = 2; term; k++) {
        sum = k & 1 ? sum - term : sum + term;
        term = multiply(term, x) / k;
    }
    return -sum;
}

/* part / whole times 2^128, part < whole < 2^127. */
static mnk_u128 divide(mnk_u128 part, mnk_u128 whole) {
    mnk_u128 quotient = 0;
    for (int bit = 0; bit < 128; bit++) {
        part <<= 1, quotient <<= 1;
        if (part >= whole) part -= whole, quotient |= 1;
    }
    return quotient;
}

static void fill_guide(mnk_gaussian_table *t) {
    size_t i = 0;
    for (size_t k = 0; k < (size_t)1 << GUIDE_BITS; k++) { /* first entry that can belong to a number with these top bits */
        while (i + 1 < t->n && t->high[i] < (uint64_t)k << (64 - GUIDE_BITS)) i++;
        t->guide[k] = (uint16_t)i;
    }
}

/* P(k) ~ exp(-k^2/(2 variance)) out to 13.5 standard deviations (2^-131), by p_(k+1) = p_k e^-(2k+1)/(2 variance): each value
 * is right to about 2^-112 in absolute terms. variance in [1e4, 1e5]. */
static mnk_status table_open(double variance, mnk_gaussian_table **out, mnk_error *err) {
    const size_t reach = (size_t)ceil(13.5 * sqrt(variance));
    mnk_status status = MNK_OK;
    mnk_gaussian_table *t = NULL;
    mnk_u128 *p = NULL;
    MNK_OUT(MNK_NEW(t, 1, err));
    t->lowest = -(int64_t)reach;
    t->n = 2 * reach + 1;
    MNK_OUT(MNK_NEW(t->high, t->n, err));
    MNK_OUT(MNK_NEW(t->low, t->n, err));
    MNK_OUT(MNK_NEW(p, reach + 1, err));
    const mnk_u128 half = (mnk_u128)ldexpl(0.5L / (long double)variance, 128), two = exp_minus(half * 2);
    mnk_u128 ratio = exp_minus(half), total = 0, sum = 0;
    p[0] = (mnk_u128)1 << 116;
    for (size_t k = 0; k < reach; k++) {
        p[k + 1] = multiply(p[k], ratio);
        ratio = multiply(ratio, two);
        total += 2 * p[k + 1];
    }
    total += p[0];
    for (size_t i = 0; i + 1 < t->n; i++) {
        sum += p[i < reach ? reach - i : i - reach];
        const mnk_u128 share = divide(sum, total);
        t->high[i] = (uint64_t)(share >> 64), t->low[i] = (uint64_t)share;
    }
    t->high[t->n - 1] = t->low[t->n - 1] = UINT64_MAX;
    fill_guide(t);
    *out = t;
    t = NULL;
out:
    mnk_free(p);
    table_close(t);
    return status;
}

static int64_t table_draw(const mnk_gaussian_table *t, mnk_noise *s) {
    const uint64_t u = mnk_noise_u64(s);
    size_t i = t->guide[u >> (64 - GUIDE_BITS)];
    while (u > t->high[i] && i + 1 < t->n) i++;
    if (u == t->high[i]) { /* once in 2^64 / table size: the other 64 bits decide */
        const uint64_t more = mnk_noise_u64(s);
        while (i + 1 < t->n && (u > t->high[i] || (u == t->high[i] && more >= t->low[i]))) i++;
    }
    return t->lowest + (int64_t)i;
}

mnk_status mnk_grid_gaussian_open(double sd, double sensitivity, size_t dimensions, mnk_grid_gaussian *g, mnk_error *err) {
    *g = (mnk_grid_gaussian){0};
    if (!(sd >= 1e-100 && sd <= 1e100) || !(sensitivity > 0))
        return MNK_FAIL(err, MNK_ERR_USAGE, "Gaussian noise of standard deviation %g for sensitivity %g", sd, sensitivity);
    const double step = pow(RADIX, LEVELS);
    g->unit = exp2(floor(log2(sd / (112 * step))));
    const double raised = sd * (1 + g->unit * sqrt((double)dimensions) / sensitivity);
    if (raised > 1.5 * sd)
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED,
                        "noise of %g is too wide a multiple of the sensitivity %g for %zu coordinates", sd, sensitivity,
                        dimensions);
    double lower = 0, weight = 1;
    for (int l = 0; l < LEVELS; l++, weight *= RADIX * RADIX) lower += BASE_VARIANCE * weight;
    const double wanted = (raised / g->unit) * (raised / g->unit) + ROUNDING_VARIANCE;
    const double top = nextafter((wanted - lower) / (step * step), INFINITY);
    g->variance = top * step * step + lower;
    mnk_status status = table_open(BASE_VARIANCE, &g->base, err);
    if (status == MNK_OK) status = table_open(top, &g->top, err);
    if (status != MNK_OK) mnk_grid_gaussian_close(g);
    return status;
}

void mnk_grid_gaussian_close(mnk_grid_gaussian *g) {
    table_close(g->base);
    table_close(g->top);
    g->base = g->top = NULL;
}

int64_t mnk_grid_gaussian_draw(const mnk_grid_gaussian *g, mnk_noise *s) {
    int64_t x = table_draw(g->top, s);
    for (int l = 0; l < LEVELS; l++) x = RADIX * x + table_draw(g->base, s);
    return x;
}

static double noisy(const mnk_grid_gaussian *g, mnk_noise *s, double value) {
    const double most = 4503599627370496.0; /* 2^52 */
    double units = value / g->unit;
    units = isnan(units) ? 0 : fmin(fmax(units, -most), most);
    return (double)(llrint(units) + mnk_grid_gaussian_draw(g, s)) * g->unit; /* below 2^53: exact */
}

typedef struct job {
    const mnk_grid_gaussian *g;
    mnk_noise *source; /* [blocks] */
    double *f64;
    float *f32;
    size_t n;
} job;

static void add_block(void *ctx, size_t b) {
    const job *j = ctx;
    const size_t end = (b + 1) * BLOCK < j->n ? (b + 1) * BLOCK : j->n;
    for (size_t i = b * BLOCK; i < end; i++)
        if (j->f64) j->f64[i] = noisy(j->g, &j->source[b % 64], j->f64[i]);
        else j->f32[i] = (float)noisy(j->g, &j->source[b % 64], j->f32[i]);
}

/* 64 blocks at a time, their sources split off in the order of the blocks. */
static void add(const mnk_grid_gaussian *g, mnk_noise *s, double *f64, float *f32, size_t n) {
    mnk_noise source[64];
    for (size_t done = 0; done < n; done += (size_t)64 * BLOCK) {
        const size_t part = n - done < (size_t)64 * BLOCK ? n - done : (size_t)64 * BLOCK, blocks = (part + BLOCK - 1) / BLOCK;
        for (size_t b = 0; b < blocks; b++) mnk_noise_split(s, &source[b]);
        mnk_parallel_for(blocks, add_block, &(job){g, source, f64 ? f64 + done : NULL, f32 ? f32 + done : NULL, part});
        for (size_t b = 0; b < blocks; b++) mnk_noise_close(&source[b]);
    }
}

void mnk_grid_gaussian_add(const mnk_grid_gaussian *g, mnk_noise *s, double *values, size_t n) { add(g, s, values, NULL, n); }

void mnk_grid_gaussian_add_f32(const mnk_grid_gaussian *g, mnk_noise *s, float *values, size_t n) {
    add(g, s, NULL, values, n);
}
