# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of Portainer, over a server that answers as Portainer behind Traefik."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._traefik import environment
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_servers import Pki, Reply, Request, serve

HOST = "127.0.0.1"


@dataclasses.dataclass
class Portainer:
    """wrong: answers to requests, as METHOD PATH, in place of the right ones. forgets: takes one, and has none."""

    made: list[dict[str, str]] = dataclasses.field(default_factory=list)
    wrong: dict[str, Reply] = dataclasses.field(default_factory=dict)
    forgets: bool = False

    def answer(self, request: Request) -> Reply:
        asked = f"{request.method} {request.path.removeprefix('/portainer/api')}"
        if asked in self.wrong:
            return self.wrong[asked]
        if asked == "POST /auth":
            assert request.headers["origin"].startswith(f"https://{HOST}:")
            right = json.loads(request.body) == {"Username": "admin", "Password": "right"}
            return Reply(200, {"jwt": "token"}) if right else Reply(422)
        if request.headers["authorization"] != "Bearer token":
            return Reply(401)
        if request.method == "POST":
            body = request.body.decode() if isinstance(request.body, bytes) else request.body
            made = dict(re.findall(r'name="(\w+)"\r\n\r\n(.*?)\r\n', body))
            self.made += [] if self.forgets else [made]
            return Reply(200, {"Id": 1})
        return Reply(200, [{"Id": 1, "Name": one["Name"]} for one in self.made])


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def portainer() -> Portainer:
    return Portainer()


@pytest.fixture
def params(portainer: Portainer, pki: Pki) -> Iterator[dict[str, Any]]:
    with serve(portainer.answer, pki.context()) as server:
        defaults = {name: option.get("default") for name, option in environment.OPTIONS.items()}
        given = {
            "host": HOST,
            "https_port": server.port,
            "ca_content": pki.text("ca.crt"),
            "password": "right",
            "timeout": 1,
        }
        yield {**defaults, **given}


def test_one_is_made_if_there_is_none(portainer: Portainer, params: dict[str, Any]) -> None:
    assert environment.ensure(params, True) == (True, "Would have created the environment primary.")
    assert portainer.made == []
    assert environment.ensure(params, False) == (True, "Created the environment primary.")
    assert portainer.made == [
        {
            "Name": "primary",
            "URL": "tcp://tasks.agent:9001",
            "EndpointCreationType": "2",
            "TLS": "true",
            "TLSSkipVerify": "true",
            "TLSSkipClientVerify": "true",
        }
    ]
    assert environment.ensure(params, False) == (False, "Portainer has the environment primary.")
    assert len(portainer.made) == 1


def refusal(params: dict[str, Any], **other: Any) -> DockyardError:
    with pytest.raises(DockyardError) as caught:
        environment.ensure({**params, **other}, False)
    return caught.value


def test_what_fails(portainer: Portainer, params: dict[str, Any]) -> None:
    assert refusal(params, password="wrong").code == "traefik_portainer_login"
    portainer.forgets = True
    assert "it has none after it was created" in str(refusal(params))
    portainer.wrong["POST /endpoints"] = Reply(500, {"message": "no agent"})
    found = refusal(params)
    assert 'it answers 500 {"message": "no agent"}' in str(found)
    assert found.changed
    portainer.wrong["POST /auth"] = Reply(502)
    assert "its login is answered with 502" in str(refusal(params))
