/* DP-SGD (Abadi et al. 2016) for whatever has gradients: noise for the number of steps, Poisson batches, clipping factors,
 * noise on sums, and canaries. It knows neither networks nor data; the design: docs/architecture/private-training.md.
 *
 *     mnk_private_ledger_open(…, &ledger); mnk_private_sgd_open(&setup, &p, err);
 *     for (step…) {
 *         MNK_TRY(mnk_private_sgd_batch(p, &unit, &n, err));     // n may be 0: the step is taken all the same
 *         mnk_params_zero_gradient(params);
 *         for (size_t first = 0; first < n; first += slots) {    // a plan of fixed size, as often as the batch needs
 *             …put unit[first…] and forward; each sample's own loss (not its mean) at the output…
 *             mnk_plan_sample_norms(plan, output, norms2);
 *             mnk_private_sgd_clip(p, norms2, min(slots, n - first), slots, weight);
 *             mnk_plan_weighted_gradient(plan, output, weight, true);
 *         }
 *         MNK_TRY(mnk_private_sgd_finish(p, &(mnk_gradient_part){params->g, params->n}, 1, err));
 *         mnk_plan_private_settle(plan); mnk_params_adam(…);
 *     }
 *     MNK_TRY(mnk_private_sgd_state(p, &json, line, sizeof line, err));   // audits; MNK_ERR_GATE: write no model
 *     …write the model…, mnk_ledger_bind_model(ledger, path, err) */
#ifndef MNK_LEARN_PRIVATE_SGD_H
#define MNK_LEARN_PRIVATE_SGD_H

#include "learn/private_target.h"

typedef struct mnk_private_sgd_config {
    double clip;      /* C: L2 norm that a unit's gradient is clipped to */
    int64_t canaries; /* 0: none */
} mnk_private_sgd_config;

/* clang-format off */
/* Rows over struct type `config` whose member `at` is a mnk_private_sgd_config. */
#define MNK_PRIVATE_SGD_ROWS(config, at) \
    {"clip", 0, MNK_OPTION_REAL, offsetof(config, at.clip), "C", "1", 1e-6, 1e6, NULL, "norm that the gradient of each person is clipped to; the noise grows with it", false}, \
    {"canaries", 0, MNK_OPTION_INT, offsetof(config, at.canaries), "M", "0", 0, 1e6, NULL, "made-up persons trained along, each in with chance 1/2: they measure the privacy from below, at a cost in noise", false}
/* clang-format on */

/* Mistakes that published code has made, for tests of the canaries; refused without reproducible noise. */
typedef enum mnk_private_fault {
    MNK_FAULT_NONE,
    MNK_FAULT_NO_CLIP,    /* gradients are summed as they are */
    MNK_FAULT_MEAN_NOISE, /* the noise that a mean wants is added to the sum */
    MNK_FAULT_SAME_BATCH  /* the first batch is used in every step */
} mnk_private_fault;

typedef struct mnk_private_sgd_setup {
    const mnk_private_target *target; /* both stay the caller's and alive */
    const mnk_private_sgd_config *config;
    /* MNK_ADD_REMOVE: a unit is one person's. MNK_REPLACE_ONE: a pack of several, clipped as a whole. That of the ledger. */
    mnk_neighbours neighbours;
    size_t units;
    double batch;         /* expected units of a batch, what the noisy sum is divided by; a fixed, public number */
    double sampling_rate; /* of a unit; 0: batch / units, and then the number of units is taken as public */
    uint64_t steps;       /* still to be taken */
    size_t n;             /* numbers of a gradient, all parts together */
    mnk_ledger *ledger;   /* open, alive until close; what it has spent already counts */
    uint64_t seed;
    const mnk_observer *observer;
    mnk_private_fault fault;
} mnk_private_sgd_setup;

typedef struct mnk_private_sgd mnk_private_sgd;

/* Finds the noise. MNK_ERR_INPUT when nothing is left to spend, MNK_ERR_USAGE for settings that cannot be. */
mnk_status mnk_private_sgd_open(const mnk_private_sgd_setup *setup, mnk_private_sgd **out, mnk_error *err) MNK_CHECK;
void mnk_private_sgd_close(mnk_private_sgd *p);

double mnk_private_sgd_noise(const mnk_private_sgd *p); /* noise multiplier: standard deviation over clip */
double mnk_private_sgd_rate(const mnk_private_sgd *p);

/* The units of the next step, ascending; valid until the next call. Charges about 100 steps ahead when the permit is used up:
 * after it the ledger has a new head, which a checkpoint stores (mnk_ledger_head) and a resumed run checks
 * (mnk_ledger_check_head). */
mnk_status mnk_private_sgd_batch(mnk_private_sgd *p, const uint32_t **unit, size_t *n, mnk_error *err) MNK_CHECK;

/* weight[i] = min(1, C / sqrt(norms2[i])) for the first `used` of `slots`, 0 for the rest and where a norm is not finite. */
void mnk_private_sgd_clip(const mnk_private_sgd *p, const double *norms2, size_t used, size_t slots, float *weight);

/* A piece of the gradient: the parameters of one network. */
typedef struct mnk_gradient_part {
    float *g;
    size_t n;
} mnk_gradient_part;

/* Sums of clipped gradients in, their noisy mean out: canaries, one draw of noise over all parts together, division by the
 * expected batch. Once per batch. */
mnk_status mnk_private_sgd_finish(mnk_private_sgd *p, const mnk_gradient_part *part, int parts, mnk_error *err) MNK_CHECK;

/* Members of an open object, the block "privacy" of the model: the guarantee, how it was trained, the audit where there are
 * canaries, the ledger. `line`: the guarantee in words. MNK_ERR_GATE when the canaries prove more loss than is claimed: the
 * claim is false, and no model may be written. */
mnk_status mnk_private_sgd_state(mnk_private_sgd *p, mnk_json *j, char *line, size_t size, mnk_error *err) MNK_CHECK;

/* What a checkpoint keeps of the canaries: [*n] numbers, to be written over after opening again. NULL without canaries. */
double *mnk_private_sgd_memory(mnk_private_sgd *p, size_t *n);

#endif
