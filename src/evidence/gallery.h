/* Pictures for the report: which items to show, their nearest training images, and sprites that hold them. */
#ifndef MNK_EVIDENCE_GALLERY_H
#define MNK_EVIDENCE_GALLERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "manikin/dataset.h"
#include "manikin/observer.h"

/* One cell of a sprite: image `item` of `from`, turned as `turn` says; from NULL leaves the cell white. */
typedef struct mnk_cell {
    const mnk_images *from;
    size_t item;
    int turn; /* 0..7: quarter turns, +4 mirrored first */
} mnk_cell;

typedef struct mnk_sprite {
    uint8_t *pixels; /* [height][width][channels] */
    int height, width, channels;
    int cell; /* side of a cell in pixels, without the gap */
} mnk_sprite;

enum { MNK_SPRITE_GAP = 2, MNK_SPRITE_CELL_MAX = 64 };

/* cells[row*columns + column]. Images larger than MNK_SPRITE_CELL_MAX are shrunk by averaging. Release with mnk_sprite_clear.
 */
mnk_status mnk_sprite_make(const mnk_cell *cells, int rows, int columns, mnk_sprite *out, mnk_error *err) MNK_CHECK;
void mnk_sprite_clear(mnk_sprite *s);

/* Up to n items of class `label` (-1: any), drawn without replacement by (seed, MNK_PURPOSE_GALLERY, salt); returns how many.
 */
size_t mnk_gallery_draw(const mnk_images *d, int label, size_t n, uint64_t seed, uint64_t salt, size_t *out);

/* The nearest image of `in` for each of `query`, by the sum of squared differences of 8-bit pixels (integers, so the answer
 * never depends on threads or processor); with `turned`, over the eight flips and quarter turns of the neighbour. rms: root
 * mean square difference in grey levels. turn may be NULL. All must have one size. */
mnk_status mnk_gallery_nearest(const mnk_images *from, const size_t *query, size_t n, const mnk_images *in, bool turned,
                               size_t *nearest, int *turn, double *rms, const mnk_observer *observer, mnk_error *err) MNK_CHECK;

#endif
