# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every form of a network report says, and that nothing which comes from a host is taken for anything but text."""

from __future__ import annotations

import copy
import json
import pathlib
import re
import subprocess
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.plugin_utils import (
    topology_graphviz,
    topology_html,
    topology_markdown,
    topology_mermaid,
    topology_page,
    topology_report,
    topology_svg,
)
from ansible_collections.dockyard.ops.plugins.plugin_utils import topology_text as text
from ansible_collections.dockyard.ops.tests.unit.helpers import topology_sample

HOSTILE = (
    "<script>alert(1)</script>\"'&amp;|`]) } --> \\N {{ 7 * 7 }} #quot; "
    "%%{init: {}}%% @all http://evil.example \n\x00\u202e"
)
DATE = "2026-11-28 23:50 UTC"


def hostile() -> dict[str, Any]:
    """Return a topology in which every string is hostile, but for the words of closed sets."""
    kept = {"state", "severity", "kind", "driver", "network_mode"}

    def spoil(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: spoil(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [spoil(one, key) for one in value]
        return HOSTILE if isinstance(value, str) and key not in kept else value

    return dict(spoil(topology_sample.topology(12)))


def blind() -> dict[str, Any]:
    """Return a topology of which nothing could be seen but that there are things."""

    def empty(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: empty(one) for name, one in value.items()}
        return [empty(value[0])] if isinstance(value, list) and value else None

    return dict(empty(topology_sample.topology(12)))


def real() -> dict[str, Any]:
    file = pathlib.Path(topology_sample.__file__).with_name("topology.json")
    return dict(json.loads(file.read_text())["topology"])


def report(topology: dict[str, Any], **further: Any) -> dict[str, Any]:
    return topology_report.make({"topology": topology}, "docker1.example.com", DATE, **further)


def draw(dot: str) -> str:
    done = subprocess.run(["dot", "-Tsvg"], input=dot, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


class Page(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def ask_nobody(self) -> None:
        """Hold that the page fetches nothing, and runs nothing but its own script."""
        assert [tag for tag, _attributes in self.elements].count("script") == 1
        for tag, attributes in self.elements:
            assert tag not in (
                "link",
                "img",
                "iframe",
                "object",
                "embed",
                "base",
                "form",
                "image",
                "use",
                "foreignobject",
            )
            assert not [name for name in attributes if name.startswith("on")]
            assert "src" not in attributes and "xlink:href" not in attributes
            link = attributes.get("href")
            assert link is None or re.fullmatch(r"#[a-z]+|\.\./index\.html|hosts/[A-Za-z0-9._-]+\.html", link)
            assert "url(" not in str(attributes.get("style"))


# What is said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"declared": True, "in_force": True}, "on"),
        ({"declared": False, "in_force": False}, "off"),
        ({"declared": False, "in_force": True}, "on, declared off"),
        ({"declared": True, "in_force": False}, "off, declared on"),
        ({"declared": False, "in_force": None}, "off, in force: unknown"),
        ({"declared": None, "in_force": True}, "on"),
        ({"declared": None, "in_force": None}, ""),
        (None, ""),
    ],
)
def test_settings(value: Any, said: str) -> None:
    assert text.setting(value) == said
    assert text.differs(value) == (", declared" in said)


def test_lines_have_no_control_characters() -> None:
    assert text.line("a\tb\n\x1b[31mc\u202ed\ud800") == "a b [31mc d"
    assert (text.line(None), text.line(False), text.line(1.5), text.line({"a": 1})) == ("", "no", "1.5", '{"a": 1}')


def test_ports_and_sockets() -> None:
    published = {"protocol": "udp", "host_ip": "::", "host_port": 53, "container_port": 5353}
    assert text.port(published) == "[::]:53 to 5353/udp"
    assert text.port({"container_port": 80, "protocol": "tcp"}) == "80/tcp"
    assert text.outer_port(published) == ":53"
    assert text.outer_port({"host_ip": "127.0.0.1", "host_port": 53}) == "127.0.0.1:53"
    socket = {"protocol": "tcp6", "address": "::", "port": 80, "pid": 7, "process": "nginx"}
    assert text.listener(socket) == "[::]:80/tcp6 nginx (7)"
    name_server = {"protocol": "udp", "address": "127.0.0.11", "port": 9, "process": "dockerd"}
    assert text.listeners({"listeners": [name_server, {**name_server, "address": "0.0.0.0"}]}) == [
        "0.0.0.0:9/udp dockerd"
    ]


def test_wires() -> None:
    wire = {"interface": "eth0", "index": 2, "peer": {"name": "veth1", "index": 17}, "bridge": "br-1"}
    assert text.route(wire) == "eth0 (2) - veth1 (17) - br-1"
    overlay = {
        "interface": "eth0",
        "index": 2,
        "peer": {"name": "veth1", "index": 17, "namespace": "/run/docker/netns/1-x"},
    }
    assert text.route(overlay) == "eth0 (2) - veth1 (17) in /run/docker/netns/1-x"
    macvlan = {"interface": "eth0", "index": 9, "peer": None, "parent": {"name": "enp1s0", "index": 2}}
    assert text.route(macvlan) == "eth0 (9) - on enp1s0"
    assert text.outside(macvlan) == "enp1s0"


def test_limits_and_namespaces() -> None:
    first = topology_sample.topology(12)["containers"][-1]
    assert text.size(1536 * 1024) == "1.5 MiB"
    assert "memory 512 MiB; CPU 1.5; pids 512" in text.isolation(
        {**first, "cgroup": topology_sample.container(3, ["bridge"])["cgroup"]}
    )
    assert text.isolation({"isolation": {"net": False, "pid": False, "user": False}}) == ["not its own: net, pid"]


def test_findings_come_worst_first() -> None:
    assert [one["severity"] for one in text.findings(topology_sample.topology(12))] == ["error", "warning", "notice"]
    assert text.count([topology_sample.topology(12)] * 2) == {"error": 2, "warning": 2, "notice": 2}


# The report


def test_what_changes_by_itself_is_left_out() -> None:
    before = topology_sample.topology(12)
    after = copy.deepcopy(before)
    for container in after["containers"]:
        container["cgroup"]["memory"]["used"] += 1
        container["cgroup"]["cpu"]["used"] += 1
        container["listeners"].reverse()
        for endpoint in container["endpoints"]:
            endpoint["counters"]["rx_packets"] += 1
            endpoint["counters"]["tx_packets"] += 1
    assert report(before) == report(after)
    assert before == topology_sample.topology(12)  # the module's result is left as it is
    wired = next(one for one in after["containers"] if one["endpoints"])
    wired["endpoints"][0]["counters"]["rx_dropped"] = 9
    assert report(before) != report(after)


def test_the_date_is_that_of_the_content() -> None:
    first = report(topology_sample.topology(12))
    written = json.dumps(topology_report.record(first))
    again = topology_report.make({"topology": topology_sample.topology(12)}, "docker1.example.com", "later", written)
    assert again["date"] == DATE
    parsed = topology_report.make(
        {"topology": topology_sample.topology(12)}, "docker1.example.com", "later", json.loads(written)
    )
    assert parsed["date"] == DATE
    other = topology_report.make({"topology": topology_sample.topology(13)}, "docker1.example.com", "later", written)
    assert other["date"] == "later"
    for broken in ("", "{", "[]", "null", '{"date": "x"}'):
        assert (
            topology_report.make({"topology": topology_sample.topology(2)}, "docker1.example.com", "later", broken)[
                "date"
            ]
            == "later"
        )


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ({"failed": True, "msg": "Task failed: No engine\nanswers."}, "not read: No engine answers."),
        ({"unreachable": True, "msg": "No route"}, "not reachable: No route"),
        ({}, "not read: no reason given"),
        (
            {"topology": {"host": {"engine": None, "unknown": [{"reason": "No engine."}] * 2}, "containers": []}},
            "not read: No engine.",
        ),
    ],
)
def test_a_host_that_was_not_read(result: dict[str, Any], error: str) -> None:
    made = topology_report.make(result, "web/1", DATE, changes=[])
    assert (made["error"], made["topology"], made["changes"], made["file"]) == (error, None, None, "web_1")
    later = topology_report.make(result, "web/1", "later", json.dumps(topology_report.record(made)))
    assert later["date"] == DATE
    for page in (topology_html.page(made), topology_html.index([made], "All")):
        assert error in Page(page).text
    assert error in topology_markdown.page(made) and error in topology_markdown.index([made], "All")


