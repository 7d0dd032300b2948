#!/usr/bin/env bash
# Offers three times as much as the server can append. The excess is refused at once, the log has each accepted body
# once, and memory stays within its limits. Usage: overload.sh [SECONDS]
source "$(dirname "$0")/server.sh"

dotnet build "$repository/tests/LogHttp.Benchmarks" -c Release --nologo -v quiet >"$work/benchmarks.log" || { cat "$work/benchmarks.log" >&2; exit 1; }
start_server LogHttp__DataDirectory="$work/data" LogHttp__MaxQueuedBytes=67108864 LogHttp__MaxAppendingBytes=67108864 LogHttp__MaxReadingBytes=67108864
LOGHTTP_SERVER_PID=$server_pid dotnet "$repository/tests/LogHttp.Benchmarks/bin/Release/net10.0/LogHttp.Benchmarks.dll" overload "$url" "seconds=${1:-10}"
peak=$(awk '/VmHWM/ { print $2 }' "/proc/$server_pid/status")
echo "the most that was resident: $((peak / 1000)) MB, with bounds of 67 MB for bodies being read and 67 MB for appends"
[ "$peak" -lt 600000 ] || { echo "that is too much" >&2; exit 1; }
