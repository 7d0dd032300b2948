#!/usr/bin/env bash
# Opens /swagger in a real browser without a screen, tries operations out, and prints what the page showed. Fails on any
# error on the browser's console. Usage: swagger-ui.sh [DIRECTORY]: keeps screenshots there.
# Needs chromium and node (apt-get install chromium nodejs npm).
source "$(dirname "$0")/server.sh"

browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
for tool in node npm "${browser:-chromium}"; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; this needs chromium and node (apt-get install chromium nodejs npm)." >&2; exit 1; }
done
screenshots=${1:-$work/screenshots}
mkdir -p "$screenshots"

# Beside the sources nothing is left behind.
cp "$repository"/tests/browser/{package.json,package-lock.json,swagger.mjs} "$work"
(cd "$work" && npm ci --silent --ignore-scripts --no-audit --no-fund)
start_server
CHROMIUM=$browser node "$work/swagger.mjs" "$url" "$(realpath "$screenshots")"
