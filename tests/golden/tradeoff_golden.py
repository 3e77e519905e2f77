"""Golden values of mnk_tradeoff (tests/test_rank.c): numpy and scipy alone.

W: mean of the repeats' own variances, B: variance between repeats; T = W + B/n, df = (n - 1) (T / (B/n))^2 (Rubin 1987);
a difference of two: variances added, degrees of freedom by Welch and Satterthwaite.
"""

import numpy as np
from scipy.stats import norm, t

small = np.array([0.70, 0.62, 0.66])
large = np.array([0.80, 0.81, 0.85])
half = 0.05  # half width of each repeat's 95 % interval


def combine(values):
    se = half / norm.ppf(0.975)
    between = values.var(ddof=1) / len(values)
    total = se**2 + between
    return values.mean(), total, (len(values) - 1) * (total / between) ** 2


def interval(mean, variance, df):
    h = np.sqrt(variance) * t.ppf(0.975, df)
    return f"{mean:.12f} {mean - h:.12f} {mean + h:.12f}"


a, b = combine(small), combine(large)
print("small", interval(*a))
print("large", interval(*b))
v = a[1] + b[1]
print("cost ", interval(b[0] - a[0], v, v**2 / (a[1] ** 2 / a[2] + b[1] ** 2 / b[2])))
