# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a command in a window in which the registry takes no uploads and goes on answering pulls.
#
#   read_only_window.sh CONTAINER FOLDER SECONDS LIMIT COMMAND [ARGUMENT …]
#
# FOLDER holds config.yml, which the container serves with, and config.yml.read-only, which the window uses.
# A start may take SECONDS, the command LIMIT seconds.
# The window ends with the registry in read-write service whatever the command does, also when the one who
# started it goes away: it runs on the registry's host, and the trap is here. Should the host itself go down,
# config.yml.read-write remains: the next run of the role finds it and ends the window.
# Exit status: the command's own; 124 if it took too long; 90 if the window could not be opened; 91 if it could not be closed.
set -u
name=$1 folder=$2 seconds=$3 limit=$4
shift 4
command=

healthy() {
    left=$seconds
    until docker exec "$name" timeout 5 wget -q -O /dev/null http://127.0.0.1:5001/debug/health 2>/dev/null; do
        [ "$left" -gt 0 ] || return 1
        left=$((left - 1))
        sleep 1
    done
}

close() {
    trap - EXIT
    trap '' HUP INT TERM
    status=$1
    [ -z "$command" ] || kill "$command" 2>/dev/null
    rm -f "$folder/config.yml.read-only"
    if [ -e "$folder/config.yml.read-write" ]; then
        cp -p "$folder/config.yml.read-write" "$folder/config.yml.new" &&
            mv -f "$folder/config.yml.new" "$folder/config.yml" &&
            docker restart "$name" >/dev/null &&
            healthy || {
            echo "The registry in the container $name is not back in read-write service after its read-only window." >&2
            exit 91
        }
        rm -f "$folder/config.yml.read-write"
    fi
    exit "$status"
}
trap 'close $?' EXIT
trap 'exit 129' HUP INT TERM

[ -e "$folder/config.yml.read-write" ] || cp -p "$folder/config.yml" "$folder/config.yml.read-write" || exit 90
mv -f "$folder/config.yml.read-only" "$folder/config.yml" || exit 90
docker restart "$name" >/dev/null && healthy || {
    echo "The registry in the container $name does not start in read-only mode." >&2
    exit 90
}
# In the background, because a shell answers no signal while it waits for one in front.
timeout --kill-after=10 "$limit" "$@" </dev/null &
command=$!
wait "$command"
status=$?
[ "$status" -ne 124 ] || echo "It did not end within $limit seconds." >&2
# What runs in the container ends with the restart that closes the window.
exit "$status"
