#!/usr/bin/env bash
# Starts the server in environments with things missing, full, closed or small. It starts or refuses with one clear
# line, stops cleanly on every signal to stop, and no request ends it. Needs unshare, setpriv and python3.
source "$(dirname "$0")/server.sh"

fail() { echo "$1" >&2; [ ! -s "$work/server.log" ] || cat "$work/server.log" >&2; exit 1; }
post() { curl -sS -m 20 -o "$work/answer" -w '%{http_code}' -d "${2:-hello}" "$url/topics/$1"; }
expect_post() { # STATUS TOPIC WHERE
  local status
  status=$(post "$2") || true
  [ "$status" = "$1" ] || fail "$3: a POST got $status: $(cat "$work/answer")"
}

refused() { # WHERE TEXT COMMAND…: ends by itself, with 1 and one line that has the text
  local where=$1 text=$2 ended=0
  shift 2
  timeout -s KILL 300 "$@" >"$work/server.log" 2>"$work/errors.log" </dev/null || ended=$?
  cat "$work/errors.log" >>"$work/server.log"
  [ "$ended" -eq 1 ] || fail "$where: it ended with $ended"
  grep -q "^LogHttp did not start: .*$text" "$work/errors.log" || fail "$where: it does not say \"$text\""
  [ "$(wc -l <"$work/errors.log")" -eq 1 ] || fail "$where: it says more than a line"
  echo "$where: refused"
}

# Runs a shell command with the server's command line as its arguments. The server listens on a free port and logs to
# $work/server.log.
served() { # WHERE SHELL-COMMAND: the command ends in an exec of "$@"
  local where=$1
  build_server
  : >"$work/server.log"
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  url=http://127.0.0.1:$port
  setsid bash -c "$2" rough dotnet "$dll" --data "$data" --port "$port" >"$work/server.log" 2>&1 &
  server_pid=$!
  for _ in $(seq 300); do
    curl -s -m 5 -o /dev/null "$url/healthz" && break
    kill -0 "$server_pid" 2>/dev/null || fail "$where: it ended"
    sleep 0.1
  done
  expect_post 201 rough "$where"
  curl -sS -m 20 "$url/topics/rough/earliest" | grep -q '"value":"hello"' || fail "$where: the record is not there"
}
stopped() { # WHERE [SIGNAL]: a clean stop, which leaves nothing to be read at the next start
  local ended=0
  kill -s "${2:-TERM}" "$server_pid"
  wait "$server_pid" || ended=$?
  server_pid=
  [ "$ended" -eq 0 ] || fail "$1: it ended with $ended"
  echo "$1: served, and stopped with 0"
}

build_server
data=$work/data

for option in --help --version; do
  timeout -s KILL 300 dotnet "$dll" "$option" --urls http://127.0.0.1:0 >"$work/server.log" 2>&1 || fail "$option: it ended with $?"
  ! grep -q 'Now listening' "$work/server.log" || fail "$option started a server"
done
ended=0
timeout -s KILL 300 dotnet "$dll" --prot 9000 >"$work/server.log" 2>&1 || ended=$?
[ "$ended" -eq 2 ] || fail "an unknown option: it ended with $ended"
grep -q 'Unknown option "--prot"' "$work/server.log" || fail "an unknown option is not named"
echo "--help, --version and an unknown option: no server is started"

for signal in TERM INT QUIT HUP; do
  # A shell starts commands in the background with SIGINT ignored, nohup with SIGHUP. The server inherits that.
  served "SIG$signal" 'exec python3 -c "import os, signal, sys; [signal.signal(s, signal.SIG_DFL) for s in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)]; os.execvp(sys.argv[1], sys.argv[1:])" "$@"'
  ! grep -q 'not closed cleanly' "$work/server.log" || fail "the stop before SIG$signal was not clean"
  stopped "SIG$signal" "$signal"
done

served "nohup" 'exec nohup "$@"'
kill -HUP "$server_pid"
sleep 1
expect_post 201 rough "nohup, after SIGHUP"
stopped "nohup"

for limit in 40 256 575; do
  refused "ulimit -n $limit" "may open $limit files, and the server needs 576" bash -c "ulimit -n $limit; exec dotnet '$dll' --data '$work/data' --port 0"
done
served "ulimit -n 576" 'ulimit -n 576; exec "$@"'
grep -q 'The process may open 576 files' "$work/server.log" || fail "ulimit -n 576: no warning"
# Many topics, many partitions, and more clients than the limit of connections.
expect=$(curl -sS -m 60 -o /dev/null -w '%{http_code}' -X PUT -d '{"partitions":500}' "$url/topics/wide")
[ "$expect" = 201 ] || fail "ulimit -n 576: a topic of 500 partitions got $expect"
python3 - "$port" <<'PYTHON' || fail "ulimit -n 576: clients"
import socket, sys
clients = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(300)]
for number, client in enumerate(clients):
    try:
        client.sendall(b"POST /topics/wide?partition=%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx" % number)
    except OSError:
        pass  # beyond MaxConnections
for client in clients:
    client.close()
PYTHON
curl -sS -m 20 -o /dev/null "$url/swagger/v1/swagger.json" || fail "ulimit -n 576: the API's page"
for attempt in $(seq 50); do [ "$(post rough)" = 201 ] && break || sleep 0.1; done
expect_post 201 rough "ulimit -n 576, after 300 clients"
stopped "ulimit -n 576, with a topic of 500 partitions and 300 clients"

