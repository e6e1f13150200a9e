# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Secrets in what a user sees: placeholders that tell equal from different, and nothing more."""

from __future__ import annotations

import re
from typing import Any, Callable

# scheme://user:password@host, and the same without a scheme. The password ends at the last @, as it may hold one.
_SECRET_IN_URL = re.compile(r"(?P<before>://[^:]*:|^[^:]*:(?=[^/]))(?P<secret>.+)@", re.DOTALL)


class Placeholders:
    """Replace secrets by placeholders for one diff or result.

    Within it, equal secrets have the same placeholder and different ones have different placeholders. They are numbers
    in order of appearance: a hash of a short secret could be looked up in a list of words.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the secrets that were replaced."""
        return tuple(self._numbers)

    def of(self, secret: str) -> str:
        """Return the placeholder of a secret, for instance C((secret 1))."""
        number = self._numbers.setdefault(secret, len(self._numbers) + 1)
        return f"(secret {number})"

    def in_url(self, value: str) -> str:
        """Return a string with the password of the URL in it replaced."""
        return _SECRET_IN_URL.sub(lambda match: f"{match['before']}{self.of(match['secret'])}@", value)

    def in_value(self, name: str, value: Any, is_secret: Callable[[str], bool]) -> Any:
        """Return a value of a configuration with every secret in it replaced.

        name: its key; all that is below a secret key is secret.
        is_secret: whether a key of that name holds a secret.
        """
        if isinstance(value, dict):
            return {
                key: self.in_value(name if is_secret(name) else str(key), inner, is_secret)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self.in_value(name, inner, is_secret) for inner in value]
        if value is None or value == "" or isinstance(value, bool):
            return value
        if is_secret(name):
            return self.of(str(value))
        return self.in_url(value) if isinstance(value, str) else value
