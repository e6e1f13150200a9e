#!/bin/sh
# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# questions.sh PASSWORD: ask the running servers; each complaint is a line, and no line is what is wanted.
password=$1
# ask CONTAINER USER PASSWORD SQL [OPTION ...]: as a client with the password on its command line, which is this test's own
ask() {
    container=$1 user=$2 secret=$3 sql=$4
    shift 4
    docker exec "$container" mariadb --no-defaults --host 127.0.0.1 --user "$user" "--password=$secret" --batch --skip-column-names "$@" --execute "$sql" 2>&1
}
complain() { echo "$*"; }

ask shop shop "$password" 'SELECT @@max_connections, @@innodb_buffer_pool_size, @@collation_server' | grep -q '^60.16777216.utf8mb4_general_ci$' || complain 'shop has another configuration'
ask shop shop "$password" 'CREATE TABLE shop.t (a int); INSERT INTO shop.t VALUES (1); SELECT a FROM shop.t; DROP TABLE shop.t' | grep -qx 1 || complain 'shop may not do what it may'
ask shop shop "$password" 'CREATE TABLE old_shop.t (a int)' | grep -q denied || complain 'shop may write into old_shop'
ask shop shop "$password" 'CREATE DATABASE other' | grep -q denied || complain 'shop may create databases'
ask shop shop wrong 'SELECT 1' | grep -q 'Access denied' || complain 'a wrong password lets in'
docker exec shop mariadb --no-defaults --socket /run/mysqld/mysqld.sock --user root --password=root-Vie9ahth --skip-column-names --execute 'SELECT 1' | grep -qx 1 || complain 'the password of root does not let in'
ask shop root root-Vie9ahth 'SELECT 1' | grep -q 'Access denied' || complain 'root can come by TCP'
ask shop shop "$password" "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'old_shop'" | grep -qx latin1_german1_ci || complain 'old_shop has another collation'
ask stock stock stock-Eek3aibu "SHOW STATUS LIKE 'Ssl_cipher'" --ssl --skip-ssl-verify-server-cert | grep -q TLS_ || complain 'stock can not be reached by TLS'
ask stock stock stock-Eek3aibu 'SELECT 1' --skip-ssl | grep -q 'insecure transport' || complain 'stock can be reached without TLS'
for name in shop stock; do
    for _attempt in $(seq 120); do
        health=$(docker inspect --format '{{.State.Health.Status}}' $name)
        [ "$health" = starting ] || break
        sleep 0.5
    done
    [ "$health" = healthy ] || complain "$name is $health"
    [ "$(stat --format %u /srv/mysql/$name/data)" = 999 ] || complain "the data of $name belong to another user"
    docker inspect $name | grep -F -e "$password" -e report-Vie9ahth -e root-Vie9ahth -e stock-Eek3aibu && complain "a password is in what the engine knows of $name"
    docker logs $name 2>&1 | grep -F -e "$password" -e report-Vie9ahth -e root-Vie9ahth -e stock-Eek3aibu && complain "a password is in the log of $name"
done
ss --listening --tcp --numeric --no-header | awk '{print $4}' | grep -E ':330[78]$' | grep -v '^127\.0\.0\.1:' && complain 'a port is open on more than the loopback address'
docker kill --signal STOP shop > /dev/null
docker exec shop sh /etc/dockyard/health.sh > /dev/null 2>&1 & probe=$!
sleep 3
kill -0 $probe 2>/dev/null || complain 'the health check of a server that hangs ends well'
docker kill --signal CONT shop > /dev/null
wait $probe || complain 'the health check fails once the server goes on'
exit 0
