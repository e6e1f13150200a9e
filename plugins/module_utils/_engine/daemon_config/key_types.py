# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Give the keys of daemon.json values that an engine can read, and refuse those of another type."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders

from .document import Config, is_secret
from .keys import DICTIONARY, FLAG, KEYS, NUMBER, OPTIONS, POOLS, SIZE, STRING, STRINGS

# The words that Ansible takes for a flag (module_utils.parsing.convert_bool).
_FLAGS = {
    **dict.fromkeys(("y", "yes", "on", "1", "true", "t"), True),
    **dict.fromkeys(("n", "no", "off", "0", "false", "f"), False),
}


def with_types(config: Config) -> Config:
    """Return declared keys with flags and numbers of the types that an engine wants, as Ansible converts them.

    Surveys and extra variables give all values as strings, and an empty one for a question without an answer: such a
    flag or number is left out. A value that can't be converted stays, for wrong_type to refuse it.
    """
    config = {key: converted(KEYS[key].kind, value) if key in KEYS else value for key, value in config.items()}
    if isinstance(config.get("features"), dict):
        features = {name: converted(FLAG, value) for name, value in config["features"].items()}
        config["features"] = {name: value for name, value in features.items() if value is not None}
    return {key: value for key, value in config.items() if value is not None}


def converted(kind: str, value: Any) -> Any:
    """Return the value in its type; None for an empty string in place of a flag or a number.

    One that can't be converted stays as it is.
    """
    if kind not in (FLAG, NUMBER) or not isinstance(value, (str, int)):
        return value
    text = str(value).strip()
    if not text:
        return None
    if kind == NUMBER:
        return int(text) if re.fullmatch("-?[0-9]+", text) else value
    return _FLAGS.get(text.lower(), value)


def wrong_type(key: str, value: Any, loose: bool = False) -> DockyardError | None:
    """Return the error for a value that no engine takes, None for a value of the right type.

    loose: whether a pool may have more than base and size, which an engine does not look at.
    """
    kind = KEYS[key].kind
    if loose and kind == POOLS and isinstance(value, list):
        value = [_without_more(pool) for pool in value]
    complaint = _complaint(key, kind, value)
    if complaint is None:
        return None
    return DockyardError("daemon_wrong_type", f"{key} must be {kind}, and is {complaint}; change it.")


def _without_more(pool: Any) -> Any:
    return {name: pool[name] for name in ("base", "size") if name in pool} if isinstance(pool, dict) else pool


def _complaint(key: str, kind: str, value: Any) -> str | None:
    """Return what the value is instead, None if it is of this kind."""
    if kind == STRING and isinstance(value, str):
        return None
    if kind == FLAG and isinstance(value, bool):
        return None
    if kind == NUMBER and isinstance(value, int) and not isinstance(value, bool):
        return None
    if kind == SIZE and isinstance(value, (str, int)) and not isinstance(value, bool):
        return None
    if kind == STRINGS and isinstance(value, list):
        return next((f"one with {_described(key, item)} in it" for item in value if not isinstance(item, str)), None)
    if kind == DICTIONARY and isinstance(value, dict):
        return None
    if kind == OPTIONS and isinstance(value, dict):
        wrong = ((name, item) for name, item in value.items() if not isinstance(item, str))
        return next((f"one where {name} is {_described(name, item)} (put it in quotes)" for name, item in wrong), None)
    if kind == POOLS and isinstance(value, list):
        return next((f"one with {_described(key, item)} in it" for item in value if not _is_pool(item)), None)
    if kind == OPTIONS and isinstance(value, str):
        return "a string"  # It may be meant as one of the options that hold a secret.
    return _described(key, value)


def _is_pool(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.keys() == {"base", "size"}
        and isinstance(item["base"], str)
        and isinstance(item["size"], int)
        and not isinstance(item["size"], bool)
    )


def _described(key: str, value: Any) -> str:
    """Return a value of that key for a message: secrets are replaced, as it would go to a log."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        shown = Placeholders().in_value(key, value, is_secret)
        return f'the string "{shown}"' if isinstance(value, str) else f"the number {shown}"
    if isinstance(value, list):
        return "a list"
    return f"a dictionary ({', '.join(sorted(map(str, value)))})" if isinstance(value, dict) else "null"
