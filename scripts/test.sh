#!/usr/bin/env bash
# All tests. Parts run one after the other and all of them run; the exit code says whether all were green.
set -u
cd "$(dirname "$0")/.."
py=.venv/bin/python
status=0
part() { printf '\n=== %s\n' "$1"; shift; "$@" || { status=1; printf '=== failed: %s\n' "$*"; }; }

CHROMIUM=$(scripts/browser.sh) || status=1
export CHROMIUM
part "lint" scripts/lint.sh
part "unit, integration, sockets, faults" $py -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --ignore=tests/browser
[ -d tests/browser ] && part "browser" $py -m pytest -q tests/browser
[ $status = 0 ] && printf '\nAll green.\n' || printf '\nNot green: see above.\n'
exit $status
