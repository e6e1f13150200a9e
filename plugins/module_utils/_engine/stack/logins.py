# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Logins to registries: those that are given, and those that docker login has left on the host."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._http.auth import Login

# Label of a service: which login went along with it, as a hash. Without it, another password would never reach a
# service that is otherwise as declared, and a node without the image could not pull it.
LABEL = "dockyard.ops.login"
_DOCKER_HUB = "https://index.docker.io/v1/"
_NAMES_OF_DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


def registry_of(image: str) -> str:
    """Return the registry of an image by the name that docker login has for it."""
    first, slash, _rest = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost") and first not in _NAMES_OF_DOCKER_HUB:
        return first
    return _DOCKER_HUB


@dataclasses.dataclass(frozen=True)
class Logins:
    """What a Swarm's nodes pull images with.

    given: user and password by registries. config: the content of Docker's C(config.json).
    """

    given: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def headers(self, image: str) -> dict[str, str]:
        """Return the header that goes along with a service of an image; none without a login."""
        registry = registry_of(image)
        if registry in self.given:
            user, password = self.given[registry]
            return _header({"username": user, "password": password, "serveraddress": registry})
        auth = (self.config.get("auths") or {}).get(registry) or {}
        if auth.get("identitytoken"):
            return _header({"identitytoken": auth["identitytoken"], "serveraddress": registry})
        if not auth.get("auth"):
            return {}
        try:
            login = Login.of_basic(auth["auth"])
        except ValueError as error:
            raise DockyardError(
                "stack_logins_unreadable",
                f"The login of {registry} in login_config can't be read ({error}); log in again by docker login.",
            ) from error
        return _header({"username": login.name, "password": login.password, "serveraddress": registry})

    def mark(self, image: str, salt: str) -> str:
        """Return the hash of the login for an image, costly to compute; empty without a login. salt: of this Swarm."""
        header = self.headers(image).get("X-Registry-Auth", "")
        if not header:
            return ""
        return hashlib.scrypt(header.encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=6).hex()

    def out_of_reach(self, image: str) -> str:
        """Return the credential helper that keeps the login of an image's registry; empty if none does."""
        registry = registry_of(image)
        if registry in self.given:
            return ""
        helpers = self.config.get("credHelpers") or {}
        known = registry in (self.config.get("auths") or {})
        return str(helpers.get(registry) or (self.config.get("credsStore") or "" if known else ""))


def _header(login: dict[str, str]) -> dict[str, str]:
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(login).encode()).decode()}


def collect(given: list[dict[str, str]], path: str) -> Logins:
    """Return the logins.

    given: dictionaries with registry, username and password. path: of Docker's C(config.json), which need not exist.
    """
    named = {}
    for login in given:
        registry = login["registry"].rstrip("/")
        named[_DOCKER_HUB if registry in (*_NAMES_OF_DOCKER_HUB, _DOCKER_HUB.rstrip("/")) else registry] = (
            login["username"],
            login["password"],
        )
    return Logins(named, _read(path))


def _read(path: str) -> dict[str, Any]:
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            found = json.load(file)
        if not isinstance(found, dict):
            raise ValueError("it is no JSON object")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise DockyardError(
            "stack_logins_unreadable", f"The logins in {path} can't be read ({error}); correct login_config."
        ) from error
    return found
