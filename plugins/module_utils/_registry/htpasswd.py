# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Parse a registry's user file, check the users desired in it, and plan what to do to it.

The file is read as the registry's own parser (Docker Distribution) reads it: lines end in a line
feed, white space around them is ignored, a line that begins with C(#) is a comment, the name ends at
the first colon, the last line of a name counts, and one line without a colon locks every user out.
A byte order mark is a part of the first name, which nobody can type; it is taken away.
Bytes that are not UTF-8 survive as they are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders

from .password_hash import LONGEST_PASSWORD, Kind, effective, kind_of

# What Go's strings.TrimSpace takes away.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_LONGEST_NAME = 255  # bytes: what Apache's htpasswd takes
_LONGEST_LINE = 65535  # bytes: the registry's parser gives up at 64 KiB
_BYTE_ORDER_MARK = "\ufeff"
_LOCKED_OUT = (
    "and a registry that starts with such a line refuses every user, while one that runs goes on with the users that it"
    " has read before"
)

_OTHER_SCHEMES = (
    ("$apr1$", "Apache MD5"),
    ("$1$", "MD5 crypt"),
    ("$5$", "SHA-256 crypt"),
    ("$6$", "SHA-512 crypt"),
    ("$y$", "yescrypt"),
    ("$argon2", "Argon2"),
    ("{SHA}", "SHA-1"),
)


class User(NamedTuple):
    """A user as the task has it; the password of one that is to be absent does not matter."""

    name: str
    password: str
    present: bool


class Line(NamedTuple):
    """A line of the file; comments and blank lines have no name.

    marked: whether a byte order mark was in front of it, which its text does not have any more.
    """

    text: str
    name: str | None = None
    secret: str = ""
    marked: bool = False


Reason = Literal["new", "password", "scheme", "cost", "duplicate"]


class Change(NamedTuple):
    """An entry that is changed, and why."""

    name: str
    reason: Reason


class Plan(NamedTuple):
    """The file as it is to become.

    unmarked: whether it loses a byte order mark.
    """

    lines: list[Line]
    added: list[str]
    updated: list[Change]
    removed: list[str]
    unmarked: bool = False

    @property
    def changes_something(self) -> bool:
        """Return whether the file is to be written."""
        return bool(self.added or self.updated or self.removed or self.unmarked)

    def content(self) -> bytes:
        """Return the content of the file."""
        return "".join(f"{line.text}\n" for line in self.lines).encode("utf-8", "surrogateescape")


def check_users(users: Sequence[User]) -> list[User]:
    """Return the users, each named once. Refuse what no registry or no client could use."""
    by_name: dict[str, User] = {}
    numbers: dict[str, int] = {}
    for number, user in enumerate(users, 1):
        _check_name(user.name, number)
        if user.present:
            _check_password(user)
        else:
            user = user._replace(password="")
        other = by_name.setdefault(user.name, user)
        both = (
            f"(numbers {numbers.setdefault(user.name, number)} and {number}); keep the one that is meant and run again."
        )
        if other.present != user.present:
            raise DockyardError(
                "htpasswd_user_listed_twice", f"User '{user.name}' is listed twice, once present and once absent {both}"
            )
        if other.password != user.password:
            raise DockyardError(
                "htpasswd_user_listed_twice", f"User '{user.name}' is listed twice with different passwords {both}"
            )
    return list(by_name.values())


def _check_name(name: str, number: int) -> None:
    if not name:
        raise DockyardError(
            "htpasswd_user_name_invalid",
            f"The name of user number {number} in the list is empty; give it one and run again.",
        )
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise DockyardError(
            "htpasswd_user_name_invalid",
            f"The user name {ascii(name)} contains a control character, which no login can carry;"
            f" choose a name without it and run again.",
        )
    if ":" in name:
        raise DockyardError(
            "htpasswd_user_name_invalid",
            f"The user name '{name}' contains a colon, which ends the name in a user file and in a login;"
            f" choose a name without it and run again.",
        )
    if name.strip(_SPACE) != name:
        raise DockyardError(
            "htpasswd_user_name_invalid",
            f"The user name '{name}' begins or ends with white space, which the registry does not read;"
            f" remove it and run again.",
        )
    if name.startswith("#"):
        raise DockyardError(
            "htpasswd_user_name_invalid",
            f"The user name '{name}' begins with '#', which makes its line a comment;"
            f" choose a name that begins with something else and run again.",
        )
    if len(name.encode("utf-8")) > _LONGEST_NAME:
        raise DockyardError(
            "htpasswd_user_name_invalid",
            f"The user name '{name[:40]}…' is longer than {_LONGEST_NAME} bytes; choose a shorter one and run again.",
        )


def _check_password(user: User) -> None:
    whose = f"The password of user '{user.name}'"
    if not user.password:
        raise DockyardError(
            "htpasswd_password_invalid",
            f"{whose} is empty; give them one, or list them with state absent, and run again.",
        )
    if "\0" in user.password:
        raise DockyardError(
            "htpasswd_password_invalid",
            f"{whose} contains a NUL character, which bcrypt can't hash; choose one without it and run again.",
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in user.password):
        raise DockyardError(
            "htpasswd_password_invalid",
            f"{whose} contains a control character (a line break at its end?), which no login can carry;"
            f" choose one without it and run again.",
        )
    length = len(user.password.encode("utf-8"))
    if length > LONGEST_PASSWORD:
        raise DockyardError(
            "htpasswd_password_too_long",
            f"{whose} is {length} bytes long and bcrypt ignores all after the first {LONGEST_PASSWORD}"
            f" (a character outside ASCII takes 2 to 4 of them); choose a shorter one and run again.",
        )


def check_purge(users: Iterable[User], path: str) -> None:
    """Refuse a list without any present user: one that is empty by accident must not lock all users out."""
    if not any(user.present for user in users):
        raise DockyardError(
            "htpasswd_purge_all",
            f"purge with a list that has no present user would remove every user from {path};"
            f" list at least one, or delete the file itself, and run again.",
        )


def parse(content: bytes, path: str) -> list[Line]:
    """Return the lines of a user file. Refuse a file that the registry could not read."""
    lines = []
    texts = content.decode("utf-8", "surrogateescape").split("\n")
    if texts[-1] == "":
        texts.pop()
    marked = bool(texts) and texts[0].startswith(_BYTE_ORDER_MARK)
    if marked:
        texts[0] = texts[0][len(_BYTE_ORDER_MARK) :]
    for number, text in enumerate(texts, 1):
        stripped = text.strip(_SPACE)
        if "\0" in text:
            raise _malformed(path, number, "contains a NUL byte, as a binary file or one in UTF-16 does")
        if len(text.encode("utf-8", "surrogateescape")) > _LONGEST_LINE:
            raise _malformed(path, number, f"is longer than 64 KiB, {_LOCKED_OUT}")
        if not stripped or stripped.startswith("#"):
            lines.append(Line(text, marked=marked and number == 1))
            continue
        name, colon, secret = stripped.partition(":")
        if not colon:
            raise _malformed(path, number, f"has no colon between user name and hash, {_LOCKED_OUT}")
        if not name:
            raise _malformed(path, number, "has no user name before its colon")
        lines.append(Line(text, name, effective(secret), marked and number == 1))
    return lines


def _malformed(path: str, number: int, what: str) -> DockyardError:
    return DockyardError(
        "htpasswd_malformed", f"Line {number} of {path} {what}; correct or delete that line and run again."
    )


def current(lines: Iterable[Line]) -> dict[str, str]:
    """Return the hash that counts for each user, which is that of their last line."""
    return {line.name: line.secret for line in lines if line.name is not None}


def drift(secret: str, cost: int) -> Literal["scheme", "cost"] | None:
    """Return what is wrong with a hash that can be seen without its password."""
    kind = kind_of(secret)
    if kind is None or kind.ident != "2y":
        return "scheme"
    return None if kind.cost == cost else "cost"


def build_plan(
    lines: Sequence[Line], users: Sequence[User], renewed: Mapping[str, tuple[Reason, str]], purge: bool
) -> Plan:
    """Plan how to turn the file into what is desired.

    renewed: for each present user whose line must be written, the reason and the new hash.
    """
    by_name = {user.name: user for user in users}
    last = {line.name: number for number, line in enumerate(lines) if line.name is not None}
    seen: dict[str, int] = {}
    result = Plan([], [], [], [], unmarked=any(line.marked for line in lines))
    for number, line in enumerate(lines):
        if line.name is None:
            result.lines.append(line)
            continue
        name = line.name
        user = by_name.get(name)
        seen[name] = seen.get(name, 0) + 1
        final = last[name] == number
        if user is None and not purge:
            result.lines.append(line)
        elif user is None or not user.present:
            if final:
                result.removed.append(readable(name))
        elif final:
            if name in renewed:
                reason, secret = renewed[name]
                result.updated.append(Change(name, reason))
                line = entry(name, secret)
            elif seen[name] > 1:
                result.updated.append(Change(name, "duplicate"))
            result.lines.append(line)
    for user in users:
        if user.present and user.name not in last:
            result.added.append(user.name)
            result.lines.append(entry(user.name, renewed[user.name][1]))
    return result


def entry(name: str, secret: str) -> Line:
    """Return the line of a user."""
    return Line(f"{name}:{secret}", name, secret)


def pending(cost: int) -> str:
    """Return what stands for a hash that is not computed yet; no line of a file can look like it."""
    return f"\n{cost}"


def describe(secret: str, placeholders: Placeholders) -> str:
    """Return a hash as it may be shown: its scheme and cost, and whether it is the same as another one."""
    if secret.startswith("\n"):
        return f"bcrypt cost {secret[1:]}, hash not computed yet"
    kind = kind_of(secret)
    if kind is not None:
        return f"bcrypt{_variant(kind)} cost {kind.cost} {placeholders.of(secret)}"
    for prefix, scheme in _OTHER_SCHEMES:
        if secret.startswith(prefix):
            return f"{scheme}, which a registry refuses"
    return "not a bcrypt hash, which a registry refuses"


def _variant(kind: Kind) -> str:
    return "" if kind.ident == "2y" else f" ${kind.ident}$"


def summarize(lines: Iterable[Line], placeholders: Placeholders) -> str:
    """Return the users of a file for a diff; comments are left out, for they may hold an old hash."""
    return "".join(
        f"{readable(line.name)}: {describe(line.secret, placeholders)}\n" for line in lines if line.name is not None
    )


def readable(name: str) -> str:
    """Return a name as it may be printed, whatever bytes the file has for it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
