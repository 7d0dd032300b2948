#!/usr/bin/env bash
# Shows that the simulation bites: breaks the storage in each of the ways in tests/mutations/*.patch, one at a time and
# in a copy, and demands that the seed named in the patch, or one of some others, fails there with the check named in it, and
# not without.
#
#   tests/mutations/run.sh                   all of them; exit status 0 when all are caught
#   tests/mutations/run.sh NAME...           some of them
#   tests/mutations/run.sh --find NAME 1-300 says which seeds catch one: for a new mutation, or when a named seed has
#                                            gone stale because the simulation draws otherwise than it did
set -euo pipefail
mutations=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$mutations/../.." && pwd)
tests=tests/LogHttp.Storage.Tests

# Where the named seed of a mutation has gone stale, one of these has to catch it.
fallback_range=1-300
find_range=
if [[ "${1-}" == --find ]]; then
    find_range=${3:?run.sh --find NAME FROM-TO}
    set -- "$2"
fi
if (($# == 0)); then
    for patch in "$mutations"/*.patch; do
        set -- "$@" "$(basename "$patch" .patch)"
    done
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cd "$root"
git ls-files -z --cached --others --exclude-standard -- ':!tests/mutations' | xargs -0 cp --parents --target-directory "$copy"
cd "$copy"
git init --quiet
dotnet restore $tests --verbosity quiet

build() {
    # No analyzers and no documentation: what is broken on purpose need not be tidy.
    dotnet build $tests --no-restore --configuration Release --verbosity quiet --nologo \
        -p:RunAnalyzers=false -p:GenerateDocumentationFile=false > build.log 2>&1 || { cat build.log; exit 2; }
}
simulate() { dotnet test $tests --no-build --configuration Release --filter Simulation_OfManySeeds > test.log 2>&1; }
header() { sed -n "s/^$2: *//p;/^diff/q" "$mutations/$1.patch"; }

if [[ -z $find_range ]]; then
    build
    seeds=$(for name in "$@"; do header "$name" Seed; done | sort -nu | paste -sd,)
    if ! LOGHTTP_SIMULATION_SEED=$seeds simulate; then
        cat test.log
        echo "The named seeds fail without any mutation."
        exit 1
    fi
fi

caught=0 missed=0
for name in "$@"; do
    # A patch that does not apply any more ends it all: nobody would miss the mutation otherwise.
    git apply --whitespace=nowarn "$mutations/$name.patch" || { echo "$name.patch does not apply."; exit 2; }
    build
    if [[ -n $find_range ]]; then
        LOGHTTP_SIMULATION_SEEDS=$find_range simulate || true
        grep --text -oE "SimulationException: Seed [0-9]+, step.*" test.log | cut -c22-240 | sort -u || echo "No seed of $find_range catches $name."
        exit
    fi
    seed=$(header "$name" Seed) check=$(header "$name" Check)
    if LOGHTTP_SIMULATION_SEED=$seed simulate; then
        result="MISSED: the seed passes"
    elif ! grep --text -qE "Seed $seed, step [0-9]+: .*($check)" test.log; then
        result="MISSED: failed otherwise than with \"$check\": $(grep --text -oE "Seed $seed, step.*" test.log | head -n 1)"
    else
        result=caught
    fi
    if [[ $result != caught ]]; then
        # What a seed draws changes with the simulation, and with the calls that the storage makes.
        LOGHTTP_SIMULATION_SEEDS=$fallback_range simulate || true
        other=$(grep --text -oE "Seed [0-9]+, step [0-9]+: .*($check)" test.log | head -n 1 | grep -oE '^Seed [0-9]+' || true)
        [[ -z $other ]] || result="caught by ${other,} (its own is stale: $result)"
    fi
    [[ $result == caught* ]] && caught=$((caught + 1)) || missed=$((missed + 1))
    printf '%-42s seed %-5s %s\n' "$name" "$seed" "$result"
    git apply --whitespace=nowarn --reverse "$mutations/$name.patch"
done
echo "$caught caught, $missed missed"
((missed == 0))
