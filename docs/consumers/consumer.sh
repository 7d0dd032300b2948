#!/usr/bin/env bash
# Handles every record of a partition, and those to come. Keeps its place in TOPIC-PARTITION.place,
# after the records before it were handled.
# Usage: consumer.sh SERVER TOPIC PARTITION
server=$1 topic=$2 partition=$3 place=$2-$3.place
handle() { printf '%s\n' "$1"; } # yours: $1 is a record, as JSON

answer=$(mktemp -d)
trap 'rm -r "$answer"' EXIT
next=$(cat "$place" 2>/dev/null)
next=${next:-earliest?partition=$partition&wait=30s}
while true; do
  status=$(curl -s --speed-time 60 -D "$answer/headers" -o "$answer/page" -w '%{http_code}' "$server/topics/$topic/$next") || status=broken
  case $status in
    200) while read -r record; do handle "$record" || exit; done <"$answer/page" ;;
    204) ;;                                 # nothing came within 30 s
    4*) cat "$answer/page" >&2; exit 1 ;;   # asking again will not help: see what to do about 410
    *) sleep 1; continue ;;                 # broken off, or the server stops: the same again
  esac
  next=$(sed -n 's/^[Ll]ink: <\(.*\)>; rel="next".*/\1/p' "$answer/headers")
  printf '%s\n' "$next" >"$place.new" && mv "$place.new" "$place"
done
