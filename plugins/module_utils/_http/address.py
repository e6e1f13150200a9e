# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Parse a registry's address as it is in an image reference: host[:port], with IPv6 in brackets."""

from __future__ import annotations

import ipaddress
import re

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

# The domain part of Docker's reference grammar. Upper case is part of it.
_COMPONENT = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(
    rf"(?P<host>\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|{_COMPONENT}(?:\.{_COMPONENT})*)(?::(?P<port>[0-9]{{1,5}}))?", re.ASCII
)
_LOGIN = re.compile(r"^(.*://)?.*@", re.DOTALL)
_SHAPE = "registry.example.com, registry.example.com:5000 or [fd00::1]:5000"


def split(registry: str, option: str = "registry") -> tuple[str, int | None]:
    """Return host (IPv6 without its brackets) and port of an address. Refuse what Docker would not take."""
    # What is before an @ may end in a password.
    subject = f"{option} '{_LOGIN.sub(_without_login, registry)}'"
    if "://" in registry:
        raise DockyardError(
            "registry_address_invalid",
            f"{subject} has a scheme; write host[:port] alone, as in front of an image's name.",
        )
    if "/" in registry:
        raise DockyardError(
            "registry_address_invalid", f"{subject} has a path; write host[:port] alone, without '/' and what follows."
        )
    if "@" in registry:
        raise DockyardError(
            "registry_address_invalid",
            f"{subject} has a user name in it; write host[:port] alone, logins belong to docker login.",
        )
    if registry.count(":") > 1 and "[" not in registry:
        raise DockyardError(
            "registry_address_invalid",
            f"{subject} looks like IPv6 without brackets; write it like [fd00::1]:5000 or [fd00::1].",
        )
    match = _ADDRESS.fullmatch(registry)
    if match is None:
        remedy = f"write it like {_SHAPE}" if registry.isascii() else "write an international name in ASCII, as xn--..."
        raise DockyardError("registry_address_invalid", f"{subject} is not a registry's address; {remedy}.")
    port = match["port"]
    if port is not None and not 1 <= int(port) <= 65535:
        raise DockyardError("registry_address_invalid", f"{subject} has no valid port; use one from 1 to 65535.")
    host = match["ipv6"] or match["host"]
    if match["ipv6"] or re.fullmatch(r"[0-9.]+", host):
        try:
            if match["ipv6"]:
                ipaddress.IPv6Address(host)
            else:
                ipaddress.IPv4Address(host)
        except ValueError as error:
            raise DockyardError(
                "registry_address_invalid", f"{subject} is not a valid IP address ({error}); write it like {_SHAPE}."
            ) from error
    return host, None if port is None else int(port)


def canonical(host: str, option: str = "registry") -> str:
    """Return a host or address, without port, in the one spelling that clients and certificates compare.

    IPv6 is compressed and without brackets, an international name in ASCII (xn--), letters are small.
    """
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in bare and re.fullmatch(r"[0-9A-Fa-f:.]+", bare):
        return str(ipaddress.IPv6Address(_checked(f"[{bare}]", option)))
    return _checked(".".join(_ascii(label, host, option) for label in bare.split(".")), option).lower()


def general_name(name: str, option: str = "registry") -> str:
    """Return a name as certificates write it, DNS:... or IP:...; it may come as such, or as a host alone."""
    kind, _colon, rest = name.partition(":")
    if kind.upper() in ("DNS", "IP"):
        name = rest
    wildcard = "*." if name.startswith("*.") else ""
    host = canonical(name[len(wildcard) :], option)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"DNS:{wildcard}{host}"
    return f"IP:{host}"


def _checked(host: str, option: str) -> str:
    found, port = split(host, option)
    if port is not None:
        raise DockyardError(
            "registry_address_invalid", f"{option} '{host}' has a port; write the host name or address alone."
        )
    return found


def _ascii(label: str, host: str, option: str) -> str:
    if label.isascii():
        return label
    # Python knows the older rules for such names, and clients the newer ones; these letters have two meanings.
    if re.search("[\u00df\u03c2\u200c\u200d]", label):
        raise DockyardError(
            "registry_address_invalid",
            f"{option} '{host}' has a letter that not all clients read in the same way; write the name in ASCII, as"
            " xn--....",
        )
    try:
        return label.encode("idna").decode()
    except UnicodeError as error:
        raise DockyardError(
            "registry_address_invalid",
            f"{option} '{host}' is no international host name ({error}); write it like {_SHAPE}.",
        ) from error


def _without_login(match: re.Match[str]) -> str:
    return f"{match[1] or ''}...@"


def bracketed(host: str) -> str:
    """Return a host or address for a place in front of a port: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Return whether Docker takes this host for its own and so for insecure, whatever is configured."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_short(host: str, port: int | None) -> bool:
    """Return whether Docker reads host/image as an image of a user on Docker Hub instead."""
    return port is None and "." not in host and ":" not in host and host != "localhost" and host == host.lower()
