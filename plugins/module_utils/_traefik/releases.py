# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Which static options which version of Traefik knows.

An unknown key at the root of its configuration is ignored by Traefik without a word, and an unknown one inside of it
keeps it from starting. So both are refused before. Source: Traefik's own notes of its releases and of its migrations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import image_names

Version = tuple[int, int, int]
OLDEST: Version = (3, 5, 1)
ROOT = frozenset(
    {
        "accessLog", "api", "certificatesResolvers", "core", "entryPoints", "experimental", "global", "hostResolver",
        "log", "metrics", "ocsp", "ping", "providers", "serversTransport", "spiffe", "tcpServersTransport", "tracing",
    }
)  # fmt: skip
# What the role itself decides.
OF_ROLE = frozenset({"api", "certificatesResolvers", "entryPoints", "ping", "providers"})
# Since when a key is known, by its path; a star is any key.
SINCE: Mapping[str, Version] = {
    "entryPoints.*.http.encodedCharacters": (3, 6, 7),
    "entryPoints.*.http.underscoreHeadersStrategy": (3, 7, 6),
    "entryPoints.*.http.aliasHeadersStrategy": (3, 7, 12),
    "entryPoints.*.http.sanitizePath": (3, 4, 1),
    "ocsp": (3, 5, 0),
    "entryPoints.*.observability.traceVerbosity": (3, 5, 0),
}
# Until 3.6.0 Traefik asks in one version of the engine's API, and later in the newest that both know; from 3.6.16 on
# not in one older than 1.40.
_NEGOTIATES, _FIXED_API = (3, 6, 1), (1, 24)
_WANTS_NEWER, _OLDEST_API = (3, 6, 16), (1, 40)


def version_of(image: str, declared: str = "") -> Version:
    """Return the version of an image from its tag. Raise DockyardError if the tag says none, or one that is too old.

    declared: the version, where the tag does not say it.
    """
    text = declared or image_names.tag(image)
    found = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:-.*)?", text)
    if not found:
        raise DockyardError(
            "traefik_version_unknown",
            f"The tag of {image} does not say Traefik's version, on which its options depend; give a tag such as"
            " v3.7.15, or the version in traefik_stack_traefik_version.",
        )
    # A tag without the third number is that of the newest.
    version = (int(found[1]), int(found[2]), int(found[3]) if found[3] else 999)
    if version < OLDEST or version >= (4, 0, 0):
        raise DockyardError(
            "traefik_version_unsupported",
            f"Traefik {text.removeprefix('v')} is not supported; give an image from {'.'.join(map(str, OLDEST))} on, of"
            " version 3.",
        )
    return version


def check_engine(version: Version, newest: str, oldest: str) -> None:
    """Raise DockyardError if this version can't talk to an engine.

    newest, oldest: the versions of the API that the engine knows.
    """
    shown = ".".join(map(str, version))
    if version < _NEGOTIATES and _api(oldest) > _FIXED_API:
        raise DockyardError(
            "traefik_engine_unfit",
            f"Traefik {shown} asks the engine in version 1.24 of its API, and this engine knows none before {oldest};"
            " give an image from 3.6.1 on.",
        )
    if version >= _WANTS_NEWER and _api(newest) < _OLDEST_API:
        raise DockyardError(
            "traefik_engine_unfit",
            f"Traefik {shown} wants version 1.40 of the engine's API, and this engine knows none after {newest};"
            " upgrade the engine to 19.03 or newer.",
        )


def _api(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def check(options: Mapping[str, Any]) -> None:
    """Raise DockyardError for static options that the role decides, or that no version knows."""
    for key in sorted(options):
        if key in OF_ROLE:
            raise _refuse(key, "is made by this role from other variables")
        if key not in ROOT:
            raise _refuse(key, "is no option of Traefik, which would ignore it without a word")


def check_known(configuration: Mapping[str, Any], version: Version) -> None:
    """Raise DockyardError for a part of the whole static configuration that this version does not know."""
    for path, since in SINCE.items():
        if version < since:
            for place in _places(configuration, path.split("."), ""):
                raise _refuse(place, f"is known from Traefik {'.'.join(map(str, since))} on, and the image is older")


def _places(value: Any, path: list[str], place: str) -> Iterator[str]:
    if not path:
        yield place
        return
    if not isinstance(value, Mapping):
        return
    for key in list(value) if path[0] == "*" else [path[0]]:
        if key in value:
            yield from _places(value[key], path[1:], f"{place}.{key}" if place else str(key))


def _refuse(key: str, why: str) -> DockyardError:
    return DockyardError("traefik_option_refused", f"The static option {key} {why}; correct or remove it.")
