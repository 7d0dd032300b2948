#!/usr/bin/env bash
# Measures the server's memory for clients that try to make it take more. They are slow readers of events, bodies that
# drip, requests sent behind a long poll, bodies whose responses are larger than they are, and heads without an end.
# Large bodies, unfinished heads and HTTP/2 connections meet a small heap. A large one would fill with garbage first.
# A scenario fails if the server takes more than its limit.
# Usage: memory-bounds.sh [SCENARIO [COUNT [SECONDS]]]
source "$(dirname "$0")/server.sh"
ulimit -n "$(ulimit -Hn)"

scenario() { # name, count, seconds
  local heap=()
  case $1 in
    large-bodies | unfinished-heads) heap=(DOTNET_GCHeapHardLimit=0xC000000) ;; # 192 MiB
    http2-*) heap=(DOTNET_GCHeapHardLimit=0xC000000 Kestrel__EndpointDefaults__Protocols=Http2) ;;
  esac
  start_server LogHttp__Flush=os LogHttp__BodyTimeout=3s "${heap[@]}"
  python3 "$(dirname "$0")/memory-bounds.py" "$url" "$server_pid" "$1" "$2" "$3"
  ! grep -E '\[(ERR|FTL)\]' "$work/server.log" || exit 1
  stop_server
  rm -rf "$work/data"
}

if [ $# -gt 0 ]; then
  scenario "$1" "${2:-20}" "${3:-20}"
else
  scenario slow-events 20 10
  scenario slow-events 10000 30
  scenario slow-values 1000 15
  scenario dripping-bodies 8 20
  scenario pipelined-polls 500 10
  scenario failing-records 4 0
  scenario blank-lines 4 0
  scenario large-bodies 12 0
  scenario unfinished-heads 6000 0
  scenario http2-streams 150 0
  scenario http2-packed-heads 150 0
fi
