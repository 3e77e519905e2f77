#!/bin/sh
# usage: scripts/lint.sh BUILD     exit 1 when a tool complains
set -u
build=$1
bad=0
sources=$(git ls-files 'src/*.c' 'cli/*.c')
all=$(git ls-files '*.c' '*.h' | grep -v '^tests/golden/')
echo "clang-format"
# shellcheck disable=SC2086
clang-format-14 --dry-run --Werror $all || bad=1
echo "cppcheck"
# shellcheck disable=SC2086
cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem \
    -DMNK_VERSION='"lint"' -DMNK_HAVE_ONEDNN=1 '-Djson_object_foreach(o,k,v)=for (;;)' -Iinclude -Isrc $sources || bad=1
echo "clang-tidy"
# shellcheck disable=SC2086
clang-tidy-14 --quiet -p "$build" --extra-arg=-Wno-unknown-warning-option $sources 2>/dev/null || bad=1
echo "shellcheck"
git ls-files '*.sh' '.ci/run' | xargs shellcheck || bad=1
exit $bad
