#!/usr/bin/env bash
# Makes .venv and installs into it what uv.lock names, hashes checked. Usage: scripts/setup.sh demo|test|servers
# Does nothing when it was done before and nothing changed since.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
give_up() { say "Streamgauge: $*"; exit 1; }

find_python() {
  for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
    if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s' "$name"
      return
    fi
  done
  give_up "Python 3.11 or newer is missing (install it, or name one with PYTHON=...)."
}

make_venv() {
  python=$(find_python)
  say "· making .venv with $("$python" --version)"
  rm -rf .venv
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv .venv
  elif command -v uv >/dev/null 2>&1; then
    uv venv -q --python "$python" --seed .venv
  elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "· installing python3-venv with apt"
    (apt-get update -q && apt-get install -qy python3-venv) >/dev/null 2>&1 || give_up "python3-venv is missing and apt could not install it."
    "$python" -m venv .venv
  else
    give_up "the venv module of $python is missing (on Debian: apt install python3-venv)."
  fi
}

wanted="$1"
case "$wanted" in
  demo) options="--extra demo" ;;
  test) options="--extra demo --group test" ;;
  servers) options="--extra demo --group test --group servers" ;;
  *) give_up "setup.sh knows demo, test and servers, not $wanted." ;;
esac

.venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || make_venv

mark=".venv/.installed-$wanted"
stamp=$(cat uv.lock pyproject.toml scripts/setup.sh | cksum)
[ "$(cat "$mark" 2>/dev/null || true)" = "$stamp" ] && exit 0

if ! .venv/bin/python -c 'import uv' 2>/dev/null; then
  say "· installing uv into .venv"
  .venv/bin/python -m pip install -q --disable-pip-version-check 'uv>=0.9,<1' 2>/dev/null ||
    give_up "pip could not install uv; is a package index reachable?"
fi
say "· installing what uv.lock names ($wanted)"
# shellcheck disable=SC2086  # the options are words
UV_PROJECT_ENVIRONMENT="$PWD/.venv" .venv/bin/python -m uv sync -q --frozen --inexact $options ||
  give_up "uv could not install the packages that uv.lock names; see the lines above."
printf '%s' "$stamp" >"$mark"
