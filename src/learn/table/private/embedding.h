/* The feature vector of a row for dp-merf, of norm at most 1, and its mean under a product of distributions.
 *
 * Classes are the bins of the label's axis (one class without a label of codes). The embedding of a table is, class by class,
 * the sum of its rows' vectors: [classes][features]. A row's vector is
 *
 *     count      a constant
 *     one-hots   of every other axis (joint kernel: of a number only whether it is missing)
 *     groups     Re and Im of the product over the group's axes of e^(i angle), `slots` times with independent angles
 *
 * A code's (and missing's) angle is uniform in [0, 2 pi) for each bin: the expected kernel is 1 where bins are equal, 0
 * elsewhere. A number's is w x with x the middle of the bin scaled to [0, 1] by the bounds and w ~ N(0, 1/bandwidth^2): a
 * Gaussian kernel (Rahimi & Recht 2007). So a group's expected kernel is the product of its axes' kernels. Groups: all pairs of
 * axes, or one of all numbers (the paper's). Angles follow from the seed, nothing from the rows. */
#ifndef MNK_LEARN_TABLE_PRIVATE_EMBEDDING_H
#define MNK_LEARN_TABLE_PRIVATE_EMBEDDING_H

#include "learn/table/private/counts.h"

enum { MNK_EMBEDDING_CLASSES = 64, MNK_EMBEDDING_GROUP = 256 /* axes of a group at most */ };
typedef enum mnk_embedding_kernel { MNK_EMBEDDING_PAIRS, MNK_EMBEDDING_JOINT } mnk_embedding_kernel;

typedef struct mnk_embedding_shape {
    mnk_embedding_kernel kernel;
    size_t slots;
    double bandwidth;    /* of a number, in units of its range; joint: times the root of the number of numbers */
    double groups_share; /* of the squared norm that one-hots and groups share */
    uint64_t seed;
} mnk_embedding_shape;

typedef struct mnk_embedding {
    const mnk_axes *axes;
    mnk_embedding_shape shape;
    long label;               /* axis of the classes, -1: one class */
    size_t classes, features; /* features: of a class, without the other classes' */
    size_t outputs;           /* probabilities of a row: bins of every axis but the label */
    size_t *out_at;           /* [columns] first probability of an axis; unused for the label */
    size_t *hot_at;           /* [columns] first one-hot feature of an axis */
    size_t *hots;             /* [columns] how many: its first bins; 0 for the label */
    size_t groups, group_at;  /* group_at: first feature of the groups */
    size_t *start;            /* [groups + 1] into member */
    uint16_t *member;         /* axes */
    float **angle;            /* [columns] [bins][2 slots]: cosines, then sines; NULL for an axis of no group */
    size_t *nth, angled;      /* [columns] number of an axis among those that have angles */
    double count_weight, hot_weight, group_weight;
} mnk_embedding;

/* `label`: column of codes, or -1. `axes` must live as long. */
mnk_status mnk_embedding_open(const mnk_axes *axes, long label, const mnk_embedding_shape *shape, mnk_embedding *out,
                              mnk_error *err) MNK_CHECK;
void mnk_embedding_clear(mnk_embedding *e);

static inline size_t mnk_embedding_numbers(const mnk_embedding *e) { return e->classes * e->features; }

/* sum [classes][features] over the rows, exact: one row more moves it by a vector of norm at most 1, whatever the order. For a
 * permit alone. */
mnk_status mnk_embedding_sum(const mnk_embedding *e, const mnk_rows *r, double *sum, mnk_error *err) MNK_CHECK;

/* Rows of each class as a noisy embedding says: the constant and every axis's one-hots, by their precision. [classes] */
void mnk_embedding_counts(const mnk_embedding *e, const double *noisy, double *count);

/* A batch of rows, each a product of distributions p [rows][outputs]: their expected vectors, and the gradient back. */
typedef struct mnk_embedding_batch {
    const mnk_embedding *e;
    size_t rows;
    float *mean; /* [angled][rows][2 slots] expected e^(i angle) of each axis */
    float *d_mean;
    float *phi;   /* [rows][features] */
    float *d_phi; /* in: gradient with respect to phi */
} mnk_embedding_batch;
mnk_status mnk_embedding_batch_open(const mnk_embedding *e, size_t rows, mnk_embedding_batch *out, mnk_error *err) MNK_CHECK;
void mnk_embedding_batch_clear(mnk_embedding_batch *b);
void mnk_embedding_expect(mnk_embedding_batch *b, const float *p);
void mnk_embedding_back(mnk_embedding_batch *b, float *d_p);
size_t mnk_embedding_bytes(const mnk_embedding *e, size_t rows);

#endif
