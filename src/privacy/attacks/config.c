#include "privacy/attacks/config.h"

#define ITSELF(f) f
const mnk_option mnk_attack_options[] = {
    MNK_ATTACK_ROWS(mnk_attack_config, ITSELF),
    MNK_ATTACK_IMAGE_ROWS(mnk_attack_config, ITSELF),
    MNK_ATTACK_TABLE_ROWS(mnk_attack_config, ITSELF),
    {.type = MNK_OPTION_END},
};

void mnk_attack_defaults(mnk_attack_config *config) {
    *config = (mnk_attack_config){.seed = 1};
    mnk_options_defaults(mnk_attack_options, config);
}
