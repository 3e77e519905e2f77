/* One encoding and one subset (all, or one class): neighbour metrics, authenticity, distances of distributions, with
 * intervals and reference lines, all at equal n. */
#ifndef MNK_EVALUATE_JUDGE_H
#define MNK_EVALUATE_JUDGE_H

#include "evaluate/encoding.h"
#include "evaluate/neighbours.h"

/* Some of the items of every set: a class, a subgroup, or all. */
typedef struct mnk_subset {
    const char *name;                /* "" all */
    const int32_t *value[MNK_ROLES]; /* [n] of each set; the items whose value is `is`. NULL: all items */
    int32_t is;
    uint32_t stream; /* of its random rows: 0 all, 1 + class … */
} mnk_subset;
static inline bool mnk_subset_has(const mnk_subset *s, int role, size_t i) {
    return !s->value[role] || s->value[role][i] == s->is;
}

/* What is the same for all encodings and subsets. */
typedef struct mnk_judge_plan {
    uint64_t seed;
    size_t neighbours, max_items, replicates, never_shown;
    double level;
    unsigned compat;               /* 1 synthcity, 2 authors */
    const char *items;             /* "images", "rows": in sentences */
    mnk_units units[MNK_ROLES];    /* of the bootstrap; unit NULL: every item is one */
    const int32_t *label;          /* of train, for notes; NULL: none */
    const char *const *label_name; /* of train's classes */
} mnk_judge_plan;

typedef struct mnk_judge {
    const mnk_judge_plan *plan;
    const mnk_encoded *encoded;
    const mnk_observer *observer;
    mnk_result *result;
    bool flags_never; /* this encoding also lists what was never generated */
} mnk_judge;

mnk_status mnk_judge_subset(const mnk_judge *j, const mnk_subset *subset, mnk_error *err) MNK_CHECK;

/* The points of rows[0..n-1] (NULL: the first n) of one set in an encoding. */
mnk_status mnk_encoded_points(const mnk_encoded *e, mnk_role role, const size_t *row, size_t n, const float *centre,
                              mnk_points *out, mnk_error *err) MNK_CHECK;
/* The common centre of an encoding: train's means over those rows. centre [near_d]. */
mnk_status mnk_encoded_centre(const mnk_encoded *e, const size_t *row, size_t n, float *centre, mnk_error *err) MNK_CHECK;

/* A metric row with its common fields filled in; NULL when memory is short. */
mnk_metric *mnk_judge_metric(mnk_result *r, const char *id, const char *group, const char *encoding, const char *subset,
                             double value, size_t n, double level);

#endif
