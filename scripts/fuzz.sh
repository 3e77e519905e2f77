#!/bin/sh
# usage: scripts/fuzz.sh BUILD SECONDS     each target starts from its committed corpus; findings stop the run
set -eu
build=$1
seconds=$2
for target in "$build"/tests/fuzz/fuzz_*; do
    if [ ! -x "$target" ] || [ ! -f "$target" ]; then continue; fi
    name=$(basename "$target" | sed 's/^fuzz_//')
    work=$build/fuzz-work/$name
    mkdir -p "$work"
    echo "== $name"
    "$target" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=10 -print_final_stats=0 -artifact_prefix="$work/" "$work" \
        "tests/fuzz/corpus/$name"
done
