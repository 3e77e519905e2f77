#include "math/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"

double mnk_normal_cdf(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }

double mnk_normal_log_cdf(double x) {
    if (x > 0.0) return log1p(-0.5 * erfc(x * M_SQRT1_2));
    if (x > -20.0) return log(mnk_normal_cdf(x));
    /* Mills' ratio by its continued fraction (DLMF 7.9.4): Phi(x) = phi(x) / (y + 1/(y + 2/(y + 3/(y + ...)))), y = -x */
    double y = -x, fraction = y;
    for (int k = 40; k >= 1; k--) fraction = y + k / fraction;
    return -0.5 * x * x - log(fraction) - 0.91893853320467274178;
}

double mnk_normal_p(double z) { return erfc(fabs(z) * M_SQRT1_2); }

double mnk_normal_quantile(double p) {
    if (!(p >= 0.0 && p <= 1.0)) return NAN;
    if (p == 0.0) return -INFINITY;
    if (p == 1.0) return INFINITY;
    if (p > 0.5) return -mnk_normal_quantile(1.0 - p);
    /* Abramowitz & Stegun 26.2.23 starts within 4.5e-4; Halley's step is cubic, so three reach the last digit */
    double t = sqrt(-2.0 * log(p));
    double x = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
    for (int i = 0; i < 3; i++) {
        double density = exp(-0.5 * x * x) * 0.3989422804014327;
        if (density <= 0.0) break;
        double e = (mnk_normal_cdf(x) - p) / density;
        x -= e / (1.0 + 0.5 * x * e);
    }
    return x;
}

/* Continued fraction of the incomplete beta function (DLMF 8.17.22), by the modified Lentz method. Converges fast for
 * x < (a + 1)/(a + b + 2). */
static double beta_fraction(double x, double a, double b) {
    const double tiny = 1e-300;
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    if (fabs(d) < tiny) d = tiny;
    d = 1.0 / d;
    double h = d;
    for (int m = 1; m < 100000; m++) {
        double m2 = 2.0 * m;
        double even = m * (b - m) * x / ((a + m2 - 1.0) * (a + m2));
        double odd = -(a + m) * (a + b + m) * x / ((a + m2) * (a + m2 + 1.0));
        d = 1.0 + even * d;
        c = 1.0 + even / c;
        if (fabs(d) < tiny) d = tiny;
        if (fabs(c) < tiny) c = tiny;
        d = 1.0 / d;
        h *= d * c;
        d = 1.0 + odd * d;
        c = 1.0 + odd / c;
        if (fabs(d) < tiny) d = tiny;
        if (fabs(c) < tiny) c = tiny;
        d = 1.0 / d;
        h *= d * c;
        if (fabs(d * c - 1.0) < 1e-16) break;
    }
    return h;
}

static double log_gamma(double x) {
    int sign;
    return lgamma_r(x, &sign); /* lgamma() writes a global */
}

double mnk_beta_cdf(double x, double a, double b) {
    if (isnan(x) || !(a > 0.0) || !(b > 0.0)) return NAN;
    if (x <= 0.0) return 0.0;
    if (x >= 1.0) return 1.0;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(x, a, b) / a;
    return 1.0 - front * beta_fraction(1.0 - x, b, a) / b;
}

double mnk_beta_quantile(double p, double a, double b) {
    if (!(p >= 0.0 && p <= 1.0) || !(a > 0.0) || !(b > 0.0)) return NAN;
    double low = 0.0, high = 1.0, x = a / (a + b);
    if (p == 0.0) return 0.0;
    if (p == 1.0) return 1.0;
    double log_beta = log_gamma(a) + log_gamma(b) - log_gamma(a + b);
    for (int i = 0; i < 200; i++) { /* Newton, kept inside a shrinking bracket by bisection */
        double e = mnk_beta_cdf(x, a, b) - p;
        if (e > 0.0) high = x;
        else low = x;
        double density = exp((a - 1.0) * log(x) + (b - 1.0) * log1p(-x) - log_beta);
        double next = x - e / density;
        if (!(next > low && next < high)) next = 0.5 * (low + high);
        if (fabs(next - x) <= 1e-16 * next || next == x) return next;
        x = next;
    }
    return x;
}

/* Upper tail of |t|: half of I_x(df/2, 1/2) at x = df/(df + t^2) (Abramowitz & Stegun 26.7.1). */
double mnk_student_cdf(double t, double df) {
    if (!(df > 0.0) || isnan(t)) return NAN;
    if (isinf(df)) return mnk_normal_cdf(t);
    double tail = isinf(t) ? 0.0 : 0.5 * mnk_beta_cdf(df / (df + t * t), 0.5 * df, 0.5);
    return t > 0.0 ? 1.0 - tail : tail;
}

