/* Predictive models behind usefulness, fairness and two-sample tests: one table of kinds, one way to fit and to predict.
 * A model gets its columns in the form it can use (features), an outcome, and gives one row of numbers an item. */
#ifndef MNK_EVALUATE_MODELS_MODEL_H
#define MNK_EVALUATE_MODELS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Columns of n items in two forms; either may be absent (width 0, NULL).
 *   tree    f32, for boosting: values as they are, NaN missing
 *   linear  f64, for linear models: scaled, no NaN, missing and levels as indicators */
typedef struct mnk_features {
    size_t n, tree_width, linear_width;
    float *tree;    /* [n*tree_width] */
    double *linear; /* [n*linear_width] */
} mnk_features;

void mnk_features_close(mnk_features *f);

typedef enum mnk_task { MNK_TASK_CLASSES, MNK_TASK_NUMBER, MNK_TASK_SURVIVAL } mnk_task;

typedef struct mnk_outcome {
    mnk_task task;
    size_t n;
    int classes;    /* CLASSES */
    int32_t *label; /* [n] 0..classes-1 */
    double *value;  /* [n] NUMBER: the number; SURVIVAL: follow-up time */
    uint8_t *event; /* [n] SURVIVAL */
} mnk_outcome;

mnk_status mnk_outcome_open(mnk_task task, int classes, size_t n, mnk_outcome *out, mnk_error *err) MNK_CHECK;
void mnk_outcome_close(mnk_outcome *o);

/* Rows row[0..n-1] of several parts, one after the other: what a model is trained on. */
typedef struct mnk_part {
    const mnk_features *features;
    const mnk_outcome *outcome; /* NULL where only features are gathered */
    const int32_t *unit;        /* [features->n] rows of one unit (person, twins) are kept together; NULL: each its own */
    const size_t *row;          /* [n]; NULL: all of features->n */
    size_t n;
} mnk_part;

typedef struct mnk_training {
    mnk_features features;
    mnk_outcome outcome;
    int32_t *unit; /* [n] units of different parts are different */
} mnk_training;
mnk_status mnk_training_gather(const mnk_part *part, int parts, mnk_training *out, mnk_error *err) MNK_CHECK;
void mnk_training_close(mnk_training *t);

typedef struct mnk_model_settings {
    uint64_t seed;
    int rounds;        /* boosting: at most */
    int depth;         /* boosting: of a tree */
    double rate;       /* boosting: learning rate */
    int patience;      /* boosting: rounds without improvement on the cut before it stops; 0: all rounds, no cut */
    double cut;        /* boosting: share of units that decide when to stop */
    double ridge;      /* linear models */
    size_t min_leaf;   /* boosting: hessian weight of a leaf */
    double row_share;  /* boosting: rows a tree sees */
    double part_share; /* boosting: columns a tree sees */
} mnk_model_settings;
mnk_model_settings mnk_model_defaults(uint64_t seed);

typedef struct mnk_model mnk_model;

/* A new kind is a file and a line in the table of model.c. */
typedef struct mnk_model_kind {
    const char *name; /* stands in ids: "boosting" */
    unsigned tasks;   /* bits 1 << mnk_task */
    bool seeded;      /* another seed gives another model */
    mnk_status (*fit)(const mnk_training *t, const int *present, int classes, const mnk_model_settings *s, void **state,
                      mnk_error *err);
    /* out: n x classes probabilities (of the classes present), or n numbers, or n log relative hazards */
    mnk_status (*predict)(const void *state, const mnk_features *f, double *out, mnk_error *err);
    void (*close)(void *state);
    const char *(*about)(const void *state, char buffer[96]); /* NULL, or a phrase for notes: "48 rounds" */
} mnk_model_kind;

extern const mnk_model_kind mnk_boosting, mnk_logistic, mnk_linear, mnk_cox_model;
/* The kinds that can do a task, ended by NULL. */
const mnk_model_kind *const *mnk_model_kinds(mnk_task task);

/* Fits on everything in t. Classes without rows get probability 0 later; with one class alone the model is that class.
 * Survival without an event predicts that none comes. An empty t is MNK_ERR_INPUT. Same model for any number of threads; may
 * itself be called from several threads at once. */
mnk_status mnk_model_fit(const mnk_model_kind *kind, const mnk_training *t, const mnk_model_settings *s, mnk_model **out,
                         mnk_error *err) MNK_CHECK;
/* out: n x classes, or n. */
mnk_status mnk_model_predict(const mnk_model *m, const mnk_features *f, double *out, mnk_error *err) MNK_CHECK;
/* Survival probabilities at grid[k] from log relative hazards: exp(-H0(t) e^score), H0 after Breslow on the training rows. */
void mnk_model_survival(const mnk_model *m, const double *score, size_t n, const double *grid, size_t times, double *out);
const char *mnk_model_about(const mnk_model *m, char buffer[96]);
void mnk_model_close(mnk_model *m);

#endif
