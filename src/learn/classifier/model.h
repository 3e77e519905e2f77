/* Inside of a classifier, shared by training (train.c), use and files (model.c). */
#ifndef MNK_LEARN_CLASSIFIER_MODEL_H
#define MNK_LEARN_CLASSIFIER_MODEL_H

#include "learn/classifier/config.h"
#include "nn/net.h"

#define MNK_CLASSIFIER_SIDE_MIN    16
#define MNK_CLASSIFIER_SIDE_MAX    4096
#define MNK_CLASSIFIER_CLASSES_MAX 4096
#define MNK_CLASSIFIER_BATCH       64 /* images per forward pass when in use */

struct mnk_classifier {
    mnk_classifier_summary summary;
    char **class_names;  /* [classes] */
    bool *known;         /* [classes] false: the class had no training images; its probability is always 0 */
    char *settings_json; /* options of training */
    mnk_net *net;
    mnk_params *params;
    mnk_plan *plan; /* for use: MNK_CLASSIFIER_BATCH images, running statistics */
    mnk_value input, features, logits;
    int width, stages;
    mnk_norm norm;       /* batch, or group where training is private: no image may change another's */
    char privacy[512];   /* what it guarantees, "none" or "" */
    char *privacy_block; /* JSON; NULL: none */
};

/* The network and its weights (He normal from summary.seed): sizes, classes and width/stages are set in *c before.
 * stages 0 is resolved. */
mnk_status mnk_classifier_build(mnk_classifier *c, double dropout, mnk_error *err) MNK_CHECK;
mnk_status mnk_classifier_plan(mnk_classifier *c, const char *backend, mnk_error *err) MNK_CHECK;
mnk_status mnk_classifier_alloc(int classes, const char *const *class_names, mnk_classifier **out, mnk_error *err) MNK_CHECK;

/* Softmax over the known classes; unknown ones get 0. */
void mnk_classifier_softmax(const mnk_classifier *c, const float *logits, float *prob);

/* Probabilities of the images row[0..n-1]. */
mnk_status mnk_classifier_run_rows(mnk_classifier *c, const mnk_images *images, const size_t *row, size_t n, float *prob,
                                   mnk_error *err) MNK_CHECK;

/* Size and channels agree with the classifier's; `what` names the set in messages. */
mnk_status mnk_classifier_check_images(const mnk_classifier *c, const mnk_images *images, const char *what,
                                       mnk_error *err) MNK_CHECK;

/* What mnk_classifier_open does once the file is parsed; `path` is for messages. */
mnk_status mnk_classifier_read(const mnk_st *st, const char *path, mnk_classifier **out, mnk_error *err) MNK_CHECK;

/* ---- training from several sources at once (usefulness) ---- */

typedef struct mnk_classifier_source {
    const mnk_images *images;
    const size_t *row; /* [n] rows used */
    size_t n;
    const int32_t *map; /* images' class -> classifier's class */
    double share;       /* of each batch; shares sum to 1 */
    bool balanced;      /* its classes take turns; false: its images as often as they come */
} mnk_classifier_source;

typedef struct mnk_classifier_job {
    int classes;
    const char *const *class_names;
    const mnk_classifier_source *source; /* 1 or 2 */
    int sources;
    const mnk_classifier_source *val; /* NULL or n = 0: none, the last weights are kept */
    size_t steps, epoch_steps;        /* validation every epoch_steps */
    bool stop_early;                  /* config's patience applies */
    const char *train_hash, *label;   /* label: shown while training, e.g. the arm */
} mnk_classifier_job;

/* The classifier of a job, not trained: sizes, names, which classes have images. */
mnk_status mnk_classifier_prepare(const mnk_classifier_job *job, const mnk_classifier_config *config, mnk_norm norm,
                                  mnk_classifier **out, mnk_error *err) MNK_CHECK;
/* Learning rate of a step: up to the peak in 30 % of the steps, then down. */
double mnk_classifier_one_cycle(double peak, size_t step, size_t steps);
/* Smoothed cross-entropy of one image; g[classes] gets its gradient with respect to the logits z over divisor. */
double mnk_classifier_cross_entropy(const mnk_classifier *c, const float *z, int32_t label, double smoothing, double divisor,
                                    float *g);

mnk_status mnk_classifier_train_job(const mnk_classifier_job *job, const mnk_classifier_config *config,
                                    const mnk_observer *observer, mnk_classifier **out, mnk_error *err) MNK_CHECK;

/* At least two classes, and images with a valid label in each. */
mnk_status mnk_classifier_check_train(const mnk_images *train, mnk_error *err) MNK_CHECK;

/* Cuts `share` of d for validation: within each class whole groups (images without group count as their own), at least one
 * group of every class staying in train. train and val receive row numbers; both are released with mnk_free. */
mnk_status mnk_classifier_cut(const mnk_images *d, double share, uint64_t seed, size_t **train, size_t *n_train, size_t **val,
                              size_t *n_val, mnk_error *err) MNK_CHECK;

/* map[k]: index in names of class k of d, by name. Classes without images map to -1; others must be found. */
mnk_status mnk_classifier_match(const mnk_images *d, const char *what, int classes, char *const *names, int32_t *map,
                                mnk_error *err) MNK_CHECK;

#endif
