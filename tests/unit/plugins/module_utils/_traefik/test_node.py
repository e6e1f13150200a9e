# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host can run the stack."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._traefik import node

PARAMS: dict[str, Any] = {
    "stack": "edge",
    "ports": [80],
    "image": "traefik:v3.7.15",
    "version": "",
    "names": ["localhost"],
    "require_names": False,
}
ENGINE = {"ApiVersion": "1.45", "MinAPIVersion": "1.24"}
NONE = "This host can't resolve none.invalid; users reach the stack by it, so add what is missing to the DNS."


def refusal(taken: dict[int, str], engine: dict[str, str], **params: Any) -> str:
    with pytest.raises(DockyardError) as caught:
        node.check({**PARAMS, **params}, taken, engine)
    return str(caught.value)


def test_a_host_that_can() -> None:
    assert node.check(PARAMS, {443: "nginx (process 1)"}, ENGINE) == ("The host can run the stack edge.", [])
    assert node.check({**PARAMS, "image": "traefik"}, {}, {})[1] == []
    assert node.check({**PARAMS, "image": ""}, {}, ENGINE)[1] == []


def test_a_port_that_is_taken() -> None:
    assert refusal({80: "nginx (process 1)"}, ENGINE) == (
        "Port 80 of this host, which the stack edge is to have, is taken by nginx (process 1); stop that, or choose"
        " another port."
    )


def test_names_that_do_not_resolve() -> None:
    assert node.check({**PARAMS, "names": ["none.invalid"]}, {}, ENGINE)[1] == [NONE]
    assert refusal({}, ENGINE, names=["none.invalid"], require_names=True) == NONE


def test_an_engine_that_traefik_can_not_ask() -> None:
    newer = {"ApiVersion": "1.51", "MinAPIVersion": "1.44"}
    assert "this engine knows none before 1.44; give an image from 3.6.1 on" in refusal(
        {}, newer, image="traefik:v3.6.0"
    )
