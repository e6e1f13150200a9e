# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes of daemon.json as public files have them: what the engine says of each, and what the module says.

Each row holds if both say the same, or if the shape's data explains why they do not. An engine is the judge by its
start; the module is asked in check mode on a host that has the file, and by a task that declares it.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import time
from typing import Any, Callable

import hosts
import images
import table
from managed_host import ManagedHost

SUITES = DEFAULT = images.SUITES
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
COLLECTION = "/root/collections/ansible_collections/dockyard/ops"


def run(suite: str, wanted: Callable[[str], bool], small: bool, result: table.Table) -> None:
    """Add a row for each shape. A host is started for them, and taken down afterwards."""
    host = ManagedHost(f"faults-daemon-files-{suite}")
    shapes = [shape for shape in json.loads((HERE / "shapes.json").read_text()) if wanted(shape["name"])]
    if small:
        shapes = shapes[::8]
    try:
        hosts.up(host.name, suite, "engine", None, [])
        host.must("timeout 60 sh -c 'until docker info >/dev/null 2>&1; do sleep 0.2; done'")
        _copy_collection(host)
        host.write(json.dumps(shapes), "/root/shapes.json")
        for shape, row, seconds in _rows(host, shapes):
            result.add(table.Row(suite, shape["name"], _words(row), _unexplained(shape, row, suite), seconds))
    finally:
        hosts.down([host.name])


def _copy_collection(host: ManagedHost) -> None:
    host.must(f"mkdir -p {COLLECTION}")
    packed = subprocess.run(
        ["tar", "--create", "plugins/module_utils", "tests/faults/daemon_files"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    command = ["docker", "exec", "--interactive", host.container, "tar", "--extract", f"--directory={COLLECTION}"]
    subprocess.run(command, input=packed.stdout, check=True)


def _rows(host: ManagedHost, shapes: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any], float]]:
    script = f"python3 {COLLECTION}/tests/faults/daemon_files/on_host.py /root/collections /root/shapes.json"
    begin = time.monotonic()
    lines = host.must(script).splitlines()
    seconds = (time.monotonic() - begin) / len(shapes)
    return [(shape, json.loads(line), seconds) for shape, line in zip(shapes, lines)]


def _words(row: dict[str, Any]) -> str:
    engine = "starts" if not row["start"] else f"does not start ({_short(row['start'])})"
    checked = {"": "validates", "not asked": "has no --validate"}.get(row["validate"], "does not validate")
    return ", ".join(
        [
            f"engine {engine}, {checked}",
            *(f"{asked} {_word(row[asked])}" for asked in ("found", "declared") if asked in row),
        ]
    )


def _word(answer: dict[str, Any]) -> str:
    if not answer["accepts"]:
        return f"refused ({_short(answer['says'])})"
    return f"taken with a warning ({_short(answer['says'])})" if answer["says"] else "taken"


def _short(text: str, most: int = 90) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _unexplained(shape: dict[str, Any], row: dict[str, Any], suite: str) -> list[str]:
    """Return where engine and module say different things, and the data does not say why, or says it in vain."""
    starts = not row["start"]
    explained = {
        entry["asked"] for entry in shape.get("explained", []) if suite in entry.get("suites", list(images.SUITES))
    }
    disagreed = {asked for asked in ("found", "declared") if asked in row and row[asked]["accepts"] != starts}
    return [
        f"{asked}: the engine {'starts' if starts else 'does not start'}, and the module says: {row[asked]}"
        for asked in sorted(disagreed - explained)
    ] + [f"{asked}: explained, and they say the same" for asked in sorted(explained & row.keys() - disagreed)]
