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

/* What counts as near, from the distances of unseen real images (holdout). The threshold of a class is the k-th smallest
 * null distance of its n, k = max(1, floor(share (n + 1))): an unseen real image is nearer than it with probability
 * k / (n + 1), whatever the distribution. Classes with fewer than 20 null images use those of all classes together. */
typedef struct mnk_copy_threshold {
    double distance; /* nearer than this is near; -1 when there is no null image */
    double expected; /* k / (n + 1) */
    double variance; /* of the true probability given the null sample: k (n + 1 - k) / ((n + 1)^2 (n + 2)) */
    bool is_pooled;
} mnk_copy_threshold;
mnk_status mnk_copy_thresholds(const mnk_copy *null, const int32_t *label, size_t n, int classes, double share,
                               mnk_copy_threshold *threshold, mnk_error *err) MNK_CHECK;

#endif
