# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Parse, change, render and show the content of daemon.json. No host is touched here."""

from __future__ import annotations

import codecs
import copy
import dataclasses
import json
import re
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host.secrets import Placeholders

Config = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class DesiredConfig:
    """What daemon.json is to hold, as far as it is declared.

    config: the keys to set. Dictionaries are merged into those of the file, other values are replaced.
    removal: the keys to remove; of one with a dictionary that is not empty, only the keys in it.
    owned: the keys that are replaced as a whole, and removed unless they are in config; None for all keys.
    """

    config: Config
    removal: Config = dataclasses.field(default_factory=dict)
    owned: frozenset[str] | None = frozenset()

    @property
    def only_removes(self) -> bool:
        """Whether nothing but a removal is declared."""
        return bool(self.removal) and not self.config and self.owned is not None


class InvalidDaemonConfig(DockyardError):
    """daemon.json holds something else than a JSON object."""

    def __init__(self, place: str, reason: str, remedy: str = "fix it, or move the file away") -> None:
        super().__init__("daemon_file_invalid", f"{place}: {reason}; {remedy}.")
        self.reason = f"{place}: {reason}"

    def unreadable(self) -> InvalidDaemonConfig:
        """Return the error for a file of which nothing can be kept."""
        self.args = (
            f"{self.reason}, and what else is in the file can't be read, so that its other keys would be lost; fix it,"
            " or declare all that the file is to hold with state: replaced (a copy of the broken file is kept).",
        )
        return self


def only_newer_engines_read(content: bytes) -> bool:
    """Return whether engines before 23 do not start with a file that newer ones read.

    It is empty, or begins with a mark of its encoding, or with white space that JSON does not know.
    """
    begin = content.lstrip(b" \t\r\n")[:1]
    return _encoding(content) != "utf-8" or begin in (b"", b"\xc2")


def _encoding(content: bytes) -> str:
    marks = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
    return next((encoding for mark, encoding in marks if content.startswith(mark)), "utf-8")


def _decoded(content: bytes, path: str) -> str:
    """Return the characters of a file: UTF-8, or what a byte order mark says, as newer engines read it."""
    try:
        return content.decode(_encoding(content))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InvalidDaemonConfig(f"{path}, line {line}", "this is not UTF-8") from error


def parse(content: bytes, path: str) -> Config:
    """Return the keys of a daemon.json. An empty file counts as {}, as it does for the engine."""
    text = _decoded(content, path)
    # Around the keys an engine takes any white space, a no-break space too, and JSON only some.
    body = text.strip()
    return _keys(_blank(text[: text.index(body)]) + body, path) if body else {}


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def read_past_mistakes(content: bytes, path: str) -> Config | None:
    """Return the keys of a file that is no JSON, None if it is not certain which they are.

    Read past are commas too many, comments, and white space that JSON does not know.
    """
    try:
        text = _LITERAL_OR_COMMENT.sub(
            lambda found: found[0] if found[1] else _blank(found[0]), _decoded(content, path)
        )
        text = _LITERAL_OR_COMMA.sub(lambda found: found[1] or found[2] or found[3], text)
        return _keys(text, path)
    except InvalidDaemonConfig:
        return None


# Each begins with a string, in which nothing is looked for.
_LITERAL_OR_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|#[^\n]*|/\*.*?\*/|[^\S\n]', re.DOTALL)
_LITERAL_OR_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?:\s*,)*\s*([}\]])|(,)(?:\s*,)+', re.DOTALL)


def _keys(text: str, path: str) -> Config:
    try:
        config = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"{path}, line {_line(text, error)}"
        raise InvalidDaemonConfig(place, _reason(text, error), "fix that line, or move the file away") from error
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise InvalidDaemonConfig(path, f"not valid JSON ({reason})") from error
    except _Duplicate as error:
        reason = f"the key {error} is in it twice, and the engine takes the last one"
        raise InvalidDaemonConfig(path, reason, "remove one of them") from error
    if not isinstance(config, dict):
        raise InvalidDaemonConfig(path, f"this is a JSON {_kind(config)}, and the engine wants an object ({{...}})")
    return config


class _Duplicate(Exception):
    pass


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    config = dict(pairs)
    if len(config) < len(pairs):
        names = [name for name, _value in pairs]
        raise _Duplicate(next(name for name in names if names.count(name) > 1))
    return config


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number there")


def _kind(value: object) -> str:
    return "list" if isinstance(value, list) else "string" if isinstance(value, str) else "value"


def _is_trailing_comma(text: str, error: json.JSONDecodeError) -> bool:
    # Python 3.13 and newer find it themselves, and point at the comma; older ones point behind it.
    return "trailing comma" in error.msg or (
        text[: error.pos].rstrip().endswith(",") and text[error.pos :].lstrip()[:1] in ("}", "]", "")
    )


