/* Artefacts: synthetic items farther from the real ones of their class than real ones are from each other. */
#ifndef MNK_EVALUATE_ARTEFACTS_H
#define MNK_EVALUATE_ARTEFACTS_H

#include "evaluate/judge.h"

/* Adds "artefacts" (share, overall and by class; reference lines holdout and floor) and flags "artefact": item synthetic row,
 * of nearest training row of its class, distance in units of the limit (above 1), class by class and the farthest first; at
 * most config->never_shown in all, spread evenly over the classes. The limit of a class is the (1 - near_share) quantile of
 * the distance from a training image to its nearest other of the class; docs/methods/evaluation.md. */
mnk_status mnk_judge_artefacts(const mnk_sets *s, const mnk_encoded *e, mnk_result *r, mnk_error *err) MNK_CHECK;

#endif
