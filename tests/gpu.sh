#!/usr/bin/env bash
# Measures this machine's NVIDIA card and writes docs/gpu-results.md, anew after each phase: what the card reaches at
# most, kernels and models against the CPU, then speed. Each phase has a time limit, all of them together about 7 minutes.
# Needs no Qt and no network.
# usage: tests/gpu.sh [--programs FOLDER] [--results FOLDER] [--seconds NUMBER] [--small]
#        tests/gpu.sh --pack FOLDER
# --pack builds the programs, on a machine that may have no card, and copies them to FOLDER. --programs takes them from
# there; what does not start is built here, as it is where no folder is named. --results writes the page and the records
# to another folder. --seconds is the time for all phases, 420 where it is not named. --small tries the way with sizes
# that measure nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf '%s\n' "$*"; }
fail() { printf 'gpu.sh: %s\n' "$*" >&2; exit 1; }

programs='' results='' seconds=420 small=() pack='' unpacked=''
while [ $# -gt 0 ]; do
    case $1 in
    --programs | --results | --pack) [ $# -gt 1 ] || fail "$1 needs a folder"; declare "${1#--}=$2"; shift 2 ;;
    --seconds) [[ ${2-} =~ ^[1-9][0-9]{0,5}$ ]] || fail "$1 needs a whole number"; seconds=$2; shift 2 ;;
    --small) small=(--small); shift ;;
    --help | -h) sed -n '2,10s/^# //p' tests/gpu.sh; exit 0 ;;
    *) fail "unknown: $1" ;;
    esac
done

built=(tests/gpu/gpu_check tests/kernels/cuda/cuda_kernel_tests tests/engine/cuda/cuda_engine_tests
    kernels/cuda/library/libswitchyard_cuda.so)
commit() { git rev-parse HEAD 2>/dev/null || cat "$programs/COMMIT" 2>/dev/null || echo unknown; }
build_programs() {
    say "Building the programs ..."
    mkdir -p build
    { cmake --preset gpu && cmake --build build/gpu --parallel "$(nproc)" \
        --target gpu_check cuda_kernel_tests cuda_engine_tests switchyard_cuda; } >build/gpu.log 2>&1
}
collect() { # FOLDER
    mkdir -p "$1"
    local file
    for file in "${built[@]}"; do
        cp -L "build/gpu/$file" "$1/"
        strip "$1/${file##*/}" 2>/dev/null || true
    done
    git rev-parse HEAD >"$1/COMMIT" 2>/dev/null || echo unknown >"$1/COMMIT"
}

if [ -n "$pack" ]; then
    build_programs || fail "the build failed: $(tail -n 1 build/gpu.log) (build/gpu.log has all of it)"
    rm -f "$pack/programs.tar.xz"
    collect "$pack"
    # What is carried to another machine may not be large.
    (cd "$pack" && tar -cJf programs.tar.xz --remove-files COMMIT "${built[@]##*/}")
    say "Packed: $(du -sh "$pack" | cut -f1) in $pack"
    exit 0
fi
if [ -f "$programs/programs.tar.xz" ]; then
    unpacked=$(mktemp -d)
    trap 'rm -rf "$unpacked"' EXIT
    if tar -C "$unpacked" -xJf "$programs/programs.tar.xz"; then programs=$unpacked; fi
fi
starts() { [ -x "$1/gpu_check" ] && "$1/gpu_check" --help >/dev/null 2>&1; }
if ! starts "$programs"; then
    [ -z "$programs" ] || say "What is in $programs does not start here."
    build_programs || fail "the build failed: $(tail -n 1 build/gpu.log) (build/gpu.log has all of it)"
    programs=build/gpu/programs
    collect "$programs"
fi
programs=$(cd "$programs" && pwd)
page=docs/gpu-results.md records=build/gpu-results.jsonl
if [ -n "$results" ]; then
    page=$results/gpu-results.md records=$results/gpu-results.jsonl
