/* Gradient boosting through libxgboost's C interface: histogram trees, one thread a model, a fixed seed per round. */
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

#include "base/mem.h"
#include "base/rng.h"
#include "evaluate/models/model.h"

typedef struct boosting {
    BoosterHandle booster;
    mnk_task task;
    int classes, rounds; /* rounds kept */
    size_t width;
    double centre, scale; /* NUMBER: of the value the trees learn */
} boosting;

static mnk_status failed(mnk_error *err) { return MNK_FAIL(err, MNK_ERR_FAILED, "xgboost: %.800s", XGBGetLastError()); }
#define XGB(call)                                                                                                              \
    do {                                                                                                                       \
        if ((call) != 0) {                                                                                                     \
            status = failed(err);                                                                                              \
            goto out;                                                                                                          \
        }                                                                                                                      \
    } while (0)

static void silent(const char *text) { (void)text; }

static void boosting_close(void *state) {
    boosting *b = state;
    if (!b) return;
    if (b->booster) XGBoosterFree(b->booster);
    mnk_free(b);
}

/* ---- data ---- */

/* survival:cox wants the sign of the time for the event; times are moved so that none is 0. */
static double target(const boosting *b, const mnk_outcome *o, const int *code, double first, size_t i) {
    if (b->task == MNK_TASK_CLASSES) return code[o->label[i]];
    if (b->task == MNK_TASK_NUMBER) return (o->value[i] - b->centre) / b->scale;
    double t = 1.0 + (o->value[i] - first) / b->scale;
    return o->event[i] ? t : -t;
}

/* A matrix of the rows whose part[] is `which`. */
static mnk_status matrix(const boosting *b, const mnk_training *t, const int *code, const uint8_t *part, uint8_t which,
                         DMatrixHandle *out, mnk_error *err) {
    mnk_status status = MNK_OK;
    size_t width = b->width, n = 0;
    float *x = NULL, *y = NULL;
    double first = INFINITY;
    for (size_t i = 0; i < t->features.n; i++) n += part[i] == which;
    for (size_t i = 0; b->task == MNK_TASK_SURVIVAL && i < t->features.n; i++) first = fmin(first, t->outcome.value[i]);
    MNK_OUT(MNK_NEW(x, n * width + 1, err));
    MNK_OUT(MNK_NEW(y, n + 1, err));
    for (size_t i = 0, at = 0; i < t->features.n; i++) {
        if (part[i] != which) continue;
        memcpy(x + at * width, t->features.tree + i * width, width * sizeof *x);
        y[at++] = (float)target(b, &t->outcome, code, first, i);
    }
    XGB(XGDMatrixCreateFromMat_omp(x, n, width, NAN, out, 1));
    XGB(XGDMatrixSetFloatInfo(*out, "label", y, n));
out:
    mnk_free(x);
    mnk_free(y);
    return status;
}

/* part[i] = 1 for the rows that decide when to stop, drawn by unit; all 0 when either side would be too small. */
static void cut(const mnk_training *t, const mnk_model_settings *s, uint8_t *part) {
    enum { LEAST = 30 };
    size_t n = t->features.n, inside = 0;
    memset(part, 0, n);
    if (s->patience == 0 || !(s->cut > 0.0)) return;
    for (size_t i = 0; i < n; i++) {
        mnk_rng rng = mnk_rng_at(s->seed, MNK_PURPOSE_MODEL_CUT, (uint64_t)t->unit[i], 0);
        part[i] = mnk_rng_uniform(&rng) < s->cut;
        inside += part[i];
    }
    if (inside < LEAST || n - inside < LEAST) memset(part, 0, n);
}

/* ---- training ---- */

