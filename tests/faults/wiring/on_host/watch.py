# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the wiring of this host over and over, by what docker_topology_info runs, and note what is to be judged.

watch.py SECONDS STABLE [STABLE ...]

STABLE are containers that stay: what is returned of them must be the same each time. Prints JSON: number of readings,
the longest, errors, differences of the stable ones, findings, strays, and all rows of containers that come and go.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine.topology.survey import PARTS, Options, survey

OPTIONS = Options("/var/run/docker.sock", 60, PARTS)
PAUSE = 0.5  # seconds, which leaves the processors to the engine
Row = dict[str, Any]


def steady(row: Row) -> Row:
    """Return a row without what changes by itself."""
    kept = json.loads(json.dumps(row))
    for endpoint in kept["endpoints"]:
        endpoint["counters"] = None
    for resource in ("memory", "cpu", "pids", "io"):
        kept["cgroup"][resource]["used"] = None
    return dict(kept)


def brief(row: Row) -> Row:
    """Return of a row what is judged."""
    endpoints = [
        {"network": one["network"], "mac": one["mac"], "ipv4": one["ipv4"], "interface": one["interface"]}
        | {"veth": (one["peer"] or {}).get("name"), "bridge": one["bridge"]}
        for one in row["endpoints"]
    ]
    kept = {name: row[name] for name in ("id", "name", "pid", "state", "network_mode")}
    fields = [one["field"] for one in row["unknown"]]
    return {**kept, "inode": row["namespace"]["inode"], "endpoints": endpoints, "unknown": fields}


def main() -> None:
    seconds, stable = float(sys.argv[1]), set(sys.argv[2:])
    first: dict[str, Row] = {}
    found: dict[str, Any] = {"readings": 0, "longest": 0.0, "errors": [], "differences": []}
    found.update({"findings": [], "strays": [], "rows": []})
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        start = time.monotonic()
        try:
            topology = survey(OPTIONS)
        except Exception:  # whatever it is, it is what this is looking for
            found["errors"].append(traceback.format_exc()[-600:])
            continue
        found["readings"] += 1
        found["longest"] = max(found["longest"], time.monotonic() - start)
        found["findings"] += topology["findings"]
        found["strays"] += topology["stray_links"]
        rows = {row["name"]: row for row in topology["containers"]}
        found["differences"] += [f"{name} is missing" for name in stable - set(rows)]
        for name in stable & set(rows):
            row = steady(rows[name])
            if row != first.setdefault(name, row):
                changed = [field for field in row if row[field] != first[name][field]]
                found["differences"].append(
                    f"{name}: {', '.join(f'{field} {first[name][field]} -> {row[field]}' for field in changed)}"[:400]
                )
        found["rows"] += [brief(row) for name, row in rows.items() if name.startswith("churn-")]
        time.sleep(PAUSE)
    print(json.dumps(found))


main()
