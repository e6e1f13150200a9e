# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Network reports as Markdown, for a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted

from . import topology_mermaid
from . import topology_text as text


def page(report: Mapping[str, Any]) -> str:
    """Return the page of one host."""
    topology = report.get("topology")
    lines = [f"# Network of {escape(report['host'])}", ""]
    if topology is None:
        return "\n".join([*lines, f"**{escape(report.get('error'))}**", ""])
    date = f" As of {escape(report['date'])}." if report.get("date") else ""
    lines += [f"{escape(text.engine(topology))}.{date}", ""]
    for unseen in text.unknown(topology.get("host") or {}):
        lines += [f"Not seen: {escape(unseen)}", ""]
    lines += ["## Findings", "", *_findings(text.findings(topology)), ""]
    lines += _changes(report)
    lines += ["## Picture", "", "```mermaid", topology_mermaid.flowchart(topology).rstrip("\n"), "```", ""]
    lines += ["## Networks", "", *_networks(text.rows(topology.get("networks"))), ""]
    lines += ["## Containers", "", *_containers(text.rows(topology.get("containers"))), ""]
    return "\n".join(lines)


def index(reports: Sequence[Mapping[str, Any]], title: str) -> str:
    """Return the page of all hosts."""
    lines = [f"# {escape(title)}", "", "## Findings", ""]
    found = [
        (text.severity_rank(one.get("severity")), report["host"], one)
        for report in reports
        for one in text.findings(report.get("topology") or {})
    ]
    found.sort(key=lambda one: one[:2])
    lost = [f"- **error** {escape(one['host'])}: {escape(one['error'])}" for one in reports if one.get("error")]
    lines += lost + [
        f"- **{escape(one['severity'])}** {escape(host)}: {escape(one['message'])}" for _rank, host, one in found
    ]
    lines += [] if lost or found else ["None."]
    lines += ["", "## Hosts", ""]
    rows = []
    for report in reports:
        topology = report.get("topology") or {}
        count = text.count([topology])
        rows.append(
            [
                _Raw(f"[{escape(report['host'])}](hosts/{report['file']}.md)"),
                text.engine(topology) if topology else report.get("error"),
                len(text.rows(topology.get("networks"))),
                len(text.rows(topology.get("containers"))),
                ", ".join(counted(number, name) for name, number in count.items() if number) or "none",
                "" if report.get("changes") is None else len(report["changes"]),
                report.get("date"),
            ]
        )
    lines += table(["Host", "Engine", "Networks", "Containers", "Findings", "Changes", "As of"], rows)
    return "\n".join([*lines, ""])


class _Raw(str):
    """What is Markdown already."""


def escape(value: Any) -> str:
    """Return a value as Markdown that shows it as it is."""
    safe = text.line(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    safe = re.sub(r"([\\`*_\[\]|~#!$])", r"\\\1", safe)
    # Addresses and mentions that a wiki would make links of.
    return safe.replace("://", ":&#47;&#47;").replace("@", "&#64;").replace("www.", "www&#46;")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return the lines of a table. A list in a cell has one line for each value."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows]


def _cell(value: Any) -> str:
    if isinstance(value, _Raw):
        return value
    return "<br>".join(escape(one) for one in value) if isinstance(value, list) else escape(value)


def _findings(found: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"- **{escape(one.get('severity'))}** {escape(one.get('message'))}" for one in found] or ["None."]


def _changes(report: Mapping[str, Any]) -> list[str]:
    if report.get("changes") is None:
        return []
    lines = [f"## Changes since {escape(report.get('compared_with') or 'the earlier report')}", ""]
    rows = [
        [one.get("container"), one.get("network"), text.what(one), one.get("before"), one.get("after")]
        for one in report["changes"]
    ]
    return [*lines, *(table(["Container", "Network", "What", "Before", "After"], rows) if rows else ["None."]), ""]


def _networks(networks: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [
            one.get("name"),
            one.get("driver"),
            one.get("bridge"),
            text.subnets(one),
            text.setting(one.get("icc")),
            text.setting(one.get("masquerade")),
            one.get("mtu"),
        ]
        for one in networks
    ]
    return table(["Network", "Driver", "Bridge", "Subnets", "ICC", "Masquerading", "MTU"], rows)


def _containers(containers: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for one in containers:
        endpoints = text.rows(one.get("endpoints"))
        rows.append(
            [
                one.get("name"),
                one.get("state"),
                [text.line(endpoint.get("network")) for endpoint in endpoints] or text.mode(one),
                [" ".join(text.addresses(endpoint)) for endpoint in endpoints],
                [f"{text.line(endpoint.get('interface'))} to {text.peer(endpoint)}" for endpoint in endpoints],
                [text.port(port) for port in text.rows(one.get("ports"))],
                text.listeners(one),
            ]
        )
    return table(["Container", "State", "Networks", "Addresses", "Interface to veth", "Published", "Listening"], rows)
