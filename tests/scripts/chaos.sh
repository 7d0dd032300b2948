#!/usr/bin/env bash
# Producers that number their records send through a proxy that cuts their connections, to a server that is killed again
# and again. The log must have each message once, in order. The same without numbers must find duplicates.
# Usage: [CHAOS_SEED=7] chaos.sh [--with-producers | --without-producers]
source "$(dirname "$0")/server.sh"
seed=${CHAOS_SEED:-$RANDOM}
case ${1-} in
  '') runs=(--with-producers --without-producers) ;;
  --with-producers | --without-producers) runs=("$1") ;;
  *) echo "chaos.sh takes --with-producers, --without-producers or nothing." >&2; exit 2 ;;
esac

build_server
for run in "${runs[@]}"; do
  echo "$run, CHAOS_SEED=$seed:"
  mkdir "$work/$run"
  status=0
  python3 "$repository/tests/scripts/chaos.py" "$dll" "$work/$run" "$seed" "$run" || status=$?
  [ "$status" = 0 ] || { tail -n 20 "$work/$run/server.log" >&2; echo "This is not as it should be; CHAOS_SEED=$seed sends, cuts and kills the same again." >&2; exit 1; }
done
