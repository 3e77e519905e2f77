#include "evaluate/alpha.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

mnk_status mnk_alpha_radii(const double *distance, size_t n, double radius[MNK_ALPHA_LEVELS], mnk_error *err) {
    double *sorted = NULL;
    MNK_TRY(MNK_NEW(sorted, n, err));
    memcpy(sorted, distance, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, ascending);
    for (int k = 0; k < MNK_ALPHA_LEVELS; k++) radius[k] = mnk_quantile_sorted(sorted, n, k / (double)(MNK_ALPHA_LEVELS - 1));
    mnk_free(sorted);
    return MNK_OK;
}

uint8_t mnk_alpha_rank(double distance, const double radius[MNK_ALPHA_LEVELS]) {
    for (int k = 0; k < MNK_ALPHA_LEVELS; k++)
        if (distance <= radius[k]) return (uint8_t)k;
    return MNK_ALPHA_OUTSIDE;
}

double mnk_alpha_deviation(const double weight[MNK_ALPHA_LEVELS], double total) {
    double sum = 0, deviation = 0;
    for (int k = 0; k < MNK_ALPHA_LEVELS; k++) {
        sum += weight[k];
        deviation += fabs(k / (double)(MNK_ALPHA_LEVELS - 1) - sum / total);
    }
    return deviation;
}

double mnk_alpha_summary(double deviation) { return 1 - 2 * deviation / (MNK_ALPHA_LEVELS - 1); }

void mnk_points_mean(const mnk_points *p, double *mean) {
    memset(mean, 0, p->d * sizeof *mean);
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->d; k++) mean[k] += (double)p->x[i * p->d + k];
    for (size_t k = 0; k < p->d; k++) mean[k] /= (double)p->n;
}

void mnk_centre_distances(const mnk_points *p, const double *centre, double *distance) {
    for (size_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (size_t k = 0; k < p->d; k++) {
            double t = (double)p->x[i * p->d + k] - centre[k];
            sum += t * t;
        }
        distance[i] = sqrt(sum);
    }
}

mnk_status mnk_alpha_as_published(const mnk_points *real, const mnk_knn *real_nearest, const mnk_points *synthetic,
                                  const mnk_cross *cross, mnk_alpha_compat *out, mnk_error *err) {
    const size_t n = real->n, m = synthetic->n;
    double *centre = NULL, *from_real = NULL, *from_synthetic = NULL, *nearest = NULL, radius[MNK_ALPHA_LEVELS];
    double alpha[MNK_ALPHA_LEVELS] = {0}, beta[MNK_ALPHA_LEVELS] = {0};
    size_t authentic = 0;
    mnk_status status = MNK_OK;
    *out = (mnk_alpha_compat){NAN, NAN, NAN, NAN, NAN};
    MNK_OUT(MNK_NEW(centre, real->d, err));
    MNK_OUT(MNK_NEW(from_real, n, err));
    MNK_OUT(MNK_NEW(from_synthetic, m, err));
    MNK_OUT(MNK_NEW(nearest, n, err));
    mnk_points_mean(real, centre);
    mnk_centre_distances(real, centre, from_real);
    mnk_centre_distances(synthetic, centre, from_synthetic);
    MNK_OUT(mnk_alpha_radii(from_real, n, radius, err));
    for (size_t j = 0; j < m; j++) {
        uint8_t rank = mnk_alpha_rank(from_synthetic[j], radius);
        if (rank < MNK_ALPHA_LEVELS) alpha[rank] += 1;
    }
    mnk_points_mean(synthetic, centre);
    mnk_centre_distances(synthetic, centre, from_synthetic);
    for (size_t i = 0; i < n; i++) nearest[i] = from_synthetic[cross->nearest_a_index[i]];
    MNK_OUT(mnk_alpha_radii(nearest, n, radius, err));
    const size_t k = (size_t)real_nearest->k;
    for (size_t i = 0; i < n; i++) {
        if (cross->nearest_a2[i] <= real_nearest->d2[i * k]) beta[mnk_alpha_rank(nearest[i], radius)] += 1;
        const size_t row = cross->nearest_a_index[i]; /* a synthetic row, used as a real one */
        authentic += row < n && real_nearest->d2[row * k] < cross->nearest_a2[i];
    }
    const double da = mnk_alpha_deviation(alpha, (double)m), db = mnk_alpha_deviation(beta, (double)n);
    const double levels = MNK_ALPHA_LEVELS / 2.0; /* sum of the alpha_k */
    out->authors_alpha = mnk_alpha_summary(da);
    out->authors_beta = mnk_alpha_summary(db);
    if (m == n) { /* synthcity refuses unequal lengths */
        out->synthcity_alpha = 1 - da / levels;
        out->synthcity_beta = 1 - db / levels;
    }
    if (m <= n) out->authenticity = (double)authentic / (double)n;
out:
    mnk_free(centre);
    mnk_free(from_real);
    mnk_free(from_synthetic);
    mnk_free(nearest);
    return status;
}
