#include "evaluate/table/config.h"

#define PLAIN(f) f
/* clang-format off */
const mnk_option mnk_table_evaluate_options[] = {
    MNK_TABLE_EVALUATE_ROWS(mnk_table_evaluate_config, PLAIN),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

void mnk_table_evaluate_defaults(mnk_table_evaluate_config *config) {
    *config = (mnk_table_evaluate_config){.seed = 1};
    mnk_options_defaults(mnk_table_evaluate_options, config);
}

unsigned mnk_table_compat(int choice) {
    static const unsigned bits[] = {0, 1, 2, 3, MNK_COMPAT_SDMETRICS, MNK_COMPAT_MOSTLYAI, 15};
    return choice >= 0 && choice < (int)(sizeof bits / sizeof *bits) ? bits[choice] : 0;
}