static mnk_status set(BoosterHandle b, const char *name, mnk_error *err, const char *fmt, ...) MNK_PRINTF(4, 5);
static mnk_status set(BoosterHandle b, const char *name, mnk_error *err, const char *fmt, ...) {
    char value[64];
    va_list args;
    va_start(args, fmt);
    vsnprintf(value, sizeof value, fmt, args);
    va_end(args);
    return XGBoosterSetParam(b, name, value) == 0 ? MNK_OK : failed(err);
}

static mnk_status configure(boosting *b, const mnk_model_settings *s, mnk_error *err) {
    static const char *const objectives[] = {"binary:logistic", "reg:squarederror", "survival:cox"};
    static const char *const measures[] = {"logloss", "rmse", "cox-nloglik"};
    bool several = b->task == MNK_TASK_CLASSES && b->classes > 2;
    MNK_TRY(set(b->booster, "verbosity", err, "0"));
    MNK_TRY(set(b->booster, "nthread", err, "1"));
    MNK_TRY(set(b->booster, "tree_method", err, "hist"));
    MNK_TRY(set(b->booster, "max_bin", err, "64"));
    MNK_TRY(set(b->booster, "objective", err, "%s", several ? "multi:softprob" : objectives[b->task]));
    MNK_TRY(set(b->booster, "eval_metric", err, "%s", several ? "mlogloss" : measures[b->task]));
    if (several) MNK_TRY(set(b->booster, "num_class", err, "%d", b->classes));
    if (b->task == MNK_TASK_NUMBER) MNK_TRY(set(b->booster, "base_score", err, "0"));
    MNK_TRY(set(b->booster, "seed", err, "%d", (int)(s->seed & 0x3fffffff)));
    MNK_TRY(set(b->booster, "seed_per_iteration", err, "1"));
    MNK_TRY(set(b->booster, "eta", err, "%g", s->rate));
    MNK_TRY(set(b->booster, "max_depth", err, "%d", s->depth));
    MNK_TRY(set(b->booster, "min_child_weight", err, "%zu", b->task == MNK_TASK_CLASSES ? s->min_leaf / 4 + 1 : s->min_leaf));
    MNK_TRY(set(b->booster, "subsample", err, "%g", s->row_share));
    return set(b->booster, "colsample_bytree", err, "%g", s->part_share);
}

/* "[3]\tcut-logloss:0.61": the number after the last colon. */
static mnk_status loss_on(BoosterHandle b, int round, DMatrixHandle held, double *loss, mnk_error *err) {
    const char *text = NULL, *name = "cut";
    if (XGBoosterEvalOneIter(b, round, &held, &name, 1, &text) != 0) return failed(err);
    const char *colon = text ? strrchr(text, ':') : NULL;
    *loss = colon ? strtod(colon + 1, NULL) : NAN;
    return MNK_OK;
}

static mnk_status train(boosting *b, const mnk_model_settings *s, DMatrixHandle data, DMatrixHandle held, mnk_error *err) {
    double best = INFINITY, loss = NAN;
    for (int round = 0; round < s->rounds; round++) {
        if (XGBoosterUpdateOneIter(b->booster, round, data) != 0) return failed(err);
        if (!held) {
            b->rounds = round + 1;
            continue;
        }
        MNK_TRY(loss_on(b->booster, round, held, &loss, err));
        if (loss < best) best = loss, b->rounds = round + 1;
        else if (round + 1 - b->rounds >= s->patience) break;
    }
    if (b->rounds == 0) b->rounds = 1; /* a loss that is never a number */
    return MNK_OK;
}

static void scale_of(boosting *b, const mnk_outcome *o) {
    double sum = 0.0, square = 0.0, n = (double)o->n, low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < o->n; i++) {
        sum += o->value[i];
        low = fmin(low, o->value[i]), high = fmax(high, o->value[i]);
    }
    for (size_t i = 0; i < o->n; i++) square += (o->value[i] - sum / n) * (o->value[i] - sum / n);
    b->centre = sum / n;
    b->scale = b->task == MNK_TASK_NUMBER ? sqrt(square / n) : high - low;
    if (!(b->scale > 0.0)) b->scale = 1.0;
}

