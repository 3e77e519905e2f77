#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/judge.h"
#include "math/linalg.h"
#include "privacy/attacks/attack.h"

/* Scott's bandwidth leaves little of a density in more dimensions; and a component needs records to be fitted on. */
enum { WHITE_MOST = 8, RECORDS_OF_COMPONENT = 10 };

/* Rows of two roles, one after the other. */
typedef struct rows {
    size_t n;
    float *near, *moment;
    uint16_t *code;
} rows;

static void rows_close(rows *r) {
    mnk_free(r->near);
    mnk_free(r->moment);
    mnk_free(r->code);
}

static mnk_status rows_open(const mnk_encoded *e, const mnk_role *role, int roles, rows *r, mnk_error *err) {
    size_t at = 0;
    *r = (rows){0};
    for (int k = 0; k < roles; k++) r->n += e->n[role[k]];
    MNK_TRY(MNK_NEW_ALIGNED(r->near, r->n * e->near_d + 1, err));
    MNK_TRY(MNK_NEW(r->moment, r->n * e->moment_d + 1, err));
    MNK_TRY(MNK_NEW(r->code, r->n * e->codes + 1, err));
    for (int k = 0; k < roles; k++) {
        const size_t n = e->n[role[k]];
        memcpy(r->near + at * e->near_d, e->near[role[k]], n * e->near_d * sizeof *r->near);
        memcpy(r->moment + at * e->moment_d, e->moment[role[k]], n * e->moment_d * sizeof *r->moment);
        if (e->codes) memcpy(r->code + at * e->codes, e->code[role[k]], n * e->codes * sizeof *r->code);
        at += n;
    }
    return MNK_OK;
}

static mnk_status fill_features(const rows *r, size_t d, const double *mean, const double *scale, mnk_features *f,
                                mnk_error *err) {
    *f = (mnk_features){.n = r->n, .tree_width = d, .linear_width = d};
    MNK_TRY(MNK_NEW(f->tree, r->n * d + 1, err));
    MNK_TRY(MNK_NEW(f->linear, r->n * d + 1, err));
    for (size_t i = 0; i < r->n; i++)
        for (size_t c = 0; c < d; c++) {
            f->tree[i * d + c] = r->moment[i * d + c];
            f->linear[i * d + c] = ((double)r->moment[i * d + c] - mean[c]) / scale[c];
        }
    return MNK_OK;
}

/* Mean and standard deviation of every coordinate over the reference; constant ones keep their scale. */
static void standardise(const rows *r, size_t d, double *mean, double *scale) {
    for (size_t c = 0; c < d; c++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < r->n; i++) sum += (double)r->moment[i * d + c];
        mean[c] = sum / (double)r->n;
        for (size_t i = 0; i < r->n; i++) {
            const double x = (double)r->moment[i * d + c] - mean[c];
            square += x * x;
        }
        scale[c] = square > 0 ? sqrt(square / (double)r->n) : 1;
    }
}

static mnk_status fill(const mnk_encoded *e, const rows *side, const float *centre, double *mean, double *scale,
                       mnk_attack_problem *p, mnk_error *err) {
    const rows *reference = &side[MNK_SIDE_REFERENCE];
    mnk_pca pca = {0};
    mnk_status status = MNK_OK;
    size_t m = e->moment_d < WHITE_MOST ? e->moment_d : WHITE_MOST;
    if (m > reference->n / RECORDS_OF_COMPONENT) m = reference->n / RECORDS_OF_COMPONENT;
    standardise(reference, e->moment_d, mean, scale);
    MNK_OUT(mnk_pca_fit(reference->moment, reference->n, e->moment_d, m ? m : 1, 1, &pca, err));
    p->white_d = pca.m;
    for (int k = 0; k < MNK_SIDES; k++) {
        MNK_OUT(mnk_points_open(side[k].near, side[k].n, e->near_d, centre, &p->points[k], err));
        if (e->codes) MNK_OUT(mnk_points_add_codes(&p->points[k], side[k].code, e->codes, err));
        MNK_OUT(fill_features(&side[k], e->moment_d, mean, scale, &p->features[k], err));
        MNK_OUT(MNK_NEW(p->white[k], side[k].n * pca.m + 1, err));
        mnk_pca_apply(&pca, side[k].moment, side[k].n, p->white[k]);
    }
out:
    mnk_pca_close(&pca);
    return status;
}

mnk_status mnk_attack_problem_open(const mnk_encoded *e, bool control, uint64_t seed, mnk_attack_problem *out, mnk_error *err) {
    static const mnk_role targets[2] = {MNK_ROLE_FLOOR, MNK_ROLE_HOLDOUT}, reference = MNK_ROLE_TRAIN;
    const mnk_role synthetic = control ? MNK_ROLE_FLOOR : MNK_ROLE_SYNTHETIC;
    rows side[MNK_SIDES] = {{0}};
    float *centre = NULL;
    double *mean = NULL, *scale = NULL;
    mnk_status status = MNK_OK;
    *out = (mnk_attack_problem){.seed = seed};
    MNK_OUT(rows_open(e, targets, 2, &side[MNK_SIDE_TARGET], err));
    MNK_OUT(rows_open(e, &synthetic, 1, &side[MNK_SIDE_SYNTHETIC], err));
    MNK_OUT(rows_open(e, &reference, 1, &side[MNK_SIDE_REFERENCE], err));
    MNK_OUT(MNK_NEW(centre, e->near_d + 1, err));
    MNK_OUT(mnk_encoded_centre(e, NULL, e->n[MNK_ROLE_TRAIN], centre, err));
    MNK_OUT(MNK_NEW(mean, e->moment_d + 1, err));
    MNK_OUT(MNK_NEW(scale, e->moment_d + 1, err));
    MNK_OUT(fill(e, side, centre, mean, scale, out, err));
out:
    for (int k = 0; k < MNK_SIDES; k++) rows_close(&side[k]);
    mnk_free(centre);
    mnk_free(mean);
    mnk_free(scale);
    if (status != MNK_OK) mnk_attack_problem_close(out);
    return status;
}

void mnk_attack_problem_close(mnk_attack_problem *p) {
    if (!p) return;
    for (int k = 0; k < MNK_SIDES; k++) {
        mnk_points_close(&p->points[k]);
        mnk_features_close(&p->features[k]);
        mnk_free(p->white[k]);
    }
    *p = (mnk_attack_problem){0};
}
