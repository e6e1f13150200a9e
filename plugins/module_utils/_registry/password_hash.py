# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Compute bcrypt by whatever the managed host has for it, on all of its cores.

passlib's API comes first, which the maintained distribution libpass provides as well. The package
C(bcrypt) alone does where there is no passlib, and where an old passlib 1.7.4 meets a bcrypt 5 that
it can't load.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, NamedTuple

LONGEST_PASSWORD = 72  # bytes: bcrypt ignores what comes after them
_HASH = re.compile(r"\$(2[abxy])\$([0-9]{2})\$[./A-Za-z0-9]{53}")


class MissingBcrypt(Exception):
    """Neither passlib with a bcrypt of its own nor the package bcrypt can be used on this host."""


class Kind(NamedTuple):
    """What a bcrypt hash says about itself."""

    ident: str
    cost: int


def kind_of(secret: str) -> Kind | None:
    """Return variant and cost of a hash, or None for anything that is not a complete bcrypt hash."""
    match = _HASH.fullmatch(secret)
    if match is None or not 4 <= int(match[2]) <= 31:
        return None
    return Kind(match[1], int(match[2]))


def effective(secret: str) -> str:
    """Return as much of what is behind a user's colon as counts for a login.

    Go's bcrypt compares the length of a hash, whatever comes after it: a remark, or the further fields of other files.
    """
    match = _HASH.match(secret)
    return match[0] if match else secret


class Library(NamedTuple):
    """One way to compute bcrypt. Both functions release Python's lock while they compute."""

    name: str
    hash: Callable[[str, int], str]
    verify: Callable[[str, str], bool]


def library() -> Library:
    """Return the best way that this host has. Raise MissingBcrypt if it has none."""
    return _passlib() or _package()


def _passlib() -> Library | None:
    # passlib 1.7.4 logs a traceback when it meets a bcrypt newer than 4.0, and works all the same.
    logging.getLogger("passlib").setLevel(logging.CRITICAL)
    try:
        from passlib.hash import bcrypt

        bcrypt.get_backend()
    except (ImportError, AttributeError, RuntimeError, ValueError):
        # Not there, without any bcrypt (a RuntimeError of its own), or the pair of passlib 1.7.4 and
        # bcrypt 5, where passlib's own test of the library ends in a ValueError.
        return None
    # A hash with unusual padding bits is reported to standard error, but it verifies.
    warnings.filterwarnings("ignore", module=r"passlib\b")

    def make(password: str, cost: int) -> str:
        return str(bcrypt.using(ident="2y", rounds=cost).hash(password))

    def verify(password: str, secret: str) -> bool:
        return bool(bcrypt.verify(password, secret))

    return Library("passlib", make, verify)


def _package() -> Library:
    try:
        import bcrypt
    except ImportError as error:
        raise MissingBcrypt(str(error)) from error

    def make(password: str, cost: int) -> str:
        secret = bcrypt.hashpw(password.encode("utf-8"), bcrypt.gensalt(cost)).decode("ascii")
        return f"$2y${secret[4:]}"  # the same algorithm under the name that Apache and nginx know

    def verify(password: str, secret: str) -> bool:
        return bool(bcrypt.checkpw(password.encode("utf-8"), secret.encode("ascii")))

    return Library("bcrypt", make, verify)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def hash_all(with_library: Library, passwords: Iterable[str], cost: int) -> list[str]:
    """Return a new hash for each password, in their order."""
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(lambda password: with_library.hash(password, cost), passwords))


def verify_all(with_library: Library, pairs: Iterable[tuple[str, str]]) -> list[bool]:
    """Return for each pair, in their order, whether the password is the one behind the hash."""
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(lambda pair: with_library.verify(*pair), pairs))
