# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Takes the installation of version $6 in the folder $1 away, which was not proven: that is what the mark $2 says.
# $3: its data volume; $4: yes if the data in it stay; $5: yes if the data volume itself does. The folders of data follow.
# Says "nothing" where there is nothing to take away.
folder=$1 mark=$2 data=$3 keep=$4 existed=$5 version=$6
shift 6
rm -rf "$folder.partial"
if [ ! -f "$mark" ] || ! grep -q "goharbor/prepare:v$version" "$folder/prepare"; then
    echo nothing
    exit 0
fi
cd "$folder" || exit 1
if [ -f docker-compose.yml ]; then
    if docker compose version > /dev/null 2>&1; then
        docker compose down --volumes --remove-orphans || exit 1
    else
        docker-compose down --volumes --remove-orphans || exit 1
    fi
fi
cd /
if [ "$keep" = no ]; then
    for part; do rm -rf "${data:?}/$part" || exit 1; done
    [ "$existed" = yes ] || [ ! -d "$data" ] || rmdir --ignore-fail-on-non-empty "$data"
fi
rm -rf "$folder"