# Files may not grow beyond 200 KB: the kernel sends SIGXFSZ, which ends a process that does not handle it. The runtime
# itself creates a larger file in memory, unless it is told not to.
served "ulimit -f" 'export DOTNET_EnableWriteXorExecute=0; ulimit -f 200; exec "$@" --LogHttp:ScrubBytesPerSecond=0'
head -c 300000 /dev/zero | tr '\0' x >"$work/large"
status=$(curl -sS -m 20 -o "$work/answer" -w '%{http_code}' --data-binary @"$work/large" "$url/topics/rough")
[ "$status" = 507 ] || fail "ulimit -f: a POST beyond it got $status: $(cat "$work/answer")"
kill -0 "$server_pid" || fail "ulimit -f: the POST ended the server"
expect_post 201 rough "ulimit -f, after the refusal"
stopped "ulimit -f, with a POST beyond it answered $status"

served "no HOME, no environment" 'exec env -i PATH="$PATH" DOTNET_ROOT="${DOTNET_ROOT:-}" "$@"'
stopped "no HOME, no environment"

served "closed standard streams" 'exec <&- >&- 2>&-; exec "$@"'
! grep -rlq 'Now listening' "$work/data" || fail "closed standard streams: the log is written into the data"
stopped "closed standard streams"

served "a full disk below the standard streams" 'exec >/dev/full 2>&1; exec "$@"'
stopped "a full disk below the standard streams"

# The reader of the log's pipe has closed it.
served "a log that nobody reads" 'exec > >(exec true) 2>&1; exec "$@"'
stopped "a log that nobody reads"

# The rest runs in mount namespaces of its own, which change nothing outside.
namespace='unshare --mount'
[ "$(id -u)" -eq 0 ] || namespace='unshare --user --map-root-user --mount'

in_namespace() { # SHELL-COMMAND: text that runs it, then the server, in mounts of its own
  printf "exec %s bash -c '%s && exec \"\$@\"' rough \"\$@\"" "$namespace" "$1"
}

served "no time zone data" "$(in_namespace 'unset TZ; mount -t tmpfs none /usr/share/zoneinfo')"
stopped "no time zone data"
served "an unknown time zone" 'export TZ=Mars/Olympus; exec "$@"'
stopped "an unknown time zone"


# The data moves aside, because it is in /tmp too.
data=/mnt/loghttp-data
served "a full /tmp" "$(in_namespace "mount -t tmpfs none /mnt && mkdir $data && mount --bind $work/data $data && mount -t tmpfs -o size=4k none /tmp && { head -c 65536 /dev/zero >/tmp/full 2>/dev/null || true; }")"
stopped "a full /tmp"
data=$work/data

served "read-only disks, but for the data" "$(in_namespace "mount --bind $data $data && mount -o remount,bind,ro /")"
stopped "read-only disks, but for the data"

refused "a read-only data directory" "Read-only file system" $namespace bash -c "mount --bind '$data' '$data' && mount -o remount,bind,ro '$data' && exec dotnet '$dll' --data '$data' --port 0"
refused "a data directory that can't be made" "Read-only file system" $namespace bash -c "mount --bind '$data' '$data' && mount -o remount,bind,ro '$data' && exec dotnet '$dll' --data '$data/new' --port 0"
refused "a full disk" "No space left on the device" $namespace bash -c "mount -t tmpfs -o size=4k,nr_inodes=3 none /mnt && { head -c 65536 /dev/zero >/mnt/full 2>/dev/null || true; } && exec dotnet '$dll' --data /mnt/data --port 0"
echo precious >"$work/file"
refused "a data directory that is a file" "$work/file" dotnet "$dll" --data "$work/file" --port 0
if [ "$(id -u)" -eq 0 ]; then
  mkdir -p "$work/foreign"
  chmod 700 "$work"
  refused "a data directory of somebody else" "ermission" setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "cd / && exec dotnet '$dll' --data '$work/foreign' --port 0"
  refused "a port that needs a privilege" "may not listen" setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all bash -c "sysctl -q net.ipv4.ip_unprivileged_port_start 2>/dev/null; exec dotnet '$dll' --data '/tmp/loghttp-rough-$$' --port 80"
fi

# A killed server leaves its socket file. The next server replaces it, but never that of a running one or a user's file.
socket=$work/loghttp.sock
for attempt in first second; do
  LogHttp__DataDirectory=$data setsid dotnet "$dll" --urls "http://unix:$socket" >"$work/server.log" 2>&1 &
  server_pid=$!
  for _ in $(seq 300); do
    grep -q 'Application started' "$work/server.log" && break
    kill -0 "$server_pid" 2>/dev/null || fail "a Unix socket: the $attempt server ended"
    sleep 0.1
  done
  curl -sS -m 10 -o /dev/null --unix-socket "$socket" http://localhost/healthz || fail "a Unix socket: the $attempt server does not answer"
  ! grep -q 'BEYOND THIS MACHINE' "$work/server.log" || fail "a Unix socket: it counts as exposed"
  [ "$attempt" = second ] || { kill -9 "$server_pid"; { wait "$server_pid" || true; } 2>/dev/null; }
done
[ -S "$socket" ] || fail "a Unix socket: there is none"
refused "a Unix socket of a running server" "address already in use" dotnet "$dll" --data "$work/other" --urls "http://unix:$socket"
stopped "a Unix socket that a killed server left"
refused "a file in the place of a Unix socket" "address already in use" dotnet "$dll" --data "$work/other" --urls "http://unix:$work/file"
[ "$(cat "$work/file")" = precious ] || fail "a file in the place of a Unix socket was changed"
