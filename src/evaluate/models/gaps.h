/* Gaps between the subgroups of one column at one threshold: equalised odds and calibration in the large. */
#ifndef MNK_EVALUATE_MODELS_GAPS_H
#define MNK_EVALUATE_MODELS_GAPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct mnk_gap_rows {
    size_t n;
    const uint8_t *positive; /* [n] */
    const double *predicted; /* [n] probability */
    const int32_t *group;    /* [n] 0..groups-1, -1: of none, or of one too small */
    int groups;
    double threshold;    /* predicted >= threshold counts as called positive */
    const int32_t *unit; /* [n] persons for the bootstrap; NULL: rows */
} mnk_gap_rows;

/* What is known of each group. NaN without positives, negatives or rows. */
typedef struct mnk_group_rates {
    double tpr, fpr, error; /* error: mean outcome minus mean prediction */
} mnk_group_rates;
/* weight NULL: ones */
mnk_status mnk_group_rates_of(const mnk_gap_rows *r, const uint32_t *weight, mnk_group_rates *out, mnk_error *err) MNK_CHECK;

typedef struct mnk_gap {
    double value, low, high; /* largest difference between two groups; percentile interval */
    double chance;           /* mean gap after shuffling who belongs to which group */
    int group[2];            /* the two */
} mnk_gap;

/* odds: the larger of the TPR and the FPR difference; calibration: difference of `error`. Fewer than two groups: NaN. */
mnk_status mnk_gaps(const mnk_gap_rows *r, size_t replicates, double level, uint64_t seed, mnk_gap *odds, mnk_gap *calibration,
                    mnk_error *err) MNK_CHECK;

/* Slope of the logistic regression of the outcome on the logit of the prediction (Cox 1958) with its standard error: 1 is
 * right, below 1 predictions are too extreme. NaN where it does not exist. */
mnk_status mnk_calibration_slope(const double *predicted, const uint8_t *positive, size_t n, double *slope, double *se,
                                 mnk_error *err) MNK_CHECK;
/* Expected calibration error: sum over `bins` bins of equal n (by rising prediction) of share x |mean outcome - mean
 * prediction|. */
mnk_status mnk_calibration_ece(const double *predicted, const uint8_t *positive, size_t n, int bins, double *ece,
                               mnk_error *err) MNK_CHECK;

#endif
