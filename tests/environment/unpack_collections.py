# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks the collections listed in collections.txt, and links this one beside them.

usage: unpack_collections.py TREE     makes TREE/ansible_collections/...
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def wanted() -> tuple[str, list[str]]:
    """Return the requirement that carries the collections, and their names."""
    lines = [line.split("#")[0].strip() for line in (HERE / "collections.txt").read_text().splitlines()]
    requirement, *names = [line for line in lines if line]
    return requirement, names


def unpack(tree: pathlib.Path) -> None:
    requirement, names = wanted()
    prefixes = tuple(f"ansible_collections/{name.replace('.', '/')}/" for name in names)
    with tempfile.TemporaryDirectory() as download:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-qqq", "--no-deps", "-d", download, requirement],
            check=True,
        )
        (wheel,) = pathlib.Path(download).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if name.startswith(prefixes)]
            archive.extractall(tree, members)


def main() -> None:
    tree = pathlib.Path(sys.argv[1])
    shutil.rmtree(tree, ignore_errors=True)
    unpack(tree)
    namespace = tree / "ansible_collections" / "dockyard"
    namespace.mkdir(parents=True)
    (namespace / "ops").symlink_to(ROOT)


if __name__ == "__main__":
    main()
