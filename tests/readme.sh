#!/bin/sh
# The first command of the README, as it is written there, for real: built, run, and asked whether it worked.
set -eu
cd "$(dirname "$0")/.."

command=$(sed -n 's/^\$ \(cargo run --release -- --sandbox .*\)$/\1/p' README.md | head -n 1)
[ -n "$command" ] || { echo 'README.md has no first command' >&2; exit 1; }

state=$(mktemp -d)
# The command writes its passwords here. They open nothing; a file that was there before is left as it was.
book=pw.jsonl
[ ! -e "$book" ] || cp -p "$book" "$state/before"
restore() {
    rm -f "$book"
    [ ! -e "$state/before" ] || cp -p "$state/before" "$book"
    rm -rf "$state"
}
trap restore EXIT

lines() { if [ -e "$book" ]; then wc -l < "$book"; else echo 0; fi; }
# The command is to work, not to be fast: link-time optimisation alone would take minutes. ./reproduce builds with it.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1

before=$(lines)
printf '$ %s\n' "$command"
XDG_STATE_HOME="$state/state" sh -c "$command"

[ "$(lines)" -eq $((before + 1)) ] || { echo 'no password was written' >&2; exit 1; }
[ "$(find "$state/state" -name '*.jsonl' | wc -l)" -eq 1 ] || { echo 'no journal was written' >&2; exit 1; }