fi
mkdir -p "$(dirname "$page")" "$(dirname "$records")"
work=$(mktemp -d) models=$(mktemp -d)
kept=$records records=$work/records.jsonl # what another run measured stays until this one measures
: >"$records"
trap 'rm -rf "$work" "$models" ${unpacked:+"$unpacked"}' EXIT
export SWITCHYARD_CUDA_LIBRARY=${SWITCHYARD_CUDA_LIBRARY:-$programs/libswitchyard_cuda.so}
# cuBLASLt as PyTorch's packages bring it, where the machine has no other.
if ! ldconfig -p 2>/dev/null | grep -q libcublasLt.so.13 && [ ! -e /usr/local/cuda/lib64/libcublasLt.so.13 ]; then
    cublas=$(python3 -c 'import glob, nvidia
print(*(glob.glob(f"{nvidia.__path__[0]}/*/lib/libcublasLt.so.13") + [""])[:1])' 2>/dev/null || true)
    [ -z "$cublas" ] || export LD_LIBRARY_PATH=${cublas%/*}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
status=0
unmeasured='No figure of a card has been measured' # as the page says it

# What is left of the time for all phases, in whole seconds.
left() { echo $((seconds - SECONDS)); }
SECONDS=0
report() { # [--unfinished]
    "$programs/gpu_check" report --records "$records" --date "$(date -u +%F)" --commit "$(commit)" --out "$page" "$@"
}
skip() { "$programs/gpu_check" note --phase "$1" --skipped "$2" >>"$records"; }
# phase NAME SECONDS COMMAND ...: runs it, adds a line to the records, and writes the page. What hangs ends with its
# phase; what it printed until then counts.
phase() {
    local name=$1 limit=$2 begin code=0
    shift 2
    [ "$limit" -le "$(left)" ] || limit=$(left)
    if [ "$limit" -lt 2 ]; then
        skip "$name" "no time was left for it"
        return 1
    fi
    rm -f "$work"/output "$work"/errors "$work"/tests.json
    begin=$(date +%s.%N)
    timeout -k 5 "$limit" "$@" >"$work/output" 2>"$work/errors" </dev/null || code=$?
    "$programs/gpu_check" note --phase "$name" --code "$code" --output "$work/output" --errors "$work/errors" \
        --tests "$work/tests.json" --seconds "$(awk "BEGIN {print $(date +%s.%N) - $begin}")" >>"$records"
    tail -n 1 "$records" | cut -c1-300
    if [ "$code" = 0 ] && tail -n 1 "$records" | grep -q '"status":"failed"'; then code=1; fi
    [ "$code" = 0 ] || status=1
    [ "$name" = card ] || report --unfinished
    return "$code"
}

no_card=3 # as gpu_check ends where there is no card, or no driver for one
code=0
phase card 30 "$programs/gpu_check" card || code=$?
if [ "$code" != 0 ]; then
    [ -e "$kept" ] || cp "$records" "$kept"
    # What another run measured stays.
    if [ -f "$page" ] && ! grep -q "$unmeasured" "$page"; then
        say "Nothing was measured: $page stays as it is."
    else
        report
    fi
    [ "$code" = "$no_card" ] || fail "the card cannot be measured: $(tail -n 1 "$work/errors" | grep . || echo "gpu_check ended with $code")"
    say "There is no card here."
    exit 0
fi
mv "$records" "$kept"
records=$kept
is_small() { [ ${#small[@]} -gt 0 ]; }

phase limits 30 "$programs/gpu_check" limits "${small[@]}" || true
phase memory 15 "$programs/gpu_check" memory "${small[@]}" || true

# Right before fast.
kernel_tests=("$programs/cuda_kernel_tests" --gtest_output="json:$work/tests.json")
if is_small; then kernel_tests+=(--gtest_filter='*Rows*'); fi
phase 'kernels against the CPU' 75 env SWITCHYARD_TEST_DEVICE=cuda "${kernel_tests[@]}" || true
# The reference models lie packed in the source.
unpack_models() {
    local packed plain
    for packed in tests/data/reference/models/*/*.xz; do
        plain=$models/${packed#tests/data/}
        mkdir -p "${plain%/*}"
        xz -dc "$packed" >"${plain%.xz}" || return 1
    done
}
# Of the engine's tests those that compute on the card. The others try on emulated ones, which takes minutes, what no
# card does when it is asked to: it is lost, has little memory, launches in another order.
emulated='*SelfCheck.*:CheckMemory.*:*CudaCarved.AnswerTheSame*:DeviceDraws.*:*DeviceDrawing.*:DevicePoolTest.*:CudaKvStore.*'
emulated+=':*CudaLaunches.*:CudaStateLaunches.*:*CudaOffload.*:CudaOffloadForecast.*:*CudaRowProgram.*:CudaRowLaunches.*'
emulated+=':CudaStepMemory.*:StepPace.*:WeightUploadTest.*:CudaServing.HoweverSteps*'
emulated+=':CudaServing.ALostDevice*:CudaServing.AModelThatDoesNotFit*:CudaServing.ATokenThatFindsNoMemory*'
if is_small; then
    skip 'reference models' 'small sizes'
elif unpack_models; then
    phase 'reference models' 45 env SWITCHYARD_TEST_DEVICE=cuda SWITCHYARD_TEST_DATA="$PWD/tests/data" \
        SWITCHYARD_TEST_WORK="$models" "$programs/cuda_engine_tests" --gtest_output="json:$work/tests.json" \
        --gtest_filter="-$emulated" || true
else
    skip 'reference models' 'they could not be unpacked: xz is missing'
fi

speed() { # SECONDS SHAPE TYPE: answers and prompts
    phase "speed of $2, $3" "$1" "$programs/gpu_check" speed --shape "$2" --quant "$3" "${small[@]}" || true
}
dial() { # SECONDS precision|experts SHAPE TYPE
    phase "$2 of $3, $4" "$1" "$programs/gpu_check" "$2" --shape "$3" --quant "$4" "${small[@]}" || true
}
# What matters most comes first: a run that is cut short has measured it.
if is_small; then types=(Q4_K); else types=(BF16 Q8_0 Q4_K); fi
for type in "${types[@]}"; do speed 30 deepseek-v2-lite "$type"; done
for type in "${types[@]}"; do speed 20 llama-3.1-8b "$type"; done
dial 30 precision deepseek-v2-lite BF16
dial 20 experts deepseek-v2-lite Q8_0
for shape in qwen3-30b-a3b gpt-oss-20b deepseek-v1-moe-16b; do
    for type in "${types[@]}"; do speed 30 "$shape" "$type"; done
done

if is_small; then
    skip memcheck 'small sizes'
elif command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck; do
        phase "$tool" 40 env SWITCHYARD_TEST_DEVICE=cuda compute-sanitizer --tool "$tool" --error-exitcode 9 \
            "${kernel_tests[@]}" || true
    done
else
    skip memcheck 'compute-sanitizer was not found'
fi
report
say "Written: $page"
exit "$status"
