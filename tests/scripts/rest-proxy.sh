#!/usr/bin/env bash
# Produces with Confluent's own client for Node of its REST Proxy (kafka-rest, from npm), unchanged, and compares every
# answer and every record. Needs node (apt-get install nodejs npm).
source "$(dirname "$0")/server.sh"

for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; this needs node (apt-get install nodejs npm)." >&2; exit 1; }
done

# Beside the sources nothing is left behind.
cp "$repository"/tests/rest-proxy/{package.json,package-lock.json,produce.mjs} "$work"
(cd "$work" && npm ci --silent --ignore-scripts --no-audit --no-fund)
start_server
# The client is of 2015: Node warns of what it calls.
node --no-deprecation "$work/produce.mjs" "$url"
