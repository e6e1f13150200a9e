# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Passwords as MySQL keeps them: the plugin caching_sha2_password, whose hash is SHA-256 crypt with a salt of 20 bytes.

Python has no function for it: its crypt is gone since 3.13, and took salts of 16 bytes.
"""

from __future__ import annotations

import hashlib
import re

_SALT_LENGTH = 20
_ROUNDS = 5000
_STORED = re.compile(rb"\$A\$([0-9A-F]{3})\$(.{20})([./0-9A-Za-z]{43})", re.DOTALL)
_LETTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHA256_BYTES = 32


def hashed(password: str, seed: bytes) -> bytes:
    """Return what the server stores of a password. seed: what the salt is made of."""
    drawn = hashlib.sha256(seed).digest()
    # The server itself draws any letter but $ and \0; these need no escapes.
    salt = "".join(_LETTERS[byte % len(_LETTERS)] for byte in drawn[:_SALT_LENGTH]).encode()
    return b"$A$%03X$" % (_ROUNDS // 1000) + salt + _crypt(password.encode(), salt, _ROUNDS)


def matches(password: str, stored: bytes) -> bool:
    """Return whether what the server stores is of this password."""
    found = _STORED.fullmatch(stored)
    return found is not None and _crypt(password.encode(), found[2], int(found[1], 16) * 1000) == found[3]


def _crypt(password: bytes, salt: bytes, rounds: int) -> bytes:
    """Return the 43 letters of SHA-256 crypt, as its specification by Ulrich Drepper has it."""
    other = _sha(password + salt + password)
    text = password + salt + _repeated(other, len(password))
    count = len(password)
    while count:
        text += other if count & 1 else password
        count >>= 1
    digest = _sha(text)
    secret = _repeated(_sha(password * len(password)), len(password))
    salted = _repeated(_sha(salt * (16 + digest[0])), len(salt))
    for number in range(rounds):
        text = secret if number & 1 else digest
        text += salted if number % 3 else b""
        text += secret if number % 7 else b""
        digest = _sha(text + (digest if number & 1 else secret))
    return _encoded(digest)


def _encoded(digest: bytes) -> bytes:
    letters = []
    first, second, third = 0, 10, 20
    for _group in range(_SHA256_BYTES // 3):
        letters += _four(digest[first] << 16 | digest[second] << 8 | digest[third], 4)
        first, second, third = third + 1, first + 1, second + 1
    letters += _four(digest[31] << 8 | digest[30], 3)
    return "".join(letters).encode()


def _four(number: int, count: int) -> list[str]:
    return [_LETTERS[number >> 6 * place & 63] for place in range(count)]


def _sha(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _repeated(content: bytes, length: int) -> bytes:
    return (content * (length // len(content) + 1))[:length]
