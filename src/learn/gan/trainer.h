/* What a training run owns. trainer.c makes and releases it, step.c does one step, snapshot.c looks at it, checkpoint.c
 * saves and restores it, train.c drives. */
#ifndef MNK_LEARN_GAN_TRAINER_H
#define MNK_LEARN_GAN_TRAINER_H

#include <stdio.h>

#include "base/hash.h"
#include "learn/gan/augment.h"
#include "learn/gan/batch.h"
#include "learn/gan/config.h"
#include "learn/gan/likeness.h"
#include "learn/gan/loss.h"
#include "learn/gan/models.h"
#include "learn/gan/monitor.h"
#include "learn/gan/units.h"
#include "learn/private_sgd.h"
#include "nn/net.h"

#define MNK_GAN_GRID_COLUMNS       8
#define MNK_GAN_STATISTICS_BATCHES 20 /* to re-estimate batch-norm statistics of the averaged weights */

/* The numbers beside the parameters that a continuation needs; stored as one f64 tensor. */
typedef struct mnk_gan_progress {
    double step;                               /* steps done */
    double augment_p;                          /* strength of augmentation, 0..1 */
    double sign_sum, sign_n;                   /* signs of the discriminator on real images since p last changed */
    double d_smooth, g_smooth;                 /* losses averaged over about 50 steps */
    double collapsed, powerless, overpowering; /* warnings standing */
    double peak_variety, fallen;               /* largest mean variety so far; its warning standing */
    double best_distance, best_step;           /* of the snapshot kept; step 0: none yet */
} mnk_gan_progress;
#define MNK_GAN_PROGRESS_NUMBERS (sizeof(mnk_gan_progress) / sizeof(double))
#define MNK_GAN_PROGRESS_OLDEST  9 /* numbers in checkpoints before variety was kept track of: the others begin at 0 */

typedef struct mnk_gan_trainer {
    const mnk_images *data;
    mnk_gan_config config;
    mnk_gan_shape shape;
    const mnk_gan_loss *loss;
    const mnk_backend *backend;
    const mnk_observer *observer;
    char *model_path, *run_dir, *checkpoint_path, *events_path;
    char *options_json;

    mnk_gan_generator g;
    mnk_gan_judge d;
    mnk_params *gp, *dp;
    mnk_plan *g_train, *d_both, *d_one; /* d_both: real and generated packs in one batch; d_one: generated ones */
    mnk_plan *g_statistics, *g_average; /* averaged weights: batch statistics, and as used for sampling */
    mnk_gan_batches *batches;
    /* private runs: d_both is not there, real packs go through d_private, a part of the Poisson batch at a time */
    mnk_plan *d_private;
    mnk_gan_units units;
    mnk_private_target target;
    mnk_private_sgd_config sgd;
    mnk_ledger *ledger;
    mnk_private_sgd *private;
    double *canary_memory; /* of the checkpoint that was loaded, and the last line of its ledger */
    size_t n_canary_memory;
    char ledger_head[MNK_HASH_TEXT];
    size_t part;           /* packs of d_private */
    double *norms2;        /* [part] */
    uint32_t *first_units; /* [packs] 0, 1 …: a batch that is nobody\'s choice, for timing */
    mnk_augment *augment;
    mnk_augment_list augment_kinds;

    size_t batch, packs, volume;           /* volume: numbers in one inner image */
    float *z;                              /* [batch][latent] */
    float *real, *fake;                    /* [batch][volume] */
    float *pair;                           /* [2 batch][volume]: augmented real, then augmented generated */
    float *gradient;                       /* [batch][volume] */
    float *logit, *logit_gradient, *scale; /* [2 packs] */
    size_t *index;
    int32_t *labels, *pack_labels; /* [batch], [2 packs]; private runs: of generated, then of real packs */
    mnk_augment_draw *draws;       /* [packs] */
    real *state_copy;              /* batch-norm state of training while the averaged one is looked at */

    mnk_gan_progress progress;
    uint64_t step, total, log_steps, snapshot_steps; /* total 0: by time */
    double d_loss, g_loss, penalty;                  /* of the last step */
    double *train_spread, *variety;                  /* [classes] */
    mnk_gan_likeness *likeness;
    double *unlikeness;              /* [classes] distance of the last snapshot's samples to train */
    double distance;                 /* the one number that chooses; NaN where it cannot be told */
    real *best_average, *best_state; /* averaged weights and batch-norm statistics of the best snapshot */
    real *swapped;                   /* [n + n_state] what stands aside while the best is written */
    double kept_kimg;                /* of the weights in the model file, once it is written */
    size_t planned_bytes;
    FILE *events;
    double started, step_seconds[21]; /* wall clock; the last step times */
    size_t timed;
} mnk_gan_trainer;

