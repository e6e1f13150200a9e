# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold that roles know check mode wherever it comes from: --check, or check_mode of a play, a block or an apply."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
FILES = [file for folder in ("roles", "playbooks") for file in sorted((ROOT / folder).rglob("*.yml"))]
RECOGNIZE = "common/check_mode.yml"


def recognizing(role: Path) -> bool:
    """Return whether something in the role depends on check mode."""
    name = f"__{role.name}_check_mode"
    return any(name in file.read_text() for file in role.rglob("*.yml") if file.parent.name != "vars")


def test_no_role_decides_by_what_knows_only_the_option() -> None:
    """Not even a comment: who searches for it finds the one place that says why not."""
    found = [str(file.relative_to(ROOT)) for file in FILES if "ansible_check_mode" in file.read_text()]
    assert [name for name in found if not name.endswith(f"/tasks/{RECOGNIZE}")] == []


@pytest.mark.parametrize("role", [role for role in ROLES if recognizing(role)], ids=lambda role: role.name)
def test_each_entry_point_recognizes_it_first(role: Path) -> None:
    for file in sorted((role / "tasks").glob("*.yml")):
        first = yaml.safe_load(file.read_text())[0]
        assert first.get("ansible.builtin.import_tasks") == RECOGNIZE, file
        assert first.get("tags") == "always", file


def test_all_roles_have_the_same_way() -> None:
    texts = {
        (role / "tasks" / RECOGNIZE).read_text().replace(f"__{role.name}_", "__role_")
        for role in ROLES
        if (role / "tasks" / RECOGNIZE).exists()
    }
    assert len(texts) == 1


@pytest.mark.parametrize("option", [[], ["--check"]], ids=["run", "--check"])
def test_where_it_comes_from(tmp_path: Path, option: list[str]) -> None:
    """Line 10: check_mode of a play or an apply counts, in both directions, and without it the option.

    A task that a condition skips is none in check mode: it made a role skip what it had to do.
    """
    role = ROOT / "roles" / "registry"
    asked = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "connection": "local",
            **({} if value is None else {"check_mode": value}),
            "tasks": [
                {"ansible.builtin.include_tasks": {"file": str(role / "tasks" / RECOGNIZE), **apply}},
                # As main.yml imports an entry point that is not asked for.
                {"ansible.builtin.import_tasks": {"file": str(role / "tasks" / RECOGNIZE)}, "when": False},
                {"ansible.builtin.debug": {"msg": f"{name}={{{{ __registry_check_mode | bool }}}}"}},
            ],
        }
        for name, value, apply in (
            ("unsaid", None, {}),
            ("play", True, {}),
            ("play_runs", False, {}),
            ("apply", None, {"apply": {"check_mode": True}}),
            ("apply_runs", None, {"apply": {"check_mode": False}}),
        )
    ]
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps(asked))
    done = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", str(playbook), *option], capture_output=True, text=True, check=True
    )
    assert dict(re.findall(r"(\w+)=(True|False)", done.stdout)) == {
        "unsaid": str(bool(option)),
        "play": "True",
        "play_runs": "False",
        "apply": "True",
        "apply_runs": "False",
    }
