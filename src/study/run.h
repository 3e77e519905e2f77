/* One run of a study: what the steps share. */
#ifndef MNK_STUDY_RUN_H
#define MNK_STUDY_RUN_H

#include "study/cache.h"
#include "study/study.h"

enum { MNK_STEPS_MAX = 9 };

typedef struct mnk_run {
    const mnk_study *s;
    const char *dir;
    const mnk_study_run_options *options;
    const mnk_observer *observer;
    uint64_t seed;
    /* Loaded when first needed; data.c and steps.c own them. */
    mnk_images *all, *train, *val, *holdout, *test, *synthetic;
    char note[512]; /* how the splits came about */
    mnk_result *data, *evaluate, *usefulness, *audit;
    char digest[MNK_STEPS_MAX][MNK_HASH_TEXT]; /* of each finished step's main output, "" when switched off */
    mnk_evidence_step step[MNK_STEPS_MAX];     /* finished ones, for the report */
    size_t steps;
    bool is_dirty; /* something was written: an old manifest no longer holds */
    char started[32];
} mnk_run;

typedef enum mnk_step_id {
    MNK_STEP_SIMULATE,
    MNK_STEP_DATA,
    MNK_STEP_GAN,
    MNK_STEP_SAMPLE,
    MNK_STEP_CLASSIFIER,
    MNK_STEP_EVALUATE,
    MNK_STEP_USEFULNESS,
    MNK_STEP_AUDIT,
    MNK_STEP_REPORT
} mnk_step_id;

/* A step: its settings sections and earlier steps make its key. */
typedef struct mnk_step {
    mnk_step_id id;
    const char *name, *title;
    const char *section[3]; /* whose settings it depends on */
    unsigned after;         /* bits of the steps whose digests it depends on */
    const char *output[2];  /* below dir, the main one first; NULL: none, or see outputs_of */
    bool (*is_off)(const mnk_study *s);
    /* Does the work; can_continue: unfinished work of this very step lies in its folder. */
    mnk_status (*work)(mnk_run *r, bool can_continue, mnk_error *err);
    const char *folder; /* of resumable work, below dir; NULL: the step is simply done again */
} mnk_step;

extern const mnk_step mnk_steps[MNK_STEPS_MAX];

/* Where the samples lie: synthetic.npz, synthetic or synthetic.tar. */
const char *mnk_run_samples(const mnk_study *s);

/* r->all with its splits, opened at first use. */
mnk_status mnk_run_data(mnk_run *r, mnk_error *err) MNK_CHECK;
/* The subsets of r->all. */
mnk_status mnk_run_splits(mnk_run *r, mnk_error *err) MNK_CHECK;
mnk_status mnk_run_synthetic(mnk_run *r, mnk_error *err) MNK_CHECK;
void mnk_run_clear(mnk_run *r);

#endif
