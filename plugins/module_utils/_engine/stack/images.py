# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Images of services: with a tag, and with the digest that a registry has for it."""

from __future__ import annotations

from typing import Any

from ..api import EngineApi, Unreachable, message
from .logins import Logins


def with_tag(image: str) -> str:
    """Return an image with the tag that is meant if none is written."""
    name = image.rpartition("/")[2]
    return image if ":" in name or "@" in name else f"{image}:latest"


def declared_part(image: str) -> str:
    """Return an image of a running service without the digest that was put behind it."""
    return with_tag(image.partition("@")[0]) if "@" in image and ":" in image.partition("@")[0] else with_tag(image)


class Resolver:
    """Asks registries for the digests of images, each once.

    warnings: what could not be asked for.
    """

    def __init__(self, api: EngineApi, logins: Logins) -> None:
        self._api = api
        self._logins = logins
        self._found: dict[str, str] = {}
        self.warnings: list[str] = []

    def resolve(self, image: str) -> str:
        """Return an image with its digest behind it; without one if the registry does not say it."""
        if "@" in image:
            return image
        if image not in self._found:
            self._found[image] = self._ask(with_tag(image))
        return self._found[image]

    def _ask(self, image: str) -> str:
        try:
            status, answer = self._api.ask("GET", f"/distribution/{image}/json", headers=self._logins.headers(image))
        except Unreachable as error:
            status, answer = 0, str(error)
        digest = _digest(answer) if status == 200 else ""
        if digest:
            return f"{image}@{digest}"
        self.warnings.append(
            f"The registry of {image} does not say its digest ({message(answer).rstrip('.')}), so each node runs what"
            " it"
            " has or finds by that name."
        )
        return image


def _digest(answer: Any) -> str:
    return str(((answer or {}).get("Descriptor") or {}).get("digest") or "") if isinstance(answer, dict) else ""
