#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes an image NAME of the host's own sh, sleep, ping and ip.
set -eu
programs="/bin/sh /bin/sleep /bin/ping /sbin/ip"
# shellcheck disable=SC2086
libraries=$(ldd $programs | grep -o '/[^ :]*')
# shellcheck disable=SC2086
files=$(printf '%s\n' $programs $libraries | sed 's,^/,,' | sort -u)
# shellcheck disable=SC2086
tar --create --dereference --hard-dereference --file /tmp/image.tar --directory / $files
docker import --change 'ENV PATH=/bin:/sbin' /tmp/image.tar "$1"
rm /tmp/image.tar
