#!/usr/bin/env bash
# Boots one machine of what up.sh made; tests/booted starts it, in a mount namespace of its own. What the machine
# writes is in memory, over the two folders; so it goes with the machine, however that ends.
#
#   boot.sh DIR SCRATCH    DIR: up.sh's; SCRATCH: an empty folder
set -euo pipefail
dir=$1 scratch=$2
mount -t tmpfs -o mode=755 tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=$dir/installed:$dir/base,upperdir=$scratch/upper,workdir=$scratch/work" \
    "$scratch/root"

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
        echo "$top${path%/}/freezerd-booted-$$"
    done </proc/self/cgroup
}
for group in $(cgroups); do
    mkdir -p "$group"
    echo $$ >"$group/cgroup.procs"
done
exec systemd-nspawn --quiet --directory="$scratch/root" --boot --register=no --keep-unit --private-network --console=pipe \
    --hostname=node --machine="freezerd-booted-$$" systemd.journald.forward_to_console=0
