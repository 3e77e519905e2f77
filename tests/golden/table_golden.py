"""Golden values for tests/test_table_metrics.c, computed independently of the library.

    python3 tests/golden/table_golden.py > tests/golden/table_golden.h

Needs numpy, scipy, pandas and SDMetrics (the published variants come from the package itself). The mostlyai-qa figures, the
neighbour metrics, MMD and the encoding are written out from their definitions, by brute force.
"""
import itertools
import warnings
import numpy as np
import pandas as pd
import scipy
from scipy import stats
from scipy.linalg import sqrtm
from scipy.spatial.distance import jensenshannon
import sdmetrics
from sdmetrics.single_column import (KSComplement, TVComplement, RangeCoverage, CategoryCoverage, BoundaryAdherence,
                                     CategoryAdherence, MissingValueSimilarity)
from sdmetrics.column_pairs import CorrelationSimilarity, ContingencySimilarity

warnings.filterwarnings("ignore")
N = 200
NUMBERS = ["age", "dose", "visits"]
LEVELS = ["sex", "ward", "stage"]
WARDS, STAGES = 9, 3


def draw(seed, shift):
    r = np.random.default_rng(seed)
    stage = r.choice(STAGES, N, p=[.5, .3, .2] if not shift else [.4, .3, .3]).astype(float)
    age = np.round(r.normal(60 + 4 * stage + shift, 12, N), 1)
    dose = np.exp(r.normal(0.02 * age - shift * .1, .5, N))
    visits = r.poisson(2 + stage, N).astype(float)
    sex = (r.random(N) < .4 + .1 * (visits > 3)).astype(float)
    ward = np.minimum(r.geometric(.35, N) - 1, WARDS - 1).astype(float)
    dose[r.random(N) < .08 + .04 * shift] = np.nan
    ward[r.random(N) < .05] = np.nan
    stage[r.random(N) < .03 * shift] = np.nan
    return pd.DataFrame(dict(age=age, dose=dose, visits=visits, sex=sex, ward=ward, stage=stage))


train, syn = draw(1, 0), draw(2, 1)
train.loc[train.ward == WARDS - 1, "ward"] = WARDS - 2
syn.loc[3, "ward"] = WARDS - 1  # a level that train does not have, and one of train's that synthetic does not
syn.loc[syn.ward == 6, "ward"] = 5
train.loc[6, "ward"] = 6
train.loc[7, ["dose", "ward", "stage"]] = np.nan
syn.loc[5, "age"] = 140.25
columns = NUMBERS + LEVELS
out = {}

# ---- SDMetrics, by the package ----
def text(s):
    return s.map(lambda v: None if np.isnan(v) else f"L{int(v)}")


rt, st = train.copy(), syn.copy()
for c in LEVELS:
    rt[c], st[c] = text(train[c]), text(syn[c])
ks = [KSComplement.compute(rt[c], st[c]) for c in NUMBERS]
tv = [TVComplement.compute(rt[c], st[c]) for c in LEVELS]
out["sdmetrics.ks_complement"] = np.mean(ks)
out["sdmetrics.tv_complement"] = np.mean(tv)
out["sdmetrics.column_shapes"] = np.mean(ks + tv)
pearson = [CorrelationSimilarity.compute(rt[list(p)], st[list(p)]) for p in itertools.combinations(NUMBERS, 2)]
spearman = [CorrelationSimilarity.compute(rt[list(p)], st[list(p)], coefficient="Spearman")
            for p in itertools.combinations(NUMBERS, 2)]
contingency = [ContingencySimilarity.compute(rt[list(p)].copy(), st[list(p)].copy(),
                                             continuous_column_names=[c for c in p if c in NUMBERS] or None)
               for p in itertools.combinations(columns, 2) if not set(p) <= set(NUMBERS)]
out["sdmetrics.correlation_similarity"] = np.mean(pearson)
out["sdmetrics.contingency_similarity"] = np.mean(contingency)
out["sdmetrics.column_pair_trends"] = np.mean(pearson + contingency)
out["sdmetrics.quality_score"] = (np.mean(ks + tv) + np.mean(pearson + contingency)) / 2
out["sdmetrics.range_coverage"] = np.mean([RangeCoverage.compute(rt[c], st[c]) for c in NUMBERS])
out["sdmetrics.category_coverage"] = np.mean([CategoryCoverage.compute(rt[c], st[c]) for c in LEVELS])
out["sdmetrics.boundary_adherence"] = np.mean([BoundaryAdherence.compute(rt[c], st[c]) for c in NUMBERS])
out["sdmetrics.category_adherence"] = np.mean([CategoryAdherence.compute(rt[c], st[c]) for c in LEVELS])
out["sdmetrics.missing_value_similarity"] = np.mean([MissingValueSimilarity.compute(rt[c], st[c]) for c in columns])

