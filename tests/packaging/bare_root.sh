#!/usr/bin/env bash
# Installs what installer/package.sh made as a user does, on Debian 12 systems with nothing on them, and starts it there.
# usage, as root: tests/packaging/bare_root.sh FOLDER WORK        FOLDER: of the packages; WORK: for the systems (1.5 GB)
#
# In the one: apt installs an older version, chats of an old version are there, the new version takes its place, is started
# from its menu entry, shows those chats, and is removed: chats stay, and nothing else does. In the other, which gets a font
# and a keyboard layout as any desktop has and no Qt: the self-contained archive starts. Pictures of both are left in WORK.
# Takes minutes, and Debian's archive; by hand therefore, not among the tests that tests/run.sh runs.
set -euo pipefail
if [ $# != 2 ] || [ "$(id -u)" != 0 ]; then sed -n '2,3s/^# //p' "$0" >&2; exit 2; fi
# Mounts of its own, which end with it and are seen nowhere else.
if [ -z "${SWITCHYARD_OWN_MOUNTS:-}" ]; then SWITCHYARD_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"; fi
source=$(realpath "$(dirname "$0")/../..")
packages=$(realpath "$1") work=$(realpath -m "$2")
mkdir -p "$work"
shopt -s nullglob

checks=0
say() { printf '%s\n' "$*"; }
passed() { checks=$((checks + 1)); say "passed: $*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
check() { local what=$1; shift; if "$@"; then passed "$what"; else fail "$what: $*"; fi; }

mirror=$(awk '/^URIs/{print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
mirror=${mirror:-http://deb.debian.org/debian}
if [ ! -e "$work/pristine/etc/debian_version" ]; then
    say "Making a bare Debian 12 ..."
    debootstrap --variant=minbase --include=ca-certificates bookworm "$work/pristine" "$mirror" >"$work/debootstrap.log" 2>&1 ||
        fail "debootstrap: see $work/debootstrap.log"
fi

# The host's display is lent to both systems: a display of their own would bring the libraries that are to be missing.
display=''
trap '[ -z "$display" ] || kill "$display"' EXIT
number=90
while [ -e "/tmp/.X11-unix/X$number" ] || [ -e "/tmp/.X$number-lock" ]; do number=$((number + 1)); done
Xvfb ":$number" -screen 0 1400x950x24 -nolisten tcp -ac >"$work/display.log" 2>&1 &
display=$!
for _ in $(seq 50); do [ -e "/tmp/.X11-unix/X$number" ] && break; sleep 0.1; done

# fresh NAME: a system with nothing on it, and a user.
fresh() {
    root=$work/$1
    rm -rf "$root"
    cp -a "$work/pristine" "$root"
    cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/" 2>/dev/null && rm -f "$root/etc/apt/sources.list"
    cp /etc/apt/apt.conf.d/99* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" 2>/dev/null || true
    local place
    for place in proc sys dev; do mount --rbind "/$place" "$root/$place"; done
    mkdir -p "$root/tmp/.X11-unix"
    mount --bind /tmp/.X11-unix "$root/tmp/.X11-unix"
    chroot "$root" useradd -m -s /bin/bash tester
    install -d -o 1000 -g 1000 -m 700 "$root/run/tester"
    tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id" # as any system has that was ever booted
    as_root 'apt-get update -qq' >/dev/null
}
as_root() {
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" bash -c "$1"
}
as_user() {
    chroot --userspec=tester:tester "$root" /usr/bin/env -i HOME=/home/tester USER=tester PATH=/usr/bin:/bin \
        LANG="${language:-C.UTF-8}" DISPLAY=":$number" QT_QPA_PLATFORM=xcb XDG_RUNTIME_DIR=/run/tester bash -c "cd && $1"
}
# ask DATABASE QUESTION: the first row of the answer.
ask() { python3 -c 'import sqlite3, sys; print(*sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).execute(sys.argv[2]).fetchone())' "$@"; }

# ---- The package ----
deb=("$packages"/switchyard_*.deb)
[ ${#deb[@]} = 1 ] || fail "there is not one switchyard_*.deb in $packages"
version=$(dpkg-deb -f "${deb[0]}" Version)
say "== ${deb[0]##*/} on a bare Debian 12"
fresh installed

# The same program as an older version has it.
rm -rf "$work/older"
dpkg-deb -R "${deb[0]}" "$work/older"
sed -i "s/^Version: .*/Version: 0.0.1/" "$work/older/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/older" "$root/tmp/switchyard_0.0.1_amd64.deb" >/dev/null
cp "${deb[0]}" "$root/tmp/"
as_root 'apt-get install -y -qq /tmp/switchyard_0.0.1_amd64.deb' >"$work/apt.log" 2>&1 || fail "apt-get install: see $work/apt.log"
passed "apt installs it, and what it depends on"
check "an older version is there" [ "$(as_root "dpkg-query -W -f '\${Version}' switchyard")" = 0.0.1 ]

data=$root/home/tester/.local/share/switchyard
install -d -o 1000 -g 1000 "$root/home/tester/.local" "$root/home/tester/.local/share" "$data"
xz -dc "$source/tests/data/app/chats_v1.sqlite.xz" >"$data/chats.sqlite"
chown -R 1000:1000 "$data"
before=$(ask "$data/chats.sqlite" 'SELECT (SELECT count(*) FROM conversations), (SELECT count(*) FROM messages)')
tables=$(ask "$data/chats.sqlite" 'PRAGMA user_version')

as_root "apt-get install -y -qq /tmp/${deb[0]##*/}" >>"$work/apt.log" 2>&1 || fail "apt-get install: see $work/apt.log"
check "the new version takes its place" [ "$(as_user 'switchyard --version')" = "switchyard ${version%-*}" ]
check "the command line starts" [ "$(as_user 'switchyard-cli --version')" = "switchyard-cli ${version%-*}" ]
as_user 'switchyard-cli devices' >/dev/null || fail "switchyard-cli devices"

# From the menu: by the entry's own command.
command=$(sed -n 's/^Exec=\(.*\) %f$/\1/p' "$root/usr/share/applications/switchyard.desktop")
as_user "timeout 60 $command --grab window.png --quit" || fail "the window did not open"
check "it starts from its menu entry" [ -s "$root/home/tester/window.png" ]
cp "$root/home/tester/window.png" "$work/installed.png"
language=zh_CN.UTF-8
as_root 'apt-get install -y -qq locales && sed -i "s/^# zh_CN.UTF-8/zh_CN.UTF-8/" /etc/locale.gen && locale-gen' >>"$work/apt.log" 2>&1
as_user "timeout 60 $command --grab chinese.png --quit" || fail "the window did not open in Chinese"
cp "$root/home/tester/chinese.png" "$work/installed-chinese.png"
language=''
check "the old chats are there" [ "$(ask "$data/chats.sqlite" 'SELECT (SELECT count(*) FROM conversations), (SELECT count(*) FROM messages)')" = "$before" ]
check "their tables were brought up to date" [ "$(ask "$data/chats.sqlite" 'PRAGMA user_version')" -gt "$tables" ]
backups=("$data"/*backup* "$data"/*.bak* "$data"/chats*v1*)
check "with a backup made before" [ ${#backups[@]} -gt 0 ]

# gone HOW: nothing of the package is left.
gone() {
    check "after $1 nothing of it is left" [ -z "$(find "$root/usr" "$root/etc" "$root/var/lib/dpkg/info" -name '*switchyard*' -print -quit)" ]
    check "and nothing is wrong" [ -z "$(as_root 'dpkg --audit')" ]
}
as_root 'apt-get remove -y -qq switchyard' >>"$work/apt.log" 2>&1 || fail "apt-get remove: see $work/apt.log"
gone apt-get\ remove
as_root "apt-get install -y -qq /tmp/${deb[0]##*/} && apt-get purge -y -qq switchyard" >>"$work/apt.log" 2>&1 ||
    fail "apt-get purge: see $work/apt.log"
gone apt-get\ purge
check "but the chats" [ "$(ask "$data/chats.sqlite" 'SELECT (SELECT count(*) FROM conversations), (SELECT count(*) FROM messages)')" = "$before" ]

# ---- The archive ----
archive=("$packages"/switchyard-*-linux-*.tar.xz)
[ ${#archive[@]} = 1 ] || fail "there is not one archive in $packages"
say "== ${archive[0]##*/} on a bare Debian 12 with a font and keyboard layouts"
fresh unpacked
as_root 'apt-get install -y -qq --no-install-recommends fontconfig-config fonts-dejavu-core xkb-data xz-utils' >>"$work/apt.log" 2>&1
check "there is no Qt and no X library" [ -z "$(find "$root/usr/lib" \( -name 'libQt6*' -o -name 'libxcb*' -o -name 'libX11*' \) -print -quit)" ]
cp "${archive[0]}" "$root/tmp/"
as_user "tar -xf /tmp/${archive[0]##*/}"
place=$(basename "${archive[0]}" .tar.xz)
check "the command line starts" [ "$(as_user "$place/bin/switchyard-cli --version")" = "switchyard-cli ${version%-*}" ]
as_user "timeout 60 $place/bin/switchyard --grab window.png --quit" || fail "the window did not open"
cp "$root/home/tester/window.png" "$work/unpacked.png"
passed "the window opens"
as_user "$place/add-to-menu.sh" >/dev/null
as_user "timeout 60 .local/bin/switchyard --grab again.png --quit" || fail "the window did not open through its link"
passed "it starts from the menu's folder"
for method in fcitx ibus; do
    as_user "QT_DEBUG_PLUGINS=1 QT_IM_MODULE=$method timeout 60 $place/bin/switchyard --quit" >"$work/$method.log" 2>&1 ||
        fail "the window does not open with the input method $method: see $work/$method.log"
    check "the input method $method finds its plugin" grep -q "lib$method.*contextplugin.so\" loaded library" "$work/$method.log"
done
# Whatever is loaded from outside is what was left to the system.
outside=$(as_user "ldd $place/bin/switchyard $place/bin/switchyard-cli; LD_LIBRARY_PATH=$place/lib/switchyard ldd $place/lib/switchyard/plugins/*/*.so" |
    sed -nE 's/^.*=> (not found|\/[^ ]*).*/\1/p' | grep -v "/$place/" | sort -u | sed 's/.*\///' |
    grep -vE '^(lib(c|m|dl|rt|anl|mvec|util|pthread|resolv)\.so\.[0-9]+|libstdc\+\+\.so\.6|libgcc_s\.so\.1)$' || true)
[ -z "$outside" ] || say "$outside"
check "it needs nothing of the system but glibc and GCC's libraries" [ -z "$outside" ]
as_user "$place/add-to-menu.sh --remove" >/dev/null

say "$checks checks passed; pictures: $work/installed.png $work/installed-chinese.png $work/unpacked.png"