/* Checks sizes and memory, makes networks, parameters and plans. The trainer keeps `data` and `observer` until closed. */
mnk_status mnk_gan_trainer_open(const mnk_images *data, const mnk_gan_config *config, const char *model_path,
                                const mnk_observer *observer, mnk_gan_trainer **out, mnk_error *err) MNK_CHECK;
void mnk_gan_trainer_close(mnk_gan_trainer *t);

/* One step of discriminator and generator. MNK_ERR_FAILED when a loss or gradient is not finite: the run is over, and
 * nothing of this step may be saved. With `dry`, everything is computed but no parameter or progress changes. */
mnk_status mnk_gan_step(mnk_gan_trainer *t, bool dry, mnk_error *err) MNK_CHECK;

/* Streams of augmentation draws within a step. */
enum { MNK_GAN_DRAW_REAL, MNK_GAN_DRAW_FAKE, MNK_GAN_DRAW_GENERATOR_FAKE, MNK_GAN_DRAW_GENERATOR_REAL, MNK_GAN_DRAW_STREAMS };
/* The draw of pack number `pack` in a stream of this step. */
void mnk_gan_draw(const mnk_gan_trainer *t, int stream, size_t pack, mnk_augment_draw *out);

/* Image `index` as planes in [-1, 1], edges replicated to the inner size. */
void mnk_gan_inner_image(const mnk_images *data, const mnk_gan_shape *shape, size_t index, float *out);

/* Re-estimates batch-norm statistics for the averaged weights into gp->state, after copying it to t->state_copy;
 * mnk_gan_statistics_undo puts it back. */
void mnk_gan_statistics(mnk_gan_trainer *t);
void mnk_gan_statistics_undo(mnk_gan_trainer *t);

/* Samples of the averaged generator with fixed latents: variety per class into t->variety, grid PNG, a line of events,
 * warnings to the observer. Training is not influenced. */
mnk_status mnk_gan_snapshot(mnk_gan_trainer *t, mnk_error *err) MNK_CHECK;
mnk_status mnk_gan_event(mnk_gan_trainer *t, const char *kind, mnk_error *err) MNK_CHECK;
/* Spread of the training images of each class into t->train_spread. */
mnk_status mnk_gan_train_spread(mnk_gan_trainer *t, mnk_error *err) MNK_CHECK;

/* keep.c: the best snapshot. Consider the one just taken (batch-norm statistics of the averaged weights in place); whether
 * patience has run out; put the kept weights where the model is written from, and back. */
void mnk_gan_keep_consider(mnk_gan_trainer *t);
bool mnk_gan_keep_stalled(const mnk_gan_trainer *t);
bool mnk_gan_keep_swap(mnk_gan_trainer *t); /* false: no snapshot is kept, the end of the run stays in place */
void mnk_gan_keep_swap_back(mnk_gan_trainer *t);

mnk_status mnk_gan_checkpoint_save(mnk_gan_trainer *t, mnk_error *err) MNK_CHECK;
/* Refuses checkpoints of other data or settings by name. */
mnk_status mnk_gan_checkpoint_load(mnk_gan_trainer *t, mnk_error *err) MNK_CHECK;
/* Weights of both networks (checkpoint) or of the generator (model) as a start. */
mnk_status mnk_gan_init_from(mnk_gan_trainer *t, const char *path, mnk_error *err) MNK_CHECK;
/* The released file: averaged generator and metadata. Wants mnk_gan_statistics or mnk_gan_keep_swap before; `kept_step` says
 * whose weights these are. */
mnk_status mnk_gan_model_save(mnk_gan_trainer *t, uint64_t kept_step, mnk_error *err) MNK_CHECK;

double mnk_gan_seconds(void);                       /* monotonic */
double mnk_gan_step_time(const mnk_gan_trainer *t); /* median of the last steps, 0 when none */
static inline double mnk_gan_kimg(const mnk_gan_trainer *t) { return (double)t->step * (double)t->batch / 1000; }

#endif
