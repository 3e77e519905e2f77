/* One encoding and one subset (all, or one class): neighbour metrics, authenticity, distances of distributions, with
 * intervals and reference lines, all at equal n. */
#ifndef MNK_EVALUATE_JUDGE_H
#define MNK_EVALUATE_JUDGE_H

#include "evaluate/encoding.h"

typedef struct mnk_judge {
    const mnk_sets *sets;
    const mnk_encoded *encoded;
    const mnk_observer *observer;
    mnk_result *result;
    bool flags_never; /* this encoding also lists what was never generated */
} mnk_judge;

/* label -1 judges all items together. */
mnk_status mnk_judge_subset(const mnk_judge *j, int label, mnk_error *err) MNK_CHECK;

/* A metric row with its common fields filled in; NULL when memory is short. */
mnk_metric *mnk_judge_metric(mnk_result *r, const char *id, const char *group, const char *encoding, const char *subset,
                             double value, size_t n, double level);

#endif
