# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Say why a service failed: its task's last error, and the last lines of its log."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError

from ..api import EngineApi, Unreachable
from . import converge
from .converge import Service, Task, Verdict

_LINES = 10
_FRAME = 8  # bytes before each piece of a log: which stream, and how long it is
_NO_IMAGE = re.compile(r"No such image|pull access denied|manifest unknown|failed to resolve reference", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Failure:
    """A service that failed.

    error: of its task, in the engine's words. log: the last lines of the task. cause: all of it as a sentence.
    """

    service: str
    task: str
    node: str
    error: str
    log: list[str]
    cause: DockyardError

    def returned(self) -> dict[str, Any]:
        """Return what the module returns of it."""
        return {key: getattr(self, key) for key in ("service", "task", "node", "error", "log")}


class StackError(DockyardError):
    """An error with what became of the stack.

    cause: what it comes from. details: what the module returns besides.
    """

    def __init__(
        self, cause: DockyardError | Unreachable, message: str, changed: bool, details: Mapping[str, Any]
    ) -> None:
        super().__init__(cause.code if isinstance(cause, DockyardError) else "stack_no_answer", message, changed)
        self.details = dict(details)

    def returned(self) -> dict[str, Any]:
        return self.details


def explain(api: EngineApi, service: Service | None, name: str, verdict: Verdict, nodes: Mapping[str, str]) -> Failure:
    """Return why a service failed. Its container has to be there still, for its log."""
    task = verdict.task
    rolled_back = verdict.state == "rolled back"
    begin = f"The Swarm has rolled {name} back" if rolled_back else f"{name} does not run"
    code = "stack_rolled_back" if rolled_back else "stack_service_failed"
    if task is None or service is None:
        cause = DockyardError(code, f"{begin}: {verdict.missing.rstrip('.')}")
        return Failure(name, "", "", verdict.missing, [], cause)
    full = converge.name(task, service, nodes)
    node = nodes.get(task.get("NodeID") or "", "")
    error = error_of(task)
    log = log_of(api, task)
    end = f"; the last lines of its log: {' / '.join(log[-3:])}" if log else ""
    if task["Status"]["State"] == "pending":
        cause = DockyardError(code, f'{begin}: no node can take its task {full} ("{error}"){end}')
    elif task["Status"]["State"] == "complete":
        cause = DockyardError(code, f"{begin}: its task {full} ended by itself with 0{end}")
    elif _NO_IMAGE.search(error):
        image = task["Spec"]["ContainerSpec"]["Image"].partition("@")[0]
        sentence = f'{begin}: the node {node} has no image {image} and can\'t pull it ("{error}"){end}'
        cause = DockyardError("stack_rolled_back" if rolled_back else "stack_image_missing_on_node", sentence)
    else:
        cause = DockyardError(code, f'{begin}: its task {full} failed with "{error}"{end}')
    return Failure(name, full.partition(" on ")[0], node, error, log, cause)


def error_of(task: Task) -> str:
    """Return the last error of a task."""
    status = task["Status"]
    return str(status.get("Err") or status.get("Message") or status["State"]).strip().rstrip(".")


def log_of(api: EngineApi, task: Task) -> list[str]:
    """Return the last lines that a task has written; none if they can't be had."""
    if not (task["Status"].get("ContainerStatus") or {}).get("ContainerID"):
        return []
    try:
        status, content = EngineApi(api.path, 10).read(
            f"/tasks/{task['ID']}/logs", stdout="true", stderr="true", tail=str(_LINES)
        )
    except Unreachable:
        return []
    return lines(content) if status == 200 else []


def lines(content: bytes) -> list[str]:
    """Return the lines of a log as the engine sends it: in pieces with their lengths, or as it is from a terminal."""
    pieces, rest = [], content
    while len(rest) >= _FRAME and rest[0] in (0, 1, 2) and rest[1:4] == b"\0\0\0":
        end = _FRAME + int.from_bytes(rest[4:_FRAME], "big")
        pieces.append(rest[_FRAME:end])
        rest = rest[end:]
    text = b"".join([*pieces, rest]).decode(errors="replace")
    shown = ("".join(sign if sign.isprintable() else " " for sign in line).strip() for line in text.splitlines())
    return [line for line in shown if line][-_LINES:]
