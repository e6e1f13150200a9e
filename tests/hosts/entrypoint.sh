#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PID 1 of a managed test host: makes the cgroup tree one that systemd and a nested dockerd
# both accept, then becomes systemd.
set -eu
mount -o remount,rw /sys 2>/dev/null || :          # read-only unless --privileged
# Masked and read-only paths under /proc: what `--security-opt systempaths=unconfined` would leave out.
awk '$5 ~ "^/proc/" {print $5}' /proc/self/mountinfo | sort -r | while read -r path; do
    umount "$path" 2>/dev/null || :
done
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
    # The machine runs cgroup v1. systemd 258 and newer don't boot on that: put a fresh cgroup2 mount
    # over it in this container's own mount namespace; with a private cgroup namespace it is
    # rooted at this container's own cgroup.
    umount -R -l /sys/fs/cgroup
    mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
else
    mount -o remount,rw /sys/fs/cgroup 2>/dev/null || :
fi
mount --make-rshared /                              # as a real host has it
exec /sbin/init "$@"
