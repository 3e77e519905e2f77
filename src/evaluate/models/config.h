/* The rows of the options of mnk_table_models_config, for tables over it and over structs that hold one. */
#ifndef MNK_EVALUATE_MODELS_CONFIG_H
#define MNK_EVALUATE_MODELS_CONFIG_H

#include "base/options.h"
#include "manikin/usefulness_table.h"

/* clang-format off */
#define MNK_TABLE_MODELS_ROWS(type, field) \
    {"seeds", 0, MNK_OPTION_INT, offsetof(type, field(seeds)), "N", "3", 1, 100, NULL, "models trained per arm", false}, \
    {"effect", 0, MNK_OPTION_TEXT, offsetof(type, field(effect)), "MODEL", NULL, 0, 0, NULL, \
     "compare the coefficients of this model: \"death ~ age + sex\", \"Surv(time, death) ~ age\"; several: with ;", false}, \
    {"fairness", 0, MNK_OPTION_BOOL, offsetof(type, field(fairness)), NULL, "true", 0, 0, NULL, \
     "also by subgroup, where the schema names subgroups", false}, \
    {"least", 0, MNK_OPTION_INT, offsetof(type, field(least)), "N", "10", 2, 1e6, NULL, \
     "a subgroup with fewer of either outcome is too few to judge", false}, \
    {"model-rows", 0, MNK_OPTION_INT, offsetof(type, field(max_rows)), "N", "20000", 50, 1e8, NULL, \
     "at most this many rows of a table train a model", true}, \
    {"c2st-rows", 0, MNK_OPTION_INT, offsetof(type, field(c2st_rows)), "N", "4000", 20, 1e6, NULL, \
     "at most this many rows a set in the two-sample tests", true}, \
    {"folds", 0, MNK_OPTION_INT, offsetof(type, field(folds)), "N", "3", 2, 20, NULL, "folds of the two-sample tests", true}, \
    {"twin-share", 0, MNK_OPTION_REAL, offsetof(type, field(near_share)), "SHARE", "0.01", 0, 0.5, NULL, \
     "two-sample tests keep a pair in one fold when it is nearer than all but this share of the training rows are to each other", true}, \
    {"rounds", 0, MNK_OPTION_INT, offsetof(type, field(rounds)), "N", "200", 1, 1e5, NULL, "trees of a boosting model at most", true}, \
    {"depth", 0, MNK_OPTION_INT, offsetof(type, field(depth)), "N", "4", 1, 12, NULL, "depth of a tree", true}, \
    {"model-level", 0, MNK_OPTION_REAL, offsetof(type, field(level)), "SHARE", "0.95", 0.5, 0.9999, NULL, \
     "confidence of the intervals", true}, \
    {"model-replicates", 0, MNK_OPTION_INT, offsetof(type, field(bootstrap)), "N", "400", 100, 1e6, NULL, \
     "bootstrap replicates where the table has persons", true}
/* clang-format on */

extern const mnk_option mnk_table_models_options[];

/* Both checks that every entry makes: values in range, tables of one schema. */
mnk_status mnk_table_models_check(const mnk_table_models_config *c, const mnk_table *first, const mnk_table *second,
                                  const mnk_table *third, mnk_error *err) MNK_CHECK;

#endif
