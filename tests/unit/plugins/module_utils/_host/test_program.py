# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that is packed of this collection's code runs without Ansible and without the collection."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import zipfile

from ansible_collections.dockyard.ops.plugins.module_utils._host import program


def test_it_runs_where_nothing_else_is(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "program.pyz"
    file.write_bytes(program.packed("_registry.scheduled"))
    done = subprocess.run(
        [sys.executable, "-I", str(file), "no-such-registry", "backup"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 1
    assert done.stdout == (
        "There is no /var/lib/dockyard/registry-timers/no-such-registry/settings.json; run the role"
        " dockyard.ops.registry.\n"
    )


def test_the_same_code_is_the_same_file() -> None:
    assert program.packed("_registry.scheduled") == program.packed("_registry.scheduled")


def test_nothing_of_it_needs_ansible(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "program.pyz"
    file.write_bytes(program.packed("_registry.scheduled"))
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        assert not [name for name in names if name.endswith("_module.py")]
        assert any(name.endswith("_registry/garbage.py") for name in names)
        assert archive.getinfo("__main__.py").date_time == (1980, 1, 1, 0, 0, 0)
