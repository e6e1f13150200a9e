# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page "Your first change": its diffs fit the code as it is, and do what the page says."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "docsite" / "rst" / "guide_first_change.rst"
BLOCK = re.compile(r"^\.\. code-block:: diff\n\n((?:    .*\n|\n)+)", re.MULTILINE)
TEST = "tests/unit/plugins/module_utils/_registry/test_htpasswd_update.py"


@pytest.fixture
def collection(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a copy of the parts that the page changes."""
    copy = tmp_path / "ansible_collections" / "dockyard" / "ops"
    folders = ("plugins", "docs/docsite", "tests/unit/helpers", "tests/integration/targets/registry_htpasswd")
    for folder in (*folders, "changelogs/fragments"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / TEST).parent.mkdir(parents=True)
    shutil.copy(ROOT / TEST, copy / TEST)
    return copy


def apply(collection: pathlib.Path, diff: str) -> None:
    # Outside of a repository: git would look for the files in the one around.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(collection.parent)}
    command = ["git", "apply", "-"]
    done = subprocess.run(
        command, cwd=collection, env=environment, input=diff, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"A diff of {PAGE.name} does not fit the code any more: {done.stderr}"


def run_test(collection: pathlib.Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(collection.parents[2])}
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider", TEST]
    command += ["-k", "excepted"]
    return subprocess.run(command, cwd=collection, env=environment, capture_output=True, text=True, check=False).stdout


def test_each_step_does_what_the_page_says(collection: pathlib.Path) -> None:
    test, backend, module, integration, fragment = (
        # As a reader copies them, without the empty line before the next paragraph.
        textwrap.dedent(block).rstrip("\n") + "\n"
        for block in BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    )
    apply(collection, test)
    assert "1 failed, " in run_test(collection)
    apply(collection, backend)
    assert "1 passed, " in run_test(collection)
    apply(collection, module)
    apply(collection, integration)
    apply(collection, fragment)
    text = (collection / "plugins/modules/registry_htpasswd.py").read_text(encoding="utf-8")
    assert text.count("purge_except") == 4
    assert "purge_except" in (collection / "changelogs/fragments/registry_htpasswd_purge_except.yml").read_text()
