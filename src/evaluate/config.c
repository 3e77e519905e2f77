#include "evaluate/config.h"

#define PLAIN(f) f
/* clang-format off */
const mnk_option mnk_evaluate_options[] = {
    MNK_EVALUATE_ROWS(mnk_evaluate_config, PLAIN),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

void mnk_evaluate_defaults(mnk_evaluate_config *config) {
    *config = (mnk_evaluate_config){.seed = 1};
    mnk_options_defaults(mnk_evaluate_options, config);
}
