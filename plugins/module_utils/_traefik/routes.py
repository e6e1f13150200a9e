# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Say in Traefik's labels by which requests a service is reached."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import conditions

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE)
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def check_name(place: str, name: str) -> None:
    """Raise DockyardError unless this can name a router."""
    if not _NAME.fullmatch(name):
        raise refuse(place, f"has the name '{name}', which may be of a to z, 0 to 9 and '-' only")


def rule(place: str, host: str, prefix: str = "") -> str:
    """Return the rule for a host name, and below it a path. It takes /portainer and /portainer/x, not /portainerfoo."""
    if not _HOST.fullmatch(host):
        raise refuse(place, f"has the host '{host}', which is no host name")
    found = f"Host(`{host}`)"
    if not prefix:
        return found
    if not _PREFIX.fullmatch(prefix):
        raise refuse(place, f"has the path prefix '{prefix}', which is none like /shop")
    return f"{found} && (Path(`{prefix}`) || PathPrefix(`{prefix}/`))"


def labels(
    name: str,
    wanted: str,
    port: int,
    entry_point: str,
    resolver: str = "",
    prefix: str = "",
    middlewares: tuple[str, ...] = (),
    last: str = "",
) -> dict[str, str]:
    """Return the labels of a service.

    name: of router and service. wanted: the rule. port: on which the service listens. resolver: of certificates.
    prefix: a path that the service itself does not know, and is taken away. middlewares: further ones, before that.
    last: one after all others.
    """
    router, found = f"traefik.http.routers.{name}", {"traefik.enable": "true"}
    chain = list(middlewares)
    found[f"{router}.rule"] = wanted
    found[f"{router}.entrypoints"] = entry_point
    found[f"{router}.tls"] = "true"
    found[f"{router}.service"] = name
    if resolver:
        found[f"{router}.tls.certresolver"] = resolver
    if prefix:
        # Pages with relative links need the slash; what comes after a question mark stays.
        slash = f"traefik.http.middlewares.{name}-slash.redirectregex"
        found[f"{slash}.regex"] = f"^(https?://[^/]+{re.escape(prefix)})(\\?.*)?$"
        found[f"{slash}.replacement"] = "${1}/${2}"
        found[f"{slash}.permanent"] = "true"
        found[f"traefik.http.middlewares.{name}-strip.stripprefix.prefixes"] = prefix
        chain += [f"{name}-slash", f"{name}-strip"]
    if last:
        chain.append(last)
    if chain:
        found[f"{router}.middlewares"] = ",".join(chain)
    found[f"traefik.http.services.{name}.loadbalancer.server.port"] = str(port)
    return found


def further(stack: str, given: Mapping[str, Any], host: str, resolver: str, last: str = "") -> dict[str, str]:
    """Return the labels of a service that a user declares. last: a middleware after all others."""
    place = f"The service {given.get('name', '')}"
    if not given.get("port"):
        raise refuse(place, "has no port, without which Traefik answers 404")
    if not str(given["port"]).isdecimal():
        raise refuse(place, f"has the port {given['port']}, which is no number")
    prefix = str(given.get("path_prefix") or "")
    wanted = str(given.get("rule") or "") or rule(place, str(given.get("host") or host), prefix)
    if given.get("rule") and (given.get("host") or prefix):
        raise refuse(place, "has a rule, and beside it host or path_prefix; give one or the other")
    if wanted == f"Host(`{host}`)":
        raise refuse(place, "has neither a host of its own, a path_prefix nor a rule, and would take all requests")
    why = conditions.fault(wanted)
    if why:
        raise refuse(place, f"has the rule {wanted}, {why}")
    return labels(
        f"{stack}-{given['name']}",
        wanted,
        int(given["port"]),
        "websecure",
        resolver,
        prefix if given.get("strip_prefix", True) else "",
        tuple(f"{item}@file" for item in given.get("middlewares") or ()),
        last,
    )


def refuse(place: str, why: str) -> DockyardError:
    """Return the error for a value that can't be right."""
    return DockyardError("traefik_stack_invalid", f"{place} {why}; correct it.")
