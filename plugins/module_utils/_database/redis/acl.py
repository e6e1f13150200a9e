# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The users of a Redis as one file (aclfile): who may log in, with which password, and what each may do.

Passwords are in it as SHA-256 alone, which is how Redis itself keeps them. The user C(default) is always in it: without
a line of its own Redis lets everybody in who gives no name.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

ADMIN = "dockyard-admin"
HEALTH = "dockyard-health"
DEFAULT = "default"
_OWN = {
    ADMIN: "~* &* +@all",
    # PING alone would be answered by a server that can't read its data.
    HEALTH: "resetkeys resetchannels -@all +ping +dbsize",
}
_NAME = re.compile(r"[^\s\x00-\x1f]+")
# Rules that would let a client in past the declared passwords, or begin again.
_FORBIDDEN = re.compile(r"[<>#!].*|nopass|resetpass|reset|on|off", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class User:
    """password: None for a user whom no password lets in, and for C(default) one who needs none."""

    name: str
    password: str | None
    rules: str


def new_password() -> str:
    """Return a password for an account of our own."""
    return secrets.token_hex(32)


def hashed(password: str) -> str:
    """Return a password as Redis keeps it."""
    return hashlib.sha256(password.encode()).hexdigest()


def check(users: Sequence[User]) -> None:
    """Raise DockyardError if a user can't be as declared."""
    seen = set()
    for user in users:
        if not _NAME.fullmatch(user.name):
            raise _refuse(f"The name '{user.name}' of a user is empty or has white space in it; choose another name.")
        if user.name in _OWN:
            raise _refuse(f"The user {user.name} belongs to this collection; choose another name.")
        if user.name in seen:
            raise _refuse(f"The user {user.name} is listed twice; list each user once.")
        seen.add(user.name)
        wrong = next((word for word in user.rules.split() if _FORBIDDEN.fullmatch(word)), None)
        if wrong is not None:
            raise _refuse(
                f"The rules of the user {user.name} have '{wrong[:1] if wrong[0] in '<>#!' else wrong}', and a password"
                " is given by password or password_file only; leave it out of the rules."
            )
        if "\n" in user.rules or "\r" in user.rules:
            raise _refuse(f"The rules of the user {user.name} have a line break; write them as one line.")
        if user.password is not None and not user.password:
            raise _refuse(f"The password of the user {user.name} is empty; give one.")


def _refuse(sentence: str) -> DockyardError:
    return DockyardError("redis_user_invalid", sentence)


def needs_password(users: Sequence[User]) -> bool:
    """Return whether nobody gets in without a password."""
    return bool(users)


def render(users: Sequence[User], own: Mapping[str, str], besides: Mapping[str, Sequence[str]] | None = None) -> str:
    """Return the content of the file.

    own: the passwords of the accounts of our own. besides: hashes that stay valid as well, by user.
    """
    lines = [_line(name, [hashed(own[name])], _OWN[name]) for name in sorted(own)]
    declared = {user.name: user for user in users}
    if DEFAULT not in declared:
        lines.append(
            f"user {DEFAULT} off resetpass resetkeys resetchannels -@all"
            if users
            else f"user {DEFAULT} on nopass ~* &* +@all"
        )
    for user in users:
        hashes = [hashed(user.password)] if user.password is not None else []
        kept = [each for each in (besides or {}).get(user.name, ()) if each not in hashes]
        lines.append(_line(user.name, [*hashes, *kept], user.rules))
    return "\n".join(lines) + "\n"


def _line(name: str, hashes: Sequence[str], rules: str) -> str:
    state = "on" if hashes else "off"
    return " ".join(["user", name, state, "resetpass", *(f"#{each}" for each in hashes), *rules.split()])


def hashes_of(content: str) -> dict[str, list[str]]:
    """Return the hashes that let each user in, from the content of the file."""
    found: dict[str, list[str]] = {}
    for line in content.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "user":
            found[words[1]] = [word[1:] for word in words[2:] if word.startswith("#")]
    return found


def shown(content: str) -> str:
    """Return the file for a diff: equal passwords have equal fingerprints, from which nothing can be found out."""
    numbers: dict[str, int] = {}
    return _HASH.sub(lambda found: f"(password {numbers.setdefault(found[0], len(numbers) + 1)})", content)


def rotated(before: str, users: Sequence[User]) -> dict[str, list[str]]:
    """Return the hashes of users who get another password, which stay valid until the new one is proven."""
    old = hashes_of(before)
    return {
        user.name: old[user.name]
        for user in users
        if user.password is not None and old.get(user.name) and old[user.name] != [hashed(user.password)]
    }
