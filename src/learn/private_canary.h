/* The audit of one training run by guessing the coins of its canaries (Steinke, Nasr & Jagielski 2023), whatever they are made
 * of; and the canaries of gradients: made-up units that point along one random coordinate each (Nasr et al. 2023). Those of
 * tables: table/private/canaries.h. */
#ifndef MNK_LEARN_PRIVATE_CANARY_H
#define MNK_LEARN_PRIVATE_CANARY_H

#include "base/error.h"
#include "base/json.h"
#include "manikin/observer.h"
#include "manikin/privacy.h"

/* ---- the audit ---- */

/* memory [2n]: scores (0), then coins (0 or 1) from the system's generator, or with `reproducible` from the seed.
 * MNK_ERR_USAGE: too few to show anything. */
mnk_status mnk_canaries_toss(size_t n, bool reproducible, uint64_t seed, double **memory, mnk_error *err) MNK_CHECK;

/* Guesses the coins by the scores and bounds epsilon from below with 95 % confidence; writes the verdict as the member
 * "audit" and into the log. MNK_ERR_GATE when the bound refutes what `claimed` says. Two rules, both fixed before the scores
 * are seen, each at half of 1 - level; the better bound counts. One guesses "in" for the tenth with the highest scores and
 * "out" for the tenth with the lowest. The other guesses about a fiftieth: the highest, because a unit that is in is drawn now
 * and then, and one that never was looks like one that is out; with opposite gradients (`replaces`) both ends. */
mnk_status mnk_canaries_judge(const double *memory, size_t n, bool replaces, const mnk_guarantee *claimed, mnk_json *j,
                              const mnk_observer *observer, mnk_error *err) MNK_CHECK;

/* ---- canaries of gradients ---- */

typedef struct mnk_canaries {
    size_t n;
    bool replaces;    /* the coin says which of two opposite gradients, not whether there is one */
    size_t *place;    /* [n] coordinate, all different */
    float *direction; /* [n] +1 or -1, known to the guesser */
    double *memory;   /* [2n] scores, then coins (0 or 1) */
} mnk_canaries;

/* Places from the seed; coins from the system's generator, or with `reproducible` from the seed too. */
mnk_status mnk_canaries_open(size_t n, size_t coordinates, bool replaces, bool reproducible, uint64_t seed, mnk_canaries *out,
                             mnk_error *err) MNK_CHECK;
void mnk_canaries_close(mnk_canaries *c);

/* Adds the gradients, of length `length` each, of the canaries `drawn` (numbered from `first`) whose coin says so to sum. */
void mnk_canaries_add(const mnk_canaries *c, const uint32_t *drawn, size_t n, uint32_t first, double length, float *sum);
/* Scores: each canary's coordinate of what was released. */
void mnk_canaries_look(mnk_canaries *c, const float *released);

#endif
