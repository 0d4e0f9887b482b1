#!/bin/bash
# @portkey-ai/gateway on Node: of its kind the best known gateway that puts OpenAI's dialect into Gemini's. It has no
# pool of its own: the keys come with every request, as a load balancer's targets in a header, and one is drawn at random.
set -eu
cd "$(dirname "$0")"
. ../../lib.sh
raise_nofile
program=$BENCH_CACHE/portkey/node_modules/@portkey-ai/gateway/build/start-server.js
[ -f "$program" ] || { echo "portkey: missing, see deps.sh --install" >&2; exit 1; }
python3 - "$KEYS" "$UPSTREAM_URL" >"$WORKDIR/client.json" <<'PY'
import json, sys
keys = open(sys.argv[1]).read().split()
targets = [{"provider": "google", "api_key": key, "custom_host": sys.argv[2]} for key in keys]
print(json.dumps({"headers": {"x-portkey-config": json.dumps({"strategy": {"mode": "loadbalance"}, "targets": targets})}}))
PY
launch env NODE_ENV=production NODE_EXTRA_CA_CERTS="$UPSTREAM_CA" \
  node --max-http-header-size=65536 "$program" "--port=$LISTEN_PORT" --headless
