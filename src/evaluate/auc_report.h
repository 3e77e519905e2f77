/* From class probabilities on a test set to metrics with intervals: one classifier, or several arms compared pairwise. */
#ifndef MNK_EVALUATE_AUC_REPORT_H
#define MNK_EVALUATE_AUC_REPORT_H

#include <stdbool.h>

#include "manikin/result.h"

typedef struct mnk_auc_test {
    size_t n;
    int classes;
    const int32_t *label; /* [n] 0..classes-1 */
    const int32_t *group; /* [n] or NULL; -1: an item of its own. Any group >= 0 makes all intervals by group */
    char *const *class_names;
} mnk_auc_test;

typedef struct mnk_auc_arm {
    const char *name;  /* appended to the ids: "auc.<name>"; "" leaves the id bare */
    const float *prob; /* runs matrices of n x classes; values are means over runs of the estimates */
    size_t runs;
    const bool *absent; /* [classes] or NULL: classes without training images, for the note */
    char about[96];     /* shown with the macro AUC */
} mnk_auc_arm;

typedef struct mnk_auc_report_settings {
    const char *group; /* of the metrics: "usefulness" */
    double level;
    size_t replicates; /* bootstrap by group */
    uint64_t seed;
} mnk_auc_report_settings;

/* Adds "auc.<arm>" per class, "macro_auc.<arm>", "accuracy.<arm>"; for arm[1..] also references to arm[0] and the paired
 * "auc_gain.<arm>", "macro_auc_gain.<arm>", "accuracy_gain.<arm>". Without groups: DeLong (logit scale), Wilson for the
 * accuracy, normal intervals for differences. With groups: percentile bootstrap over groups within classes, paired. */
mnk_status mnk_auc_report(mnk_result *r, const mnk_auc_test *test, const mnk_auc_arm *arm, int arms,
                          const mnk_auc_report_settings *settings, mnk_error *err) MNK_CHECK;

#endif
