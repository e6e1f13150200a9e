# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second, unchanged run of the playbook registry_host against as many tasks that do nothing (ping).

Both runs use the same test host, connection and inventory. The number of pings is the number of tasks that
the playbook reports as ok for the host; skipped tasks are not counted.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "hosts"))

import hosts  # noqa: E402  found through the path set above

HOST = "dockyard-bench-registry"
NAME = "registry.bench.test"
RUNS = 3  # the best of which counts, for both sides


def play(inventory: pathlib.Path, playbook: str) -> tuple[float, int, int]:
    """Run the playbook. Return the seconds, the tasks that were ok, and those that changed something."""
    begin = time.monotonic()
    done = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), playbook],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    seconds = time.monotonic() - begin
    recap = re.search(rf"^{HOST} +: ok=(\d+) +changed=(\d+)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or recap is None:
        sys.exit(f"{done.stdout}{done.stderr}\n{playbook} failed.")
    return seconds, int(recap.group(1)), int(recap.group(2))


def best(inventory: pathlib.Path, playbook: str) -> tuple[float, int, int]:
    return min(play(inventory, playbook) for _each in range(RUNS))


def write_pings(folder: pathlib.Path, number: int) -> pathlib.Path:
    tasks = [{"name": f"Ping {count}", "ansible.builtin.ping": {}} for count in range(1, number)]
    # The playbook gathers facts once; so does its peer.
    path = folder / "pings.yml"
    path.write_text(json.dumps([{"hosts": "all", "gather_facts": True, "become": True, "tasks": tasks}]))
    return path


def rows() -> list[dict[str, object]]:
    hosts.up(HOST, "trixie", "bare", NAME, [])
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            inventory = folder / "inventory.yml"
            variables = {
                "ansible_python_interpreter": "/usr/bin/python3",
                "registry_name": NAME,
                "registry_users": [{"name": "alice", "password": "correct horse battery staple"}],
            }
            connection = {
                "ansible_connection": "community.docker.docker",
                "ansible_docker_host": hosts.container(HOST),
                "ansible_user": "root",
            }
            group = {"hosts": {HOST: connection}, "vars": variables}
            inventory.write_text(json.dumps({"registry_hosts": group}))
            play(inventory, "dockyard.ops.registry_host")
            seconds, tasks, changed = best(inventory, "dockyard.ops.registry_host")
            pings = best(inventory, str(write_pings(folder, tasks)))[0]
    finally:
        hosts.down([HOST])
    ratio = seconds / pings
    return [
        {
            "subject": f"`registry_host` run again, unchanged (changed={changed}, {tasks} tasks ok)",
            "ours_seconds": seconds,
            "peer": f"{tasks} tasks that only ping",
            "peer_seconds": pings,
            "ratio": ratio,
            "wanted": "at most 2",
            "held": ratio <= 2 and changed == 0,
        }
    ]
