#!/bin/sh
# Training steps here and in PyTorch, in turns, and their ratio (best against best). BENCH names the built folder; THREADS
# (default 2), CLOCK=cpu (process time, one thread: robust on a busy machine) and ROUNDS (default 2) may be set.
set -eu
here=$(dirname "$0")
python=${PYTHON:-/usr/bin/python3} # Debian's, the one python3-torch belongs to
threads=${THREADS:-2}
cpu=
if [ "${CLOCK:-wall}" = cpu ]; then
    cpu=--cpu
    threads=1
fi
if ! "$python" -c 'import torch' 2>/dev/null; then
    echo "skipped: PyTorch is not installed (apt-get install python3-torch)"
    exit 0
fi
if ldd "$("$python" -c 'import torch, glob; print((glob.glob("/usr/lib/*/libtorch_cpu.so*") + glob.glob(torch.__path__[0] + "/lib/libtorch_cpu.so*"))[0])')" |
    grep -q openblas && ! readlink -f /usr/lib/*/libopenblas.so.0 | grep -q openmp; then
    echo "note: PyTorch runs on OpenBLAS's pthread build here; its best is with libopenblas0-openmp"
fi
export OMP_NUM_THREADS="$threads" OPENBLAS_NUM_THREADS="$threads"

torch() { # script and arguments -> best ms
    "$python" "$@" --threads "$threads" $cpu | awk '{ print $2 }'
}
ours() { # program and arguments -> best ms
    "$@" | awk '{ for (i = 1; i < NF; i++) if ($i == "step") { print $(i + 1); exit } }'
}
smaller() { printf '%s\n%s\n' "$1" "$2" | sort -g | head -n 1; }

compare() { # name, target, then our command; reads the PyTorch variants, one a line
    name=$1 target=$2
    shift 2
    variants=$(cat)
    a=1e9 b=1e9
    for _ in $(seq "${ROUNDS:-2}"); do
        a=$(smaller "$a" "$(ours "$@")")
        while IFS= read -r v; do
            # shellcheck disable=SC2086
            b=$(smaller "$b" "$(torch $v)")
        done <<EOV
$variants
EOV
    done
    awk -v n="$name" -v t="$target" -v a="$a" -v b="$b" -v k="$threads" -v c="${CLOCK:-wall}" \
        'BEGIN { printf "%-12s manikin %8.1f ms   PyTorch %8.1f ms   %.2fx (target %s)   %s threads, %s time\n", n, a, b, b / a, t, k, c }'
}

for net in "64 64" "64 32" "32 32"; do
    size=${net% *} width=${net#* }
    compare "${size}px w${width}" 1.5 "$BENCH/bench_gan_step" --threads "$threads" $cpu "$size" "$width" <<EOV
$here/torch_gan_step.py $size $width
$here/torch_gan_step.py $size $width --channels-last
EOV
done
compare "table GAN" 1.4 "$BENCH/bench_mlp_step" --threads "$threads" $cpu <<EOV
$here/torch_mlp_step.py
$here/torch_mlp_step.py --foreach
EOV
