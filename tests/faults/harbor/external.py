# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Harbor whose database is on a server of its own: a real PostgreSQL, saved and put back by the guide's commands."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Callable

from harbor.host import KILL, SOURCE, TARGET, Host

Fault = Callable[[Host], "tuple[str, list[str]]"]

_PASSWORD = "harbor's own"
_PGPASS, _DUMP, _SCRIPT = "/root/.harbor.pgpass", "/var/backups/harbor/registry.dump", "/usr/local/sbin/harbor-database"
_INSTALL = """
if [ ! -d /etc/postgresql ]; then
    apt-get update -qq && apt-get install -qq --no-install-recommends postgresql >/dev/null 2>&1
fi
cd /etc/postgresql/*/main
echo "listen_addresses = '*'" > conf.d/everywhere.conf
grep -q harbor pg_hba.conf || echo 'host all harbor 0.0.0.0/0 scram-sha-256' >> pg_hba.conf
systemctl restart postgresql
until pg_isready --quiet; do sleep 0.1; done
install -d -m 0700 /var/backups/harbor
"""
_EMPTY = f"""
DROP DATABASE IF EXISTS registry;
DROP ROLE IF EXISTS harbor;
CREATE ROLE harbor LOGIN CREATEDB PASSWORD '{_PASSWORD.replace("'", "''")}';
CREATE DATABASE registry OWNER harbor;
"""


def _commands(address: str) -> dict[str, Any]:
    """As the guide on rehearsals has them."""
    login = ["env", f"PGPASSFILE={_PGPASS}"]
    where = [f"--host={address}", "--username=harbor"]
    backup = [*login, "pg_dump", *where, "--dbname=registry", "--format=custom", f"--file={_DUMP}"]
    restore = [*login, "pg_restore", *where, "--dbname=postgres", "--clean", "--create", "--if-exists"]
    return {
        "database_backup_command": backup,
        "database_restore_command": [*restore, "--exit-on-error", _DUMP],
    }


@contextlib.contextmanager
def _harbor(host: Host) -> Iterator[dict[str, Any]]:
    """Set up a Harbor with something in it, in place of the usual one. Yield the commands for its database."""
    address = host.harbor.ip
    host.must(_INSTALL)
    host.must(f"su postgres -c 'psql --quiet --set=ON_ERROR_STOP=1' <<'END'\n{_EMPTY}\nEND")
    host.write(f"{address}:5432:*:harbor:{_PASSWORD}\n", _PGPASS)
    host.must(f"chmod 0600 {_PGPASS}")
    database: dict[str, Any] = {"host": address, "port": 5432, "db_name": "registry", "ssl_mode": "disable"}
    database.update({"username": "harbor", "password": _PASSWORD})
    try:
        with host.instead(SOURCE, ("--with-trivy",), external_database={"harbor": database}):
            yield _commands(address)
    finally:
        host.must("systemctl stop postgresql")


def _schema(host: Host) -> str:
    """Which tables there are, and what Harbor has noted about its migrations."""
    statements = (
        "SELECT tablename FROM pg_tables WHERE schemaname = $$public$$ ORDER BY tablename",
        "SELECT version, dirty FROM schema_migrations",
    )
    return host.must(f"su postgres -c 'psql --tuples-only --no-align registry' <<'END'\n{'; '.join(statements)};\nEND")


def migration_fails(host: Host) -> tuple[str, list[str]]:
    with _harbor(host) as commands:
        before = _schema(host)
        answer = host.upgrade(host.archive(TARGET, "migration-fails"), **commands)
        broken = host.lost(SOURCE)
        if answer.get("outcome") != "rolled_back":
            broken.append(f"it was not put back: {answer.get('msg')}")
        if (after := _schema(host)) != before:
            broken.append(f"the schema was {before.split()} and is {after.split()}")
    return str(answer.get("outcome")), broken


def taken_back(host: Host) -> tuple[str, list[str]]:
    with _harbor(host) as commands:
        before = _schema(host)
        upgraded = host.upgrade(**commands)
        broken = host.lost(TARGET)
        answer = host.upgrade(state="rolled_back")
        broken += host.lost(SOURCE)
        if (after := _schema(host)) != before:
            broken.append(f"the schema was {before.split()} and is {after.split()}")
    outcomes = f"{upgraded.get('outcome')}, then {answer.get('outcome')}"
    if outcomes != "upgraded, then rolled_back":
        broken.append(f"{outcomes}: {upgraded.get('msg')} {answer.get('msg')}")
    return outcomes, broken


def backup_fails(host: Host) -> tuple[str, list[str]]:
    """There is nothing to put back yet, and nothing may be."""
    with _harbor(host) as commands:
        commands["database_backup_command"] = ["sh", "-c", "echo the disk is on fire; exit 7"]
        commands["database_restore_command"] = ["touch", "/restored"]
        answer = host.upgrade(**commands)
        broken = host.lost(SOURCE)
        if host.run("rm /restored").returncode == 0:
            broken.append("a dump that is not there was put back")
    if answer.get("outcome") != "rolled_back":
        broken.append(f"it was not put back: {answer.get('msg')}")
    if not answer.get("msg", "").startswith("The command that saves the database failed with 7: the disk is on fire."):
        broken.append(f"the message is {answer.get('msg')}")
    return str(answer.get("outcome")), broken


def restore_fails(host: Host) -> tuple[str, list[str]]:
    """Fix a script while Harbor is down; the next run goes on with the rollback."""
    archive = host.archive(TARGET, "migration-fails")
    with _harbor(host) as commands:
        host.write("#!/bin/sh\necho the server is away\nexit 3\n", _SCRIPT)
        host.must(f"chmod 0755 {_SCRIPT}")
        restore = commands["database_restore_command"]
        commands["database_restore_command"] = [_SCRIPT]
        answer = host.upgrade(archive, **commands)
        broken = []
        said = (
            "Going back to 2.8.6 failed too: The command that restores the database failed with 3: the server is away."
        )
        if answer.get("outcome") != "broken" or said not in answer.get("msg", ""):
            broken.append(f"the first run: {answer.get('outcome')}: {answer.get('msg')}")
        host.write(f"#!/bin/sh\nexec {' '.join(restore)}\n", _SCRIPT)
        again = host.upgrade(archive, **commands)
        broken += host.lost(SOURCE)
    if again.get("outcome") != "rolled_back":
        broken.append(f"it did not go on with the rollback: {again.get('msg')}")
    return f"{answer.get('outcome')}, fixed, then {again.get('outcome')}", broken


def killed(host: Host) -> tuple[str, list[str]]:
    """In the midst of the restore, when the database may be gone for a moment."""
    archive = host.archive(TARGET, "migration-fails")
    with _harbor(host) as commands:
        at = host.begin("back data", KILL, archive, delay=0.1, **commands)
        answer = host.upgrade(archive, **commands)
        broken = host.lost(SOURCE)
    if at is None or answer.get("outcome") != "rolled_back":
        broken.append(f"killed at {at}: {answer.get('msg')}")
    return f"killed at {at}, then {answer.get('outcome')}", broken


def of(small: bool) -> list[tuple[str, Fault]]:
    faults: list[tuple[str, Fault]] = [("external database: the migration fails", migration_fails)]
    if small:
        return faults
    return [
        *faults,
        ("external database: taken back on request", taken_back),
        ("external database: its backup fails", backup_fails),
        ("external database: its restore fails", restore_fails),
        ("external database: killed at: back data", killed),
    ]
