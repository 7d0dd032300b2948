#!/usr/bin/env bash
# Shows that the tests notice a broken rule. Breaks the storage in each of the ways in tests/mutations/*.patch, one at a
# time and in a copy. There the patch's seed of the simulation has to fail with the patch's check, or the patch's test
# has to fail. Without a mutation both have to pass.
#
#   tests/mutations/run.sh                   all of them; exit status 0 when all are caught
#   tests/mutations/run.sh NAME...           some of them
#   tests/mutations/run.sh --find NAME 1-300 prints the seeds that catch one: for a new mutation, or if a named seed
#                                            is stale because the simulation draws other numbers than before
#
# A patch begins with a sentence that says which rule it breaks, and with headers:
#   Seed: 29              a seed of the simulation,
#   Check: lost, though   and a regular expression of its failure. Or instead of both
#   Test: Class.Method    a test of LogHttp.Storage.Tests, if the simulation can't see the rule
set -euo pipefail
mutations=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$mutations/../.." && pwd)
tests=tests/LogHttp.Storage.Tests

# If the named seed of a mutation is stale, one of these has to catch it.
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
    # No analyzers and no documentation: code that is broken on purpose need not be tidy.
    dotnet build "$1" --no-restore --configuration Release --verbosity quiet --nologo \
        -p:RunAnalyzers=false -p:GenerateDocumentationFile=false > build.log 2>&1 || { cat build.log; exit 2; }
}
# No mutation changes the part of the storage that the tests are compiled with, so they are built once.
build_mutated() {
    build src/LogHttp.Storage
    cp src/LogHttp.Storage/bin/Release/net*/LogHttp.Storage.dll $tests/bin/Release/net*/
}
# The test program itself, because dotnet test takes 2 s more to start.
run_tests() {
    local program name methods=()
    program=$(echo "$copy/$tests"/bin/Release/net*/"${tests##*/}")
    for name in "$@"; do methods+=(-method "*$name*"); done
    timeout 900 "$program" "${methods[@]}" -noColor > test.log 2>&1
}
simulate() { run_tests Simulation_ManySeeds; }
header() { sed -n "s/^$2: *//p;/^diff/q" "$mutations/$1.patch"; }

build $tests
if [[ -z $find_range ]]; then
    seeds=$(for name in "$@"; do header "$name" Seed; done | sort -nu | paste -sd,)
    if [[ -n $seeds ]] && ! LOGHTTP_SIMULATION_SEED=$seeds simulate; then
        cat test.log
        echo "The named seeds fail without any mutation."
        exit 1
    fi
    test_names=$(for name in "$@"; do header "$name" Test; done | sort -u)
    if [[ -n $test_names ]]; then
        # shellcheck disable=SC2086
        run_tests $test_names || { cat test.log; echo "A named test fails without any mutation."; exit 1; }
        for test in $test_names; do
            grep -rqE "(void|Task) ${test#*.}\(" "$tests" || { echo "There is no test $test."; exit 2; }
        done
    fi
fi

caught=0 missed=0
for name in "$@"; do
    # A patch that does not apply any more ends the run. Otherwise its loss would not be noticed.
    git apply --whitespace=nowarn "$mutations/$name.patch" || { echo "$name.patch does not apply."; exit 2; }
    build_mutated
    if [[ -n $find_range ]]; then
        LOGHTTP_SIMULATION_SEEDS=$find_range simulate || true
        grep --text -oE "Seed [0-9]+, step.*" test.log | cut -c1-220 | sort -u || echo "No seed of $find_range catches $name."
        exit
    fi
    seed=$(header "$name" Seed) check=$(header "$name" Check) test=$(header "$name" Test)
    if [[ -n $test ]]; then
        # A test host that ends without a result does not count as a failed test.
        if run_tests "$test" || ! grep --text -qE '^(Failed|.*\[FAIL\])' test.log; then
            result="MISSED: $test passes"
        else
            result=caught
        fi
    elif LOGHTTP_SIMULATION_SEED=$seed simulate; then
        result="MISSED: the seed passes"
    elif ! grep --text -qE "Seed $seed, step [0-9]+: .*($check)" test.log; then
        result="MISSED: failed otherwise than with \"$check\": $(grep --text -oE "Seed $seed, step.*" test.log | head -n 1)"
    else
        result=caught
    fi
    if [[ $result != caught && -z $test ]]; then
        # A seed draws other numbers once the simulation changes, or the storage's calls.
        LOGHTTP_SIMULATION_SEEDS=$fallback_range simulate || true
        other=$(grep --text -oE "Seed [0-9]+, step [0-9]+: .*($check)" test.log | head -n 1 | grep -oE '^Seed [0-9]+' || true)
        [[ -z $other ]] || result="caught by ${other,} (its own is stale: $result)"
    fi
    [[ $result == caught* ]] && caught=$((caught + 1)) || missed=$((missed + 1))
    printf '%-45s %-12s %s\n' "$name" "${test:+test}${seed:+seed $seed}" "$result"
    git apply --whitespace=nowarn --reverse "$mutations/$name.patch"
done
echo "$caught caught, $missed missed"
((missed == 0))
