# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Prove that a stack does what it is for: ask it as its users do, and the filter of the socket as an intruder would."""

from __future__ import annotations

import base64
import functools
import http.client
import json
import os
import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.network_namespace import Visitor
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted
from ansible_collections.dockyard.ops.plugins.module_utils._http import tls

from . import peer, socket_rules
from .peer import Peer

_INTERVAL = 1.0
# What Traefik itself answers where it has no route. An application may well answer 404 in other words.
_NO_ROUTE = b"404 page not found\n"
# A slow push sends a byte so often.
_DRIP = 1.0
_SERVICE_LABEL = "com.docker.swarm.service.name"


class Proof:
    """Asks a stack.

    settings: the options of the module. ask_engine: asks the host's engine with GET, and returns its answer.
    """

    def __init__(self, settings: Mapping[str, Any], ask_engine: Callable[..., Any]) -> None:
        self._settings = settings
        self._ask_engine = ask_engine
        self._context = tls.build_context(tls.TlsFiles(ca_content=settings["ca_content"] or None))
        self._deadline = time.monotonic() + settings["timeout"]
        self.found: list[str] = []

    def run(self) -> list[str]:
        """Return what was proven. Raise DockyardError for the first thing that was not."""
        self._prove("the redirect to TLS", self._redirect)
        self._prove("that an unknown host gets 404", self._unknown_host)
        if self._settings["portainer"]:
            self._prove("Portainer's slash", self._portainer_slash)
            self._prove("Portainer's login", self._portainer)
        if self._settings["registry"]:
            self._prove("the registry's login", self._registry)
            if self._settings["registry"]["slow_push"]:
                self._prove("a slow push", self._slow_push)
        for route in self._settings["routes"]:
            self._prove(f"the route {route['host']}{route['path']}", functools.partial(self._route, route))
        if self._settings["socket_proxy"]:
            self._prove("the filter of the engine's socket", self._socket_proxy)
        return self.found

    def _prove(self, what: str, ask: Callable[[], str]) -> None:
        """Ask until there is no complaint. Traefik learns of services only every few seconds."""
        while True:
            try:
                complaint = ask()
            except (OSError, http.client.HTTPException, ValueError) as error:
                complaint = f"{type(error).__name__}: {error}"
            if not complaint:
                self.found.append(what)
                return
            if time.monotonic() > self._deadline:
                raise DockyardError(
                    "traefik_not_proven",
                    f"The stack runs, but {what} could not be proven within"
                    f" {counted(self._settings['timeout'], 'second')}: {complaint}; see docker service logs.",
                )
            time.sleep(_INTERVAL)

    def _peer(self, name: str, port: int) -> Peer:
        return Peer(self._settings["address"], port, name, self._context)

    def _send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, name: str = ""
    ) -> tuple[int, Mapping[str, str], bytes]:
        return peer.send(
            self._peer(name or self._settings["host"], self._settings["https_port"]), method, path, body, headers
        )

    def _redirect(self) -> str:
        connection = http.client.HTTPConnection(self._settings["address"], self._settings["http_port"], timeout=10)
        try:
            connection.request("GET", "/", headers={"Host": self._settings["host"]})
            answer = connection.getresponse()
            location = answer.getheader("Location") or ""
            return "" if location.startswith("https://") else f"it answers {answer.status} and leads to '{location}'"
        finally:
            connection.close()

    def _unknown_host(self) -> str:
        context = ssl.create_default_context()
        # Traefik shows such a client the certificate of another name, or none that is trusted.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        name = "unknown.invalid"
        connection = Peer(self._settings["address"], self._settings["https_port"], name, context, 10)
        try:
            connection.request("GET", "/")
            status = connection.getresponse().status
            return "" if status == 404 else f"it gets {status}"
        finally:
            connection.close()

    def _route(self, route: Mapping[str, Any]) -> str:
        status, _headers, body = self._send("GET", route["path"], name=route["host"])
        if status == 404 and body == _NO_ROUTE:
            return "it answers 404 with Traefik's own words"
        return f"it answers {status}" if status in (502, 503, 504) else ""

    def _portainer_slash(self) -> str:
        path = self._settings["portainer"]["path"]
        for given, wanted in ((path, f"{path}/"), (f"{path}?x=1", f"{path}/?x=1")):
            status, headers, _body = self._send("GET", given)
            location = {key.lower(): value for key, value in headers.items()}.get("location", "")
            if status not in (301, 308) or not location.endswith(wanted):
                return f"{given} answers {status} and leads to '{location}'"
        status, _headers, _body = self._send("GET", f"{path}foo")
        return "" if status == 404 else f"{path}foo answers {status}"

    def _portainer(self) -> str:
        """Log in as a browser does: by POST, with the page's own origin."""
        given = self._settings["portainer"]
        api = f"{given['path']}/api"
        status, _headers, _body = self._send("GET", f"{api}/system/status")
        if status != 200:
            return f"it answers {status} when asked for its status"
        login = {"Username": given["username"], "Password": given["password"]}
        browser = peer.browser(self._settings["host"], self._settings["https_port"], given["path"])
        status, _headers, body = self._send("POST", f"{api}/auth", login, browser)
        if status == 422:
            # Each further attempt counts against the limit of logins, and would fail too.
            raise peer.refused_login(given["username"])
        if status != 200:
            return f"its login answers {status} {body[:200].decode(errors='replace')}".rstrip()
        token = {"Authorization": f"Bearer {json.loads(body)['jwt']}"}
        status, _headers, body = self._send("GET", f"{api}/endpoints", headers=token)
        environments = json.loads(body) if status == 200 else []
        if not environments:
            return f"it has no environment (it answers {status})"
        identity = environments[0]["Id"]
        # The status of an environment says nothing: with a wrong secret it is up, and only a call that reads fails.
        status, _headers, body = self._send("GET", f"{api}/endpoints/{identity}/docker/info", headers=token)
        if status != 200:
            return f"its agent answers {status} {body[:200].decode(errors='replace')}".rstrip()
        return ""

    def _registry_login(self, password: str) -> dict[str, str]:
        login = f"{self._settings['registry']['username']}:{password}"
        return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}

    def _registry_peer(self) -> Peer:
        given = self._settings["registry"]
        return self._peer(given["host"], given["port"])

    def _ask_registry(self, password: str) -> int:
        connection = self._registry_peer()
        try:
            connection.request("GET", "/v2/", headers=self._registry_login(password))
            return connection.getresponse().status
        finally:
            connection.close()

    def _registry(self) -> str:
        right = self._ask_registry(self._settings["registry"]["password"])
        wrong = self._ask_registry(f"not-{uuid.uuid4()}")
        if right != 200:
            return f"the right one is answered with {right}"
        return "" if wrong == 401 else f"a wrong one is answered with {wrong}"

    def _slow_push(self) -> str:
        """Begin an upload, send it slowly, and cancel it."""
        seconds = self._settings["registry"]["slow_push"]
        login = self._registry_login(self._settings["registry"]["password"])
        connection = self._registry_peer()
        try:
            connection.request("POST", "/v2/dockyard/proof/blobs/uploads/", headers={**login, "Content-Length": "0"})
            answer = connection.getresponse()
            answer.read()
            place = (answer.getheader("Location") or "").partition(self._settings["registry"]["host"])[2]
            place = place[place.find("/") :] if place else answer.getheader("Location") or ""
            if answer.status != 202 or not place.startswith("/"):
                return f"an upload is answered with {answer.status}"
            headers = {**login, "Content-Type": "application/octet-stream", "Content-Length": str(seconds)}
            connection.putrequest("PATCH", place)
            for key, value in headers.items():
                connection.putheader(key, value)
            connection.endheaders()
            for _byte in range(seconds):
                connection.send(b"x")
                time.sleep(_DRIP)
            answer = connection.getresponse()
            answer.read()
            status, later = answer.status, answer.getheader("Location") or ""
            later = later[later.find("/v2/") :] if "/v2/" in later else place
            connection.request("DELETE", later, headers=login)
            connection.getresponse().read()
            return "" if status == 202 else f"after {counted(seconds, 'second')} it is answered with {status}"
        finally:
            connection.close()

    def _socket_proxy(self) -> str:
        name = self._settings["socket_proxy"]
        listed = self._ask_engine("/containers/json", filters={"label": [f"{_SERVICE_LABEL}={name}"]})
        running = [container for container in listed if container["State"] == "running"]
        if not running:
            return f"no container of {name} runs on this host"
        process = self._ask_engine(f"/containers/{running[0]['Id']}/json")["State"]["Pid"]
        node = self._ask_engine("/info")["Swarm"]["NodeID"]
        descriptor = os.open(f"/proc/{process}/ns/net", os.O_RDONLY)
        try:
            with Visitor() as visitor:
                return visitor.do(descriptor, lambda: _judge_filter(node))
        finally:
            os.close(descriptor)


def _judge_filter(node: str) -> str:
    """Return what is wrong with the filter that listens in this network namespace."""
    for path in (*socket_rules.ASKED, f"/nodes/{node}"):
        status = _ask_filter("GET", path)
        if status != 200:
            return f"GET {path}, which Traefik needs, is answered with {status}"
    for method, path in socket_rules.REFUSED:
        status = _ask_filter(method, path)
        if status != 403:
            return f"{method} {path}, which it must refuse, is answered with {status}"
    return ""


def _ask_filter(method: str, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", socket_rules.PORT, timeout=10)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    finally:
        connection.close()
