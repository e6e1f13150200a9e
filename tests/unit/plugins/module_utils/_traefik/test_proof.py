# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of a stack, over a server that answers as Traefik with what is behind it."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._traefik import proof, socket_rules
from ansible_collections.dockyard.ops.tests.unit.helpers.registry_servers import Pki, Reply, Request, serve

HOST = "127.0.0.1"
LOGIN = {"Username": "admin", "Password": "right"}


@dataclasses.dataclass
class Stack:
    """What answers behind the names. wrong: answers to paths, in place of the right ones."""

    wrong: dict[str, Reply] = dataclasses.field(default_factory=dict)
    origins: list[str] = dataclasses.field(default_factory=list)
    uploads: list[str] = dataclasses.field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        if request.path in self.wrong:
            return self.wrong[request.path]
        if request.headers["host"].startswith("unknown"):
            return Reply(404)
        if request.path.startswith("/v2/"):
            return self._registry(request)
        return self._portainer(request)

    def _portainer(self, request: Request) -> Reply:
        if request.path in ("/portainer", "/portainer?x=1"):
            return Reply(
                301, headers={"Location": f"https://{HOST}{request.path.replace('/portainer', '/portainer/')}"}
            )
        if request.path == "/portainer/api/auth":
            self.origins.append(request.headers["origin"])
            return Reply(200, {"jwt": "token"}) if json.loads(request.body) == LOGIN else Reply(422)
        if request.path == "/portainer/api/endpoints":
            return Reply(200, [{"Id": 1}]) if request.headers["authorization"] == "Bearer token" else Reply(401)
        known = ("/portainer/api/system/status", "/portainer/api/endpoints/1/docker/info", "/shop/")
        return Reply(200 if request.path in known else 404)

    def _registry(self, request: Request) -> Reply:
        login = base64.b64decode(request.headers["authorization"].partition(" ")[2]).decode()
        if login != "alice:right":
            return Reply(401)
        if request.method == "POST":
            return Reply(202, headers={"Location": f"https://{HOST}/v2/dockyard/proof/blobs/uploads/1?state=x"})
        if request.method == "PATCH":
            self.uploads.append(request.body.decode())
            return Reply(202, headers={"Location": "/v2/dockyard/proof/blobs/uploads/1?state=y"})
        if request.method == "DELETE":
            self.uploads.append(f"cancelled {request.path}")
            return Reply(204)
        return Reply(200)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_INTERVAL", 0.01)
    monkeypatch.setattr(proof, "_DRIP", 0.001)


@contextlib.contextmanager
def running(pki: Pki, stack: Stack, **other: Any) -> Iterator[dict[str, Any]]:
    """Serve a stack; the value are the options of the module."""
    moved = Reply(301, headers={"Location": "https://localhost/"})
    with serve(stack.answer, pki.context()) as secure, serve(lambda request: moved) as plain:
        yield {
            "host": HOST,
            "address": "127.0.0.1",
            "http_port": plain.port,
            "https_port": secure.port,
            "ca_content": pki.text("ca.crt"),
            "portainer": {"path": "/portainer", "username": "admin", "password": "right"},
            "registry": {"host": HOST, "port": secure.port, "username": "alice", "password": "right", "slow_push": 3},
            "routes": [{"host": HOST, "path": "/shop/"}],
            "socket_proxy": "",
            "timeout": 0,
            **other,
        }


def no_engine(*_path: Any, **_query: Any) -> Any:
    raise AssertionError("the engine is not to be asked")


def complaint(pki: Pki, stack: Stack, **other: Any) -> DockyardError:
    with running(pki, stack, **other) as settings, pytest.raises(DockyardError) as caught:
        proof.Proof(settings, no_engine).run()
    return caught.value


def test_all_of_it_is_asked_as_users_ask(pki: Pki, quick: None) -> None:
    stack = Stack()
    with running(pki, stack) as settings:
        assert proof.Proof(settings, no_engine).run() == [
            "the redirect to TLS",
            "that an unknown host gets 404",
            "Portainer's slash",
            "Portainer's login",
            "the registry's login",
            "a slow push",
            "the route 127.0.0.1/shop/",
        ]
        assert stack.origins == [f"https://127.0.0.1:{settings['https_port']}"]
    assert stack.uploads == ["xxx", "cancelled /v2/dockyard/proof/blobs/uploads/1?state=y"]


