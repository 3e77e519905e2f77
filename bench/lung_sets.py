#!/usr/bin/env python3
"""The sets of docs/results/attacks.md, cut from tiles32.npz of LC25000's lung part (groups: source tiles).

usage: lung_sets.py TILES32.npz OUTDIR

memorise.npz, unseen.npz   one tile of each of 200 source tiles, and of each of the others
one.npz, half.npz          of every training source tile: one version; half of its versions
versions.npz               three further versions of each, the "synthetic" copies
holdout.npz                all versions of the source tiles of the test part
"""
import sys
import numpy as np

z = np.load(sys.argv[1])
out = sys.argv[2]
rng = np.random.default_rng(3)


def part(name):
    images, labels = z[name + "_images"], z[name + "_labels"].astype(np.int64)
    return images, labels, labels * 100000 + z[name + "_groups"].astype(np.int64)  # group names start again in every class


def save(name, images, labels, groups):
    np.savez(f"{out}/{name}.npz", images=images, labels=labels, groups=groups)


train, test = part("train"), part("test")
both = [np.concatenate(pair) for pair in zip(train, test)]
sources = rng.permutation(np.unique(both[2]))
pick = np.array([rng.choice(np.flatnonzero(both[2] == s)) for s in sources])
save("memorise", *(x[pick[:200]] for x in both))
save("unseen", *(x[pick[200:]] for x in both))

one, half, versions = [], [], []
for s in np.unique(train[2]):
    i = rng.permutation(np.flatnonzero(train[2] == s))
    if len(i) < 8:
        continue
    one.append(i[0])
    half.extend(i[: len(i) // 2])
    versions.extend(i[-3:])
for name, rows in (("one", one), ("half", half), ("versions", versions)):
    save(name, *(x[np.array(rows)] for x in train))
save("holdout", *test)
print(len(pick), "source tiles;", len(one), len(half), len(versions), "versions")
