# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The content of daemon.json: reading it, bringing a wish into it, showing it. No host is touched here."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import re
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import Problem

Config = dict[str, Any]

UNCHANGED = "Nothing was changed."


@dataclasses.dataclass(frozen=True)
class Wish:
    """What daemon.json is to hold.

    state: "merged", "replaced" or "absent".
    config: the keys; for "absent", those to remove.
    owned: the keys that "replaced" speaks about; None for all of the file.
    """

    state: str
    config: Config
    owned: frozenset[str] | None = None


class Broken(Problem):
    """daemon.json holds something that is no JSON object."""


def parse(content: bytes, path: str) -> Config:
    """The keys of a daemon.json. An empty file counts as {}, as it does for the engine."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Broken(f"{path}, line {line}: this is not UTF-8; mend it or move it away. {UNCHANGED}") from error
    if not text.strip():
        return {}
    try:
        config = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        remedy = "mend that line, or move the file away"
        raise Broken(f"{path}, line {_line(text, error)}: {_reason(text, error)}; {remedy}. {UNCHANGED}") from error
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise Broken(f"{path}: not valid JSON ({reason}); mend it, or move the file away. {UNCHANGED}") from error
    except _Duplicate as error:
        raise Broken(
            f"{path}: the key {error} stands in it twice, and the engine takes the last one; remove one of them."
            f" {UNCHANGED}"
        ) from error
    if not isinstance(config, dict):
        raise Broken(f"{path}: this is a JSON {_kind(config)}, and the engine wants an object ({{...}}). {UNCHANGED}")
    return config


class _Duplicate(Exception):
    pass


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        raise _Duplicate(next(name for name in names if names.count(name) > 1))
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number there")


def _kind(value: object) -> str:
    return "list" if isinstance(value, list) else "text" if isinstance(value, str) else "value"


def _is_trailing_comma(text: str, error: json.JSONDecodeError) -> bool:
    # Python 3.13 and newer find it themselves, and point at the comma; older ones point behind it.
    return "trailing comma" in error.msg or (
        text[: error.pos].rstrip().endswith(",") and text[error.pos :].lstrip()[:1] in ("}", "]", "")
    )


def _line(text: str, error: json.JSONDecodeError) -> int:
    """The line to mend, the same on every Python."""
    if _is_trailing_comma(text, error):
        return text.count("\n", 0, text.rfind(",", 0, error.pos + 1)) + 1
    return error.lineno


def _reason(text: str, error: json.JSONDecodeError) -> str:
    if _is_trailing_comma(text, error):
        return "not valid JSON (a comma before the closing bracket)"
    message = error.msg[:1].lower() + error.msg[1:]
    return f"not valid JSON ({message}, column {error.colno})"


def render(config: Config) -> bytes:
    """As a file: four spaces, as Docker's own documentation has it; keys in the order that they have."""
    return (_text(config) + "\n").encode()


def _text(config: Config, sort: bool = False) -> str:
    text = json.dumps(config, indent=4, sort_keys=sort, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold and UTF-8 can't
        text = json.dumps(config, indent=4, sort_keys=sort)
    return text


def equal(one: object, other: object) -> bool:
    """Whether two values mean the same to the engine: the order of keys does not count, true is not 1."""
    return _canonical(one) == _canonical(other)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def fingerprint(value: object) -> str:
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def fingerprints(config: Config) -> dict[str, str]:
    return {key: fingerprint(value) for key, value in config.items()}


def different_keys(one: Config, other: Config) -> list[str]:
    """Names of the keys that are not the same in both, in order."""
    marks, others = fingerprints(one), fingerprints(other)
    return sorted(key for key in marks.keys() | others.keys() if marks.get(key) != others.get(key))


def check_wish(wish: Wish) -> None:
    if wish.state != "absent":
        for where in _nulls(wish.config, ""):
            raise Problem(f"config has no value for {where}; give one, or remove the key by state: absent. {UNCHANGED}")
    elif not wish.config:
        raise Problem(f"config names no key to remove; name one. {UNCHANGED}")


def _nulls(value: object, where: str) -> list[str]:
    if value is None:
        return [where]
    if isinstance(value, dict):
        return [name for key, inner in value.items() for name in _nulls(inner, f"{where}.{key}" if where else str(key))]
    if isinstance(value, list):
        return [name for number, inner in enumerate(value) for name in _nulls(inner, f"{where}[{number}]")]
    return []


def wanted(current: Config, wish: Wish) -> Config:
    """The new content of the file. Keys that stay keep their place, new ones come last."""
    if wish.state == "merged":
        return merge(current, wish.config)
    if wish.state == "absent":
        return without(current, wish.config)
    kept = {key: value for key, value in current.items() if wish.owned is not None and key not in wish.owned}
    target = {**kept, **wish.config}
    order = [key for key in current if key in target] + [key for key in target if key not in current]
    return {key: copy.deepcopy(target[key]) for key in order}


def merge(current: Config, addition: Config) -> Config:
    """Dictionaries are merged at every depth, everything else is replaced."""
    merged = dict(copy.deepcopy(current))
    for key, value in addition.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def without(current: Config, removal: Config) -> Config:
    """Without these keys; of a dictionary that is not empty, only without the keys in it."""
    left: Config = {}
    for key, value in current.items():
        if key not in removal:
            left[key] = copy.deepcopy(value)
        elif isinstance(removal[key], dict) and removal[key] and isinstance(value, dict):
            rest = without(value, removal[key])
            if rest:
                left[key] = rest
    return left


# What may bear a password: options of log drivers (splunk-token, awslogs-...), URLs with a user in them.
_SECRET_NAME = re.compile(r"token|passw|secret|credential|(^|[-_.])key$", re.IGNORECASE)
_SECRET_IN_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)?(?P<user>[^/\s@:]*):(?P<password>[^/\s]+)@", re.IGNORECASE
)
# Paths of files, not secrets themselves.
_HARMLESS = frozenset({"tlskey", "deprecated-key-path"})


def masked(config: Config) -> Config:
    """The same with every secret replaced by a fingerprint, to be shown in a diff or a log."""
    return {key: _masked(key, value) for key, value in config.items()}


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(name, inner) for inner in value]
    if isinstance(value, str):
        if value and name not in _HARMLESS and _SECRET_NAME.search(name):
            return _shown(value)
        return _SECRET_IN_URL.sub(
            lambda found: f"{found['scheme'] or ''}{found['user']}:{_shown(found['password'])}@", value
        )
    return value


def _shown(secret: str) -> str:
    return f"(secret, sha256 {hashlib.sha256(secret.encode()).hexdigest()[:16]})"


def shown(content: bytes | None, path: str) -> str:
    """A daemon.json as a diff shows it: one spelling, keys in order, secrets masked."""
    if content is None:
        return ""
    try:
        config = parse(content, path)
    except Broken as broken:
        return f"({broken.message.removesuffix(f' {UNCHANGED}').partition(';')[0]})\n"
    return _text(masked(config), sort=True) + "\n"
