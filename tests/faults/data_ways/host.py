# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test host with the images of three kinds of servers, each in two versions, and an instance of one of them."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import hosts
import yaml
from managed_host import ManagedHost

ROOT = pathlib.Path(__file__).resolve().parents[3]
RECIPES = ROOT / "roles" / "images" / "vars" / "main.yml"
WRITERS = ROOT / "tests" / "integration" / "targets" / "database_upgrade" / "files"
SCRIPTS = "/srv/scripts"
FOLDER = "/srv/databases"
KEPT = "/srv/kept"
SMALL = "/srv/small"  # without a dash, which the name of its state would have as an escape
BACKUPS = "/srv/backups"
Outcome = tuple[str, list[str]]  # what is to be said, and what did not hold
NAME = "du"
PASSWORD = "secret-Ahk8ooph"
PORT = 16390
_ADMIN = "--defaults-file=/etc/dockyard/admin.cnf"
SQL = f"docker exec -i {NAME} mariadb {_ADMIN}"
# Whoever has the folder open holds its lock: the process of the upgrade.
_FIND_UPGRADE = """
folder=$(echo /var/lib/dockyard/databases/*)
found=$(find /proc/[0-9]*/fd -lname "$folder" 2> /dev/null | cut -d/ -f3 | sort -u)"""


@dataclasses.dataclass(frozen=True)
class Family:
    """A kind of server. old, new: of which suite its two versions are. fill: a script, with {rows} and {size} in it."""

    name: str
    recipe: str
    module: str
    old: str
    new: str
    options: dict[str, Any]
    fill: str
    count: str
    writer: str
    lost: str
    program: str  # of which the new version gets another one that ends with existing data
    broken: str
    more: str  # a script that writes more, and takes a while to be backed up
    wrong_password: str
    right_password: str

    def image(self, suite: str) -> str:
        return f"dockyard-test/{self.name}:{suite}"


# Of values that a snapshot can't compress.
_KEYS = (
    "openssl enc -aes-128-ctr -nosalt -pbkdf2 -pass pass:x -in /dev/zero 2> /dev/null | base64 --wrap {size}"
    ' | head --lines {rows} | awk \'{{ print "SET k:" NR - 1 " " $0 }}\''
)
_USERS = [{"name": "default", "password": PASSWORD}]


def _redis(name: str, old: str, new: str) -> Family:
    client = f"docker exec -i --env REDISCLI_AUTH={PASSWORD} {NAME} {name}-cli"
    return Family(
        name,
        name,
        "redis_server",
        old,
        new,
        {"flavour": name, "users": _USERS, "config": {"save": "3600 1"}},
        f"{_KEYS} | {client} > /dev/null",
        f"echo DBSIZE | {client}",
        f"python3 {SCRIPTS}/writer.py {PORT} {PASSWORD} {SCRIPTS}",
        f"{SCRIPTS}/lost.sh {NAME} {PASSWORD} {SCRIPTS}",
        "/usr/local/bin/docker-entrypoint.sh",
        "#!/bin/sh\nif [ -s /data/dump.rdb ]; then echo 'no way with these data'; exit 3; fi\nexec \"$@\"\n",
        f"{_KEYS.format(rows=200000, size=500).replace('k:', 'm:')} | {client} > /dev/null",
        f"sed -i s/^/x/ {FOLDER}/{NAME}/secrets/admin",
        f"sed -i s/^x// {FOLDER}/{NAME}/secrets/admin",
    )


FAMILIES = {
    "mariadb": Family(
        "mariadb",
        "mariadb",
        "mysql_server",
        "bookworm",
        "trixie",
        {
            "databases": [{"name": "shop"}],
            "users": [
                {"name": "shop", "password": PASSWORD, "privileges": {"*.*": "ALL"}},
                {"name": "clerk", "password": PASSWORD, "privileges": {"shop.*": "ALL"}},
            ],
            "config": {"innodb_buffer_pool_size": "64M", "innodb_log_file_size": "16M"},
        },
        f'echo "CREATE TABLE w (n INT PRIMARY KEY); CREATE TABLE t (n INT PRIMARY KEY, v VARCHAR({{size}}));'
        f" INSERT INTO t SELECT seq, REPEAT('x', {{size}}) FROM seq_1_to_{{rows}}\" | {SQL} shop",
        f"echo 'SELECT COUNT(*) FROM shop.t' | {SQL} --skip-column-names",
        # A client of the newer one wants TLS, which this server has not.
        f"python3 {SCRIPTS}/mysql_writer.py {PORT} {PASSWORD} {SCRIPTS} dockyard-test/mariadb:bookworm",
        f"{SCRIPTS}/mysql_lost.sh {NAME} {PASSWORD} {SCRIPTS}",
        "/usr/sbin/mariadbd",
        '#!/bin/sh\ncase "$*" in *--help* | *--version*) exec /usr/sbin/mariadbd.real "$@" ;; esac\n'
        "echo 'no way with these data'; exit 3\n",
        f'echo "INSERT INTO t SELECT seq, REPEAT(UUID(), 2) FROM seq_20001_to_220000" | {SQL} shop',
        f"echo \"ALTER USER 'dockyard-admin'@localhost IDENTIFIED BY 'x'\" | {SQL}",
        f"docker restart --time 60 {NAME}",
    ),
    "redis": _redis("redis", "bookworm", "trixie"),
    "valkey": _redis("valkey", "trixie", "sid"),
}


