# The first model, as resources/models.json describes it, and the same model carved into experts. Sourced by
# installer/run.sh; needs say and fail.

# fetch_default_model FOLDER WANT: sets model_id, default_model, and carve_plan and carved_model, empty where there are
# none. WANT: default, small, large.
fetch_default_model() {
    local fields
    model_id=$(python3 installer/fetch_model.py "$1" --want "$2") || exit 1
    mapfile -t fields < <(python3 -c 'import json, sys
model = next(m for m in json.load(open("resources/models.json"))["models"] if m["id"] == sys.argv[1])
for name in ("file", "carve_plan", "carved_file"):
    print(model.get(name, ""))' "$model_id")
    default_model=$1/${fields[0]} carve_plan=${fields[1]} carved_model=$1/${fields[2]}
}

# carve_default_model FOLDER CLI: applies the plan that comes with the program; seconds. Again where the plan, or how it is
# applied, is another than last time. The dense file is what answers: a failure here leaves it usable.
carve_default_model() {
    local mark=$1/.carved-$model_id plan=resources/carve/$carve_plan sum
    [ -n "$carve_plan" ] && [ -f "$plan" ] || return 0
    sum=$(cat "$plan" engine/carve/*.cpp | sha256sum | cut -d' ' -f1)
    if [ -f "$carved_model" ] && [ "$(cat "$mark" 2>/dev/null)" = "$sum" ]; then return 0; fi
    say "Carving a copy of the model into experts ..."
    if "$2" carve "$default_model" "$carved_model" --plan "$plan" --no-compare >/dev/null; then
        echo "$sum" >"$mark"
    else
        say "The copy with experts could not be made, as the message above says; the model itself can be used."
    fi
}
