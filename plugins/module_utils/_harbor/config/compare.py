# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Two configurations of Harbor compared by what they mean, and what was lost on the way put back."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from . import harbor_cfg

Config = dict[str, Any]
Keys = tuple[Any, ...]

_MISSING = object()
# Where later releases have what earlier ones had elsewhere: 1.9 moved Clair's proxy and the log's rotation, and the
# last was misspelled in the template up to 2.x.
_MOVED = (
    ("log.rotate_count", "log.local.rotate_count"),
    ("log.rotate_size", "log.local.rotate_size"),
    ("log.location", "log.local.location"),
    ("clair.http_proxy", "proxy.http_proxy"),
    ("clair.https_proxy", "proxy.https_proxy"),
    ("clair.no_proxy", "proxy.no_proxy"),
    ("storage_service.redirect.disabled", "storage_service.redirect.disable"),
)
# Says which release the file is for, which is meant to change.
_VERSION = "_version"
# Where the order means nothing and each release adds or takes what it has; those are gone for good.
_SETS = frozenset({"proxy.components"})
_GONE_MEMBERS = ("clair", "notary", "chartmuseum")


@dataclass(frozen=True)
class Difference:
    """kind: "lost" or "altered". before and after are as parsed; after is None if it was lost.

    keys: the path in parts, since a key may have a dot in it.
    """

    path: str
    kind: Literal["lost", "altered"]
    before: Any
    after: Any
    keys: Keys = ()


def dotted(keys: Keys) -> str:
    """Return a path for people; a key that has a dot or a blank in it is in quotes."""
    return ".".join(str(key) if re.fullmatch(r"[\w-]+", str(key)) else json.dumps(str(key)) for key in keys)


def get_value(config: Any, keys: Keys, otherwise: Any = None) -> Any:
    """Return the value at that place."""
    for key in keys:
        if not isinstance(config, dict) or key not in config:
            return otherwise
        config = config[key]
    return config


def set_value(config: Config, keys: Keys, value: Any) -> None:
    """Set the value at that place in config itself, and make mappings on the way."""
    for key in keys[:-1]:
        if not isinstance(config.get(key), dict):
            config[key] = {}
        config = config[key]
    config[keys[-1]] = value


def remove_value(config: Config, keys: Keys) -> None:
    """Remove the value at that place in config itself, if there is one."""
    folder = get_value(config, keys[:-1])
    if isinstance(folder, dict):
        folder.pop(keys[-1], None)


def is_equivalent(one: Any, other: Any) -> bool:
    """Return whether two values mean the same.

    A number is no text, true is not 1, and nothing at all is an empty text.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return all(is_equivalent(one.get(key), other.get(key)) for key in {**one, **other})
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_equivalent, one, other))
    if _empty(one) and _empty(other):
        return True
    if _is_number(one) and _is_number(other):
        return bool(one == other)
    return type(one) is type(other) and bool(one == other)


def _empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, dict) and all(map(_empty, value.values())))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def differences(old: Config, new: Config, gone: Collection[str]) -> list[Difference]:
    """Return what the new configuration does not have, or has otherwise.

    old: may be a harbor.cfg, all of whose values are strings; it is then compared as harbor.yml has them.
    gone: dotted keys that the new release does not know any more; neither they nor what is below them counts. What is
        new does not count either.
    """
    texts = harbor_cfg.is_cfg(old) and not harbor_cfg.is_cfg(new)
    return list(_compared(harbor_cfg.as_yml(old) if texts else old, new, (), _Rules(old, new, frozenset(gone), texts)))


@dataclass(frozen=True)
class _Rules:
    old: Config
    new: Config
    gone: frozenset[str]
    texts: bool


def _compared(old: Config, new: Any, place: Keys, rules: _Rules) -> Iterator[Difference]:
    for key, before in old.items():
        keys = (*place, key)
        path = dotted(keys)
        if path == _VERSION or path in rules.gone:
            continue
        after = new[key] if isinstance(new, dict) and key in new else _MISSING
        if after is _MISSING:
            keys, after = _elsewhere(keys, rules.new)
        yield from _judged(keys, before, after, rules)


def _elsewhere(keys: Keys, new: Config) -> tuple[Keys, Any]:
    """Return where the new configuration may have it instead."""
    path = dotted(keys)
    for one, other in _MOVED:
        if path == one:
            moved = tuple(other.split("."))
            after = get_value(new, moved, _MISSING)
            if after is not _MISSING or isinstance(get_value(new, moved[:-1]), dict):
                return moved, after
    return keys, _MISSING


def _judged(keys: Keys, before: Any, after: Any, rules: _Rules) -> Iterator[Difference]:
    path = dotted(keys)
    if isinstance(before, dict) and (isinstance(after, dict) or (after is _MISSING and _has_special(path, rules.gone))):
        yield from _compared(before, after if isinstance(after, dict) else {}, keys, rules)
        return
    if after is _MISSING:
        if not is_equivalent(before, None) and not (path == "external_redis.port" and _redis_joined(rules) is not None):
            yield Difference(path, "lost", before, None, keys)
        return
    joined = _redis_joined(rules) if path == "external_redis.host" else None
    if joined is not None:
        if after != joined:
            yield Difference(path, "altered", before, after, keys)
        return
    if is_equivalent(before, after) or (rules.texts and _same_text(before, after)):
        return
    if path in _SETS and isinstance(before, list) and isinstance(after, list):
        missing = [one for one in before if one not in after and one not in _GONE_MEMBERS]
        if not missing:
            return
    yield Difference(path, "altered", before, after, keys)


def _has_special(path: str, gone: frozenset[str]) -> bool:
    """Return whether something below that place may be missing, so that the place is not lost as a whole."""
    return any(one.startswith(path + ".") for one in (*gone, *(moved for moved, _to in _MOVED)))


def _same_text(before: Any, after: Any) -> bool:
    """Compare a value of harbor.cfg, where everything is a string: 5432 there is the number in harbor.yml."""
    if isinstance(after, bool):
        return str(before).lower() == str(after).lower()
    return str(before) == str(after) and not isinstance(after, (dict, list))


def _redis_joined(rules: _Rules) -> str | None:
    """Return host and port of an external Redis in one key, as since 2.0; None if nothing was brought together."""
    old, new = get_value(rules.old, ("external_redis",)), get_value(rules.new, ("external_redis",))
    if not isinstance(old, dict) or not isinstance(new, dict) or "port" not in old or "port" in new:
        return None
    return None if "host" not in new or ":" in str(old.get("host")) else f"{old.get('host')}:{old['port']}"


def put_back(old: Config, new: Config, differing: Collection[Difference]) -> Config:
    """Return the new configuration with what was lost or altered as it was; neither of the two is changed."""
    result = copy.deepcopy(new)
    joined = _redis_joined(_Rules(old, new, frozenset(), False))
    for difference in differing:
        keys = difference.keys or tuple(difference.path.split("."))
        before = difference.before
        if difference.path == "external_redis.host" and joined is not None:
            before = joined
        set_value(result, keys, copy.deepcopy(before))
    return result
