# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold that a role declares and does not compute, and that its tasks/ shows its entry points."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
LONGEST_SCRIPT = 10  # lines
# What a role delivers and does not run; tests/opentofu has its tests.
DELIVERED = {"roles/opentofu_image/files/gitlab-tofu"}


def tasks(content: Any) -> Iterator[dict[str, Any]]:
    """Yield all tasks of a file, those inside blocks included."""
    for task in content or []:
        yield task
        for key in ("block", "rescue", "always"):
            yield from tasks(task.get(key))


def files_with_tasks(folder: pathlib.Path) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the files of a role with their tasks."""
    files = [file for part in ("tasks", "handlers") for file in sorted((folder / part).rglob("*.yml"))]
    loaded = [(str(file.relative_to(ROOT)), yaml.safe_load(file.read_text())) for file in files]
    return [(name, list(tasks(content))) for name, content in loaded if isinstance(content, list)]


def programs(role: str) -> list[tuple[str, int]]:
    """Return the scripts of a role with their lengths: files, templates, and shell in tasks."""
    folder = ROOT / "roles" / role
    found = [
        (str(file.relative_to(ROOT)), len(file.read_text().splitlines()))
        for part in ("files", "templates")
        for file in sorted((folder / part).rglob("*"))
        if file.is_file()
        and str(file.relative_to(ROOT)) not in DELIVERED
        and (file.suffix in (".sh", ".py") or file.read_bytes().startswith(b"#!"))
    ]
    for name, listed in files_with_tasks(folder):
        for task in listed:
            command = task.get("ansible.builtin.shell") or task.get("ansible.builtin.command")
            text = command if isinstance(command, str) else str((command or {}).get("cmd", ""))
            if text:
                found.append((f"{name}: {task.get('name')}", len(text.splitlines())))
    return found


@pytest.mark.parametrize("role", ROLES)
def test_no_program_hides_in_a_role(role: str) -> None:
    if role == "harbor":
        pytest.skip("its scripts become modules with the modules harbor and harbor_backup")
    assert [entry for entry in programs(role) if entry[1] > LONGEST_SCRIPT] == []
    assert sum(lines for name, lines in programs(role) if ": " not in name) <= 40


@pytest.mark.parametrize("role", ROLES)
def test_no_inline_python(role: str) -> None:
    for file in sorted((ROOT / "roles" / role / "tasks").rglob("*.yml")):
        assert not re.search(r"python3?\b.*\s-c\b|<<-?['\"]?[A-Z]{2,}", file.read_text()), file


@pytest.mark.parametrize("role", ROLES)
def test_every_loop_names_its_variable(role: str) -> None:
    """Line 9 of the registry: an include_role in a user's loop hands its own item down into the role."""
    for name, listed in files_with_tasks(ROOT / "roles" / role):
        for task in listed:
            if "loop" in task or any(key.startswith("with_") for key in task):
                variable = task.get("loop_control", {}).get("loop_var", "item")
                assert variable.startswith((f"__{role}_", f"{role}_")), f"{name}: {task.get('name')}: {variable}"


@pytest.mark.parametrize("role", ROLES)
def test_the_top_of_tasks_is_the_public_interface(role: str) -> None:
    folder = ROOT / "roles" / role
    specification = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    assert sorted(file.stem for file in (folder / "tasks").glob("*.yml")) == sorted(specification)
