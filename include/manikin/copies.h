/* Near-copies: is a picture another one, mirrored, freely turned, zoomed, cropped or recoloured? Method, constants and
 * measured recall: docs/methods/copies.md. */
#ifndef MANIKIN_COPIES_H
#define MANIKIN_COPIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manikin/dataset.h"
#include "manikin/error.h"
#include "manikin/observer.h"

/* What turns one picture into another: its centre is moved, it is mirrored left to right, turned anticlockwise, magnified. */
typedef struct mnk_alignment {
    float angle_deg;        /* 0 <= angle < 360, anticlockwise, after mirroring */
    float zoom;             /* above 1: magnified (the result is a crop) */
    float shift_x, shift_y; /* the point that becomes the centre, from the centre, in half sides (right and down positive) */
    bool mirrored;
} mnk_alignment;

/* "mirrored, turned 37, zoom 1.18, moved 0.10 -0.04"; parts that say nothing are left out, "as it is" when none is left. */
MNK_API void mnk_alignment_text(const mnk_alignment *a, char *out, size_t size);
/* The way back, up to the end or a semicolon (the notes of flags go on with figures); false for any other text. */
MNK_API bool mnk_alignment_parse(const char *text, mnk_alignment *out);

/* The training picture that a picture resembles most. */
typedef struct mnk_near {
    uint32_t row;      /* of train; UINT32_MAX when nothing can be compared (a picture of one colour) */
    float score;       /* dissimilarity over what is usual between unrelated pictures: 0 the same, about 1 unrelated */
    float correlation; /* of the aligned pictures, -1..1, after taking out what all training pictures share */
    float colour;      /* distance of colour statistics, in standard deviations of train */
    mnk_alignment as;  /* what turns the training picture into this one */
} mnk_near;

/* Prepares train for searches: it must outlive the finder. Square pictures are compared whole, others by their central
 * square, at 32 px or less a side. At least 8 pictures; fewer are refused (MNK_ERR_INPUT). */
typedef struct mnk_copy_finder mnk_copy_finder;
MNK_API mnk_status mnk_copy_finder_open(const mnk_images *train, const mnk_observer *observer, mnk_copy_finder **out,
                                        mnk_error *err) MNK_CHECK;
MNK_API void mnk_copy_finder_close(mnk_copy_finder *f);

/* The nearest training picture of each query: out [queries->n]. Queries have train's channels; their size may differ.
 * With `other_groups`, pictures of the same group (both known) are passed over: what is nearest among other people's.
 * Same numbers for any number of threads. Stops with MNK_ERR_INTERRUPTED when the observer asks for it. */
MNK_API mnk_status mnk_copy_finder_search(const mnk_copy_finder *f, const mnk_images *queries, bool other_groups,
                                          const mnk_observer *observer, mnk_near *out, mnk_error *err) MNK_CHECK;

/* Picture `row` of d moved as `as` says, at d's size: out [height][width][channels], 8 bit. Points outside are white. */
MNK_API void mnk_copy_aligned(const mnk_images *d, size_t row, const mnk_alignment *as, uint8_t *out);

/* ---- what the null says ---- */

/* The scores of unseen real pictures, by class: what a score means. Sorted copies; closed by mnk_copy_null_close. */
typedef struct mnk_copy_null_class {
    size_t n;           /* pictures behind it (classes with fewer than MNK_COPY_NULL_FEWEST use all classes together) */
    size_t independent; /* groups among them where known, else n */
    float *score;       /* [n] ascending */
    bool is_pooled;
} mnk_copy_null_class;

enum { MNK_COPY_NULL_FEWEST = 20 };

typedef struct mnk_copy_null {
    int classes;
    mnk_copy_null_class *of; /* [classes] */
} mnk_copy_null;

/* score [n] of unseen real pictures with label [n] (0..classes-1) and group [n] (NULL or -1: unknown); scores that are not
 * finite are left out. */
MNK_API mnk_status mnk_copy_null_make(const float *score, const int32_t *label, const int32_t *group, size_t n, int classes,
                                      mnk_copy_null *out, mnk_error *err) MNK_CHECK;
MNK_API void mnk_copy_null_close(mnk_copy_null *null);

/* (1 + number of null scores <= score) / (n + 1): the chance of so near a match for an unseen real picture of that class
 * (Phipson & Smyth 2010). 1 without null pictures. */
MNK_API double mnk_copy_null_p(const mnk_copy_null *null, int label, double score);

/* What counts as near. The threshold of a class is the k-th smallest of its n null scores, k = max(1, floor(share (n+1))):
 * an unseen real picture scores below it with probability k / (n+1), whatever the distribution. */
typedef struct mnk_copy_threshold {
    double score;    /* below this is near; -1 when there is no null picture */
    double expected; /* k / (n + 1) */
    double variance; /* of the true probability given the null sample, with the number of independent pictures for n */
    bool is_pooled;
} mnk_copy_threshold;
MNK_API mnk_copy_threshold mnk_copy_null_threshold(const mnk_copy_null *null, int label, double share);

#endif
