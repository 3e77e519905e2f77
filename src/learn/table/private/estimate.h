/* From noisy marginals to the distribution of greatest entropy that fits them best: entropic mirror descent on the weighted
 * squares, over the marginals that a junction tree can have (McKenna, Sheldon & Miklau 2019). Post-processing: it sees noisy
 * counts only and spends nothing. */
#ifndef MNK_LEARN_TABLE_PRIVATE_ESTIMATE_H
#define MNK_LEARN_TABLE_PRIVATE_ESTIMATE_H

#include "learn/table/private/junction.h"

typedef struct mnk_measurement {
    mnk_axis_set set;
    size_t cells;
    double *noisy;     /* [cells] counts */
    double *precision; /* [cells] 1 / variance of each */
    double *potential; /* [cells] of the fit: the cliques' potentials are sums of these, whatever the tree */
} mnk_measurement;

typedef struct mnk_measurements {
    size_t n;
    mnk_measurement *item;
} mnk_measurements;

/* Adds a measurement (copied); one of the same axes is averaged with it by precision. *at (NULL allowed): its number. */
mnk_status mnk_measurements_add(mnk_measurements *m, const mnk_axis_set *set, const double *noisy, const double *precision,
                                size_t cells, size_t *at, mnk_error *err) MNK_CHECK;
void mnk_measurements_clear(mnk_measurements *m);
/* The number of rows as all of them say it, by precision; at least 1. */
double mnk_measurements_total(const mnk_measurements *m);

/* Fits the measurements' potentials from where they stand, and those of j by them; each is held by a clique. Those from `fresh`
 * on are first fitted one after the other, as a start (iterative proportional fitting). At most `steps` steps of descent; fewer
 * when the fit gains less than one part in 10^4 in ten of them. Beliefs are up to date afterwards. *loss (NULL allowed): half
 * the sum of squared residuals in units of their noise. */
mnk_status mnk_estimate(mnk_junction *j, mnk_measurements *m, size_t fresh, double total, size_t steps, double *loss,
                        mnk_error *err) MNK_CHECK;

#endif
