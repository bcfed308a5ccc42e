#!/usr/bin/env bash
# Lint and types. Every check runs; the exit code says whether all were clean.
set -u
cd "$(dirname "$0")/.."
bin=.venv/bin
status=0
check() { printf '· %s\n' "$*"; "$@" || status=1; }
check $bin/ruff check .
check $bin/ruff format --check -q .
check $bin/mypy
check $bin/djlint --lint --quiet templates
exit $status
