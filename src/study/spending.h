/* What a study of private generators has spent on its data: every ledger it ever wrote. */
#ifndef MNK_STUDY_SPENDING_H
#define MNK_STUDY_SPENDING_H

#include "base/error.h"
#include "manikin/privacy.h"

typedef struct mnk_spending {
    size_t ledgers, set_aside; /* all of them; of these, those of models that were made again or never finished */
    mnk_guarantee all;         /* of publishing everything: the ledgers composed (those with a bound as that bound) */
} mnk_spending;

/* Before a model is made (again): a ledger that stands at MODEL.ledger goes to models/spent/, and stays counted. What was spent
 * stays spent, also by a run that was killed or whose settings were changed. */
mnk_status mnk_spending_set_aside(const char *dir, const char *id, mnk_error *err) MNK_CHECK;
/* Sums models/ and models/spent/ at delta. MNK_ERR_INPUT: a ledger does not verify, or names other neighbours. */
mnk_status mnk_spending_sum(const char *dir, double delta, mnk_spending *out, mnk_error *err) MNK_CHECK;

#endif
