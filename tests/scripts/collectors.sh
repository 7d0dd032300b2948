#!/usr/bin/env bash
# Runs syslog-ng and collectd with the configurations of docs/collectors: 10,000 events each, a bad one among them,
# through a restart of the server. Needs both, as Debian ships them, and python3 (apt-get install syslog-ng-core
# syslog-ng-mod-http collectd-core libcurl3-gnutls libyajl2 python3).
source "$(dirname "$0")/server.sh"

PATH=$PATH:/usr/sbin
for tool in curl python3 syslog-ng collectd; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; see the first lines of $0." >&2; exit 1; }
done
collector=
clean_up() {
  [ -z "$collector" ] || kill "$collector" 2>/dev/null || true
  stop_server
  rm -rf "$work"
}
trap clean_up EXIT
fail() { echo "$1" >&2; tail -n 5 "$work"/*.log >&2; exit 1; }
next_offset() { curl -sS "$url/topics/$1" | sed -n 's/.*"nextOffset":\([0-9]*\).*/\1/p'; }
await_records() { # TOPIC COUNT: until the topic has so many
  local deadline=$((SECONDS + 60))
  until [ "$(next_offset "$1")" -ge "$2" ] 2>/dev/null; do
    [ $SECONDS -lt $deadline ] || fail "$1 has $(next_offset "$1") records, and not $2."
    sleep 0.1
  done
}
configuration() { # NAME: the documented one, for this server and this folder. It sends sooner.
  sed -e "s|http://127.0.0.1:8080|$url|" -e "s|/var/log/app.log|$work/app.log|" \
    -e "s|disk-buffer(|&dir(\"$work\") |" -e "s|FlushInterval 10|FlushInterval 1|" "$repository/docs/collectors/$1"
}
restart() {
  stop_server
  start_server
}

start_server
address=$url # the same after a restart

# syslog-ng. The 1,200th line is Latin-1. Lines are written before, during and after the restart.
write_lines() { # FIRST LAST
  python3 - "$work/app.log" "$1" "$2" <<'END'
import sys
with open(sys.argv[1], "ab") as log:
    for number in range(int(sys.argv[2]), int(sys.argv[3]) + 1):
        log.write(b"line %d%s\n" % (number, b" caf\xe9" if number == 1200 else b""))
END
}
write_lines 1 4000
configuration syslog-ng.conf >"$work/syslog-ng.conf"
syslog-ng -F -e -v --no-caps -f "$work/syslog-ng.conf" -R "$work/syslog-ng.persist" -c "$work/syslog-ng.ctl" \
  -p "$work/syslog-ng.pid" >"$work/syslog-ng.log" 2>&1 &
collector=$!
await_records logs 2000
stop_server
write_lines 4001 7000
start_server
write_lines 7001 10000
await_records logs 10000
python3 - "$url/topics/logs" <<'END'
import base64, json, sys, urllib.request
values, place = [], "earliest"
while place:
    with urllib.request.urlopen(f"{sys.argv[1]}/{place}") as response:
        for line in response:
            record = json.loads(line)
            values.append(base64.b64decode(record["valueBase64"]) if "valueBase64" in record else record["value"].encode())
            last = record["offset"]
    place = last + 1 if last + 1 < int(json.load(urllib.request.urlopen(sys.argv[1]))["partitions"][0]["nextOffset"]) else None
expected = [b"line %d%s" % (number, b" caf\xe9" if number == 1200 else b"") for number in range(1, 10001)]
# A batch whose response was lost comes again.
first = list(dict.fromkeys(values))
assert first == expected, f"{len(first)} lines of 10000, or in another order"
print(f"syslog-ng: 10000 lines in order through a restart, {len(values) - len(first)} of them twice, one bad line kept")
END
kill "$collector" && wait "$collector" || true

# collectd. Its socket takes the values. One has a type instance that is not UTF-8.
configuration collectd.conf >"$work/collectd.conf"
cat >>"$work/collectd.conf" <<END
BaseDir "$work"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin unixsock
LoadPlugin logfile
<Plugin unixsock>
  SocketFile "$work/collectd.sock"
</Plugin>
<Plugin logfile>
  File "$work/collectd.log"
</Plugin>
END
collectd -f -C "$work/collectd.conf" -P "$work/collectd.pid" >"$work/collectd.out" 2>&1 &
collector=$!
put_values() { # FIRST LAST
  python3 - "$work/collectd.sock" "$1" "$2" <<'END'
import socket, sys, time
deadline = time.monotonic() + 30
while True:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(sys.argv[1])
        break
    except OSError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.05)
answers = connection.makefile("rb")
def call(command):
    connection.sendall(command + b"\n")
    answer = answers.readline()
    assert answer.startswith(b"0 "), answer
for number in range(int(sys.argv[2]), int(sys.argv[3]) + 1):
    instance = b"caf\xe9" if number == 1200 else b"value"
    call(b"PUTVAL testhost/test/gauge-%s interval=10 %d:%d" % (instance, 1700000000 + number, number))
END
}
has_values() { # COUNT: how many of the socket's values are in the log
  python3 - "$url/topics/metrics" "$1" <<'END'
import json, sys, urllib.request
values, place = [], 0
end = json.load(urllib.request.urlopen(sys.argv[1]))["partitions"][0]["nextOffset"]
while place < end:
    for line in urllib.request.urlopen(f"{sys.argv[1]}/{place}"):
        record = json.loads(line)
        place = record["offset"] + 1
        if record["value"]["host"] == "testhost":
            values.append(record["value"])
numbers = [int(value["values"][0]) for value in values]
sys.exit(f"{len(numbers)} values" if numbers != list(range(1, int(sys.argv[2]) + 1)) else None)
END
}
await_values() {
  local deadline=$((SECONDS + 60))
  until has_values "$1" 2>"$work/values.log"; do
    [ $SECONDS -lt $deadline ] || fail "collectd's values are not all in the log."
    sleep 0.2
  done
}
put_values 1 5000
await_values 5000
restart
put_values 5001 10000
await_values 10000
echo "collectd: 10000 values in order through a restart, one with a bad name among them"
