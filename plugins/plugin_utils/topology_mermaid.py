# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A topology as a Mermaid flowchart, which the wikis of GitLab, GitHub and others draw by themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from . import topology_text as text

# Above this, Mermaid refuses a flowchart as it is configured everywhere (500 edges, 50000 letters).
MOST_WIRES = 300


def flowchart(topology: text.Topology) -> str:
    """Return the flowchart of one host."""
    networks = text.rows(topology.get("networks"))
    numbers = {text.line(one.get("name")): number for number, one in enumerate(networks)}
    drawn = text.wired(topology)
    on = [text.line(endpoint.get("network")) for one in drawn for endpoint in text.rows(one.get("endpoints"))]
    lines = ["flowchart LR", f"  host[{_label([text.part(topology, 'host', 'name') or 'host'])}]"]
    many = len(on) > MOST_WIRES
    for name, number in numbers.items():
        network = networks[number]
        if name not in on and not network.get("bridge"):
            continue
        words = [name, network.get("bridge"), *(one.get("subnet") for one in text.rows(network.get("subnets")))]
        if many:
            words.append(counted(on.count(name), "endpoint"))
        lines.append(f"  n{number}([{_label(words)}])")
        lines.append(f"  host {'-.-' if network.get('internal') else '---'} n{number}")
    for number, one in enumerate([] if many else drawn):
        lines.append(f"  c{number}[{_label([text.name(one)])}]")
        for endpoint in text.rows(one.get("endpoints")):
            network_number = numbers.get(text.line(endpoint.get("network")))
            if network_number is not None:
                lines.append(f"  n{network_number} ---|{_label(_wire(endpoint))}| c{number}")
    return "\n".join([*lines, ""])


def escape(value: Any) -> str:
    """Return a value for a label in quotation marks: all but plain letters by their numbers, as Mermaid has them."""
    return re.sub(r"[^A-Za-z0-9 ._/,()-]", lambda found: f"#{ord(found[0])};", text.line(value))


def _label(words: list[Any]) -> str:
    return '"' + "<br>".join(escape(word) for word in words if word) + '"'


def _wire(endpoint: Mapping[str, Any]) -> list[Any]:
    return [
        text.outside(endpoint),
        " ".join(text.addresses(endpoint)) or endpoint.get("interface") or "no address",
    ]