# ---- binned accuracy ----
def breaks_of(x):
    x = np.sort(x.dropna().to_numpy())
    if len(set(x)) <= 10:
        b = sorted(set(x)) + [x[-1] + 1]
    else:
        for i in range(10, min(1000, len(x) + 1)):
            b = sorted(set(x[np.linspace(0, len(x) - 1, i).astype(int)]))
            if len(b) >= 11:
                break
    for p in range(19):
        low = [np.floor(v * 10 ** p) / 10 ** p for v in b]
        if len(set(low)) == len(b):
            return low[:-1] + [b[-1]]
    return b


def binned(c):
    if c in NUMBERS:
        b = np.array(breaks_of(train[c]))
        return [np.where(d[c].isna(), -1, np.clip(np.searchsorted(b, d[c].fillna(0).clip(b[0], b[-1]), "right") - 1, 0, len(b) - 2))
                for d in (train, syn)]
    filled = train[c].fillna(-1)
    top = [v for v, n in filled.value_counts().head(10).items() if n >= 5]
    return [np.where(d[c].isna(), -1, np.where(d[c].isin(top), d[c], 99)) for d in (train, syn)]


bins = {c: binned(c) for c in columns}


def compare(a, b, decimals=None):
    a, b = pd.Series(a).value_counts(), pd.Series(b).value_counts()
    both = pd.concat([a, b], axis=1).fillna(0).to_numpy()
    p, q = both[:, 0] / both[:, 0].sum(), both[:, 1] / both[:, 1].sum()
    acc = 1 - np.abs(p - q).sum() / 2
    most = 1 - np.sqrt(2 / np.pi * p * (1 - p) * (1 / both[:, 0].sum() + 1 / both[:, 1].sum())).sum() / 2
    return (acc, most) if decimals is None else (round(acc, decimals), round(most, decimals))


expected = {}
for ways, name, theirs in ((1, "binned_accuracy_1", "univariate"), (2, "binned_accuracy_2", "bivariate"),
                           (3, "binned_accuracy_3", "trivariate")):
    for decimals, key in ((None, name), (5, f"mostlyai.accuracy_{theirs}")):
        v = [compare(list(zip(*[bins[c][0] for c in t])), list(zip(*[bins[c][1] for c in t])), decimals)
             for t in itertools.combinations(columns, ways)]
        out[key], expected[key] = np.mean([x[0] for x in v]), np.mean([x[1] for x in v])
out["mostlyai.accuracy_overall"] = np.mean([out[f"mostlyai.accuracy_{k}"] for k in ("univariate", "bivariate", "trivariate")])
expected["mostlyai.accuracy_overall"] = np.mean([expected[f"mostlyai.accuracy_{k}"] for k in ("univariate", "bivariate", "trivariate")])

# ---- columns and pairs ----
out["ks_complement"] = np.mean([1 - stats.ks_2samp(train[c].dropna(), syn[c].dropna()).statistic for c in NUMBERS])
expected["ks_complement"] = np.mean([1 - np.sqrt(np.pi / 2) * np.log(2) * np.sqrt(1 / train[c].count() + 1 / syn[c].count())
                                     for c in NUMBERS])
v = [compare(train[c].fillna(-1), syn[c].fillna(-1)) for c in LEVELS]
out["tv_complement"], expected["tv_complement"] = np.mean([x[0] for x in v]), np.mean([x[1] for x in v])
out["wasserstein"] = np.mean([stats.wasserstein_distance(train[c].dropna(), syn[c].dropna()) / train[c].std() for c in NUMBERS])


def js(a, b):
    both = pd.concat([pd.Series(a).value_counts(), pd.Series(b).value_counts()], axis=1).fillna(0).to_numpy()
    return jensenshannon(both[:, 0], both[:, 1], base=2)


out["js_distance"] = np.mean([js(*bins[c]) for c in columns])
out["correlation_similarity"] = np.mean(pearson)
out["rank_correlation_similarity"] = np.mean(spearman)
out["contingency_similarity"] = np.mean(contingency)
out["range_coverage"] = out["sdmetrics.range_coverage"]
out["category_coverage"] = out["sdmetrics.category_coverage"]
out["missing_similarity"] = out["sdmetrics.missing_value_similarity"]
out["boundary_adherence"] = np.mean([((syn[c].dropna() >= train[c].min()) & (syn[c].dropna() <= train[c].max())).mean() for c in NUMBERS])
out["category_adherence"] = np.mean([syn[c].dropna().isin(train[c].dropna()).mean() for c in LEVELS])
patterns = set(map(tuple, syn.isna().to_numpy()))
out["missing_coverage"] = np.mean([tuple(p) in patterns for p in train.isna().to_numpy()])

