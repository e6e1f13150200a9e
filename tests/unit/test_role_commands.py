# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold that the module command hands arguments on as they are.

By itself it replaces $name and ${name} by what the environment of the host has under that name, in scripts too: with
a variable called "folder" there, a loop over "$folder" works on something else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ("ansible.builtin.command", "command")


def tasks(content: Any) -> Iterator[dict[str, Any]]:
    """Yield all tasks of a file of tasks or of plays, those inside blocks included."""
    for task in content if isinstance(content, list) else []:
        yield task
        for key in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers"):
            yield from tasks(task.get(key))


def test_no_command_takes_variables_from_the_environment() -> None:
    found = []
    commands = 0
    for folder in ("roles", "playbooks"):
        for file in sorted((ROOT / folder).rglob("*.yml")):
            for task in tasks(yaml.safe_load(file.read_text())):
                for command in (task[name] for name in COMMAND if name in task):
                    commands += 1
                    if not isinstance(command, dict) or command.get("expand_argument_vars") is not False:
                        found.append(f"{file.relative_to(ROOT)}: {task.get('name')}")
    assert commands > 50
    assert found == []


def test_what_the_option_prevents(tmp_path: Path) -> None:
    """The same script with and without it, where the environment has a variable of that name."""
    script = {"argv": ["sh", "-c", 'for folder in mine; do echo "$folder"; done']}
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        json.dumps(
            [
                {
                    "hosts": "localhost",
                    "gather_facts": False,
                    "connection": "local",
                    "tasks": [
                        {"ansible.builtin.command": {**script, "expand_argument_vars": expand}, "register": f"said_{n}"}
                        for n, expand in enumerate([True, False])
                    ]
                    + [{"ansible.builtin.debug": {"msg": "said {{ said_0.stdout }} and {{ said_1.stdout }}"}}],
                }
            ]
        )
    )
    done = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", "-e", f"ansible_python_interpreter={sys.executable}", str(playbook)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "folder": "theirs"},
    )
    assert "said theirs and mine" in done.stdout
