"""Golden values of test_evaluate.c and test_sweep.c from numpy and scipy alone (made with numpy 2.4.6, scipy 1.17.1):
    python3 tests/golden/make_evaluate.py > tests/golden/evaluate.h
Everything is computed by brute force on whole distance matrices in float64; nothing is shared with the program."""
import numpy as np, scipy, scipy.linalg, sys

LEVELS = np.linspace(0, 1, 30)
out = []


def put(name, *values):
    out.append("static const double %s[] = {%s};" % (name, ", ".join(repr(float(v)) for v in values)))


def distances(a, b):
    a, b = a.astype(float), b.astype(float)
    d = np.sqrt(np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T, 0))
    for i, j in zip(*np.nonzero(d < 1e-3)):  # cancellation
        d[i, j] = np.sqrt(((a[i] - b[j]) ** 2).sum())
    return d


def summary(f):
    return 1 - 2 * np.abs(LEVELS - f).sum() / 29, 1 - np.abs(LEVELS - f).sum() / LEVELS.sum()


def judge(x, y, k=5):
    """precision recall density coverage | alpha, beta as in the paper | alpha, beta: authors, synthcity | authenticity: published, paper"""
    xx, yy, xy = distances(x, x), distances(y, y), distances(x, y)
    np.fill_diagonal(xx, np.inf), np.fill_diagonal(yy, np.inf)
    rx, ry = np.sort(xx, 1)[:, k - 1], np.sort(yy, 1)[:, k - 1]
    inside = np.where(rx[:, None] > 0, xy < rx[:, None], xy == 0)
    inside_y = np.where(ry[None] > 0, xy < ry[None], xy == 0)
    t, s, j, i, u = xx.min(1), xy.min(1), xy.argmin(1), xy.argmin(0), xy.min(0)
    x64, y64 = x.astype(float), y.astype(float)
    c, cs = x64.mean(0), y64.mean(0)
    radii = np.quantile(np.linalg.norm(x64 - c, axis=1), LEVELS)
    p = np.array([(np.linalg.norm(y64 - c, axis=1) <= r).mean() for r in radii])
    q = np.linalg.norm(y64 - cs, axis=1)
    support = np.quantile(q, LEVELS)
    near = np.where(t[:, None] > 0, xy < t[:, None], xy == 0)
    b = np.array([(near & (q <= r)[None]).any(1).mean() for r in support])
    selected = np.quantile(q[j], LEVELS)
    bc = np.array([((s <= t) & (q[j] <= r)).mean() for r in selected])
    return (inside.any(0).mean(), inside_y.any(1).mean(), inside.sum(0).mean() / k, inside.any(1).mean(), summary(p)[0], summary(b)[0],
            summary(p)[0], summary(bc)[0], summary(p)[1], summary(bc)[1], (t[j] < s).mean() if len(y) <= len(x) else np.nan, (u > t[i]).mean())


def frechet(x, y):
    x, y = x.astype(float), y.astype(float)
    s1, s2 = np.cov(x.T), np.cov(y.T)
    root = scipy.linalg.sqrtm(s1 @ s2)
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * root.real)


def kid(x, y):
    x, y = x.astype(float), y.astype(float)
    n, m, d = len(x), len(y), x.shape[1]
    kxx, kyy, kxy = (x @ x.T / d + 1) ** 3, (y @ y.T / d + 1) ** 3, (x @ y.T / d + 1) ** 3
    return (kxx.sum() - np.trace(kxx)) / n / (n - 1) + (kyy.sum() - np.trace(kyy)) / m / (m - 1) - 2 * kxy.mean()


def morlet(j, l, wy, wx):
    sigma, xi, slant, angle = 0.8 * 2**j, 0.75 * np.pi / 2**j, 0.5, np.pi * l / 8
    along, across = wx * np.cos(angle) + wy * np.sin(angle), (wy * np.cos(angle) - wx * np.sin(angle)) / slant
    g = lambda a: np.exp(-0.5 * sigma**2 * (a**2 + across**2))
    return g(along - xi) - np.exp(-0.5 * sigma**2 * xi**2) * g(along)


