# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for docker on the PATH, and folders as Harbor's installer leaves them.

Imitated: the command docker, as far as a Harbor's containers are listed, stopped, removed and asked for their logs; it
keeps its containers in a file. Real: that it is a program of its own with arguments, output and exit status. The true
docker is asked by the integration target harbor_info.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """#!{python}
import json, sys

path = {path!r}
argv = sys.argv[1:]
with open(path) as file:
    state = json.load(file)
state["calls"].append(argv)
if not state["up"]:
    sys.exit("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?")
found = {{entry["Id"]: entry for entry in state["containers"]}}
status = 0


def save():
    with open(path, "w") as file:
        json.dump(state, file)


def wanted(names):
    global status
    for name in names:
        if name in found:
            yield found[name]
        else:
            print("Error: No such container: " + name, file=sys.stderr)
            status = 1


if argv[:1] == ["version"]:
    print(state["version"])
elif argv[:2] == ["compose", "version"]:
    if not state["compose"]:
        sys.exit("docker: 'compose' is not a docker command.")
    print("Docker Compose version " + state["compose"])
elif argv[:1] == ["compose"]:
    print("Network harbor_default  Creating\\n" + state["compose_fails"], file=sys.stderr)
    status = 1 if state["compose_fails"] else 0
elif argv[:1] == ["ps"]:
    print("\\n".join(entry["Id"] for entry in state["containers"] if entry["Config"]["Labels"]))
elif argv[:2] == ["container", "inspect"]:
    print(json.dumps(list(wanted(argv[2:]))))
elif argv[:1] == ["stop"]:
    for entry in wanted(argv[3:]):
        entry["State"]["Status"] = "exited"
elif argv[:1] == ["restart"]:
    for entry in wanted(argv[3:]):
        entry["State"]["Status"] = "running"
elif argv[:1] == ["kill"]:
    list(wanted(argv[3:]))
elif argv[:1] == ["rm"]:
    for entry in wanted(argv[3:]):
        if not entry.get("stuck"):
            state["containers"].remove(entry)
elif argv[:2] == ["network", "ls"]:
    print("\\n".join(name for name, project in state["networks"].items() if argv[-1].endswith("project=" + project)))
elif argv[:2] == ["network", "rm"]:
    state["networks"].pop(argv[2])
elif argv[:1] == ["logs"]:
    for entry in wanted(argv[-1:]):
        sys.stdout.write("" if "--since" in argv else entry.get("log_before", ""))
        sys.stdout.write(entry.get("log", ""))
else:
    sys.exit("unknown: " + repr(argv))
save()
sys.exit(status)
"""

SERVICES = {
    "log": ("harbor-log", "harbor-log"),
    "registry": ("registry", "registry-photon"),
    "registryctl": ("registryctl", "harbor-registryctl"),
    "postgresql": ("harbor-db", "harbor-db"),
    "core": ("harbor-core", "harbor-core"),
    "portal": ("harbor-portal", "harbor-portal"),
    "jobservice": ("harbor-jobservice", "harbor-jobservice"),
    "redis": ("redis", "redis-photon"),
    "proxy": ("nginx", "nginx-photon"),
}


class Docker:
    """The stand-in's state: what it has, and how it was called."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        programs = folder / "programs"
        programs.mkdir()
        self._path = folder / "docker.json"
        program = programs / "docker"
        program.write_text(PROGRAM.format(python=sys.executable, path=str(self._path)))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(programs))
        self.state: dict[str, Any] = {
            "up": True,
            "version": "26.1.5",
            "compose": "v2.26.1",
            "compose_fails": "",
            "containers": [],
            "networks": {},
            "calls": [],
        }
        self.save()

    def save(self, **changes: Any) -> None:
        self.state.update(changes)
        self._path.write_text(json.dumps(self.state))

    def load(self) -> dict[str, Any]:
        self.state = json.loads(self._path.read_text())
        return self.state

    def calls(self, *begin: str) -> list[list[str]]:
        return [call for call in self.load()["calls"] if call[: len(begin)] == list(begin)]

    @property
    def names(self) -> list[str]:
        return [entry["Name"].lstrip("/") for entry in self.load()["containers"]]

    def add(
        self,
        service: str,
        folder: str,
        *,
        image: str = "",
        name: str = "",
        project: str = "harbor",
        state: str = "running",
        health: str = "",
        restarts: int = 0,
        **more: Any,
    ) -> None:
        own, repository = SERVICES.get(service, (service, service))
        self.state["containers"].append(
            {
                "Id": f"{len(self.state['containers']):064x}",
                "Name": f"/{name or own}",
                "RestartCount": restarts,
                "State": {"Status": state, **({"Health": {"Status": health}} if health else {})},
                "Config": {
                    "Image": image or f"goharbor/{repository}:v2.8.6",
                    "Labels": {
                        "com.docker.compose.project": project,
                        "com.docker.compose.service": service,
                        "com.docker.compose.project.working_dir": folder,
                    },
                },
                **more,
            }
        )
        self.save()

    def start(self, folder: str, version: str = "v2.8.6", state: str = "running") -> None:
        """Start a whole Harbor."""
        for service, (_name, repository) in SERVICES.items():
            self.add(service, folder, image=f"goharbor/{repository}:{version}", state=state)


def compose_file(version: str, more: tuple[str, ...] = ()) -> str:
    """Return a docker-compose.yml with a release's services, and more of them."""
    lines = ["services:"]
    for service, (name, repository) in {**SERVICES, **{one: (one, f"{one}-photon") for one in more}}.items():
        lines += [f"  {service}:", f"    image: goharbor/{repository}:{version}", f"    container_name: {name}"]
    return "\n".join(lines) + "\n"


def install(
    folder: Path, data: Path, version: str = "2.8.6", major: str = "13", more: tuple[str, ...] = (), port: int = 80
) -> None:
    """Make an install folder of 2.x and its data volume, as prepare and the containers leave them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "docker-compose.yml").write_text(compose_file(f"v{version}", more))
    (folder / "prepare").write_text(f"#!/bin/bash\ndocker run --rm goharbor/prepare:v{version} prepare $@\n")
    (folder / "install.sh").write_text("#!/bin/bash\n")
    (folder / f"harbor.v{version}.tar.gz").write_bytes(b"images")
    (folder / "harbor.yml").write_text(
        f"hostname: harbor.example.com\nhttp:\n  port: {port}\nharbor_admin_password: first-start\n"
        f"database:\n  password: db-secret\ndata_volume: {data}\n_version: {version.rpartition('.')[0]}.0\n"
    )
    for name in ("core/env", "nginx/nginx.conf", "registry/config.yml", "jobservice/env"):
        file = folder / "common" / "config" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# written by prepare\n")
    for name in ("secret", "ca_download", "redis", "job_logs", "registry"):
        (data / name).mkdir(parents=True, exist_ok=True)
    (data / "registry" / "blob").write_bytes(os.urandom(100_000))
    database(data, major)


def database(data: Path, major: str) -> Path:
    folder = data / "database" if major == "9.6" else data / "database" / f"pg{major}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "PG_VERSION").write_text(f"{major}\n")
    (folder / "table").write_bytes(os.urandom(50_000))
    return folder
