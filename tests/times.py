# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each step of everything.py took, as a table and as a file that another run can be compared with.

A step has three times. "wall" passes on the clock. "processor" is that of the step's own processes: Ansible, pytest,
the linters. "hosts" is that of its test hosts with the engines and containers in them, which are no children of
the step; of a host that was restarted it is the time since then, and one that died has none. The time of the
engine itself is in none of them.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS = ("wall", "processor", "hosts")


@dataclasses.dataclass
class Times:
    """Seconds of one step."""

    name: str
    passed: bool
    wall: float
    processor: float
    hosts: float

    @property
    def columns(self) -> tuple[float, ...]:
        return (self.wall, self.processor, self.hosts)

    def document(self) -> dict[str, object]:
        """Return what the file says of the step."""
        seconds = dict(zip(COLUMNS, (round(column, 1) for column in self.columns)))
        return {"name": self.name, "passed": self.passed, **seconds}


def commit() -> str:
    """Return the commit that is checked out, marked if files differ from it; an empty string if git can't say."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def write(steps: list[Times], wall: float, left_out: list[str], path: pathlib.Path) -> None:
    """Write the file of a run. wall: seconds of the whole."""
    document = {
        "commit": commit(),
        "ended": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "wall": round(wall, 1),
        "left_out": left_out,
        "steps": [step.document() for step in steps],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def read(path: pathlib.Path) -> dict[str, Times]:
    """Return the steps of an earlier run by their names."""
    return {step["name"]: Times(**step) for step in json.loads(path.read_text())["steps"]}


def table(steps: list[Times], before: dict[str, Times] | None = None) -> str:
    """Return the table of a run, the longest step first. before: the run that it is compared with."""
    rows = sorted(steps, key=lambda step: -step.wall)
    # A step that only one of the two runs has is in no sum.
    common = [step for step in rows if before is None or step.name in before]
    width = max((len(step.name) for step in steps), default=0)
    lines = [" " * width + "".join(f"{column:>{11 if before is None else 24}}" for column in COLUMNS)]
    for step in rows:
        was = before.get(step.name) if before else None
        lines.append(f"{step.name:{width}}{_cells(step.columns, was.columns if was else None, before is not None)}")
    earlier = _sums([before[step.name] for step in common]) if before else None
    lines.append(f"{'sum':{width}}{_cells(_sums(common), earlier, before is not None)}")
    return "\n".join(lines)


def _sums(steps: list[Times]) -> tuple[float, ...]:
    return tuple(sum(step.columns[number] for step in steps) for number in range(len(COLUMNS)))


def _cells(columns: tuple[float, ...], earlier: tuple[float, ...] | None, compared: bool) -> str:
    if not compared:
        return "".join(f"{seconds:9.0f} s" for seconds in columns)
    was = [f"{seconds:8.0f} s" for seconds in earlier] if earlier else ["none"] * len(columns)
    return "".join(f"{before:>10} ->{seconds:8.0f} s " for before, seconds in zip(was, columns))
