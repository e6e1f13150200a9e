# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A window in which a registry takes no uploads and goes on answering pulls, and that is closed whatever happens.

While it is open, the configuration that is to come back is beside the read-only one, under another name: a marker that
outlives a kill and a power cut, and with which close() of any later run ends the window. Neither opening nor closing
needs space for it. Should the process that opened it be killed, a second one, its guardian, closes it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from types import FrameType, TracebackType

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from . import configuration
from .container import Container, Place

_PAUSE = 0.5  # seconds
_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class _Interrupted(BaseException):
    """A signal that ends the process."""


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise _Interrupted(signal.Signals(number).name)


def marker(config_file: str) -> str:
    """Return the path of the configuration that a window sets aside."""
    return f"{config_file}.read-write"


def close(container: Container, config_file: str, start_timeout: float) -> bool:
    """Close a window that a run left open. Return False if none is open.

    A registry whose container is gone gets its configuration back all the same.
    """
    aside = marker(config_file)
    if not os.path.exists(aside):
        return False
    _put_back(config_file)
    if not _is_gone(container, start_timeout) and not container.restart(start_timeout):
        raise DockyardError(
            "registry_window_not_closed",
            f"The registry in the container {container.name} is not back in read-write service after its read-only"
            f" window; look at docker logs {container.name} and run the role dockyard.ops.registry.",
            changed=True,
        )
    os.unlink(aside)
    atomic_file.sync_folder(os.path.dirname(config_file))
    return True


def _is_gone(container: Container, seconds: float) -> bool:
    """Return whether there is no container. The engine itself may be restarting at this moment, so it is waited for."""
    end = time.monotonic() + seconds
    while True:
        try:
            return container.details() is None
        except DockyardError as error:
            if time.monotonic() >= end:
                error.changed = True
                raise
            time.sleep(_PAUSE)


def _put_back(config_file: str) -> None:
    """Give the configuration its name again; a hard link needs no space, and the marker stays."""
    fresh = f"{config_file}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh)
    try:
        os.link(marker(config_file), fresh)
        os.rename(fresh, config_file)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)  # a rename between two names of one file does nothing
        atomic_file.sync_folder(os.path.dirname(config_file))
    except OSError as error:
        raise DockyardError(
            "registry_window_not_closed",
            f"{marker(config_file)} can't be put back as {config_file} ({error.strerror}); do that by hand, and restart"
            " the registry.",
            changed=True,
        ) from error


class ReadOnlyWindow:
    """Open on entry, closed on exit; seconds: how long it was open."""

    def __init__(self, container: Container, place: Place, start_timeout: float) -> None:
        self._container = container
        self._config_file = place.config_file
        self._environment = place.environment
        self._start_timeout = start_timeout
        self._handlers: dict[int, object] = {}
        self._guardian = 0
        self._line = -1
        self._opened = 0.0
        self.seconds = 0.0

    def __enter__(self) -> ReadOnlyWindow:
        content = configuration.read_only(configuration.read(self._config_file), self._environment)
        # What does not say now that it is healthy would not say so after a restart either.
        self._container.require_health(self._start_timeout)
        self._opened = time.monotonic()
        for number in _SIGNALS:
            self._handlers[number] = signal.signal(number, _interrupt)
        self._start_guardian()
        try:
            self._open(content)
        except BaseException as error:
            self._leave(error)
            raise
        return self

    def _open(self, content: bytes) -> None:
        try:
            os.link(self._config_file, marker(self._config_file))
        except OSError as error:
            raise atomic_file.explain("set aside", self._config_file, error) from error
        # The name is exchanged and the file not written into: the marker is its second name.
        atomic_file.write(self._config_file, content, mode=0o600)
        if not self._container.restart(self._start_timeout):
            raise DockyardError(
                "registry_window_not_opened",
                f"The registry in the container {self._container.name} does not start in read-only mode; look at"
                f" docker logs {self._container.name}.",
                changed=True,
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(error)

    def _leave(self, error: BaseException | None) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        try:
            close(self._container, self._config_file, self._start_timeout)
        finally:
            self.seconds = time.monotonic() - self._opened
            self._end_guardian()
            for handled, handler in self._handlers.items():
                signal.signal(handled, handler)  # type: ignore[arg-type]
        if isinstance(error, _Interrupted):
            raise DockyardError(
                "registry_window_interrupted",
                f"The work in the read-only window was interrupted by {error}; the registry in the container"
                f" {self._container.name} is back in read-write service. Run again.",
                changed=True,
            ) from error
        if isinstance(error, DockyardError):
            error.changed = True

    def _start_guardian(self) -> None:
        """Fork a process that closes the window if this one ends without having done so."""
        reader, self._line = os.pipe()
        self._guardian = os.fork()
        if self._guardian:
            os.close(reader)
            return
        status = 1
        try:
            os.setsid()
            for ignored in _SIGNALS:
                signal.signal(ignored, signal.SIG_IGN)
            os.close(self._line)
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
            # A byte says that the window is closed; the end of the line without one, that its owner is gone.
            if not os.read(reader, 1):
                close(self._container, self._config_file, self._start_timeout)
            status = 0
        finally:
            # Not even an exception may lead back into the code of the process that was copied.
            os._exit(status)

    def _end_guardian(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._line, b"x" if not os.path.exists(marker(self._config_file)) else b"")
        with contextlib.suppress(OSError):
            os.close(self._line)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._guardian, 0)
