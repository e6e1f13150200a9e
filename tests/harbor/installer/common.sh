#!/usr/bin/env bash
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Part of a stand-in for Harbor; written from what is documented of the real one.
set +e
step=0
h2() { printf '\n[Step %s]: %s\n' "$step" "$*"; step=$((step + 1)); }
note() { printf 'Note: %s\n' "$*"; }
success() { printf '✔ %s\n' "$*"; }
error() { printf '✖ %s\n' "$*" >&2; }

# The version in a line such as "Docker version 26.1.5, build": major and minor.
numbers() { sed -n 's/^[^0-9]*\([0-9][0-9]*\)\.\([0-9][0-9]*\).*/\1 \2/p' | head -n 1; }

at_least() { # MAJOR MINOR WANTED_MAJOR WANTED_MINOR
    [ "$1" -gt "$3" ] || { [ "$1" -eq "$3" ] && [ "$2" -ge "$4" ]; }
}

check_docker() {
    if ! docker --version >/dev/null 2>&1; then
        error "Need to install docker(17.06.0+) first and run this script again."
        exit 1
    fi
    # shellcheck disable=SC2046
    if ! at_least $(docker --version | numbers) 17 6; then
        error "Need to upgrade docker package to 17.06.0+."
        exit 1
    fi
    note "$(docker --version)"
}

check_dockercompose() {
    if [ @PLUGIN@ = true ] && docker compose version >/dev/null 2>&1; then
        DOCKER_COMPOSE="docker compose"
        note "$(docker compose version)"
        return
    fi
    if ! command -v docker-compose >/dev/null 2>&1; then
        error "Need to install docker-compose(1.18.0+) by yourself first and run this script again."
        exit 1
    fi
    # shellcheck disable=SC2046
    if ! at_least $(docker-compose --version | numbers) 1 18; then
        error "Need to upgrade docker-compose package to 1.18.0+."
        exit 1
    fi
    DOCKER_COMPOSE="docker-compose"
    note "$(docker-compose --version)"
}
