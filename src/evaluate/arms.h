/* The arms of the usefulness experiment: what each trains on, and what its classifiers say of the test images. */
#ifndef MNK_EVALUATE_ARMS_H
#define MNK_EVALUATE_ARMS_H

#include "evaluate/select.h"
#include "manikin/usefulness.h"

/* A new arm is a line in mnk_arms. */
typedef struct mnk_arm {
    const char *name;
    bool real, over, classical, synthetic;
    mnk_select select;
    const char *title; /* for people */
} mnk_arm;

enum { MNK_ARMS = 10, MNK_ARM_BASELINE = 3 };
extern const mnk_arm mnk_arms[MNK_ARMS];

/* Refuses unknown names; the baseline is always on. */
mnk_status mnk_arms_chosen(const mnk_usefulness_config *config, bool on[MNK_ARMS], mnk_error *err) MNK_CHECK;
/* "400 steps of 32 real + 32 synthetic" */
void mnk_arm_about(const mnk_usefulness_config *config, int arm, size_t steps, char *out, size_t size);

/* What was predicted by the arms of one half of the table: those without synthetic images belong to a training subset, those
 * with to a generator trained on it. */
typedef struct mnk_scores {
    size_t seeds, n_test, n_val, steps;
    int classes;
    float *test[MNK_ARMS]; /* [seeds][n_test][classes]; NULL: not of this half, or off */
    float *val;            /* [seeds][n_val][classes] of the baseline; NULL: none */
    double *variety;       /* [classes] spread of synthetic over real images; half with synthetic images only. NaN: unknown */
    bool *absent;          /* [classes] without synthetic images; same half only */
    int64_t *train_n;      /* [classes] real training images */
} mnk_scores;

void mnk_scores_close(mnk_scores *s);
/* safetensors, kind "scores"; sizes are checked against the sets on opening. */
mnk_status mnk_scores_save(const mnk_scores *s, const char *path, mnk_error *err) MNK_CHECK;
mnk_status mnk_scores_open(const char *path, int classes, size_t n_test, mnk_scores **out, mnk_error *err) MNK_CHECK;

typedef struct mnk_arms_data {
    const mnk_images *train, *val, *test; /* val NULL: none */
    const mnk_images *synthetic;          /* NULL: the half without */
} mnk_arms_data;

/* Trains the arms of one half. In the half without synthetic images *baseline (may be NULL) receives the first baseline
 * classifier; in the other half it is read where arms select images, and may be NULL otherwise. */
mnk_status mnk_arms_run(const mnk_arms_data *d, const mnk_usefulness_config *config, mnk_classifier **baseline,
                        const mnk_observer *observer, mnk_scores **out, mnk_error *err) MNK_CHECK;

#endif
