/* Area under the ROC curve, its variance after DeLong, and everything that is a weighted sum of such areas.
 *
 * Every estimate is kept as a value and one influence number per item, so that
 *     variance   = sum_i influence_i^2
 *     covariance = sum_i a_i b_i
 * For one AUC, and for the difference of two AUCs on the same items, this is DeLong's estimator (DeLong, DeLong &
 * Clarke-Pearson 1988) to the last digit; for macro means over classes, means over classifier seeds and accuracy it is
 * the same idea applied to the sum. Mid-ranks give it in O(n log n) (Sun & Xu 2014). */
#ifndef MNK_MATH_AUC_H
#define MNK_MATH_AUC_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct mnk_auc {
    double value;    /* P(score of a positive > score of a negative) + P(equal)/2; NaN without positives or negatives */
    double variance; /* NaN when not estimable (fewer than two of either) */
    size_t positives, negatives;
} mnk_auc;

/* AUC of score[i] for positive[i] != 0. influence ([n], may be NULL) is filled as described above; zeros when the AUC is
 * not estimable. Scores that are not finite are refused. */
mnk_status mnk_auc_delong(const double *score, const uint8_t *positive, size_t n, double *influence, mnk_auc *out,
                          mnk_error *err) MNK_CHECK;

/* sum_i a_i b_i in a fixed order. */
double mnk_influence_covariance(const double *a, const double *b, size_t n);

typedef enum mnk_auc_scale {
    MNK_AUC_LOGIT, /* logit(A) -+ z sd/(A(1-A)), transformed back: never leaves (0, 1), asymmetric near 1 (default) */
    MNK_AUC_NORMAL /* A -+ z sd, clipped to [0, 1]: what pROC prints */
} mnk_auc_scale;

/* Interval at `level`. Where the estimated variance says nothing (A is 0 or 1) the bound is the Clopper-Pearson bound of
 * min(positives, negatives) successes out of as many: conservative, documented in docs/methods/statistics.md. */
void mnk_auc_interval(const mnk_auc *a, double level, mnk_auc_scale scale, double *low, double *high);

/* Paired comparison of two estimates on the same items: z = (a - b)/sd, two-sided p. sd 0 gives z = 0, p = 1 when the
 * values agree, and NaN when they do not. */
typedef struct mnk_paired {
    double difference, sd, z, p;
} mnk_paired;
mnk_paired mnk_paired_test(double a, const double *influence_a, double b, const double *influence_b, size_t n);

/* One-vs-rest AUC of every class, their mean and the accuracy, from class probabilities. */
typedef struct mnk_auc_table {
    size_t n;
    int classes;
    mnk_auc *per_class; /* [classes] */
    double macro;       /* mean over classes with an estimable AUC; NaN when there is none */
    int macro_classes;  /* how many those are */
    double accuracy;    /* share of items whose largest probability is the label's (lowest index wins a tie) */
    double *influence;  /* rows of n: classes rows, then macro, then accuracy */
} mnk_auc_table;

/* probability: n x classes, row by row, the mean over `runs` matrices being taken of the *estimates*, not of the
 * probabilities: run r's matrix starts at probability + r*n*classes. label: 0..classes-1. */
mnk_status mnk_auc_table_open(const float *probability, size_t runs, const int32_t *label, size_t n, int classes,
                              mnk_auc_table **out, mnk_error *err) MNK_CHECK;
void mnk_auc_table_close(mnk_auc_table *t);
const double *mnk_auc_table_influence(const mnk_auc_table *t, int row); /* row: class, classes = macro, classes+1 = accuracy */
double mnk_auc_table_value(const mnk_auc_table *t, int row);

/* The same statistics under resampled items, for the bootstrap by group: sorts once, then each call costs O(n classes).
 * out: classes + 2 numbers (per class, macro, accuracy); weight[i] times of item i. */
typedef struct mnk_auc_ranker mnk_auc_ranker;
mnk_status mnk_auc_ranker_open(const float *probability, size_t runs, const int32_t *label, size_t n, int classes,
                               mnk_auc_ranker **out, mnk_error *err) MNK_CHECK;
void mnk_auc_ranker_close(mnk_auc_ranker *r);
void mnk_auc_ranker_weighted(const mnk_auc_ranker *r, const uint32_t *weight, double *out);

#endif
