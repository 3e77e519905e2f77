/* What a recipe's generator is worth on a part of train that it never saw. */
#ifndef MNK_BENCH_RECIPES_SCORE_H
#define MNK_BENCH_RECIPES_SCORE_H

#include <stdbool.h>

#include "manikin/classifier.h"
#include "manikin/dataset.h"

/* Figures of one generator; the same figures of real images (the fitted part itself) are what they are divided by. */
typedef struct figures {
    double sd_low, sd_high; /* within-class sd / fitted part's, worst classes */
    double recall_classifier, coverage_classifier, recall_scatter,
        coverage_scatter; /* at equal n, against the selection part */
    double accuracy, auc; /* of a classifier trained on synthetic images only */
    double agreement;     /* share the yardstick gives the intended label */
} figures;

typedef struct figure_row {
    const char *key; /* in the state file */
    size_t offset;
} figure_row;
extern const figure_row figure_rows[]; /* ends with key NULL */

/* The parts of the data: recipes train on `fit`, are chosen on `selection`, the winner is scored on `test`. */
typedef struct arena {
    mnk_images *fit, *selection, *test;
    mnk_classifier *yardstick; /* trained on fit: the classifier encoding */
    uint64_t seed;
    int64_t steps; /* of the synthetic-only classifiers */
} arena;

/* Opens `spec`; where it has no test rows a fifth is cut, by group. `share` of train becomes the selection part. The yardstick
 * is trained, or read from `folder`. */
mnk_status arena_open(const char *spec, const char *folder, double share, uint64_t seed, arena *out, mnk_error *err) MNK_CHECK;
void arena_close(arena *a);

/* Real images: what a perfect generator would get. `on` is selection or test. */
mnk_status score_real(const arena *a, const mnk_images *on, figures *out, mnk_error *err) MNK_CHECK;
/* As many images as the fitted part are drawn from the model with its class counts. */
mnk_status score_model(const arena *a, const char *model, const mnk_images *on, figures *out, mnk_error *err) MNK_CHECK;

/* One number: the geometric mean of accuracy and of recall and coverage in both encodings, each divided by that of real images
 * and held within [0.01, 1.05], times (worst class's sd ratio / 0.9) where that lies below 0.9. Collapse cannot win. */
double score_of(const figures *f, const figures *best); /* best: score_real */

#endif
