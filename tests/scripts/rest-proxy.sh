#!/usr/bin/env bash
# Produces with an unchanged client of Confluent's REST Proxy, its own for Node (kafka-rest, from npm), and compares
# every response and every record. Needs node (apt-get install nodejs npm).
source "$(dirname "$0")/server.sh"

for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; this needs node (apt-get install nodejs npm)." >&2; exit 1; }
done

# Leaves no files beside the sources.
cp "$repository"/tests/rest-proxy/{package.json,package-lock.json,produce.mjs} "$work"
(cd "$work" && npm ci --silent --ignore-scripts --no-audit --no-fund)
start_server
# The client is of 2015: Node warns of the functions that it calls.
node --no-deprecation "$work/produce.mjs" "$url"
