#!/usr/bin/env bash
# Sends a real text file of at least 100,000 lines with one curl, reads it back page by page along Link: rel="next", and
# compares every line. Usage: real-file.sh [FILE]. The default is the machine's own package index.
source "$(dirname "$0")/server.sh"

file=${1:-}
if [ -z "$file" ]; then
  file=$work/packages.txt
  apt-cache dumpavail >"$file"
fi
lines=$(wc -l <"$file")
[ "$lines" -ge 100000 ] || { echo "$file has only $lines lines; 100,000 or more are wanted (apt-get update first?)." >&2; exit 1; }

start_server LogHttp__MaxBatchBytes=1000000000 LogHttp__MaxBodyBytes=1000000000 LogHttp__MaxQueuedBytes=2000000000
echo "$lines lines, $(wc -c <"$file") bytes:"
curl -sS --fail-with-body -H 'Content-Type: text/plain' -H 'Expect:' -T "$file" -X POST "$url/topics/packages?split=lines"

path=/topics/packages/earliest
pages=0
: >"$work/back.txt"
while [ -n "$path" ]; do
  status=$(curl -sS -D "$work/headers" -o "$work/page" -w '%{http_code}' "$url$path")
  [ "$status" = 204 ] && break
  [ "$status" = 200 ] || { echo "$path answered $status: $(cat "$work/page")" >&2; exit 1; }
  jq -r .value "$work/page" >>"$work/back.txt"
  pages=$((pages + 1))
  path=$(sed -n 's|^[Ll]ink: <\(.*\)>; rel="next".*|/topics/packages/\1|p' "$work/headers")
done
cmp "$file" "$work/back.txt"
echo "$pages pages, every value equal; the first records are"
curl -sS "$url/topics/packages/0?maxBytes=4096" | head -n 3
