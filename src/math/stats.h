/* Small statistics: normal and beta quantiles, intervals of a proportion, sample quantiles, percentile bootstrap.
 * Formulas and sources: docs/methods/statistics.md. */
#ifndef MNK_MATH_STATS_H
#define MNK_MATH_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* P(Z <= x) of the standard normal, full relative accuracy in both tails. */
double mnk_normal_cdf(double x);
/* Its logarithm, full relative accuracy down to x = -1e150. */
double mnk_normal_log_cdf(double x);
/* Its inverse; -inf at 0, +inf at 1, NaN outside [0, 1]. */
double mnk_normal_quantile(double p);
/* Two-sided p-value of a normal statistic; 1 for z = 0. */
double mnk_normal_p(double z);

/* Regularised incomplete beta function I_x(a, b), a, b > 0, x in [0, 1]. */
double mnk_beta_cdf(double x, double a, double b);
/* x with I_x(a, b) = p. */
double mnk_beta_quantile(double p, double a, double b);

/* P(T <= t) and its inverse for Student's t with df > 0 degrees of freedom; df INFINITY is the normal. */
double mnk_student_cdf(double t, double df);
double mnk_student_quantile(double p, double df);

/* Holm's step-down correction (Holm 1979), in place: p[i] becomes the smallest family level at which hypothesis i is rejected.
 * NaN entries stay and do not count. */
void mnk_holm(double *p, size_t n);

/* Intervals of a proportion, `successes` of n at confidence `level` (0.95); n = 0 gives [0, 1].
 * Clopper-Pearson is exact (never covers less than level), Wilson is shorter and covers level on average. */
void mnk_clopper_pearson(double successes, double n, double level, double *low, double *high);
void mnk_wilson(double successes, double n, double level, double *low, double *high);

/* Wilson's interval where the n items (success 0 or 1) come in units (persons; unit[n] 0..units-1, NULL: every item alone):
 * n is replaced by the number of independent items that would have the same variance, p(1-p)/var, var the sum over units of
 * their squared sums of (success - p), over n^2 (the linearised ratio estimator, Cochran 1977, 9.3); by the number of units
 * where p is 0 or 1. */
mnk_status mnk_wilson_units(const uint8_t *success, const int32_t *unit, size_t n, size_t units, double level, double *low,
                            double *high, mnk_error *err) MNK_CHECK;

/* Mean, and standard deviation with n - 1 (0 for n < 2); NaN for n = 0. */
double mnk_mean(const double *x, size_t n);
double mnk_sd(const double *x, size_t n);

/* Sample quantile of type 7 (Hyndman & Fan 1996; the default of R and numpy), p in [0, 1]; NaN for n = 0.
 * The first wants x ascending; the second sorts x in place. */
double mnk_quantile_sorted(const double *x, size_t n, double p);
double mnk_quantile(double *x, size_t n, double p);

/* Units resampled by a bootstrap. Each unit (a person, a source tile, or an item when there are no groups) has a
 * stratum; every replicate draws as many units from a stratum as it has, so class counts stay as they are when strata
 * are classes. */
typedef struct mnk_bootstrap {
    size_t units;
    const int32_t *stratum; /* [units], 0..strata-1; NULL: one stratum */
    int strata;
    size_t replicates;
    uint64_t seed;
} mnk_bootstrap;

/* One replicate's statistics from the number of times each unit was drawn. Called from several threads. NaN: not
 * estimable in this replicate. */
typedef void mnk_bootstrap_f(void *ctx, const uint32_t *times, double *out);

/* Fills draws[k*replicates + r] (width rows) and, where low is not NULL, the percentile interval of each statistic at
 * `level` over the replicates where it is estimable (NaN when fewer than half are). Replicate r uses the Philox stream
 * (seed, BOOTSTRAP, r): the same for any number of threads. draws may be NULL. */
mnk_status mnk_bootstrap_run(const mnk_bootstrap *b, size_t width, mnk_bootstrap_f *f, void *ctx, double level, double *draws,
                             double *low, double *high, mnk_error *err) MNK_CHECK;

#endif
