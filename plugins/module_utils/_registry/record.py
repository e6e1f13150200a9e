# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""The record of work that has begun on a registry's instance, by which the next run finds it after a kill."""

from __future__ import annotations

import json
from typing import Any, Callable, TypeVar

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

_Record = TypeVar("_Record")


def write_record(path: str, record: Any) -> None:
    """Write a record, which is a dataclass. It is on the disk afterwards."""
    atomic_file.write(path, json.dumps(vars(record)).encode(), mode=0o600)


def read_record(path: str, kind: Callable[..., _Record], unreadable: DockyardError) -> _Record | None:
    """Return the record, or None if there is none. Raise the error for one that is none of this kind."""
    content = atomic_file.read(path)
    if content is None:
        return None
    try:
        return kind(**json.loads(content))
    except (ValueError, TypeError) as error:
        raise unreadable from error
