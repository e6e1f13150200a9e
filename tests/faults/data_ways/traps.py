# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traps that make no noise: each is shown on the bare server first, and then that the modules do not fall into it."""

from __future__ import annotations

from data_ways.host import BACKUPS, FAMILIES, FOLDER, NAME, SQL, Host, Outcome, declaration

BARE = "/srv/bare"
_MARIADB, _REDIS = FAMILIES["mariadb"], FAMILIES["redis"]
_ROOT = "docker exec bare mariadb --no-defaults --host=127.0.0.1 --user=root --password=x --skip-column-names --execute"
_WAIT = "for attempt in $(seq 600); do {} > /dev/null 2>&1 && break; sleep 0.2; done; {}"


def _bare(host: Host, suite: str, *options: str, folder: str = BARE, command: str = "") -> None:
    """Start a container of the image's own entry point, as people do."""
    host.run("docker rm --force --volumes bare")
    image = _MARIADB.image(suite)
    words = f"--env MARIADB_ROOT_PASSWORD=x --volume {folder}:/var/lib/mysql {' '.join(options)}"
    host.must(f"mkdir -p {folder}; docker run --detach --name bare {words} {image} {command}")


def _ask(host: Host, sql: str) -> str:
    return host.must(_WAIT.format(f'{_ROOT} "SELECT 1"', f'{_ROOT} "{sql}"'))


def _clear(host: Host) -> None:
    host.clear()
    host.must(f"rm -rf {BARE} {BARE}-config")


def append_only_by_a_restart(host: Host) -> Outcome:
    _clear(host)
    host.bring(_REDIS)
    image = _REDIS.image("trixie")
    run = f"docker run --detach --name bare --volume {BARE}:/data {image} redis-server --save 3600 1 --appendonly"
    host.must(f"mkdir -p {BARE}; {run} no")
    host.must(_WAIT.format("docker exec bare redis-cli PING", "docker exec bare redis-cli SET a 1"))
    host.must(f"docker stop bare; docker rm bare; {run} yes")
    left = host.must(_WAIT.format("docker exec bare redis-cli PING", "docker exec bare redis-cli DBSIZE"))
    broken = [] if left.strip() == "0" else ["the bare server has kept its keys"]
    host.begin(_REDIS)
    before = host.must(f"{_REDIS.count} | tail -n 1")
    options = declaration(_REDIS, _REDIS.image("bookworm"), config={"save": "3600 1", "appendonly": True})
    changed = host.module("redis_server", False, **options)
    host.stop_writing()
    host.must(f"docker restart --time 60 {NAME}")
    broken += [str(changed["msg"])] if changed.get("failed") else []
    return f"bare: {left.strip()} keys; module: {before} and what was written", [*broken, *host.lost(_REDIS)]


def starts_on_newer_data(host: Host) -> Outcome:
    _clear(host)
    host.bring(_MARIADB)
    _bare(host, "trixie")
    _ask(host, "CREATE DATABASE one")
    host.must("docker stop --time 100 bare")
    _bare(host, "bookworm")
    version = _ask(host, "SELECT VERSION()")
    broken = [] if version.startswith("10.11") else ["the bare server has refused it"]
    host.begin(_MARIADB)
    host.upgrade(_MARIADB.image("trixie"))
    refused = host.upgrade(_MARIADB.image("bookworm"))
    if not refused.get("failed") or "is older" not in refused["msg"]:
        broken.append(f"not refused: {refused}")
    return f"bare: {version} has started on data of 11.8", [*broken, *host.lost(_MARIADB)]


def unread_configuration(host: Host) -> Outcome:
    _clear(host)
    host.bring(_MARIADB)
    config = f"{BARE}-config"
    host.must(
        f"mkdir -p {config}; printf '[mysqld]\\nmax_connections = 77\\n' > {config}/a.cnf; chmod 600 {config}/a.cnf"
    )
    _bare(host, "trixie", f"--volume {config}:/etc/mysql/conf.d")
    private = _ask(host, "SELECT @@max_connections")
    host.must(f"chmod 666 {config}/a.cnf; docker stop --time 100 bare; docker start bare")
    open_to_all = _ask(host, "SELECT @@max_connections")
    broken = [] if "77" not in (private, open_to_all) else ["the bare server has read it"]
    host.begin(_MARIADB)
    options = declaration(_MARIADB, _MARIADB.image("bookworm"), config={"max_connections": 77})
    done = host.module("mysql_server", False, **options)
    now = host.must(f"echo 'SELECT @@max_connections' | {SQL} --skip-column-names")
    broken += [f"{done['msg']} {now}"] if now != "77" else []
    return f"bare: {private} and {open_to_all} in place of 77; module: {now}", [*broken, *host.lost(_MARIADB)]


def killed_in_first_start(host: Host) -> Outcome:
    _clear(host)
    host.bring(_MARIADB)
    host.must(f"mkdir -p {BARE}-config; echo 'CREATE DATABASE late; SELECT SLEEP(600);' > {BARE}-config/1.sql")
    _bare(host, "trixie", f"--volume {BARE}-config:/docker-entrypoint-initdb.d")
    host.wait_for(f"test -d {BARE}/late", 120)
    host.must("docker kill bare; docker start bare")
    host.wait_for("docker exec bare mariadb-admin --no-defaults --socket=/run/mysqld/mysqld.sock ping", 120)
    password = host.run(f'{_ROOT} "SELECT 1"').returncode
    broken = [] if password else ["the bare server has its password"]
    options = declaration(_MARIADB, _MARIADB.image("trixie"))
    running = host.start("mysql_server", False, **options)
    host.wait_for(f"test -e {FOLDER}/{NAME}/data.new/ibdata1", 120)
    host.reboot()
    running.kill()
    host.wait_for("docker version")
    looks_like_data = host.run(f"ls {FOLDER}/{NAME}/data/* > /dev/null 2>&1").returncode == 0
    broken += ["half of a database has the place of one"] if looks_like_data else []
    done = host.module("mysql_server", False, **options)
    broken += [done["msg"]] if done.get("failed") else []
    return "bare: up, and nobody has a password; module: begun again", broken


