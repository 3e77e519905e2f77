#include "privacy/rdp.h"

#include <math.h>

#include "privacy/mechanism.h"

#define TENTHS(n) n + .0, n + .1, n + .2, n + .3, n + .4, n + .5, n + .6, n + .7, n + .8, n + .9
/* clang-format off */
const double mnk_rdp_orders[] = {
    1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, TENTHS(2), TENTHS(3), TENTHS(4), TENTHS(5), TENTHS(6), TENTHS(7), TENTHS(8),
    TENTHS(9), TENTHS(10), 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
    37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 72, 80, 96, 112,
    128, 160, 192, 256, 320, 384, 512, 768, 1024, 1536, 2048};
/* clang-format on */
const size_t mnk_rdp_orders_n = sizeof mnk_rdp_orders / sizeof *mnk_rdp_orders;

/* log(e^a + e^b). */
static double log_add(double a, double b) {
    if (a < b) {
        double t = a;
        a = b, b = t;
    }
    return isinf(b) && b < 0 ? a : a + log1p(exp(b - a));
}

/* log(e^x - 1), x > 0. */
static double log_expm1(double x) { return x > 36 ? x + log1p(-exp(-x)) : log(expm1(x)); }

static double log_binomial(double n, double k) {
    int sign;
    return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign);
}

/* Whole orders: A - 1 = sum_{k>=2} C(alpha,k) (1-q)^(alpha-k) q^k (exp((k^2-k)/(2 s^2)) - 1), the terms 0 and 1 and the sum
 * of the binomial weights having cancelled on paper (Mironov, Talwar & Zhang 2019, section 3.3). */
static double log_excess_integer(double q, double s, double alpha) {
    double sum = -INFINITY, weight = log_binomial(alpha, 2);
    for (double k = 2; k <= alpha; k++) {
        sum = log_add(sum, weight + (alpha - k) * log1p(-q) + k * log(q) + log_expm1((k * k - k) / (2 * s * s)));
        weight += log((alpha - k) / (k + 1));
    }
    return sum;
}

/* log((1+u)^a - 1 - a u) for u > -1, given log1p(u): at least 0, for this is how far a convex function is above its tangent. */
static double log_above_tangent(double u, double log1p_u, double a) {
    if (fabs(u) < 1e-2) { /* a(a-1)/2 u^2 (1 + (a-2)/3 u (1 + (a-3)/4 u (…))) */
        double series = 1;
        for (int k = 14; k >= 3; k--) series = 1 + (a - k + 1) / k * u * series;
        if (fabs(a * u) < 0.5 && series > 0) return u == 0 ? -INFINITY : log(a * (a - 1) / 2) + 2 * log(fabs(u)) + log(series);
    }
    double power = a * log1p_u;
    if (power > 30) return power + log1p(-(1 + a * u) * exp(-power));
    double excess = expm1(power) - a * u;
    return excess > 0 ? log(excess) : -INFINITY;
}

/* Any order: A - 1 = integral of N(x; 0, s^2) ((1+u)^alpha - 1 - alpha u) dx, u = q (exp((2x-1)/(2 s^2)) - 1), because u has
 * mean 0. The integrand is positive and analytic within pi s^2 of the real line, so the trapezoidal rule converges
 * geometrically; what is exact here is what the signed binomial series of section 3.3 sums to, without its cancellation. */
static double log_excess_integral(double q, double s, double alpha) {
    const double step = fmin(s / 8, s * s / 8), from = -13 * s, to = alpha + 13 * s;
    double sum = -INFINITY;
    for (double k = 0, x = from; x < to; x = from + ++k * step) {
        double exponent = (2 * x - 1) / (2 * s * s), u, log1p_u;
        if (exponent < 500) {
            u = q * expm1(exponent);
            log1p_u = log1p(u);
        } else {
            log1p_u = log(q) + exponent;
            u = fmin(exp(fmin(log1p_u, 700)), 1e300 / alpha);
        }
        double term = log_above_tangent(u, log1p_u, alpha) - x * x / (2 * s * s);
        if (term > sum - 60) sum = log_add(sum, term);
    }
    return sum + log(step) - log(s) - 0.5 * log(2 * M_PI);
}

static double log1p_exp(double x) { return x > 30 ? x + log1p(exp(-x)) : log1p(exp(x)); }