@pytest.mark.parametrize(("host", "file"), [("a.example", "a.example"), ("../x", "_._x"), ("a b<c>", "a_b_c_")])
def test_file_names(host: str, file: str) -> None:
    assert topology_report.file_name(host) == file


# Escaping


@pytest.mark.parametrize("topology", [hostile(), blind(), real(), topology_sample.topology(100)])
def test_graphviz_draws_whatever_comes(topology: dict[str, Any]) -> None:
    drawn = topology_svg.inline(draw(topology_graphviz.graph(topology)), "Network")
    assert drawn.startswith('<svg role="img"') and "<script" not in drawn
    assert drawn.count('class="node"') >= 1 + len(text.wired(topology))


def test_dot_has_no_value_outside_of_labels() -> None:
    graph = topology_graphviz.graph(hostile())
    assert "<script" not in graph and "{{ 7" in graph
    outside = re.sub(r"label=<.*>\];", "", graph)
    assert "alert" not in outside
    assert topology_graphviz.escape(HOSTILE).startswith("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;amp;|`")


def test_mermaid_labels() -> None:
    chart = topology_mermaid.flowchart(hostile())
    for line in chart.splitlines()[1:]:
        assert re.fullmatch(r'  (host|[nc]\d+)(\(?\["[^"]*"\]\)?| -(--|\.-) n\d+| ---\|"[^"]*"\| c\d+)', line), line
    labels = "".join(re.findall(r'"([^"]*)"', chart)).replace("<br>", "")
    assert not re.search(r"[<>\[\]{}`%@\\'|]|&", labels)
    assert topology_mermaid.escape('a"b#<') == "a#34;b#35;#60;"


