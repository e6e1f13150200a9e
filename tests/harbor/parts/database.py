# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image harbor-db: finds the data of the major it runs, takes over that of an older one, or starts empty.

PostgreSQL 15 and 18 and the upgrade between them are real. 9.6, 13 and 14 are stand-ins: the server is
PostgreSQL 15, its data is in a folder "cluster", and only PG_VERSION beside it names the older major; their upgrade
copies that folder, which needs as much room as a real one.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from edition import Edition

EDITION = Edition.parse(os.environ["HARBOR_VERSION"])
FAULT = os.environ.get("HARBOR_FAULT", "")
DATA = pathlib.Path("/var/lib/postgresql/data")
MAJORS = ("9.6", "13", "14", "15", "18")
REAL = ("15", "18")
# What sid lacks of the libraries that PostgreSQL 15 was built with; see ../layers.py.
PRIVATE_LIBRARIES = "/usr/lib/postgresql/15/private"


def folder(major: str) -> pathlib.Path:
    """Return where the data of a major is as seen from outside, PG_VERSION first of all."""
    return DATA if major == "9.6" else DATA / f"pg{major}"


def cluster(major: str) -> pathlib.Path:
    """Return where the real server's data is."""
    return folder(major) if major in REAL else folder(major) / "cluster"


def there(major: str) -> bool:
    return (folder(major) / "PG_VERSION").is_file()


def binary(major: str, name: str) -> str:
    """Return the full path of a program of the server of this major."""
    return f"/usr/lib/postgresql/{major if major in REAL else '15'}/bin/{name}"


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str) -> None:
    """End the container; the engine starts it again and again."""
    print(f"FATAL:  {text}", file=sys.stderr, flush=True)
    sys.exit(1)


def initdb(major: str) -> None:
    password = os.environ.get("POSTGRES_PASSWORD") or ""
    if not password:
        fail("POSTGRES_PASSWORD is empty")
    options = [
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--username=postgres",
    ]
    if major == "18":
        options.append("--no-data-checksums")  # 15 has none, and pg_upgrade wants both sides alike
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(password)
        file.flush()
        command = [binary(major, "initdb"), *options, f"--pwfile={file.name}", "-D", str(cluster(major))]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with (cluster(major) / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 0.0.0.0/0 scram-sha-256\nhost all all ::/0 scram-sha-256\n")


def mark(major: str) -> None:
    """Write PG_VERSION of a stand-in's major; a real server has written its own."""
    if major not in REAL:
        folder(major).mkdir(mode=0o700, exist_ok=True)
        (folder(major) / "PG_VERSION").write_text(f"{major}\n")
        with contextlib.suppress(FileExistsError):
            (folder(major) / "global").symlink_to("cluster/global")


def create(major: str) -> None:
    say(f"init DB, DB version:{major}")
    folder(major).mkdir(mode=0o700, exist_ok=True)
    initdb(major)
    command = [binary(major, "postgres"), "--single", "-D", str(cluster(major)), "postgres"]
    subprocess.run(command, input="CREATE DATABASE registry\n", text=True, check=True, stdout=subprocess.DEVNULL)
    mark(major)


def upgrade(old: str, new: str) -> None:
    """Take over the data of an older major. On failure the new folder goes, and the old one stays as it was."""
    say(f"upgrade DB from {old} to {new}")
    try:
        if old == "15" and new == "18":
            folder(new).mkdir(mode=0o700)
            initdb(new)
            pg_upgrade(old, new)
        else:
            mark(new)
            if FAULT == "database-killed":
                os._exit(137)  # as the engine or a lack of memory ends it; the new database is there by half
            shutil.copytree(cluster(old), cluster(new), symlinks=True)
            cluster(new).chmod(0o700)
    except (OSError, shutil.Error, subprocess.CalledProcessError) as error:
        # copytree collects (source, target, reason) of every file.
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error
        if not (old == "15" and new == "18"):  # pg_upgrade has said it itself
            say(f"Copying user relation files   failed\n\n{str(reason)[-300:]}\nFailure, exiting")
        say("fail to upgrade.")
        say(f"remove the {folder(new)} after fail to upgrade.")
        shutil.rmtree(folder(new), ignore_errors=True)
        sys.exit(1)
    say("success to upgrade.")
    say(f"remove the {folder(old)} after upgrade success.")
    remove(old)


def pg_upgrade(old: str, new: str) -> None:
    command = [binary(new, "pg_upgrade"), "-U", "postgres", "-d", str(cluster(old)), "-D", str(cluster(new))]
    command += ["-b", os.path.dirname(binary(old, "x")), "-B", os.path.dirname(binary(new, "x"))]
    with tempfile.TemporaryDirectory() as work:
        environment = {**os.environ, "LD_LIBRARY_PATH": PRIVATE_LIBRARIES}
        subprocess.run(command, cwd=work, env=environment, check=True, stdin=subprocess.DEVNULL)
    shutil.copy2(cluster(old) / "pg_hba.conf", cluster(new) / "pg_hba.conf")


def remove(major: str) -> None:
    if major == "9.6":
        shutil.rmtree(cluster(major))
        (DATA / "PG_VERSION").unlink()
        (DATA / "global").unlink()
    else:
        shutil.rmtree(folder(major))


def find() -> None:
    """Provide the data of the major that this version runs. Fail if the real one does."""
    *older, current = EDITION.takes
    if there(current):
        return
    for major in reversed(older):
        if there(major):
            upgrade(major, current)
            return
    foreign = [major for major in MAJORS if there(major)]
    if "9.6" in foreign and (2, 7) <= EDITION.series < (2, 9):
        fail("database files are of PostgreSQL 9.6; upgrade to a version between 2.3 and 2.6 first")
    if foreign and not EDITION.empty_instead_of_refused:
        fail(f"database files are incompatible with server: they were initialized by PostgreSQL {foreign[-1]}")
    create(current)


def main() -> None:
    os.umask(0o077)
    # The real one is a shell up to the start of the server: as the first process of its container it gets no signals.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if FAULT == "database-refuses":
        fail("could not open file: the database does not start (told to fail)")
    try:
        find()
    except PermissionError as error:  # data that another process owns
        fail(f"could not open file {str(error.filename)!r}: Permission denied")
    current = EDITION.leaves
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    options = ["-c", "listen_addresses=*", "-c", "unix_socket_directories=/tmp", "-c", "jit=off"]
    options += ["-c", "max_connections=1024", "-c", "shared_buffers=32MB"]
    # It finds its other files by the path in its first argument.
    os.execv(binary(current, "postgres"), [binary(current, "postgres"), "-D", str(cluster(current)), *options])


if __name__ == "__main__":
    main()
