# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: table
short_description: A list of dictionaries as an aligned table
version_added: 0.2.0
description:
  - Makes lines of text with aligned columns, for M(ansible.builtin.debug). As it is a list of lines, it is readable
    with every output format of Ansible.
positional: columns
options:
  _input:
    description:
      - The rows.
    type: list
    elements: dict
    required: true
  columns:
    description:
      - Which keys to show, in this order. By default, all keys of the first row.
    type: list
    elements: str
  width:
    description:
      - Longest value that is shown in full. Longer ones are cut, but for those of the last column.
    type: int
    default: 40
author:
  - The Dockyard authors (@dockyard-ops)
"""

EXAMPLES = r"""
---
- name: Show the rows
  ansible.builtin.debug:
    msg: "{{ [{'host': 'web1', 'key': 'bip'}, {'host': 'web12', 'key': 'icc'}] | dockyard.ops.table }}"
"""

RETURN = r"""
_value:
  description:
    - The lines. The first holds the names of the columns. Values that are not text are shown as JSON.
  type: list
  elements: str
  sample:
    - host   key
    - web1   bip
    - web12  icc
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def table(rows: Any, columns: Sequence[str] | None = None, width: int = 40) -> list[str]:
    if isinstance(rows, (str, Mapping)) or not isinstance(rows, Sequence):
        raise AnsibleFilterError(f"table takes a list of dictionaries, and not {type(rows).__name__}.")
    for row in rows:
        if not isinstance(row, Mapping):
            raise AnsibleFilterError(f"table takes a list of dictionaries, and one of them is {type(row).__name__}.")
    names = list(columns) if columns is not None else list(rows[0]) if rows else []
    lines = [names]
    for row in rows:
        values = [_text(row.get(name, "")) for name in names]
        lines.append([_cut(value, width) for value in values[:-1]] + values[-1:])
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    return ["  ".join(value.ljust(size) for value, size in zip(line, widths)).rstrip() for line in lines]


def _text(value: Any) -> str:
    # A line break would tear the table.
    return " ".join(value.split()) if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _cut(value: str, width: int) -> str:
    return value if len(value) <= width else value[: max(width - 3, 0)] + "..."


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"table": table}