double mnk_student_quantile(double p, double df) {
    if (!(df > 0.0) || !(p >= 0.0 && p <= 1.0)) return NAN;
    if (isinf(df)) return mnk_normal_quantile(p);
    double tail = p < 0.5 ? p : 1.0 - p;
    if (tail == 0.5) return 0.0;
    double x = mnk_beta_quantile(2.0 * tail, 0.5 * df, 0.5), t = sqrt(df * (1.0 - x) / x);
    return p < 0.5 ? -t : t;
}

void mnk_holm(double *p, size_t n) {
    size_t left = 0;
    double before = -INFINITY, largest = 0.0;
    for (size_t i = 0; i < n; i++) left += !isnan(p[i]);
    double *adjusted = mnk_alloc(n + 1, sizeof *adjusted);
    for (size_t i = 0; i < n; i++) {
        if (adjusted) adjusted[i] = NAN;
        else p[i] = NAN; /* without memory nothing is claimed */
    }
    while (adjusted && left > 0) { /* all hypotheses of the next smallest p at once */
        double next = INFINITY;
        size_t ties = 0;
        for (size_t i = 0; i < n; i++)
            if (p[i] > before && p[i] < next) next = p[i];
        largest = fmax(largest, fmin(1.0, next * (double)left));
        for (size_t i = 0; i < n; i++)
            if (p[i] == next) adjusted[i] = largest, ties++;
        if (!ties) break;
        left -= ties;
        before = next;
    }
    for (size_t i = 0; adjusted && i < n; i++) p[i] = adjusted[i];
    mnk_free(adjusted);
}

void mnk_clopper_pearson(double successes, double n, double level, double *low, double *high) {
    double tail = 0.5 * (1.0 - level);
    *low = successes > 0.0 ? mnk_beta_quantile(tail, successes, n - successes + 1.0) : 0.0;
    *high = successes < n ? mnk_beta_quantile(1.0 - tail, successes + 1.0, n - successes) : 1.0;
}

void mnk_wilson(double successes, double n, double level, double *low, double *high) {
    *low = 0.0, *high = 1.0;
    if (!(n > 0.0)) return;
    double z = mnk_normal_quantile(0.5 + 0.5 * level), p = successes / n, z2 = z * z / n;
    double centre = (p + 0.5 * z2) / (1.0 + z2), half = z * sqrt(p * (1.0 - p) / n + 0.25 * z2 / n) / (1.0 + z2);
    if (successes > 0.0) *low = fmax(0.0, centre - half); /* exactly 0 and 1 at the ends, whatever the rounding */
    if (successes < n) *high = fmin(1.0, centre + half);
}

mnk_status mnk_wilson_units(const uint8_t *success, const int32_t *unit, size_t n, size_t units, double level, double *low,
                            double *high, mnk_error *err) {
    double p = 0, variance = 0, *sum = NULL;
    for (size_t i = 0; i < n; i++) p += success[i];
    p /= (double)(n ? n : 1);
    double effective = (double)n;
    if (unit && n) {
        MNK_TRY(MNK_NEW(sum, units + 1, err));
        for (size_t i = 0; i < n; i++) sum[unit[i]] += success[i] - p;
        for (size_t u = 0; u < units; u++) variance += sum[u] * sum[u];
        mnk_free(sum);
        variance /= (double)n * (double)n;
        effective = variance > 0 ? p * (1 - p) / variance : (double)units;
    }
    mnk_wilson(p * effective, effective, level, low, high);
    return MNK_OK;
}

double mnk_mean(const double *x, size_t n) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return n ? sum / (double)n : NAN;
}

double mnk_sd(const double *x, size_t n) {
    if (n == 0) return NAN;
    double mean = mnk_mean(x, n), sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return n > 1 ? sqrt(sum / (double)(n - 1)) : 0.0;
}

