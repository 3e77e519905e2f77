/* Which synthetic images to train on: a share of each class, the best by a score of single images. */
#ifndef MNK_EVALUATE_SELECT_H
#define MNK_EVALUATE_SELECT_H

#include "manikin/classifier.h"

typedef enum mnk_select {
    MNK_SELECT_ALL,
    MNK_SELECT_CONFIDENCE, /* probability of its own class by a classifier of the same real images */
    MNK_SELECT_REALISM /* Kynkaanniemi et al. 2019, eq. 3: largest r_j / |x - y_j| over real images y_j of its class, r_j the
                          distance of y_j to its 3rd neighbour; only the smaller half of the r_j counts. In the features of
                          that classifier */
} mnk_select;

/* rows[0..*n-1]: ascending rows of `synthetic`, of every class the `share` with the highest score (rounded up; lower rows win
 * ties). map: classes of the sets -> the classifier's. rows is released with mnk_free. */
mnk_status mnk_select_rows(mnk_select method, double share, mnk_classifier *c, const mnk_images *real, const int32_t *real_map,
                           const mnk_images *synthetic, const int32_t *synthetic_map, size_t **rows, size_t *n,
                           mnk_error *err) MNK_CHECK;

#endif
