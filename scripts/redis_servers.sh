#!/usr/bin/env bash
# Gets Debian's redis-server (7.0) for `make servers` without starting a service: unpacked into .venv/servers.
set -eu
cd "$(dirname "$0")/.."
target=.venv/servers/debian
[ -x .venv/servers/redis-7.0 ] && exit 0
command -v apt-get >/dev/null 2>&1 || exit 0
mkdir -p "$target"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get download redis-server redis-tools liblzf1 libjemalloc2 liblua5.1-0 lua-cjson lua-bitop libatomic1 >/dev/null 2>&1 ||
  { apt-get update -q >/dev/null 2>&1 && apt-get download redis-server redis-tools liblzf1 libjemalloc2 liblua5.1-0 lua-cjson lua-bitop libatomic1 >/dev/null 2>&1; } ||
  { printf '%s\n' "· Debian's redis-server could not be downloaded" >&2; exit 0; }
cd - >/dev/null
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$target"; done
cat >.venv/servers/redis-7.0 <<SH
#!/bin/sh
# Debian's Redis with its own libraries beside it.
export LD_LIBRARY_PATH="$PWD/$target/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo x86_64-linux-gnu)"
exec "$PWD/$target/usr/bin/redis-server" "\$@"
SH
chmod +x .venv/servers/redis-7.0
