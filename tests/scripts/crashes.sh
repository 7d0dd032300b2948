#!/usr/bin/env bash
# Crashes on real file systems. After each, the log has every acknowledged record once and in order, and each other
# batch whole or not at all. Mounts are made in a mount namespace of the script's own and go with it.
# Usage: [CRASH_SEED=7] crashes.sh kills [KILLS [TOPICS…]]       SIGKILL under load
#                       crashes.sh power-cuts [CUTS [ext4|xfs]…] a file system that stops and loses what was not synced
set -euo pipefail
usage() { sed -n 's/^# Usage://p;s/^#   //p' "$0" >&2; exit 2; }
[ $# -gt 0 ] || usage
if [ "${CRASH_NAMESPACE-}" != own ] && [ "$1" != kills ] && [ "$1" != upgrade ]; then
  CRASH_NAMESPACE=own exec unshare --mount "$0" "$@"
fi
source "$(dirname "$0")/server.sh"
export PATH=$PATH:/usr/sbin PYTHONDONTWRITEBYTECODE=1
scripts=$repository/tests/scripts
seed=${CRASH_SEED:-$RANDOM}
scenario=$1
shift

run_crash() { # NAME ARGUMENT…: one run in a directory of its own, kept where it fails
  local name=$1 directory
  shift
  directory=$(mktemp -d "$work/run-XXXXXX")
  if ! nice python3 "$scripts/crash-$name.py" "$dll" "$directory" "$seed" "$@"; then
    local kept
    kept=$(mktemp -d)
    cp -a --sparse=always "$directory/." "$kept"
    echo "This is not as it should be. CRASH_SEED=$seed; the files are in $kept." >&2
    exit 1
  fi
  rm -rf "$directory"
}

build_server
echo "CRASH_SEED=$seed"
case $scenario in
  kills)
    kills=${1:-100}
    topic_counts=("${@:2}")
    for topics in "${topic_counts[@]:-1}"; do run_crash kills "$kills" "$topics"; done
    ;;
  *) usage ;;
esac
