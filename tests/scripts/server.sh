# Sourced by the other scripts: gives each a server on a free port, with data in a directory that is removed at the end.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dll=$repository/src/LogHttp.Server/bin/Release/net10.0/LogHttp.Server.dll
work=$(mktemp -d)
server_pid=

stop_server() {
  if [ -n "$server_pid" ]; then
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    server_pid=
  fi
}
trap 'stop_server; rm -rf "$work"' EXIT

build_server() {
  [ -e "$work/build.log" ] || dotnet build "$repository/src/LogHttp.Server" -c Release --nologo -v quiet >"$work/build.log" || { cat "$work/build.log" >&2; exit 1; }
}

start_server() { # NAME=value … in the environment are its settings; listens at $address where that is set; sets $url and $server_pid
  build_server
  : >"$work/server.log" # now, not when the subshell gets its turn: the last server's address is in it
  (cd "$work" && exec env "$@" dotnet "$dll" --urls "${address:-http://127.0.0.1:0}") >"$work/server.log" 2>&1 &
  server_pid=$!
  for _ in $(seq 300); do
    url=$(sed -n 's/.*Now listening on: \(http:[^ ]*\).*/\1/p' "$work/server.log" | head -n 1)
    [ -z "$url" ] || return 0
    kill -0 "$server_pid" 2>/dev/null || { cat "$work/server.log" >&2; exit 1; }
    sleep 0.1
  done
  echo "The server did not start in 30 s." >&2
  exit 1
}
