#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# mysql_lost.sh CONTAINER PASSWORD FOLDER: stop the writer, and print how many rows were acknowledged, and how many of these are lost.
touch "$3/stop"
sleep 1
last=$(cat "$3/acknowledged")
found=$(docker exec "$1" mariadb --no-defaults --host=127.0.0.1 --user=shop "--password=$2" --batch --skip-column-names \
    --execute="SELECT COUNT(*) FROM shop.w WHERE n <= $last")
echo "$last acknowledged, $((last - found)) lost"
