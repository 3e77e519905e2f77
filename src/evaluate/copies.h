/* Copies of training images among others: exact ones under the eight flips and quarter turns of the square (four of a
 * rectangle), near ones under any (manikin/copies.h). */
#ifndef MNK_EVALUATE_COPIES_H
#define MNK_EVALUATE_COPIES_H

#include "manikin/copies.h"

enum { MNK_SYMMETRIES = 8 };
/* What was done to the training image to get the other one: "as it is", "turned 90", "mirrored, turned 90" … */
extern const char *const mnk_symmetry_names[MNK_SYMMETRIES];
/* Source pixel of pixel (y, x) of an h x w picture (square for the turns by 90 and 270). */
void mnk_symmetry_source(int symmetry, int h, int w, int y, int x, int *sy, int *sx);

typedef struct mnk_copy {
    mnk_near near;    /* row: nearest training image, UINT32_MAX when nothing can be compared; score 0 for exact copies */
    uint8_t symmetry; /* of an exact copy: what turns that training image into this one */
    bool is_exact;    /* the same pixels */
} mnk_copy;

/* train must outlive the index. Near copies are not looked for (scores +infinity) when fewer than 8 training images are of
 * more than one colour. */
typedef struct mnk_copy_index mnk_copy_index;
mnk_status mnk_copy_index_open(const mnk_images *train, const mnk_observer *observer, mnk_copy_index **out,
                               mnk_error *err) MNK_CHECK;
/* For exact copies alone: no search for near ones is prepared. */
mnk_status mnk_copy_index_open_exact(const mnk_images *train, mnk_copy_index **out, mnk_error *err) MNK_CHECK;
void mnk_copy_index_close(mnk_copy_index *index);
/* out [queries->n]; images of the same size, channels and depth as train. Exact copies first; only the others are searched for
 * near copies, with `other_groups` among other groups' images. */
mnk_status mnk_copies_find(const mnk_copy_index *index, const mnk_images *queries, bool other_groups,
                           const mnk_observer *observer, mnk_copy *out, mnk_error *err) MNK_CHECK;
/* Near copies among other groups alone, without a look for exact ones: train's own rows against train. */
mnk_status mnk_copies_find_others(const mnk_copy_index *index, const mnk_images *queries, const mnk_observer *observer,
                                  mnk_copy *out, mnk_error *err) MNK_CHECK;

#endif
