# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Ask what is behind Traefik, on an address, with the name for which it is meant."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

# How a stack is reached, of each module that asks one.
OPTIONS: dict[str, dict[str, Any]] = {
    "host": {"type": "str", "required": True},
    "address": {"type": "str", "default": "127.0.0.1"},
    "https_port": {"type": "int", "default": 443},
    "ca_content": {"type": "str", "default": ""},
}
_SECONDS = 30


class Peer(http.client.HTTPSConnection):
    """A connection to an address, with the name for which it is meant in TLS and in the request."""

    def __init__(self, address: str, port: int, name: str, context: ssl.SSLContext, timeout: float = _SECONDS) -> None:
        super().__init__(name, port, timeout=timeout, context=context)
        self._address, self._name, self._tls = address, name, context

    def connect(self) -> None:
        raw = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self._name)


Answer = tuple[int, Mapping[str, str], bytes]


def send(peer: Peer, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Send one request and close the connection. body: sent as JSON, or as it is if it is bytes."""
    try:
        content = body if body is None or isinstance(body, bytes) else json.dumps(body)
        json_type = {"Content-Type": "application/json"} if isinstance(content, str) else {}
        peer.request(method, path, content, {**json_type, **(headers or {})})
        answer = peer.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        peer.close()


def browser(host: str, port: int, path: str) -> dict[str, str]:
    """Return the headers with which a page below a path sends a request."""
    origin = f"https://{host}{'' if port == 443 else f':{port}'}"
    return {"Origin": origin, "Referer": f"{origin}{path}/", "Sec-Fetch-Site": "same-origin"}


def refused_login(username: str) -> DockyardError:
    """Return the error for a login that Portainer refuses."""
    return DockyardError(
        "traefik_portainer_login",
        f"Portainer refuses the login of {username}: it has another password than declared, because it takes that only"
        " for its first start; change it there, or correct the variable.",
    )
