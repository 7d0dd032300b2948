#!/usr/bin/env bash
# Fills a real file system of three megabytes: 507, reads go on, room is made, appends go on, a restart loses nothing.
# Needs no privileges, only user namespaces; the mount goes with the command.
if [ "${1-}" != --inside ]; then
  exec unshare --user --map-root-user --mount "$0" --inside
fi
source "$(dirname "$0")/server.sh"

disk=$work/disk
mkdir "$disk"
mount -t tmpfs -o size=3m tmpfs "$disk"
trap 'stop_server; umount "$disk"; rm -rf "$work"' EXIT
head -c 1000000 /dev/zero >"$disk/ballast"
head -c 20000 /dev/zero | tr '\0' x >"$work/value"

append() { curl -sS -o "$work/answer" -w '%{http_code}' -H 'Content-Type: text/plain' --data-binary @"$work/value" "$url/topics/t"; }
expect() { [ "$1" = "$2" ] || { echo "$3: $1, expected $2: $(cat "$work/answer")" >&2; exit 1; }; }
records() { # every value along the links, and how many there are
  local path="/topics/t/earliest" count=0
  while [ "$(curl -sS -D "$work/headers" -o "$work/page" -w '%{http_code}' "$url$path")" = 200 ]; do
    count=$((count + $(jq -r .value "$work/page" | grep -cxFf "$work/value")))
    path=$(sed -n 's/^[Ll]ink: <\(.*\)>; rel="next".*/\1/p' "$work/headers")
  done
  echo "$count"
}

settings=(LogHttp__DataDirectory="$disk/data" LogHttp__SegmentBytes=262144)
start_server "${settings[@]}"
appended=0
while status=$(append) && [ "$status" = 201 ]; do appended=$((appended + 1)); done
expect "$status" 507 "a full disk"
expect "$(jq -r .code "$work/answer")" disk_full "its code"
expect "$(records)" "$appended" "records on the full disk"
echo "full after $appended records; they are served"

stop_server
start_server "${settings[@]}"
expect "$(records)" "$appended" "records after a restart on the full disk"
rm "$disk/ballast"
expect "$(append)" 201 "an append when there is room"
stop_server
start_server "${settings[@]}"
expect "$(records)" $((appended + 1)) "records after a restart"
echo "room was made: appends go on, nothing was lost"
