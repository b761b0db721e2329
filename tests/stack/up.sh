#!/usr/bin/env bash
# Brings up the real OpenStack services the tests run against, on loopback: Keystone and freezer-api
# (served by uWSGI, kept in SQLite), and installs freezer-agent and python-freezerclient beside them.
#
#   tests/stack/up.sh [DIR]     DIR: where everything goes (default: .stack in the repository)
#
# From nothing this takes one to two minutes, most of it pip's. Run again, it reuses what is installed
# and starts only what is not running; a stack that was wholly down starts with no plans, as new.
# DIR/env then holds NAME=value lines: the accounts (OS_*), the URLs and the programs (STACK_*).
# Ports are free ones, so stacks in several DIRs do not collide. down.sh stops it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
repo=$(cd "$here/../.." && pwd -P)
if [ $# -gt 1 ] || [[ ${1-} == -* ]]; then
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
dir=$(realpath -m "${1:-$repo/.stack}")
if [[ ! "$here:$dir" =~ ^[A-Za-z0-9._/:+-]+$ ]]; then
    echo "up.sh: the path $dir has a character that uWSGI's and oslo's files cannot hold; allowed: A-Z a-z 0-9 . _ / + -" >&2
    exit 1
fi
umask 077
mkdir -p "$dir"/{etc,log,run,db,keys/fernet,keys/credential}
say() { echo "[${SECONDS}s] $*"; }
fail() {
    echo "up.sh: $1" >&2
    for log in "${@:2}"; do [ -s "$log" ] && { echo "--- the end of $log:"; tail -n 25 "$log"; } >&2; done
    exit 1
}

# shellcheck source=services.sh
. "$here/services.sh"
# shellcheck source=../../scripts/need.sh
. "$repo/scripts/need.sh"
# Two at once in one DIR (test processes side by side) take turns; the second finds everything done.
exec 9>"$dir/lock"
flock -w 1800 9 || fail "another up.sh has held $dir/lock for half an hour"

# ---- What the operating system must give: Python 3.11 (Keystone 30 asks for it) with venv, and, for
# ---- uWSGI, which comes as source only, a C compiler and Python's headers.
export PYTHONWARNINGS=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
# Images of containers often set it; then each of the programs below compiles the same thousand modules again.
unset PYTHONDONTWRITEBYTECODE
command -v python3 >/dev/null || need "Python 3.11 or newer" python3 python3-venv python3-dev
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$(command -v python3) is $(python3 -V); the services need Python 3.11 or newer as python3 on PATH"
python3 -c 'import venv, ensurepip' 2>/dev/null || need "Python's venv module" python3-venv
command -v cc >/dev/null || need "a C compiler" build-essential
python3 -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
    need "Python's header files" python3-dev

# ---- Two virtual environments, side by side: the controller's services, and the backup node.
# No byte-code compiling: most modules are never imported. Wheels only, but for uWSGI.
install() { # name packages...
    local name=$1 want
    shift
    want="$(python3 -V) $(sha256sum <"$here/constraints-$name.txt") $*"
    if [ "$(cat "$dir/$name/.installed" 2>/dev/null)" = "$want" ]; then return 0; fi
    # What runs from it must not lose it underfoot.
    if [ "$name" = services ]; then stop_service api && stop_service keystone; fi
    rm -rf "${dir:?}/$name"
    python3 -m venv "$dir/$name" >"$dir/log/pip-$name.log" 2>&1 &&
        "$dir/$name/bin/pip" install -q --no-compile --only-binary :all: --no-binary uWSGI \
            -c "$here/constraints-$name.txt" "$@" >>"$dir/log/pip-$name.log" 2>&1 || return 1
    echo "$want" >"$dir/$name/.installed"
    say "installed $*"
}
install node freezer python-freezerclient python-openstackclient &
node=$!
install services keystone freezer-api uWSGI || fail "pip could not install Keystone and freezer-api" "$dir/log/pip-services.log"

# ---- Ports. Below the range that outgoing connections take theirs from, so that a service that is
# ---- down for a while finds its port free again.
free_port() {
    python3 - "$@" <<'PY'
import random, socket, sys
wanted = [int(port) for port in sys.argv[1:] if port]
for port in wanted + [random.randrange(20000, 32000) for _ in range(200)]:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break
PY
}
keystone_port='' api_port=''
[ -s "$dir/ports" ] && read -r keystone_port api_port <"$dir/ports"
in_catalogue="$keystone_port $api_port"

uwsgi_ini() { # name port processes threads lines...
    printf '%s\n' "[uwsgi]" "http-socket = 127.0.0.1:$2" "processes = $3" "threads = $4" \
        "master = true" "no-orphans = true" "enable-threads = true" "lazy-apps = true" "need-app = true" \
        "die-on-term = true" "buffer-size = 65535" "disable-logging = true" \
        "pidfile = $dir/run/$1.pid" "daemonize = $dir/log/$1-uwsgi.log" \
        "# Without this, clients that reuse connections see them reset now and then." \
        "add-header = Connection: close" \
        "# By itself it gives a client four seconds for each part of its request: on a busy machine that is nothing." \
        "socket-timeout = 120" "${@:5}" >"$dir/etc/$1-uwsgi.ini"
}

password=secret # of every account; they live on loopback, in a directory only this user may read
configure() {
    keystone_url=http://127.0.0.1:$keystone_port/v3
    api_url=http://127.0.0.1:$api_port
    cat >"$dir/etc/keystone.conf" <<CONF
[DEFAULT]
log_dir = $dir/log
log_file = keystone.log
use_stderr = false
[database]
connection = sqlite:///$dir/db/keystone.db
[token]
provider = fernet
expiration = 14400
[fernet_tokens]
key_repository = $dir/keys/fernet
[credential]
key_repository = $dir/keys/credential
[identity]
# The least there is: a password is hashed for every client that a test starts, and these guard nothing.
password_hash_rounds = 4
[cache]
enabled = true
backend = dogpile.cache.memory
CONF
    cat >"$dir/etc/freezer-api.conf" <<CONF
[DEFAULT]
log_dir = $dir/log
log_file = freezer-api.log
use_stderr = false
[paste_deploy]
config_file = $dir/services/etc/freezer/freezer-paste.ini
[storage]
backend = sqlalchemy
driver = sqlalchemy
[database]
connection = sqlite:///$dir/db/freezer.db
[keystone_authtoken]
auth_type = password
auth_url = $keystone_url
www_authenticate_uri = $keystone_url
username = freezer
password = $password
project_name = service
user_domain_name = Default
project_domain_name = Default
service_token_roles_required = true
CONF
    # One process: what it keeps in its cache is not stale by what another one did.
    uwsgi_ini keystone "$keystone_port" 1 2 "module = keystone.wsgi.api:application" \
        "env = OS_KEYSTONE_CONFIG_FILES=$dir/etc/keystone.conf"
    # One process, one thread: SQLite answers concurrent writers with "database is locked", HTTP 500.
    # A copy, which may have its byte code beside it.
    mkdir -p "$dir/witness"
    cp "$here/witness.py" "$dir/witness/"
    uwsgi_ini api "$api_port" 1 1 "pythonpath = $dir/witness" "module = witness:application" \
        "env = STACK_API_CONF=$dir/etc/freezer-api.conf" "env = STACK_WITNESS=$dir/log/witness.jsonl"
}

# ---- The databases as they were when first made, accounts and all: a later start is quick, and starts as new.
pristine=$dir/pristine
version=$(cat "$here"/*.sh "$here"/*.py "$here/constraints-services.txt" | sha256sum)
make_databases() {
    local manage=("$dir/services/bin/keystone-manage" --config-file "$dir/etc/keystone.conf") log=$dir/log/databases.log
    local owner=(--keystone-user "$(id -un)" --keystone-group "$(id -gn)")
    rm -rf "$pristine" "$dir"/db/* "$dir"/keys/*/*
    : >"$log"
    "$dir/services/bin/freezer-manage" --config-file "$dir/etc/freezer-api.conf" db sync >"$dir/log/freezer-manage.log" 2>&1 &
    local freezer=$!
    "${manage[@]}" db_sync >>"$log" 2>&1 &&
        "${manage[@]}" fernet_setup "${owner[@]}" >>"$log" 2>&1 &&
        "${manage[@]}" credential_setup "${owner[@]}" >>"$log" 2>&1 &&
        "${manage[@]}" bootstrap --bootstrap-password "$password" --bootstrap-username admin \
            --bootstrap-project-name admin --bootstrap-role-name admin --bootstrap-service-name keystone \
            --bootstrap-region-id RegionOne --bootstrap-public-url "$keystone_url" \
            --bootstrap-internal-url "$keystone_url" --bootstrap-admin-url "$keystone_url" >>"$log" 2>&1 ||
        fail "keystone-manage failed" "$log"
    wait "$freezer" || fail "freezer-manage failed" "$dir/log/freezer-manage.log"
    say "made the databases"
}

is_pristine() { [ "$(cat "$pristine/version" 2>/dev/null)" = "$version" ]; }

# ---- Start what is not running.
logs=("$dir"/log/{keystone,api}-uwsgi.log "$dir"/log/{keystone,freezer-api}.log)
# Without the ports file, the last start was cut short: what runs of it is not to be trusted.
if ! is_pristine || [ ! -s "$dir/ports" ]; then
    stop_service api
    stop_service keystone
fi
if alive keystone; then
    configure
    alive api || { start_service api && await_service api "$api_port"; } ||
        fail "freezer-api did not start on port $api_port" "${logs[@]}"
else
    stop_service api
    rm -f "$dir/ports"
    # Between finding a port free and taking it, another process may take it: then others are tried.
    for try in 1 2 3; do
        keystone_port=$(free_port "$keystone_port")
        api_port=$(free_port "$api_port")
        configure
        if is_pristine; then cp "$pristine"/*.db "$dir/db/"; else make_databases; fi
        : >"$dir/log/witness.jsonl"
        if start_service keystone && start_service api &&
            await_service keystone "$keystone_port" && await_service api "$api_port"; then break; fi
        stop_service api
        stop_service keystone
        [ "$try" != 3 ] || fail "the services did not start" "${logs[@]}"
        keystone_port='' api_port=''
    done
    say "Keystone and freezer-api are up"
    # The catalogue names the ports; with the same ones as last time, the kept databases are right already.
    if ! is_pristine || [ "$in_catalogue" != "$keystone_port $api_port" ]; then
        "$dir/services/bin/python" "$here/accounts.py" "$keystone_url" "$api_url" "$password" >"$dir/log/accounts.log" 2>&1 ||
            fail "the accounts could not be made" "$dir/log/accounts.log" "${logs[@]}"
        rm -rf "$pristine"
        mkdir "$pristine"
        cp "$dir/db/keystone.db" "$dir/db/freezer.db" "$pristine/"
        echo "$version" >"$pristine/version"
        say "accounts and catalogue are in place"
    fi
    echo "$keystone_port $api_port" >"$dir/ports"
fi
wait "$node" || fail "pip could not install freezer and its clients" "$dir/log/pip-node.log"

cat >"$dir/env" <<ENV
OS_AUTH_URL=$keystone_url
OS_IDENTITY_API_VERSION=3
OS_USERNAME=demo
OS_PASSWORD=$password
OS_PROJECT_NAME=demo
OS_USER_DOMAIN_NAME=Default
OS_PROJECT_DOMAIN_NAME=Default
OS_REGION_NAME=RegionOne
STACK_API_URL=$api_url
STACK_AGENT=$dir/node/bin/freezer-agent
STACK_FREEZER=$dir/node/bin/freezer
STACK_OPENSTACK=$dir/node/bin/openstack
STACK_SCHEDULER=$dir/node/bin/freezer-scheduler
STACK_PYTHON=$dir/node/bin/python
STACK_WITNESS=$dir/log/witness.jsonl
ENV
say "the stack is up: $dir/env"
