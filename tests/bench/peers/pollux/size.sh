#!/bin/bash
cd "$(dirname "$0")"; . ../../lib.sh
: "${POLLUX_BIN:=$PWD/../../../../build/pollux}"
stripped=$(mktemp); strip -o "$stripped" "$POLLUX_BIN"
echo "own $(kib "$stripped" ../../../../policies ../../../../web)"
echo "libs $(kib $(libs_of "$POLLUX_BIN"))"
rm -f "$stripped"
