/* Repetition: usefulness over training subsets, generators and amounts of data. A trial is one generator of one training
 * subset; each has small steps of its own in the cache, below DIR/trials. */
#ifndef MNK_STUDY_TRIALS_H
#define MNK_STUDY_TRIALS_H

#include "study/run.h"

#define MNK_TRIALS_FOLDER "trials"

typedef struct mnk_trial {
    int point;    /* of the learning curve, 0: the study's own training set */
    int64_t most; /* training images a class; 0 at point 0 */
    int subset, generator;
    char subset_name[32], name[48]; /* "s0", "s0-g1"; "n300-s0", "n300-s0-g1" */
} mnk_trial;

typedef struct mnk_trials {
    mnk_trial *trial; /* by point, subset, generator */
    size_t n;
    int points;
    int subsets[MNK_CURVE_MAX + 1]; /* of each point: one where nothing is drawn */
    int64_t most[MNK_CURVE_MAX + 1];
    int generators;
} mnk_trials;

/* Sizes of the learning curve that draw nothing beyond data.keep are left out. */
mnk_status mnk_trials_list(mnk_run *r, mnk_trials *out, mnk_error *err) MNK_CHECK;
void mnk_trials_clear(mnk_trials *t);

/* Seeds of a trial's generator and samples, and of its classifiers (the same for all generators of a subset, for pairing). */
uint64_t mnk_trial_seed(const mnk_run *r, const mnk_trial *t);
uint64_t mnk_trial_subset_seed(const mnk_run *r, const mnk_trial *t);

/* The training images of the trial's subset; r->all is left as it was. */
mnk_status mnk_trial_train(mnk_run *r, const mnk_trial *t, mnk_images **out, mnk_error *err) MNK_CHECK;

/* Trains the trial's generator unless it is there; path and hash of its model. The first trial is the study's own generator. */
mnk_status mnk_trial_generator(mnk_run *r, const mnk_trial *t, char path[1200], char digest[MNK_HASH_TEXT],
                               mnk_error *err) MNK_CHECK;

/* The whole experiment: every generator, every arm, and the metrics over all of them into r->usefulness. What an earlier run
 * finished is taken from DIR/trials. */
mnk_status mnk_trials_judge(mnk_run *r, mnk_error *err) MNK_CHECK;

/* Removes from DIR/trials and the records what belongs to no trial of this study. */
mnk_status mnk_trials_sweep(const mnk_run *r, const mnk_trials *t, mnk_error *err) MNK_CHECK;

#endif
