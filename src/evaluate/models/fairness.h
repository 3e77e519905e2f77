/* Usefulness by subgroup, from predictions that usefulness made. */
#ifndef MNK_EVALUATE_MODELS_FAIRNESS_H
#define MNK_EVALUATE_MODELS_FAIRNESS_H

#include "evaluate/models/target.h"
#include "manikin/usefulness_table.h"

enum { MNK_PREDICTED_ARMS = 4 };

/* What one kind of model predicted on the test rows. */
typedef struct mnk_predicted {
    const mnk_table *test, *train;
    const mnk_table_target *target;
    const mnk_outcome *outcome, *train_outcome;
    const char *kind;
    int arms; /* the first is what the others are compared with */
    const char *arm[MNK_PREDICTED_ARMS];
    const double *value[MNK_PREDICTED_ARMS]; /* [runs][n x width], width = classes or 1 */
    size_t runs[MNK_PREDICTED_ARMS];
} mnk_predicted;

/* Adds group "fairness"; ids in docs/methods/fairness.md. */
mnk_status mnk_fairness_report(const mnk_predicted *p, const mnk_table_models_config *config, mnk_result *r,
                               mnk_error *err) MNK_CHECK;

#endif
