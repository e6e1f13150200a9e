#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# harm.sh stop|break: stops the engine, or breaks its file so that it can't start.
set -eu
case $1 in
    stop) systemctl stop docker.socket docker.service ;;
    break)
        # A comma too many, as hands leave it: what else is in the file can be read.
        sed -i '$s/}$/,}/' /etc/docker/daemon.json
        if systemctl restart docker.service 2>/dev/null; then exit 1; fi
        ;;
esac
