#!/usr/bin/env bash
# Shows with strace that sendfile sends pages: one of 64 MiB, then default ones, without a read and a send per 16 KiB.
source "$(dirname "$0")/server.sh"

start_server LogHttp__MaxBatchBytes=200000000 LogHttp__MaxBodyBytes=200000000
head -c 75000000 /dev/urandom | base64 -w 1000 | curl -sS --fail-with-body -o "$work/answer" -H 'Content-Type: text/plain' --data-binary @- "$url/topics/t?split=lines"

trace() { # NAME QUERY PAGES: fetches along the links, counts the server's calls
  : >"$work/attached"
  strace -f -c -o "$work/trace" -p "$server_pid" 2>"$work/attached" &
  local tracer=$! path="/topics/t/0$2" bytes=0 page
  until grep -q attached "$work/attached"; do sleep 0.1; done
  for page in $(seq "$3"); do
    curl -sS -D "$work/headers" -o "$work/page" "$url$path"
    bytes=$((bytes + $(wc -c <"$work/page")))
    path=$(sed -n 's|^[Ll]ink: <\(.*\)>; rel="next".*|/topics/t/\1|p' "$work/headers")
  done
  kill -INT "$tracer"
  wait "$tracer" || true
  echo "$1: $3 pages, $bytes bytes"
  awk '$NF == "sendfile" || $NF ~ /^(p?read|p?readv|preadv2|pread64|write|writev|send|sendto|sendmsg)$/ {
    calls = $4; print "  " calls, $NF
    if ($NF == "sendfile") sendfiles = calls
    else if ($NF != "preadv2" && $NF != "read" && $NF != "write") copies += calls
  }
  END {
    if (sendfiles == 0 || copies > limit) { print "  sendfile is not how the pages went out"; exit 1 }
  }' limit="$(($3 * 10 + 20))" "$work/trace"
}

trace "64 MiB" "?maxBytes=67108864" 1
trace "default" "" 20
