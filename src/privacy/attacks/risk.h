/* Success of guesses about records that were trained on, over that of the same guesses about unseen ones (Giomi et al. 2023).
 */
#ifndef MNK_PRIVACY_ATTACKS_RISK_H
#define MNK_PRIVACY_ATTACKS_RISK_H

#include <stddef.h>

typedef struct mnk_rate {
    double value, error; /* Wilson's centre and half width */
} mnk_rate;
/* k of n at `level`; k may be a fraction (an expected count). n > 0. */
mnk_rate mnk_rate_of(double k, double n, double level);

typedef struct mnk_risk {
    double attack, control;  /* plain success rates, for people */
    double value, low, high; /* (attack - control)/(1 - control) of the Wilson rates, errors propagated, clipped to [0, 1] */
    size_t attempts, controls;
} mnk_risk;
/* NaN where nothing was attempted, or where the control always succeeds: then nothing is left to be learnt. */
mnk_risk mnk_risk_of(double successes, size_t attempts, double control_successes, size_t controls, double level);

#endif
