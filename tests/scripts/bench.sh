#!/usr/bin/env bash
# Compares LogHttp with its peers, in turns within one run, and writes a Markdown table.
# Usage: bench.sh [quick] [name=value …]
#   quick       under two minutes: fewer rounds, shorter, the first four races
#   durable-streams   installs that peer too (npm, into tests/durable-streams/node_modules, where it stays)
#   rounds=5 seconds=1 warm=6 only=fetch,post,batch,answers,live,topics,place,cold,peers out=FILE gigabytes=4 topics=2000
# Peers run if they are installed: apt-get install nginx-light nats-server redis-server. BENCH_DIRECTORY (/var/tmp) has
# to be on a real disk. Runs in a network of its own if it may. There all sockets use reno, because BBR, the default of
# some systems, paces loopback.
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${BENCH_NETWORK:-}" ]; then
  case " $* " in *" durable-streams "*) (cd "$repository/tests/durable-streams" && npm install --no-package-lock --silent --ignore-scripts --no-audit --no-fund) ;; esac
  own_network() { # [OPTION…]: as this user, else as root of a namespace
    unshare "$@" --net sh -c 'ip link set lo up && echo reno >/proc/sys/net/ipv4/tcp_congestion_control' 2>/dev/null
  }
  export BENCH_NETWORK=1
  for option in "" --map-root-user; do
    if own_network ${option:+"$option"}; then
      exec unshare ${option:+"$option"} --net sh -c 'ip link set lo up && echo reno >/proc/sys/net/ipv4/tcp_congestion_control && exec "$@"' sh "$0" "$@"
    fi
  done
  echo "No network of its own to be had: congestion control is the system's, $(cat /proc/sys/net/ipv4/tcp_congestion_control)." >&2
fi
work=$(mktemp -d -p "${BENCH_DIRECTORY:-/var/tmp}" loghttp-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
kind=$(stat -f -c %T "$work")
if [ "$kind" = tmpfs ] || [ "$kind" = ramfs ]; then
  echo "$work is on $kind, where nothing is ever synced; name a directory on a disk in BENCH_DIRECTORY." >&2
  exit 1
fi
export PATH=$PATH:/usr/sbin DOTNET_NOLOGO=1
for project in src/LogHttp.Server tests/LogHttp.Benchmarks; do
  dotnet build "$repository/$project" -c Release --nologo -v quiet >"$work/build.log" || { cat "$work/build.log" >&2; exit 1; }
done
ulimit -n "$(ulimit -H -n)" || true
dotnet "$repository/tests/LogHttp.Benchmarks/bin/Release/net10.0/LogHttp.Benchmarks.dll" bench "work=$work" "out=$repository/tests/LogHttp.Benchmarks/TestResults/bench.md" "$@"
