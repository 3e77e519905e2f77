#include "privacy/attacks/risk.h"

#include <math.h>

#include "math/stats.h"

mnk_rate mnk_rate_of(double k, double n, double level) {
    const double z = mnk_normal_quantile(0.5 * (1 + level)), z2 = z * z;
    return (mnk_rate){(k + z2 / 2) / (n + z2), z / (n + z2) * sqrt(k * (n - k) / n + z2 / 4)};
}

mnk_risk mnk_risk_of(double successes, size_t attempts, double control_successes, size_t controls, double level) {
    mnk_risk r = {NAN, NAN, NAN, NAN, NAN, attempts, controls};
    if (!attempts || !controls) return r;
    r.attack = successes / (double)attempts, r.control = control_successes / (double)controls;
    if (r.control >= 1) return r;
    const mnk_rate a = mnk_rate_of(successes, (double)attempts, level),
                   c = mnk_rate_of(control_successes, (double)controls, level);
    const double rest = 1 - c.value, value = (a.value - c.value) / rest;
    const double error = hypot(a.error / rest, (a.value - 1) / (rest * rest) * c.error);
    r.value = fmin(1, fmax(0, value));
    r.low = fmin(1, fmax(0, value - error));
    r.high = fmin(1, fmax(0, value + error));
    return r;
}
