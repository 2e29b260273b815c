#!/usr/bin/env bash
# Builds what is given to users into a folder: packages for Debian 12, a self-contained archive for other distributions, the
# source, and SHA256SUMS.
# usage: installer/package.sh [--no-cuda] [--preset PRESET] [FOLDER]        FOLDER: build/packages; PRESET: package
set -euo pipefail
cd "$(dirname "$0")/.."
. installer/common.sh

preset=package folder=build/packages
while [ $# -gt 0 ]; do
    case $1 in
    --no-cuda) configure_options=(-DSWITCHYARD_CUDA=OFF); shift ;;
    --preset) [ $# -gt 1 ] || { say "switchyard: --preset needs a name" >&2; exit 2; }; preset=$2; shift 2 ;;
    --help | -h) sed -n '2,4s/^# //p' "$0"; exit 0 ;;
    -*) say "switchyard: unknown option $1" >&2; exit 2 ;;
    *) folder=$1; shift ;;
    esac
done
umask 022
install_packages installer/packages.txt installer/packaging.txt

# One time for everything that has a time: who builds the same source with the same tools gets the same bytes.
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null) ||
        SOURCE_DATE_EPOCH=$(date -ud "$(sed -nE '/^## /{s/.*\((.*)\)/\1/p;q}' CHANGELOG.md)" +%s)
fi
export SOURCE_DATE_EPOCH

# CUDA 12.8 and 12.9 know every card that 13 does and old ones, and run on older drivers.
if [ ${#configure_options[@]} = 0 ] && [ -z "${CUDACXX:-}" ]; then
    for compiler in /usr/local/cuda-12.9/bin/nvcc /usr/local/cuda-12.8/bin/nvcc; do
        if [ -x "$compiler" ]; then export CUDACXX=$compiler; break; fi
    done
    find_nvcc || say "There is no nvcc here: switchyard-cuda, the package for NVIDIA cards, is not built."
fi
# Resources have the time in them, which no build looks at by itself.
if [ "$SOURCE_DATE_EPOCH" != "$(cat "build/$preset/epoch" 2>/dev/null)" ]; then
    find "build/$preset" -name 'qrc_*.cpp' -delete 2>/dev/null || true
fi
build "$preset"
echo "$SOURCE_DATE_EPOCH" >"build/$preset/epoch"
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "build/$preset/CMakeCache.txt")

work=$PWD/build/$preset/packing
rm -rf "$work"
mkdir -p "$work" "$folder"
rm -f "$folder"/switchyard*_*.deb "$folder"/switchyard-*.tar.xz "$folder/SHA256SUMS"

say "Packing for Debian ..."
cpack --config "build/$preset/CPackConfig.cmake" -B "$work/deb" >"$work/deb.log" 2>&1 ||
    { tail -n 20 "$work/deb.log" >&2; fail "the packages could not be made; all that was said is in $work/deb.log"; }
mv "$work"/deb/*.deb "$folder"

# pack NAME: folder NAME of the work folder as an archive, whose bytes depend on its contents alone.
pack() {
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --mode=go=rX,u+rw,a-s -C "$work" -c "$1" |
        xz -T1 >"$folder/$1.tar.xz"
}
say "Packing for other distributions ..."
whole=switchyard-$version-linux-$(uname -m)
cmake -DBUILD="build/$preset" -DFOLDER="$work/$whole" -P installer/archive/bundle.cmake
python3 installer/archive/licences.py "$work/$whole/licences" <"$work/$whole.files"
cp LICENSE CHANGELOG.md installer/archive/README.txt installer/archive/add-to-menu.sh "$work/$whole"
pack "$whole"

# The GPL wants the source beside the programs.
if git rev-parse HEAD >/dev/null 2>&1; then
    source=switchyard-$version-source
    git archive --prefix="$source/" HEAD | tar -x -C "$work"
    pack "$source"
    git diff --quiet HEAD || say "The source here differs from the last commit, which is what is packed as the source."
fi

(cd "$folder" && sha256sum -- *.deb *.tar.xz >SHA256SUMS && cat SHA256SUMS)
rm -rf "$work"
