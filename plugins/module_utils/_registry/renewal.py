# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Renew the certificate of a registry on its own host, where its CA is, and put the old one back if it is not up."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file
from ansible_collections.dockyard.ops.plugins.module_utils._host.words import counted
from ansible_collections.dockyard.ops.plugins.module_utils._pki import renewed, server_certificate, x509
from ansible_collections.dockyard.ops.plugins.module_utils._pki.server_certificate import Pem, ServerFiles

from . import proven
from .api import Registry
from .container import Container

# Beside the instance's folders: which sum the container's label has, and of what it would be one today.
RECORD = ".renewed"
_LABEL = "dockyard.ops.registry"
_PROVEN = ("config", "tls")
# What belongs to a run that is under way, or that was interrupted.
_BUSY = (".exchange", ".restoring", "config/config.yml.read-write")


@dataclass(frozen=True)
class Request:
    """What is asked for.

    base: the folder of the instance; ca_folder: that with ca.crt and ca.key; name: that clients use.
    days: how long the new certificate is valid; days_before: how few days the old one has left when it is renewed.
    registry: the same registry over its API, by which the new certificate is seen.
    """

    container: Container
    base: str
    ca_folder: str
    name: str
    days: int
    days_before: int
    start_timeout: float
    registry: Registry


def renew(request: Request, at: datetime.datetime) -> dict[str, Any]:
    """Renew what expires soon. Return whether anything was, and the days that are left then."""
    server, client = (
        os.path.join(request.base, *place) for place in (("tls", "registry.crt"), ("proof", "client.cert"))
    )
    leaf = _must_read(server)
    left = _days_left(leaf, server, at)
    asks_with = atomic_file.read(client)
    asks_left = None if asks_with is None else _days_left(asks_with, client, at)
    due = left < request.days_before
    if not due and (asks_left is None or asks_left >= request.days_before):
        return {
            "changed": False,
            "days_left": left,
            "message": f"{server} is valid for {counted(left, 'day')}; it is not due.",
        }
    for name in _BUSY:
        if os.path.exists(os.path.join(request.base, name)):
            raise DockyardError(
                "registry_renewal_busy",
                f"{os.path.join(request.base, name)} says that another run works on this registry, or was interrupted;"
                " run the role dockyard.ops.registry, which completes it.",
            )
    ca_file = os.path.join(request.ca_folder, "ca.crt")
    ca, ca_key = _must_read(ca_file), _must_read(os.path.join(request.ca_folder, "ca.key"))
    _require_known(request, ca, ca_file)
    if asks_with is not None and asks_left is not None and asks_left < request.days_before:
        atomic_file.write(client, renewed.renew(asks_with, ca, ca_key, request.days, at))
    if due:
        _replace(request, server, leaf, renewed.renew(leaf, ca, ca_key, request.days, at), ca)
    left = _days_left(_must_read(server), server, at)
    return {
        "changed": True,
        "days_left": left,
        "message": f"{server} was renewed; it is valid for {counted(left, 'day')}.",
    }


def _replace(request: Request, path: str, old: bytes, new: bytes, ca: bytes) -> None:
    """Put a new certificate in the place of the old one, and prove it."""
    key = os.path.join(request.base, "tls", "registry.key")
    server_certificate.check(
        ServerFiles(Pem(new, "the new certificate"), Pem(_must_read(key), key), Pem(ca, request.ca_folder)),
        request.name,
        x509.now(),
    )
    if _days_left(new, "the new certificate", x509.now()) < request.days_before:
        raise DockyardError(
            "registry_renewal_ca_expires",
            f"The CA in {request.ca_folder} itself expires within {counted(request.days_before, 'day')}, and a"
            " certificate is of no use after that; run the role dockyard.ops.registry, which renews the CA, and give"
            " clients the new one.",
        )
    record = _Sums.of(request, new)
    atomic_file.write(path, new)
    try:
        _require_up(request)
    except DockyardError as error:
        atomic_file.write(path, old)
        back = request.container.restart(request.start_timeout)
        raise DockyardError(
            "registry_renewal_failed",
            f"The registry in the container {request.container.name} is not up with a new certificate:"
            f" {error.message} The old certificate was put back"
            + (", and the registry is up with it." if back else "; the registry is not up with it either."),
            changed=True,
        ) from error
    proven.keep(request.base, _PROVEN)
    atomic_file.write(os.path.join(request.base, RECORD), json.dumps(vars(record)).encode(), mode=0o600)


def _require_up(request: Request) -> None:
    """Restart the registry, and ask it as a client does, who sees the new certificate."""
    if not request.container.restart(request.start_timeout):
        raise DockyardError("registry_not_starting", f"the container {request.container.name} is not healthy.")
    request.registry.wait(request.start_timeout)
    shown = request.registry.certificate
    left = shown["days_left"] if shown else None
    if not isinstance(left, int) or left < request.days_before:
        raise DockyardError("registry_renewal_not_seen", "it does not show the new one.")


@dataclass(frozen=True)
class _Sums:
    """What the container's label says, and what the role would have it say of the same container today."""

    label: str
    sum: str

    @classmethod
    def of(cls, request: Request, certificate: bytes) -> _Sums:
        details = request.container.details() or {}
        label = ((details.get("Config") or {}).get("Labels") or {}).get(_LABEL, "")
        parts = (
            _must_read(os.path.join(request.base, "config", "config.yml")),
            certificate,
            atomic_file.read(os.path.join(request.base, "tls", "client-ca.crt")) or b"",
        )
        return cls(label, hashlib.sha256(b"".join(parts)).hexdigest())


def _require_known(request: Request, ca: bytes, ca_file: str) -> None:
    """Refuse a CA that clients were not given."""
    handed_out = os.path.join(request.base, "tls", "ca.crt")
    if next(_ders(ca, ca_file)) not in set(_ders(_must_read(handed_out), handed_out)):
        raise DockyardError(
            "registry_renewal_unknown_ca",
            f"{ca_file} is another CA than those of {handed_out}, which clients trust; run the role"
            " dockyard.ops.registry.",
        )


def _ders(content: bytes, what: str) -> Iterator[bytes]:
    return (certificate.der for certificate in x509.load_certificates(content, what))


def _must_read(path: str) -> bytes:
    content = atomic_file.read(path)
    if content is None:
        raise DockyardError(
            "registry_renewal_missing",
            f"There is no {path}, without which no certificate can be renewed on this host; run the role"
            " dockyard.ops.registry.",
        )
    return content


def _days_left(content: bytes, path: str, at: datetime.datetime) -> int:
    return x509.load_certificates(content, path)[0].days_left(at)
