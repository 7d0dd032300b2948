#!/usr/bin/env bash
# Fills a real file system of four megabytes. Appends get 507, and reads continue. Trims, deletions and the
# administrator make room, and appends continue. Restarts and a kill lose nothing.
# Needs no privileges, only user namespaces. The mount goes with the command.
if [ "${1-}" != --inside ]; then
  exec unshare --user --map-root-user --mount "$0" --inside
fi
source "$(dirname "$0")/server.sh"

disk=$work/disk
mkdir "$disk"
mount -t tmpfs -o size=4m tmpfs "$disk"
trap 'stop_server; umount "$disk"; rm -rf "$work"' EXIT
head -c 1000000 /dev/zero >"$disk/ballast"
head -c 20000 /dev/zero | tr '\0' x >"$work/value"

request() { curl -sS -o "$work/answer" -w '%{http_code}' -X "$1" "$url$2"; }
append() { curl -sS -o "$work/answer" -w '%{http_code}' -H 'Content-Type: text/plain' --data-binary @"$work/value" "$url/topics/${1:-t}"; }
expect() { [ "$1" = "$2" ] || { echo "$3: $1, expected $2: $(cat "$work/answer")" >&2; exit 1; }; }
records() { # every value along the links, and how many there are
  local path="/topics/t/earliest" count=0
  while [ "$(curl -sS -D "$work/headers" -o "$work/page" -w '%{http_code}' "$url$path")" = 200 ]; do
    count=$((count + $(jq -r .value "$work/page" | grep -cxFf "$work/value")))
    path=$(sed -n 's|^[Ll]ink: <\(.*\)>; rel="next".*|/topics/t/\1|p' "$work/headers")
  done
  echo "$count"
}

settings=(LogHttp__DataDirectory="$disk/data" LogHttp__SegmentBytes=262144
  LogHttp__MinJournalFileBytes=262144 LogHttp__MaxJournalFileBytes=262144)
start_server "${settings[@]}"
for _ in 1 2 3 4 5; do expect "$(append other)" 201 "an append to another topic"; done
appended=0
fill() { # appends until the disk is full
  while status=$(append) && [ "$status" = 201 ]; do appended=$((appended + 1)); done
  expect "$status" 507 "a full disk"
  expect "$(jq -r .code "$work/answer")" disk_full "its code"
}
fill
expect "$(records)" "$appended" "records on the full disk"
echo "full after $appended records; they are served"

stop_server
start_server "${settings[@]}"
expect "$(records)" "$appended" "records after a restart on the full disk"

expect "$(request DELETE '/topics/t/records?before=30')" 200 "a trim on the full disk"
expect "$(jq '.partitions[0].earliestOffset' "$work/answer")" 30 "the earliest offset"
expect "$(append)" 201 "an append where a trim made room"
appended=$((appended + 1))
fill
expect "$(records)" $((appended - 30)) "records on the disk that is full again"
echo "a trim made room for more, to $appended"

expect "$(request DELETE /topics/other)" 204 "a deletion on the full disk"
expect "$(append)" 201 "an append where a deletion made room"
appended=$((appended + 1))
fill
echo "a deletion made room for more, to $appended"

kill -9 "$server_pid"
{ wait "$server_pid" || true; } 2>/dev/null
rm "$disk/ballast"
start_server "${settings[@]}"
expect "$(records)" $((appended - 30)) "records after a kill on the full disk"
expect "$(append)" 201 "an append when there is room"
# A stream fills the disk again. The log has exactly the batches that it reports as committed.
expect "$(seq 500000 | curl -sS -o "$work/answer" -w '%{http_code}' -H 'Content-Type: text/plain' -T - -X POST "$url/topics/stream?split=lines&stream=true")" 200 "a stream"
expect "$(tail -n 1 "$work/answer" | jq -r .error.code)" disk_full "its end"
streamed=$(tail -n 1 "$work/answer" | jq -r .lastCommittedLine)
stop_server
start_server "${settings[@]}"
expect "$(records)" $((appended + 1 - 30)) "records after a restart"
expect "$(curl -sS "$url/topics/stream" | jq -r '.partitions[0].nextOffset')" "$streamed" "lines of the stream after a restart"
expect "$(request DELETE /topics/stream)" 204 "a deletion of what filled the disk"

expect "$(request DELETE '/topics/t/records?before=latest')" 200 "a trim of all"
used=$(du -s --block-size=1 "$disk/data/topics" | cut -f1)
[ "$used" -lt 40000 ] || { echo "$used bytes are used by a topic that was trimmed to its end" >&2; exit 1; }
echo "room was made: appends go on, nothing was lost; a stream ended with $streamed lines, and those were in; a trim of all returns all but $used bytes"