def option_of_the_old_version(host: Host) -> Outcome:
    _clear(host)
    host.bring(_MARIADB)
    option = "max_tmp_tables"
    _bare(host, "trixie", command=f"--{option}=32")
    host.run("docker wait bare & sleep 15; kill $!")
    bare = host.must("docker logs bare 2>&1 | grep -c 'unknown variable' || :")
    broken = [] if bare != "0" else ["the bare server knows it"]
    host.begin(_MARIADB)
    host.module("mysql_server", False, **declaration(_MARIADB, _MARIADB.image("bookworm"), config={option: 32}))
    refused = host.upgrade(_MARIADB.image("trixie"))
    if refused.get("outcome") != "refused" or "was not stopped" not in refused["msg"]:
        broken.append(str(refused))
    return str(refused.get("msg"))[:150], [*broken, *host.lost(_MARIADB)]


def floating_tag(host: Host) -> Outcome:
    host.begin(_MARIADB)
    host.must(f"docker tag {_MARIADB.image('trixie')} floating:1")
    refused = host.module("mysql_server", False, **declaration(_MARIADB, "floating:1"))
    broken = [] if refused.get("error_code") == "database_upgrade_needed" else [str(refused)]
    return str(refused.get("msg"))[:150], [*broken, *host.lost(_MARIADB)]


def first_line_of_a_dump(host: Host) -> Outcome:
    host.begin(_MARIADB)
    host.upgrade(_MARIADB.image("trixie"))
    bare = host.must(f"docker exec {NAME} mariadb-dump --defaults-file=/etc/dockyard/admin.cnf shop | head -n 1")
    broken = [] if bare.startswith("/*M!999999") else [f"the bare dump begins with {bare}"]
    host.back_up()
    ours = host.must(f"gzip -dc {BACKUPS}/*/all.sql.gz | head -n 1")
    broken += [f"ours begins with {ours}"] if "999999" in ours else []
    return f"bare: {bare}; ours: {ours}", broken


def account_of_the_health_check(host: Host) -> Outcome:
    host.begin(_MARIADB)
    host.stop_writing()
    host.must(f"echo \"DROP USER 'dockyard-health'@localhost\" | {SQL}")
    host.back_up()
    options = {"container_name": NAME, "directory": BACKUPS}
    done = host.module("database_restore", False, state="restored", replace_data_of=NAME, **options)
    health = host.run(f"docker exec {NAME} sh /etc/dockyard/health.sh").returncode
    broken = [done["msg"]] if done.get("failed") else []
    broken += ["the health check fails after a restore of a backup without its account"] if health else []
    return "restored without it, and the server has made it again", broken


def failed_dump(host: Host) -> Outcome:
    host.begin(_MARIADB)
    host.stop_writing()
    for _number in range(2):
        host.back_up(keep=2)
    good = host.must(f"ls {BACKUPS}")
    host.must(
        f"echo 'CREATE TABLE gone (n INT); CREATE VIEW broken AS SELECT n FROM gone; DROP TABLE gone' | {SQL} shop"
    )
    dump = f"docker exec {NAME} mariadb-dump --defaults-file=/etc/dockyard/admin.cnf --all-databases"
    bare = host.must(f"{dump} 2>/dev/null | gzip > /srv/bare.sql.gz && stat --format %s /srv/bare.sql.gz")
    failed = [host.back_up(keep=1)]
    broken = [] if failed[0].get("error_code") == "mysql_dump_failed" else [str(failed)]
    broken += ["good ones were removed"] if host.must(f"ls {BACKUPS}") != good else []
    return f"bare: exit status 0 and {bare} bytes, cut off; module: failed, and the good ones stay", broken


def asked_to_end_while_it_starts(host: Host) -> Outcome:
    _clear(host)
    host.bring(_MARIADB)
    _bare(host, "trixie")
    _ask(host, "SELECT 1")
    host.must("docker stop --time 100 bare")
    hung = ""
    for hundredths in range(5, 65, 2):
        host.must(f"docker start bare; sleep 0.{hundredths:02}; docker kill --signal TERM bare || :")
        running = host.run("timeout 10 docker wait bare").returncode
        if running:
            hung = f"0.{hundredths:02} s"
            host.must("docker kill bare")
            break
    broken = [] if hung else ["the bare server has ended each time"]
    host.begin(_MARIADB)
    # Only a start tells, and while the configuration of before is put back the engine starts the server once more.
    options = declaration(_MARIADB, _MARIADB.image("bookworm"), config={"innodb_log_group_home_dir": "/nowhere"})
    for _time in range(8):
        refused = host.module("mysql_server", False, **options)
        if "was put back and is up" not in refused["msg"]:
            broken.append(refused["msg"])
    return f"bare: hangs when asked after {hung}; module: put back and up, eight times", [*broken, *host.lost(_MARIADB)]


TRAPS = {
    "appendonly switched on by a restart": append_only_by_a_restart,
    "MariaDB on newer data": starts_on_newer_data,
    "a configuration that is not read": unread_configuration,
    "killed in the first start": killed_in_first_start,
    "an option that the new version has not": option_of_the_old_version,
    "a floating tag": floating_tag,
    "the first line of a dump": first_line_of_a_dump,
    "the account of the health check": account_of_the_health_check,
    "a dump that failed": failed_dump,
    "asked to end while it starts": asked_to_end_while_it_starts,
}
