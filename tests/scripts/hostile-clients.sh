#!/usr/bin/env bash
# Hundreds of broken or hostile clients at once, beside one well-behaved client. They send slow and stopped requests,
# half-closed connections, smuggled requests, bodies that are too large or too deep, and names without end. The one
# client keeps working. Each of the others gets an error or is dropped, and leaves nothing behind. Usage:
# hostile-clients.sh [CLIENTS]
source "$(dirname "$0")/server.sh"

start_server LogHttp__Flush=os LogHttp__HeadersTimeout=3s LogHttp__BodyTimeout=3s LogHttp__MaxTopics=1000
python3 "$(dirname "$0")/hostile-clients.py" "$url" "$server_pid" "${1:-200}"
! grep -E '\[(ERR|FTL)\]' "$work/server.log"
stop_server
