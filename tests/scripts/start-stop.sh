#!/usr/bin/env bash
# Starts and stops a server with a thousand partitions and half a gigabyte of log. After a clean stop the start opens no
# segment. After a kill it reads the records behind the checkpoints. SIGTERM answers waiting requests and commits
# accepted records. Needs strace. Usage: start-stop.sh [MEGABYTES]
source "$(dirname "$0")/server.sh"
megabytes=${1:-512}

fail() { echo "$1" >&2; exit 1; }
now_ms() { date +%s%3N; }
opened() { sed -n "s/.* 1001 partitions opened in \([0-9]*\) ms.*/\1/p" "$work/server.log"; }
next_offset() { curl -sS "$url/topics/$1" | jq "[.partitions[].nextOffset] | add"; }

settings=(LogHttp__DataDirectory="$work/data")
start_server "${settings[@]}"
curl -sS -o /dev/null -X PUT -d '{"partitions":1000,"flush":"os"}' "$url/topics/many"
curl -sS -o /dev/null -X PUT -d '{"flush":"os"}' "$url/topics/large"
# Lines of a hundred bytes. Each keeps its own partition busy, and each part of the large topic is one batch.
head -c 33554432 /dev/zero | tr '\0' x | fold -w 99 >"$work/lines"
to_every_partition() { # one curl for a thousand requests
  for partition in $(seq 0 999); do
    printf 'url = "%s/topics/many?partition=%d"\ndata = "hello"\noutput = "/dev/null"\n' "$url" "$partition"
  done | curl -sS --fail-early --config -
}
to_every_partition
for _ in $(seq $((megabytes / 32))); do
  curl -sS -o /dev/null -H 'Content-Type: text/plain' --data-binary @"$work/lines" "$url/topics/large?split=lines"
done
records=$(($(next_offset many) + $(next_offset large)))

# One client waits while the server stops, and another one follows.
curl -sS -o /dev/null -w '%{http_code}' "$url/topics/large/latest?wait=60s" >"$work/waited" &
waiting=$!
curl -sS -N "$url/topics/large/latest?follow=true" >/dev/null &
following=$!
# Both are connected according to the kernel's table: the server's port, state 1.
port=$(printf ':%04X' "${url##*:}")
for _ in $(seq 100); do
  [ "$(awk -v port="$port" '$2 ~ port "$" && $4 == "01"' /proc/net/tcp | wc -l)" -ge 2 ] && break
  sleep 0.1
done
stopped_ms=$(now_ms)
stop_server
stopped_ms=$(($(now_ms) - stopped_ms))
wait "$waiting" || fail "the long poll was not answered"
wait "$following" || fail "the follower's answer was broken off"
[ "$(cat "$work/waited")" = 204 ] || fail "the long poll got $(cat "$work/waited")"
echo "SIGTERM: $stopped_ms ms; the long poll got 204, the follower its end"

start_ms=$(now_ms)
start_server "${settings[@]}"
start_ms=$(($(now_ms) - start_ms))
echo "after a clean stop: $(opened) ms to open 1001 partitions with $records records, $start_ms ms to the first answer, runtime included"
[ "$(($(next_offset many) + $(next_offset large)))" -eq "$records" ] || fail "records are missing after a clean stop"
! grep -q 'not closed cleanly' "$work/server.log" || fail "a partition was read after a clean stop"
stop_server

# The same again, with a trace of every file that is opened.
start_server "${settings[@]}" strace -f -e trace=openat -o "$work/trace"
kill $(cat "/proc/$server_pid/task/$server_pid/children")
wait "$server_pid" || true
server_pid=
segments=$(grep -c '\.ndjson"' "$work/trace" || true)
[ "$segments" -eq 0 ] || fail "a start after a clean stop opened $segments segments"
echo "after a clean stop: no segment is opened"

start_server "${settings[@]}"
to_every_partition
curl -sS -o /dev/null -H 'Content-Type: text/plain' --data-binary @"$work/lines" "$url/topics/large?split=lines"
records=$(($(next_offset many) + $(next_offset large)))
kill -9 "$server_pid"
{ wait "$server_pid" || true; } 2>/dev/null
start_server "${settings[@]}"
read_bytes=$(sed -n 's/.*not closed cleanly; \([0-9]*\) bytes.*/\1/p' "$work/server.log" | awk '{ sum += $1 } END { print sum + 0 }')
log_bytes=$(du -s --apparent-size --block-size=1 "$work/data/topics" | cut -f1)
[ "$(($(next_offset many) + $(next_offset large)))" -eq "$records" ] || fail "records are missing after a kill"
echo "after a kill: $(opened) ms to open them, $read_bytes of $log_bytes bytes were read; all $records records are there"
[ "$read_bytes" -lt 60000000 ] || fail "too much was read"

# A server that is stopped while it starts ends with 0, or by the signal if the program has not begun yet.
kill -9 "$server_pid"
{ wait "$server_pid" || true; } 2>/dev/null
for tenths in $(seq 2 2 16); do
  (cd "$work" && exec env "${settings[@]}" dotnet "$dll" --urls http://127.0.0.1:0) >"$work/server.log" 2>&1 &
  server_pid=$!
  sleep "$(printf '%d.%d' $((tenths / 10)) $((tenths % 10)))"
  kill "$server_pid"
  ended=0
  wait "$server_pid" || ended=$?
  server_pid=
  [ "$ended" -eq 0 ] || [ "$ended" -eq 143 ] || { cat "$work/server.log" >&2; fail "stopped $tenths tenths of a second after its start, it ended with $ended"; }
done
start_server "${settings[@]}"
[ "$(($(next_offset many) + $(next_offset large)))" -eq "$records" ] || fail "records are missing after starts that were broken off"
echo "SIGTERM while it starts: it ends with 0; all $records records are there"
