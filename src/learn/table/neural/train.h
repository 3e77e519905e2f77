/* What ctgan and tvae share in training: rows learned and rows held out, how long, when to stop, the averaged weights that
 * are kept, and the checkpoint. A *learner* makes one step; this loop does the rest.
 *
 * Every `check` steps the averaged generator draws a small table, the same latent numbers each time. Its energy distance to
 * the held-out rows says how far it is: it sees both a wrong place and a lost variety. To it is added how much nearer the
 * drawn rows lie to learned rows than to held-out ones: copying. The weights of the smallest sum are the model's. */
#ifndef MNK_LEARN_TABLE_NEURAL_TRAIN_H
#define MNK_LEARN_TABLE_NEURAL_TRAIN_H

#include "learn/private_sgd.h"
#include "learn/table/neural/model.h"
#include "learn/table/private/budget.h"

typedef struct mnk_neural_config {
    mnk_private_config budget; /* first: the frame reads it where dp is on. bins: stretches of a number */
    mnk_private_sgd_config sgd;
    bool dp;
    double sample_rate;
    int64_t epochs, steps_min, batch, patience, check; /* patience: checks without progress */
    int64_t latent, width, depth;
    double holdout, ema;
    double rate, rate_d, penalty, dropout, temperature; /* ctgan; tvae uses rate */
    int64_t pack;
    int loss;
    double kl; /* tvae */
} mnk_neural_config;

enum { MNK_NEURAL_AUTO, MNK_NEURAL_WGAN, MNK_NEURAL_HINGE }; /* loss of ctgan */

/* Option rows of both. clang-format leaves tables alone. */
/* clang-format off */
#define MNK_NEURAL_AT(f) offsetof(mnk_neural_config, f)
#define MNK_NEURAL_OPTION_ROWS(EPOCHS, RATE, BATCH)                                                                                   \
    {"epochs", 0, MNK_OPTION_INT, MNK_NEURAL_AT(epochs), "N", EPOCHS, 1, 1000000, NULL, "passes over the rows at most; see --steps-min and --patience", false}, \
    {"steps-min", 0, MNK_OPTION_INT, MNK_NEURAL_AT(steps_min), "N", "3000", 1, 10000000, NULL, "steps at least, however small the table; with --dp just as many", false}, \
    {"batch", 0, MNK_OPTION_INT, MNK_NEURAL_AT(batch), "N", BATCH, 2, 8192, NULL, "rows a step", false},               \
    {"rate", 0, MNK_OPTION_REAL, MNK_NEURAL_AT(rate), "RATE", RATE, 1e-8, 1, NULL, "learning rate", false},                       \
    {"holdout", 0, MNK_OPTION_REAL, MNK_NEURAL_AT(holdout), "SHARE", "0.1", 0, 0.5, NULL, "share of the rows held out to choose when to stop (at most 2,000)", false}, \
    {"check", 0, MNK_OPTION_INT, MNK_NEURAL_AT(check), "N", "250", 1, 1000000, NULL, "steps between looks at the held-out rows", true}, \
    {"patience", 0, MNK_OPTION_INT, MNK_NEURAL_AT(patience), "N", "12", 1, 1000000, NULL, "stop after so many looks without progress", false}, \
    {"latent", 0, MNK_OPTION_INT, MNK_NEURAL_AT(latent), "N", "64", 1, 1024, NULL, "random inputs", true},                        \
    {"width", 0, MNK_OPTION_INT, MNK_NEURAL_AT(width), "N", "256", 4, 4096, NULL, "features of a hidden layer", true},                \
    {"depth", 0, MNK_OPTION_INT, MNK_NEURAL_AT(depth), "N", "2", 1, 4, NULL, "hidden layers", true},                              \
    {"ema", 0, MNK_OPTION_REAL, MNK_NEURAL_AT(ema), "B", "0.995", 0, 0.999999, NULL, "decay of the averaged weights, per step", true}, \
    {"dp", 0, MNK_OPTION_BOOL, MNK_NEURAL_AT(dp), NULL, "false", 0, 0, NULL, "private training (DP-SGD), with a guarantee for every person: state --epsilon and --delta", false}, \
    MNK_PRIVATE_TARGET_ROWS(mnk_neural_config, budget.target), MNK_PRIVATE_SGD_ROWS(mnk_neural_config, sgd), \
    {"sample-rate", 0, MNK_OPTION_REAL, MNK_NEURAL_AT(sample_rate), "Q", "0.05", 1e-6, 1, NULL, "--dp: chance of a person to take part in a step", false}, \
    {"modes", 0, MNK_OPTION_INT, MNK_NEURAL_AT(budget.bins), "N", "16", 2, 128, NULL, "--dp: stretches of equal width between the bounds of a number", true}, \
    {"public-schema", 0, MNK_OPTION_BOOL, MNK_NEURAL_AT(budget.public_schema), NULL, "false", 0, 0, NULL, "--dp: you state that levels and bounds of the schema are public although they were inferred from these data", false}
