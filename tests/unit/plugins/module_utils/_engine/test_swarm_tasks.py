# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services whose tasks a restart ends for good, by what an imitated engine says of them."""

from __future__ import annotations

import pathlib
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._engine.api import EngineApi
from ansible_collections.dockyard.ops.plugins.module_utils._engine.swarm_tasks import services_not_restarted
from ansible_collections.dockyard.ops.tests.unit.helpers.engine_server import Engine, serve


def service(name: str, condition: str, mode: str = "Replicated") -> dict[str, Any]:
    policy = {"RestartPolicy": {"Condition": condition}}
    return {"ID": name, "Spec": {"Name": name, "TaskTemplate": policy, "Mode": {mode: {}}}}


def test_those_that_swarm_does_not_start_again(tmp_path: pathlib.Path) -> None:
    with serve(tmp_path, Engine) as engine:
        api = EngineApi(engine.socket, 5)
        engine.answers["/services"] = (503, {"message": "This node is not a swarm manager."})
        assert services_not_restarted(api) is None
        engine.answers["/services"] = (200, [service("web", "any"), service("job", "none", "ReplicatedJob")])
        assert services_not_restarted(api) == []
        engine.answers["/services"] = (200, [service("web", "any"), service("once", "none"), service("else", "none")])
        engine.answers["/info"] = (200, {"Swarm": {"NodeID": "me"}})
        engine.answers["/tasks"] = (200, [{"ServiceID": "once"}, {"ServiceID": "web"}, {"ServiceID": "once"}])
        assert services_not_restarted(api) == ["once"]
        assert "%22node%22%3A+%5B%22me%22%5D" in engine.requests[-1]
