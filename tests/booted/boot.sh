#!/usr/bin/env bash
# Boots one machine of what up.sh made; tests/booted starts it, in namespaces of its own for mounts and processes:
# with their first process everything goes. What the machine writes is in memory, over the two folders; so that goes, too.
#
#   boot.sh DIR BASE SCRATCH NAME    DIR: up.sh's; BASE: which in it; SCRATCH: an empty folder; NAME: of its control groups
set -euo pipefail
dir=$1 base=$2 scratch=$3 name=$4
mount -t tmpfs -o mode=755 tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=$dir/$base.installed:$dir/$base,upperdir=$scratch/upper,workdir=$scratch/work" \
    "$scratch/root"

# nspawn wants its own place in memory, as a systemd would have it.
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn

# A control group of its own in every hierarchy that systemd uses; two machines in one would be one mess. Where the
# kernel has them all in one (version 2) it is one.
cgroups() {
    local line number controllers path top
    while IFS=: read -r number controllers path; do
        case $number:$controllers in
        0:) top=/sys/fs/cgroup/unified && [ -d "$top" ] || top=/sys/fs/cgroup ;;
        *:name=systemd | *:memory) top=/sys/fs/cgroup/${controllers#name=} ;;
        *) continue ;;
        esac
        [ -e "$top/cgroup.procs" ] || continue
        echo "$top${path%/}/$name"
    done </proc/self/cgroup
}
for group in $(cgroups); do
    mkdir -p "$group"
    echo 0 >"$group/cgroup.procs"
done
# 133: it was told to reboot, and leaves that to whoever started it.
status=133
while [ "$status" = 133 ]; do
    status=0
    systemd-nspawn --quiet --directory="$scratch/root" --boot --register=no --keep-unit \
        --private-network --console=pipe --hostname=node --machine="$name" || status=$?
done
exit "$status"
