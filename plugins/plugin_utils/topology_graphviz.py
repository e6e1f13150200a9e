# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A topology as a graph in DOT: from left to right the containers, their networks, and the host with its uplinks.

The containers are on the left because they are what a narrow screen is to show first.

Nodes are named by numbers, so that nothing which comes from the host is ever a name in DOT. It is all in HTML-like
labels, where each value is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

from . import topology_text as text

# They differ for the eyes of people who don't see all colours alike, too.
COLOURS = ("#0072b2", "#d55e00", "#007a5a", "#b3488a", "#7a5c00", "#4b3fa7", "#00738a", "#a3252b")
ALARM = "#b00020"
QUIET = "#5a6570"
HOST = ""  # no container has this name
MOST_ON_HOST = 8
MOST_PORTS = 3
LONGEST = 48  # letters for which a column is made; a longer value makes its own box wider
_HEAD = """digraph topology {
  graph [rankdir=RL, nodesep=0.06, ranksep=0.9, ordering=out, fontname="Helvetica", bgcolor="transparent"];
  node [shape=plain, fontname="Helvetica", fontsize=11];
  edge [dir=none, penwidth=1.3];"""


def graph(topology: text.Topology) -> str:
    """Return the graph of one host."""
    networks = text.rows(topology.get("networks"))
    drawn = text.wired(topology)
    numbers = {text.line(one.get("name")): number for number, one in enumerate(networks)}
    lines = [_HEAD, f"  host [label=<{_host(topology)}>];"]
    used = {text.line(endpoint.get("network")) for one in drawn for endpoint in text.rows(one.get("endpoints"))}
    for name, number in numbers.items():
        # An empty network is worth a box, and "host" and "none" are no networks with wires.
        if name in used or networks[number].get("bridge"):
            style = f'color="{COLOURS[number % len(COLOURS)]}"' + (
                ", style=dashed" if networks[number].get("internal") else ""
            )
            lines.append(f"  n{number} [label=<{_network(networks[number], COLOURS[number % len(COLOURS)])}>];")
            lines.append(f"  host:w -> n{number}:e [{style}];")
    widths = _widths(drawn)
    sharing = sharers(topology)
    for number, one in enumerate(drawn):
        lines.append(
            f"  c{number} [label=<{_container(one, numbers, widths, sharing.get(text.line(one.get('name')), []))}>];"
        )
        for position, endpoint in enumerate(text.rows(one.get("endpoints"))):
            network = numbers.get(text.line(endpoint.get("network")))
            if network is not None:
                lines.append(f'  n{network}:w -> c{number}:e{position}:e [color="{_colour(endpoint, numbers)}"];')
    return "\n".join([*lines, "}", ""])


def sharers(topology: text.Topology) -> dict[str, list[str]]:
    """Return, by the name of a container, those that are in its network namespace. With host: those in the host's."""
    containers = text.rows(topology.get("containers"))
    names = {text.line(one.get(key)): text.line(one.get("name")) for one in containers for key in ("id", "name")}
    found: dict[str, list[str]] = {}
    for one in containers:
        mode = text.mode(one)
        target = mode.removeprefix("container:")
        if mode not in ("", "none") and one.get("state") in text.ALIVE:
            found.setdefault(names.get(target, target) if mode != "host" else HOST, []).append(
                text.line(one.get("name"))
            )
    return found


def escape(value: Any) -> str:
    """Return a value for an HTML-like label."""
    return html.escape(text.line(value), quote=True)


def short(values: list[str], most: int) -> str:
    """Return the first values, and how many there are more."""
    return ", ".join(values[:most]) + (f" and {len(values) - most} more" if len(values) > most else "")


def _table(rows: Iterable[str], colour: str) -> str:
    return f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" COLOR="{colour}">{"".join(rows)}</TABLE>'


def _cell(value: str, attributes: str = "", style: str = "") -> str:
    """Return a cell with a value that is escaped. style: I or B. Graphviz takes no empty elements."""
    value = value or "&#160;"
    return f'<TD ALIGN="LEFT"{attributes}>{f"<{style}>{value}</{style}>" if style else value}</TD>'


def _row(value: str, attributes: str = "", style: str = "") -> str:
    return f"<TR>{_cell(value, attributes, style)}</TR>"


