/* DP-SGD for the neural generators (docs/architecture/private-training.md): what is public of a table, persons as units, the
 * ledger, and what is refused. A step of a learner draws its batch and gives its gradients through `sgd`; the rest of training
 * sees no row.
 *
 * Everything about a row's features follows from the schema. The one thing that is measured besides gradients is how many
 * persons each class of the label has, with noise: the label's frequencies, the expected batch and the model's "rows" come from
 * it. The steps, and a person's chance to be in one, are public settings. */
#ifndef MNK_LEARN_TABLE_NEURAL_PRIVATE_H
#define MNK_LEARN_TABLE_NEURAL_PRIVATE_H

#include "learn/table/neural/train.h"

enum { MNK_NEURAL_SLOTS = 256 /* rows of one pass: a Poisson batch takes as many passes as it needs */ };

struct mnk_neural_private {
    mnk_private_sgd *sgd;
    double *count; /* [counts] persons of each bin of the label, or of all: noisy, then brought to the simplex */
    size_t counts;
    double people; /* their sum, at least 1 */
    size_t units;
    uint32_t *row_of; /* rows of person u: row_of[start[u]] … row_of[start[u + 1] - 1] */
    size_t *start;    /* [units + 1] */
};

/* Refuses, by name, settings that look at rows; and a budget where --dp is not given. `defaults`: the learner's. */
mnk_status mnk_neural_private_check(const mnk_neural_config *c, const mnk_option *table, const char *name,
                                    mnk_error *err) MNK_CHECK;

/* Ledger, persons, the noisy count (from the checkpoint where one is resumed). */
mnk_status mnk_neural_private_open(mnk_neural_trainer *t, const mnk_table *data, mnk_error *err) MNK_CHECK;
void mnk_neural_private_close(mnk_neural_private *p);
/* The codebook of the schema with the label's noisy counts. */
mnk_status mnk_neural_private_codebook(const mnk_neural_trainer *t, const mnk_schema *s, mnk_codebook *out,
                                       mnk_error *err) MNK_CHECK;
/* Finds the noise for the steps still to be taken, for gradients of `numbers` numbers. */
mnk_status mnk_neural_private_start(mnk_neural_trainer *t, size_t numbers, mnk_error *err) MNK_CHECK;
/* The row that stands for a person in a step: one of the person's, at random. */
size_t mnk_neural_private_row(const mnk_neural_trainer *t, uint32_t unit);
/* The guarantee, for the model. */
mnk_status mnk_neural_private_state(mnk_neural_trainer *t, mnk_error *err) MNK_CHECK;

#endif
