/* Classifier two-sample test (Lopez-Paz & Oquab 2017): can a classifier tell the rows of one set from those of another?
 * On any features, so that judges and attacks share it. Formulas: docs/methods/table-usefulness.md. */
#ifndef MNK_EVALUATE_C2ST_H
#define MNK_EVALUATE_C2ST_H

#include "evaluate/models/model.h"
#include "math/auc.h"

/* unit[na + nb]: rows that must stay in one fold have the same number: those of one person (person_a, person_b, may be NULL;
 * numbers of a and b are unrelated), equal rows, and rows of b nearer to a row of a than all but near_share of a's rows are to
 * their own nearest (on the linear form). Nothing but persons is joined where more than near_share of a's rows have an equal
 * in a. Joining every row with its nearest of the other set would bend the test: measured in docs/methods/table-usefulness.md.
 */
mnk_status mnk_c2st_units(const mnk_features *a, const mnk_features *b, const int32_t *person_a, const int32_t *person_b,
                          double near_share, int32_t *unit, size_t *units, mnk_error *err) MNK_CHECK;

/* One comparison: `kind` learns b against a on folds - 1 folds and scores the last, for every fold. */
typedef struct mnk_c2st_task {
    const mnk_features *a, *b;
    const int32_t *unit; /* [na + nb], 0..; NULL: every row for itself */
    const mnk_model_kind *kind;
} mnk_c2st_task;

typedef struct mnk_c2st_settings {
    int folds;
    uint64_t seed;
    mnk_model_settings model;
} mnk_c2st_settings;
mnk_c2st_settings mnk_c2st_defaults(uint64_t seed);

/* out[task]: AUC of P(row is of b), the mean over folds, never clipped: 0.5 cannot be told apart, below 0.5 means that held-out
 * rows look like the other set's training rows: copies. Its variance is DeLong's, by unit, times 1 + K/(K-1) for K folds that
 * share training rows (Nadeau & Bengio 2003). score (NULL, or [task] -> [na + nb]) receives the held-out probabilities.
 * All folds of all tasks run in parallel; same numbers for any number of threads. */
mnk_status mnk_c2st_run(const mnk_c2st_task *task, size_t tasks, const mnk_c2st_settings *s, mnk_auc *out, double *const *score,
                        mnk_error *err) MNK_CHECK;

#endif
