#!/usr/bin/env bash
# Pipes a file of 1,000,000 lines, far larger than the server may hold, through one curl into ?stream=true. Shows the
# server's memory before, at the peak and after. Then every line is read back and compared.
# Usage: million-lines.sh [LINES]
source "$(dirname "$0")/server.sh"

lines=${1:-1000000}
max_growth_kb=$((64 * 1024))
seq -f '{"number":%.0f,"text":"a line of about a hundred bytes, as logs and events have them, no more"}' "$lines" >"$work/lines.ndjson"

start_server LogHttp__Flush=always
memory() { sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$server_pid/status"; }

# The first request has costs in any .NET server, which do not count for the stream.
head -n 20000 "$work/lines.ndjson" | curl -sS --fail-with-body -H 'Content-Type: application/x-ndjson' -T - -X POST "$url/topics/warm?stream=true" >"$work/warm.txt"
before=$(memory VmRSS)
echo 5 >"/proc/$server_pid/clear_refs" 2>/dev/null || true # VmHWM begins anew
started=$(date +%s%N)
cat "$work/lines.ndjson" | curl -sS --fail-with-body -N -H 'Content-Type: application/x-ndjson' -T - -X POST "$url/topics/events?stream=true" >"$work/reports.ndjson"
milliseconds=$((($(date +%s%N) - started) / 1000000))
peak=$(memory VmHWM)
after=$(memory VmRSS)

reports=$(($(wc -l <"$work/reports.ndjson") - 1))
echo "$lines lines, $(wc -c <"$work/lines.ndjson") bytes, in $milliseconds ms, every batch durable; $reports reports:"
head -n 2 "$work/reports.ndjson"
echo ...
tail -n 2 "$work/reports.ndjson"
echo "The server's resident memory: $before kB before, $peak kB at the peak, $after kB after."

jq -se --argjson lines "$lines" '.[-1] == {done: true, lastCommittedLine: $lines, count: $lines} and (.[:-1] | (map(.count) | add) == $lines and .[0].firstLine == 1 and .[-1].lastLine == $lines)' "$work/reports.ndjson" >/dev/null \
  || { echo "The reports do not add up." >&2; exit 1; }
path='/topics/events/earliest?view=values&maxBytes=16777216'
: >"$work/back.ndjson"
while [ -n "$path" ]; do
  status=$(curl -sS -D "$work/headers" -o "$work/page" -w '%{http_code}' "$url$path")
  [ "$status" = 204 ] && break
  [ "$status" = 200 ] || { echo "$path answered $status: $(cat "$work/page")" >&2; exit 1; }
  cat "$work/page" >>"$work/back.ndjson"
  path=$(sed -n 's|^[Ll]ink: <\(.*\)>; rel="next".*|/topics/events/\1|p' "$work/headers")
done
cmp "$work/lines.ndjson" "$work/back.ndjson"
echo "All lines are in, in order."
[ $((peak - before)) -le "$max_growth_kb" ] || { echo "It took $((peak - before)) kB more; the bound is $max_growth_kb." >&2; exit 1; }