def transfer(h, w, r, j, l):
    v, u = np.meshgrid(np.arange(h) / h, np.arange(w) / w, indexing="ij")
    total = sum(morlet(j, l, 2 * np.pi * (v + a) / 2**r, 2 * np.pi * (u + b) / 2**r) for a in range(-3, 4) for b in range(-3, 4))
    total[0, 0] = 0
    return total


def pools(z):
    h, w = z.shape
    top, left = (2 * np.arange(h) < h)[:, None], (2 * np.arange(w) < w)[None]
    return [z.mean()] + [z[np.broadcast_to(m, z.shape)].mean() for m in (top & left, top & ~left, ~top & left, ~top & ~left)]


def scatter(rgb):
    """rgb: [channels][h][w] in [0, 1]; sides divisible by 4."""
    y = rgb[0] if len(rgb) == 1 else np.tensordot([0.299, 0.587, 0.114], rgb, 1)
    signals = [y] if len(rgb) == 1 else [y, rgb[2] - y, rgb[0] - y]
    log = lambda z: list(np.log(np.array(pools(z)) + 1e-3))
    h, w = y.shape
    features, first = [], {}
    for c, x in enumerate(signals):
        features += pools(x)
        for j in range(3):
            for l in range(8):
                u = np.abs(np.fft.ifft2(np.fft.fft2(x) * transfer(h, w, 0, j, l)))[:: 2**j, :: 2**j]
                features += log(u)
                if c == 0:
                    first[j, l] = u
    for j1 in range(2):
        for l1 in range(8):
            for j2 in range(j1 + 1, 3):
                for l2 in range(8):
                    u = first[j1, l1]
                    t = transfer(u.shape[0], u.shape[1], j1, j2, l2)
                    features += log(np.abs(np.fft.ifft2(np.fft.fft2(u) * t))[:: 2 ** (j2 - j1), :: 2 ** (j2 - j1)])
    return np.array(features)


r = np.random.default_rng(0)
x, y = (r.standard_normal((5000, 64), dtype=np.float32) for _ in range(2))
put("golden_stream_f32", *x[0, :4], *y[-1, -4:], x.astype(float).sum(), np.abs(y.astype(float)).sum())
put("golden_5000", *judge(x, y))
r = np.random.default_rng(0)
x, y = r.standard_normal((4000, 8)), r.standard_normal((4000, 8))
put("golden_stream_f64", *x[0, :4], *y[-1, -4:], x.sum(), np.abs(y).sum())
x, y = x.astype(np.float32), y.astype(np.float32)
put("golden_fresh", *judge(x, y))
put("golden_copies", *judge(x, x))
put("golden_tenth_copied", *judge(x, np.vstack([x[:400], y[:3600]])))
put("golden_few_copied_often", *judge(x, np.repeat(x[:200], 20, 0)))
put("golden_half_copied_half_far", *judge(x, np.vstack([x[:2000], y[:2000] + np.float32(10)])))
a, b = x[:600, :6], (y[:500, :6] * np.float32(1.3) + np.float32(0.2)).astype(np.float32)
put("golden_frechet", frechet(a, b))
put("golden_kid", kid(a, b))
for name, c, h, w in (("grey", 1, 28, 28), ("rgb", 3, 32, 32), ("wide", 3, 16, 24)):
    i = np.arange(c * h * w)
    f = scatter(((i * 7919 + i * i % 251 * 31) % 256 / 255.0).reshape(c, h, w))
    put("golden_scatter_" + name, len(f), f.sum(), (f * f).sum(), *f[:12], *f[len(f) // 2 :][:12], *f[-12:])
print("/* Written by make_evaluate.py with numpy %s, scipy %s. */" % (np.__version__, scipy.__version__))
print("/* clang-format off */")
print("\n".join(out))
print("/* clang-format on */")
