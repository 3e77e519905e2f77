"""Golden values of tests/test_privacy_account.c, computed independently of the library.

    python3 tests/golden/privacy_golden.py > tests/golden/privacy_golden.h

Needs mpmath, numpy, scipy and dp-accounting (Google). Closed forms and Renyi divergences come from mpmath with 40 digits by
their defining integrals and sums, privacy loss distributions from Google's PLDAccountant with its default grid of 1e-4.
"""
from importlib.metadata import version

import mpmath as mp
import numpy as np
from dp_accounting import dp_event
from dp_accounting.pld import privacy_loss_distribution as google
from dp_accounting.pld import pld_privacy_accountant
from scipy.optimize import brentq
from scipy.stats import norm

mp.mp.dps = 40
OPACUS = [1 + x / 10 for x in range(1, 100)] + list(range(12, 64))


def log_a(q, s, a):
    """ln E_Q[(P/Q)^a] by quadrature over pieces of the real line."""
    q, s, a = mp.mpf(repr(q)), mp.mpf(repr(s)), mp.mpf(repr(a))
    f = lambda x: mp.npdf(x, 0, s) * (1 - q + q * mp.exp((2 * x - 1) / (2 * s * s))) ** a
    edges = [-25 * s] + [mp.mpf(k) * s / 2 + a * mp.mpf(j) / 8 for j in range(9) for k in (-20, -5, -2, 0, 2, 5, 20)] + [a + 25 * s]
    return mp.log(mp.quad(f, sorted(set(edges))))


def float_log_a(q, s, a):
    """The same in floating point on a fine grid, to find the best order."""
    x = np.arange(-14 * s, a + 14 * s, s / 50)
    t = np.logaddexp(np.log1p(-q), np.log(q) + (2 * x - 1) / (2 * s * s)) if q < 1 else (2 * x - 1) / (2 * s * s)
    y = a * t - x * x / (2 * s * s)
    m = y.max()
    return m + np.log(np.exp(y - m).sum() * (s / 50) / (s * np.sqrt(2 * np.pi)))


def rdp_epsilon(q, s, steps, delta):
    conv = lambda rdp, a: rdp + mp.log1p(-1 / mp.mpf(repr(a))) - mp.log(mp.mpf(repr(delta)) * mp.mpf(repr(a))) / (mp.mpf(repr(a)) - 1)
    rough = [float_log_a(q, s, a) / (a - 1) * steps + np.log1p(-1 / a) - np.log(delta * a) / (a - 1) for a in OPACUS]
    a = OPACUS[int(np.argmin(rough))]
    exact = mp.mpf(repr(a)) / (2 * mp.mpf(repr(s)) ** 2) if q == 1 else log_a(q, s, a) / (mp.mpf(repr(a)) - 1)
    return conv(exact * steps, a), a


def gaussian_delta(s, e):
    return mp.ncdf(1 / (2 * s) - e * s) - mp.exp(e) * mp.ncdf(-1 / (2 * s) - e * s)


def google_epsilon(events, delta):
    acc = pld_privacy_accountant.PLDAccountant()
    for event, count in events:
        acc.compose(event, count)
    return acc.get_epsilon(delta)


def array(name, rows, kind="double"):
    flat = [v for row in rows for v in (row if isinstance(row, (list, tuple)) else [row])]
    print(f"static const {kind} {name}[] = {{" + ", ".join(mp.nstr(mp.mpf(v), 17) if not isinstance(v, int) else str(v) for v in flat) + "};")


print("/* Written by privacy_golden.py: do not edit. mpmath %s, dp-accounting %s, numpy %s. */" %
      (version("mpmath"), version("dp-accounting"), version("numpy")))
cases = [(.01, 1.1, 2), (.01, 1.1, 8), (.01, 1.1, 32), (.01, 1.1, 1.5), (.01, 1.1, 2.5), (.1, 2., 10.5), (.01, 4., 1.1), (.04, 1.5, 3.9),
         (.001, .5, 3), (.2, 3., 3.2), (.5, 8., 4.2), (.004, .6, 3.2), (1e-4, 10., 1.5), (.3, .4, 7.7), (1e-3, 1., 63)]
