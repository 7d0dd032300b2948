#!/usr/bin/env bash
# Crashes on real file systems. After each one the log has every acknowledged record once and in order, and each other
# batch whole or not at all. Mounts are made in a mount namespace of the script's own and go with it. The default of
# each argument is the full count.
#
# Usage: [CRASH_SEED=7] crashes.sh kills [KILLS [TOPICS…]]      SIGKILL under load; 100 and 1
#                       crashes.sh power-cuts [CUTS [TOPICS]]   of ext4 and XFS; 50 and 20
#                       crashes.sh zeroed-page [RUNS]           a page of an acknowledged segment is zeroed; 2
#                       crashes.sh unmounted-topic [CRASHES]    a topic's directory is away at the next start; 10
#                       crashes.sh journal-elsewhere [CRASHES]  journal/ is a mount, or was not copied; 10
#                       crashes.sh upgrade [KILLS]              of a directory without a journal; 40
set -euo pipefail
usage() {
  sed -n 's/^# Usage: //p; s/^#  *crashes/                crashes/p' "$0" >&2
  exit 2
}
case ${1-} in
  kills | zeroed-page | upgrade) ;;
  power-cuts | unmounted-topic | journal-elsewhere)
    [ "${CRASH_NAMESPACE-}" = own ] || CRASH_NAMESPACE=own exec unshare --mount "$0" "$@"
    ;;
  *) usage ;;
esac
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
  if ! python3 "$scripts/crash-$name.py" "$dll" "$directory" "$seed" "$@"; then
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
    topic_counts=("${@:2}")
    for topics in "${topic_counts[@]:-1}"; do run_crash kills "${1:-100}" "$topics"; done
    ;;
  power-cuts)
    for kind in ext4 xfs; do run_crash power-cuts "${1:-50}" "$kind" "${2:-20}"; done
    ;;
  zeroed-page) run_crash zeroed-page "${1:-2}" ;;
  unmounted-topic) run_crash unmounted-topic "${1:-10}" ;;
  journal-elsewhere) run_crash journal-elsewhere "${1:-10}" ;;
  upgrade)
    old_commit=e8f0321
    git -C "$repository" archive --prefix=old/ "$old_commit" | tar -x -C "$work"
    dotnet publish "$work/old/src/LogHttp.Server" -c Release --nologo -v quiet -o "$work/old-server" \
      >"$work/build.log" || { cat "$work/build.log" >&2; exit 1; }
    run_crash upgrade "${1:-40}" "$work/old-server/LogHttp.Server.dll"
    ;;
esac
