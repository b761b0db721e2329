# shellcheck shell=bash
# Sourced by scripts that need tools of the operating system; not run by itself.
#
#   need "what it is for" PACKAGE...   installs Debian packages, if this may and can be done
#
# A package is only asked for after its tool was looked for and not found, so on a machine that has
# everything nothing is installed and nothing is asked of the network.

need() {
    local purpose=$1
    shift
    if ! command -v apt-get >/dev/null; then
        echo "$0: missing: $purpose. On Debian this is in: $*. Install your system's equivalent, then run this again." >&2
        return 1
    fi
    if [ "$(id -u)" != 0 ]; then
        echo "$0: missing: $purpose. Run 'sudo apt-get update && sudo apt-get install $*', then run this again." >&2
        return 1
    fi
    echo "$0: installing $* ($purpose)" >&2
    # Package lists may be missing (a fresh container) or too old to install from: then one update, one more try.
    need_install "$@" 2>/dev/null && return 0
    if ! apt-get update -qq || ! need_install "$@"; then
        echo "$0: could not install $* ($purpose); the lines above say why" >&2
        return 1
    fi
}

need_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >/dev/null
}
