# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""registry_htpasswd against a loop over community.general.htpasswd, and against bcrypt itself.

Rows against the loop: a whole ansible-playbook run on localhost for 100 users, ours with one task, theirs with a
loop of 100 items. Theirs always computes bcrypt at cost 12, and that can't be set. Ours has 8 as its default; since
a lower cost is less work, a row with 12 for both shows what is left without that difference.

Rows against bcrypt: the module's own process, from its start to its end, without ansible-playbook around it,
against a Python process that does nothing but the same number of bcrypt hashes at the same cost, in a thread pool
as large as the number of cores. The shortest of three tries counts, for both, and they take turns; at cost 12, where
a try takes long enough, there is one.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from comparison import Row, row

USERS = 100

OURS = """
- dockyard.ops.registry_htpasswd:
    path: "{{ path }}"
    cost: "{{ cost }}"
    users: "{{ users }}"
"""
THEIRS = """
- community.general.htpasswd:
    path: "{{ path }}"
    name: "{{ item.name }}"
    password: "{{ item.password }}"
    hash_scheme: bcrypt
    mode: "0600"
  loop: "{{ users }}"
  no_log: true
"""


def users(number: int) -> list[dict[str, str]]:
    return [{"name": f"user{each:03}", "password": f"a password of {each}"} for each in range(number)]


def play(folder: pathlib.Path, tasks: str, variables: dict[str, Any], changed: bool) -> float:
    """Return how long one run of ansible-playbook takes. End the measurement if it did not do what it should."""
    head = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n"
    playbook = folder / "play.yml"
    playbook.write_text(head + "".join(f"    {line}\n" for line in tasks.strip().splitlines()))
    (folder / "variables.json").write_text(json.dumps({**variables, "ansible_python_interpreter": sys.executable}))
    command = ["ansible-playbook", "-i", "localhost,", "-e", f"@{folder / 'variables.json'}", str(playbook)]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    taken = time.monotonic() - started
    if done.returncode != 0 or ("changed=0" in done.stdout) == changed:
        sys.exit(f"The measured run did not do its work:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return taken


def against_loop(folder: pathlib.Path) -> list[Row]:
    everyone = users(USERS)
    peer = f"{USERS} items of community.general.htpasswd, cost 12"
    theirs = {"path": str(folder / "theirs"), "users": everyone}
    times = [play(folder, THEIRS, theirs, changed) for changed in (True, False)]
    rows = []
    for cost, wanted, faster in ((8, "10 times faster", 10.0), (12, "faster", 1.0)):
        ours = {"path": str(folder / f"ours-{cost}"), "users": everyone, "cost": cost}
        for what, changed, their_time in zip(("first run", "unchanged run"), (True, False), times):
            subject = f"registry_htpasswd, {USERS} users, cost {cost}{' (default)' if cost == 8 else ''}, {what}"
            rows.append(row(subject, play(folder, OURS, ours, changed), peer, their_time, wanted, faster=faster))
    return rows


def module_alone(folder: pathlib.Path, number: int, cost: int) -> tuple[float, float]:
    """Measure a first and an unchanged run of the module's own process, which reads its arguments from its input."""
    path = folder / "alone"
    path.unlink(missing_ok=True)
    arguments = {"path": str(path), "users": users(number), "cost": cost, "_ansible_remote_tmp": str(folder)}
    command = [sys.executable, "-m", "ansible_collections.dockyard.ops.plugins.modules.registry_htpasswd"]
    environment = {**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    given = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
    times = []
    for changed in (True, False):
        started = time.monotonic()
        done = subprocess.run(command, input=given, env=environment, capture_output=True, text=True, check=False)
        times.append(time.monotonic() - started)
        if done.returncode != 0 or json.loads(done.stdout)["changed"] != changed:
            sys.exit(f"The measured module did not do its work:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return times[0], times[1]


ONLY_BCRYPT = """
import json, os, sys
from concurrent.futures import ThreadPoolExecutor
import bcrypt
passwords, cost = json.load(sys.stdin)
with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
    list(pool.map(lambda password: bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)), passwords))
"""


def only_bcrypt(number: int, cost: int) -> float:
    given = json.dumps([[user["password"] for user in users(number)], cost])
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", ONLY_BCRYPT], input=given, text=True, check=True)
    return time.monotonic() - started


def against_bcrypt(folder: pathlib.Path, number: int, cost: int, tries: int = 3) -> list[Row]:
    turns = [(*module_alone(folder, number, cost), only_bcrypt(number, cost)) for _try in range(tries)]
    first, unchanged, pure = (min(times) for times in zip(*turns))
    cores = len(os.sched_getaffinity(0))
    return [
        row(
            f"registry_htpasswd's own process, {number} users, cost {cost}, {what}",
            ours,
            f"{number} times bcrypt at cost {cost} on {cores} cores",
            pure,
            "at most 1.3 times",
            within=1.3,
        )
        for what, ours in (("first run", first), ("unchanged run", unchanged))
    ]


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        yield from against_bcrypt(folder, USERS, 8)
        yield from against_bcrypt(folder, 5 * USERS, 8)
        yield from against_bcrypt(folder, USERS, 12, tries=1)
        yield from against_loop(folder)


def rows() -> list[Row]:
    return list(measure())


if __name__ == "__main__":
    for each in measure():
        print(json.dumps(each), flush=True)
