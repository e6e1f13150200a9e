# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test host on which a stand-in for Harbor is installed, filled, counted, and put back.

    harbor_host.py up NAME [VERSION] [--suite SUITE] [--flag=--with-trivy ...]    with VERSION also Harbor, with content
    harbor_host.py upgrade NAME VERSION [--flag=...]          by hand, as Harbor's documentation says
    harbor_host.py census NAME                                what is in it
    harbor_host.py down NAME

The archives are mounted at /releases, the data volume is /data, Harbor is in /opt/harbor.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import yaml

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "hosts")]

import commands  # noqa: E402  (tests/hosts)
import engine  # noqa: E402  (tests/hosts)
import hosts  # noqa: E402  (tests/hosts)
import images  # noqa: E402  (tests/hosts)
import releases  # noqa: E402
from harbor_client import HarborClient  # noqa: E402

PACKAGES = ("docker-compose", "python3-yaml")
FOLDER, DATA, LOGS, STATE, SNAPSHOTS = "/opt/harbor", "/data", "/var/log/harbor", "/var/lib/dockyard", "/snapshots"
ADMIN_PASSWORD = "Harbor12345"
# Ends and removes every container of the host, also one that is being started just now.
NO_CONTAINERS = """
for round in 1 2 3; do
    containers=$(docker ps --all --quiet)
    [ -z "$containers" ] || docker rm --force --volumes $containers >/dev/null 2>&1 || :
done
docker network prune --force >/dev/null
"""


def edited(text: str, changes: dict[str, Any]) -> str:
    """Return a YAML file with other values for top-level keys (None: without them), its comments kept, as by hand."""
    for key, value in changes.items():
        text = re.sub(rf"^{re.escape(key)}:.*\n(?:[ \t]+.*\n)*", "", text, flags=re.MULTILINE)
        if value is not None:
            text = f"{text.rstrip()}\n{yaml.safe_dump({key: value}, default_flow_style=False)}"
    return text


