# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bridge a network may ask for by name, each refusal by its text."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks import desired, plan
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.rules import Surroundings
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.survey import ExistingNetwork, Survey
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

BRIDGE = "com.docker.network.bridge.name"


def declared(name: str, device: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "driver_options": {BRIDGE: device}, **options}


def listed(name: str, **options: str) -> ExistingNetwork:
    raw = {"Name": name, "Id": "0123456789abcdef", "Scope": "local", "Driver": "bridge", "Options": options}
    return ExistingNetwork(raw)


def survey(*networks: ExistingNetwork) -> Survey:
    around = Surroundings(links=frozenset(["lo", "eth0", "docker0", "br0"]), bridges=frozenset(["docker0", "br0"]))
    return Survey("running", None, around, [listed("bridge", **{BRIDGE: "docker0"}), *networks])


OWN = "an engine that has two networks on one bridge does not start again; choose another name"
NO_NAME = "which no device can be called; choose a name of up to 15 characters, without blanks, / and :"


@pytest.mark.parametrize(
    ("networks", "there", "problem"),
    [
        ([declared("a", "docker0")], [], f"a asks for the bridge docker0, which is that of the network bridge: {OWN}"),
        ([declared("a", "br1")], [listed("old", **{BRIDGE: "br1"})], f"which is that of the network old: {OWN}"),
        ([declared("a", "br-0123456789ab")], [listed("old")], f"which is that of the network old: {OWN}"),
        (
            [declared("a", "br1"), declared("b", "br1")],
            [],
            f"a asks for the bridge br1, which is that of the network b: {OWN}",
        ),
        (
            [declared("a", "eth0")],
            [],
            "a asks for the bridge eth0, and eth0 is a device of the host that is no bridge, which would get the"
            " network's address; choose another name",
        ),
        *(([declared("a", name)], [], NO_NAME) for name in ("a" * 16, "ä" * 8, "a b", "a/b", "a:1", ".", "..")),
    ],
)
def test_a_bridge_that_no_network_may_have(
    networks: list[dict[str, Any]], there: list[ExistingNetwork], problem: str
) -> None:
    with pytest.raises(DockyardError) as caught:
        plan.build_plan(desired.parse(networks), survey(*there), False)
    assert caught.value.code == "network_refused"
    assert problem in caught.value.message


@pytest.mark.parametrize(
    ("networks", "there"),
    [
        ([declared("a", "br1")], []),
        # A bridge that a user made for it.
        ([declared("a", "br0")], []),
        ([declared("a", "br1")], [listed("a", **{BRIDGE: "br1"})]),
        ([declared("a", "br1", labels={"x": "y"})], [listed("a", **{BRIDGE: "br1"})]),
        ([declared("a", "br1"), {"name": "old", "state": "absent"}], [listed("old", **{BRIDGE: "br1"})]),
        ([declared("a", "eth0", driver="macvlan")], []),
    ],
)
def test_a_bridge_that_it_may_have(networks: list[dict[str, Any]], there: list[ExistingNetwork]) -> None:
    plan.build_plan(desired.parse(networks), survey(*there), False)


def test_docker0_is_refused_even_if_the_engine_has_none() -> None:
    """An engine with bridge: none would get it back at its next start."""
    around = Surroundings(links=frozenset(["lo"]))
    with pytest.raises(DockyardError, match="which is that of the network bridge"):
        plan.build_plan(desired.parse([declared("a", "docker0")]), Survey("running", None, around, []), False)
