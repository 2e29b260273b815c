#!/usr/bin/env bash
# Installs what is missing, builds, runs every test, and prints `N passed, N failed, N skipped` last.
# usage: tests/run.sh [PRESET] [options of ctest]        PRESET: release (default), dev, asan, tsan
set -euo pipefail
cd "$(dirname "$0")/.."
. installer/common.sh

preset=release
case ${1:-} in release | dev | asan | tsan) preset=$1; shift ;; esac

install_packages installer/packages.txt tests/packages.txt
build "$preset"

report=$PWD/build/$preset/tests.xml
status=0
ctest --test-dir "build/$preset" --output-on-failure --timeout 600 --parallel "$(nproc)" --output-junit "$report" "$@" || status=$?
python3 - "$report" <<'PY'
import sys, xml.etree.ElementTree as xml
suite = xml.parse(sys.argv[1]).getroot()
count = lambda name: int(suite.get(name, 0))
failed = count("failures")
skipped = count("skipped") + count("disabled")
print(f"{count('tests') - failed - skipped} passed, {failed} failed, {skipped} skipped")
PY
exit "$status"
