# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Exchanges parts of the data volume $2 by renaming, which takes no time and no space.
#   in   what is there goes to the folder $4, what is in the folder $3 takes its place
#   back the other way round
# The parts follow. It can be repeated after a kill.
set -eu
direction=$1 data=$2 new=$3 old=$4
shift 4
if [ "$direction" = in ]; then
    mkdir -p -m 0700 "$old"
    for part; do
        # Without the new one it was exchanged before.
        [ -e "$new/$part" ] || continue
        if [ -e "$data/$part" ]; then mv "$data/$part" "$old/$part"; fi
        mv "$new/$part" "$data/$part"
    done
else
    for part; do
        if [ -e "$new/$part" ]; then continue; fi
        mv "$data/$part" "$new/$part"
        if [ -e "$old/$part" ]; then mv "$old/$part" "$data/$part"; fi
    done
    rmdir --ignore-fail-on-non-empty "$old"
fi
