#!/usr/bin/env bash
# Opens /swagger in a real headless browser, tries operations out, and prints the content of the page. Fails on any
# error on the browser's console. Usage: swagger-ui.sh [DIRECTORY], which keeps screenshots there.
# Needs chromium and node (apt-get install chromium nodejs npm).
source "$(dirname "$0")/server.sh"

browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
for tool in node npm "${browser:-chromium}"; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; this needs chromium and node (apt-get install chromium nodejs npm)." >&2; exit 1; }
done
screenshots=${1:-$work/screenshots}
mkdir -p "$screenshots"

# Leaves no files beside the sources.
cp "$repository"/tests/browser/{package.json,package-lock.json,swagger.mjs} "$work"
(cd "$work" && npm ci --silent --ignore-scripts --no-audit --no-fund)
start_server
CHROMIUM=$browser node "$work/swagger.mjs" "$url" "$(realpath "$screenshots")"
