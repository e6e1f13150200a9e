# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a command while the Harbor in a folder is stopped, and starts it again whatever the command does.
#
#   while_stopped.sh FOLDER LIMIT COMMAND [ARGUMENT …]
#
# The command may take LIMIT seconds. Harbor is started also when the one who started this goes away: it runs on Harbor's host,
# and the trap is here. Should the host itself go down, the next run of the role finds Harbor stopped and starts it.
# The functions of stop.sh come before it.
# The last line of the output is how many seconds Harbor was stopped.
# Exit status: the command's own; 124 if it took too long; 90 if Harbor could not be stopped; 91 if it could not be started.
set -u
folder=$1 limit=$2
shift 2
command=
cd "$folder" || exit 90
start() {
    trap - EXIT
    trap '' HUP INT TERM
    status=$1
    [ -z "$command" ] || kill "$command" 2> /dev/null
    words=$(compose start 2>&1) || {
        echo "Harbor in $folder could not be started again: $(echo "$words" | tail -n 2 | paste -sd' ')." >&2
        exit 91
    }
    echo "$(($(date +%s) - since))"
    exit "$status"
}

since=$(date +%s)
trap 'start $?' EXIT
trap 'exit 129' HUP INT TERM
words=$(stop_harbor 2>&1) || {
    echo "Harbor in $folder could not be stopped: $(echo "$words" | tail -n 2 | paste -sd' ')." >&2
    exit 90
}
# In the background, because a shell answers no signal while it waits for one in front.
timeout --kill-after=10 "$limit" "$@" < /dev/null &
command=$!
wait "$command"
status=$?
command=
[ "$status" -ne 124 ] || echo "It did not end within $limit seconds." >&2
exit "$status"