double mnk_rdp_sampled_gaussian_log_a(double q, double s, double alpha) {
    if (q >= 1) return alpha * (alpha - 1) / (2 * s * s);
    double below = floor(alpha), above = ceil(alpha);
    if (alpha == below) return log1p_exp(log_excess_integer(q, s, alpha));
    if (s > 0.15) return log1p_exp(log_excess_integral(q, s, alpha));
    /* too little noise for the integral's steps, and for any privacy: log A is convex in alpha, its chord an upper bound */
    double a = below > 1 ? log1p_exp(log_excess_integer(q, s, below)) : 0, b = log1p_exp(log_excess_integer(q, s, above));
    return a + (b - a) * (alpha - below);
}

double mnk_rdp_gaussian(const mnk_mechanism *m, double alpha) {
    return mnk_rdp_sampled_gaussian_log_a(m->sampling_rate, mnk_multiplier(m), alpha) / (alpha - 1);
}

/* Randomised response is the worst pair of any epsilon-private mechanism (Kairouz, Oh & Viswanath 2015):
 * A = (e^(alpha epsilon) + e^((1-alpha) epsilon)) / (1 + e^epsilon). */
static double randomised_response(double epsilon, double alpha) {
    double log_a;
    if (alpha * epsilon < 30)
        log_a = log1p((expm1(alpha * epsilon) + expm1((1 - alpha) * epsilon) - expm1(epsilon)) / (1 + exp(epsilon)));
    else log_a = alpha * epsilon + log1p(exp((1 - 2 * alpha) * epsilon)) - epsilon - log1p(exp(-epsilon));
    return log_a / (alpha - 1);
}

double mnk_rdp_discrete_laplace(const mnk_mechanism *m, double alpha) {
    return randomised_response(m->sensitivity / m->noise, alpha);
}

double mnk_rdp_pure(const mnk_mechanism *m, double alpha) { return randomised_response(m->epsilon, alpha); }

/* The losses of the exponential mechanism lie within epsilon of each other, which gives epsilon^2/8-zCDP (Cesar & Rogers
 * 2021); and it is epsilon-private. */
double mnk_rdp_exponential(const mnk_mechanism *m, double alpha) {
    return fmin(alpha * m->epsilon * m->epsilon / 8, randomised_response(m->epsilon, alpha));
}

double mnk_rdp_zcdp(const mnk_mechanism *m, double alpha) { return alpha * m->rho; }

double mnk_rho_gaussian(const mnk_mechanism *m) {
    return m->sampling_rate < 1 ? INFINITY : 0.5 / (mnk_multiplier(m) * mnk_multiplier(m));
}

/* epsilon-private implies epsilon^2/2-zCDP (Bun & Steinke 2016, Proposition 1.4). */
double mnk_rho_discrete_laplace(const mnk_mechanism *m) {
    return 0.5 * (m->sensitivity / m->noise) * (m->sensitivity / m->noise);
}

double mnk_rho_pure(const mnk_mechanism *m) { return 0.5 * m->epsilon * m->epsilon; }

double mnk_rho_exponential(const mnk_mechanism *m) { return m->epsilon * m->epsilon / 8; }

double mnk_rho_zcdp(const mnk_mechanism *m) { return m->rho; }

void mnk_rdp_compose(const mnk_mechanisms *list, double *rdp) {
    for (size_t k = 0; k < mnk_rdp_orders_n; k++) {
        rdp[k] = 0;
        for (size_t i = 0; i < list->n; i++)
            rdp[k] +=
                (double)list->item[i].count * mnk_mechanism_table[list->item[i].kind].rdp(&list->item[i], mnk_rdp_orders[k]);
    }
}

double mnk_rdp_epsilon(const double *order, const double *rdp, size_t n, double delta, size_t *best) {
    double epsilon = INFINITY;
    *best = 0;
    for (size_t k = 0; k < n; k++) {
        double a = order[k], e;
        if (a <= 1.01) continue;
        if (delta * delta > -expm1(-rdp[k])) e = 0; /* total variation <= sqrt(1 - exp(-KL)) (Bretagnolle & Huber) */
        else e = fmax(0, rdp[k] + log1p(-1 / a) - log(delta * a) / (a - 1));
        if (e < epsilon) epsilon = e, *best = k;
    }
    return epsilon;
}

double mnk_rdp_delta(const double *order, const double *rdp, size_t n, double epsilon, size_t *best) {
    double log_delta = 0;
    *best = 0;
    for (size_t k = 0; k < n; k++) {
        double a = order[k];
        if (a <= 1.01) continue;
        double d = fmin((a - 1) * (rdp[k] - epsilon + log1p(-1 / a)) - log(a), 0.5 * log(-expm1(-rdp[k])));
        if (d < log_delta) log_delta = d, *best = k;
    }
    return exp(log_delta);
}
