# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read the definition of a stack: a compose file or the same as a dictionary, with every key known or named."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from . import keys, yaml_text
from .interpolation import interpolated

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]*")
_LONGEST = 63  # characters of a service's name that the engine takes


@dataclasses.dataclass(frozen=True)
class Definition:
    """A stack as it is declared.

    folder: of the compose file, from which relative paths count; empty without one.
    variables: for what reads one by its name.
    ignored: keys that a Swarm ignores, by services.
    """

    name: str
    services: dict[str, dict[str, Any]]
    networks: dict[str, dict[str, Any]]
    volumes: dict[str, dict[str, Any]]
    configs: dict[str, dict[str, Any]]
    secrets: dict[str, dict[str, Any]]
    folder: str = ""
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ignored: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    def full_name(self, name: str) -> str:
        """Return the name that something of the stack has in the Swarm."""
        return f"{self.name}_{name}"


def read_file(name: str, path: str, variables: Mapping[str, str]) -> Definition:
    """Return what a compose file declares."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise DockyardError(
            "stack_file_unreadable", f"{path} can't be read ({reason}); correct compose_file."
        ) from error
    return read_text(name, text, variables, path, os.path.dirname(os.path.abspath(path)))


def read_text(
    name: str, text: str, variables: Mapping[str, str], source: str = "compose_content", folder: str = ""
) -> Definition:
    """Return what the text of a compose file declares.

    source: what the text is called in a message.
    """
    try:
        content = yaml_text.load(text)
    except ValueError as error:
        raise DockyardError("stack_file_unreadable", f"{source} is not YAML ({error}); correct it.") from error
    return parse(name, interpolated(content, variables), folder, variables)


def check_name(name: str) -> None:
    """Raise DockyardError for a name that a stack can't have."""
    if not _NAME.fullmatch(name):
        raise DockyardError(
            "stack_name_invalid",
            f"{name!r} can't be the name of a stack; use letters, digits, hyphens and underscores.",
        )


def parse(name: str, content: Any, folder: str = "", variables: Mapping[str, str] | None = None) -> Definition:
    """Return a definition. Raise DockyardError for what is not known."""
    check_name(name)
    content = keys.dictionary("The definition", content)
    keys.check_top(content)
    services = {
        str(key): keys.dictionary(f"services.{key}", item)
        for key, item in keys.dictionary("services", content.get("services") or {}).items()
    }
    if not services:
        raise DockyardError(
            "stack_empty", f"The stack {name} has no service; declare one, or remove the stack with state: absent."
        )
    ignored = {key: found for key, item in services.items() if (found := _check_service(name, key, item))}
    sections = {
        section: {str(key): item or {} for key, item in (content.get(section) or {}).items()} for section in keys.TOP
    }
    return Definition(name, services, **sections, folder=folder, variables=variables or {}, ignored=ignored)


def _check_service(stack: str, name: str, service: dict[str, Any]) -> list[str]:
    full = f"{stack}_{name}"
    if not _NAME.fullmatch(name) or len(full) > _LONGEST:
        raise DockyardError(
            "stack_name_invalid",
            f"{full} can't be the name of a service; use letters, digits, hyphens and underscores, {_LONGEST} at most.",
        )
    ignored = keys.check_service(f"services.{name}", service)
    if not service.get("image"):
        raise DockyardError("stack_image_missing", f"services.{name} has no image, and a Swarm builds none; name one.")
    return ignored