/* clang-format on */

/* All that a run needs to go on, beside parameters, best weights and spreads; doubles only: written as one tensor. */
typedef struct mnk_neural_progress {
    double step, best, best_step, checks_since, loss[2];
} mnk_neural_progress;
enum { MNK_NEURAL_PROGRESS_NUMBERS = sizeof(mnk_neural_progress) / sizeof(double) };

typedef struct mnk_neural_trainer mnk_neural_trainer;
typedef struct mnk_neural_private mnk_neural_private; /* private.h */

typedef struct mnk_neural_learner {
    const char *name, *loss_names[2];
    const mnk_option *options; /* what a continuation must repeat */
    bool conditional, batch_norm;
    bool both_private;                            /* with --dp: data meet both networks, not only `other` */
    size_t (*bytes)(const mnk_neural_trainer *t); /* of what open will make, about */
    mnk_status (*open)(mnk_neural_trainer *t, mnk_error *err);
    void (*close)(mnk_neural_trainer *t);
    /* One optimiser step of every network; MNK_ERR_FAILED when something is not finite. */
    mnk_status (*step)(mnk_neural_trainer *t, mnk_error *err);
    /* What drawing needs beside the averaged weights: statistics of batch norms, spreads. */
    mnk_status (*settle)(mnk_neural_trainer *t, mnk_error *err);
} mnk_neural_learner;

struct mnk_neural_trainer {
    const mnk_neural_learner *learner;
    const mnk_neural_config *config;
    mnk_fit_context *context;
    mnk_neural_model *model;
    mnk_folded rows; /* all */
    uint32_t *learn; /* [learns] rows that are learned */
    size_t learns;
    float *held; /* [helds][width] features of the rows held out */
    size_t helds;
    double held_spread; /* mean distance between two of them */
    float *seen;        /* [sets][helds][width] learned rows, in sets of as many as are held out; sets 0: no copying is seen */
    size_t sets;
    uint64_t total;
    mnk_neural_progress progress;
    float *best;    /* averaged weights, state and sigma at the best check */
    mnk_net *other; /* discriminator or encoder */
    mnk_params *others;
    void *own;                       /* the learner's */
    mnk_neural_private *own_private; /* NULL without --dp */
    double *canaries;                /* [canary_numbers] their memory from the checkpoint of a resumed run */
    size_t canary_numbers;
    char *checkpoint;
    char hash[73]; /* of the folded rows */
};

/* Stream of item `item` at the present step. Roles keep apart what a learner draws. */
mnk_rng mnk_neural_rng(const mnk_neural_trainer *t, uint64_t item, unsigned role, uint64_t step);

/* Of a mnk_neural_config: --dp. */
bool mnk_neural_is_private(const void *config);
mnk_status mnk_neural_fit(const mnk_table *t, const mnk_neural_config *config, const mnk_neural_learner *learner,
                          mnk_fit_context *context, void **model, mnk_error *err) MNK_CHECK;

/* Checkpoints (checkpoint.c): beside the model, rows and visits apart. */
mnk_status mnk_neural_checkpoint_save(mnk_neural_trainer *t, mnk_error *err) MNK_CHECK;
mnk_status mnk_neural_checkpoint_load(mnk_neural_trainer *t, mnk_error *err) MNK_CHECK;
/* The noisy counts of the run that is to be resumed; *found false where there is no checkpoint. */
mnk_status mnk_neural_checkpoint_recall(mnk_neural_trainer *t, double *count, size_t counts, bool *found,
                                        mnk_error *err) MNK_CHECK;
size_t mnk_neural_best_numbers(const mnk_neural_trainer *t);

/* Energy distance (Szekely & Rizzo 2013) 2 E|x-y| - E|x-x'| - E|y-y'| of n and m feature vectors of `width` numbers; spread_y
 * is the last term, from mnk_neural_spread. */
double mnk_neural_energy(const float *x, size_t n, const float *y, size_t m, size_t width, double spread_y);
double mnk_neural_spread(const float *x, size_t n, size_t width);
/* Mean distance of the rows of x to their nearest row of y. */
double mnk_neural_nearest(const float *x, size_t n, const float *y, size_t m, size_t width);

#endif