class HarborHost:
    """name: of the host, which the other hosts know it by."""

    def __init__(self, name: str, suite: str = "trixie", password: str = ADMIN_PASSWORD) -> None:
        self.name = name
        self.container = hosts.container(name)
        self.suite = suite
        self.password = password

    # The host

    def up(self, options: Sequence[str] = ()) -> None:
        """Start the host again from its image. options: further ones of docker run."""
        archives = releases.ensure()
        hosts.up(self.name, self.suite, "engine", None, ["-v", f"{archives}:/releases:ro", "-v", DATA, *options])
        self.must("timeout 60 sh -c 'until docker info >/dev/null 2>&1; do sleep 0.2; done'")
        self.must(
            "apt-get update -qq && DEBIAN_FRONTEND=noninteractive"
            f" apt-get install -y -qq --no-install-recommends {' '.join(PACKAGES)} >/dev/null 2>&1"
        )

    def down(self) -> None:
        hosts.down([self.name])

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        command = ["docker", "exec", "--interactive", self.container, "bash", "-c", script]
        return commands.run(command, text=True)

    def must(self, script: str) -> str:
        done = self.run(script)
        if done.returncode != 0:
            raise RuntimeError(
                f"{self.name}: {script}: exit {done.returncode}: {done.stderr[-1500:]}{done.stdout[-1500:]}"
            )
        return done.stdout.strip()

    def write(self, path: str, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        command = ["docker", "exec", "--interactive", self.container, "sh", "-c", f"cat > {shlex.quote(path)}"]
        commands.run(command, data).check_returncode()

    @property
    def ip(self) -> str:
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return hosts.docker("inspect", "--format", form, self.container)

    @property
    def configuration(self) -> dict[str, Any]:
        loaded: dict[str, Any] = yaml.safe_load(self.must(f"cat {FOLDER}/harbor.yml"))
        return loaded

    @property
    def endpoint(self) -> tuple[str, int]:
        """Return scheme and port at which Harbor listens."""
        config = self.configuration
        if config.get("https"):
            return "https", int(config["https"].get("port", 443))
        return "http", int(config["http"].get("port", 80))

    @property
    def client(self) -> HarborClient:
        scheme, port = self.endpoint
        return HarborClient(f"{scheme}://{self.ip}:{port}", self.password)

    # Harbor, by hand

    def archive(self, version: str, fault: str | None = None) -> str:
        """Return the path on the host of an archive, or of one of which something fails."""
        place = "/releases"
        if fault:
            releases.variant(version, fault)
            place = f"/releases/variant-{fault}"
        else:
            releases.ensure((version,))
        return f"{place}/harbor-offline-installer-v{version}.tgz"

    def install(
        self, version: str, flags: Sequence[str] = ("--with-trivy",), fault: str | None = None, **harbor_yml: Any
    ) -> None:
        """Install from nothing. harbor_yml: top-level keys that differ from the template; https is off by default."""
        changes = {"hostname": self.name, "https": None, "harbor_admin_password": self.password, **harbor_yml}
        self.must(f"mkdir -p /opt && cd /opt && tar xzf {self.archive(version, fault)}")
        template = self.must(f"cd {FOLDER} && cat harbor.yml.tmpl 2>/dev/null || cat {FOLDER}/harbor.yml")
        self.write(f"{FOLDER}/harbor.yml", edited(template, changes))
        self.must(f"cd {FOLDER} && ./install.sh {' '.join(flags)}")
        self.client.wait()

    def upgrade_by_hand(
        self, version: str, flags: Sequence[str] = ("--with-trivy",), fault: str | None = None, wait: bool = True
    ) -> None:
        """Upgrade as Harbor's documentation says, with a copy of folder and database in /backup."""
        archive, kept = self.archive(version, fault), f"/backup/before-{version}"
        migrate = f"docker run --rm -v /:/hostfs goharbor/prepare:v{version} migrate -i {FOLDER}/harbor.yml"
        self.must(f"cd {FOLDER} && docker compose down && mkdir -p {kept} && cp -a {DATA}/database {kept}/")
        self.must(f"mv {FOLDER} {kept}/harbor && cd /opt && tar xzf {archive}")
        self.must(
            f"cd {FOLDER} && docker load -q -i harbor.v{version}.tar.gz && cp {kept}/harbor/harbor.yml harbor.yml"
        )
        self.must(f"{migrate} && cd {FOLDER} && ./install.sh {' '.join(flags)}")
        if wait:
            self.client.wait()

    # Content

    def seed(self, projects: int = 2, repositories: int = 2, users: int = 2) -> None:
        """Add projects (every second public), users, another registry; push two tags into each repository."""
        client = self.client
        client.wait()
        for number in range(1, projects + 1):
            name = f"project-{number}"
            client.api("/projects", {"project_name": name, "metadata": {"public": str(number % 2 == 0).lower()}})
            for repository in range(1, repositories + 1):
                self.push(f"{name}/repository-{repository}", ("v1", "v2"))
        self.push("library/deep/name", ("latest",))
        for number in range(1, users + 1):
            name = f"user-{number}"
            person = {
                "username": name,
                "email": f"{name}@example.com",
                "realname": name,
                "password": f"Secret-{number}",
            }
            client.api("/users", person)
        credential = {"access_key": "reader", "access_secret": "needs the secretkey"}
        client.api("/registries", {"name": "other", "url": "https://other.example.com", "credential": credential})

    def push(self, repository: str, tags: Sequence[str], kilobytes: int = 64) -> None:
        """Push an image of its own per tag."""
        _scheme, port = self.endpoint
        place = "127.0.0.1" if port in (80, 443) else f"127.0.0.1:{port}"
        login = f"docker login -u admin --password-stdin {place}"
        script = f"set -eu; cd $(mktemp -d); echo {shlex.quote(self.password)} | {login}"
        for tag in tags:
            image = f"{place}/{repository}:{tag}"
            script += (
                f"; head -c {kilobytes}K /dev/urandom > content; tar c content | docker import - {image}"
                f"; docker push {image}; docker image rm {image}"
            )
        self.must(f"({script}) 2>&1")

    def grow(self, database: int = 0, registry: int = 0) -> None:
        """Add about so many megabytes of data. In the database, its write-ahead log is about as much again."""
        if database:
            statement = (
                "CREATE TABLE IF NOT EXISTS filler (text text); INSERT INTO filler"
                " SELECT string_agg(md5(random()::text), '')"
                f" FROM generate_series(1, {database} * 1000) number, generate_series(1, 32) GROUP BY number"
            )
            psql = "$(ls -d /usr/lib/postgresql/*/bin | tail -1)/psql -h /tmp -U postgres registry"
            self.must(f"docker exec harbor-db sh -c {shlex.quote(f'{psql} -q -c {shlex.quote(statement)}')}")
        place = f"{DATA}/registry/docker/registry/v2/blobs/sha256/00"
        for number in range(registry // 64):
            self.must(f"mkdir -p {place}/{number:064} && head -c 64M /dev/urandom > {place}/{number:064}/data")
        if registry:
            self.must(f"chown -R 10000:10000 {DATA}/registry/docker")

    def version(self) -> str:
        """Return the version of the running Harbor, as in "2.8.6"."""
        return self.client.version()

    def census(self, blobs: bool = True) -> dict[str, list[str]]:
        return self.client.census(blobs)

    # Back to a known state

    def snapshot(self, label: str = "installed") -> None:
        """Keep install folder, data volume and logs as they are; Harbor is stopped for that, and runs afterwards."""
        place = f"{SNAPSHOTS}/{label}"
        self.must(f"cd {FOLDER} && docker compose stop >/dev/null 2>&1; rm -rf {place}; mkdir -p {place}")
        self.must(f"cp -a {FOLDER} {place}/harbor && cp -a {DATA} {place}/data && cp -a {LOGS} {place}/logs")
        self.must(f"docker image ls --format '{{{{.Repository}}}}:{{{{.Tag}}}}' | sort > {place}/images")
        self.start()

    def clear(self) -> None:
        """Remove Harbor and everything that it has, except its images."""
        self.must(NO_CONTAINERS)
        self.must(f"rm -rf {FOLDER}* /opt/.harbor* /backup {STATE} {LOGS}; find {DATA} -mindepth 1 -delete")

    def restore(self, label: str = "installed", start: bool = True) -> None:
        """Put all that back, whatever state the host is in, and remove everything that was made since."""
        place = f"{SNAPSHOTS}/{label}"
        self.clear()
        self.must(f"cp -a {place}/harbor {FOLDER} && cp -a {place}/data/. {DATA}/ && cp -a {place}/logs {LOGS}")
        listed = "docker image ls --format '{{.Repository}}:{{.Tag}}' | sort"
        # An image whose tag another variant of its version has taken over.
        self.must("docker image prune --force >/dev/null")
        self.must(
            f'new=$({listed} | comm -23 - {place}/images); [ -z "$new" ] || docker image rm --force $new >/dev/null'
        )
        if start:
            self.start()

    def start(self) -> None:
        self.must(f"cd {FOLDER} && docker compose up -d 2>&1")
        self.client.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "upgrade", "census", "down"):
        command = commands.add_parser(name)
        command.add_argument("name")
        if name in ("up", "upgrade"):
            command.add_argument("version", nargs="?" if name == "up" else None)
            command.add_argument("--flag", action="append", dest="flags")
        if name == "up":
            command.add_argument("--suite", choices=images.SUITES, default="trixie")
    arguments = parser.parse_args()
    if not engine.answers(None):
        engine.reach_our_own()
    host = HarborHost(arguments.name, getattr(arguments, "suite", "trixie"))
    if arguments.command == "up":
        host.up()
        if arguments.version:
            host.install(arguments.version, arguments.flags or _flags(arguments.version))
            host.seed()
            print(f"{host.version()} at {host.client.address}, admin {ADMIN_PASSWORD}")
    elif arguments.command == "upgrade":
        host.upgrade_by_hand(arguments.version, arguments.flags or _flags(arguments.version))
        print(f"{host.version()} at {host.client.address}")
    elif arguments.command == "census":
        print(json.dumps(host.census(), indent=2))
    else:
        host.down()


def _flags(version: str) -> list[str]:
    return ["--with-trivy"] if "trivy" in releases.Edition.parse(version).optional_parts else []


if __name__ == "__main__":
    main()
