#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A runtime of the engine for containers that join the network of another one: a process in a cgroup of its own and in
# that network, and nothing else that a container has. Engine, containerd and shim do all that they do for runc; this
# takes a tenth of its time, without which two processors start and remove no twenty containers a second.
#   joiner.sh --root FOLDER ... create --bundle FOLDER --pid-file FILE ID
#   joiner.sh --root FOLDER ... start ID | kill ID SIGNAL | delete [--force] ID
root='' bundle='' file='' action='' container='' signal=''
while [ $# -gt 0 ]; do
    case $1 in
        --root) root=$2; shift ;;
        --bundle) bundle=$2; shift ;;
        --pid-file) file=$2; shift ;;
        --log | --log-format) shift ;;
        -*) ;;
        *) if [ -z "$action" ]; then action=$1; elif [ -z "$container" ]; then container=$1; else signal=$1; fi ;;
    esac
    shift
done
groups=/sys/fs/cgroup/joiner
case $action in
    create)
        read -r config <"$bundle/config.json" || :
        network=${config#*'"type":"network","path":"'}
        network=${network%%'"'*}
        mkdir -p "$groups/$container" "$root"
        (
            echo 0 >"$groups/$container/cgroup.procs"
            exec nsenter --net="$network" sleep 1000
        ) </dev/null >/dev/null 2>&1 &
        printf %s $! >"$root/$container"
        printf %s $! >"$file"
        ;;
    kill)
        read -r pid <"$root/$container" || :
        kill -"${signal:-TERM}" "$pid"
        ;;
    delete)
        rm -f "$root/$container"
        rmdir "$groups/$container"
        ;;
    start) ;;
    *) echo "joiner 1" ;;
esac
