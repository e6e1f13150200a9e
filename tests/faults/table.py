# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that every subject of `make faults` prints; its last line is "N of N held"."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import Callable


@dataclasses.dataclass
class Row:
    """One fault on one generation.

    outcome: what happened, in a few words.
    broken: what was not as it must be; empty if the fault held.
    """

    generation: str
    fault: str
    outcome: str
    broken: list[str]
    seconds: float


class Table:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        with self._lock:
            self.rows.append(row)
            held = "held  " if not row.broken else "BROKEN"
            print(f"{held} {row.generation:9} {row.seconds:5.1f} s  {row.fault}: {row.outcome}", flush=True)
            for what in row.broken:
                print(f"       {what}", flush=True)

    def inject(self, generation: str, name: str, fault: Callable[[], tuple[str, list[str]]]) -> bool:
        """Inject one fault, and add its row. Return whether it held. fault: returns outcome and broken of the row."""
        begin = time.monotonic()
        try:
            outcome, broken = fault()
        except Exception as error:  # a fault that could not be injected is not one that held
            outcome, broken = "the test itself failed", [f"{type(error).__name__}: {error}"]
        self.add(Row(generation, name, outcome, broken, time.monotonic() - begin))
        return not broken

    def finish(self) -> bool:
        """Print the counts; return whether all held."""
        generations = list(dict.fromkeys(row.generation for row in self.rows))
        for generation in generations:
            rows = [row for row in self.rows if row.generation == generation]
            print(f"{generation}: {sum(not row.broken for row in rows)} of {len(rows)} held")
        held = sum(not row.broken for row in self.rows)
        print(f"{held} of {len(self.rows)} held")
        return held == len(self.rows) > 0
