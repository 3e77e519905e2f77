"""Golden values of a Poisson-sampled Gaussian where one person is replaced (tests/test_privacy_replace.c).

    python3 tests/golden/replace_one_golden.py > tests/golden/replace_one_golden.h

Needs mpmath, numpy and scipy. Two kinds, neither with the library's code or method:
bound: the upper bound of one use's profile (Balle, Barthe & Gaboardi 2018, Theorem 2), Gaussians in 40 digits, convexified by
       scipy's Qhull over 1,001 points from -W to W nats.
pair:  delta of T uses of (1-q) N(0, s) + q N(C, s) against (1-q) N(0, s) + q N(-C, s), C = 1: a pair that occurs, so that no
       bound may be below it. The loss distribution comes from fine quadrature over the real line, its T-fold sum from
       convolution with losses rounded down (a lower bound of the true delta).
"""
import mpmath as mp
import numpy as np
from scipy.spatial import ConvexHull
from scipy.signal import fftconvolve
from scipy.stats import norm

mp.mp.dps = 40


def gaussian(s, a):
    """H_a of two Gaussians one apart."""
    e = mp.log(a)
    return mp.ncdf(1 / (2 * s) - e * s) - a * mp.ncdf(-1 / (2 * s) - e * s)


def bound(q, s, x):
    if x < 1:
        return 1 - x + x * bound(q, s, 1 / x)
    a = 1 + (x - 1) / q
    b = x / a
    return q * ((1 - b) * gaussian(s, a) + b * gaussian(s / 2, a))


def hull_at(q, s, width, losses):
    grid = np.linspace(-width, width, 1001)
    x = np.exp(grid)
    h = np.array([float(bound(mp.mpf(q), mp.mpf(s), mp.exp(mp.mpf(float(e))))) for e in grid])
    points = np.column_stack([np.append(x, [x[0], x[-1]]), np.append(h, [2, 2])])
    corners = np.array(sorted(v for v in ConvexHull(points).vertices if v < len(x)))
    at = [grid[np.argmin(abs(grid - e))] for e in losses]  # a point of the curve
    return [(max(e, 1e-9), float(np.interp(np.exp(e), x[corners], h[corners]))) for e in at]


def pair(q, s, uses, losses, grid=2e-4):
    x = np.arange(-1 - 12 * s, 1 + 12 * s, s / 20000)
    p = (1 - q) * norm.pdf(x, 0, s) + q * norm.pdf(x, 1, s)
    r = (1 - q) * norm.pdf(x, 0, s) + q * norm.pdf(x, -1, s)
    index = np.floor(np.log(p / r) / grid).astype(int)
    low = index.min()
    one = np.bincount(index - low, weights=p * (s / 20000))
    total, first = one, low
    for _ in range(uses - 1):
        total, first = fftconvolve(total, one), first + low
    loss = (first + np.arange(len(total))) * grid
    return [float((total * np.maximum(0, -np.expm1(e - loss))).sum()) for e in losses]


print("/* Written by replace_one_golden.py: do not edit. */")
rows = []
for q, s, width in ((.01, 1., 4), (.1, 2., 2), (.5, .8, 4), (.02, .6, 7)):
    rows += [(q, s, e, d) for e, d in hull_at(q, s, width, (0, .05, .2, .5, 1., 1.7))]
print("/* q, noise / C, epsilon, delta of one use */")
print("static const double golden_replace_bound[] = {" + ", ".join("%.12g" % v for r in rows for v in r) + "};")
rows = []
for q, s, uses in ((.1, 1., 1), (.1, 1., 4), (.3, 2., 3), (.02, .7, 5), (.5, 3., 8)):
    losses = (.1, .3, .6, 1., 1.5)
    rows += [(q, s, uses, e, d) for e, d in zip(losses, pair(q, s, uses, losses))]
print("/* q, noise / C, uses, epsilon, a lower bound of delta */")
print("static const double golden_replace_pair[] = {" + ", ".join("%.12g" % v for r in rows for v in r) + "};")
