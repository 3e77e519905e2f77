#!/bin/sh
# Runs every benchmark; paired comparisons with PyTorch where python3-torch is installed. BENCH names the built folder.
set -eu
for b in "$BENCH"/bench_*; do
    if [ ! -x "$b" ] || [ ! -f "$b" ]; then continue; fi
    echo "== $(basename "$b")"
    "$b"
done
for s in "$(dirname "$0")"/compare_*.sh; do
    [ -f "$s" ] && sh "$s"
done
exit 0
