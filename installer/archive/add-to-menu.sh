#!/bin/sh
# Puts Switchyard, as it lies in this folder, into your menu, and its programs into ~/.local/bin; or takes it back.
# usage: add-to-menu.sh [--remove]
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
data=${XDG_DATA_HOME:-$HOME/.local/share}
bin=$HOME/.local/bin
entry=$data/applications/switchyard.desktop

# Menus and file managers read these again by themselves where the tools are not there, only later.
refresh() {
    if command -v update-desktop-database >/dev/null; then update-desktop-database -q "$data/applications" || true; fi
    if command -v update-mime-database >/dev/null; then update-mime-database "$data/mime" 2>/dev/null || true; fi
    touch -c "$data/icons/hicolor"
}
icons() { (cd "$here/share/icons/hicolor" && find . -type f -name 'switchyard.*'); }

case ${1:-} in
--remove)
    rm -f "$entry" "$data/mime/packages/switchyard.xml"
    icons | while IFS= read -r icon; do rm -f "$data/icons/hicolor/$icon"; done
    for program in switchyard switchyard-cli; do
        # A link of this folder's only.
        case $(readlink "$bin/$program" || true) in "$here"/*) rm -f "$bin/$program" ;; esac
    done
    refresh
    echo "Switchyard is no longer in the menu. Chats and models stay in $data/switchyard."
    exit ;;
'') ;;
*)
    echo "usage: add-to-menu.sh [--remove]" >&2
    exit 2 ;;
esac

# In an entry, a path may need quotes, within which four characters are escaped, backslashes twice.
quoted=$(printf '%s' "$here/bin/switchyard" | sed -e 's/[\\"`$]/\\&/g' -e 's/\\/\\\\/g' -e 's/%/%%/g')
mkdir -p "$data/applications" "$data/mime/packages" "$data/icons/hicolor" "$bin"
while IFS= read -r line; do
    case $line in
    Exec=*) printf 'Exec="%s" %%f\n' "$quoted" ;;
    *) printf '%s\n' "$line" ;;
    esac
done <"$here/share/applications/switchyard.desktop" >"$entry"
cp "$here/share/mime/packages/switchyard.xml" "$data/mime/packages/"
icons | while IFS= read -r icon; do
    mkdir -p "$data/icons/hicolor/$(dirname "$icon")"
    cp "$here/share/icons/hicolor/$icon" "$data/icons/hicolor/$icon"
done
for program in switchyard switchyard-cli; do
    # What somebody else put there stays.
    if [ ! -e "$bin/$program" ] || [ -L "$bin/$program" ]; then ln -sfn "$here/bin/$program" "$bin/$program"; fi
done
refresh
echo "Switchyard is in the menu, and as switchyard in $bin."
