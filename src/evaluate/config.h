/* The rows of the options of evaluate, for tables over mnk_evaluate_config itself and over structs that hold one. */
#ifndef MNK_EVALUATE_CONFIG_H
#define MNK_EVALUATE_CONFIG_H

#include "base/options.h"
#include "manikin/evaluate.h"

/* clang-format off */
/* What the judges of images and of tables have in common; items: "images", "rows". */
#define MNK_JUDGE_ROWS(type, field, items, of_class) \
    {"neighbours", 'k', MNK_OPTION_INT, offsetof(type, field(neighbours)), "K", "5", 1, 64, NULL, \
     "neighbours of precision, recall, density and coverage", true}, \
    {"max-items", 0, MNK_OPTION_INT, offsetof(type, field(max_items)), "N", "10000", 10, 1e6, NULL, \
     "at most this many items a set in comparisons at equal n", true}, \
    {"replicates", 0, MNK_OPTION_INT, offsetof(type, field(replicates)), "N", "1000", 0, 1e6, NULL, "bootstrap replicates behind the intervals", \
     true}, \
    {"level", 0, MNK_OPTION_REAL, offsetof(type, field(level)), "SHARE", "0.95", 0.5, 0.9999, NULL, "confidence of the intervals", true}, \
    {"by-class", 0, MNK_OPTION_BOOL, offsetof(type, field(by_class)), NULL, "true", 0, 0, NULL, "also judge every class on its own", false}, \
    {"near-share", 0, MNK_OPTION_REAL, offsetof(type, field(near_share)), "SHARE", "0.01", 1e-6, 0.5, NULL, \
     "a near copy is nearer to train than all but this share of the holdout " items of_class, true}, \
    {"never-shown", 0, MNK_OPTION_INT, offsetof(type, field(never_shown)), "N", "100", 0, 1e6, NULL, \
     "flag at most this many real " items " as never generated", true}

#define MNK_EVALUATE_ROWS(type, field) \
    {"encoding", 0, MNK_OPTION_TEXT, offsetof(type, field(encoding)), "LIST", NULL, 0, 0, NULL, \
     "what distances are measured in: scatter, classifier, pixels, npy (default: scatter,classifier)", false}, \
    {"compat", 0, MNK_OPTION_CHOICE, offsetof(type, field(compat)), "NAME", "none", 0, 0, "none|synthcity|authors|both", \
     "also print alpha-precision, beta-recall and authenticity as this published program computes them", false}, \
    MNK_JUDGE_ROWS(type, field, "images", " of its class"), \
    {"features-train", 0, MNK_OPTION_PATH, offsetof(type, field(features_train)), "NPY", NULL, 0, 0, NULL, \
     "your own features of train, one row an image", true}, \
    {"features-holdout", 0, MNK_OPTION_PATH, offsetof(type, field(features_holdout)), "NPY", NULL, 0, 0, NULL, "the same for holdout", true}, \
    {"features-synthetic", 0, MNK_OPTION_PATH, offsetof(type, field(features_synthetic)), "NPY", NULL, 0, 0, NULL, "the same for synthetic", true}
/* clang-format on */

extern const mnk_option mnk_evaluate_options[];

#endif
