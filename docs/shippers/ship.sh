#!/bin/sh
# Appends every line of a growing file to a topic, each once and in order. For a file that is never rotated.
# Usage: ship.sh SERVER TOPIC FILE
server=$1 topic=$2 file=$3 producer=ship:$(hostname):$2
while true; do
  next=$(curl -s "$server/topics/$topic/producers/$producer" | sed -n 's/.*"nextSequence":\([0-9]*\).*/\1/p')
  tail -n "+$((${next:-0} + 1))" -F "$file" | curl -sS -N -T - -X POST -H 'Content-Type: text/plain' \
    -H "Producer-Id: $producer" -H 'Producer-Epoch: 0' -H "Producer-Seq: ${next:-0}" \
    "$server/topics/$topic?split=lines&stream=true"
  sleep 1
done
