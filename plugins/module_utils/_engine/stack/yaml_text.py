# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Read the YAML of compose files as Docker's own reader does, where PyYAML would take a value for something else."""

from __future__ import annotations

import re
import traceback
from typing import Any

YAML_IMPORT_ERROR: str | None
try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

# YAML 1.1 takes 22:22 for a number to base 60, yes for true, and a date for a date. In a compose file they are a port,
# a word and a word.
_PLAIN = (
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:int", r"[-+]?(?:0b[0-1_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9_]+)", "-+0123456789."),
    ("tag:yaml.org,2002:merge", r"<<", "<"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", "~nN\0"),
)


def load(text: str) -> Any:
    """Return what a string of YAML holds. Raise ValueError if it is none, or if it has a key twice."""
    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506  it derives from the safe one
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def _loader() -> Any:
    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            seen = set()
            for key, _value in node.value:
                if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                    raise yaml.composer.ComposerError(None, None, f"{key.value} is there twice", key.start_mark)
                seen.add(str(key.value))
            return node

        def construct_yaml_int(self, node: Any) -> int:
            value = self.construct_scalar(node)
            octal = re.fullmatch(r"([-+]?)0o([0-7_]+)", value)
            return int(octal[1] + octal[2].replace("_", ""), 8) if octal else int(super().construct_yaml_int(node))

    for tag, pattern, first in _PLAIN:
        Loader.add_implicit_resolver(tag, re.compile(rf"^(?:{pattern})$"), [sign.strip("\0") for sign in first])
    Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_yaml_int)
    return Loader
