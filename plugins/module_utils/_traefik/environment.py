# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Give Portainer the environment that it has by itself only if its agent was there at its first start."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._http import tls

from . import peer

OPTIONS: dict[str, dict[str, Any]] = {
    **peer.OPTIONS,
    "path": {"type": "str", "default": "/portainer"},
    "username": {"type": "str", "default": "admin"},
    "password": {"type": "str", "required": True, "no_log": True},
    "name": {"type": "str", "default": "primary"},
    "url": {"type": "str", "default": "tcp://tasks.agent:9001"},
    "timeout": {"type": "int", "default": 60},
}
_INTERVAL = 1.0
# An agent on an address, by TLS whose certificate nobody has signed.
_AGENT = {"EndpointCreationType": "2", "TLS": "true", "TLSSkipVerify": "true", "TLSSkipClientVerify": "true"}


def ensure(params: Mapping[str, Any], check_mode: bool) -> tuple[bool, str]:
    """Return whether an environment was created, and a sentence. Raise DockyardError if Portainer takes none."""
    portainer = _Portainer(params)
    portainer.log_in()
    known = portainer.ask("GET", "/endpoints")
    if known:
        return False, f"Portainer has the environment {known[0].get('Name', known[0]['Id'])}."
    if check_mode:
        return True, f"Would have created the environment {params['name']}."
    boundary = uuid.uuid4().hex
    fields = {"Name": params["name"], "URL": params["url"], **_AGENT}
    portainer.ask(
        "POST", "/endpoints", _form(fields, boundary), {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    if not portainer.ask("GET", "/endpoints"):
        raise _failed("it has none after it was created", changed=True)
    return True, f"Created the environment {params['name']}."


class _Portainer:
    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params
        self._context = tls.build_context(tls.TlsFiles(ca_content=params["ca_content"] or None))
        self._headers = peer.browser(params["host"], params["https_port"], params["path"])

    def log_in(self) -> None:
        """Log in, as soon as Traefik knows Portainer."""
        login = {"Username": self._params["username"], "Password": self._params["password"]}
        deadline = time.monotonic() + self._params["timeout"]
        while True:
            try:
                status, body = self._send("POST", "/auth", login, {})
                reason = f"its login is answered with {status}"
                if status == 200:
                    self._headers["Authorization"] = f"Bearer {json.loads(body)['jwt']}"
                    return
                if status == 422:  # each further attempt would fail too, and counts against the limit of logins
                    raise peer.refused_login(self._params["username"])
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                reason = f"{type(error).__name__}: {error}"
            if time.monotonic() > deadline:
                raise _failed(reason)
            time.sleep(_INTERVAL)

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        try:
            status, answer = self._send(method, path, body, headers or {})
            if status not in (200, 201):
                raise _failed(f"it answers {status} {answer[:200].decode(errors='replace')}".rstrip(), method == "POST")
            return json.loads(answer or b"null")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _failed(f"{type(error).__name__}: {error}", method == "POST") from error

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> tuple[int, bytes]:
        params = self._params
        connection = peer.Peer(params["address"], params["https_port"], params["host"], self._context)
        status, _headers, answer = peer.send(
            connection, method, f"{params['path']}/api{path}", body, {**self._headers, **headers}
        )
        return status, answer


def _form(fields: Mapping[str, str], boundary: str) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, f"--{boundary}--\r\n"]).encode()


def _failed(reason: str, changed: bool = False) -> DockyardError:
    return DockyardError(
        "traefik_portainer_environment",
        f"Portainer's environment can't be looked at or created: {reason}; see docker service logs.",
        changed,
    )
