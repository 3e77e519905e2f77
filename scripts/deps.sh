#!/bin/sh
# Installs what the build needs on Debian 12, and nothing that is there already.
# usage: scripts/deps.sh [dev]     dev adds what `make lint` and `make fuzz` need
set -eu
packages="gcc libc6-dev make meson ninja-build pkg-config libdnnl-dev libopenblas-openmp-dev liblapacke-dev zlib1g-dev
libspng-dev libjpeg62-turbo-dev libtiff-dev libjansson-dev libyaml-dev libsodium-dev libxgboost-dev libcmocka-dev"
[ "${1:-}" = dev ] && packages="$packages clang-14 clang-format-14 clang-tidy-14 cppcheck shellcheck libclang-rt-14-dev libomp-14-dev valgrind"

command -v dpkg-query >/dev/null 2>&1 || {
    echo "manikin: this is not a Debian system; install the equivalents of:" >&2
    echo "$packages" >&2
    exit 4
}
missing=
for p in $packages; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then run=
elif command -v sudo >/dev/null 2>&1; then run=sudo
else
    echo "manikin: these packages are missing; as root:" >&2
    echo "  apt-get install --no-install-recommends$missing" >&2
    exit 4
fi
echo "installing:$missing" >&2
$run apt-get update -qq
# shellcheck disable=SC2086
$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
