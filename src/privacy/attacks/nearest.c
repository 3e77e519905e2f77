/* Attacks by distance to the nearest synthetic record. Distances themselves, not exp(-d^2): that underflows to ties. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "math/stats.h"
#include "math/sweep.h"
#include "privacy/attacks/attack.h"

/* Distance of every target to the nearest point of one side. */
static mnk_status nearest(const mnk_attack_problem *p, mnk_attack_side side, double *out, mnk_error *err) {
    const mnk_points *target = &p->points[MNK_SIDE_TARGET];
    mnk_cross cross = {0};
    MNK_TRY(mnk_sweep_cross(&p->points[side], target, NULL, &cross, err));
    for (size_t i = 0; i < target->n; i++) out[i] = sqrt((double)cross.nearest_b2[i]);
    mnk_cross_close(&cross);
    return MNK_OK;
}

mnk_status mnk_attack_distance(const mnk_attack_problem *p, double *score, mnk_error *err) {
    MNK_TRY(nearest(p, MNK_SIDE_SYNTHETIC, score, err));
    for (size_t i = 0; i < p->points[MNK_SIDE_TARGET].n; i++) score[i] = -score[i];
    return MNK_OK;
}

mnk_status mnk_attack_distance_calibrated(const mnk_attack_problem *p, double *score, mnk_error *err) {
    const size_t n = p->points[MNK_SIDE_TARGET].n;
    double *reference = NULL;
    MNK_TRY(MNK_NEW(reference, n, err));
    mnk_status status = nearest(p, MNK_SIDE_REFERENCE, reference, err);
    if (status == MNK_OK) status = nearest(p, MNK_SIDE_SYNTHETIC, score, err);
    for (size_t i = 0; i < n && status == MNK_OK; i++) score[i] = reference[i] - score[i];
    mnk_free(reference);
    return status;
}

/* Share of synthetic records within e of the target, e the median over targets of the distance to the nearest one. */
mnk_status mnk_attack_monte_carlo(const mnk_attack_problem *p, double *score, mnk_error *err) {
    const mnk_points *target = &p->points[MNK_SIDE_TARGET], *synthetic = &p->points[MNK_SIDE_SYNTHETIC];
    mnk_cross cross = {0};
    float *ball = NULL;
    double *d2 = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(ball, synthetic->n, err));
    MNK_OUT(MNK_NEW(d2, target->n, err));
    MNK_OUT(mnk_sweep_cross(synthetic, target, NULL, &cross, err));
    for (size_t i = 0; i < target->n; i++) d2[i] = (double)cross.nearest_b2[i];
    mnk_cross_close(&cross);
    const float within = nextafterf((float)mnk_quantile(d2, target->n, 0.5), INFINITY); /* balls are open, ours is closed */
    for (size_t j = 0; j < synthetic->n; j++) ball[j] = within;
    const mnk_cross_in in = {.ball_a2 = ball};
    MNK_OUT(mnk_sweep_cross(synthetic, target, &in, &cross, err));
    for (size_t i = 0; i < target->n; i++) score[i] = (double)cross.balls_b[i] / (double)synthetic->n;
out:
    mnk_cross_close(&cross);
    mnk_free(ball);
    mnk_free(d2);
    return status;
}
