# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Compare values of daemon.json as the engine does: in which order, with which duplicates, in which spelling."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from typing import Any, Callable

from . import keys

# An engine's binary units, as in Go's units.RAMInBytes().
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_ERRORS = (ValueError, TypeError, KeyError, AttributeError)


def canonical(name: str, value: Any) -> Any:
    """Return the value of a key in the one spelling that two equal values share; the default for an empty value.

    Raise ValueError, TypeError, KeyError or AttributeError for a value that a user has written and no engine takes.
    """
    key = keys.KEYS.get(name)
    if key is None:
        return _text(value)
    if value is None or (value in ("", 0, [], {}) and not isinstance(value, bool) and name != "default-stop-timeout"):
        value = key.default
    if isinstance(value, keys.Depends) or value in ("", (), {}):
        return value
    return _BY_COMPARISON.get(key.compared, _text)(value)


def same(name: str, one: Any, other: Any) -> bool:
    """Return whether two values of a key mean the same. A value that can't be compared is not the same as any."""
    try:
        equal: bool = canonical(name, one) == canonical(name, other)
    except _ERRORS:
        equal = _text(one) == _text(other)
    return equal


def unlike(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the keys that do not mean the same in two configurations, in order. A missing key has its default."""
    return sorted(name for name in one.keys() | other.keys() if not same(name, _value(one, name), _value(other, name)))


def _value(config: dict[str, Any], name: str) -> Any:
    return config.get(name, keys.default(name))


def _text(value: Any) -> Any:
    return value if isinstance(value, keys.Depends) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _set(values: list[str]) -> Any:
    return sorted(set(_strings(values)))


def _distinct(values: list[str]) -> Any:
    return list(dict.fromkeys(_strings(values)))


def _strings(values: list[str]) -> list[str]:
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise TypeError("not a list of strings")
    return list(values)


def _mirrors(values: list[str]) -> Any:
    # The engine adds a slash, and drops the second one of the same name.
    return list(dict.fromkeys(url.rstrip("/") for url in _strings(values)))


def _address(value: str) -> Any:
    return str(ipaddress.ip_address(value))


def _addresses(values: list[str]) -> Any:
    return list(dict.fromkeys(_address(value) for value in values))


def _interface(value: str) -> Any:
    return str(ipaddress.ip_interface(value))


def _network(value: str) -> Any:
    return str(ipaddress.ip_network(value, strict=False))


def _pools(values: list[dict[str, Any]]) -> Any:
    return [[_network(pool["base"]), pool["size"]] for pool in values]


def _path(value: str) -> Any:
    return os.path.realpath(value)


def _size(value: str | int) -> Any:
    """Return the number of bytes: 64M, 64m, 64mb, 64MiB and 67108864 are the same."""
    if isinstance(value, int):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?", value.strip().lower())
    if found is None:
        raise ValueError(f"{value} is no size")
    return int(float(found[1]) * 1024 ** _UNITS[found[2]])


_BY_COMPARISON: dict[str, Callable[[Any], Any]] = {
    "set": _set,
    "distinct": _distinct,
    "mirrors": _mirrors,
    "addresses": _addresses,
    "address": _address,
    "interface": _interface,
    "network": _network,
    "pools": _pools,
    "path": _path,
    "size": _size,
}
