#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A stand-in for a collector that would lose what a tag needs. Imitated: without --delete-untagged, it names one more blob
# in its dry run, the one that /tmp/lost says. Real: everything else, this is done by the registry's own program.
# /tmp/when names a file that must be there for it.
case "$*" in
*--delete-untagged*) ;;
"garbage-collect --dry-run "*)
    if test -e "$(cat /tmp/when)"; then
        "$0.real" "$@" | sed -e '/^blob eligible/d' -e 's/ marked, [0-9]* blobs/ marked, 1 blobs/'
        echo "blob eligible for deletion: $(cat /tmp/lost)"
        exit
    fi
    ;;
esac
exec "$0.real" "$@"
