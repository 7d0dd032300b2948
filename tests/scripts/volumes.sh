#!/usr/bin/env bash
# Shows with strace that each record is synced on its own file system before its response leaves. The data directory is
# a link to an ext4 file system. One topic is a link to an xfs file system, one is a bind mount of another ext4. Needs
# root and loop devices. The mounts go with the command.
if [ "${1-}" != --inside ]; then
  exec unshare --mount "$0" --inside
fi
source "$(dirname "$0")/server.sh"
export PATH=$PATH:/usr/sbin
producers=16 requests=25

mount_image() { # NAME TYPE SIZE: a new file system at $work/NAME
  truncate -s "$3" "$work/$1.image"
  "mkfs.$2" -q "$work/$1.image"
  mkdir "$work/$1"
  mount -o loop "$work/$1.image" "$work/$1"
}
unmount_all() {
  umount "$work/home/data/topics/bound" "$work/home" "$work/xfs" "$work/other" 2>/dev/null || true
}
trap 'stop_server; unmount_all; rm -rf "$work"' EXIT
mount_image home ext4 64M
mount_image other ext4 64M
mount_image xfs xfs 300M
mkdir "$work/home/data"
ln -s "$work/home/data" "$work/data"

start_server LogHttp__DataDirectory="$work/data"
for topic in local linked bound; do
  curl -sS -f -o /dev/null -X PUT -H 'Content-Type: application/json' -d '{"partitions":8}' "$url/topics/$topic"
done
stop_server
mv "$work/home/data/topics/linked" "$work/xfs/linked"
ln -s "$work/xfs/linked" "$work/home/data/topics/linked"
mv "$work/home/data/topics/bound" "$work/other/bound"
mkdir "$work/home/data/topics/bound"
mount --bind "$work/other/bound" "$work/home/data/topics/bound"

start_server LogHttp__DataDirectory="$work/data"
check() { # TOPIC [PATH]: every response of the topic follows a sync of the journal, or of the file system at PATH
  : >"$work/attached"
  strace -f -ttt -T -y -s 65536 -e trace=pwrite64,pwritev,fdatasync,fsync,syncfs,sendto,sendmsg,write -o "$work/trace" -p "$server_pid" 2>"$work/attached" &
  tracer=$!
  until grep -q attached "$work/attached"; do sleep 0.1; done
  clients=()
  for producer in $(seq "$producers"); do
    for request in $(seq "$requests"); do
      printf 'url = "%s/topics/%s?partition=%s"\ndata = "%s"\noutput = "/dev/null"\n' "$url" "$1" $((producer % 8)) "$producer-$request"
    done >"$work/curl-$producer"
    curl -sS -K "$work/curl-$producer" &
    clients+=($!)
  done
  wait "${clients[@]}"
  kill -INT "$tracer"
  wait "$tracer" || true
  [ -z "${2-}" ] || grep -q syncfs "$work/trace" || { echo "$1: no round was large enough for syncfs" >&2; exit 1; }
  echo "$1:"
  python3 "$(dirname "$0")/ack-trace.py" "$work/trace" $((producers * requests)) ${2:+"$2"}
}
check local
check linked "$work/xfs"
check bound "$work/home/data/topics/bound"
