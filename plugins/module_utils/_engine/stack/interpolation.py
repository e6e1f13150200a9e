# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Replace variables in the strings of a compose file, as docker stack deploy does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

# https://docs.docker.com/reference/compose-file/interpolation/
_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<operator>:?[-?+])(?P<word>[^}]*))?\}"
    r"|(?P<wrong>))"
)


def interpolated(value: Any, variables: Mapping[str, str], place: str = "") -> Any:
    """Return a value with the variables in all of its strings replaced; a variable that is not given is empty.

    place: where the value is, for a message.
    """
    if isinstance(value, dict):
        return {key: interpolated(inner, variables, f"{place}.{key}".lstrip(".")) for key, inner in value.items()}
    if isinstance(value, list):
        return [interpolated(inner, variables, place) for inner in value]
    if not isinstance(value, str):
        return value
    return _VARIABLE.sub(lambda found: _replacement(found, variables, place), value)


def _replacement(found: re.Match[str], variables: Mapping[str, str], place: str) -> str:
    if found["escaped"]:
        return "$"
    name = found["name"] or found["plain"]
    if name is None:
        raise DockyardError(
            "stack_variable_invalid",
            f"{place} has a $ that begins no variable; write $$ for a $, or correct the variable.",
        )
    operator, word = found["operator"] or "", found["word"] or ""
    given = name in variables and (variables[name] != "" or not operator.startswith(":"))
    if operator.endswith("?") and not given:
        raise DockyardError(
            "stack_variable_missing",
            f"{place} needs the variable {name}{f' ({word})' if word else ''}; give it in variables.",
        )
    if operator.endswith("+"):
        return word if given else ""
    if operator.endswith("-") and not given:
        return word
    return variables.get(name, "")
