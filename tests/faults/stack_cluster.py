# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three test hosts as one Swarm, and what the playbook traefik_stack makes of them."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import tempfile
import time
from typing import Any

import hosts
from managed_host import ManagedHost

HERE = pathlib.Path(__file__).resolve().parent
PREPARE = HERE.parents[1] / "extensions" / "molecule" / "traefik_stack" / "prepare.yml"
CLIENT = HERE / "stack" / "on_host" / "client.py"
HOST, REGISTRY = "apps.stack.test", "registry.stack.test"
CA = "/srv/traefik_stack/ca/ca.crt"
HELLO = {"name": "hello", "image": "scenario/hello:1", "path_prefix": "/hello", "port": 8080, "replicas": 3}
DECLARED: dict[str, Any] = {
    "ansible_connection": "community.docker.docker",
    "ansible_python_interpreter": "/usr/bin/python3",
    "ansible_become": False,
    "swarm_role": "manager",
    "swarm_address_pools": ["10.201.0.0/16"],
    "traefik_stack_host": HOST,
    "traefik_stack_portainer_password": "portainer-Ohch4aec",
    "traefik_stack_agent_secret": "agent-Vie9ahth",
    "traefik_stack_registry_access": "routed",
    "traefik_stack_registry_host": REGISTRY,
    "traefik_stack_registry_htpasswd_cost": 5,
    "traefik_stack_registry_users": [{"name": "alice", "password": "alice-Loh5eeng"}],
    "traefik_stack_settle": 2,
    "traefik_stack_services": [HELLO],
    "images_traefik_program": "/root/traefik",
    "images_traefik_version": "3.7.15",
    "images_auto_timeout": 1,
}
_ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"


class Cluster:
    """names: of the test hosts; the first has the data. declared: variables of all runs."""

    def __init__(self, names: tuple[str, ...], suite: str) -> None:
        self.nodes = [ManagedHost(name) for name in names]
        self.suite = suite
        self.declared = dict(DECLARED)

    @property
    def first(self) -> ManagedHost:
        return self.nodes[0]

    def up(self) -> None:
        """Start the hosts, and provide what a registry of images has elsewhere."""
        for node in self.nodes:
            hosts.up(node.name, self.suite, "engine", None, [])
        answer = self.play(str(PREPARE))
        if answer["failed"]:
            raise RuntimeError(answer["msg"])
        for node in self.nodes:
            node.write(CLIENT.read_bytes(), "/root/client.py")

    def down(self) -> None:
        hosts.down([node.name for node in self.nodes])

    def address(self, node: ManagedHost) -> str:
        return hosts.docker("inspect", "--format", _ADDRESS, node.container)

    def inventory(self) -> dict[str, Any]:
        members = {node.name: {"ansible_docker_host": node.container} for node in self.nodes}
        return {"stack_hosts": {"hosts": members, "vars": self.declared}}

    def deploy(self, check: bool = False, **variables: Any) -> dict[str, Any]:
        """Run the playbook as users do."""
        return self.play("dockyard.ops.traefik_stack", check, **variables)

    def entry(self, entry: str, check: bool = False, **variables: Any) -> dict[str, Any]:
        """Run an entry point of the role on the first host."""
        return self.play(str(HERE / "stack" / "role.yml"), check, faults_entry=entry, **variables)

    def play(self, playbook: str, check: bool = False, **variables: Any) -> dict[str, Any]:
        """Return C(failed), C(msg) of the first failure, C(changed), the tasks that changed something, and C(facts)."""
        with tempfile.TemporaryDirectory() as folder:
            inventory = pathlib.Path(folder, "inventory.json")
            inventory.write_text(json.dumps(self.inventory()))
            command = ["ansible-playbook", "--inventory", str(inventory), "--extra-vars", json.dumps(variables)]
            command += [*(["--check"] if check else []), playbook]
            settings = {"ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
            done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
        return _answer(done)

    def until(self, condition: str, seconds: float, node: ManagedHost | None = None) -> float:
        """Wait for a condition on a host. Return how many seconds that took."""
        begin = time.monotonic()
        (node or self.first).wait_for(condition, seconds)
        return time.monotonic() - begin


def _answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    try:
        lines = done.stdout.splitlines()
        plays = json.loads("\n".join(lines[lines.index("{") :]))["plays"]
    except (ValueError, LookupError):
        return {"failed": True, "msg": f"no answer: {(done.stderr or done.stdout).strip()[-300:]}", "changed": []}
    changed: list[str] = []
    failures: list[str] = []
    warnings: list[str] = []
    facts: dict[str, Any] = {}
    for task in (task for play in plays for task in play["tasks"]):
        for result in task["hosts"].values():
            warnings += result.get("warnings") or []
            facts.update(result.get("ansible_facts") or {})
            if result.get("changed"):
                changed.append(task["task"]["name"])
            if result.get("failed") or result.get("unreachable"):
                items = [item for item in result.get("results") or [] if item.get("failed")]
                failures.append(" ".join(str(item.get("msg", "")) for item in items or [result]))
    return {
        "failed": done.returncode != 0,
        # A rescue reports the first failure again, in the role's words.
        "msg": " ".join(failures[-1].split()) if failures and done.returncode else "done",
        "changed": changed,
        "facts": facts,
        "warnings": warnings,
    }
