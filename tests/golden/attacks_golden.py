"""Golden values of the attacks, independent of the C code. numpy, scipy (versions in the output's first line).
python3 attacks_golden.py > attacks_golden.h"""
import math
import sys

import numpy as np
import scipy
from scipy.optimize import curve_fit
from scipy.stats import gaussian_kde, hypergeom, norm


def points(n, d, salt):
    return np.array([[(((i + salt) * 37 + j * 61 + (i + salt) * (i + 3) * (j + 5) * 13) % 1009) / 1009 for j in range(d)]
                     for i in range(n)])


def array(name, values):
    print(f"static const double {name}[] = {{{', '.join(repr(float(v)) for v in values)}}};")


print(f"/* Made by attacks_golden.py: numpy {np.__version__}, scipy {scipy.__version__}. */")
S, R, T = points(40, 3, 0), points(30, 3, 500), points(12, 3, 900)
array("golden_log_kde", gaussian_kde(S.T).logpdf(T.T))
dS = np.sqrt(((T[:, None] - S[None]) ** 2).sum(2))
dR = np.sqrt(((T[:, None] - R[None]) ** 2).sum(2))
array("golden_distance", -dS.min(1))
array("golden_calibrated", dR.min(1) - dS.min(1))
e = np.median(dS.min(1))
print(f"/* median of 12: the two middle ones {sorted(dS.min(1))[5]!r} {sorted(dS.min(1))[6]!r} */")
m2 = np.median(dS.min(1) ** 2)  # the median of squares: between the two middle records, where no distance lies
array("golden_monte_carlo", (dS ** 2 <= m2).mean(1))
assert ((dS ** 2 <= m2) == (dS <= e)).all(), "both medians lie between the same records"


def rate(k, n, level):
    z = norm.ppf(.5 + level / 2)
    return (k + z * z / 2) / (n + z * z), z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)


def risk(k, n, kc, nc, level):
    (a, ea), (c, ec) = rate(k, n, level), rate(kc, nc, level)
    v, err = (a - c) / (1 - c), math.sqrt((ea / (1 - c)) ** 2 + ((a - 1) / (1 - c) ** 2 * ec) ** 2)
    return [min(1, max(0, x)) for x in (v, v - err, v + err)]


for i, q in enumerate([(500, 500, 20, 400, .95), (120, 500, 100, 500, .95), (10, 100, 20, 100, .9), (7.5, 60, 3.25, 60, .99)]):
    array(f"golden_risk_{i}", list(q) + risk(*q))

match = [0, 1, 1, 2, 3, 0, 5, 1, 8, 1]
n = 50
share = lambda m: float(np.mean([hypergeom(n, k, m).pmf(1) if k else 0 for k in match]))
array("golden_singling", [share(50), share(20), share(1)])
f = lambda m, w: (1 - (m * w + 1) * (1 - w) ** m) / (m + 1)
sizes = np.array([max(1, math.floor(n * (i + 1) / 50)) for i in range(50)], float)
(w, c), _ = curve_fit(lambda m, w, c: c * f(m, w), sizes, [share(int(m)) for m in sizes], p0=(.02, 1), bounds=(0, (1, np.inf)))
array("golden_singling_beyond", [share(50) * f(200, w) / f(50, w)])
