#!/bin/bash
# Pollux with its shipped policies. Only what a 429 means is the owner's own here: the harness says how long a key
# rests after it (COOLDOWN_MS; 0: not at all).
set -eu
cd "$(dirname "$0")"
. ../../lib.sh
raise_nofile
: "${POLLUX_BIN:=$PWD/../../../../build/pollux}"
mkdir -p "$WORKDIR/policies"
cat >"$WORKDIR/policies/failover.lua" <<LUA
-- failover.lua: a limited key rests as long as the benchmark says; everything else as shipped.
local shipped = require "default.failover"
local failover = {}
local rest_s = $COOLDOWN_MS / 1000


function failover.judge(request, attempt)
  if attempt.status ~= 429 then return shipped.judge(request, attempt) end
  if rest_s > 0 then return retry():cool_down(attempt.key, rest_s, request.upstream_model) end
  return retry()
end


return failover
LUA
launch env -i PATH="$PATH" HOST=127.0.0.1 PORT="$LISTEN_PORT" GEMINI_BASE_URL="$UPSTREAM_URL" UPSTREAM_CA_FILE="$UPSTREAM_CA" \
  WORKERS="$WORKERS" KEY_FILE="$KEYS" ALLOWED_TOKENS="$(tr '\n' ' ' <"$TOKENS")" AUTH_TOKEN=bench \
  LOG_FILE="$WORKDIR/pollux.log" \
  "$POLLUX_BIN" serve --data "$WORKDIR/data" --policies "$WORKDIR/policies"
