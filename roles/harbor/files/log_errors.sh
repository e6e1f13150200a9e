# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# One line for each container of the Harbor in the folder $1 that does not run or is not healthy, with what it said last.
# $2: the folder of Harbor's logs. Containers log to harbor-log, and only harbor-log itself to the engine.
project=$(basename "$1" | tr '[:upper:]' '[:lower:]')
telling() { grep -aiE 'fatal|panic|error|dirty|denied|no such|refused|failed' | tail -n 1 | cut -c 1-300; }

docker ps --all --filter "label=com.docker.compose.project=$project" --format '{{.Names}} {{.Status}}' | sort | while read -r name status; do
    case $status in
        *"(healthy)"* | "Up "*"(health: starting)"*) continue ;;
        Up*"(unhealthy)"* | Restarting* | Exited* | Created* | Dead*) ;;
        *) continue ;;
    esac
    case $name in
        harbor-db) log=postgresql ;;
        nginx) log=proxy ;;
        *) log=${name#harbor-} ;;
    esac
    words=
    [ ! -f "$2/$log.log" ] || words=$(tail -n 200 "$2/$log.log" | telling)
    [ -n "$words" ] || words=$(docker logs --tail 200 "$name" 2>&1 | telling)
    echo "$name: $status${words:+: $words}"
done
