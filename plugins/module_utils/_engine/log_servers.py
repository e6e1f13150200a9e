# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The servers that log drivers connect to before a container starts: one that takes no connection lets none start."""

from __future__ import annotations

import dataclasses
import os
import socket
import urllib.parse
from collections.abc import Mapping
from typing import Any

_ANSWERS_WITHIN = 2  # seconds
# The option with the address of each driver that has to reach a server before a container starts, and its default.
_SERVERS = {
    "fluentd": ("fluentd-address", "tcp://127.0.0.1:24224"),
    "gelf": ("gelf-address", ""),
    "splunk": ("splunk-url", ""),
    "syslog": ("syslog-address", ""),
}
_PORTS = {"fluentd": 24224, "gelf": 12201, "syslog": 514, "http": 80, "https": 443}
# With these a container starts without the server.
_NOT_WAITED_FOR = {"fluentd-async": "true", "fluentd-async-connect": "true", "splunk-verify-connection": "false"}
_SCHEMES = ("tcp", "tcp+tls", "tls", "http", "https")


@dataclasses.dataclass(frozen=True)
class Silent:
    """A server that takes no connection now, and why."""

    place: str
    reason: str


def silent(driver: object, options: Mapping[str, Any]) -> Silent | None:
    """Return the server that a driver could not reach now, None if there is none or nothing is asked of it."""
    if driver not in _SERVERS or any(options.get(name) == value for name, value in _NOT_WAITED_FOR.items()):
        return None
    option, default = _SERVERS[str(driver)]
    address = str(options.get(option) or default)
    if driver == "fluentd" and "://" not in address:
        address = f"tcp://{address}"
    try:
        url = urllib.parse.urlsplit(address)
        host, port = url.hostname, url.port or _PORTS.get(url.scheme) or _PORTS.get(str(driver), 0)
    except ValueError:  # the engine says what is wrong with it
        return None
    if url.scheme in ("unix", "unixgram"):
        return None if os.path.exists(url.path) else Silent(url.path, "it is not there")
    if url.scheme not in _SCHEMES or not host:
        return None
    try:
        socket.create_connection((host, port), _ANSWERS_WITHIN).close()
    except OSError as error:
        return Silent(f"{host}:{port}", str(error))
    return None