double mnk_quantile_sorted(const double *x, size_t n, double p) {
    if (n == 0 || !(p >= 0.0 && p <= 1.0)) return NAN;
    double h = (double)(n - 1) * p;
    size_t i = (size_t)h;
    if (i + 1 >= n) return x[n - 1];
    return x[i] + (h - (double)i) * (x[i + 1] - x[i]);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double mnk_quantile(double *x, size_t n, double p) {
    qsort(x, n, sizeof *x, by_value);
    return mnk_quantile_sorted(x, n, p);
}

/* ---- bootstrap ---- */

typedef struct replicates {
    const mnk_bootstrap *b;
    const size_t *start; /* [strata + 1] into member */
    const size_t *member;
    size_t width;
    mnk_bootstrap_f *f;
    void *ctx;
    double *draws;   /* [width][replicates] */
    uint32_t *times; /* [replicates_at_once][units]: one row per unit of work, no sharing */
    double *row;     /* [replicates_at_once][width] */
    size_t first;
} replicates;

static void one_replicate(void *ctx, size_t slot) {
    replicates *w = ctx;
    size_t r = w->first + slot, units = w->b->units;
    if (r >= w->b->replicates) return;
    uint32_t *times = w->times + slot * units;
    double *row = w->row + slot * w->width;
    memset(times, 0, units * sizeof *times);
    mnk_rng rng = mnk_rng_at(w->b->seed, MNK_PURPOSE_BOOTSTRAP, r, 0);
    for (int s = 0; s < w->b->strata; s++) {
        size_t count = w->start[s + 1] - w->start[s];
        for (size_t i = 0; i < count; i++) times[w->member[w->start[s] + mnk_rng_below(&rng, count)]]++;
    }
    w->f(w->ctx, times, row);
    for (size_t k = 0; k < w->width; k++) w->draws[k * w->b->replicates + r] = row[k];
}

/* Units listed stratum by stratum. */
static void list_strata(const mnk_bootstrap *b, size_t *start, size_t *member) {
    for (size_t i = 0; i < b->units; i++) start[(b->stratum ? b->stratum[i] : 0) + 1]++;
    for (int s = 0; s < b->strata; s++) start[s + 1] += start[s];
    size_t n = 0;
    for (int s = 0; s < b->strata; s++)
        for (size_t i = 0; i < b->units; i++)
            if ((b->stratum ? b->stratum[i] : 0) == s) member[n++] = i;
}

static mnk_status percentile(const double *draw, size_t n, double level, double *low, double *high, mnk_error *err) {
    double *x = NULL;
    MNK_TRY(MNK_NEW(x, n + 1, err));
    size_t usable = 0;
    for (size_t r = 0; r < n; r++)
        if (!isnan(draw[r])) x[usable++] = draw[r];
    *low = *high = NAN;
    if (usable > 0 && 2 * usable >= n) {
        *low = mnk_quantile(x, usable, 0.5 * (1.0 - level));
        *high = mnk_quantile_sorted(x, usable, 0.5 * (1.0 + level));
    }
    mnk_free(x);
    return MNK_OK;
}

mnk_status mnk_bootstrap_run(const mnk_bootstrap *b, size_t width, mnk_bootstrap_f *f, void *ctx, double level, double *draws,
                             double *low, double *high, mnk_error *err) {
    enum { AT_ONCE = 64 }; /* fixed: memory, not the thread count, decides */
    mnk_status status = MNK_OK;
    size_t *start = NULL, *member = NULL, total = 0, scratch = 0;
    double *own = NULL, *row = NULL;
    uint32_t *times = NULL;
    mnk_bootstrap plan = *b;
    if (!plan.stratum) plan.strata = 1;
    if (plan.units == 0 || plan.replicates == 0 || width == 0 || plan.strata < 1)
        return MNK_FAIL(err, MNK_ERR_USAGE, "bootstrap of %zu units, %zu replicates, %zu statistics", plan.units,
                        plan.replicates, width);
    if (mnk_mul_overflow(width, plan.replicates, &total) || mnk_mul_overflow(AT_ONCE, plan.units, &scratch))
        return MNK_FAIL(err, MNK_ERR_USAGE, "bootstrap of %zu statistics, %zu replicates: too large", width, plan.replicates);
    for (size_t i = 0; plan.stratum && i < plan.units; i++)
        if (plan.stratum[i] < 0 || plan.stratum[i] >= plan.strata)
            return MNK_FAIL(err, MNK_ERR_USAGE, "bootstrap: unit %zu is in stratum %d of %d", i, plan.stratum[i], plan.strata);
    MNK_OUT(MNK_NEW(start, (size_t)plan.strata + 1, err));
    MNK_OUT(MNK_NEW(member, plan.units, err));
    MNK_OUT(MNK_NEW(times, scratch, err));
    MNK_OUT(MNK_NEW(row, AT_ONCE * width, err));
    if (!draws) {
        MNK_OUT(MNK_NEW(own, total, err));
        draws = own;
    }
    list_strata(&plan, start, member);
    replicates work = {&plan, start, member, width, f, ctx, draws, times, row, 0};
    for (; work.first < plan.replicates; work.first += AT_ONCE) mnk_parallel_for(AT_ONCE, one_replicate, &work);
    for (size_t k = 0; low && k < width; k++)
        MNK_OUT(percentile(draws + k * plan.replicates, plan.replicates, level, &low[k], &high[k], err));
out:
    mnk_free(start);
    mnk_free(member);
    mnk_free(times);
    mnk_free(row);
    mnk_free(own);
    return status;
}
