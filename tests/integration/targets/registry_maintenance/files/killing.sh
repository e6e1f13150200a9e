#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# In place of docker: does what it is asked, and then kills the module that asked, if that was the command of KILL_AFTER.
/usr/bin/docker "$@"
rc=$?
if [ "$1" = "$KILL_AFTER" ]; then kill -9 "$PPID"; fi
exit $rc
