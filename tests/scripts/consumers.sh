#!/usr/bin/env bash
# Runs the consumers of docs/consumers while records are appended. Kills each of them again and again, cuts connections,
# kills the server once, and compares the handled records with the log. At last the topic is deleted and created again,
# and the consumers have to report that. Needs strace, python3, chromium and node (apt-get install strace python3
# chromium nodejs npm).
source "$(dirname "$0")/server.sh"

browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
for tool in curl strace python3 node npm "${browser:-chromium}"; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; this needs strace, python3, chromium and node (apt-get install strace python3 chromium nodejs npm)." >&2; exit 1; }
done
processes=() page=
clean_up() {
  # Not with -9, so that it ends its browser too.
  if [ -n "$page" ] && kill "$page" 2>/dev/null; then wait "$page" || true; fi
  kill -9 "${processes[@]}" 2>/dev/null || true
  wait "${processes[@]}" 2>/dev/null || true
  for group in $(cat "$work"/*.group 2>/dev/null); do kill -9 -- "-$group" 2>/dev/null || true; done
  stop_server
  rm -rf "$work"
}
trap clean_up EXIT

fail() { echo "$1" >&2; tail -n 5 "$work"/*.log >&2; exit 1; }
await() { # WHAT COMMAND…: until the command holds
  local what=$1 deadline=$((SECONDS + 60))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || fail "This does not come: $what"
    sleep 0.05
  done
}
lines() { wc -l 2>/dev/null <"$1" || echo 0; }
has_last() { [ "$(tail -n 1 "$1")" = "$2" ]; }
has_lines() { [ "$(lines "$1")" -ge "$2" ]; }

# The page comes from another site, which the server allows.
cp "$repository"/tests/browser/{package.json,package-lock.json,consumer.mjs} "$work"
(cd "$work" && npm ci --silent --ignore-scripts --no-audit --no-fund)
mkdir "$work"/{site,shell,python,node,page}
: >"$work/site.log"
python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$work/site" >"$work/site.log" 2>&1 &
processes+=($!)
await "the page's site" grep -q 'port [0-9]' "$work/site.log"
site=http://127.0.0.1:$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/site.log")
start_server LogHttp__AllowedOrigins="$site"
address=$url
python3 "$repository/tests/scripts/cutting-proxy.py" "${url##*:}" >"$work/proxy.log" 2>&1 &
processes+=($!)
await "the proxy" has_lines "$work/proxy.log" 1
through=http://127.0.0.1:$(head -n 1 "$work/proxy.log")
sed "s|http://127.0.0.1:8080|$through|" "$repository/docs/consumers/page.html" >"$work/site/page.html"
grep -q "$through" "$work/site/page.html" || fail "page.html does not name http://127.0.0.1:8080."

produce() { # numbered records of different sizes, until it is enough; says how many
  local n=0
  until [ -e "$work/enough" ]; do
    # An append whose response was lost may be in the log twice, so the log is the reference.
    curl -s -o /dev/null --fail -H 'Content-Type: application/json' -d "{\"n\":$n,\"text\":\"Größe $(printf '%*s' $((RANDOM % 200)) '' | tr ' ' x)\"}" "$url/topics/orders" && n=$((n + 1))
    echo "$n" >"$work/produced"
    sleep 0.05
  done
}
produced() { [ "$(cat "$work/produced" 2>/dev/null)" -ge "$1" ] 2>/dev/null; }

run() { # NAME [COMMAND…] to run it under; sets $consumer. What those that are killed leave behind goes with the rest.
  local name=$1
  shift
  case $name in
    shell) (cd "$work/shell" && TMPDIR=$work exec setsid "$@" "$repository/docs/consumers/consumer.sh" "$through" orders 0 >>handled.ndjson 2>>../shell.log) & ;;
    python) (cd "$work/python" && TMPDIR=$work exec setsid "$@" "$repository/docs/consumers/consumer.py" "$through" orders 0 2>>../python.log) & ;;
    node) (cd "$work/node" && TMPDIR=$work exec setsid "$@" "$repository/docs/consumers/consumer.mjs" "$through" orders 0 >>handled.ndjson 2>>../node.log) & ;;
  esac
  consumer=$!
  echo "$consumer" >"$work/$name.group"
}
handled() { # NAME: how many records, repeats counted too
  case $1 in
    shell | node) lines "$work/$1/handled.ndjson" ;;
    python) python3 -c 'import sqlite3, sys; print(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute("SELECT count(*) FROM records").fetchone()[0])' "$work/python/orders-0.sqlite" 2>/dev/null || echo 0 ;;
  esac
}
has_handled() { [ "$(handled "$1")" -ge "$2" ]; }
was_killed() { # NAME: and did not end by itself
  local status=0
  wait "$consumer" 2>/dev/null || status=$?
  [ "$status" = 137 ] || fail "$1 ended with $status, and was not killed."
}
run_and_kill() { # NAME CALL: at any moment, and at one of its first calls that write
  local round before
  for round in $(seq "$rounds"); do
    before=$(handled "$1")
    run "$1"
    await "more records for $1" has_handled "$1" $((before + 1 + RANDOM % 20))
    kill -9 "$consumer"
    was_killed "$1"
    run "$1" timeout 60 strace -o /dev/null -e "trace=$2" -e "inject=$2:signal=KILL:when=$((1 + RANDOM % 12))"
    was_killed "$1"
  done
  rm "$work/$1.group"
}

# They wait for a topic that does not exist yet.
waiting=()
for name in shell python node; do
  run "$name"
  waiting+=("$consumer")
  await "$name to wait for the topic" grep -qx "orders/0 does not exist yet" "$work/$name.log"
done
curl -sS --fail-with-body -o /dev/null -X PUT "$url/topics/orders"
produce &
producer=$!
processes+=("$producer")
for name in shell python node; do await "the first record for $name" has_handled "$name" 1; done
{ for group in "${waiting[@]}"; do kill -9 -- "-$group"; done; wait "${waiting[@]}"; } 2>/dev/null || true
rm "$work"/{shell,python,node}.group

rounds=6
run_and_kill shell write &
killing=($!)
run_and_kill python pwrite64 &
killing+=($!)
run_and_kill node rename &
killing+=($!)
CHROMIUM=$browser node "$work/consumer.mjs" "$site/page.html" "$work/page" >"$work/browser.log" 2>&1 &
page=$!
processes+=("${killing[@]}")
for killer in "${killing[@]}"; do wait "$killer"; done
page_runs() { [ -e "$work/page/browser-runs" ] || { kill -0 "$page" 2>/dev/null || fail "The page's part has ended."; false; }; }
await "the page, closed and killed and opened again" page_runs

# All consumers run now, and are not killed any more. Only the server is killed and started again.
run shell
shell=$consumer
run python
python=$consumer
run node
node=$consumer
for name in shell python node; do await "records for $name" has_handled "$name" $(($(handled "$name") + 5)); done
before=$(cat "$work/produced")
kill -9 "$server_pid"
wait "$server_pid" 2>/dev/null || true
start_server LogHttp__AllowedOrigins="$site"
await "records after the restart" produced $((before + 50))
touch "$work/enough"
wait "$producer"

next=/topics/orders/earliest
while [ -n "$next" ]; do
  curl -sS --fail-with-body -D "$work/headers" "$url$next" >>"$work/log.ndjson"
  grep -q '^HTTP/1.1 204' "$work/headers" && break
  next=$(sed -n 's|^Link: <\([^>]*\)>.*|/topics/orders/\1|p' "$work/headers")
done
end=$(lines "$work/log.ndjson")
echo "$end" >"$work/end.new" && mv "$work/end.new" "$work/page/end"
last=$(tail -n 1 "$work/log.ndjson")
for name in shell node; do await "the last record for $name" has_last "$work/$name/handled.ndjson" "$last"; done
await "the last record for python" has_handled python "$end"
page_has_all() { [ -e "$work/page/page.json" ] || { kill -0 "$page" 2>/dev/null || fail "The page's part has ended."; false; }; }
await "the last record for the page" page_has_all
echo "$end records; consumer.sh, consumer.py and consumer.mjs killed $((2 * rounds)) times each, $(grep -c cut "$work/proxy.log") connections broken off, the server killed once:"
python3 "$repository/tests/scripts/consumers.py" "$work/log.ndjson" "$work/shell/handled.ndjson" "$work/python/orders-0.sqlite" "$work/node/handled.ndjson" "$work/page/page.json"

# Another topic of the same name: no consumer may take its records for the next ones of the old topic.
{ kill -9 -- "-$shell" "-$python" "-$node"; wait "$shell" "$python" "$node"; } 2>/dev/null || true
curl -sS --fail-with-body -X DELETE "$url/topics/orders"
curl -sS --fail-with-body -o /dev/null -X PUT "$url/topics/orders"
curl -sS --fail-with-body -o /dev/null -d '{"n":0}' "$url/topics/orders"
for name in shell python node; do
  run "$name"
  status=0
  wait "$consumer" || status=$?
  rm "$work/$name.group"
  [ "$status" = 1 ] && grep -q topic_replaced "$work/$name.log" || fail "$name ended with $status, and does not say that the topic is another one."
done
touch "$work/page/replaced"
wait "$page" || fail "The page does not say that the topic is another one."
cat "$work/browser.log"
