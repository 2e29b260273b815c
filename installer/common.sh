# Shared by installer/run.sh and tests/run.sh: messages, packages, build. Sourced, with `set -euo pipefail` in force.

say() { printf '%s\n' "$*"; }
fail() { printf 'switchyard: %s\n' "$*" >&2; exit 1; }

# Prints the packages named in the given list files that are not installed.
missing_packages() {
    local wanted
    wanted=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@" | sort -u)
    comm -23 <(printf '%s\n' "$wanted") \
        <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | sort -u)
}

# Installs what the given list files name and this machine lacks; through sudo where we are not root.
install_packages() {
    command -v dpkg-query >/dev/null || fail "packages are installed with apt, which this system does not have: install the counterparts of those in $* by hand, then build with: cmake --preset install && cmake --build --preset install"
    local missing log why
    missing=$(missing_packages "$@" | tr '\n' ' ')
    [ -n "${missing// /}" ] || return 0
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "packages are missing and there is no sudo; as root, run: apt-get install $missing"
        as_root=(sudo)
    fi
    say "Installing packages: $missing"
    log=$(mktemp)
    # The lists of packages may be old or absent: one update where the first try fails.
    # shellcheck disable=SC2086
    if ! { apt_install $missing || { "${as_root[@]}" apt-get update -qq && apt_install $missing; }; } >"$log" 2>&1; then
        why=$(grep -E '^E:' "$log" | head -n 1 || true)
        rm -f "$log"
        fail "the packages could not be installed (${why:-apt-get failed}); with a network and free space, run as root: apt-get install $missing"
    fi
    rm -f "$log"
}
apt_install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# Where CUDA's compiler is, as cmake/SwitchyardCuda.cmake finds it; fails where it is not.
find_nvcc() {
    local place
    for place in "${CUDACXX:-}" "$(command -v nvcc || true)" "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" \
        build/cuda-toolkit/nvidia/cu13/bin/nvcc; do
        [ -n "$place" ] && [ -x "$place" ] && return 0
    done
    return 1
}
# The version of the NVIDIA driver that is loaded: "580.159.03"; nothing where there is none.
nvidia_driver() {
    if [ -r "${NVIDIA_PROC:-/proc/driver/nvidia}/version" ]; then
        grep -m 1 -oE '[0-9]{3,}\.[0-9]+(\.[0-9]+)?' "${NVIDIA_PROC:-/proc/driver/nvidia}/version" || true
    elif command -v nvidia-smi >/dev/null; then
        nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1 || true
    fi
}
# Brings CUDA's compiler from PyPI where there is a card's driver and no compiler, and cuBLAS for it. Without the
# compiler the CPU computes; without cuBLAS the card does, prompts with kernels of our own.
cuda_toolkit=build/cuda-toolkit
fetch_cuda_compiler() {
    local driver
    driver=$(nvidia_driver)
    [ -n "$driver" ] || return 0
    if ! find_nvcc; then
        if [ "${driver%%.*}" -lt 580 ]; then
            say "The NVIDIA driver here is $driver, and the compiler for its cards needs 580 or newer: the CPU computes."
            return 0
        fi
        say "Fetching CUDA's compiler for the NVIDIA card here: it takes 271 MB in $cuda_toolkit."
        # All of one version: ptxas refuses what another's compiler made.
        fetch_from_pypi nvidia-cuda-nvcc nvidia-nvvm nvidia-cuda-crt nvidia-cuda-runtime nvidia-cuda-cccl || {
            say "It could not be fetched ($fetch_failure): the CPU computes. The next start tries again."
            return 0
        }
    fi
    # Another compiler's own cuBLAS is where its maker put it.
    if [ -d "$cuda_toolkit" ] && [ ! -e "$cuda_toolkit/nvidia/cu13/lib/libcublasLt.so.13" ]; then
        say "Fetching cuBLAS, which computes prompts faster: it takes 600 MB in $cuda_toolkit."
        fetch_from_pypi nvidia-cublas ||
            say "It could not be fetched ($fetch_failure): prompts are computed without it. The next start tries again."
    fi
}
# fetch_from_pypi PACKAGE ...: adds packages of CUDA 13.0 to the toolkit, all of them or none; fetch_failure says why not.
fetch_from_pypi() {
    local log code=0 part=$cuda_toolkit.part
    log=$(mktemp)
    rm -rf "$part"
    mkdir -p build
    if python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$part" \
        "${@/%/==13.0.*}" >"$log" 2>&1; then
        mkdir -p "$cuda_toolkit"
        cp -al "$part/." "$cuda_toolkit/"
    else
        code=1
        fetch_failure=$(grep -iE '^ *error' "$log" | head -n 1 || true)
        fetch_failure=${fetch_failure:-pip failed}
    fi
    rm -rf "$part" "$log"
    return "$code"
}
# The cards that are here, as CMake names them: "86;90". Nothing where none tells.
cards_here() {
    command -v nvidia-smi >/dev/null || return 0
    nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null |
        sed -nE 's/^ *([0-9]+)\.([0-9]+) *$/\1\2/p' | sort -nu | paste -sd ';' || true
}

