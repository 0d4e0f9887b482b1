#!/bin/bash
# deps.sh [--install]: what the harness and the peers need. Without --install it only says what is missing.
# Fetched things go to $BENCH_CACHE, outside this folder.
#
# libnginx-mod-http-lua needs libluajit2-5.1-2, which conflicts with libluajit-5.1-dev (the LuaJIT pollux is built
# with): installing one removes the other. So the nginx+lua peer's packages are unpacked into $BENCH_CACHE, never
# installed.
set -eu
cd "$(dirname "$0")"
. ./lib.sh
APT="gcc libc6-dev libssl-dev wrk curl nginx-light haproxy python3"
NGX_DEBS="libnginx-mod-http-ndk libnginx-mod-http-lua lua-resty-core lua-resty-lrucache libluajit2-5.1-2"
PORTKEY=@portkey-ai/gateway@1.15.2
miss=""
for p in $APT; do
  dpkg-query -W -f '${Status}\n' "$p" 2>/dev/null | grep -q '^install ok' || miss="$miss $p"
done
if [ "${1:-}" != --install ]; then
  [ -z "$miss" ] || echo "missing packages:$miss"
  [ -d "$BENCH_CACHE/nginx-lua/root" ] || echo "missing: nginx's Lua module (unpacked privately)"
  [ -d "$BENCH_CACHE/portkey/node_modules" ] || echo "missing: ${PORTKEY%@*} (from npm, privately)"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if [ -n "$miss" ]; then
  # an existing policy-rc.d is left alone; without one, a temporary one keeps the services from starting
  made=""
  if [ ! -e "$RC_POLICY" ]; then printf '#!/bin/sh\nexit 101\n' >"$RC_POLICY"; chmod +x "$RC_POLICY"; made=1; fi
  apt-get install -y --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 $miss || true
  [ -z "$made" ] || rm -f "$RC_POLICY"
fi
if [ ! -d "$BENCH_CACHE/nginx-lua/root" ]; then
  mkdir -p "$BENCH_CACHE/nginx-lua"
  (cd "$BENCH_CACHE/nginx-lua" && apt-get download -o APT::Sandbox::User=root $NGX_DEBS &&
    for d in *.deb; do dpkg-deb -x "$d" root.part; done && mv root.part root)
fi
if [ ! -d "$BENCH_CACHE/portkey/node_modules" ]; then
  mkdir -p "$BENCH_CACHE/portkey"
  npm install --prefix "$BENCH_CACHE/portkey" --ignore-scripts --no-audit --no-fund "$PORTKEY"
fi
"$0"