static mnk_status boosting_fit(const mnk_training *t, const int *present, int classes, const mnk_model_settings *s,
                               void **state, mnk_error *err) {
    mnk_status status = MNK_OK;
    boosting *b = NULL;
    DMatrixHandle data[2] = {NULL, NULL};
    uint8_t *part = NULL;
    int *code = NULL;
    mnk_model_settings own = *s;
    MNK_OUT(MNK_NEW(b, 1, err));
    *b = (boosting){.task = t->outcome.task, .classes = classes, .width = t->features.tree_width, .scale = 1.0};
    MNK_OUT(MNK_NEW(part, t->features.n + 1, err));
    MNK_OUT(MNK_NEW(code, (size_t)t->outcome.classes + 1, err));
    for (int k = 0; k < classes; k++) code[present[k]] = k;
    if (b->task != MNK_TASK_CLASSES) scale_of(b, &t->outcome);
    XGB(XGBRegisterLogCallback(silent));
    cut(t, s, part);
    MNK_OUT(matrix(b, t, code, part, 0, &data[0], err));
    if (memchr(part, 1, t->features.n)) MNK_OUT(matrix(b, t, code, part, 1, &data[1], err));
    else if (s->patience && own.rounds > 50) own.rounds = 50; /* too few rows to tell when to stop */
    XGB(XGBoosterCreate(data, data[1] ? 2 : 1, &b->booster));
    MNK_OUT(configure(b, &own, err));
    MNK_OUT(train(b, &own, data[0], data[1], err));
    *state = b;
    b = NULL;
out:
    for (int k = 0; k < 2; k++)
        if (data[k]) XGDMatrixFree(data[k]);
    mnk_free(part);
    mnk_free(code);
    boosting_close(b);
    return status;
}

/* ---- prediction ---- */

static mnk_status boosting_predict(const void *state, const mnk_features *f, double *out, mnk_error *err) {
    const boosting *b = state;
    mnk_status status = MNK_OK;
    DMatrixHandle data = NULL;
    const float *result = NULL;
    const bst_ulong *shape = NULL;
    bst_ulong rank = 0, count = 1;
    char config[160];
    if (f->n == 0) return MNK_OK;
    snprintf(config, sizeof config,
             "{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":%d,\"strict_shape\":true}",
             b->task == MNK_TASK_SURVIVAL, b->rounds);
    XGB(XGBRegisterLogCallback(silent));
    XGB(XGDMatrixCreateFromMat_omp(f->tree, f->n, b->width, NAN, &data, 1));
    XGB(XGBoosterPredictFromDMatrix(b->booster, data, config, &shape, &rank, &result));
    for (bst_ulong k = 0; k < rank; k++) count *= shape[k];
    bool several = b->task == MNK_TASK_CLASSES && b->classes > 2;
    if (count != f->n * (several ? (size_t)b->classes : 1)) {
        status = MNK_FAIL(err, MNK_ERR_FAILED, "xgboost gave %zu numbers for %zu rows", (size_t)count, f->n);
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        if (b->task == MNK_TASK_CLASSES && !several) out[2 * i] = 1.0 - result[i], out[2 * i + 1] = result[i];
        else out[i] = b->task == MNK_TASK_NUMBER ? b->centre + b->scale * result[i] : result[i];
    }
out:
    if (data) XGDMatrixFree(data);
    return status;
}

static const char *about(const void *state, char buffer[96]) {
    snprintf(buffer, 96, "%d rounds", ((const boosting *)state)->rounds);
    return buffer;
}

const mnk_model_kind mnk_boosting = {"boosting",
                                     1 << MNK_TASK_CLASSES | 1 << MNK_TASK_NUMBER | 1 << MNK_TASK_SURVIVAL,
                                     true,
                                     boosting_fit,
                                     boosting_predict,
                                     boosting_close,
                                     about};
