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

static mnk_status centre_codes(const mnk_points *p, mnk_centre *c, mnk_error *err) {
    MNK_TRY(MNK_NEW(c->first, p->codes + 1, err));
    MNK_TRY(MNK_NEW(c->square, p->codes + 1, err));
    for (size_t k = 0; k < p->codes; k++) {
        size_t levels = 0;
        for (size_t i = 0; i < p->n; i++)
            if (p->code[k * p->n + i] >= levels) levels = (size_t)p->code[k * p->n + i] + 1;
        c->first[k + 1] = c->first[k] + levels;
    }
    MNK_TRY(MNK_NEW(c->share, c->first[p->codes] + 1, err));
    for (size_t k = 0; k < p->codes; k++) {
        double *share = c->share + c->first[k];
        for (size_t i = 0; i < p->n; i++) share[p->code[k * p->n + i]] += 1;
        for (size_t v = 0; v < c->first[k + 1] - c->first[k]; v++) {
            share[v] /= (double)p->n;
            c->square[k] += share[v] * share[v];
        }
    }
    return MNK_OK;
}

mnk_status mnk_centre_open(const mnk_points *p, mnk_centre *out, mnk_error *err) {
    *out = (mnk_centre){.d = p->d, .codes = p->codes};
    mnk_status status = MNK_NEW(out->mean, p->d + 1, err);
    if (status == MNK_OK) status = centre_codes(p, out, err);
    if (status != MNK_OK) {
        mnk_centre_close(out);
        return status;
    }
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->d; k++) out->mean[k] += (double)p->x[i * p->d + k];
    for (size_t k = 0; k < p->d; k++) out->mean[k] /= (double)p->n;
    return MNK_OK;
}

void mnk_centre_close(mnk_centre *c) {
    if (!c) return;
    mnk_free(c->mean);
    mnk_free(c->first);
    mnk_free(c->share);
    mnk_free(c->square);
    *c = (mnk_centre){0};
}

void mnk_centre_distances(const mnk_points *p, const mnk_centre *centre, double *distance) {
    for (size_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (size_t k = 0; k < p->d; k++) {
            double t = (double)p->x[i * p->d + k] - centre->mean[k];
            sum += t * t;
        }
        for (size_t k = 0; k < p->codes; k++) { /* |e_v - s|^2 / 2 = (1 - 2 s_v + s.s) / 2 */
            const size_t v = p->code[k * p->n + i], levels = centre->first[k + 1] - centre->first[k];
            sum += (1 - 2 * (v < levels ? centre->share[centre->first[k] + v] : 0) + centre->square[k]) / 2;
        }
        distance[i] = sqrt(sum);
    }
}

mnk_status mnk_alpha_as_published(const mnk_points *real, const mnk_knn *real_nearest, const mnk_points *synthetic,
                                  const mnk_cross *cross, mnk_alpha_compat *out, mnk_error *err) {
    const size_t n = real->n, m = synthetic->n;
    mnk_centre centre = {0}, centre_synthetic = {0};
    double *from_real = NULL, *from_synthetic = NULL, *nearest = NULL, radius[MNK_ALPHA_LEVELS];
    double alpha[MNK_ALPHA_LEVELS] = {0}, beta[MNK_ALPHA_LEVELS] = {0};
    size_t authentic = 0;
    mnk_status status = MNK_OK;
    *out = (mnk_alpha_compat){NAN, NAN, NAN, NAN, NAN};
    MNK_OUT(mnk_centre_open(real, &centre, err));
    MNK_OUT(mnk_centre_open(synthetic, &centre_synthetic, err));
    MNK_OUT(MNK_NEW(from_real, n, err));
    MNK_OUT(MNK_NEW(from_synthetic, m, err));
    MNK_OUT(MNK_NEW(nearest, n, err));
    mnk_centre_distances(real, &centre, from_real);
    mnk_centre_distances(synthetic, &centre, from_synthetic);
    MNK_OUT(mnk_alpha_radii(from_real, n, radius, err));
    for (size_t j = 0; j < m; j++) {
        uint8_t rank = mnk_alpha_rank(from_synthetic[j], radius);
        if (rank < MNK_ALPHA_LEVELS) alpha[rank] += 1;
    }
    mnk_centre_distances(synthetic, &centre_synthetic, from_synthetic);
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
    mnk_centre_close(&centre);
    mnk_centre_close(&centre_synthetic);
    mnk_free(from_real);
    mnk_free(from_synthetic);
    mnk_free(nearest);
    return status;
}
