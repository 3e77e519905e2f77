/* Logistic (one class against the rest), least squares and Cox regression on the linear form of the columns. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/models/model.h"
#include "math/cox.h"
#include "math/glm.h"

typedef struct linear {
    int models; /* one a class when there are more than two, else one */
    size_t d;
    double *beta; /* [models][d+1] */
    int classes;
} linear;

static void linear_close(void *state) {
    linear *l = state;
    if (!l) return;
    mnk_free(l->beta);
    mnk_free(l);
}

static mnk_status open_linear(int models, int classes, size_t d, linear **out, mnk_error *err) {
    linear *l = NULL;
    MNK_TRY(MNK_NEW(l, 1, err));
    *l = (linear){.models = models, .d = d, .classes = classes};
    mnk_status status = MNK_NEW(l->beta, (size_t)models * (d + 1), err);
    if (status == MNK_OK) *out = l;
    else linear_close(l);
    return status;
}

/* One regression; a fit that did not converge under a ridge stopped for rounding and is used as it is. */
static mnk_status fit_one(const mnk_training *t, mnk_glm_family family, const double *y, double ridge, double *beta,
                          mnk_error *err) {
    mnk_glm_problem p = {.family = family,
                         .n = t->features.n,
                         .d = t->features.linear_width,
                         .x = t->features.linear,
                         .y = y,
                         .ridge = ridge > 1e-8 ? ridge : 1e-8};
    mnk_glm m;
    MNK_TRY(mnk_glm_fit(&p, &m, err));
    memcpy(beta, m.beta, (p.d + 1) * sizeof *beta);
    mnk_glm_close(&m);
    return MNK_OK;
}

static mnk_status logistic_fit(const mnk_training *t, const int *present, int classes, const mnk_model_settings *s,
                               void **state, mnk_error *err) {
    mnk_status status = MNK_OK;
    linear *l = NULL;
    double *y = NULL;
    size_t n = t->features.n, d = t->features.linear_width;
    MNK_OUT(open_linear(classes > 2 ? classes : 1, classes, d, &l, err));
    MNK_OUT(MNK_NEW(y, n, err));
    for (int k = 0; k < l->models; k++) {
        int positive = present[classes > 2 ? k : 1];
        for (size_t i = 0; i < n; i++) y[i] = t->outcome.label[i] == positive;
        MNK_OUT(fit_one(t, MNK_GLM_LOGISTIC, y, s->ridge, l->beta + (size_t)k * (d + 1), err));
    }
    *state = l;
    l = NULL;
out:
    mnk_free(y);
    linear_close(l);
    return status;
}

static double eta_of(const linear *l, int model, const double *x) {
    const double *beta = l->beta + (size_t)model * (l->d + 1);
    double eta = beta[0];
    for (size_t j = 0; j < l->d; j++) eta += x[j] * beta[j + 1];
    return eta;
}

static mnk_status logistic_predict(const void *state, const mnk_features *f, double *out, mnk_error *err) {
    const linear *l = state;
    (void)err;
    for (size_t i = 0; i < f->n; i++) {
        double *row = out + i * (size_t)l->classes, sum = 0.0;
        for (int k = 0; k < l->models; k++) row[k] = 1.0 / (1.0 + exp(-eta_of(l, k, f->linear + i * l->d)));
        if (l->classes == 2) {
            row[1] = row[0];
            row[0] = 1.0 - row[1];
            continue;
        }
        for (int k = 0; k < l->classes; k++) sum += row[k];
        for (int k = 0; k < l->classes; k++) row[k] = sum > 0.0 ? row[k] / sum : 1.0 / l->classes;
    }
    return MNK_OK;
}

static mnk_status linear_fit(const mnk_training *t, const int *present, int classes, const mnk_model_settings *s, void **state,
                             mnk_error *err) {
    linear *l = NULL;
    (void)present;
    (void)classes;
    MNK_TRY(open_linear(1, 0, t->features.linear_width, &l, err));
    mnk_status status = fit_one(t, MNK_GLM_LINEAR, t->outcome.value, s->ridge, l->beta, err);
    if (status == MNK_OK) *state = l;
    else linear_close(l);
    return status;
}

static mnk_status eta_predict(const void *state, const mnk_features *f, double *out, mnk_error *err) {
    (void)err;
    const linear *l = state;
    for (size_t i = 0; i < f->n; i++) out[i] = eta_of(l, 0, f->linear + i * l->d);
    return MNK_OK;
}

static mnk_status cox_fit(const mnk_training *t, const int *present, int classes, const mnk_model_settings *s, void **state,
                          mnk_error *err) {
    (void)present;
    (void)classes;
    linear *l = NULL;
    mnk_cox_problem p = {.n = t->features.n,
                         .d = t->features.linear_width,
                         .x = t->features.linear,
                         .time = t->outcome.value,
                         .event = t->outcome.event,
                         .ridge = s->ridge > 1e-8 ? s->ridge : 1e-8,
                         .ties = MNK_COX_EFRON};
    mnk_cox m;
    MNK_TRY(open_linear(1, 0, p.d, &l, err));
    mnk_status status = mnk_cox_fit(&p, &m, err);
    if (status == MNK_OK) {
        memcpy(l->beta + 1, m.beta, p.d * sizeof *m.beta);
        mnk_cox_close(&m);
        *state = l;
    } else linear_close(l);
    return status;
}

const mnk_model_kind mnk_logistic = {"logistic",       1 << MNK_TASK_CLASSES, false, logistic_fit,
                                     logistic_predict, linear_close,          NULL};
const mnk_model_kind mnk_linear = {"linear", 1 << MNK_TASK_NUMBER, false, linear_fit, eta_predict, linear_close, NULL};
const mnk_model_kind mnk_cox_model = {"cox", 1 << MNK_TASK_SURVIVAL, false, cox_fit, eta_predict, linear_close, NULL};