# build PRESET [TARGET ...]: configures where needed and builds; the output is shown only where it fails. What is in
# configure_options is given to CMake, and given anew where it differs from the last time's.
configure_options=()
build() {
    local preset=$1 log=build/$1.log targets=() options="${configure_options[*]}"
    shift
    mkdir -p build
    # Left over from another place of this folder: CMake would refuse such a cache.
    if [ -f "build/$preset/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "build/$preset/CMakeCache.txt"; then
        rm -rf "build/$preset"
    fi
    if [ ! -f "build/$preset/build.ninja" ] || [ "$options" != "$(cat "build/$preset/options" 2>/dev/null)" ]; then
        say "Configuring ..."
        cmake --preset "$preset" "${configure_options[@]}" >"$log" 2>&1 || build_failed "$log"
        printf '%s' "$options" >"build/$preset/options"
    fi
    [ $# = 0 ] || targets=(--target "$@")
    cmake --build "build/$preset" "${targets[@]}" 2>&1 | tee "$log" | show_build || build_failed "$log"
}
# Out of Ninja's many lines: one that counts on a terminal, else one each tenth; and before, what a whole build takes.
show_build() {
    local line done steps tenth=0 begun='' cores live=''
    cores=$(nproc)
    [ ! -t 1 ] || live=1
    while IFS= read -r line; do
        [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
        done=${BASH_REMATCH[1]} steps=${BASH_REMATCH[2]}
        [ "$steps" -gt 2 ] || continue # Ninja looks whether files were added
        # 2 to 8 processor seconds a step were seen, on newer and older machines.
        [ -n "$begun" ] || [ "$steps" -lt 30 ] ||
            say "Building: $steps steps, $((steps * 2 / cores / 60 + 1)) to $((steps * 8 / cores / 60 + 1)) minutes on $cores processors where nothing was built before."
        begun=1
        if [ -n "$live" ]; then
            printf '\rBuilding: %s of %s   ' "$done" "$steps"
        elif [ $((10 * done / steps)) -gt "$tenth" ]; then
            tenth=$((10 * done / steps))
            say "Building: $done of $steps"
        fi
    done
    [ -z "$live" ] || printf '\r%30s\r' ''
}
build_failed() {
    grep -E '(^|[^-])\b([Ee]rror|CMake Error)\b.*:|fatal error' "$1" | grep -v -- '-Werror' | head -n 5 >&2 || true
    # A full disk does not always leave room to say so in the log.
    if grep -q 'No space left' "$1" || [ "$(df -P -k "$PWD/build" | awk 'NR == 2 {print $4}')" -lt 20000 ]; then
        fail "the disk is full: about 500 MB are needed in $PWD/build"
    fi
    fail "the build failed; its whole output is in $PWD/$1"
}
