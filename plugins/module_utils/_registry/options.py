# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Connect to a registry as the options of a module say."""

from __future__ import annotations

from typing import Any, TypeVar

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._http import address, tls
from ansible_collections.dockyard.ops.plugins.module_utils._http.auth import Login
from ansible_collections.dockyard.ops.plugins.module_utils._http.client import Client
from ansible_collections.dockyard.ops.plugins.module_utils._http.connection import Origin

from .api import Registry

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "registry": {"type": "str", "required": True},
    "connect_address": {"type": "str"},
    "plain_http": {"type": "bool", "default": False},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "ca_content": {"type": "str"},
    "ca_path": {"type": "path"},
    "client_cert_path": {"type": "path"},
    "client_key_path": {"type": "path"},
    "directory": {"type": "path", "default": "/etc/docker/certs.d"},
    "validate_certs": {"type": "bool", "default": True},
    "use_proxy": {"type": "bool", "default": True},
    "timeout": {"type": "float", "default": 30.0},
}
RETENTION_RULES: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "options": {
        "repositories": {"type": "list", "elements": "str", "default": []},
        "tags": {"type": "list", "elements": "str", "default": []},
        "keep": {"type": "int"},
        "days": {"type": "int"},
    },
}
REQUIRED_TOGETHER = [("username", "password"), ("client_cert_path", "client_key_path")]
MUTUALLY_EXCLUSIVE = [("ca_content", "ca_path")]


Kind = TypeVar("Kind", bound=Registry)


def connect(params: dict[str, Any]) -> Registry:
    """Check the options, and return the connection. Nothing is sent yet."""
    return connect_as(Registry, params)


def connect_as(kind: type[Kind], params: dict[str, Any]) -> Kind:
    """Do the same, with a connection of a kind that can do more."""
    registry = params["registry"]
    host, port = address.split(registry)
    scheme = "http" if params["plain_http"] else "https"
    if not 0 < params["timeout"] <= 3600:
        raise DockyardError(
            "registry_option_invalid", f"timeout is {params['timeout']:g}; give more than 0 and at most 3600 seconds."
        )
    login = None
    if params["username"] is not None:
        if ":" in params["username"]:
            raise DockyardError(
                "registry_option_invalid",
                f"username '{params['username']}' has a colon, which no name for a basic login can have;"
                " give the name without it.",
            )
        login = Login(params["username"], params["password"])
    home = Origin(scheme, host.lower(), port or (443 if scheme == "https" else 80))
    files = _tls_files(params) if scheme == "https" else tls.TlsFiles()
    client = Client(registry, files, home, params["timeout"], params["use_proxy"])
    if params["connect_address"] is not None:
        host, port = address.split(params["connect_address"], "connect_address")
        client.address = (host, port or home.port)
    return kind(client, login)


def _tls_files(params: dict[str, Any]) -> tls.TlsFiles:
    tls_options = ("ca_content", "ca_path", "client_cert_path")
    validate = params["validate_certs"]
    if all(params[name] is None for name in tls_options):
        return tls.from_certs_d(params["directory"], params["registry"], validate)
    return tls.TlsFiles(
        ca_content=params["ca_content"],
        ca_paths=(params["ca_path"],) if params["ca_path"] else (),
        client_cert_path=params["client_cert_path"],
        client_key_path=params["client_key_path"],
        validate=validate,
    )
