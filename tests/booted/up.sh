#!/usr/bin/env bash
# Makes what tests/booted boots: a small Debian with systemd, D-Bus and polkit, and freezerd installed over it.
#
#   tests/booted/up.sh PROGRAM [DIR]     PROGRAM: a freezerd that is built; DIR: default .booted in the repository
#
# DIR/base is the Debian and DIR/newer one with a newer systemd, made once (one to two minutes). DIR/*.installed is what
# `make install` installs for each, anew every time. Takes root: debootstrap changes root, systemd-nspawn makes a machine.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
repo=$(cd "$here/../.." && pwd -P)
program=$(realpath "${1:?which freezerd}")
dir=$(realpath -m "${2:-$repo/.booted}")
# shellcheck source=../../scripts/need.sh
. "$repo/scripts/need.sh"
if [ "$(id -u)" != 0 ]; then
    echo "$0: a systemd is booted for these tests, which takes root: run them as root, or leave them out with" \
        "'cargo test -- --skip booted_'" >&2
    exit 1
fi
mkdir -p "$dir"
exec 9>"$dir/lock"
flock -w 1800 9
command -v debootstrap >/dev/null || need "what makes a Debian in a folder" debootstrap
command -v systemd-nspawn >/dev/null || need "what boots it" systemd-container
command -v make >/dev/null || need "make" make

# The same Debian as this one, for the program is linked with this one's C library ...
# shellcheck source=/dev/null
suite=$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME-}") || suite=bookworm
# ... and one whose systemd knows Type=notify-reload (253), where that one's does not.
newer=$suite
[ "$suite" != bookworm ] || newer=trixie
# (polkitd wants a logind, and debootstrap does not find one by itself.)
packages=systemd,systemd-sysv,dbus,libpam-systemd,polkitd

# base NAME SUITE: DIR/NAME
base() {
    local name=$1 suite=$2
    local want="$suite $packages"
    [ "$(cat "$dir/$name.made" 2>/dev/null)" != "$want" ] || return 0
    echo "$0: making $dir/$name: $want" >&2
    rm -rf "${dir:?}/$name" "$dir/$name.made"
    mkdir -p "$dir/$name"
    # In memory first: dpkg waits for the disk after every file.
    if ! unshare --mount --propagation private bash -c '
        mount -t tmpfs -o size=2g tmpfs "$1/memory" &&
            debootstrap --variant=minbase --include="$4" "$3" "$1/memory/base" >"$1/$2.log" 2>&1 &&
            rm -rf "$1"/memory/base/var/cache/apt/archives/*.deb &&
            cp -a "$1/memory/base/." "$1/$2/"' bash "$dir" "$name" "$suite" "$packages"; then
        echo "$0: debootstrap failed; the end of $dir/$name.log:" >&2
        tail -n 20 "$dir/$name.log" >&2
        return 1
    fi
    echo "$want" >"$dir/$name.made"
}
mkdir -p "$dir/memory"
base base "$suite" &
first=$!
base newer "$newer"
wait "$first"

umask 022
for name in base newer; do
    version=$(chroot "$dir/$name" systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
    rm -rf "$dir/$name.installed"
    make -s -C "$repo" install DESTDIR="$dir/$name.installed" RELEASE="$program" SYSTEMD="$version"
    # What was told before a reboot is still to be read after it.
    mkdir -p "$dir/$name.installed/var/log/journal"
done
