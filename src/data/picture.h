/* One decoded picture, and making it fit a dataset: alpha, centre crop, resampling, grey/RGB, depth. */
#ifndef MNK_DATA_PICTURE_H
#define MNK_DATA_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct mnk_picture {
    int width, height;
    int channels; /* 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha */
    int depth;    /* 8: one byte a value, 16: uint16_t of this machine */
    bool synthetic;
    void *pixels; /* row by row, channels interleaved; owned */
} mnk_picture;

void mnk_picture_clear(mnk_picture *p);
/* Checks sides and area against the caps and allocates p->pixels; width, height, channels and depth are set. */
mnk_status mnk_picture_alloc(mnk_picture *p, mnk_error *err) MNK_CHECK;
/* Same check without allocating, for headers. */
mnk_status mnk_picture_check_size(uint64_t width, uint64_t height, mnk_error *err) MNK_CHECK;
/* Drops an alpha channel that is opaque everywhere; any other is refused, since what lies behind it is unknown. */
mnk_status mnk_picture_drop_alpha(mnk_picture *p, mnk_error *err) MNK_CHECK;
/* Converts p (1 or 3 channels) into height x width x channels values of `depth` at out. height and width are p's own, or
 * equal (then: centre crop to a square, Lanczos-3). 8 to 16 bits multiplies by 257; 16 to 8 is a usage error.
 * RGB to grey is ITU-R BT.601 luma. */
mnk_status mnk_picture_fit(const mnk_picture *p, int height, int width, int channels, int depth, void *out,
                           mnk_error *err) MNK_CHECK;

#endif
