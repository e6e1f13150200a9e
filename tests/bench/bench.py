# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures this collection against what people use today, both in the same run on the same machine.

    bench.py [SUBJECT ...]

Subjects: htpasswd certs registry_host harbor_upgrade databases topology traefik_stack images.

Prints the table, and writes it to docs/performance.md, in which each subject has a section of its own. Each subject
is a module of this folder with a function rows(), which returns dictionaries with the keys subject,
ours_seconds, peer, peer_seconds, ratio, wanted and held, and unit if the two are not seconds.
"""

from __future__ import annotations

import datetime
import importlib
import os
import pathlib
import platform
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "performance.md"
SUBJECTS = ("htpasswd", "certs", "registry_host", "harbor_upgrade", "databases", "topology", "traefik_stack", "images")
# tests/demo and tests/hosts have modules of these names.
MODULES = {"databases": "database_servers", "images": "image_copies"}
INTRODUCTION = """# What it costs in time

Written by `make bench`. Each row was measured against its peer in the same run on the same machine; compare
the two columns with each other, not with another machine. A time is that of a whole `ansible-playbook` run unless
the row says otherwise. How a row is measured is in the module of its subject in `tests/bench`.
"""
Row = dict[str, object]


def table(rows: list[Row]) -> str:
    lines = ["| what | ours | against | theirs | ratio | wanted | |", "|---|---:|---|---:|---:|---|---|"]
    for row in rows:
        ours, theirs, ratio = (f"{float(str(row[key])):.2f}" for key in ("ours_seconds", "peer_seconds", "ratio"))
        held = "held" if row["held"] else "NOT held"
        unit = row.get("unit", "s")
        compared = f"{row['subject']} | {ours} {unit} | {row['peer']} | {theirs} {unit}"
        lines.append(f"| {compared} | {ratio} | {row['wanted']} | {held} |")
    return "\n".join(lines)


def machine() -> str:
    version = subprocess.run(["ansible", "--version"], capture_output=True, text=True, check=True).stdout
    core = version.split("[core ", 1)[1].split("]", 1)[0]
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, ansible-core {core}"


def section(rows: list[Row]) -> str:
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return f"Measured on {today} with {machine()}.\n\n{table(rows)}\n"


def page(measured: dict[str, str], before: str) -> str:
    """Return the whole page: sections that were measured now, and the others as they are in the page of before."""
    kept = dict(part.split("\n\n", 1) for part in before.split("\n## ")[1:])
    sections = {**kept, **measured}
    return INTRODUCTION + "".join(f"\n## {name}\n\n{sections[name].strip()}\n" for name in SUBJECTS if name in sections)


def main() -> None:
    subjects = sys.argv[1:] or list(SUBJECTS)
    unknown = sorted(set(subjects) - set(SUBJECTS))
    if unknown:
        sys.exit(f"There is no subject {', '.join(unknown)}; there are {', '.join(SUBJECTS)}.")
    rows: list[Row] = []
    for subject in subjects:
        print(f"Measuring {subject}", file=sys.stderr, flush=True)
        found = importlib.import_module(MODULES.get(subject, subject)).rows()
        PAGE.write_text(page({subject: section(found)}, PAGE.read_text()))
        rows += found
    print(table(rows))
    held = sum(bool(row["held"]) for row in rows)
    print(f"{held} of {len(rows)} held")
    sys.exit(0 if held == len(rows) else 1)


if __name__ == "__main__":
    main()
