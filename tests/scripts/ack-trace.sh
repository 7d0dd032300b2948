#!/usr/bin/env bash
# Shows with strace that under flush: always no response leaves before the sync that covers its record has ended.
source "$(dirname "$0")/server.sh"
producers=${1:-16} requests=${2:-50}

start_server
curl -sS -o /dev/null -d 'the topic is there' "$url/topics/t"
: >"$work/attached"
strace -f -ttt -T -y -s 65536 -e trace=pwrite64,pwritev,fdatasync,fsync,syncfs,sendto,sendmsg,write -o "$work/trace" -p "$server_pid" 2>"$work/attached" &
tracer=$!
until grep -q attached "$work/attached"; do sleep 0.1; done
for producer in $(seq "$producers"); do
  { for request in $(seq "$requests"); do printf 'url = "%s/topics/t"\ndata = "%s-%s"\noutput = "/dev/null"\n' "$url" "$producer" "$request"; done; } >"$work/curl-$producer"
  curl -sS -K "$work/curl-$producer" &
  clients+=($!)
done
wait "${clients[@]}"
kill -INT "$tracer"
wait "$tracer" || true
python3 "$(dirname "$0")/ack-trace.py" "$work/trace" $((producers * requests))
