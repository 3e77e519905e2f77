/* Privacy loss distributions on a grid. A step holds, for both directions of neighbours (a person removed, a person added), the
 * probability under P of each loss log(P/Q); steps compose by convolution. Connect-the-dots (Doroshenko, Ghazi, Kamath, Kumar
 * & Manurangsi 2022): the mass of P and of Q between two grid points is shared between the two points so that both masses are
 * kept; the result dominates the mechanism, so that every delta from it is an upper bound. */
#ifndef MNK_PRIVACY_PLD_H
#define MNK_PRIVACY_PLD_H

#include <stddef.h>

#include "base/error.h"
#include "manikin/privacy.h"

enum { MNK_PLD_REMOVE, MNK_PLD_ADD };

typedef struct mnk_pld_step {
    double grid;               /* spacing of losses, nats; set before a builder is called */
    double tail;               /* probability that a builder may move to the infinite loss; set before too */
    mnk_neighbours neighbours; /* and this: what the two datasets differ in */
    long first;                /* loss of mass[.][0] is first * grid */
    size_t n;                  /* at least 1 */
    double *mass[2];           /* [n] each */
    double infinity[2];        /* probability of an infinite loss */
} mnk_pld_step;

void mnk_pld_step_clear(mnk_pld_step *s);
/* For builders: room for losses in [low, high], all masses 0. MNK_ERR_UNSUPPORTED where they spread too far. */
mnk_status mnk_pld_step_room(mnk_pld_step *s, double low, double high, mnk_error *err) MNK_CHECK;
/* Loss of the point x, in units of the sensitivity, of the Gaussian with multiplier s sampled at rate q: person there against
 * person not there. */
double mnk_pld_sampled_loss(double q, double s, double x);
/* The Gaussian sampled at rate < 1 where one person is replaced (pld_replace.c); mnk_pld_gaussian calls it. */
mnk_status mnk_pld_replaced_gaussian(const mnk_mechanism *m, mnk_pld_step *out, mnk_error *err) MNK_CHECK;

/* Builders by kind (mnk_mechanism_table). MNK_ERR_UNSUPPORTED, with the reason, where a setting has none. */
mnk_status mnk_pld_gaussian(const mnk_mechanism *m, mnk_pld_step *out, mnk_error *err) MNK_CHECK;
mnk_status mnk_pld_discrete_gaussian(const mnk_mechanism *m, mnk_pld_step *out, mnk_error *err) MNK_CHECK;
mnk_status mnk_pld_discrete_laplace(const mnk_mechanism *m, mnk_pld_step *out, mnk_error *err) MNK_CHECK;
mnk_status mnk_pld_exponential(const mnk_mechanism *m, mnk_pld_step *out, mnk_error *err) MNK_CHECK;
mnk_status mnk_pld_pure(const mnk_mechanism *m, mnk_pld_step *out, mnk_error *err) MNK_CHECK;

/* The composed distribution, near the losses that decide (see `tilt`). */
typedef struct mnk_pld {
    double grid;
    bool coarse; /* the grid is not fine against a step's losses: bounds hold but are loose */
    double tilt;
    long first;
    size_t n;
    double *mass[2];     /* [n], tilted: the probability is mass * exp(log_scale - tilt * loss) */
    double log_scale[2]; /* sum of log E exp(tilt * loss) */
    double infinity[2];
    double low, mean[2]; /* of the tilted losses: where the window begins, and where they lie */
} mnk_pld;

/* Composes the list. Before the transforms each step is tilted by exp(tilt * loss), tilt >= 0, and the result is untilted
 * again: exact, and with tilt = (best Renyi order - 1) the rounding of the transforms stays relative to the delta in question
 * rather than to 1. `tail`: an upper bound of the probability that may be moved to the infinite loss by cutting off (make it
 * small against delta). MNK_ERR_UNSUPPORTED when a mechanism has no loss distribution. */
mnk_status mnk_pld_open(const mnk_mechanisms *list, double tilt, double tail, mnk_pld **out, mnk_error *err) MNK_CHECK;
void mnk_pld_close(mnk_pld *p);

/* The larger of both directions. epsilon >= 0; INFINITY when no epsilon reaches delta. NaN when the tilt was too strong for
 * this question (the answer lies outside the window, or where rounding shows): ask again with less; with tilt 0 never. */
double mnk_pld_delta(const mnk_pld *p, double epsilon);
double mnk_pld_epsilon(const mnk_pld *p, double delta);

#endif
