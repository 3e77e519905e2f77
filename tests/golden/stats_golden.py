"""Golden values for tests/test_stats.c, computed independently of the library.

    python3 tests/golden/stats_golden.py > tests/golden/stats_golden.h

Needs numpy, scipy and scikit-learn. The DeLong part follows the definition, O(positives x negatives), without mid-ranks.
With --csv FILE the two-reader data are written as CSV, and tests/golden/auc_golden.R repeats the DeLong part with pROC.
"""
import sys
import numpy as np
from scipy import stats
from scipy.special import betainc, ndtri
from sklearn.metrics import roc_auc_score

# Two readers' scores for 40 items on scales with many ties, drawn once and written into the header.
rng = np.random.default_rng(20240521)
y = (np.arange(40) % 5 < 2).astype(int)
a = np.clip(np.round(rng.normal(3.0 + 1.2 * y, 1.2)), 0, 7)
b = np.round(np.clip(0.6 * a + rng.normal(0.9 * y, 1.3), -2, 6), 1)

if len(sys.argv) == 3 and sys.argv[1] == "--csv":
    np.savetxt(sys.argv[2], np.c_[y, a, b], delimiter=",", header="y,a,b", comments="", fmt="%g")
    sys.exit(0)


def delong(y, *scores):
    """AUCs and their covariance matrix by the definition (DeLong, DeLong & Clarke-Pearson 1988, eqs. 3-6)."""
    auc, v10, v01 = [], [], []
    for s in scores:
        psi = (s[y == 1][:, None] > s[y == 0][None, :]) + 0.5 * (s[y == 1][:, None] == s[y == 0][None, :])
        auc.append(psi.mean())
        v10.append(psi.mean(1))
        v01.append(psi.mean(0))
    return np.array(auc), np.cov(v10, ddof=1).reshape(len(auc), -1) / (y == 1).sum() + np.cov(v01, ddof=1).reshape(
        len(auc), -1) / (y == 0).sum()


def array(name, x, kind="double"):
    print(f"static const {kind} {name}[] = {{" + ", ".join("%.17g" % v for v in np.ravel(x)) + "};")


print("/* Written by stats_golden.py: do not edit. numpy %s, scipy %s. */" % (np.__version__, __import__("scipy").__version__))
array("golden_y", y, "unsigned char")
array("golden_a", a)
array("golden_b", b)
auc, cov = delong(y, a, b)
assert abs(auc[0] - roc_auc_score(y, a)) < 1e-14 and abs(auc[1] - roc_auc_score(y, b)) < 1e-14
array("golden_auc", auc)
array("golden_auc_covariance", cov)
z = (auc[0] - auc[1]) / np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
array("golden_paired", [z, 2 * stats.norm.sf(abs(z))])
se = np.sqrt(np.diag(cov))
q = ndtri(0.975)
array("golden_ci_normal", np.c_[np.maximum(0, auc - q * se), np.minimum(1, auc + q * se)])
lo = np.log(auc / (1 - auc))
h = q * se / (auc * (1 - auc))
array("golden_ci_logit", np.c_[1 / (1 + np.exp(-(lo - h))), 1 / (1 + np.exp(-(lo + h)))])

# Three classes: one-vs-rest AUCs and macro against scikit-learn; macro variance by the delete-none influence sums.
label = np.arange(30) % 3
raw = rng.gamma(1.0 + 2.0 * (label[:, None] == np.arange(3)))
prob = (np.round(raw / raw.sum(1, keepdims=True), 2) + 0.0).astype(np.float32)
array("golden_label", label, "int")
array("golden_prob", prob, "float")
per = [roc_auc_score(label == k, prob[:, k]) for k in range(3)]
array("golden_ovr", per + [np.mean(per), (prob.argmax(1) == label).mean()])
influence = []
for k in range(3):
    p, n = prob[label == k, k], prob[label != k, k]
    psi = (p[:, None] > n[None, :]) + 0.5 * (p[:, None] == n[None, :])
    f = np.zeros(30)
    m, l = len(p), len(n)
    f[label == k] = (psi.mean(1) - psi.mean()) / np.sqrt(m * (m - 1))
    f[label != k] = (psi.mean(0) - psi.mean()) / np.sqrt(l * (l - 1))
    assert abs((f ** 2).sum() - delong((label == k).astype(int), prob[:, k])[1][0, 0]) < 1e-12
    influence.append(f)
array("golden_macro_variance", [(np.mean(influence, 0) ** 2).sum()])
# Macro AUC under weights (each item repeated), by repeating rows.
w = np.arange(30) * 7 % 4
rep = np.repeat(np.arange(30), w)
wper = [roc_auc_score(label[rep] == k, prob[rep, k]) for k in range(3)]
array("golden_weight", w, "unsigned")
array("golden_weighted", wper + [np.mean(wper), (prob[rep].argmax(1) == label[rep]).mean()])

p = [1e-300, 1e-20, 1e-9, 1e-4, 0.02425, 0.1, 0.3, 0.5, 0.7, 0.975, 0.9999, 1 - 1e-12]
array("golden_ppf_p", p)
array("golden_ppf", ndtri(p))
cases = [(0.5, 2, 3), (0.01, 0.5, 0.5), (0.99, 30, 2), (0.3, 100, 250), (1e-5, 1, 20), (0.2857, 1e4, 2.5e4), (0.999, 0.1, 7)]
array("golden_beta_case", cases)
array("golden_beta", [betainc(A, B, x) for x, A, B in cases])
array("golden_beta_quantile", [stats.beta.ppf(q_, A, B) for q_, (_, A, B) in zip([.025, .3, .5, .975, .9, .01, .6], cases)])
prop = [(0, 10), (10, 10), (1, 10), (7, 33), (593, 600), (5000, 10000)]
array("golden_prop", prop)
for method in "exact", "wilson":
    array("golden_" + method, [list(stats.binomtest(k, n).proportion_ci(0.95, method)) for k, n in prop])
x = np.array([3.1, -2, 7, 7, 0.25, 11, 5, -2.5, 1e3, 4])
array("golden_sample", x)
pq = [0, 0.025, 0.1, 0.5, 0.77, 0.975, 1]
array("golden_quantile_p", pq)
array("golden_quantile", np.quantile(x, pq))
array("golden_mean_sd", [x.mean(), x.std(ddof=1)])
