# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test host for topologies: with the scripts and images of the integration target, and the module's backend."""

from __future__ import annotations

import pathlib
import subprocess
from typing import Any

import hosts
from managed_host import ManagedHost

ROOT = pathlib.Path(__file__).resolve().parents[3]
TARGETS = ROOT / "tests" / "integration" / "targets"
IMAGE = "dockyard-test/tools:1"
SCRIPTS = "/root/topology"
BACKEND = "/root/backend"
Row = dict[str, Any]


class Host(ManagedHost):
    def __init__(self, suite: str, which: str = "") -> None:
        super().__init__(f"faults-wiring-{suite}{which}")
        self.suite = suite

    def up(self) -> None:
        hosts.up(self.name, self.suite, "engine", None, [])
        plugins = f"{BACKEND}/ansible_collections/dockyard/ops/plugins"
        self.must(f"mkdir -p {SCRIPTS} {plugins}")
        self.copy(TARGETS / "docker_topology_info" / "files", SCRIPTS)
        self.copy(pathlib.Path(__file__).parent / "on_host", SCRIPTS)
        self.copy(TARGETS / "setup_docker_engine" / "files", SCRIPTS)
        self.copy(ROOT / "plugins" / "module_utils", f"{plugins}/module_utils")
        self.engine_answers()

    def down(self) -> None:
        hosts.down([self.name])

    def copy(self, folder: pathlib.Path, target: str) -> None:
        """Copy what is in a folder."""
        command = ["docker", "cp", "--quiet", f"{folder}/.", f"{self.container}:{target}"]
        subprocess.run(command, check=True, capture_output=True)

    def engine_answers(self) -> None:
        """Wait until the engine is up, and make the image if it has none."""
        self.wait_for("docker info >/dev/null 2>&1")
        self.must(f"docker image inspect {IMAGE} >/dev/null 2>&1 || sh {SCRIPTS}/make_image.sh {IMAGE}")

    def install(self, *packages: str) -> None:
        """Install packages of Debian."""
        options = "DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --quiet --no-install-recommends"
        self.must(f"apt-get update --quiet --quiet && {options} {' '.join(packages)} >/dev/null")

    def empty(self) -> None:
        """Remove all containers and networks."""
        self.run("docker rm --force $(docker ps --all --quiet) >/dev/null; docker network prune --force >/dev/null")

    def topology(self, as_user: str = "root", **options: Any) -> Row:
        """Return what the module returns. Raise RuntimeError if it fails."""
        answer = self.module("docker_topology_info", False, as_user, **options)
        if answer.get("failed"):
            raise RuntimeError(f"docker_topology_info: {answer.get('msg')} {answer.get('traceback', '')}")
        found: Row = answer["topology"]
        return found


def by_name(topology: Row, kind: str = "containers") -> dict[str, Row]:
    return {row["name"] or row["id"]: row for row in topology[kind]}
