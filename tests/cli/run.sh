#!/bin/bash
# Runs the *.test files: lines "$ command" followed by expectations, TAP on stdout.
#   $ manikin …        a shell command, run in a fresh folder per file with manikin on PATH
#   ? N                its exit code (0 when not said)
#   > text             stdout contains the text        !> text   does not
#   ! text             stderr contains the text
#   = file             the file exists afterwards      - file    it does not
#   # text             a comment; "# needs PATH" skips the file when $MANIKIN_DATA/PATH is absent
set -u
manikin=$(realpath "$1")
cases=$2
export MANIKIN_DATA=${MANIKIN_DATA:-$cases/../../../shared/data}
# shellcheck disable=SC2034 # cases use it
export SOURCE=$cases/../..
PATH=$(dirname "$manikin"):$PATH
export PATH NO_COLOR=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0
report() { # report STATUS TITLE
    n=$((n + 1))
    echo "$1 $n - $2"
}
check_open() { # finish the command before: its exit code has a default
    [ -n "$command" ] || return 0
    [ "$code" = "$expected" ] || problems="$problems; exit $code, not $expected"
    if [ -z "$problems" ]; then report ok "$name: $command"
    else
        report "not ok" "$name: $command$problems"
        sed 's/^/# stderr: /' "$work/err" | head -5
    fi
}
contains() { grep -qF -- "$1" "$2"; }
for file in "$cases"/*.test; do
    name=$(basename "$file" .test)
    needs=$(sed -n 's/^# needs //p' "$file" | head -1)
    if [ -n "$needs" ] && [ ! -e "$MANIKIN_DATA/$needs" ]; then
        report ok "$name # SKIP no $needs"
        continue
    fi
    folder=$work/$name
    mkdir -p "$folder"
    cd "$folder" || exit 1
    command=
    while IFS= read -r line || [ -n "$line" ]; do
        rest=${line#* }
        case $line in
        '$ '*)
            check_open
            command=$rest problems='' expected=0
            bash -c "$command" >"$work/out" 2>"$work/err" </dev/null
            code=$?
            ;;
        '? '*) expected=$rest ;;
        '> '*) contains "$rest" "$work/out" || problems="$problems; stdout lacks \"$rest\"" ;;
        '!> '*) ! contains "$rest" "$work/out" || problems="$problems; stdout has \"$rest\"" ;;
        '! '*) contains "$rest" "$work/err" || problems="$problems; stderr lacks \"$rest\"" ;;
        '= '*) [ -e "$rest" ] || problems="$problems; no $rest" ;;
        '- '*) [ ! -e "$rest" ] || problems="$problems; $rest exists" ;;
        esac
    done <"$file"
    check_open
    cd /
done
echo "1..$n"