def _title(value: Any, colour: str) -> str:
    return _row(f'<FONT COLOR="white">{escape(value) or "&#160;"}</FONT>', f' BGCOLOR="{colour}"', "B")


def _host(topology: text.Topology) -> str:
    rows = [_title(text.part(topology, "host", "name") or "host", QUIET)]
    rows += [_row(escape(text.uplink(one))) for one in text.rows(text.part(topology, "host", "uplinks"))]
    on_host = sharers(topology).get(HOST, [])
    rows += [_row(escape(name), "", "I") for name in on_host[:MOST_ON_HOST]]
    more = len(on_host) - MOST_ON_HOST
    return _table([*rows, _row(f"and {more} more", "", "I")] if more > 0 else rows, QUIET)


def _network(network: Mapping[str, Any], colour: str) -> str:
    rows = [_title(network.get("name"), colour)]
    rows.append(_row(escape(" ".join(filter(None, map(text.line, (network.get("driver"), network.get("bridge"))))))))
    rows.extend(_row(escape(one)) for one in text.subnets(network))
    for name, key in (("ICC", "icc"), ("masquerading", "masquerade")):
        said = text.setting(network.get(key))
        # What is usual is not worth a line in a picture.
        usual = "off" if key == "masquerade" and network.get("internal") else "on"
        if said not in ("", usual):
            words = escape(f"{name} {said}")
            alarm = text.differs(network.get(key))
            rows.append(_row(f'<FONT COLOR="{ALARM}"><B>{words}</B></FONT>' if alarm else words))
    if network.get("internal"):
        rows.append(_row("internal"))
    return _table(rows, colour)


def _where(endpoint: Mapping[str, Any]) -> str:
    return f"{text.line(endpoint.get('interface'))} {' '.join(text.addresses(endpoint)) or 'no address'}"


def _published(container: Mapping[str, Any]) -> str:
    # A port that is published for IPv4 and IPv6 is there twice.
    ports = dict.fromkeys(text.outer_port(one) for one in text.rows(container.get("ports")) if one.get("host_port"))
    return short(list(ports), MOST_PORTS)


def _widths(drawn: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the cells' least widths, by which all boxes of containers are one table: name, ports, address, peer."""
    endpoints = [one for container in drawn for one in text.rows(container.get("endpoints"))]
    longest = (
        max((len(text.name(one)) for one in drawn), default=0),
        max((len(_published(one)) for one in drawn), default=0),
        max((len(_where(one)) for one in endpoints), default=0),
        max((len(text.outside(one)) for one in endpoints), default=0),
    )
    # Names are bold, and so wider.
    sizes = zip(longest, (7, 6, 6, 6))
    return tuple(f' WIDTH="{min(number, LONGEST) * size + 8}"' if number else "" for number, size in sizes)


def _container(
    container: Mapping[str, Any], numbers: Mapping[str, int], widths: tuple[str, ...], sharing: list[str]
) -> str:
    endpoints = text.rows(container.get("endpoints"))
    span = f' ROWSPAN="{len(endpoints)}"' if len(endpoints) > 1 else ""
    rows = []
    for position, one in enumerate(endpoints):
        peer = f'<FONT COLOR="{_colour(one, numbers)}">{escape(text.outside(one)) or "&#160;"}</FONT>'
        first = position == 0
        cells = [_cell(escape(text.name(container)), widths[0] + span, "B")] if first else []
        cells += [_cell(escape(_published(container)), widths[1] + span, "I")] if first and widths[1] else []
        cells += [_cell(escape(_where(one)), widths[2]), _cell(peer, f'{widths[3]} PORT="e{position}"')]
        rows.append(f"<TR>{''.join(cells)}</TR>")
    if sharing:
        columns = ' COLSPAN="4"' if widths[1] else ' COLSPAN="3"'
        rows.append(_row(escape(f"shared by {short(sharing, MOST_PORTS)}"), columns, "I"))
    return _table(rows, _colour(endpoints[0], numbers))


def _colour(endpoint: Mapping[str, Any], numbers: Mapping[str, int]) -> str:
    number = numbers.get(text.line(endpoint.get("network")))
    return QUIET if number is None else COLOURS[number % len(COLOURS)]
