#!/usr/bin/env bash
# Fills a real file system of one megabyte: tests/commands/disk-full.sh [arguments for dotnet test].
# Needs no privileges, only user namespaces; the mount is gone when the command ends.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [[ "${1-}" != --inside ]]; then
    exec unshare --user --map-root-user --mount "$0" --inside "$@"
fi
shift

disk=$(mktemp -d)
trap 'umount "$disk"; rmdir "$disk"' EXIT
mount -t tmpfs -o size=1m tmpfs "$disk"

output=$(LOGHTTP_SMALL_DISK=$disk dotnet test tests/LogHttp.Storage.Tests --filter FullyQualifiedName~OnASmallDisk "$@" 2>&1) || { echo "$output"; exit 1; }
echo "$output" | tail -n 1
# A test that was skipped has shown nothing.
grep -q "Passed: *1," <<< "$output"
