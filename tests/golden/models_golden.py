"""Golden values for tests/test_models.c, computed independently of the library.

    /usr/bin/python3 tests/golden/models_golden.py > tests/golden/models_golden.h

Needs numpy, scipy, scikit-learn, xgboost, and R with the package survival (models_golden.R). The Brier score follows its definition.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import scipy
import sklearn
import xgboost
from sklearn.linear_model import LogisticRegression, Ridge

rng = np.random.default_rng(7)
n = 90
x = np.c_[rng.normal(size=n), rng.integers(0, 2, n), rng.normal(size=n) * 3 + 5].round(2)
hazard = np.exp(0.7 * x[:, 0] - 0.5 * x[:, 1] + 0.1 * x[:, 2])
life, censor = rng.exponential(6 / hazard), rng.exponential(9, n)
time = np.ceil(2 * np.minimum(life, censor)) / 2  # many ties
event = (life <= censor).astype(int)
weight = rng.integers(1, 4, n) * 1.0
y = (rng.uniform(size=n) < 1 / (1 + np.exp(-(x @ [0.9, -0.6, 0.2] - 1)))).astype(int)
z = x @ [1.5, -2, 0.3] + rng.normal(size=n).round(3)
risk = (x @ [0.5, -0.2, 0.1]).round(1)  # ties
label = np.digitize(x @ [1.0, 0.8, -0.3] + rng.normal(size=n), [-1.5, -0.3])


def array(name, v, kind="double"):
    print(f"static const {kind} {name}[] = {{" + ", ".join("%.17g" % u for u in np.ravel(v)) + "};")


print("/* Written by models_golden.py: do not edit. numpy %s, scipy %s, scikit-learn %s. */" % (
    np.__version__, scipy.__version__, sklearn.__version__))
print("/* clang-format off */")
for name, v in dict(x=x, time=time, weight=weight, z=z, risk=risk).items():
    array("golden_" + name, v)
array("golden_event", event, "unsigned char")
array("golden_y", y, "unsigned char")
array("golden_label", label, "int")

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "data.csv")
    np.savetxt(path, np.c_[x, time, event, weight, y, z, risk], delimiter=",", header="x1,x2,x3,time,event,w,y,z,r", comments="", fmt="%.17g")
    here = os.path.dirname(os.path.abspath(__file__))
    sys.stdout.write(subprocess.run(["Rscript", os.path.join(here, "models_golden.R"), path], check=True, stdout=subprocess.PIPE, text=True).stdout)

# ridge: scikit-learn, C = 1/ridge, intercept free
m = LogisticRegression(C=1 / 2.5, solver="newton-cg", tol=1e-10, max_iter=10000).fit(x, y, sample_weight=weight)
array("golden_logistic_ridge", np.r_[m.intercept_, m.coef_[0]])
m = Ridge(alpha=2.5, solver="cholesky").fit(x, z)
array("golden_linear_ridge", np.r_[m.intercept_, m.coef_])
p = LogisticRegression(C=1.0, solver="newton-cg", tol=1e-10, max_iter=10000, multi_class="ovr").fit(x, label).predict_proba(x[:8])
array("golden_ovr", p)

# integrated Brier score (Graf et al. 1999) by its definition; censoring curve by Kaplan-Meier with events first
survival_of = lambda t: np.exp(-0.05 * t * np.exp(risk))
grid = np.linspace(0, 8, 33)


def g(t, before):
    s = 1.0
    for u in np.unique(time[event == 0]):
        if u < t or (u == t and not before):
            at_risk = (time > u).sum() + ((time == u) & (event == 0)).sum()
            s *= 1 - ((time == u) & (event == 0)).sum() / at_risk
    return s


bs = []
for t in grid:
    s = survival_of(t)
    bs.append(np.mean([(s[i] ** 2 / g(time[i], True) if event[i] else 0.0) if time[i] <= t else (1 - s[i]) ** 2 / g(t, False) for i in range(n)]))
array("golden_ibs", [np.trapz(bs, grid) / (grid[-1] - grid[0]), bs[8], bs[32]])
array("golden_censoring", [g(t, b) for t in (1, 2, 4, 6) for b in (False, True)])

# harmless check of the c-index by its definition
conc = tied = pairs = 0
for i in range(n):
    for j in range(n):
        if event[i] and (time[i] < time[j] or (time[i] == time[j] and not event[j])):
            pairs += 1
            conc += risk[i] > risk[j]
            tied += risk[i] == risk[j]
array("golden_pairs", [(conc + 0.5 * tied) / pairs, conc, tied, pairs])

# calibration: slope by scikit-learn without penalty, ECE over 10 bins of equal n by rising prediction
p = np.clip(1 / (1 + np.exp(-(x @ [0.9, -0.6, 0.2] - 1))), 0.02, 0.97)
array("golden_p", p)
m = LogisticRegression(penalty=None, tol=1e-10, max_iter=10000).fit(np.log(p / (1 - p))[:, None], y)
o = np.argsort(p, kind="stable")
array("golden_calibration", [m.coef_[0, 0], sum(abs((y[o] - p[o])[n * b // 10:n * (b + 1) // 10].sum()) for b in range(10)) / n,
                             np.mean(y - p)])

# boosting through xgboost's own Python interface, with missing values: same settings, same trees
holes = x.astype(np.float32)
holes[::7, 1] = np.nan
for name, target, extra in (("binary", y, dict(objective="binary:logistic")), ("softprob", label, dict(objective="multi:softprob", num_class=3))):
    b = xgboost.train(dict(tree_method="hist", max_bin=64, eta=0.15, max_depth=4, min_child_weight=2, subsample=0.8, colsample_bytree=0.8,
                           seed=1, seed_per_iteration=True, nthread=1, **extra), xgboost.DMatrix(holes, target), 20)
    array("golden_boosting_" + name, b.predict(xgboost.DMatrix(holes[:8])))
