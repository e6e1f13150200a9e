# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The configuration of a Redis as data, and as the file that the server reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from ..container_definition import CONFIG

FILE = f"{CONFIG}/redis.conf"
PORT = 6379
# What the container's own place decides, or other options. Whoever could set them could move the data from our sight.
_OURS: dict[str, Any] = {
    "bind": "* -::*",
    "port": PORT,
    # Its purpose is a server without a password on an open address, which is refused before.
    "protected-mode": False,
    "dir": "/data",
    "dbfilename": "dump.rdb",
    "appenddirname": "appendonlydir",
    "appendfilename": "appendonly.aof",
    "aclfile": f"{CONFIG}/users.acl",
    "daemonize": False,
    "supervised": "no",
    "logfile": "",
    # Redis writes its snapshot at the signal; the default would not do so without save points.
    "shutdown-on-sigterm": "default",
}
_REFUSED = {
    **dict.fromkeys(_OURS, "is decided by this module"),
    **dict.fromkeys(("requirepass", "user", "masterauth", "masteruser"), "would hold a password; give users"),
    **dict.fromkeys(("include", "rename-command"), "would change what this module itself says to the server"),
    **dict.fromkeys(
        ("replicaof", "slaveof", "cluster-enabled"),
        "makes it a part of several servers, which is no task of this module",
    ),
}
_DEFAULTS: dict[str, Any] = {"appendonly": False, "save": "3600 1 300 100 60 10000"}
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+*,=~-]+")

Values = dict[str, str]


def merged(config: Mapping[str, Any]) -> Values:
    """Return all directives as strings. Raise DockyardError for what may not be set."""
    values = {**_DEFAULTS}
    for name, value in config.items():
        key = str(name).lower()
        if not _NAME.fullmatch(key):
            raise _refuse(f"'{name}' is no directive of Redis; write it as redis.conf does, in small letters.")
        if key in _REFUSED:
            raise _refuse(f"The directive {key} {_REFUSED[key]}; leave it out of config.")
        values[key] = value
    return {key: _string(key, value) for key, value in sorted({**values, **_OURS}.items())}


def _refuse(sentence: str) -> DockyardError:
    return DockyardError("redis_config_invalid", sentence)


def _string(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return " ".join(_string(name, part) for part in value)
    if value is None or isinstance(value, dict):
        raise _refuse(
            f"The directive {name} has no value that redis.conf could have; give a string, a number or a list."
        )
    text = str(value)
    # A survey gives everything as a string, and YAML 1.1 makes yes and no of true and false.
    text = {"true": "yes", "false": "no"}.get(text.lower(), text)
    if re.search(r"[\x00-\x1f]", text):
        raise _refuse(f"The value of the directive {name} has a line break or another control character; remove it.")
    return text


def render(values: Mapping[str, str]) -> str:
    """Return the content of the file."""
    lines = ["# Written by dockyard.ops; changes are overwritten by the next run."]
    lines += [f"{name} {_written(name, value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def _written(name: str, value: str) -> str:
    if not value:
        return '""'
    words = value.split(" ")
    return " ".join(word if _PLAIN.fullmatch(word) else _quoted(word) for word in words if word)


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def parse(content: str) -> Values:
    """Return the directives of a file that render() has written."""
    found = {}
    for line in content.splitlines():
        name, _space, value = line.partition(" ")
        if name and not name.startswith("#"):
            words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', value)
            found[name] = " ".join(re.sub(r"\\(.)", r"\1", quoted) if quoted else plain for quoted, plain in words)
    return found


def is_on(values: Mapping[str, str], name: str) -> bool:
    """Return whether a directive is yes."""
    return values.get(name, "no").lower() == "yes"
