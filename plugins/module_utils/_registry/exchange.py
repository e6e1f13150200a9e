# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Exchange the container of a registry for another one, so that a kill at any point leaves one that comes up.

The present container gets another name and goes on; its successor is made beside it, with its name, and does not run
yet. Only then is the one stopped and the other one started. In between, the old one is the engine's to start: should
the host go down there, it comes back by itself. A record says that an exchange has begun, until finish() or undo(): the
next run finds it after a kill, and brings back the old container and the files with which it was proven.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable, TypeVar

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from . import proven, window_end
from .container import Container
from .record import read_record, write_record

_RECORD = ".exchange"
_PAUSE = 0.5  # seconds
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Exchange:
    """What is exchanged.

    previous: the container under the name that it has in the meantime.
    base: the folder of the instance; folders: those in it whose files are put back together with the container.
    seconds: how long the engine is waited for, which may be restarting at this moment.
    """

    container: Container
    previous: Container
    base: str
    folders: Sequence[str]
    seconds: float


@dataclass(frozen=True)
class _Record:
    """An exchange that has begun. policy: the restart policy of the present container, None if there is none."""

    policy: str | None


def pending(exchange: Exchange) -> bool:
    """Return whether an exchange is neither finished nor undone."""
    return _read_record(exchange) is not None or _patiently(exchange, exchange.previous.details) is not None


def begin(exchange: Exchange) -> None:
    """Make the container's name free for its successor. The container itself runs on."""
    if pending(exchange):
        undo(exchange)
    details = _patiently(exchange, exchange.container.details)
    record = _Record(None if details is None else exchange.container.restart_policy(details))
    os.makedirs(exchange.base, mode=0o755, exist_ok=True)
    write_record(_record_path(exchange), record)
    if details is not None:
        exchange.container.rename(exchange.previous.name)


def switch(exchange: Exchange) -> None:
    """Stop the one container and start the other one."""
    details = _patiently(exchange, exchange.previous.details)
    runs = details is not None and details["State"]["Running"]
    if runs:
        # With the policy that it has, a container that was stopped would stay down when the host comes up again.
        _patiently(exchange, lambda: exchange.previous.set_restart_policy("always"))
        _patiently(exchange, exchange.previous.stop)
    _patiently(exchange, exchange.container.start)
    if runs:
        _patiently(exchange, lambda: exchange.previous.set_restart_policy("no"))


def finish(exchange: Exchange) -> None:
    """Keep the files of the registry as proven ones, and drop the container that was set aside."""
    try:
        _drop_markers(exchange)
    except OSError as error:
        raise proven.not_kept(exchange.base, error) from error
    proven.keep(exchange.base, exchange.folders)
    _patiently(exchange, exchange.previous.remove)
    atomic_file.remove(_record_path(exchange))


def forget(base: str) -> None:
    """Drop the record of an exchange that something else has undone."""
    atomic_file.remove(os.path.join(base, _RECORD))


def undo(exchange: Exchange) -> bool:
    """Put the proven files and the old container back, from wherever a run has come to.

    Return whether it did anything.
    """
    record = _read_record(exchange)
    changed = proven.put_back(exchange.base, exchange.folders)
    details = _patiently(exchange, exchange.previous.details)
    if details is not None:
        _patiently(exchange, exchange.container.remove)
        _patiently(exchange, lambda: exchange.previous.rename(exchange.container.name))
        if record is not None and record.policy is not None:
            _patiently(exchange, lambda: exchange.container.set_restart_policy(str(record.policy)))
        changed = True
    elif record is not None and record.policy is None:
        _patiently(exchange, exchange.container.remove)
        changed = True
    details = _patiently(exchange, exchange.container.details)
    if details is not None and not details["State"]["Running"]:
        _patiently(exchange, exchange.container.start)
        changed = True
    if record is not None:
        atomic_file.remove(_record_path(exchange))
        changed = True
    return changed


def _drop_markers(exchange: Exchange) -> None:
    """Remove what a read-only window set aside: the container that is up takes uploads."""
    for folder in exchange.folders:
        for name in os.listdir(os.path.join(exchange.base, folder)):
            if name.endswith(window_end.marker("")):
                os.unlink(os.path.join(exchange.base, folder, name))


def _record_path(exchange: Exchange) -> str:
    return os.path.join(exchange.base, _RECORD)


def _read_record(exchange: Exchange) -> _Record | None:
    path = _record_path(exchange)
    return read_record(
        path,
        _Record,
        DockyardError(
            "registry_exchange_record",
            f"{path}, which says that a container is being exchanged, can't be read; look whether there is a container"
            f" {exchange.previous.name}, give it its name {exchange.container.name} back, and remove that file.",
        ),
    )


def _patiently(exchange: Exchange, work: Callable[[], _Result]) -> _Result:
    """Do the work, and try again what fails while the engine does not answer: it may be restarting at this moment."""
    end = time.monotonic() + exchange.seconds
    answered = 0
    while True:
        try:
            return work()
        except DockyardError as error:
            # It may have come back since the work failed, so one answer proves nothing.
            answered += exchange.container.answers()
            if time.monotonic() >= end or answered > 1:
                error.changed = True
                raise
            time.sleep(_PAUSE)
