/* What evaluate says of copies: shares with their references, flags, warnings. */
#ifndef MNK_EVALUATE_COPY_REPORT_H
#define MNK_EVALUATE_COPY_REPORT_H

#include "evaluate/encoding.h"

/* Adds exact_copies and near_copies, a flag for every copy, and warnings. The null is holdout against train; without holdout,
 * train against the other groups of train where groups are known; else near copies are not judged. */
mnk_status mnk_judge_copies(const mnk_sets *s, const mnk_observer *o, mnk_result *r, mnk_error *err) MNK_CHECK;

#endif
