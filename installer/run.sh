#!/usr/bin/env bash
# Sets Switchyard up on a fresh Debian 12 and starts it: packages, build, default model, window.
# usage: installer/run.sh [--prompt TEXT] [options of the program]
set -euo pipefail
cd "$(dirname "$0")/.."
. installer/common.sh
. installer/default_model.sh

prompt=() rest=()
while [ $# -gt 0 ]; do
    case $1 in
    --prompt) [ $# -gt 1 ] || { say "switchyard: --prompt needs a text" >&2; exit 2; }; prompt=(--prompt "$2"); shift 2 ;;
    --help | -h) sed -n '2,3s/^# //p' installer/run.sh; exit 0 ;;
    *) rest+=("$1"); shift ;;
    esac
done

install_packages installer/packages.txt
build install

models=${XDG_DATA_HOME:-$HOME/.local/share}/switchyard/models
bin=$PWD/build/install/app
fetch_default_model "$models"
carve_default_model "$models" "$bin/cli/switchyard-cli"

if [ ${#prompt[@]} -gt 0 ]; then
    exec "$bin/cli/switchyard-cli" generate "$carved_model" "${prompt[@]}" "${rest[@]}"
fi
if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    say "There is no display: starting the chat in this terminal."
    exec "$bin/cli/switchyard-cli" chat "$carved_model" "${rest[@]}"
fi
exec "$bin/desktop/switchyard" "${rest[@]}"