def test_markdown_cells() -> None:
    page = topology_markdown.page(report(hostile()))
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count("|") - line.count("\\|") for line in tables} == {8}
    assert "<script" not in page.replace("<br>", "") and "http://" not in page and "@" not in page
    assert "```" not in page.replace("```mermaid\n", "", 1).replace("\n```\n", "", 1)
    assert topology_markdown.escape("a_b|c*<b>") == "a\\_b\\|c\\*&lt;b&gt;"


@pytest.mark.parametrize("linked", [True, False])
def test_pages_show_hostile_text_as_text(linked: bool) -> None:
    changes = [{"container": HOSTILE, "network": HOSTILE, "message": HOSTILE, "before": HOSTILE, "after": HOSTILE}]
    made = report(hostile(), changes=changes, baseline={"date": HOSTILE})
    svg = draw(topology_graphviz.graph(hostile()))
    for page in (
        topology_html.page(made, svg, linked),
        topology_html.index([{**made, "host": HOSTILE}], HOSTILE, {text.line(HOSTILE): svg}),
    ):
        read = Page(page)
        read.ask_nobody()
        assert "<script>alert(1)</script>" in read.text
        assert "@import" not in topology_page.STYLE and "url(" not in topology_page.STYLE


def test_only_shapes_and_text_of_a_picture_are_taken() -> None:
    picture = """<?xml version="1.0"?>
        <!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd">
        <svg viewBox="0 0 90 60" xmlns="http://www.w3.org/2000/svg"
        xmlns:xlink="http://www.w3.org/1999/xlink" onload="x()">
        <script>alert(1)</script><style>@import "http://evil.example"</style>
        <image xlink:href="http://evil.example/a.png"/>
        <foreignObject><p>x</p></foreignObject><g class="node" onclick="x()"><title>c1</title>
        <a xlink:href="http://evil.example"><text x="1" fill="url(http://evil.example)">a &lt;b&gt;</text></a></g>
        </svg>"""
    assert topology_svg.inline(picture, 'N"') == (
        '<svg role="img" aria-label="N&quot;" viewBox="0 0 90 60" style="min-width:90px;max-width:120px">'
        '<g data-name="c1" class="node"><text x="1">a &lt;b&gt;</text></g></svg>'
    )


