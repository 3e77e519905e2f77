#include "base/options.h"
#include "manikin/evaluate.h"

#define AT(field) offsetof(mnk_evaluate_config, field)

const mnk_option mnk_evaluate_options[] = {
    {"encoding", 0, MNK_OPTION_TEXT, AT(encoding), "LIST", NULL, 0, 0, NULL,
     "what distances are measured in: scatter, classifier, pixels, npy (default: scatter,classifier)", false},
    {"compat", 0, MNK_OPTION_CHOICE, AT(compat), "NAME", "none", 0, 0, "none|synthcity|authors|both",
     "also print alpha-precision, beta-recall and authenticity as this published program computes them", false},
    {"neighbours", 'k', MNK_OPTION_INT, AT(neighbours), "K", "5", 1, 64, NULL,
     "neighbours of precision, recall, density and coverage", true},
    {"max-items", 0, MNK_OPTION_INT, AT(max_items), "N", "10000", 10, 1e6, NULL,
     "at most this many items a set in comparisons at equal n", true},
    {"replicates", 0, MNK_OPTION_INT, AT(replicates), "N", "1000", 0, 1e6, NULL, "bootstrap replicates behind the intervals",
     true},
    {"level", 0, MNK_OPTION_REAL, AT(level), "SHARE", "0.95", 0.5, 0.9999, NULL, "confidence of the intervals", true},
    {"by-class", 0, MNK_OPTION_BOOL, AT(by_class), NULL, "true", 0, 0, NULL, "also judge every class on its own", false},
    {"near-share", 0, MNK_OPTION_REAL, AT(near_share), "SHARE", "0.01", 1e-6, 0.5, NULL,
     "a near copy is nearer to train than all but this share of the holdout images of its class", true},
    {"never-shown", 0, MNK_OPTION_INT, AT(never_shown), "N", "100", 0, 1e6, NULL,
     "flag at most this many real images as never generated", true},
    {"features-train", 0, MNK_OPTION_PATH, AT(features_train), "NPY", NULL, 0, 0, NULL,
     "your own features of train, one row an image", true},
    {"features-holdout", 0, MNK_OPTION_PATH, AT(features_holdout), "NPY", NULL, 0, 0, NULL, "the same for holdout", true},
    {"features-synthetic", 0, MNK_OPTION_PATH, AT(features_synthetic), "NPY", NULL, 0, 0, NULL, "the same for synthetic", true},
    {.type = MNK_OPTION_END}};

void mnk_evaluate_defaults(mnk_evaluate_config *config) {
    *config = (mnk_evaluate_config){0};
    mnk_options_defaults(mnk_evaluate_options, config);
}
