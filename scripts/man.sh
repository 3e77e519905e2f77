#!/bin/sh
# usage: scripts/man.sh PROGRAM FOLDER     one man page a command
set -eu
program=$1
folder=$2
mkdir -p "$folder"
"$program" help man > "$folder/manikin.1"
"$program" help | sed -n 's/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p' | while read -r verb; do
    # shellcheck disable=SC2086
    "$program" help man $verb > "$folder/manikin-$(echo "$verb" | tr ' ' '-').1"
done
