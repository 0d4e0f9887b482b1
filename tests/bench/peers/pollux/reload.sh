#!/bin/bash
# env WORKDIR: saves the owner's policy anew, as an editor does.
f="$WORKDIR/policies/failover.lua"
{ cat "$f"; echo "-- saved again"; } >"$f.new" && mv "$f.new" "$f"
