#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Stops the engine's process as soon as the network $1 is gone, so that who has removed it hangs in the middle.
while docker network inspect "$1" > /dev/null 2>&1; do :; done
kill -STOP "$(systemctl show --property=MainPID --value docker)"
