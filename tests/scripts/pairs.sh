#!/usr/bin/env bash
# Compares the hot paths of this tree with those of an earlier commit: fetches, appends and batches, in pairs of short
# turns. Ends with status 1 if a ratio is not surely at least 0.97. Usage: pairs.sh COMMIT [name=value …]
#   least=20 most=60   pairs of turns: more than the least until the 95 % interval is within ± 2 %
#   seconds=0.5 warm=4 the length of a turn, and of the warm-up before the first
# BENCH_DIRECTORY (/var/tmp) has to be on a real disk. Root runs it in a network of its own, in which all sockets use
# reno.
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
commit=$(git -C "$repository" rev-parse --verify "${1:?Usage: pairs.sh COMMIT [name=value …]}^{commit}")
shift
export DOTNET_NOLOGO=1
work=$(mktemp -d -p "${BENCH_DIRECTORY:-/var/tmp}" loghttp-pairs.XXXXXX)
trap 'git -C "$repository" worktree remove --force "$work/tree" || true; rm -rf "$work"' EXIT
git -C "$repository" worktree add --quiet --detach "$work/tree" "$commit"
publish() { # PROJECT DIRECTORY
  dotnet publish "$1" -c Release --nologo -v quiet -o "$2" >"$work/build.log" || { cat "$work/build.log" >&2; exit 2; }
}
publish "$repository/src/LogHttp.Server" "$work/this-build"
publish "$work/tree/src/LogHttp.Server" "$work/baseline-build"
publish "$repository/tests/LogHttp.Benchmarks" "$work/benchmarks"
network=()
if [ "$(id -u)" = 0 ]; then
  network=(unshare --net sh -c 'ip link set lo up && echo reno >/proc/sys/net/ipv4/tcp_congestion_control && exec "$@"' sh)
fi
"${network[@]}" dotnet "$work/benchmarks/LogHttp.Benchmarks.dll" pairs \
  "$work/this-build/LogHttp.Server.dll" "$work/baseline-build/LogHttp.Server.dll" "work=$work" "$@"
