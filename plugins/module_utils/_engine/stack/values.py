# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read the short forms of compose values: durations, sizes, ports, mounts, lists that may be dictionaries."""

from __future__ import annotations

import re
import shlex
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|m(?!s)|s|ms|us|ns))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)")
_NANOSECONDS = {"h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?", re.IGNORECASE)
_PORT = re.compile(
    r"(?:(?P<published>\d+)(?:-(?P<published_end>\d+))?:)?(?P<target>\d+)(?:-(?P<target_end>\d+))?"
    r"(?:/(?P<protocol>tcp|udp|sctp))?"
)


def invalid(place: str, value: Any, wanted: str) -> DockyardError:
    """Return the error for a value that can't be read."""
    return DockyardError("stack_value_invalid", f"{place} is {value!r}, and must be {wanted}; correct it.")


def duration(place: str, value: Any) -> int:
    """Return nanoseconds."""
    text = str(value).strip()
    if not _DURATION.fullmatch(text):
        raise invalid(place, value, "a duration such as 1m30s")
    return round(sum(float(number) * _NANOSECONDS[unit] for number, unit in _PART.findall(text)))


def size(place: str, value: Any) -> int:
    """Return bytes."""
    found = _SIZE.fullmatch(str(value).strip())
    if not found:
        raise invalid(place, value, "a size such as 512M")
    return int(float(found[1]) * 1024 ** " kmgtp".index(found[2].lower() or " "))


def number(place: str, value: Any) -> float:
    """Return a number that may be written as a string."""
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise invalid(place, value, "a number") from error


def whole(place: str, value: Any) -> int:
    """Return a whole number that may be written as a string."""
    if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value).strip()):
        raise invalid(place, value, "a whole number")
    return int(value)


def flag(place: str, value: Any) -> bool:
    """Return true or false, which may be written as a string."""
    if isinstance(value, bool):
        return value
    if str(value).strip().lower() in ("true", "false"):
        return str(value).strip().lower() == "true"
    raise invalid(place, value, "true or false")


def one_of(place: str, value: Any, known: tuple[str, ...]) -> str:
    """Return one of several words."""
    if value not in known:
        raise invalid(place, value, f"{', '.join(known[:-1])} or {known[-1]}")
    return str(value)


def words(place: str, value: Any) -> list[str]:
    """Return the words of a command."""
    if isinstance(value, list):
        return [string(place, word) for word in value]
    try:
        return shlex.split(str(value))
    except ValueError as error:
        raise invalid(place, value, "a command with its quotes closed") from error


def string(place: str, value: Any) -> str:
    """Return a scalar as the engine wants it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)) or value is None:
        raise invalid(place, value, "a string")
    return str(value)


def strings(place: str, value: Any) -> list[str]:
    """Return a list of strings; one string is a list of itself."""
    return [string(place, item) for item in (value if isinstance(value, list) else [value])]


def capabilities(place: str, value: Any) -> list[str]:
    """Return capabilities by their full names; C(ALL) has none other."""
    names = [name.upper() for name in strings(place, value)]
    return [name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}" for name in names]


def mapping(place: str, value: Any, separator: str = "=") -> dict[str, str | None]:
    """Return what may be a dictionary or a list of C(key=value); a key alone has no value."""
    if isinstance(value, dict):
        return {str(key): None if item is None else string(f"{place}.{key}", item) for key, item in value.items()}
    if not isinstance(value, list):
        raise invalid(place, value, "a dictionary, or a list")
    pairs = (string(place, item).partition(separator) for item in value)
    return {key.strip(): item if found else None for key, found, item in pairs}


def filled(place: str, value: Any, separator: str = "=") -> dict[str, str]:
    """Return the same, with an empty string where there is no value."""
    return {key: item or "" for key, item in mapping(place, value, separator).items()}


def ports(place: str, value: Any) -> list[dict[str, Any]]:
    """Return one entry of C(ports) as ports of the engine."""
    if isinstance(value, dict):
        unknown = sorted(value.keys() - {"target", "published", "protocol", "mode", "name", "app_protocol"})
        if unknown or "target" not in value:
            raise invalid(place, value, "a port with target, published, protocol and mode")
        if value.get("mode", "ingress") not in ("ingress", "host"):
            raise invalid(f"{place}.mode", value["mode"], "ingress or host")
        target = whole(f"{place}.target", value["target"])
        published = whole(f"{place}.published", value.get("published") or 0)
        return [_port(target, published, value.get("protocol", "tcp"), value.get("mode", "ingress"))]
    found = _PORT.fullmatch(str(value))
    if not found:
        if re.fullmatch(r"(\[.*\]|[\d.]+):.*:.*", str(value)):
            raise DockyardError(
                "stack_port_with_address",
                f"{place} is {value}, and a Swarm publishes on all addresses of a node; leave the address out.",
            )
        raise invalid(place, value, "a port such as 8080:80")
    first, last = int(found["target"]), int(found["target_end"] or found["target"])
    published_first = int(found["published"] or 0)
    published_last = int(found["published_end"] or published_first)
    if first == last and published_last > published_first:
        # Each of the range leads to the one port.
        return [
            _port(first, published, found["protocol"] or "tcp", "ingress")
            for published in range(published_first, published_last + 1)
        ]
    if published_first and published_last - published_first != last - first:
        raise invalid(place, value, "two ranges of one length")
    return [
        _port(target, published_first and published_first + target - first, found["protocol"] or "tcp", "ingress")
        for target in range(first, last + 1)
    ]


def _port(target: int, published: int, protocol: str, mode: str) -> dict[str, Any]:
    port: dict[str, Any] = {"Protocol": protocol, "TargetPort": target, "PublishMode": mode}
    return {**port, "PublishedPort": published} if published else port


def short_mount(place: str, value: str) -> dict[str, Any]:
    """Return C(SOURCE:TARGET:OPTIONS) in the long form."""
    parts = value.split(":")
    if len(parts) == 1:
        return {"type": "volume", "target": parts[0]}
    if len(parts) > 3 or not parts[1].startswith("/"):
        raise invalid(place, value, "a mount such as data:/var/lib/data:ro")
    kind = "bind" if parts[0][:1] in ("/", ".", "~") else "volume"
    mount: dict[str, Any] = {"type": kind, "source": parts[0], "target": parts[1]}
    for option in filter(None, parts[2].split(",") if len(parts) == 3 else []):
        if option in ("ro", "rw"):
            mount["read_only"] = option == "ro"
        elif option == "nocopy":
            mount["volume"] = {"nocopy": True}
        elif kind == "bind" and option in ("private", "rprivate", "shared", "rshared", "slave", "rslave"):
            mount["bind"] = {"propagation": option}
        elif option not in ("z", "Z", "consistent", "cached", "delegated"):
            raise invalid(place, value, "a mount with the options ro, rw, nocopy or a propagation")
    return mount
