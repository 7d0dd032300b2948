#!/usr/bin/env bash
# Handles every record of a partition, and those to come. Keeps its place in TOPIC-PARTITION.place,
# after the records before it were handled. Waits for a topic that does not exist yet.
# Usage: consumer.sh SERVER TOPIC PARTITION
server=$1 topic=$2 partition=$3 place=$2-$3.place
handle() { printf '%s\n' "$1"; } # yours: $1 is a record, as JSON

answer=$(mktemp -d)
trap 'rm -r "$answer"' EXIT
pause=1
again_later() { # as the server says, else after 1, 2, 4, 8, 10, 10 … seconds
  local seconds
  seconds=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]\{1,\}\).*/\1/p' "$answer/headers" 2>/dev/null)
  sleep "${seconds:-$pause}"
  pause=$((pause < 5 ? pause * 2 : 10))
}
next=$(cat "$place" 2>/dev/null)
next=${next:-earliest?partition=$partition&wait=30s}
while true; do
  rm -f "$answer/headers"
  status=$(curl -s --speed-time 60 -D "$answer/headers" -o "$answer/page" -w '%{http_code}' "$server/topics/$topic/$next") || status=broken
  [ "$status" != 404 ] || [ -e "$place" ] || status=not_yet
  case $status in
    200) while read -r record; do handle "$record" || exit; done <"$answer/page" ;;
    204) ;;                                 # nothing came within 30 s
    429) again_later; continue ;;
    4*) cat "$answer/page" >&2; exit 1 ;;   # asking again will not help: see what to do about 410
    not_yet) [ $pause != 1 ] || echo "$topic/$partition does not exist yet" >&2; again_later; continue ;;
    *) again_later; continue ;;             # broken off, or the server stops: the same again
  esac
  pause=1
  next=$(sed -n 's/^[Ll]ink: <\(.*\)>; rel="next".*/\1/p' "$answer/headers")
  printf '%s\n' "$next" >"$place.new" && mv "$place.new" "$place"
done
