/* Images that are the same, exactly or nearly. */
#ifndef MNK_DATA_DUPLICATES_H
#define MNK_DATA_DUPLICATES_H

#include "data/images.h"

#define MNK_NEAR_THRESHOLD 0.1

/* Rows as partners; SIZE_MAX where there is none. */
typedef struct mnk_duplicates {
    size_t n;
    size_t *same;         /* first row with the same pixels; the row itself when it is the first */
    size_t *same_across;  /* first row with the same pixels in another split */
    size_t *near;         /* nearest row that is a near duplicate and does not have the same pixels */
    size_t *near_across;  /* the same among rows of other splits */
    size_t *near_group;   /* the same among rows of other groups, both known */
    float *near_distance; /* to `near` */
    uint8_t *near_turn;   /* which of the eight turns maps `near` onto the row: quarter turns + 4 when mirrored */
    bool *constant;       /* all pixels alike */
} mnk_duplicates;

/* Relative distance of two images: root mean square difference of their 16 x 16 thumbnails, at the best of the eight turns
 * and mirrorings, over the geometric mean of their standard deviations (at least 2 of 255 grey levels). threshold 0 leaves
 * the near ones out. Results do not depend on the thread count. */
mnk_status mnk_duplicates_find(const mnk_images *d, double threshold, const mnk_observer *observer, mnk_duplicates *out,
                               mnk_error *err) MNK_CHECK;
void mnk_duplicates_clear(mnk_duplicates *dup);
/* "turned 90, mirrored"; "" for none. */
const char *mnk_turn_text(uint8_t turn);

#endif
