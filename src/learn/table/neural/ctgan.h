/* The state of a ctgan's training, and its discriminator's step with --dp. */
#ifndef MNK_LEARN_TABLE_NEURAL_CTGAN_H
#define MNK_LEARN_TABLE_NEURAL_CTGAN_H

#include "learn/table/neural/private.h"

enum { MNK_CTGAN_DROPOUT = 3 /* role of its random stream */ };

typedef struct mnk_ctgan {
    const mnk_layout *l;
    size_t batch, packs, judged, inputs; /* judged: features of a row as the discriminator sees it */
    mnk_value d_in, d_out;
    mnk_plan *g_train, *g_statistics, *d_both, *d_mix,
        *d_one;                      /* d_both: real packs, then generated ones; with --dp the latter */
    float *soft;                     /* [batch][width] the generator's row behind the Gumbel softmax */
    uint32_t *real;                  /* [batch] row */
    size_t *piece;                   /* [batch] conditioned piece, MNK_NOWHERE: none */
    uint8_t *state;                  /* [batch] its state */
    mnk_rng *rng;                    /* [batch] */
    float *ce;                       /* [batch] cross-entropy of the condition */
    float *logit, *gradient, *scale; /* [2 packs] */
    double *norms2;
    float *gumbel; /* [GUMBELS] quantiles */
    /* rows of a state of a condition: row_of[start[condition_at + state] ...] */
    uint32_t *row_of;
    size_t *start;      /* [conditions + 1] */
    double *log_weight; /* [conditions] log(1 + rows) */
    uint64_t step;
    /* --dp: real rows pass by themselves, MNK_NEURAL_SLOTS at a time */
    bool is_private;
    size_t fake_at; /* first generated row of d_both */
    mnk_plan *d_real;
    float *weight, *slot; /* [MNK_NEURAL_SLOTS] clipping factors; logits, then gradients */
    double *slot_norms2;
} mnk_ctgan;

mnk_status mnk_ctgan_private_open(mnk_neural_trainer *t, mnk_ctgan *g, mnk_error *err) MNK_CHECK;
void mnk_ctgan_private_close(mnk_ctgan *g);
/* params->g of the discriminator: clipped and noisy from real rows, exact from the generated rows in d_both. *loss: of the
 * latter. */
mnk_status mnk_ctgan_private_gradient(mnk_neural_trainer *t, mnk_ctgan *g, double *loss, mnk_error *err) MNK_CHECK;

#endif
