#include "learn/classifier/config.h"

#include <math.h>

#define PLAIN(f) f
/* clang-format off */
const mnk_option mnk_classifier_options[] = {
    MNK_CLASSIFIER_ROWS(mnk_classifier_config, PLAIN),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

void mnk_classifier_defaults(mnk_classifier_config *config) {
    *config = (mnk_classifier_config){.seed = 1};
    mnk_options_defaults(mnk_classifier_options, config);
}

const char *mnk_classifier_backend_name(const mnk_classifier_config *config) {
    static const char *const names[] = {"auto", "reference", "onednn"};
    return names[config->backend >= 0 && config->backend < 3 ? config->backend : 0];
}

/* The struct may be filled by hand: the table's ranges are checked here again. */
mnk_status mnk_classifier_config_check(const mnk_classifier_config *config, mnk_error *err) {
    return mnk_options_check(mnk_classifier_options, config, err);
}
