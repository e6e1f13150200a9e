# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Meet the challenge of a 401 answer: what a registry asks for, and what to send back."""

from __future__ import annotations

import base64
import re
import urllib.parse
from dataclasses import dataclass, field

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from .client import Client, Unavailable, decode
from .connection import Origin, single_line

_CHALLENGE = re.compile(r'(?P<key>[A-Za-z0-9_.-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))')
_SCHEME = re.compile(r"(?:^|,)\s*(Basic|Bearer)(?=\s|,|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Challenge:
    """What a server asks for."""

    scheme: str
    parameters: dict[str, str]


@dataclass(frozen=True)
class Login:
    """A user's name and password."""

    name: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """Return the value of the Authorization header."""
        pair = f"{self.name}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"

    @classmethod
    def of_basic(cls, encoded: object) -> Login:
        """Return the login behind the C(auth) of Docker's C(config.json). Raise ValueError for what Docker can't read.

        Docker takes away the NUL bytes with which other programs fill the password up.
        """
        if not isinstance(encoded, str):
            raise ValueError("auth is no string")
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        if not name or not colon:
            raise ValueError("auth is no user's name and password with a colon between")
        return cls(name, password.strip("\0"))


def challenges(header: str) -> dict[str, Challenge]:
    """Return the challenges of a WWW-Authenticate header that this collection can meet, by scheme in lower case."""
    starts = list(_SCHEME.finditer(header))
    by_scheme: dict[str, Challenge] = {}
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(header)
        parameters = {}
        for match in _CHALLENGE.finditer(header[start.end() : end]):
            quoted = match["quoted"]
            value = match["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters[match["key"].lower()] = value
        scheme = start[1].lower()
        by_scheme.setdefault(scheme, Challenge(scheme, parameters))
    return by_scheme


def fetch_token(client: Client, challenge: Challenge, login: Login | None) -> str:
    """Ask the server that the registry names for a token; with the login if there is one."""
    realm = challenge.parameters.get("realm", "")
    if not realm:
        raise DockyardError(
            "registry_token_unusable",
            f"{client.name(client.home)} asks for a token without saying where to get it (no realm in its"
            " WWW-Authenticate header); fix auth.token in its configuration.",
        )
    origin = Origin.of(realm)
    if login and origin.scheme == "http" and client.home.scheme == "https":
        raise DockyardError(
            "registry_login_not_sent",
            f"{client.name(client.home)} wants the password sent to {origin} in plain HTTP, which is not done;"
            " fix the realm in its configuration.",
        )
    query = {key: challenge.parameters[key] for key in ("service", "scope") if challenge.parameters.get(key)}
    if login:
        query["account"] = login.name
    separator = "&" if "?" in realm else "?"
    url = f"{realm}{separator}{urllib.parse.urlencode(query)}" if query else realm
    answer = client.get(url, {"Accept": "application/json"}, login.basic if login else None)
    if answer.status in (400, 401, 403):
        who = f"the login of user '{login.name}'" if login else "access without a login"
        remedy = "check name and password" if login else "give username and password"
        raise DockyardError(
            "registry_login_refused", f"{client.name(origin)} refuses {who} (HTTP {answer.status}); {remedy}."
        )
    if answer.status != 200:
        sentence = f"{client.name(origin)} gives no token but HTTP {answer.status}; look at its log."
        if answer.status >= 500:
            raise Unavailable("registry_unhealthy", sentence)
        raise DockyardError("registry_token_unusable", sentence)
    document = decode(client, answer)
    token = (document.get("token") or document.get("access_token")) if isinstance(document, dict) else None
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise DockyardError(
            "registry_token_unusable",
            f"{client.name(origin)} answers without a usable token ('{single_line(answer.text, 60)}'); fix it there.",
        )
    return token
