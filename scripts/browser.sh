#!/usr/bin/env bash
# Prints the path of a Chromium or Chrome; gets one when there is none: apt as root or with sudo, else Playwright's own.
set -eu
cd "$(dirname "$0")/.."
say() { printf '%s\n' "$*" >&2; }

look() {
  for name in chromium chromium-browser google-chrome google-chrome-stable chrome; do
    command -v "$name" && return
  done
  for path in "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" /Applications/Chromium.app/Contents/MacOS/Chromium; do
    [ -x "$path" ] && printf '%s\n' "$path" && return
  done
  [ -x .venv/bin/python ] && .venv/bin/python - <<'PY' 2>/dev/null
import os, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    path = p.chromium.executable_path
print(path) if os.path.exists(path) else sys.exit(1)
PY
}

look && exit 0
if command -v apt-get >/dev/null 2>&1; then
  root=""
  [ "$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && root="sudo -n"; }
  if [ "$(id -u)" = 0 ] || [ -n "$root" ]; then
    say "· installing chromium with apt"
    $root apt-get update -q >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive $root apt-get install -qy --no-install-recommends chromium fonts-dejavu-core >/dev/null 2>&1 || true
    look && exit 0
  fi
fi
say "· installing Playwright's Chromium"
.venv/bin/python -m playwright install chromium >/dev/null 2>&1 || true
look && exit 0
say "Streamgauge: no Chromium or Chrome is on PATH and none could be installed; the browser tests need one."
exit 1
