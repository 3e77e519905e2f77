#include "evaluate/models/scores.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"

double mnk_influence_sd(const double *a, const double *b, const int32_t *unit, size_t n) {
    double square = 0.0, *sum = NULL;
    size_t units = 0;
    for (size_t i = 0; unit && i < n; i++)
        if ((size_t)unit[i] + 1 > units) units = (size_t)unit[i] + 1;
    if (unit && !(sum = mnk_alloc(units + 1, sizeof *sum))) return NAN;
    for (size_t i = 0; i < n; i++) {
        double d = a[i] - (b ? b[i] : 0.0);
        if (sum) sum[unit[i]] += d;
        else square += d * d;
    }
    for (size_t u = 0; u < units; u++) square += sum[u] * sum[u];
    mnk_free(sum);
    return sqrt(square);
}

static double scale_of(size_t n) { return n > 1 ? 1.0 / sqrt((double)n * ((double)n - 1.0)) : 0.0; }

void mnk_score_mean(const double *x, size_t n, mnk_scored *out) {
    out->value = mnk_mean(x, n);
    for (size_t i = 0; i < n; i++) out->influence[i] = (x[i] - out->value) * scale_of(n);
}

typedef struct moments {
    double mse, variance, mean;
} moments;

static moments moments_of(const double *y, const double *predicted, size_t n) {
    moments m = {0.0, 0.0, mnk_mean(y, n)};
    for (size_t i = 0; i < n; i++) {
        m.mse += (y[i] - predicted[i]) * (y[i] - predicted[i]) / (double)n;
        m.variance += (y[i] - m.mean) * (y[i] - m.mean) / (double)n;
    }
    return m;
}

void mnk_score_rmse(const double *y, const double *predicted, size_t n, mnk_scored *out) {
    moments m = moments_of(y, predicted, n);
    out->value = n ? sqrt(m.mse) : NAN;
    for (size_t i = 0; i < n; i++) {
        double e = y[i] - predicted[i];
        out->influence[i] = m.mse > 0.0 ? (e * e - m.mse) / (2.0 * out->value) * scale_of(n) : 0.0;
    }
}

void mnk_score_r2(const double *y, const double *predicted, size_t n, mnk_scored *out) {
    moments m = moments_of(y, predicted, n);
    out->value = m.variance > 0.0 ? 1.0 - m.mse / m.variance : NAN;
    for (size_t i = 0; i < n; i++) {
        double e = y[i] - predicted[i], d = y[i] - m.mean;
        out->influence[i] =
            m.variance > 0.0 ? (m.mse / m.variance * (d * d - m.variance) - (e * e - m.mse)) / m.variance * scale_of(n) : 0.0;
    }
}

mnk_status mnk_survival_grid(const mnk_outcome *o, double grid[MNK_SURVIVAL_TIMES], mnk_error *err) {
    double *time = NULL;
    MNK_TRY(MNK_NEW(time, o->n + 1, err));
    for (size_t i = 0; i < o->n; i++) time[i] = o->value[i];
    double end = mnk_quantile(time, o->n, 0.9);
    mnk_free(time);
    if (!(end > 0.0)) return MNK_FAIL(err, MNK_ERR_INPUT, "survival: follow-up times of the test rows are not above 0");
    for (int k = 0; k < MNK_SURVIVAL_TIMES; k++) grid[k] = end * k / (MNK_SURVIVAL_TIMES - 1);
    return MNK_OK;
}

mnk_metric *mnk_scores_metric(mnk_result *r, const char *id, const char *group, const char *subset, double value, double sd,
                              double level, size_t n) {
    mnk_metric *m = mnk_result_add_metric(r, id, group);
    if (!m) return NULL;
    double z = mnk_normal_quantile(0.5 + 0.5 * level);
    snprintf(m->subset, sizeof m->subset, "%s", subset);
    m->value = value;
    m->level = level;
    m->n = n;
    if (!isnan(value) && !isnan(sd)) m->low = value - z * sd, m->high = value + z * sd;
    return m;
}
