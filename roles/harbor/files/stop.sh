# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Functions for scripts that run in an install folder: compose, and stop_harbor, which stops what runs.
#
# What uses the database stops first. An order to stop is for PostgreSQL one to wait for the sessions of others, and SIGINT one to end
# in order at once; one that is killed instead would leave a database as after a crash. harbor-log ignores every order to stop.
compose() {
    if docker compose version > /dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}

stop_harbor() {
    services=$(compose config --services) || return
    # shellcheck disable=SC2046
    compose stop --timeout 30 $(echo "$services" | grep -vxE 'postgresql|redis|log') || return
    # One that does not run can't be told to end.
    compose kill --signal SIGINT postgresql > /dev/null 2>&1
    # shellcheck disable=SC2046
    compose stop --timeout 120 $(echo "$services" | grep -xE 'postgresql|redis') || return
    compose kill log > /dev/null 2>&1
    return 0
}