@pytest.mark.parametrize(
    ("path", "reply", "text"),
    [
        ("/portainer", Reply(200), "Portainer's slash could not be proven within 0 seconds: /portainer answers 200"),
        ("/portainer?x=1", Reply(404), "/portainer?x=1 answers 404"),
        ("/portainerfoo", Reply(200), "/portainerfoo answers 200"),
        ("/portainer/api/system/status", Reply(404), "it answers 404 when asked for its status"),
        (
            "/portainer/api/auth",
            Reply(403, "Forbidden - origin invalid"),
            "its login answers 403 Forbidden - origin invalid",
        ),
        ("/portainer/api/auth", Reply(200, "no json"), "could not be proven within 0 seconds: JSONDecodeError"),
        ("/portainer/api/endpoints", Reply(200, []), "it has no environment (it answers 200)"),
        ("/portainer/api/endpoints/1/docker/info", Reply(403, "Unauthorized"), "its agent answers 403 Unauthorized"),
        ("/v2/", Reply(200), "a wrong one is answered with 200"),
        ("/v2/", Reply(500), "the right one is answered with 500"),
        ("/v2/dockyard/proof/blobs/uploads/", Reply(413), "an upload is answered with 413"),
        ("/v2/dockyard/proof/blobs/uploads/1?state=x", Reply(504), "after 3 seconds it is answered with 504"),
        ("/shop/", Reply(502), "the route 127.0.0.1/shop/ could not be proven within 0 seconds: it answers 502"),
        ("/shop/", Reply(404, "404 page not found\n"), "within 0 seconds: it answers 404 with Traefik's own words"),
        ("/", Reply(200), "that an unknown host gets 404 could not be proven within 0 seconds: it gets 200"),
    ],
)
def test_what_can_not_be_proven_is_said(pki: Pki, quick: None, path: str, reply: Reply, text: str) -> None:
    error = complaint(pki, Stack({path: reply}))
    assert error.code == "traefik_not_proven"
    assert text in str(error)
    assert str(error).startswith("The stack runs, but ")
    assert str(error).endswith("; see docker service logs.")


def test_an_application_may_answer_404_in_its_own_words(pki: Pki, quick: None) -> None:
    with running(pki, Stack({"/shop/": Reply(404, '{"error": "no such page"}')})) as settings:
        assert "the route 127.0.0.1/shop/" in proof.Proof(settings, no_engine).run()


def test_a_password_that_portainer_does_not_have(pki: Pki, quick: None) -> None:
    error = complaint(
        pki, Stack(), portainer={"path": "/portainer", "username": "admin", "password": "other"}, timeout=9
    )
    assert error.code == "traefik_portainer_login"
    assert "it has another password than declared" in str(error)


def test_a_certificate_that_is_not_trusted(pki: Pki, quick: None) -> None:
    assert "CERTIFICATE_VERIFY_FAILED" in str(complaint(pki, Stack(), ca_content=pki.text("other-ca.crt")))


def test_plain_http_that_leads_nowhere(pki: Pki, quick: None) -> None:
    with serve(lambda request: Reply(404)) as plain:
        assert "it answers 404 and leads to ''" in str(complaint(pki, Stack(), http_port=plain.port))


def test_what_is_not_there_is_asked_again(pki: Pki, quick: None) -> None:
    stack = Stack({"/shop/": Reply(404)})
    answer = stack.answer

    def later(request: Request) -> Reply:
        reply = answer(request)
        stack.wrong.clear() if request.path == "/shop/" else None
        return reply

    stack.answer = later  # type: ignore[method-assign]
    with running(pki, stack, timeout=20) as settings:
        assert "the route 127.0.0.1/shop/" in proof.Proof(settings, no_engine).run()


@pytest.mark.parametrize(
    ("refuses", "lets", "text"),
    [
        (True, True, ""),
        (False, True, "GET /containers/json, which it must refuse, is answered with 200"),
        (True, False, "GET /version, which Traefik needs, is answered with 403"),
    ],
)
def test_the_filter_is_asked_as_an_intruder_asks(
    monkeypatch: pytest.MonkeyPatch, refuses: bool, lets: bool, text: str
) -> None:
    def answer(request: Request) -> Reply:
        asked = request.method == "GET" and request.path in (*socket_rules.ASKED, "/nodes/n1")
        return Reply((200 if lets else 403) if asked else (403 if refuses else 200))

    with serve(answer) as server:
        monkeypatch.setattr(socket_rules, "PORT", server.port)
        assert proof._judge_filter("n1") == text


def test_a_filter_that_runs_elsewhere(pki: Pki, quick: None) -> None:
    named = pytest.raises(DockyardError, match="no container of edge_socket_proxy runs on this host")
    with named, running(pki, Stack(), socket_proxy="edge_socket_proxy") as settings:
        proof.Proof(settings, lambda path, **query: []).run()