# ---- the mixed encoding ----
def encode(d):
    x = [np.clip((d[c] - train[c].median()) / (train[c].quantile(.95) - train[c].quantile(.05)), -1, 1).fillna(0) for c in NUMBERS]
    x.append(((d.stage - (STAGES - 1) / 2) / (STAGES - 1)).fillna(0))
    codes = [d.dose.notna(), d.sex + 1, d.ward.fillna(-1) + 1, d.stage.notna()]
    return np.array(x).T.astype(np.float32).astype(float), np.array(codes).T.astype(int)


(xt, kt), (xs, kst) = encode(train), encode(syn)
levels = [sorted(set(kt[:, c]) | set(kst[:, c])) for c in range(kt.shape[1])]


def embed(x, k, which):
    return np.hstack([x] + [(k[:, [c]] == np.array(which[c])) / np.sqrt(2) for c in range(k.shape[1])])


et, es = embed(xt, kt, levels), embed(xs, kst, levels)


def distances(a, ka, b, kb):
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(2) + (ka[:, None] != kb[None]).sum(2))


tt, ts, ss = distances(xt, kt, xt, kt), distances(xt, kt, xs, kst), distances(xs, kst, xs, kst)
K = 5
others = lambda d: np.sort(d + np.diag(np.full(len(d), np.inf)), 1)
rt_, rs_ = others(tt)[:, K - 1], others(ss)[:, K - 1]
near = others(tt)[:, 0]
hit = lambda d, r: (d < r) | ((r == 0) & (d == 0))
out["precision"] = hit(ts, rt_[:, None]).any(0).mean()
out["recall"] = hit(ts, rs_[None]).any(1).mean()
out["density"] = hit(ts, rt_[:, None]).sum() / K / N
out["coverage"] = hit(ts.min(1), rt_).mean()
out["authenticity"] = (ts.min(0) > near[ts.argmin(0)]).mean()
alpha = np.arange(30) / 29
radius = lambda e, c: np.linalg.norm(e - c, axis=1)
ct, cs = et.mean(0), es.mean(0)
curve = np.array([(radius(es, ct) <= q).mean() for q in np.quantile(radius(et, ct), alpha)])
out["alpha_precision"] = 1 - 2 * np.abs(alpha - curve).sum() / 29
support = np.quantile(radius(es, cs), alpha)
inside = hit(ts, near[:, None])
curve = np.array([(inside & (radius(es, cs) <= q)[None]).any(1).mean() for q in support])
out["beta_recall"] = 1 - 2 * np.abs(alpha - curve).sum() / 29
known = [sorted(set(kt[:, c])) for c in range(kt.shape[1])]
mt, ms = embed(xt, kt, known), embed(xs, kst, known)
a, b = np.cov(mt.T), np.cov(ms.T)
out["frechet_distance"] = ((mt.mean(0) - ms.mean(0)) ** 2).sum() + np.trace(a + b) - 2 * np.trace(sqrtm(a @ b)).real
kernel = lambda p, q: (p @ q.T / p.shape[1] + 1) ** 3
unbiased = lambda xx, yy, xy: ((xx.sum() - np.trace(xx)) / (len(xx) * (len(xx) - 1)) + (yy.sum() - np.trace(yy)) /
                               (len(yy) * (len(yy) - 1)) - 2 * xy.mean())
out["kid"] = unbiased(kernel(mt, mt), kernel(ms, ms), kernel(mt, ms))
whole = np.block([[tt, ts], [ts.T, ss]]) ** 2
width2 = np.median(whole[np.triu_indices(2 * N, 1)])
out["mmd2"] = unbiased(np.exp(-tt ** 2 / (2 * width2)), np.exp(-ss ** 2 / (2 * width2)), np.exp(-ts ** 2 / (2 * width2)))

print(f"/* Written by table_golden.py: do not edit. numpy {np.__version__}, scipy {scipy.__version__}, pandas {pd.__version__}, "
      f"SDMetrics {sdmetrics.__version__}. */")
print(f"enum {{ GOLDEN_N = {N}, GOLDEN_WARDS = {WARDS}, GOLDEN_STAGES = {STAGES} }};")
for name, d in (("train", train), ("synthetic", syn)):
    print(f"static const double golden_{name}[6][{N}] = {{")
    for c in columns:
        print("    {" + ", ".join("NAN" if np.isnan(v) else repr(float(v)) for v in d[c]) + "},")
    print("};")
mixed = {"precision", "recall", "density", "coverage", "authenticity", "alpha_precision", "beta_recall", "frechet_distance", "kid", "mmd2"}
single = {"frechet_distance", "kid"}
print("static const struct {\n    const char *id, *encoding;\n    double value, expected, tolerance;\n} golden_metric[] = {")
for k, v in out.items():
    e = repr(float(expected[k])) if k in expected else "NAN"
    print(f'    {{"{k}", "{"mixed" if k in mixed else ""}", {float(v)!r}, {e}, {"1e-6" if k in single else "1e-9"}}},')
print("};")