array("golden_log_a", [(q, s, a, log_a(q, s, a)) for q, s, a in cases])

settings = [(1.1, .01, 1000, 1e-5), (1.1, .01, 10000, 1e-5), (1.0, 256 / 60000, 14100, 1e-5), (1.1, 256 / 60000, 14100, 1e-5),
            (1.3, 250 / 60000, 3600, 1e-5), (.7, 256 / 60000, 10575, 1e-5), (4., .01, 10000, 1e-5), (2., .05, 500, 1e-6),
            (.8, .001, 20000, 1e-5), (.5, .001, 10000, 1e-5), (1.5, .1, 100, 1e-5), (3., .2, 1000, 1e-6), (1., .02, 1500, 1e-4),
            (.6, .004, 5000, 1e-6), (8., .5, 500, 1e-5), (1., 64 / 5000, 3000, 2e-4), (1.2, .032, 1500, 1e-3), (1., 1e-3, 1, 1e-5),
            (1., 1, 1, 1e-5), (10., 1, 100, 1e-6), (1.5, .04, 2250, 1e-5)]
rows = []
for s, q, steps, delta in settings:
    eps, a = rdp_epsilon(q, s, steps, delta)
    event = dp_event.GaussianDpEvent(s) if q == 1 else dp_event.PoissonSampledDpEvent(q, dp_event.GaussianDpEvent(s))
    rows.append((s, float(q), steps, delta, eps, a, google_epsilon([(event, steps)], delta)))
array("golden_settings", rows)  # s, q, T, delta, RDP epsilon, its order, PLD epsilon

array("golden_log_cdf", [(x, mp.log(mp.ncdf(mp.mpf(repr(x))))) for x in (8., 1., 0., -1., -5., -19.9, -20.1, -37., -39., -100., -1e4, -1e10)])
array("golden_gaussian", [(s, e, gaussian_delta(mp.mpf(repr(s)), mp.mpf(repr(e)))) for s, e in
                          ((1., 1.), (1., 4.377), (.5, 9.), (4., .5), (10., .1), (30., .3), (.05, 300.), (2., 0.))])

mixed = [(dp_event.GaussianDpEvent(4.), 12), (dp_event.LaplaceDpEvent(3.), 0), (dp_event.PoissonSampledDpEvent(.02, dp_event.GaussianDpEvent(1.2)), 300)]
print("/* 12 Gaussians of 4 and 300 of 1.2 sampled at 0.02, delta 1e-6 */")
array("golden_mixed", [google_epsilon([e for e in mixed if e[1]], 1e-6)])
pld = google.from_discrete_laplace_mechanism(.2).self_compose(20)
array("golden_discrete_laplace", [pld.get_epsilon_for_delta(1e-5)])
# Ten discrete Gaussians exactly (their losses depend on the sum of ten integers alone; Google's are rounded up to its grid),
# alone and beside twelve Gaussians of 4, whose loss is that of one Gaussian of 4 / sqrt(12).
k = np.arange(-120, 121)
p = np.exp(-k * k / 72.0)
p /= p.sum()
total = np.array([1.0])
for _ in range(10):
    total = np.convolve(total, p)
loss = (10 - 2 * (np.arange(len(total)) - 1200)) / 72.0
s12 = 4 / np.sqrt(12)


def normal_profile(e):
    return norm.cdf(1 / (2 * s12) - e * s12) - np.exp(e + norm.logcdf(-1 / (2 * s12) - e * s12))


array("golden_discrete_gaussian", [brentq(lambda e: (total * np.maximum(0, -np.expm1(e - loss))).sum() - 1e-5, 0, 20, xtol=1e-13)])
array("golden_gaussian_kinds", [brentq(lambda e: (total * normal_profile(e - loss)).sum() - 1e-5, 0, 20, xtol=1e-13)])
pld = google.from_gaussian_mechanism(1., sampling_prob=.01, value_discretization_interval=1e-4).self_compose(100)
array("golden_delta", [(e, pld.get_delta_for_epsilon(e)) for e in (.1, .25, .5, 1., 2.)])