@pytest.mark.parametrize(
    "picture", ["", "no picture", "<svg/>", '<svg viewBox="0 0 1 1"', "<p/>", '<svg viewBox="a"/>']
)
def test_what_is_no_picture(picture: str) -> None:
    assert topology_svg.inline(picture, "") == ""
    assert "was not available where this page was made" in topology_html.page(
        report(topology_sample.topology(12)), picture
    )


# What is in the pages


def test_a_page_of_100_containers() -> None:
    topology = topology_sample.topology(100)
    made = report(topology, changes=[])
    page = topology_html.page(made, draw(topology_graphviz.graph(topology)), linked=True)
    read = Page(page)
    read.ask_nobody()
    assert len(page.encode()) < 1_000_000
    for container in topology["containers"]:
        assert container["name"] in read.text
        for endpoint in container["endpoints"]:
            assert read.text.count(endpoint["peer"]["name"]) >= 2  # in the picture and in the table
            assert endpoint["ipv4"] in read.text and endpoint["mac"] in read.text
        assert not container["capture"] or container["capture"] in read.text
    assert page.index('id="findings"') < page.index('id="picture"') < page.index('id="networks"')
    assert "eth0 (2) - veth0007000 (114) - br-000000000002" in read.text
    assert "rx dropped 3" in read.text
    assert "on, declared off" in read.text
    assert "network namespace shared with shop-web-000" in read.text
    assert "not seen: 1" in read.text and "namespace: The container does not run." in read.text
    assert "2 containers that are stopped or without a network" in read.text
    assert len(topology_html.index([made], "All").encode()) < 1_000_000


def test_a_page_without_findings_and_changes() -> None:
    topology = {**topology_sample.topology(2), "findings": []}
    read = Page(topology_html.page(report(topology, changes=[], baseline={"date": "yesterday"})))
    assert "None: what was looked for was not found." in read.text
    assert re.search(r"Changes since yesterday\s+None\.", read.text)
    assert "Changes" not in Page(topology_html.page(report(topology))).text


def test_the_page_of_all_hosts() -> None:
    changes = [{"container": "web", "network": "lan", "message": "Another address.", "before": "a", "after": "b"}]
    one = report(topology_sample.topology(5), changes=changes, baseline={"date": "yesterday"})
    two = topology_report.make({"failed": True, "msg": "No engine answers."}, "docker2", DATE)
    read = Page(topology_html.index([one, two], "Ours"))
    read.ask_nobody()
    links = [str(attributes.get("href")) for tag, attributes in read.elements if tag == "a"]
    assert [link for link in links if link.startswith("hosts/")] == [
        "hosts/docker1.example.com.html",
        "hosts/docker2.html",
    ]
    assert read.text.index("docker2: not read: No engine answers.") < read.text.index("declares ICC off")
    assert "Another address." in read.text and "Changes since yesterday" in read.text
    assert "## Changes since yesterday" in topology_markdown.page(one)
    assert "| web | lan | Another address. | a | b |" in topology_markdown.page(one)
    assert text.what({"subject": "port", "kind": "added"}) == "port added"
    assert "[docker1.example.com](hosts/docker1.example.com.md)" in topology_markdown.index([one, two], "Ours")


@pytest.mark.parametrize("topology", [blind(), real(), {}, {"containers": [], "networks": None}])
def test_what_could_not_be_seen_stops_no_page(topology: dict[str, Any]) -> None:
    made = report(topology)
    Page(topology_html.page(made)).ask_nobody()
    Page(topology_html.index([made], "All")).ask_nobody()
    assert topology_markdown.page(made) and topology_mermaid.flowchart(topology)


def test_mermaid_of_a_large_host_has_its_networks_only() -> None:
    chart = topology_mermaid.flowchart(topology_sample.topology(500))
    assert len(chart.splitlines()) == 2 + 2 * len(topology_sample.NETWORKS) and "149 endpoints" in chart
    small = topology_mermaid.flowchart(topology_sample.topology(100))
    assert len(small) < 50_000 and "shop-web-000" in small
