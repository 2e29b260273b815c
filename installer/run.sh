#!/usr/bin/env bash
# Sets Switchyard up on a fresh Debian 12 and starts it: packages, build, default model, window.
# usage: installer/run.sh [--prompt TEXT] [--small | --large] [options of the program]
# --small and --large choose SmolLM2 135M (98 MB) or Qwen2.5-Coder 1.5B (1.1 GB) instead of Qwen2.5-Coder 0.5B (491 MB).
set -euo pipefail
cd "$(dirname "$0")/.."
. installer/common.sh
. installer/default_model.sh

prompt=() rest=() want=default
while [ $# -gt 0 ]; do
    case $1 in
    --prompt) [ $# -gt 1 ] || { say "switchyard: --prompt needs a text" >&2; exit 2; }; prompt=(--prompt "$2"); shift 2 ;;
    --small | --large) want=${1#--}; shift ;;
    --help | -h) sed -n '2,4s/^# //p' installer/run.sh; exit 0 ;;
    *) rest+=("$1"); shift ;;
    esac
done

install_packages installer/packages.txt
fetch_cuda_compiler
cards=$(cards_here)
[ -z "$cards" ] || configure_options=("-DSWITCHYARD_CUDA_ARCHITECTURES=$cards")
build install

models=${XDG_DATA_HOME:-$HOME/.local/share}/switchyard/models
bin=$PWD/build/install/app
fetch_default_model "$models" "$want"
carve_default_model "$models" "$bin/cli/switchyard-cli"

if [ ${#prompt[@]} -gt 0 ]; then
    exec "$bin/cli/switchyard-cli" generate "$default_model" "${prompt[@]}" "${rest[@]}"
fi
if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    say "There is no display: starting the chat in this terminal."
    exec "$bin/cli/switchyard-cli" chat "$default_model" "${rest[@]}"
fi
# Without a wish the window opens with the model that was used last.
[ "$want" = default ] || rest=(--model "$default_model" "${rest[@]}")
exec "$bin/desktop/switchyard" "${rest[@]}"
