/* AUC statistics of the classifiers of one arm, with what is needed to say how they would vary: over other test images (DeLong,
 * or a bootstrap by group) and over other training sets or generators ("units"). Formulas: docs/methods/usefulness.md. */
#ifndef MNK_EVALUATE_AUC_SAMPLE_H
#define MNK_EVALUATE_AUC_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct mnk_auc_test {
    size_t n;
    int classes;
    const int32_t *label; /* [n] 0..classes-1 */
    const int32_t *group; /* [n] or NULL; -1: an item of its own. Any group >= 0 makes all intervals by group */
    char *const *class_names;
    bool has_pair;
    int pair[2]; /* two different classes told apart among the test images of these classes alone */
} mnk_auc_test;

/* Rows: the classes, then these. */
#define MNK_AUC_MACRO(test)    ((test)->classes)
#define MNK_AUC_ACCURACY(test) ((test)->classes + 1)
#define MNK_AUC_PAIR(test)     ((test)->classes + 2)
#define MNK_AUC_ROWS(test)     ((test)->classes + 2 + (test)->has_pair)

typedef struct mnk_auc_sample {
    size_t units, m, n;
    int rows;
    double *value;  /* [units][rows] means over the runs of a unit */
    double *spread; /* [rows] standard deviation over units, over runs where there is one unit */
    double *x;      /* [units][rows][m] sums of products are covariances under resampling of test images */
    double *centre; /* [units][rows] mean of the bootstrap; groups only */
    bool grouped;
    size_t groups;   /* 0 without */
    size_t *support; /* [classes + 1] items (groups) of the smaller side; last: the smallest of all */
} mnk_auc_sample;

/* run[u*per_unit + k]: probabilities, n x classes, of run k of unit u; one matrix may stand in several places. */
mnk_status mnk_auc_sample_open(const mnk_auc_test *test, const float *const *run, size_t units, size_t per_unit,
                               size_t replicates, uint64_t seed, mnk_auc_sample **out, mnk_error *err) MNK_CHECK;
void mnk_auc_sample_close(mnk_auc_sample *s);

/* Area for the pair of one matrix on any images (validation): positives are of class pair[0], negatives of pair[1], the score
 * is p0/(p0 + p1). NaN without images of both. */
mnk_status mnk_auc_of_pair(const float *prob, const int32_t *label, size_t n, int classes, const int pair[2], double *out,
                           mnk_error *err) MNK_CHECK;

/* A statistic, or its paired difference from that of another arm over the same units and test images. */
typedef struct mnk_effect {
    double value;
    double sd, df;            /* of the mean over units, for new units and new test images; df INFINITY: normal */
    double sd_test, sd_units; /* its parts: test images alone; between units (of one unit), 0 with one */
} mnk_effect;
mnk_effect mnk_auc_effect(const mnk_auc_sample *a, const mnk_auc_sample *base, int row);

/* Percentiles of the bootstrap of the mean over units; NaN without groups. */
void mnk_auc_percentiles(const mnk_auc_sample *s, int row, double level, double *low, double *high);

#endif
