# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Network reports as self-contained pages.

Jinja escapes every value. Only Graphviz's picture comes as markup, of which topology_svg lets shapes and text pass.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from . import topology_mermaid, topology_page, topology_svg, topology_templates
from . import topology_text as text


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(topology_templates.TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        t=text,
        line=text.line,
        what=text.what,
        policy=topology_page.policy(),
        severity=_severity,
        style=topology_page.STYLE,
        script=topology_page.SCRIPT,
    )
    return environment


def _severity(finding: Mapping[str, Any]) -> str:
    return str(finding.get("severity")) if finding.get("severity") in text.SEVERITIES else "notice"


def page(report: Mapping[str, Any], svg: str = "", linked: bool = False) -> str:
    """Return the page of one host. svg: what Graphviz made of it; linked: whether the page of all hosts is above it."""
    topology = report.get("topology") or {}
    changes = report.get("changes")
    return (
        _environment()
        .get_template("host")
        .render(
            title=f"Network of {text.line(report['host'])}",
            error=report.get("error"),
            date=report.get("date"),
            linked=linked,
            topology=topology,
            uplinks=text.rows(text.part(topology, "host", "uplinks")),
            findings=[("", one) for one in text.findings(topology)],
            compared_with=report.get("compared_with"),
            changes=None if changes is None else [("", one) for one in changes],
            picture=topology_svg.inline(svg, f"Network of {text.line(report['host'])}"),
            undrawn=text.undrawn(topology),
            mermaid=topology_mermaid.flowchart(topology) if topology else "",
            networks=text.rows(topology.get("networks")),
            containers=text.rows(topology.get("containers")),
            stray=text.rows(topology.get("stray_links")),
            unseen=text.unknown(topology.get("host") or {}),
        )
    )


def index(reports: Sequence[Mapping[str, Any]], title: str, svgs: Mapping[str, str] | None = None) -> str:
    """Return the page of all hosts. svgs: what Graphviz made of each."""
    topologies = [(text.line(one["host"]), one.get("topology") or {}) for one in reports]
    lost = [
        (text.line(one["host"]), {"severity": "error", "message": one["error"]}) for one in reports if one.get("error")
    ]
    findings = lost + [(host, one) for host, topology in topologies for one in text.findings(topology)]
    compared = [one for one in reports if one.get("changes") is not None]
    return (
        _environment()
        .get_template("index")
        .render(
            title=title,
            many=True,
            reports=reports,
            findings=sorted(findings, key=lambda one: text.severity_rank(one[1].get("severity"))),
            compared_with=", ".join(sorted({text.line(one.get("compared_with")) for one in compared} - {""})),
            changes=(
                [(text.line(one["host"]), change) for one in compared for change in one["changes"]]
                if compared
                else None
            ),
            pictures=[
                (host, topology_svg.inline((svgs or {}).get(host, ""), f"Network of {host}"))
                for host, _topology in topologies
            ],
            containers=[(host, one) for host, topology in topologies for one in text.rows(topology.get("containers"))],
        )
    )
