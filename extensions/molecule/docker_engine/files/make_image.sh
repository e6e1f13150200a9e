#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes an image NAME that holds nothing but sleep.
set -eu
files=$(ldd /bin/sleep | grep -o '/[^ ]*')
# shellcheck disable=SC2086
tar --create --dereference --file /tmp/image.tar --directory / bin/sleep $files 2>/dev/null
docker import /tmp/image.tar "$1"
rm /tmp/image.tar
