# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests of tests/environment/callbacks/loaded_plugins.py, with real runs of Ansible."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: "first {{ 'a' | upper }}, {{ ['b'] | to_json }}"
    - ansible.builtin.include_role:
        name: own
"""
# One filter of its own, and one in the place of Ansible's.
FILTERS = """
class FilterModule:
    def filters(self):
        return {"own": lambda text: f"own {text}", "to_json": lambda value: f"other {value}"}
"""
# Whether the process had Ansible's filters before it came to the task.
LOOKUP = """
import sys

from ansible.plugins.lookup import LookupBase

BEFORE = set(sys.modules)

class LookupModule(LookupBase):
    def run(self, terms, variables=None, **options):
        loaded = any(name.startswith("ansible.plugins.filter.") and "urlsplit" in name for name in BEFORE)
        return ["loaded" if loaded else "not loaded"]
"""
TASKS = """
- ansible.builtin.debug:
    msg: "{{ lookup('before') }}"
- ansible.builtin.debug:
    msg: "second {{ 'a' | own }}, {{ ['b'] | to_json }}"
"""


@pytest.mark.parametrize("plain", ["", "1"])
def test_filters_of_a_role_are_found_beside_those_that_were_loaded_before(tmp_path: pathlib.Path, plain: str) -> None:
    role = tmp_path / "roles" / "own"
    files = {
        tmp_path / "play.yml": PLAY,
        role / "tasks" / "main.yml": TASKS,
        role / "filter_plugins" / "own.py": FILTERS,
        role / "lookup_plugins" / "before.py": LOOKUP,
    }
    for file, content in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    done = subprocess.run(
        [sys.executable, "-m", "ansible.cli.playbook", "-i", "localhost,", str(tmp_path / "play.yml")],
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "tests" / "environment" / "ansible.cfg"),
            "DOCKYARD_PLAIN": plain,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = [line.strip() for line in done.stdout.splitlines() if "msg:" in line]
    loaded = "not loaded" if plain else "loaded"
    assert said == ['msg: first A, ["b"]', f"msg: {loaded}", "msg: second own a, other ['b']"]
