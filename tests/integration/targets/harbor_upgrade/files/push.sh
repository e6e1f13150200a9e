#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Pushes an image of one small file as REPOSITORY to the Harbor of this host, with the PASSWORD of admin.
set -eu
image=127.0.0.1/$1:1
echo "$2" | docker login --username admin --password-stdin 127.0.0.1
cd "$(mktemp -d)"
head -c 64K /dev/urandom > content
tar --create content | docker import - "$image"
docker push "$image"
docker image rm "$image"
docker logout 127.0.0.1
