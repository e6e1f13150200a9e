# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Removes the Harbor in the folder $1, whose data volume is $2 (empty: not known), and says a word for each thing that it has removed.
# yes or no: $3 the data, $4 backups, which are in $5, and $6 images. $7 is the record of its upgrades. The folders of data follow.
folder=$1 data=$2 remove_data=$3 remove_backups=$4 backups=$5 remove_images=$6 record=$7
shift 7
project=$(basename "$folder" | tr '[:upper:]' '[:lower:]')

if [ -d "$folder" ]; then
    cd "$folder" || exit 1
    version=$(sed -nE 's,.*goharbor/prepare:(v[0-9.]+).*,\1,p' prepare | head -n 1)
    if [ -f docker-compose.yml ]; then
        if docker compose version > /dev/null 2>&1; then
            docker compose down --volumes --remove-orphans >&2 || exit 1
        else
            docker-compose down --volumes --remove-orphans >&2 || exit 1
        fi
    fi
    left=$(docker ps --all --quiet --filter "label=com.docker.compose.project=$project" --filter "label=com.docker.compose.project.working_dir=$folder")
    # shellcheck disable=SC2086
    [ -z "$left" ] || docker rm --force $left >&2 || exit 1
    echo containers
    if [ "$remove_images" = yes ] && [ -n "$version" ]; then
        images=$(docker images --format '{{.Repository}}:{{.Tag}}' --filter "reference=goharbor/*:$version")
        # shellcheck disable=SC2086
        [ -z "$images" ] || docker rmi $images >&2 || exit 1
        echo images
    fi
    if [ "$remove_data" != yes ] && [ -d "$data" ] && [ -f harbor.yml ]; then
        # Without the password of the database the data would be of little use.
        (umask 077 && cat harbor.yml > "$data/harbor.yml.removed.new") && sync "$data/harbor.yml.removed.new" &&
            mv "$data/harbor.yml.removed.new" "$data/harbor.yml.removed" || exit 1
    fi
    cd /
    rm -rf "$folder" || exit 1
    # The record of its upgrades: a Harbor that is installed there later has none yet.
    rm -rf "${record:?}" || exit 1
    echo folder
fi
if [ "$remove_data" = yes ] && [ -d "$data" ]; then
    for part in "$@" harbor.yml.removed; do
        if [ -e "$data/$part" ]; then
            rm -rf "${data:?}/$part" || exit 1
            echo "$part"
        fi
    done
fi
if [ "$remove_backups" = yes ]; then
    for part in "${backups:-/nonexistent}" "$folder.dockyard" ${data:+"$data"/.before-restore-*}; do
        if [ -e "$part" ]; then
            rm -rf "$part" || exit 1
            echo "$part"
        fi
    done
fi
# What is a mount point, or holds something else, stays.
if [ "$remove_data" = yes ] && [ -d "$data" ] && ! mountpoint -q "$data"; then rmdir --ignore-fail-on-non-empty "$data"; fi
exit 0