def _line(text: str, error: json.JSONDecodeError) -> int:
    """Return the line to fix, the same on every Python."""
    if _is_trailing_comma(text, error):
        return text.count("\n", 0, text.rfind(",", 0, error.pos + 1)) + 1
    return error.lineno


def _reason(text: str, error: json.JSONDecodeError) -> str:
    if _is_trailing_comma(text, error):
        return "not valid JSON (a comma before the closing bracket)"
    message = error.msg[:1].lower() + error.msg[1:]
    return f"not valid JSON ({message}, column {error.colno})"


def render(config: Config) -> bytes:
    """Return the content of the file: four spaces, as in Docker's documentation; keys in the order that they have."""
    return (_text(config) + "\n").encode()


def _text(config: Config, sort: bool = False) -> str:
    text = json.dumps(config, indent=4, sort_keys=sort, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold and UTF-8 can't
        text = json.dumps(config, indent=4, sort_keys=sort)
    return text


def equal(one: object, other: object) -> bool:
    """Return whether two values mean the same to the engine: the order of keys does not count, true is not 1."""
    return _canonical(one) == _canonical(other)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def different_keys(one: Config, other: Config) -> list[str]:
    """Return the names of the keys that are not the same in both, in order."""
    return sorted(
        key
        for key in one.keys() | other.keys()
        if key not in one or key not in other or not equal(one[key], other[key])
    )


def check_values(config: Config) -> None:
    """Raise DockyardError for a key without a value."""
    for place in _nulls(config, ""):
        raise DockyardError(
            "daemon_value_missing", f"config has no value for {place}; give one, or remove the key by state: absent."
        )


def _nulls(value: object, place: str) -> list[str]:
    if value is None:
        return [place]
    if isinstance(value, dict):
        return [null for key, inner in value.items() for null in _nulls(inner, f"{place}.{key}" if place else str(key))]
    if isinstance(value, list):
        return [null for number, inner in enumerate(value) for null in _nulls(inner, f"{place}[{number}]")]
    return []


def new_config(current: Config, desired: DesiredConfig) -> Config:
    """Return the new keys of the file. Those that stay keep their place, new ones come last."""
    owned = current.keys() if desired.owned is None else desired.owned
    left = {key: value for key, value in without(current, desired.removal).items() if key not in owned}
    target = merge(left, desired.config)
    order = [key for key in current if key in target] + [key for key in target if key not in current]
    return {key: target[key] for key in order}


def merge(current: Config, addition: Config) -> Config:
    """Return both as one: dictionaries are merged at every depth, everything else is replaced."""
    merged = dict(copy.deepcopy(current))
    for key, value in addition.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def without(current: Config, removal: Config) -> Config:
    """Return what is left without these keys; of a dictionary that is not empty, only the keys in it go."""
    left: Config = {}
    for key, value in current.items():
        if key not in removal:
            left[key] = copy.deepcopy(value)
        elif isinstance(removal[key], dict) and removal[key] and isinstance(value, dict):
            rest = without(value, removal[key])
            if rest:
                left[key] = rest
    return left


# What may bear a password: options of log drivers (splunk-token, awslogs-...).
_SECRET_NAME = re.compile(r"token|passw|secret|credential|(^|[-_.])key$", re.IGNORECASE)
# Paths of files, not secrets themselves.
_HARMLESS = frozenset({"tlskey", "deprecated-key-path"})


def is_secret(key: str) -> bool:
    """Return whether a key of daemon.json, or of a dictionary in it, holds a secret."""
    return key not in _HARMLESS and bool(_SECRET_NAME.search(key))


def masked(config: Config, placeholders: Placeholders) -> Config:
    """Return the configuration with every secret replaced, to be shown in a result."""
    return {key: placeholders.in_value(key, value, is_secret) for key, value in config.items()}


def secrets_in(config: object) -> tuple[str, ...]:
    """Return every secret of a configuration. What is no configuration may be one."""
    if isinstance(config, str):
        return (config,) if config else ()
    if not isinstance(config, dict):
        return ()
    placeholders = Placeholders()
    masked(config, placeholders)
    return placeholders.secrets


def shown(content: bytes | None, path: str, placeholders: Placeholders) -> str:
    """Return a daemon.json as a diff shows it: one spelling, keys in order, secrets replaced."""
    if content is None:
        return ""
    try:
        config = parse(content, path)
    except InvalidDaemonConfig as invalid:
        return f"({invalid.reason})\n"
    return _text(masked(config, placeholders), sort=True) + "\n"
