#!/usr/bin/env bash
# Draws a flame graph of the server: flame.sh get|post|batch [FILE.svg]. The default file is docs/flame-….svg.
# get fetches a record of 1 KiB, post appends 100 bytes (flush: os), batch appends bodies of 1 MiB of lines of 100
# bytes. There are 64 connections, 4 for batch.
# Needs perf (apt-get install linux-perf) and the right to use it.
source "$(dirname "$0")/server.sh"

command -v perf >/dev/null || { echo "perf is missing (apt-get install linux-perf)." >&2; exit 1; }
case "${1:-}" in
  get) path=/topics/flame/0; load=() ;;
  post) path=/topics/flame; load=(body=100) ;;
  batch) path=/topics/flame; load=(body=1048576 type=application/x-ndjson connections=4) ;;
  *) echo "Usage: flame.sh get|post|batch [FILE.svg]" >&2; exit 2 ;;
esac
# On a disk, because a file in memory alone would not cost the time of a log's file.
rm -rf "$work" && work=$(mktemp -d -p "${BENCH_DIRECTORY:-/var/tmp}" loghttp-flame.XXXXXX)
dotnet build "$repository/tests/LogHttp.Benchmarks" -c Release --nologo -v quiet >"$work/build.log" || { cat "$work/build.log" >&2; exit 1; }
benchmarks=$repository/tests/LogHttp.Benchmarks/bin/Release/net10.0/LogHttp.Benchmarks.dll
# The map names compiled code by address. Without W^X code runs at the address where it is written.
start_server LogHttp__Flush=os DOTNET_PerfMapEnabled=1 DOTNET_EnableWriteXorExecute=0
curl -sf -o "$work/posted" -H 'Content-Type: text/plain' -d "$(printf 'x%.0s' $(seq 970))" "$url/topics/flame"
dotnet "$benchmarks" load "$url$path" "${load[@]}" seconds=5 >"$work/warm"
dotnet "$benchmarks" load "$url$path" "${load[@]}" seconds=6 >"$work/load" &
load_pid=$!
sleep 1
perf record -F 1999 -g -p "$server_pid" -o "$work/perf.data" -- sleep 4 >"$work/perf.log" 2>&1 || { cat "$work/perf.log" >&2; exit 1; }
wait "$load_pid"
cat "$work/load"
perf script -i "$work/perf.data" -F comm,ip,sym >"$work/stacks" 2>"$work/perf.log"
picture=${2:-$repository/docs/flame-$1.svg}
dotnet "$benchmarks" flame "$work/stacks" "$picture" "LogHttp, $1"
rm -f "/tmp/perf-$server_pid.map" "/tmp/perfinfo-$server_pid.map"
echo "$picture: $(wc -c <"$picture") bytes"
