/* From class probabilities on a test set to metrics with intervals and verdicts: one classifier, or arms compared with a
 * baseline. */
#ifndef MNK_EVALUATE_AUC_REPORT_H
#define MNK_EVALUATE_AUC_REPORT_H

#include "evaluate/auc_sample.h"
#include "manikin/result.h"

typedef struct mnk_auc_arm {
    const char *name;        /* appended to the ids: "auc.<name>"; "" leaves the id bare */
    const float *const *run; /* units x per_unit matrices of n x classes */
    size_t units, per_unit;  /* units: training subsets or generators; the same for all arms */
    size_t trained;          /* different classifiers among the runs, for the note */
    const bool *absent;      /* [classes] or NULL: classes without training images, for the note */
    const char *refused;     /* why nothing is concluded from this arm; NULL: judged */
    char about[96];          /* shown with the macro AUC */
} mnk_auc_arm;

typedef struct mnk_auc_report_settings {
    const char *group; /* of the metrics: "usefulness" */
    double level;
    size_t replicates; /* bootstrap by group */
    uint64_t seed;
    int baseline;            /* arm that the others are compared with; -1: no comparison */
    double margin;           /* of "not worse", in AUC */
    const char *suffix;      /* of every id: "@300" on a learning curve; "" */
    int subsets, generators; /* behind the units: more than one subset makes these the units */
} mnk_auc_report_settings;

/* Adds "auc.<arm>" per class, "macro_auc.<arm>", "accuracy.<arm>" and, where the test names a pair, "pair_auc.<arm>" (subset
 * "A vs B"). With a baseline also, for every other arm, references to it and the paired differences "auc_gain.<arm>" …, whose
 * verdicts are corrected over all arms compared (Holm), for each statistic by itself; accuracy gets none. References of a
 * difference: "margin", "p_holm", "p_margin", "sd_test", "sd_units", "groups" (with groups), "subsets", "generators".
 *
 * Intervals. One unit: DeLong (logit scale) and Wilson for accuracy, or a percentile bootstrap over groups within classes; of
 * differences normal. Several units: Student's t with the variance of mnk_auc_effect, for AUC and accuracy on the logit scale.
 */
mnk_status mnk_auc_report(mnk_result *r, const mnk_auc_test *test, const mnk_auc_arm *arm, int arms,
                          const mnk_auc_report_settings *settings, mnk_error *err) MNK_CHECK;

/* The verdict on a difference: p_zero two-sided against 0, p_margin one-sided against -margin, both corrected. */
const char *mnk_auc_verdict(double difference, double p_zero, double p_margin, double level);

#endif
