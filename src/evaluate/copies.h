/* Copies of training images among others, under the eight flips and quarter turns of the square (four of a rectangle). */
#ifndef MNK_EVALUATE_COPIES_H
#define MNK_EVALUATE_COPIES_H

#include "manikin/dataset.h"
#include "math/distance.h"

enum { MNK_SYMMETRIES = 8 };
/* What was done to the training image to get the other one: "as it is", "turned 90", "mirrored, turned 90" … */
extern const char *const mnk_symmetry_names[MNK_SYMMETRIES];
/* Source pixel of pixel (y, x) of an h x w picture (square for the turns by 90 and 270). */
void mnk_symmetry_source(int symmetry, int h, int w, int y, int x, int *sy, int *sx);

typedef struct mnk_copy {
    uint32_t row;     /* nearest training image, UINT32_MAX when nothing can be compared (a picture of one colour) */
    uint8_t symmetry; /* what turns that training image into this one */
    bool is_exact;    /* the same pixels */
    float distance;   /* sqrt(2 - 2 r), r the correlation of luminance at 16 x 16; 0 for exact copies; +infinity without row */
} mnk_copy;

typedef struct mnk_copy_index mnk_copy_index;
mnk_status mnk_copy_index_open(const mnk_images *train, mnk_copy_index **out, mnk_error *err) MNK_CHECK;
void mnk_copy_index_close(mnk_copy_index *index);
/* out [queries->n]; images of the same size, channels and depth as train. */
mnk_status mnk_copies_find(const mnk_copy_index *index, const mnk_images *queries, mnk_copy *out, mnk_error *err) MNK_CHECK;

/* threshold[c]: the type-7 quantile `share` of the distances null[i] (finite ones) of items of class label[i]; classes with
 * fewer than 20 take the quantile of all. -1 where there is nothing to go by. */
mnk_status mnk_copy_thresholds(const mnk_copy *null, const int32_t *label, size_t n, int classes, double share, double *threshold,
                               mnk_error *err) MNK_CHECK;

#endif
