#!/usr/bin/env bash
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs @TAG@ of a stand-in for Harbor; written from what is documented of the real one.
DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$DIR/common.sh"
set -e

usage="Please set hostname and other necessary attributes in harbor.yml first.
Flags of this version: $(printf -- '--with-%s ' @PARTS@)"
prepare_flags=()
while [ $# -gt 0 ]; do
    if [ "$1" = --help ]; then
        note "$usage"
        exit 0
    fi
    known=false
    for part in @PARTS@; do
        if [ "$1" = "--with-$part" ]; then known=true; fi
    done
    if [ $known = false ]; then
        note "$usage"
        exit 1
    fi
    prepare_flags+=("$1")
    shift
done

cd "$DIR"
if grep -q '^[[:blank:]]*hostname: reg\.mydomain\.com' harbor.yml 2>/dev/null; then
    error "$usage"
    exit 1
fi

h2 "checking if docker is installed ..."
check_docker
h2 "checking docker-compose is installed ..."
check_dockercompose

# With two tarballs this test fails, and nothing is loaded: so does the real one's.
if [ -f harbor*.tar.gz ]; then
    h2 "loading Harbor images ..."
    docker load -i ./harbor*.tar.gz
fi

h2 "preparing environment ..."
h2 "preparing harbor configs ..."
./prepare "${prepare_flags[@]}"
echo ""

if [ -n "$($DOCKER_COMPOSE ps -q)" ]; then
    note "stopping existing Harbor instance ..."
    $DOCKER_COMPOSE down -v
fi
echo ""

h2 "starting Harbor ..."
$DOCKER_COMPOSE up -d
success "----Harbor has been installed and started successfully.----"
