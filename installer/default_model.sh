# The first model, as resources/models.json describes it, and the same model carved into experts. Sourced by
# installer/run.sh; needs say and fail.

# model_field ID NAME: a value of the table, or nothing.
model_field() {
    python3 -c 'import json, sys
print(next(m for m in json.load(open("resources/models.json"))["models"] if m["id"] == sys.argv[1]).get(sys.argv[2], ""))' "$1" "$2"
}

# fetch_default_model FOLDER WANT: sets model_id and default_model. WANT: default, small, large.
fetch_default_model() {
    model_id=$(python3 installer/fetch_model.py "$1" --want "$2") || exit 1
    default_model=$1/$(model_field "$model_id" file)
}

# carve_default_model FOLDER CLI: applies the plan that comes with the program; seconds. Again where the plan is another
# than last time. The dense file is what answers: a failure here leaves it usable.
carve_default_model() {
    local plan carved mark sum
    plan=$(model_field "$model_id" carve_plan)
    carved=$1/$(model_field "$model_id" carved_file) mark=$1/.carved-$model_id
    [ -n "$plan" ] && [ -f "resources/carve/$plan" ] || return 0
    sum=$(sha256sum "resources/carve/$plan" | cut -d' ' -f1)
    if [ -f "$carved" ] && [ "$(cat "$mark" 2>/dev/null)" = "$sum" ]; then return 0; fi
    say "Carving a copy of the model into experts ..."
    if "$2" carve "$default_model" "$carved" --plan "resources/carve/$plan" --no-compare >/dev/null; then
        echo "$sum" >"$mark"
    else
        say "The copy with experts could not be made, as the message above says; the model itself can be used."
    fi
}
