/* Figures of one column, pair or triple, their mean over all of them, and the interval of both.
 *
 * Every figure comes with one influence number per row of train and of synthetic, scaled so that
 *     variance = sum over persons of (sum of their rows' influence)^2
 * (the delta method, linearised by person; Cochran 1977, 9.3; Davison & Hinkley 1997, 2.7). The influence of a mean is the
 * mean of the influences, so that what columns share through their rows is counted. */
#ifndef MNK_EVALUATE_TABLE_SCORE_H
#define MNK_EVALUATE_TABLE_SCORE_H

#include "evaluate/table/sets.h"

typedef struct mnk_score {
    double value[MNK_ROLES]; /* of each set against train; TRAIN: of its copy. NaN: not estimable */
    double expected;         /* of another sample of train's population; NaN unknown */
    double variance;         /* of the synthetic one; NaN unknown */
    size_t n;                /* synthetic rows behind it */
} mnk_score;

typedef struct mnk_influence {
    double *train, *synthetic; /* [n], zero when given */
} mnk_influence;

/* Fills one unit's score (values are NaN, variance too, when called) and its influence. `scratch` is zeroed once per group of
 * units and left as found. Called from several threads. */
typedef void mnk_unit_f(const void *ctx, const mnk_table_sets *s, size_t unit, void *scratch, mnk_score *score,
                        const mnk_influence *influence);

typedef struct mnk_family {
    size_t units;
    mnk_unit_f *f;
    const void *ctx;
    size_t scratch_bytes;
    bool each; /* also the variance of every unit */
} mnk_family;

/* score[units] (NULL: not wanted) and the mean over the units where the synthetic value is a number. */
mnk_status mnk_family_run(const mnk_family *f, const mnk_table_sets *s, mnk_score *score, mnk_score *mean,
                          mnk_error *err) MNK_CHECK;
/* Bytes that it needs. */
size_t mnk_family_bytes(size_t rows, size_t scratch_bytes);

/* A row of the result: value, interval inside [low, high], references holdout, copy, floor, expected. */
typedef struct mnk_scale {
    const char *id, *group;
    double low, high; /* what the figure can be */
} mnk_scale;
mnk_status mnk_score_add(mnk_result *r, const mnk_scale *scale, const char *column, const char *subset, const mnk_score *score,
                         double level, const char *note, mnk_error *err) MNK_CHECK;

#endif
