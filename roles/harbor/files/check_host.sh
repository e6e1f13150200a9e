# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Says in one sentence what is in the way of a new Harbor on this host, or as JSON what its data volume holds.
# $1: install folder; $2: data volume; $3: yes if an installation was begun here and interrupted.
folder=$1 data=$2 begun=$3
no() { echo "$* Nothing was changed." >&2; exit 1; }

docker version > /dev/null 2>&1 ||
    no "No Docker Engine answers on $(hostname); start it with \"systemctl start docker\", or install one with the role dockyard.ops.docker_engine."
docker compose version > /dev/null 2>&1 || command -v docker-compose > /dev/null ||
    no "There is no Docker Compose on $(hostname), neither the plugin nor docker-compose; install it, or set harbor_install_compose."
if [ "$begun" != yes ]; then
    if [ -e "$folder" ] && [ -n "$(ls -A "$folder")" ]; then
        no "$folder is not empty and holds no Harbor; move it away, or give another harbor_path."
    fi
    # Two install folders of one name are one project for compose: a second installation would take the first one down.
    project=$(basename "$folder" | tr '[:upper:]' '[:lower:]')
    taken=$(docker ps --all --filter "label=com.docker.compose.project=$project" --format '{{.Names}}' | sort | head -n 3 | paste -sd' ')
    [ -z "$taken" ] || no "There are containers of a compose project $project on this host already ($taken); remove them, or give another harbor_path."
    taken=$(docker ps --all --format '{{.Names}}' | grep -xE 'harbor-(core|db|log|portal|jobservice)|registryctl|nginx|redis|registry|trivy-adapter' |
        sort | head -n 3 | paste -sd' ')
    [ -z "$taken" ] || no "Containers that are named as Harbor's are on this host already ($taken); remove or rename them."
fi
existed=false database= secretkey=false
[ -d "$data" ] && existed=true
for file in "$data"/database/pg[0-9]*/PG_VERSION "$data/database/PG_VERSION"; do
    if [ -f "$file" ]; then database=$(cat "$file"); fi
done
[ -f "$data/secret/keys/secretkey" ] && secretkey=true
echo "{\"existed\": $existed, \"database\": \"$database\", \"secretkey\": $secretkey}"
