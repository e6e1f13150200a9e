#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes in the folder $1 a CA, and for the host $2 two certificates of it with a key each: harbor, and renewed.
set -eu
mkdir -p -m 0700 "$1"
cd "$1"
openssl req -x509 -newkey rsa:2048 -nodes -days 100 -subj '/CN=CA of the scenario' -addext 'keyUsage = critical, keyCertSign, cRLSign' \
    -keyout ca.key -out ca.crt 2> /dev/null
printf 'subjectAltName = DNS:%s\nauthorityKeyIdentifier = keyid\n' "$2" > extensions
for name in harbor renewed; do
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$name.key" -out "$name.csr" 2> /dev/null
    openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -days 100 -extfile extensions -out "$name.crt" 2> /dev/null
done
