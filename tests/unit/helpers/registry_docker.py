# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for docker on the PATH, with one registry whose configuration and data are in folders.

Imitated: the command docker, as far as one container is inspected, started, stopped, restarted, renamed, updated and
removed, and programs are run in it; it writes down what it was asked. Real: that it is a program of its own, and all
files. The true docker is asked by the integration target registry_maintenance.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """#!{python}
import json, os, sys, time

path = {path!r}
argv = sys.argv[1:]
with open(path) as file:
    state = json.load(file)
state["calls"].append(argv)
status = 0
names = state["containers"]
if argv[:2] == ["container", "inspect"]:
    if argv[2] not in names and argv[2] not in state["others"]:
        print("Error: No such container: " + argv[2], file=sys.stderr)
        status = 1
    else:
        mounts = [dict(Destination=to, Source=source) for to, source in state["mounts"].items()]
        config = dict(Entrypoint=["/entrypoint.sh"], Cmd=["serve", "/etc/registry/config.yml"], Env=state["env"])
        config.update(state["config"])
        found = dict(Id=argv[2], Name="/" + argv[2], Config=config, Mounts=mounts, RestartCount=0)
        found.update(State=dict(Running=names.get(argv[2], True)), NetworkSettings=state["network"])
        found.update(HostConfig=dict(RestartPolicy=dict(Name=state["policies"].get(argv[2], "unless-stopped"))))
        print(json.dumps([dict(found, **state["others"].get(name, dict())) for name in argv[2:]]))
elif argv[0] in ("start", "stop", "restart"):
    names[argv[1]] = argv[0] != "stop"
    status = state["fails"].get(argv[0], 0)
elif argv[0] == "ps":
    print("\\n".join([*names, *state["others"]]))
elif argv[0] == "cp":
    inside = argv[2].partition(":")[2]
    source = state["sees"] or state["mounts"][os.path.dirname(inside)]
    with open(os.path.join(source, os.path.basename(inside))) as file:
        print(file.read())
elif argv[0] == "rename":
    names[argv[2]] = names.pop(argv[1])
    if argv[1] in state["policies"]:
        state["policies"][argv[2]] = state["policies"].pop(argv[1])
elif argv[0] == "update":
    state["policies"][argv[2]] = argv[1].partition("=")[2]
elif argv[0] == "version":
    status = state["fails"].get("version", 0)
elif argv[0] == "rm":
    names.pop(argv[2], None)
elif argv[0] == "exec":
    known, words = state["exec"], argv[2:] if argv[2] != "registry" else argv[3:]
    answer = known.get(" ".join(words[:-1])) or known.get(words[0], dict(rc=0, out="", err=""))
    if isinstance(answer, str):
        sys.exit(os.system(answer) >> 8)
    print(answer["out"], end="")
    print(answer["err"], end="", file=sys.stderr)
    status = answer["rc"]
with open(path, "w") as file:
    json.dump(state, file)
sys.exit(status)
"""


class RegistryDocker:
    """The stand-in, and the folders of its registry."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.base = folder / "registry"
        for name, mode in (("config", 0o700), ("auth", 0o700), ("tls", 0o755), ("data", 0o700)):
            (self.base / name).mkdir(parents=True)
            (self.base / name).chmod(mode)
        self.config = self.base / "config" / "config.yml"
        self.config.write_text("version: 0.1\nstorage:\n  filesystem: {}\nhttp: {secret: s}\n")
        self._state = folder / "docker.json"
        mounts = {"/etc/registry": str(self.base / "config"), "/var/lib/registry": str(self.base / "data")}
        state = {"calls": [], "containers": {"registry": True}, "mounts": mounts, "env": [], "fails": {}, "exec": {}}
        self.save({**state, "config": {}, "network": {}, "others": {}, "sees": "", "policies": {}})
        (folder / "bin").mkdir()
        program = folder / "bin" / "docker"
        program.write_text(PROGRAM.format(python=sys.executable, path=str(self._state)))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder / "bin"), prepend=":")

    def load(self) -> dict[str, Any]:
        """Return what the stand-in knows."""
        return dict(json.loads(self._state.read_text()))

    def save(self, state: dict[str, Any]) -> None:
        """Change what the stand-in knows."""
        self._state.write_text(json.dumps(state))

    def change(self, **values: Any) -> None:
        """Change some of what the stand-in knows."""
        self.save({**self.load(), **values})

    @property
    def calls(self) -> list[str]:
        """Return what docker was asked, without health checks, inspections, lists and copies of the configuration."""
        quiet = ("container inspect ", "exec registry timeout ", "ps ", "cp ")
        calls = [" ".join(call) for call in self.load()["calls"]]
        return [call for call in calls if not call.startswith(quiet)]
