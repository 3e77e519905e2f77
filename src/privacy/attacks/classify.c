/* Attacks by a classifier that learns synthetic against reference records: what looks synthetic to it was learnt from. */
#include "base/mem.h"
#include "privacy/attacks/attack.h"

static mnk_status classify(const mnk_attack_problem *p, const mnk_model_kind *kind, double *score, mnk_error *err) {
    static const mnk_attack_side side[2] = {MNK_SIDE_REFERENCE, MNK_SIDE_SYNTHETIC};
    const size_t n = p->features[MNK_SIDE_TARGET].n;
    const mnk_model_settings settings = mnk_model_defaults(p->seed);
    mnk_outcome label[2] = {{0}};
    mnk_part part[2];
    mnk_training training = {0};
    mnk_model *model = NULL;
    double *probability = NULL;
    mnk_status status = MNK_OK;
    for (int k = 0; k < 2; k++) {
        const mnk_features *f = &p->features[side[k]];
        MNK_OUT(mnk_outcome_open(MNK_TASK_CLASSES, 2, f->n, &label[k], err));
        for (size_t i = 0; i < f->n; i++) label[k].label[i] = k;
        part[k] = (mnk_part){.features = f, .outcome = &label[k], .n = f->n};
    }
    MNK_OUT(mnk_training_gather(part, 2, &training, err));
    MNK_OUT(mnk_model_fit(kind, &training, &settings, &model, err));
    MNK_OUT(MNK_NEW(probability, n * 2, err));
    MNK_OUT(mnk_model_predict(model, &p->features[MNK_SIDE_TARGET], probability, err));
    for (size_t i = 0; i < n; i++) score[i] = probability[i * 2 + 1];
out:
    mnk_outcome_close(&label[0]);
    mnk_outcome_close(&label[1]);
    mnk_training_close(&training);
    mnk_model_close(model);
    mnk_free(probability);
    return status;
}

mnk_status mnk_attack_boosting(const mnk_attack_problem *p, double *score, mnk_error *err) {
    return classify(p, &mnk_boosting, score, err);
}
mnk_status mnk_attack_logistic(const mnk_attack_problem *p, double *score, mnk_error *err) {
    return classify(p, &mnk_logistic, score, err);
}
