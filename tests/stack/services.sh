# shellcheck shell=bash disable=SC2154
# Sourced by up.sh and down.sh: the two services, `keystone` and `api`, as processes of the stack in $dir.

# The pid file alone is no proof: after a crash the number may be somebody else's by now.
alive() {
    local pid
    [ -s "$dir/run/$1.pid" ] && pid=$(cat "$dir/run/$1.pid") || return 1
    [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$dir/etc/$1-uwsgi.ini"
}

# SIGTERM, and SIGKILL after ten seconds.
stop_service() {
    alive "$1" || return 0
    local pid i
    pid=$(cat "$dir/run/$1.pid")
    kill -TERM "$pid" 2>/dev/null || true
    for ((i = 0; i < 100; i++)); do
        alive "$1" || return 0
        sleep 0.1
    done
    # The master, and with it (uWSGI's no-orphans) its workers.
    kill -KILL "$pid" 2>/dev/null || true
}

start_service() {
    # 9 is up.sh's lock: a daemon that kept it open would hold it for ever.
    "$dir/services/bin/uwsgi" --ini "$dir/etc/$1-uwsgi.ini" >/dev/null 2>>"$dir/log/$1-uwsgi.log" 9>&-
}

# Until the service answers. Fails when it dies, or has not answered within two minutes.
await_service() { # name port
    local i seen=
    for ((i = 0; i < 600; i++)); do
        if answers "$2"; then return 0; fi
        # uWSGI takes a moment to write its pid file, and then longer to load the application.
        if alive "$1"; then seen=yes; elif [ -n "$seen" ]; then return 1; fi
        sleep 0.2
    done
    return 1
}

# Whether something speaks HTTP on this loopback port. (bash's own /dev/tcp: no curl needed.)
answers() {
    local line
    { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
    printf 'GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
    IFS= read -r -t 10 line <&3 || true
    exec 3>&- 3<&-
    [[ ${line-} == HTTP/1.* ]]
}
