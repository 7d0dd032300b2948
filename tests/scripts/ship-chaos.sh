#!/usr/bin/env bash
# Ships a log by docs/shippers/ship.py while the log is rotated, and the shipper and the server are killed again and
# again. Then by ship.sh, without rotations. The topic must have each line once and in order. Needs strace and python3.
# Usage: [CHAOS_SEED=7] ship-chaos.sh [LINES [SECONDS]]. Without numbers: 100,000 lines, written in 120 seconds.
source "$(dirname "$0")/server.sh"
seed=${CHAOS_SEED:-$RANDOM}
lines=${1:-100000} seconds=${2:-120}

build_server
for shipper in ship.py ship.sh; do
  echo "$shipper, CHAOS_SEED=$seed:"
  mkdir "$work/$shipper"
  status=0
  python3 "$repository/tests/scripts/ship-chaos.py" "$dll" "$work/$shipper" "$seed" \
    "$repository/docs/shippers/$shipper" "$lines" "$seconds" || status=$?
  [ "$status" = 0 ] || {
    tail -n 20 "$work/$shipper"/{server,shipper}.log >&2
    echo "This is not as it should be; CHAOS_SEED=$seed writes, rotates and kills the same again." >&2
    exit 1
  }
  # The shell recipe has no rotations to survive, so it needs fewer lines.
  lines=$((lines / 5)) seconds=$((seconds / 2))
done
