# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Ask the registry of a container at the container's own address: no proxy is in between, and no login is sent.

So the certificate is not verified either: nothing secret goes there, and its names are those that clients use.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.dockyard.ops.plugins.module_utils._http.address import bracketed

_SECONDS = 5
# What a server that demands a client certificate ends a connection without one with, in TLS 1.3 and 1.2.
_NO_CERTIFICATE = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE")


@dataclass(frozen=True)
class Endpoint:
    """Where a registry listens."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{bracketed(self.host)}:{self.port}"

    def status(self, method: Literal["GET", "POST"], path: str) -> int:
        """Return the status of the answer. Raise OSError or HTTPException if there is none."""
        connection: http.client.HTTPConnection
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=_SECONDS, context=context)
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=_SECONDS)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        finally:
            connection.close()


def endpoints(details: dict[str, Any], document: dict[str, Any]) -> list[Endpoint]:
    """Return where the registry of a container can be asked from the host.

    details: what the engine knows of the container; document: the registry's configuration.
    """
    server = document.get("http") or {}
    inside, _colon, port = str(server.get("addr") or "").rpartition(":")
    if (server.get("net") or "tcp") != "tcp" or not port.isdigit():
        return []
    tls = server.get("tls") or {}
    encrypted = bool(tls.get("certificate") or tls.get("letsencrypt"))
    return [Endpoint(host, number, encrypted) for host, number in _addresses(details, inside, int(port))]


def why_not_up(found: list[Endpoint]) -> str:
    """Return why none of the endpoints is one of a registry that is up, "" if one is."""
    reason = "it has no health check and no debug server, and no address that this host reaches"
    for endpoint in found:
        try:
            status = endpoint.status("GET", "/v2/")
        except (OSError, http.client.HTTPException) as error:
            # It listens and has read its configuration.
            if any(word in str(error) for word in _NO_CERTIFICATE):
                return ""
            reason = f"GET {endpoint}/v2/ gets no answer ({error})"
            continue
        # A registry that asks for a login is up.
        if status in (200, 401):
            return ""
        reason = f"GET {endpoint}/v2/ gets HTTP {status}"
    return reason


def upload_status(found: list[Endpoint], repository: str) -> int | None:
    """Return what the beginning of an upload without a login is answered with; None if nothing answers."""
    for endpoint in found:
        try:
            return endpoint.status("POST", f"/v2/{repository}/blobs/uploads/")
        except (OSError, http.client.HTTPException):
            continue
    return None


def _addresses(details: dict[str, Any], inside: str, port: int) -> Iterator[tuple[str, int]]:
    """Yield the container's addresses, then those of its published port."""
    if (details.get("HostConfig") or {}).get("NetworkMode") == "host":
        yield (inside.strip("[]") if inside not in ("", "0.0.0.0", "[::]") else "127.0.0.1"), port
        return
    settings = details.get("NetworkSettings") or {}
    for network in (settings.get("Networks") or {}).values():
        for key in ("IPAddress", "GlobalIPv6Address"):
            if network.get(key):
                yield network[key], port
    for published in (settings.get("Ports") or {}).get(f"{port}/tcp") or []:
        host = published["HostIp"]
        yield {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), int(published["HostPort"])
