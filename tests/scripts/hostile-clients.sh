#!/usr/bin/env bash
# Clients that are broken or mean no good, hundreds at once, beside one that only wants to work: slow and stopped requests,
# half-closed connections, requests in disguise, what is too large or too deep, and names without end. The one goes on, each
# of the others is told or dropped, and nothing of them stays. Usage: hostile-clients.sh [CLIENTS]
source "$(dirname "$0")/server.sh"

start_server LogHttp__Flush=os LogHttp__HeadersTimeout=3s LogHttp__BodyTimeout=3s LogHttp__MaxTopics=1000
python3 "$(dirname "$0")/hostile-clients.py" "$url" "$server_pid" "${1:-200}"
! grep -E '\[(ERR|FTL)\]' "$work/server.log"
stop_server
