/* Tables judged by models: can a classifier tell synthetic rows from real ones, do models trained on synthetic rows predict
 * real ones, do effect estimates come out the same. Formulas, ids, references: docs/methods/table-usefulness.md. */
#ifndef MANIKIN_USEFULNESS_TABLE_H
#define MANIKIN_USEFULNESS_TABLE_H

#include "manikin/observer.h"
#include "manikin/result.h"
#include "manikin/table.h"

typedef struct mnk_table_models_config {
    uint64_t seed;      /* not in the option table: --seed is common to all commands */
    int64_t seeds;      /* models per arm: seeds seed, +1, … */
    int64_t max_rows;   /* at most this many rows of a table train a model */
    int64_t c2st_rows;  /* at most this many rows a set in the two-sample tests */
    int64_t folds;      /* of the two-sample tests */
    int64_t rounds;     /* trees of a boosting model at most */
    int64_t depth;      /* of a tree */
    double near_share;  /* two-sample tests: nearer pairs than this share of train's own stay in one fold */
    double level;       /* of the intervals */
    int64_t bootstrap;  /* replicates where the table has persons, and of gaps between subgroups */
    int64_t least;      /* fairness: a subgroup with fewer positives or negatives (events, rows) is "too few" */
    const char *effect; /* "death ~ age + sex; Surv(time, death) ~ age": models whose coefficients are compared; NULL: none */
    bool fairness;      /* usefulness also by subgroup, where the schema names subgroups */
} mnk_table_models_config;

/* The defaults of its options (the table itself is in evaluate/models/config.h). */
MNK_API void mnk_table_models_defaults(mnk_table_models_config *config);

/* All tables of one call share one schema object; different ones are refused (MNK_ERR_USAGE). Each call adds rows and warnings
 * to r, and gives the same numbers for any number of threads. */

/* Two-sample tests of synthetic against train at equal n, group "fidelity" (docs: c2st.<model>, c2st_copying.boosting), with
 * the references holdout against train, a copy of train, and train with shuffled columns. holdout may be NULL. */
MNK_API mnk_status mnk_table_c2st(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                                  const mnk_table_models_config *config, const mnk_observer *observer, mnk_result *r,
                                  mnk_error *err) MNK_CHECK;

/* TRTR, TSTR, TRTS, TR+S for the task that the schema names: LABEL (classes or a number) and TIME with EVENT (survival); both
 * when both are there; a warning when none is. `test` are real rows that neither train nor the generator saw.
 * Group "usefulness"; with config->fairness also group "fairness" (manikin/fairness.h). */
MNK_API mnk_status mnk_table_usefulness(const mnk_table *train, const mnk_table *test, const mnk_table *synthetic,
                                        const mnk_table_models_config *config, const mnk_observer *observer, mnk_result *r,
                                        mnk_error *err) MNK_CHECK;

/* One model, written "OUTCOME ~ TERM + TERM …", fitted to train, synthetic and (NULL: not) holdout: odds ratios of a logistic
 * model ("died = yes ~ age + sex"; "= LEVEL" may be left out of a column of two levels), or hazard ratios of a Cox model
 * ("Surv(TIME, EVENT) ~ …"). Group "effects", one subset per coefficient. MNK_ERR_USAGE names what cannot be read. */
MNK_API mnk_status mnk_table_effects(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                                     const char *formula, const mnk_table_models_config *config, mnk_result *r,
                                     mnk_error *err) MNK_CHECK;

/* All of the above; config->effect may hold several formulas, separated by semicolons. */
MNK_API mnk_status mnk_table_models(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                                    const mnk_table_models_config *config, const mnk_observer *observer, mnk_result *r,
                                    mnk_error *err) MNK_CHECK;

#endif
