"""Golden values for tests/test_generators_golden.c: what independent implementations of the same methods draw from one table.

    python3 tests/golden/generators_golden.py > tests/golden/generators_golden.h

Needs numpy, pandas, scikit-learn and arfpy 0.1.1, which needs pandas before 3 (Blesch, Wright: the authors' Python version of adversarial random forests).
cart is written out here: sequential trees of scikit-learn in the manner of synthpop (Nowok, Raab, Dibben 2016), each value a random
donor from the leaf. Each method learns the table SEEDS times and draws ROWS rows each time; the header holds the mean of every
figure over the seeds and its standard deviation between them.
"""
import io
import textwrap
import contextlib
import warnings
import numpy as np
import pandas as pd
from arfpy import arf
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

warnings.filterwarnings("ignore")
if not hasattr(np, "in1d"):  # arfpy 0.1.1 calls it; numpy 2.4 has taken it out
    np.in1d = lambda a, b: np.isin(np.asarray(a).ravel(), b)
N, ROWS, SEEDS = 400, 2000, 6
NAMES = ["x", "y", "z", "g", "ill"]


def table():
    r = np.random.default_rng(7)
    x = r.normal(size=N)
    y = 0.8 * x + 0.6 * r.normal(size=N)
    g = np.where(x + r.normal(size=N) < -0.7, 0, np.where(r.random(N) < 0.4, 1, 2))
    z = np.exp(0.5 * r.normal(size=N) + 0.6 * (g == 2))
    ill = (r.random(N) < 1 / (1 + np.exp(-(1.5 * y - 1.0 * (g == 1))))).astype(int)
    return pd.DataFrame({"x": x.round(3), "y": y.round(3), "z": z.round(3), "g": g, "ill": ill})


def by_arfpy(t, seed):
    np.random.seed(seed)
    d = t.copy()
    for c in ("g", "ill"):
        d[c] = d[c].astype(str).astype("category")
    with contextlib.redirect_stdout(io.StringIO()):
        m = arf.arf(x=d, num_trees=30, min_node_size=5, verbose=False, random_state=seed)
        m.forde()
        s = m.forge(n=ROWS)
    return s.assign(g=s.g.astype(int), ill=s.ill.astype(int))[NAMES]


def by_cart(t, seed):
    r = np.random.default_rng(seed)
    order = ["ill", "x", "y", "z", "g"]  # label first, then as in the table
    s = pd.DataFrame({"ill": r.choice(t.ill.values, ROWS)})
    for k, c in enumerate(order[1:], 1):
        kind = DecisionTreeClassifier if c == "g" else DecisionTreeRegressor
        past = order[:k]
        dummies = lambda d: pd.get_dummies(d[past].astype({"g": str}) if "g" in past else d[past]).values
        m = kind(min_samples_leaf=5, min_impurity_decrease=1e-3 * (t[c].var() if c != "g" else 1), random_state=seed)
        m.fit(dummies(t), t[c])
        of_train, of_new = m.apply(dummies(t)), m.apply(dummies(s))
        made = np.empty(ROWS)
        for leaf in np.unique(of_new):
            made[of_new == leaf] = r.choice(t[c].values[of_train == leaf], (of_new == leaf).sum())
        s[c] = made
    return s[NAMES].astype({"g": int})


def figures(s):
    out = {}
    for c in ("x", "y", "z"):
        out["mean_" + c] = s[c].mean()
        out["sd_" + c] = s[c].std()
    for k in range(3):
        out["share_g%d" % k] = (s.g == k).mean()
    out["share_ill"] = s.ill.mean()
    for a, b in (("x", "y"), ("x", "z"), ("y", "z"), ("y", "ill"), ("x", "ill")):
        out["r_%s_%s" % (a, b)] = np.corrcoef(s[a], s[b])[0, 1]
    for c in ("x", "z"):
        for k in range(3):
            out["mean_%s_g%d" % (c, k)] = s[c][s.g == k].mean()
    return out


def told_apart(a, b):
    x = pd.concat([a, b]).values
    y = np.r_[np.ones(len(a)), np.zeros(len(b))]
    p = cross_val_predict(HistGradientBoostingClassifier(max_iter=60, random_state=0), x, y, cv=3, method="predict_proba")
    return roc_auc_score(y, p[:, 1])


def main():
    t = table()
    print("/* Made by tests/golden/generators_golden.py. Do not edit. */")
    print("/* clang-format off */\nenum { GOLDEN_ROWS = %d };" % N)
    for c in NAMES:
        values = textwrap.fill(", ".join("%g" % v for v in t[c]), 120, initial_indent="    ", subsequent_indent="    ")
        print("static const double golden_%s[GOLDEN_ROWS] = {\n%s};" % (c, values))
    print("typedef struct golden_figure {\n    const char *name;\n    double table, arf, arf_sd, cart, cart_sd;\n} golden_figure;")
    made = {m: [f(t, s) for s in range(SEEDS)] for m, f in (("arf", by_arfpy), ("cart", by_cart))}
    of = {m: pd.DataFrame([figures(s) for s in made[m]]) for m in made}
    real = figures(t)
    print("static const golden_figure golden_figures[] = {")
    for k, v in real.items():
        print('    {"%s", %.5f, %.5f, %.5f, %.5f, %.5f},' %
              (k, v, of["arf"][k].mean(), of["arf"][k].std(), of["cart"][k].mean(), of["cart"][k].std()))
    print("};")
    for m in made:
        print("/* %s: two-sample AUC of two of its own draws %.3f */" % (m, told_apart(made[m][0], made[m][1])))


if __name__ == "__main__":
    main()
