#!/usr/bin/env bash
# Installs what is missing, builds, runs every test, and prints `N passed, N failed, N skipped` last.
# usage: tests/run.sh [--all] [PRESET] [options of ctest]        PRESET: release (default), dev, asan, tsan
# --all builds the CUDA kernels for every card that packages are built for, instead of sm_90 alone, and tries options of
# the CUDA backend in all combinations, instead of in pairs.
set -euo pipefail
cd "$(dirname "$0")/.."
. installer/common.sh

cards=90
if [ "${1:-}" = --all ]; then
    cards='75-real;80-real;86-real;89-real;90'
    export SWITCHYARD_TEST_ALL=1
    shift
fi
preset=release
case ${1:-} in release | dev | asan | tsan) preset=$1; shift ;; esac

reports=() status=0 unfuzzed=0
# run_tests PRESET [options of ctest]
run_tests() {
    local report=$PWD/build/$1/tests.xml
    rm -f "$report"
    ctest --test-dir "build/$1" --output-on-failure --timeout 600 --parallel "$(nproc)" --output-junit "$report" "${@:2}" || status=$?
    reports+=("$report")
}
# Whether this machine can build fuzzers: clang with its libFuzzer.
can_fuzz() {
    command -v clang++ >/dev/null &&
        echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
        clang++ -fsanitize=fuzzer,address,undefined -x c++ - -o /dev/null 2>/dev/null
}

install_packages installer/packages.txt tests/packages.txt
fetch_cuda_compiler
find_nvcc || say "There is no nvcc here: the CUDA library is skipped for cards ${cards//;/, }, and the test of its kernels' registers and spills; its kernels run on the emulated device alone."
configure_options=("-DSWITCHYARD_CUDA_ARCHITECTURES=$cards")
build "$preset"
run_tests "$preset" "$@"
# Each fuzzer for some seconds, on a plain run of everything.
if [ "$preset" = release ] && [ $# = 0 ]; then
    fuzzers=(tests/fuzz/*_fuzz.cpp)
    if can_fuzz; then
        configure_options=()
        build fuzz $(basename -s .cpp "${fuzzers[@]}")
        [ -x build/fuzz/tests/fuzz/markdown_fuzz ] ||
            say "Qt 6 or libmd4c is missing here: the fuzzer of Markdown is skipped."
        run_tests fuzz
    else
        say "There is no clang++ with libFuzzer here: the fuzzers are skipped."
        unfuzzed=${#fuzzers[@]}
    fi
fi
python3 - "$unfuzzed" "${reports[@]}" <<'PY'
import sys, xml.etree.ElementTree as xml
total = failed = 0
skipped = unfuzzed = int(sys.argv[1])
for report in sys.argv[2:]:
    suite = xml.parse(report).getroot()
    count = lambda name: int(suite.get(name, 0))
    total += count("tests")
    failed += count("failures")
    skipped += count("skipped") + count("disabled")
print(f"{total + unfuzzed - failed - skipped} passed, {failed} failed, {skipped} skipped")
PY
exit "$status"
