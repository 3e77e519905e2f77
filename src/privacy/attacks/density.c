/* Attacks by densities: where the synthetic data, or the model, put more mass than the population has. */
#include "base/mem.h"
#include "math/kde.h"
#include "privacy/attacks/attack.h"

/* Log density of every target by the records of one side. */
static mnk_status log_density(const mnk_attack_problem *p, mnk_attack_side side, double *out, mnk_error *err) {
    mnk_kde kde;
    MNK_TRY(mnk_kde_open(p->white[side], p->points[side].n, p->white_d, &kde, err));
    mnk_status status = mnk_kde_log(&kde, p->white[MNK_SIDE_TARGET], p->points[MNK_SIDE_TARGET].n, out, err);
    mnk_kde_close(&kde);
    return status;
}

/* score - log density of the reference */
static mnk_status over_reference(const mnk_attack_problem *p, double *score, mnk_error *err) {
    const size_t n = p->points[MNK_SIDE_TARGET].n;
    double *reference = NULL;
    MNK_TRY(MNK_NEW(reference, n, err));
    mnk_status status = log_density(p, MNK_SIDE_REFERENCE, reference, err);
    for (size_t i = 0; i < n && status == MNK_OK; i++) score[i] -= reference[i];
    mnk_free(reference);
    return status;
}

mnk_status mnk_attack_domias(const mnk_attack_problem *p, double *score, mnk_error *err) {
    MNK_TRY(log_density(p, MNK_SIDE_SYNTHETIC, score, err));
    return over_reference(p, score, err);
}

mnk_status mnk_attack_model(const mnk_attack_problem *p, double *score, mnk_error *err) {
    (void)err;
    for (size_t i = 0; i < p->points[MNK_SIDE_TARGET].n; i++) score[i] = p->model[i];
    return MNK_OK;
}

mnk_status mnk_attack_model_ratio(const mnk_attack_problem *p, double *score, mnk_error *err) {
    MNK_TRY(mnk_attack_model(p, score, err));
    return over_reference(p, score, err);
}
