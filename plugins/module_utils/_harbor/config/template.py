# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The template of harbor.yml that each release brings: what its keys are, and what they are by default.

Optional keys are in it as comments. Both kinds together say of which type a value is, so that no release needs a table.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from .compare import Config, Keys, dotted, get_value, set_value

# Who uses this has asked for PyYAML already; see document.
with contextlib.suppress(ImportError):
    import yaml

_KEY = re.compile(r"(?P<indent> *)(?P<key>[a-z_][A-Za-z0-9_]*):(?:\s+(?P<value>\S.*))?$")
_MISSING = object()
# What a migration writes for a value that it was to take from elsewhere, and that is nothing there.
_NOTHING = ("none", "None")


@dataclass(frozen=True)
class Unfit:
    """A value that is not of the type that its release takes. default: what the release has there by default."""

    keys: Keys
    value: Any
    default: Any

    @property
    def path(self) -> str:
        return dotted(self.keys)

    def __str__(self) -> str:
        return f"{self.path} (from {_shown(self.value)} to {_shown(self.default)})"


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def defaults(text: str) -> Config:
    """Return every key of a release's template, those in comments too, with the value that it has there."""
    found: Config = {}
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        plain, commented = _without_hashes(line)
        match = _KEY.match(plain)
        if match is None:
            continue
        column = len(match["indent"])
        above = [(at, key) for at, key in above if at < column]
        keys = (*(key for _at, key in above), match["key"])
        value = _value(match["value"])
        if value is None and get_value(found, keys, _MISSING) is _MISSING:
            set_value(found, keys, None)
        elif value is not None and not (commented and get_value(found, keys) is not None):
            set_value(found, keys, value)
        above.append((column, match["key"]))
    return found


def of_release(folder: str) -> Config:
    """Return the keys and defaults of the release in a folder; none if it brings no template, as before 2.0."""
    content = atomic_file.read(os.path.join(folder, "harbor.yml.tmpl"))
    return defaults(content.decode(errors="replace")) if content else {}


def _without_hashes(line: str) -> tuple[str, bool]:
    """Return a line as it is once the comment is taken away, which keeps its place below the section that it is in."""
    plain = line
    while plain.lstrip().startswith("#"):
        plain = re.sub(r"^( *)# ?", r"\1", plain, count=1)
    return plain, plain != line


def _value(text: str | None) -> Any:
    with contextlib.suppress(yaml.YAMLError, ValueError):
        return yaml.safe_load(text or "")
    return text


def unfit_values(config: Config, template: Config) -> list[Unfit]:
    """Return the values that are a word for nothing where the release takes true, false or a number."""
    return [
        Unfit(keys, value, default)
        for keys, value in _leaves(config, ())
        for default in (get_value(template, keys),)
        if value in _NOTHING and isinstance(default, (bool, int, float))
    ]


def repair(config: Config, unfit: list[Unfit]) -> None:
    """Set these values to what the release has by default, in config itself."""
    for each in unfit:
        set_value(config, each.keys, each.default)


def added_values(before: Config, after: Config) -> list[tuple[Keys, Any]]:
    """Return what is in a configuration and was not in the one before, place and value."""
    return [
        (keys, value)
        for keys, value in _leaves(after, ())
        if keys != ("_version",) and get_value(before, keys, _MISSING) is _MISSING
    ]


def is_new_default(keys: Keys, before: Any, after: Any, old: Config, new: Config) -> bool:
    """Return whether a value is another since the release's default is another, and nobody had chosen the old one."""
    return (
        before is not None
        and before == get_value(old, keys)
        and after == get_value(new, keys)
        and type(before) is type(after)
    )


def _leaves(value: Any, keys: Keys) -> Iterator[tuple[Keys, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*keys, key))
    else:
        yield keys, value
