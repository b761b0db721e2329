#!/usr/bin/env bash
# Gets what `make test` needs beyond Rust, if it is missing. Safe, and quick, to run again.
#
#   a C compiler, systemd-analyze    Debian packages, installed when this runs as root
#   promtool                         out of Debian's prometheus package, into .tools/bin: nothing is installed, so
#                                    no Prometheus is started on anybody's machine
#
# Tests call it too: several at a time wait for each other. cargo-deny is scripts/deny-tool's business.
#
# (Python for tests/stack is tests/stack/up.sh's own business.)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=need.sh
. scripts/need.sh

tools=$PWD/.tools
mkdir -p "$tools/bin"
exec 9>"$tools/lock"
flock 9
PATH=$tools/bin:$PATH
have() { command -v "$1" >/dev/null; }

have cargo || {
    echo "$0: missing: cargo. Install Rust 1.95 or newer: https://rustup.rs" >&2
    exit 1
}
for component in fmt clippy; do
    cargo "$component" --version >/dev/null 2>&1 || {
        echo "$0: missing: cargo $component. Run 'rustup component add rustfmt clippy', then run this again." >&2
        exit 1
    }
done
have cc || need "a C compiler" build-essential
have systemd-analyze || need "systemd-analyze" systemd
# The strict OpenMetrics parser, of Prometheus' own client library.
/usr/bin/python3 -c 'import prometheus_client.openmetrics.parser' 2>/dev/null ||
    need "the OpenMetrics parser" python3-prometheus-client

if ! have promtool; then
    have apt-get || {
        echo "$0: missing: promtool. It comes with Prometheus; put it on PATH, then run this again." >&2
        exit 1
    }
    echo "$0: taking promtool out of Debian's prometheus package"
    unpack=$(mktemp -d)
    trap 'rm -rf "$unpack"' EXIT
    download() { (cd "$unpack" && apt-get download -qq prometheus >/dev/null); }
    download 2>/dev/null || {
        if [ "$(id -u)" = 0 ]; then apt-get update -qq; fi
        download || {
            echo "$0: cannot download the package prometheus; run 'sudo apt-get update', then run this again." >&2
            exit 1
        }
    }
    dpkg-deb -x "$unpack"/prometheus_*.deb "$unpack"
    install -m 0755 "$unpack/usr/bin/promtool" "$tools/bin/promtool"
fi
