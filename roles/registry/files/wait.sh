# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Waits until the registry in container $1 says that it is healthy, for at most $2 seconds.
# It asks inside the container, where neither a certificate nor a password is needed.
name=$1 seconds=$2
while :; do
    state=$(docker container inspect --format '{{.State.Running}} {{.RestartCount}}' "$name" 2>&1)
    case $state in
        "true 0")
            docker exec "$name" timeout 5 wget -q -O /dev/null http://127.0.0.1:5001/debug/health 2>/dev/null && exit 0
            ;;
        "true "* | "false "*)
            echo "The registry in the container $name does not start." >&2
            exit 1
            ;;
        *)
            echo "The container $name can't be looked at: $state." >&2
            exit 1
            ;;
    esac
    if [ "$seconds" -le 0 ]; then
        echo "The registry in the container $name is not healthy after $2 seconds." >&2
        exit 1
    fi
    seconds=$((seconds - 1))
    sleep 1
done
