#include "privacy/audit.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "math/stats.h"

static double log_ratio(double low, double delta, double high) {
    return low > delta ? log((low - delta) / high) : -INFINITY; /* high > 0 always: Clopper-Pearson */
}

double mnk_audit_epsilon(uint64_t tp, uint64_t members, uint64_t fp, uint64_t non_members, double delta, double level) {
    double tpr_low, tpr_high, fpr_low, fpr_high;
    if (tp > members || fp > non_members) return NAN;
    mnk_clopper_pearson((double)tp, (double)members, level, &tpr_low, &tpr_high);
    mnk_clopper_pearson((double)fp, (double)non_members, level, &fpr_low, &fpr_high);
    return fmax(0, fmax(log_ratio(tpr_low, delta, fpr_high), log_ratio(1 - fpr_high, delta, 1 - tpr_low)));
}

double mnk_audit_epsilon_cap(uint64_t members, uint64_t non_members, double delta, double level) {
    return mnk_audit_epsilon(members, members, 0, non_members, delta, level);
}

/* beta + alpha 2 m delta with f = P[Bin(r, q) = .]: beta = P[Bin >= v], alpha = max_i P[v > Bin >= v - i] / i. */
static double p_value(double m, uint64_t r, uint64_t v, double delta, double epsilon) {
    const double n = (double)r, k = (double)v, q = 1 / (1 + exp(-epsilon));
    double beta = v == 0 ? 1 : mnk_beta_cdf(q, k, n - k + 1), alpha = 0, sum = 0;
    if (delta == 0) return beta;
    int sign;
    const double log_p = -log1p(exp(-epsilon)), log_not = -epsilon + log_p; /* log q, log(1 - q) */
    for (uint64_t i = 1; i <= v; i++) {
        const double x = k - (double)i;
        sum +=
            exp(lgamma_r(n + 1, &sign) - lgamma_r(x + 1, &sign) - lgamma_r(n - x + 1, &sign) + x * log_p + (n - x) * log_not);
        alpha = fmax(alpha, sum / (double)i);
    }
    return beta + alpha * 2 * m * delta;
}

double mnk_audit_one_run(uint64_t canaries, uint64_t guesses, uint64_t correct, double delta, double level) {
    if (correct > guesses || guesses > canaries) return NAN;
    const double m = (double)canaries, wanted = 1 - level;
    if (guesses == 0 || p_value(m, guesses, correct, delta, 0) >= wanted) return 0;
    double low = 0, high = 1;
    while (high < 64 && p_value(m, guesses, correct, delta, high) < wanted) low = high, high *= 2;
    for (int i = 0; i < 60; i++) { /* the p-value rises with epsilon */
        double middle = 0.5 * (low + high);
        if (p_value(m, guesses, correct, delta, middle) < wanted) low = middle;
        else high = middle;
    }
    return low;
}

size_t mnk_audit_non_members_needed(double fpr) { return fpr >= 1 ? 1 : (size_t)ceil(log(0.05) / log1p(-fpr)); }

static int descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

mnk_status mnk_audit_power_at(const double *score, const uint8_t *is_member, size_t n, double fpr, double level,
                              mnk_audit_power *out, mnk_error *err) {
    double *outside = NULL;
    size_t members = 0, others = 0, tp = 0, fp = 0;
    if (!(fpr > 0 && fpr < 1)) return MNK_FAIL(err, MNK_ERR_USAGE, "false-positive rate %g", fpr);
    *out = (mnk_audit_power){.needed = mnk_audit_non_members_needed(fpr),
                             .threshold = NAN,
                             .tpr = NAN,
                             .tpr_low = NAN,
                             .tpr_high = NAN,
                             .fpr = NAN,
                             .fpr_low = NAN,
                             .fpr_high = NAN};
    MNK_TRY(MNK_NEW(outside, n + 1, err));
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(score[i])) {
            mnk_free(outside);
            return MNK_FAIL(err, MNK_ERR_INPUT, "the score of record %zu is not finite", i);
        }
        if (!is_member[i]) outside[others++] = score[i];
        else members++;
    }
    out->is_estimable = members > 0 && others >= out->needed;
    if (out->is_estimable) {
        qsort(outside, others, sizeof *outside, descending);
        const size_t allowed = (size_t)floor(fpr * (double)others * (1 + 1e-12)); /* this many may reach the threshold */
        const double excluded = outside[allowed];                                 /* allowed < others, as fpr < 1 */
        out->threshold = nextafter(excluded, INFINITY);
        for (size_t i = 0; i < n; i++)
            if (score[i] >= out->threshold) *(is_member[i] ? &tp : &fp) += 1;
        out->tpr = (double)tp / (double)members, out->fpr = (double)fp / (double)others;
        mnk_clopper_pearson((double)tp, (double)members, level, &out->tpr_low, &out->tpr_high);
        mnk_clopper_pearson((double)fp, (double)others, level, &out->fpr_low, &out->fpr_high);
    }
    mnk_free(outside);
    return MNK_OK;
}
