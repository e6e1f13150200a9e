# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Settings that one generation of Docker Distribution knows, and the other one drops without a word.

Read in the structs of configuration/configuration.go and in the drivers of 2.8.3 and 3.1.1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.commands import parse_version, run

from . import configuration

_FIRST = 3  # of the newer generation
# What to do about a setting that only the older generation has.
_DROPPED = {
    "compatibility": "remove it",
    "redis.addr": "write redis.addrs, a list",
    "redis.pool.idletimeout": "write redis.connmaxidletime",
    "redis.pool.maxactive": "write redis.poolsize",
    "redis.pool.maxidle": "write redis.maxidleconns",
    "reporting": "remove it",
    "storage.oss": "store in storage.s3 by the provider's S3 interface",
    "storage.swift": "store in storage.s3 by the provider's S3 interface",
}
# And about one that only the newer one has, and that changes what is stored where or who may connect.
_ADDED = {
    "http.tls.clientauth": "remove it",
    "redis.addrs": "write redis.addr, one address",
    "redis.connmaxidletime": "write redis.pool.idletimeout",
    "redis.mastername": "remove it",
    "redis.maxidleconns": "write redis.pool.maxidle",
    "redis.poolsize": "write redis.pool.maxactive",
    "redis.tls": "remove it",
    "redis.username": "remove it",
}
_RUN_SECONDS = 120  # a container that prints its version
_TAG = re.compile(r":v?(\d+(?:\.\d+)*)(?:-[^/:]*)?$")


def version_of(image: str) -> tuple[int, ...]:
    """Return the version of Docker Distribution in an image of this host; () if it does not say.

    An image that is not here yet, as in check mode, is judged by its tag.
    """
    if run(["docker", "image", "inspect", image], _RUN_SECONDS).returncode != 0:
        tag = _TAG.search(image.partition("@")[0])
        return tuple(map(int, tag[1].split("."))) if tag else ()
    command = ["docker", "run", "--rm", "--pull", "never", "--network", "none", "--entrypoint", "registry", image]
    done = run([*command, "--version"], _RUN_SECONDS)
    return parse_version(done.stdout) if done.returncode == 0 else ()


def unknown_settings(document: dict[str, Any], version: Sequence[int]) -> list[str]:
    """Return what a version does not know of a configuration, each setting with what to do; [] if it has no version."""
    if not version:
        return []
    others = _DROPPED if version[0] >= _FIRST else _ADDED
    return [f"{path} ({advice})" for path, advice in others.items() if _has(document, path.split("."))]


def require_known(
    document: dict[str, Any], environment: Sequence[str], image: str, version: Sequence[int], where: str
) -> None:
    """Raise DockyardError if a version does not know a setting that would be in force.

    where: the configuration, for the message.
    """
    unknown = unknown_settings(configuration.in_force(document, tuple(environment)), version)
    if unknown:
        raise DockyardError(
            "registry_setting_unknown",
            f"{image} is Docker Distribution {'.'.join(map(str, version))}, which does not know {', '.join(unknown)};"
            f" correct {where}.",
        )


def _has(document: Any, keys: list[str]) -> bool:
    for key in keys:
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return document not in (None, {})
