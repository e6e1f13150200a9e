# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short forms of compose values."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.stack import values
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError


@pytest.mark.parametrize(
    ("given", "nanoseconds"),
    [
        ("1m30s", 90_000_000_000),
        ("500ms", 500_000_000),
        ("1.5s", 1_500_000_000),
        ("2h", 7_200_000_000_000),
        ("3us", 3000),
    ],
)
def test_durations(given: str, nanoseconds: int) -> None:
    assert values.duration("x", given) == nanoseconds


@pytest.mark.parametrize(
    ("given", "size"),
    [("64M", 64 << 20), ("1g", 1 << 30), ("1.5k", 1536), (2048, 2048), ("10kb", 10240), ("1GiB", 1 << 30)],
)
def test_sizes(given: Any, size: int) -> None:
    assert values.size("x", given) == size


@pytest.mark.parametrize(
    ("given", "ports"),
    [
        ("80", [(80, None, "tcp", "ingress")]),
        (8080, [(8080, None, "tcp", "ingress")]),
        ("8080:80/udp", [(80, 8080, "udp", "ingress")]),
        ("8080-8081:80-81", [(80, 8080, "tcp", "ingress"), (81, 8081, "tcp", "ingress")]),
        ("8080-8081:80", [(80, 8080, "tcp", "ingress"), (80, 8081, "tcp", "ingress")]),
        ({"target": 80, "published": "8080", "mode": "host"}, [(80, 8080, "tcp", "host")]),
    ],
)
def test_ports(given: Any, ports: list[tuple[Any, ...]]) -> None:
    found = values.ports("x", given)
    assert [
        (port["TargetPort"], port.get("PublishedPort"), port["Protocol"], port["PublishMode"]) for port in found
    ] == ports


@pytest.mark.parametrize(
    ("given", "mount"),
    [
        ("/data", {"type": "volume", "target": "/data"}),
        ("data:/data:ro", {"type": "volume", "source": "data", "target": "/data", "read_only": True}),
        ("./a:/b:rslave", {"type": "bind", "source": "./a", "target": "/b", "bind": {"propagation": "rslave"}}),
        ("data:/data:nocopy", {"type": "volume", "source": "data", "target": "/data", "volume": {"nocopy": True}}),
    ],
)
def test_mounts(given: str, mount: dict[str, Any]) -> None:
    assert values.short_mount("x", given) == mount


@pytest.mark.parametrize(
    ("read", "given", "message"),
    [
        (values.duration, "soon", "x is 'soon', and must be a duration such as 1m30s; correct it."),
        (values.duration, "", "x is '', and must be a duration such as 1m30s; correct it."),
        (values.size, "big", "x is 'big', and must be a size such as 512M; correct it."),
        (values.number, "many", "x is 'many', and must be a number; correct it."),
        (values.whole, 1.5, "x is 1.5, and must be a whole number; correct it."),
        (values.whole, True, "x is True, and must be a whole number; correct it."),
        (values.flag, "maybe", "x is 'maybe', and must be true or false; correct it."),
        (values.string, {}, "x is {}, and must be a string; correct it."),
        (values.words, "sh -c 'open", 'x is "sh -c \'open", and must be a command with its quotes closed; correct it.'),
        (values.mapping, "a=b", "x is 'a=b', and must be a dictionary, or a list; correct it."),
        (values.ports, "http", "x is 'http', and must be a port such as 8080:80; correct it."),
        (values.ports, "80-82:80-81", "x is '80-82:80-81', and must be two ranges of one length; correct it."),
        (
            values.ports,
            "127.0.0.1:80:80",
            "x is 127.0.0.1:80:80, and a Swarm publishes on all addresses of a node; leave the address out.",
        ),
        (values.short_mount, "a:b", "x is 'a:b', and must be a mount such as data:/var/lib/data:ro; correct it."),
    ],
)
def test_what_can_not_be_read(read: Callable[[str, Any], Any], given: Any, message: str) -> None:
    with pytest.raises(DockyardError) as caught:
        read("x", given)
    assert caught.value.message == message


def test_words_dictionaries_and_lists() -> None:
    assert values.words("x", "sh -c 'a b'") == ["sh", "-c", "a b"]
    assert values.words("x", ["a", 1, True]) == ["a", "1", "true"]
    assert values.mapping("x", ["a=b=c", "d", "e="]) == {"a": "b=c", "d": None, "e": ""}
    assert values.filled("x", {"a": None, "b": 1.5}) == {"a": "", "b": "1.5"}
    assert values.strings("x", "a") == ["a"]
    assert values.flag("x", "True") is True
