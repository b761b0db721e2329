#!/bin/sh
# Installs what the tests call beside cargo, from Debian's packages. Does nothing when all is there.
#
#   promtool                  judges /metrics and the alert rules        (package prometheus)
#   systemd-analyze & others  judge the files in systemd/                (package systemd)
#   the OpenMetrics parser    the strict one, of the reference client    (package python3-prometheus-client)
set -eu

missing=
command -v promtool >/dev/null || missing="$missing prometheus"
command -v systemd-analyze >/dev/null || missing="$missing systemd"
/usr/bin/python3 -c 'import prometheus_client.openmetrics.parser' 2>/dev/null ||
    missing="$missing python3-prometheus-client"
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || {
    echo "test-tools: not a Debian; install by other means:$missing" >&2
    exit 1
}
root=
[ "$(id -u)" -eq 0 ] || root=sudo

# Debian starts a service when it installs it. Only its promtool is wanted here.
masked=
case "$missing" in
*prometheus\ * | *prometheus)
    if [ -d /run/systemd/system ]; then
        $root systemctl mask --runtime --quiet prometheus.service
        masked=yes
    fi
    ;;
esac

apt() {
    $root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 "$@" >&2
}
# shellcheck disable=SC2086 # a list of words
apt install -y --no-install-recommends $missing || {
    apt update
    # shellcheck disable=SC2086
    apt install -y --no-install-recommends $missing
}

if [ -n "$masked" ]; then
    $root systemctl unmask --runtime --quiet prometheus.service
    $root systemctl disable --quiet prometheus.service
fi
