#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the image ping:1, which holds nothing but the host's own ping and sleep.
set -eu
files=$({ ldd /bin/sleep && ldd /bin/ping; } | grep -o '/[^ ]*' | sort -u)
# shellcheck disable=SC2086
tar --create --dereference --file /tmp/image.tar --directory / bin/sleep bin/ping $files 2>/dev/null
docker import /tmp/image.tar ping:1
rm /tmp/image.tar