def declaration(
    family: Family, image: str, folder: str = FOLDER, config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the options of the family's module. config: in place of the instance's own configuration."""
    options = {**family.options, **({"config": dict(config)} if config else {})}
    return {"container_name": NAME, "directory": f"{folder}/{NAME}", "image": image, "port": PORT, **options}


class Host(ManagedHost):
    """A host with one instance at a time, by the name NAME."""

    def __init__(self, suite: str, name: str = "") -> None:
        super().__init__(name or f"faults-data-{suite}")
        self.suite = suite

    def up(self) -> None:
        hosts.up(self.name, self.suite, "engine", None, [])
        self.wait_for("docker version")
        self.must(f"mkdir -p {SCRIPTS} {KEPT}")
        for file in WRITERS.iterdir():
            self.write(file.read_text(), f"{SCRIPTS}/{file.name}")
        self.must(f"chmod 755 {SCRIPTS}/*")

    def down(self) -> None:
        hosts.down([self.name])

    def bring(self, family: Family) -> None:
        """Have both versions, and a new one that does not start."""
        if self.run(f"docker image inspect {family.name}-broken").returncode == 0:
            return
        recipe = yaml.safe_load(RECIPES.read_text())["__images_recipes"][family.recipe]
        mirror = self.must("awk '$1 == \"deb\" {print $2; exit}' /etc/apt/sources.list")
        for suite in (family.old, family.new):
            built = self.module(
                "image_build", False, name=recipe["name"], recipe=recipe["recipe"], suite=suite, mirror=mirror
            )
            if built.get("failed"):
                raise RuntimeError(built["msg"])
            self.must(f"docker tag {built['image']} {family.image(suite)}")
        self.must("rm -rf /tmp/broken; mkdir /tmp/broken")
        self.write(family.broken, "/tmp/broken/program")
        self.write(
            f"FROM {family.image(family.new)}\nRUN mv {family.program} {family.program}.real\n"
            f"COPY program {family.program}\n",
            "/tmp/broken/Dockerfile",
        )
        self.must(
            f"chmod 755 /tmp/broken/program; DOCKER_BUILDKIT=0 docker build --tag {family.name}-broken /tmp/broken"
        )

    def begin(self, family: Family, rows: int = 20000, size: int = 100, small: bool = False) -> None:
        """Have an instance of the old version with data in it, and a client that writes. small: on the small disk."""
        self.clear()
        folder = SMALL if small else FOLDER
        if small:
            self.small_disk()
        self.bring(family)
        kept = f"{KEPT}/{family.name}-{rows}"
        there = self.run(f"test -d {kept}").returncode == 0
        if there:
            self.must(f"mkdir -p {folder}; cp -a {kept} {folder}/{NAME}")
        self.declare(family, family.old, folder)
        if not there:
            self.must(family.fill.format(rows=rows, size=size))
            self.must(f"docker stop --time 300 {NAME} && cp -a {folder}/{NAME} {kept} && docker start {NAME}")
            self.declare(family, family.old, folder)
        self.must(f"setsid {family.writer} > {SCRIPTS}/log 2>&1 &")
        self.wait_for(f"test -e {SCRIPTS}/acknowledged")

    def declare(self, family: Family, suite: str, folder: str = FOLDER) -> dict[str, Any]:
        """Have the instance as it is declared. Raise RuntimeError if it can't be."""
        done = self.module(family.module, False, **declaration(family, family.image(suite), folder))
        if done.get("failed"):
            raise RuntimeError(done["msg"])
        return done

    def clear(self) -> None:
        self.run(
            f"touch {SCRIPTS}/stop; sleep 0.5; pkill -f '[w]riter.py';"
            " docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes;"
            f" umount {SMALL} /small; rm -rf {FOLDER} {BACKUPS} {SMALL} /var/lib/dockyard/databases"
            f" /etc/ansible/facts.d {SCRIPTS}/stop {SCRIPTS}/acknowledged*"
        )

    def stop_writing(self) -> None:
        """Have the client end; what it has written stays known."""
        self.must(f"touch {SCRIPTS}/stop; sleep 1")

    def lost(self, family: Family) -> list[str]:
        """Return what is wrong with the data: a write that was acknowledged and is gone, or rows that are."""
        said = self.must(family.lost)
        return [] if said.endswith(", 0 lost") else [said]

    def small_disk(self) -> None:
        """Have a disk of its own that can be filled. In memory itself, a backup would be refused."""
        self.must(
            f"mkdir -p /small {SMALL} && mount -t tmpfs -o size=4g tmpfs /small"
            " && mkdir /small/upper /small/work /small/lower"
            f" && mount -t overlay overlay -o lowerdir=/small/lower,upperdir=/small/upper,workdir=/small/work {SMALL}"
        )

    def fill_small_disk(self) -> None:
        """Leave 64 KiB of it."""
        self.must(f"fallocate -l $(($(stat -f -c '%a * %S' {SMALL}) - 65536)) {SMALL}/filler")

    def back_up(self, directory: str = BACKUPS, **options: Any) -> dict[str, Any]:
        return self.module("database_backup", False, container_name=NAME, directory=directory, **options)

    def upgrade(self, image: str, **options: Any) -> dict[str, Any]:
        return self.module("database_upgrade", False, container_name=NAME, image=image, **options)

    def begin_upgrade(self, image: str, step: str, signal: str) -> bool:
        """Begin an upgrade, and send its process a signal at a step. Return whether it was at that step then."""
        self.upgrade(image, wait=False)
        # Whose process it is has to be known before: a step may be shorter than the search.
        self.must(f"""
            {_FIND_UPGRADE}
            for attempt in $(seq 30000); do
                grep -q -e '"doing": "{step}"' -e '"outcome": "' $folder/job.json && break
                sleep 0.002
            done
            kill -{signal} $found || true""")
        return self.run(f"""grep -q '"doing": "{step}"' /var/lib/dockyard/databases/*/job.json""").returncode == 0

    def signal_upgrade(self, signal: str) -> None:
        self.must(f"{_FIND_UPGRADE}\nkill -{signal} $found || true")
