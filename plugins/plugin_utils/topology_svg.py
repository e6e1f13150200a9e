# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A picture that Graphviz has made, as a part of a page: only shapes and text, whatever the file holds."""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree

SHAPES = {"svg", "g", "title", "polygon", "polyline", "path", "ellipse", "text"}
# Font and size are the page's own, once for all.
ATTRIBUTES = {
    *(
        "class",
        "cx",
        "cy",
        "d",
        "fill",
        "font-style",
        "font-weight",
        "points",
        "rx",
        "ry",
        "stroke",
        "stroke-dasharray",
    ),
    *("stroke-width", "text-anchor", "transform", "viewBox", "x", "y"),
}
DEFAULTS = {("class", "graph"), ("stroke", "none"), ("text-anchor", "start")}


def inline(svg: str, label: str) -> str:
    """Return the picture for use in a page, as wide as that but never too small to read; empty if this is no picture.

    label: what a screen reader says of it.
    """
    try:
        root = ElementTree.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", svg, count=1))
    except ElementTree.ParseError:
        return ""
    if _name(root) != "svg" or not re.fullmatch(r"[-0-9. ]+", root.get("viewBox", "")):
        return ""
    width = float(root.get("viewBox", "").split()[2])
    return (
        f'<svg role="img" aria-label="{html.escape(label)}" viewBox="{root.get("viewBox")}" '
        f'style="min-width:{width:.0f}px;max-width:{width * 4 / 3:.0f}px">'
        f"{''.join(_element(child) for child in root)}</svg>"
    )


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _element(element: ElementTree.Element) -> str:
    name = _name(element)
    inside = "".join(_element(child) for child in element)
    if name == "a":
        return inside  # links of Graphviz hold tooltips
    if name not in SHAPES or name == "title":
        return ""
    # By the names that Graphviz gives nodes and wires, the page finds which belong together.
    title = next((child.text or "" for child in element if _name(child) == "title"), "")
    known = f' data-name="{title}"' if re.fullmatch(r"(host|[nc]\d+)(:\w+)*(->[nc]\d+(:\w+)*)?", title) else ""
    attributes = known + "".join(
        f' {key}="{html.escape(value)}"'
        for key, value in element.items()
        if key in ATTRIBUTES and (key, value) not in DEFAULTS and "url(" not in value.lower()
    )
    words = html.escape(element.text or "") if name == "text" else ""
    return f"<{name}{attributes}>{words}{inside}</{name}>"
