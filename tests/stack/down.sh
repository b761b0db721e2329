#!/usr/bin/env bash
# Stops the services of a stack that up.sh brought up. What is installed stays, for a quick next start.
#
#   tests/stack/down.sh [--api] [DIR]     DIR: as given to up.sh (default: .stack in the repository)
#
#   --api   only freezer-api: Keystone stays. up.sh starts it again, on the same port, with its data.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

services=(api keystone)
if [ "${1-}" = --api ]; then
    services=(api)
    shift
fi
if [ $# -gt 1 ] || [[ ${1-} == -* ]]; then
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
dir=$(realpath -m "${1:-$here/../../.stack}")
[ -d "$dir/run" ] || exit 0 # never brought up

# shellcheck source=services.sh
. "$here/services.sh"
exec 9>"$dir/lock"
flock -w 1800 9
for service in "${services[@]}"; do stop_service "$service"; done
