# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Default routes as the kernel and iproute2 show them. Both are imitated; real ones are in tests/faults."""

from __future__ import annotations

import pathlib
import subprocess
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._host import commands, default_routes, sysctl

FORWARDING = "net.ipv6.conf.all.forwarding"
ZERO = "0" * 32
# Learned by the kernel of Debian 13, and one that a program has added with the protocol "ra".
LEARNED = f"{ZERO} 00 {ZERO} 00 fe800000000000009c27c1fffe130ee5 00000400 00000001 00000000 00450003     wan0\n"
ADDED = f"{ZERO} 00 {ZERO} 00 fe800000000000000000000000000099 00000fa0 00000001 00000000 00000003     lan0\n"
PREFIX = f"20010db8007700000000000000000000 40 {ZERO} 00 {ZERO} 00000100 00000001 00000000 004c0001     wan0\n"
SHOWN = "default via fe80::1 dev wan0 proto ra metric 1024 expires 1797sec hoplimit 64 pref medium"


@pytest.fixture
def kernel(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return its parameters."""
    now = {FORWARDING: "0", "net.ipv6.conf.wan0.accept_ra": "1"}
    (tmp_path / "ipv6_route").write_text(LEARNED + ADDED + PREFIX)
    monkeypatch.setattr(default_routes, "_ROUTES", str(tmp_path / "ipv6_route"))
    monkeypatch.setattr(sysctl, "now", now.get)
    monkeypatch.setattr(sysctl, "write", lambda name, value: now.update({name: value}) or True)
    return now


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Return the routes that ip shows."""
    shown = {"-4": ["default via 10.0.0.1 dev eth0 linkdown"], "-6": [SHOWN]}

    def run(argv: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        family, verb, words = argv[1], argv[-2], argv[4:]
        if verb == "show":
            return subprocess.CompletedProcess(argv, 0, "".join(f"{line} \n" for line in shown[family]), "")
        if "1797sec" in words or "linkdown" in words:
            return subprocess.CompletedProcess(argv, 2, "", "Error: argument is wrong")
        shown[family].append(" ".join(words))
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(commands, "run", run)
    return shown


def test_only_what_the_kernel_has_learned_is_dropped(kernel: dict[str, str]) -> None:
    assert default_routes.learned_devices() == ["wan0"]


@pytest.mark.parametrize(
    ("name", "value"), [("net.ipv6.conf.wan0.accept_ra", "2"), (FORWARDING, "1"), (FORWARDING, None)]
)
def test_nothing_is_dropped(kernel: dict[str, str], name: str, value: str | None) -> None:
    kernel.pop(name)
    kernel.update({name: value} if value else {})
    assert default_routes.learned_devices() == []


def test_a_device_with_a_dot_in_its_name() -> None:
    assert default_routes.accept_ra("eth0.100") == "net/ipv6/conf/eth0.100/accept_ra"


def test_a_route_that_is_replaced_is_not_lost(routes: dict[str, list[str]]) -> None:
    before = default_routes.read()
    routes["-4"] = ["default via 10.0.0.2 dev eth0"]
    assert default_routes.lost(before, 0) == []
    assert default_routes.lost({}, 0) == []


def test_lost_and_put_back(kernel: dict[str, str], routes: dict[str, list[str]]) -> None:
    before = default_routes.read()
    routes["-4"], routes["-6"] = [], []
    kernel[FORWARDING] = "1"
    assert default_routes.lost(before, 0) == ["default via 10.0.0.1 dev eth0 linkdown", SHOWN]
    assert default_routes.put_back(before) == []
    assert routes == {"-4": ["default via 10.0.0.1 dev eth0"], "-6": [SHOWN.replace("1797sec", "1797")]}
    # With forwarding the kernel would not refresh it.
    assert kernel[FORWARDING] == kernel["net.ipv6.conf.default.forwarding"] == "0"


def test_forwarding_stays_where_it_takes_nothing(kernel: dict[str, str], routes: dict[str, list[str]]) -> None:
    before = default_routes.read()
    kernel.update({FORWARDING: "1", "net.ipv6.conf.wan0.accept_ra": "2"})
    routes["-6"] = []
    assert default_routes.put_back(before) == []
    assert kernel[FORWARDING] == "1"


def test_what_can_not_be_put_back_is_named(routes: dict[str, list[str]]) -> None:
    assert default_routes.put_back({"-4": ["default 1797sec"], "-6": [SHOWN]}) == []
    routes["-4"] = []
    assert default_routes.put_back({"-4": ["default 1797sec"]}) == ["default 1797sec"]
