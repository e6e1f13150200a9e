# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node needs for a stack, by the constraints of its services."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.dockyard.ops.plugins.filter.traefik_node import FilterModule, traefik_node
from ansible_collections.dockyard.ops.plugins.module_utils._traefik import placement, stack

from .test_stack import SETTINGS, SHOP

NODE = {
    "ID": "node1",
    "Spec": {"Role": "manager", "Labels": {"zone": "a"}},
    "Description": {"Hostname": "one", "Platform": {"OS": "linux"}, "Engine": {"Labels": {"ssd": "yes"}}},
}
WORKER = {"ID": "node2", "Spec": {"Role": "worker"}, "Description": {"Hostname": "two"}}


@pytest.mark.parametrize(
    ("constraint", "runs"),
    [
        ("node.role == manager", True),
        ("node.role==Manager", True),
        ("node.role != manager", False),
        ("node.id == node2", False),
        ("node.hostname == one", True),
        ("node.labels.zone == b", False),
        ("node.labels.none != b", True),
        ("engine.labels.ssd == yes", True),
        ("node.platform.os == windows", False),
        ("node.platform.arch == aarch64", True),
        ("nonsense", True),
    ],
)
def test_a_constraint(constraint: str, runs: bool) -> None:
    assert placement.may_run([constraint], NODE) is runs
    assert placement.may_run([constraint], {})


def test_what_a_node_needs() -> None:
    settings = {
        **SETTINGS,
        "services": [SHOP, {**SHOP, "name": "b", "path_prefix": "/b", "constraints": ["node.id == x"]}],
    }
    data = placement.needs(stack.definition(settings), NODE)
    assert list(data["images"]) == ["socket_proxy", "traefik", "agent", "portainer", "registry", "shop"]
    assert data["ports"] == [80, 443, 5000]
    assert traefik_node(settings, WORKER) == {
        "images": {"agent": "portainer/agent:2.33.5", "shop": "shop:1"},
        "ports": [],
    }
    # A port of the routing mesh is taken on all nodes, and of a node that is not known, all is needed.
    assert traefik_node({**settings, "publish": "ingress"}, WORKER)["ports"] == [80, 443]
    assert "b" in traefik_node(settings)["images"]


def test_it_is_known_to_ansible() -> None:
    assert FilterModule().filters() == {"traefik_node": traefik_node}
    with pytest.raises(AnsibleFilterError, match=r"no host name; correct it\. Nothing was changed\."):
        traefik_node({**SETTINGS, "host": "a b"})
    with pytest.raises(AnsibleFilterError, match="takes the role's variables, and not list"):
        traefik_node([])
