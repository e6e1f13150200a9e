#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Whether a packet from one container reaches another: CONTAINER:ADDRESS-OR-NAME ...
for pair in "$@"; do
    docker exec "${pair%%:*}" ping -c 1 -W 2 "${pair#*:}" >/dev/null 2>&1 && answer=yes || answer=no
    echo "$pair $answer"
done
