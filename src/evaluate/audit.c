#include "evaluate/audit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/copies.h"
#include "evaluate/neighbours.h"
#include "evaluate/table/flags.h"

void mnk_audit_close(mnk_audit *a) {
    if (!a) return;
    mnk_free(a->alpha);
    mnk_free(a->authentic);
    mnk_free(a->nearest);
    mnk_free(a->distance);
    mnk_free(a->inside);
    mnk_free(a->copy);
    *a = (mnk_audit){0};
}

static mnk_status audit_open(size_t n, mnk_audit *a, mnk_error *err) {
    *a = (mnk_audit){.n = n};
    MNK_TRY(MNK_NEW(a->alpha, n, err));
    MNK_TRY(MNK_NEW(a->authentic, n, err));
    MNK_TRY(MNK_NEW(a->nearest, n, err));
    MNK_TRY(MNK_NEW(a->distance, n, err));
    MNK_TRY(MNK_NEW(a->inside, n, err));
    return MNK_NEW(a->copy, n, err);
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The alpha whose type-7 quantile of the sorted radii is d: the inverse of mnk_alpha_radii, without its steps of 1/29. */
static double support_of(const double *radius, size_t n, double d) {
    size_t low = 0, high = n; /* first radius above d */
    while (low < high) {
        const size_t mid = (low + high) / 2;
        if (radius[mid] <= d) low = mid + 1;
        else high = mid;
    }
    if (low == 0) return 0;
    if (d == radius[low - 1]) { /* on it: the smallest alpha that reaches it */
        while (low > 1 && radius[low - 2] == d) low--;
        return n > 1 ? (double)(low - 1) / (double)(n - 1) : 0;
    }
    if (low == n) return INFINITY;
    return ((double)(low - 1) + (d - radius[low - 1]) / (radius[low] - radius[low - 1])) / (double)(n - 1);
}

static mnk_status fill_alpha(const mnk_points *real, const mnk_points *items, double *alpha, mnk_error *err) {
    mnk_centre centre = {0};
    double *radius = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_centre_open(real, &centre, err));
    MNK_OUT(MNK_NEW(radius, real->n, err));
    mnk_centre_distances(real, &centre, radius);
    qsort(radius, real->n, sizeof *radius, ascending);
    mnk_centre_distances(items, &centre, alpha);
    for (size_t j = 0; j < items->n; j++) alpha[j] = support_of(radius, real->n, alpha[j]);
out:
    mnk_centre_close(&centre);
    mnk_free(radius);
    return status;
}

/* One sweep within train, one between train and the items. */
static mnk_status fill(const mnk_points *real, const mnk_points *items, int k, mnk_audit *a, mnk_error *err) {
    mnk_knn knn = {0};
    mnk_cross cross = {0};
    float *ball = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(ball, real->n, err));
    MNK_OUT(fill_alpha(real, items, a->alpha, err));
    MNK_OUT(mnk_sweep_self(real, k, &knn, err));
    for (size_t i = 0; i < real->n; i++) ball[i] = knn.d2[i * (size_t)k + (size_t)k - 1];
    const mnk_cross_in in = {.ball_a2 = ball};
    MNK_OUT(mnk_sweep_cross(real, items, &in, &cross, err));
    for (size_t j = 0; j < items->n; j++) {
        const uint32_t row = cross.nearest_b_index[j];
        a->nearest[j] = row;
        a->distance[j] = sqrt((double)cross.nearest_b2[j]);
        a->authentic[j] = cross.nearest_b2[j] > knn.d2[(size_t)row * (size_t)k];
        a->inside[j] = cross.balls_b[j] > 0;
    }
out:
    mnk_free(ball);
    mnk_knn_close(&knn);
    mnk_cross_close(&cross);
    return status;
}

mnk_status mnk_audit_points(const mnk_encoded *e, int neighbours, mnk_audit *out, mnk_error *err) {
    const size_t n = e->n[MNK_ROLE_TRAIN], m = e->n[MNK_ROLE_SYNTHETIC];
    mnk_points real = {0}, items = {0};
    float *centre = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(audit_open(m, out, err));
    snprintf(out->encoding, sizeof out->encoding, "%s", e->name);
    snprintf(out->note, sizeof out->note, "%s", e->note);
    MNK_OUT(MNK_NEW(centre, e->near_d + 1, err));
    MNK_OUT(mnk_encoded_centre(e, NULL, n, centre, err));
    MNK_OUT(mnk_encoded_points(e, MNK_ROLE_TRAIN, NULL, n, centre, &real, err));
    MNK_OUT(mnk_encoded_points(e, MNK_ROLE_SYNTHETIC, NULL, m, centre, &items, err));
    MNK_OUT(fill(&real, &items, neighbours, out, err));
out:
    mnk_free(centre);
    mnk_points_close(&real);
    mnk_points_close(&items);
    if (status != MNK_OK) mnk_audit_close(out);
    return status;
}

mnk_status mnk_audit_tables(const mnk_table *train, const mnk_table *synthetic, const mnk_table_evaluate_config *config,
                            const mnk_observer *observer, mnk_audit *out, mnk_error *err) {
    mnk_table_sets s = {0};
    mnk_encoded e = {0};
    *out = (mnk_audit){0};
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_memory_require(mnk_evaluate_tables_bytes(train, NULL, synthetic, config), "the audit of these rows", err));
    MNK_OUT(mnk_table_sets_open(train, NULL, synthetic, config, &s, err));
    MNK_OUT(mnk_table_encode(&s, false, observer, &e, err));
    MNK_OUT(mnk_audit_points(&e, (int)config->neighbours, out, err));
    MNK_OUT(mnk_table_exact_copies(&s, MNK_ROLE_SYNTHETIC, out->copy, NULL, err));
out:
    mnk_encoded_close(&e);
    mnk_table_sets_close(&s);
    if (status != MNK_OK) mnk_audit_close(out);
    return status;
}

static mnk_status image_copies(const mnk_images *train, const mnk_images *synthetic, const mnk_observer *observer,
                               uint8_t *copy, mnk_error *err) {
    mnk_copy_index *index = NULL;
    mnk_copy *found = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(found, synthetic->n, err));
    MNK_OUT(mnk_copy_index_open(train, observer, &index, err));
    MNK_OUT(mnk_copies_find(index, synthetic, false, observer, found, err));
    for (size_t j = 0; j < synthetic->n; j++) copy[j] = found[j].is_exact;
out:
    mnk_free(found);
    mnk_copy_index_close(index);
    return status;
}

mnk_status mnk_audit_images(const mnk_images *train, const mnk_images *synthetic, mnk_classifier *classifier,
                            const mnk_evaluate_config *config, const mnk_observer *observer, mnk_audit *out, mnk_error *err) {
    const char *list = config->encoding && *config->encoding                  ? config->encoding
                       : config->features_train || config->features_synthetic ? "npy"
                                                                              : "scatter";
    char name[24];
    mnk_sets s = {0};
    mnk_encoded e = {0};
    *out = (mnk_audit){0};
    mnk_status status = MNK_OK;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(list, ","), list);
    MNK_OUT(mnk_sets_open(train, NULL, synthetic, classifier, config, &s, err));
    MNK_OUT(mnk_sets_classify(&s, observer, err));
    MNK_OUT(mnk_encode(name, &s, observer, &e, err));
    MNK_OUT(mnk_audit_points(&e, (int)config->neighbours, out, err));
    MNK_OUT(image_copies(train, synthetic, observer, out->copy, err));
out:
    mnk_encoded_close(&e);
    mnk_sets_close(&s);
    if (status != MNK_OK) mnk_audit_close(out);
    return status;
}
