/* The attacks. A new one is a function in a file of its family and a line here. */
#include "privacy/attacks/attack.h"

/* clang-format off */
const mnk_attack mnk_attacks[] = {
    {"distance", "nearness to synthetic records (Chen et al. 2020)", false, false, mnk_attack_distance},
    {"distance_calibrated", "nearness to synthetic over nearness to reference records (Chen et al. 2020)", false, false, mnk_attack_distance_calibrated},
    {"monte_carlo", "synthetic records within the median distance (Hilprecht et al. 2019)", false, false, mnk_attack_monte_carlo},
    {"domias", "density of synthetic over density of reference records (van Breugel et al. 2023)", false, false, mnk_attack_domias},
    {"classifier_boosting", "synthetic against reference, boosted trees (after Hayes et al. 2019)", false, false, mnk_attack_boosting},
    {"classifier_logistic", "synthetic against reference, logistic (after Hayes et al. 2019)", false, false, mnk_attack_logistic},
    {"model", "what the model file itself says: log density, or the discriminator (Hayes et al. 2019)", true, false, mnk_attack_model},
    {"model_ratio", "log density of the model over that of reference records", true, true, mnk_attack_model_ratio},
    {NULL, NULL, false, false, NULL},
};
/* clang-format on */

bool mnk_attack_applies(const mnk_attack *a, const mnk_attack_problem *p) {
    return !(a->needs_model && !p->model) && !(a->needs_density && !p->model_is_density);
}
