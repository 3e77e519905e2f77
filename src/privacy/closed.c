#include "privacy/closed.h"

#include <math.h>

#include "math/stats.h"

static double gaussian_log_delta(double s, double epsilon) {
    double t = epsilon * s + 0.5 / s;
    double x = mnk_normal_log_cdf(1 / s - t), y = epsilon + mnk_normal_log_cdf(-t);
    return y >= x ? -INFINITY : x + log(-expm1(y - x));
}

double mnk_gaussian_delta(double s, double epsilon) { return exp(gaussian_log_delta(s, epsilon)); }

/* The x in [low, high] where f(ctx, x), decreasing, falls to `target`; the side where f <= target. */
static double bisect(double (*f)(double fixed, double x), double fixed, double target, double low, double high) {
    for (int i = 0; i < 200 && high - low > 1e-16 * high; i++) {
        double middle = low > 0 && high > 4 * low ? sqrt(low * high) : 0.5 * (low + high);
        if (middle <= low || middle >= high) break;
        if (f(fixed, middle) > target) low = middle;
        else high = middle;
    }
    return high;
}

static double grow_until_below(double (*f)(double fixed, double x), double fixed, double target) {
    double high = 1;
    while (f(fixed, high) > target && high < 1e300) high *= 2;
    return high;
}

double mnk_gaussian_epsilon(double s, double delta) {
    if (gaussian_log_delta(s, 0) <= log(delta)) return 0;
    return bisect(gaussian_log_delta, s, log(delta), 0, grow_until_below(gaussian_log_delta, s, log(delta)));
}

static double log_delta_of_multiplier(double epsilon, double s) { return gaussian_log_delta(s, epsilon); }

double mnk_gaussian_multiplier(double epsilon, double delta) {
    double target = log(delta);
    return bisect(log_delta_of_multiplier, epsilon, target, 1e-9, grow_until_below(log_delta_of_multiplier, epsilon, target));
}

/* d/dalpha of the logarithm of delta: (2 alpha - 1) rho - epsilon + log(1 - 1/alpha), increasing. */
static double zcdp_log_delta(double rho, double epsilon) {
    double low = 1.01, high = (epsilon + 1) / (2 * rho) + 2;
    for (int i = 0; i < 200; i++) {
        double a = 0.5 * (low + high);
        if ((2 * a - 1) * rho - epsilon + log1p(-1 / a) < 0) low = a;
        else high = a;
    }
    double a = 0.5 * (low + high);
    return fmin(0, (a - 1) * (a * rho - epsilon) + a * log1p(-1 / a) - log(a - 1));
}

double mnk_zcdp_delta(double rho, double epsilon) { return exp(zcdp_log_delta(rho, epsilon)); }

double mnk_zcdp_epsilon(double rho, double delta) {
    double high = rho + 2 * sqrt(rho * log(1 / delta)) + 1e-12; /* Bun & Steinke's simple bound */
    if (zcdp_log_delta(rho, 0) <= log(delta)) return 0;
    return bisect(zcdp_log_delta, rho, log(delta), 0, high);
}

static double minus_log_delta_of_rho(double epsilon, double inverse_rho) { return zcdp_log_delta(1 / inverse_rho, epsilon); }

double mnk_zcdp_rho(double epsilon, double delta) {
    double target = log(delta);
    return 1 / bisect(minus_log_delta_of_rho, epsilon, target, 1e-9, grow_until_below(minus_log_delta_of_rho, epsilon, target));
}

double mnk_discrete_gaussian_delta(double sigma2, double sensitivity, double epsilon) {
    const double reach = ceil(39 * sqrt(sigma2)) + 2 + sensitivity;
    double delta = 0, total = 0;
    for (double k = -reach; k <= reach; k++) {
        double loss = (sensitivity * sensitivity - 2 * k * sensitivity) / (2 * sigma2), p = exp(-k * k / (2 * sigma2));
        total += p;
        if (loss > epsilon) delta -= p * expm1(epsilon - loss);
    }
    return delta / total;
}
