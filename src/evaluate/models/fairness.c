#include "evaluate/models/fairness.h"
mnk_status mnk_fairness_report(const mnk_predicted *p, const mnk_table_models_config *config, mnk_result *r, mnk_error *err) {
    (void)p;
    (void)config;
    (void)r;
    (void)err;
    return MNK_OK;
}
