/* What synthetic rows disclose about real ones beyond membership: singling out, linkability, inference (Giomi et al. 2023),
 * attribute disclosure, and the anonymity of the synthetic table itself. Formulas: docs/methods/attacks.md. */
#ifndef MNK_PRIVACY_ATTACKS_DISCLOSURE_H
#define MNK_PRIVACY_ATTACKS_DISCLOSURE_H

#include "manikin/attack.h"

typedef struct mnk_disclosure {
    const mnk_table *train, *holdout, *synthetic;
    const mnk_attack_config *config;
    const mnk_observer *observer;
    mnk_result *result;
} mnk_disclosure;

/* All of them; metrics of groups "disclosure" and "anonymity". */
mnk_status mnk_disclosure_run(const mnk_disclosure *d, mnk_error *err) MNK_CHECK;

#endif
