# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The report of one host: what was seen there, since when it has been so, and what has changed since an earlier report.

What changes by itself, such as counters of packets and the memory in use, is not in it: a host on which nothing was
changed has the same report each time.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from . import topology_text as text
from .topology_compare import compare

VOLATILE_COUNTERS = ("rx_packets", "tx_packets")


def make(
    result: Mapping[str, Any],
    host: str,
    now: str,
    written: str | Mapping[str, Any] = "",
    baseline: Mapping[str, Any] | None = None,
    changes: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return the report of a host.

    result: what docker_topology_info returned, also if it failed or the host could not be reached.
    written: the JSON of this host's report as it is on the controller, empty if there is none. If it says the same,
    its date stays.
    baseline: the report to compare with; changes: what has changed since.
    """
    report: dict[str, Any] = {
        "host": host,
        "file": file_name(host),
        "date": now,
        "error": None,
        "topology": None,
        "compared_with": baseline.get("date") if baseline else None,
        "changes": [dict(one) for one in changes] if changes is not None else None,
    }
    reason = _not_read(result)
    if reason:
        report.update(error=reason, changes=None)
    else:
        report["topology"] = stable(result["topology"])
    earlier = parse(written)
    # By way of JSON, as that makes lists of tuples and strings of Ansible's own kinds of them.
    if earlier.get("date") and {**earlier, "date": now} == json.loads(json.dumps(record(report))):
        report["date"] = text.line(earlier["date"])
    return report


def _not_read(result: Mapping[str, Any]) -> str:
    """Return why the host could not be read; an empty string if it could."""
    topology = result.get("topology")
    if result.get("unreachable") or result.get("failed") or not isinstance(topology, Mapping):
        what = "not reachable" if result.get("unreachable") else "not read"
        return f"{what}: {text.line(result.get('msg')).removeprefix('Task failed: ') or 'no reason given'}"
    if text.part(topology, "host", "engine", "version") or text.rows(topology.get("containers")):
        return ""
    # Without an engine, the module returns what the kernel knows, and why the rest is not there.
    reasons = dict.fromkeys(text.line(one.get("reason")) for one in text.rows(text.part(topology, "host", "unknown")))
    return f"not read: {' '.join(reasons) or 'no reason given'}"


def stable(topology: text.Topology) -> dict[str, Any]:
    """Return a topology without what changes by itself."""
    kept = copy.deepcopy(dict(topology))
    for container in text.rows(kept.get("containers")):
        for resource in (container.get("cgroup") or {}).values():
            if isinstance(resource, dict):
                resource.pop("used", None)
        for endpoint in text.rows(container.get("endpoints")):
            for name in VOLATILE_COUNTERS:
                (endpoint.get("counters") or {}).pop(name, None)
        for key in ("ports", "listeners"):
            if isinstance(container.get(key), list) and isinstance(container, dict):
                container[key] = sorted(container[key], key=lambda one: json.dumps(one, sort_keys=True))
    return kept


def record(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a report as JSON, with which a later one can be compared."""
    return {key: report.get(key) for key in ("host", "date", "error", "topology")}


def parse(written: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return a report that was kept as JSON; an empty one if this is none.

    ansible-core before 2.19 makes a dictionary of a variable that looks like one.
    """
    if isinstance(written, Mapping):
        return dict(written)
    try:
        found = json.loads(written or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def earlier(baseline: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the report to compare with; an empty one if there is none. Raise AnsibleFilterError for anything else."""
    try:
        found = json.loads(baseline or "{}") if isinstance(baseline, str) else dict(baseline or {})
    except ValueError as error:
        raise _no_report(str(error)) from error
    if found == {}:
        return {}
    # The report of a host that could not be read has none.
    if not isinstance(found, dict) or not isinstance(found.get("topology", ""), (Mapping, type(None))):
        raise _no_report("it has no topology")
    return found


def changes_since(before: Mapping[str, Any], after: Any) -> list[dict[str, Any]] | None:
    """Return what has changed since an earlier report; None if one of both could not be read."""
    if not before.get("topology") or not isinstance(after, Mapping):
        return None
    try:
        return compare(before["topology"], after)
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_report(f"{type(error).__name__}: {error}") from error


def _no_report(reason: str) -> AnsibleFilterError:
    return AnsibleFilterError(
        f"The earlier report of this host can't be compared with ({reason}); give another network_report_baseline, or"
        " remove the host's JSON file there."
    )


def file_name(host: str) -> str:
    """Return the name of a host's files, without what has a meaning in paths and links."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", host)
    return f"_{name[1:]}" if name.startswith(".") else name


def result(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the short form of a report, for AWX."""
    topology = report.get("topology")
    changes = report.get("changes")
    return {
        "host": report["host"],
        "date": report.get("date"),
        "error": report.get("error"),
        "networks": len(text.rows(text.part(topology, "networks"))),
        "containers": len(text.rows(text.part(topology, "containers"))),
        "findings": text.count([topology] if topology else []),
        "changes": None if changes is None else len(changes),
    }


def topology_of(value: Any) -> text.Topology | None:
    """Return the topology in a report, in the module's result, or as it is; None if there is none."""
    found = value.get("topology", value) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) and "containers" in found else None


def topology_for(name: str, value: Any) -> text.Topology:
    """Return the topology that a filter of that name was given. Raise AnsibleFilterError if there is none."""
    topology = topology_of(value)
    if topology is None:
        raise AnsibleFilterError(f"{name} takes what docker_topology_info returned, and there is no topology in this.")
    return topology


def report_of(value: Any) -> dict[str, Any]:
    """Return a report as it is, and one made of the module's result or of a topology."""
    if isinstance(value, Mapping) and isinstance(value.get("host"), str) and "error" in value:
        return dict(value)
    topology = topology_of(value)
    if topology is None:
        raise ValueError("there is no topology in this; what docker_topology_info returned is needed, or a report.")
    return make({"topology": topology}, text.line(text.part(topology, "host", "name")) or "host", "")
