# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which networks are removed, replaced and made."""

from __future__ import annotations

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.desired import DesiredNetwork, Subnet
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.steps import Action, Step, in_order
from ansible_collections.dockyard.ops.plugins.module_utils._engine.networks.survey import ExistingNetwork
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError


def step(name: str, has: str, wants: str) -> Step:
    subnets = (Subnet(wants),) if wants else ()
    existing = ExistingNetwork({"Id": name, "Name": name, "IPAM": {"Config": [{"Subnet": has}]}}) if has else None
    action: Action = "remove" if not wants else "replace" if has else "create"
    return Step(action, DesiredNetwork(name, "present" if wants else "absent", subnets=subnets), existing)


def names(*steps: Step) -> list[str]:
    return [each.name for each in in_order(list(steps))]


def test_a_network_is_made_when_the_one_that_has_its_subnet_is_gone() -> None:
    a = step("a", "10.1.0.0/24", "10.2.0.0/24")
    b = step("b", "10.2.0.0/24", "10.3.0.0/24")
    new = step("new", "", "10.1.0.0/25")
    gone = step("gone", "10.3.0.0/16", "")
    assert names(new, a, b, gone) == ["gone", "b", "a", "new"]


def test_what_does_not_depend_on_each_other_stays_in_the_declared_order() -> None:
    assert names(step("a", "10.1.0.0/24", "10.4.0.0/24"), step("b", "", "10.5.0.0/24")) == ["a", "b"]


def test_networks_that_take_subnets_from_each_other_are_refused() -> None:
    swap = [step("a", "10.1.0.0/24", "10.2.0.0/24"), step("b", "10.2.0.0/24", "10.1.0.0/24")]
    with pytest.raises(DockyardError) as caught:
        in_order(swap)
    assert (caught.value.code, caught.value.changed) == ("network_refused", False)
    assert caught.value.message == (
        "The networks can't be as declared: a and b take subnets from each other, and a network is made when the old"
        " one is gone; give one of them another subnet first, or remove it first."
    )
