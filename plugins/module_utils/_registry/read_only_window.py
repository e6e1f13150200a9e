# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""A window in which a registry takes no uploads and goes on answering pulls, and that is closed whatever happens.

While it is open, the configuration that is to come back is beside the read-only one, under another name: a marker that
outlives a kill and a power cut, and with which close() of any later run ends the window. Neither opening nor closing
needs space for it: on a full disk, on which garbage collection is wanted most, the read-only configuration is in memory
and laid over the other. Should the process that opened it be killed, its guardian closes it.

That no upload is taken in it is proven by beginning one.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from types import FrameType, TracebackType
from typing import Any

from ansible_collections.dockyard.ops.plugins.module_utils._errors import DockyardError
from ansible_collections.dockyard.ops.plugins.module_utils._host import atomic_file

from . import configuration, direct, overlay, shared_storage
from .api import Registry
from .container import Container
from .guardian import SIGNALS, Guardian
from .place import Place
from .window_end import close, marker

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
# As the role calls it. Nothing is ever completed in it.
_REPOSITORY = "dockyard-proof"


class _Interrupted(BaseException):
    """A signal that ends the process."""


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise _Interrupted(signal.Signals(number).name)


class ReadOnlyWindow:
    """Open on entry, closed on exit.

    registry: the same registry over its API, None if it can't be asked so.
    seconds: how long it was open; warnings: what could not be proven.
    """

    def __init__(
        self, container: Container, place: Place, start_timeout: float, registry: Registry | None = None
    ) -> None:
        self._container = container
        self._place = place
        self._config_file = place.config_file
        self._start_timeout = start_timeout
        self._registry = registry
        self._document: dict[str, Any] = {}
        self._exchanged = False
        self.warnings: list[str] = []
        self._handlers: dict[int, object] = {}
        self._guardian = Guardian(container, self._config_file, start_timeout)
        self._opened = 0.0
        self.seconds = 0.0

    def __enter__(self) -> ReadOnlyWindow:
        document = configuration.read(self._config_file)
        content = configuration.read_only(document, self._place.environment)
        self._document = configuration.in_force(document, self._place.environment)
        shared_storage.require_none(self._container, self._place, self._document)
        # What does not say now that it is healthy would not say so after a restart either.
        self._container.require_health(self._start_timeout)
        self._opened = time.monotonic()
        for number in SIGNALS:
            self._handlers[number] = signal.signal(number, _interrupt)
        self._guardian.start()
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
        try:
            self._exchange(content)
        finally:
            self._exchanged = not os.path.samefile(self._config_file, marker(self._config_file))
            if not self._exchanged:
                os.unlink(marker(self._config_file))
        if not self._container.restart(self._start_timeout):
            raise DockyardError(
                "registry_window_not_opened",
                f"The registry in the container {self._container.name} does not start in read-only mode; look at"
                f" docker logs {self._container.name}.",
                changed=True,
            )
        self._prove(content)

    def _exchange(self, content: bytes) -> None:
        # The name is exchanged and the file not written into: the marker is its second name.
        try:
            atomic_file.write(self._config_file, content, mode=0o600)
        except DockyardError as error:
            if getattr(error.__cause__, "errno", None) not in _NO_SPACE:
                raise
            reason = overlay.lay(self._config_file, content)
            if reason:
                raise DockyardError(
                    "registry_window_no_space",
                    f"There is no space for the read-only configuration beside {self._config_file}, and it can't be"
                    f" laid over it from memory either ({reason}); free a few kilobytes on that file system.",
                ) from error

    def _prove(self, content: bytes) -> None:
        """Raise DockyardError if the registry takes uploads all the same."""
        if not self._container.sees(self._place.config, content):
            raise self._not_read_only("its container does not see the configuration that was exchanged")
        shared_storage.require_none(self._container, self._place, self._document)
        statuses: list[int | None] = []
        if self._registry is not None:
            self._registry.wait(self._start_timeout)
            statuses.append(self._registry.begin_upload(_REPOSITORY))
        details = self._container.details() or {}
        statuses.append(direct.upload_status(direct.endpoints(details, self._document), _REPOSITORY))
        if any(status is not None and 200 <= status < 300 for status in statuses):
            raise self._not_read_only("it begins an upload all the same")
        if 405 not in statuses:
            got = next((f"HTTP {status}" for status in statuses if status), "no answer")
            self.warnings.append(
                f"That the registry in the container {self._container.name} took no uploads in its read-only window is"
                f" not proven, because the beginning of one got {got}; give registry, and the login of a user who may"
                " push."
            )

    def _not_read_only(self, reason: str) -> DockyardError:
        return DockyardError(
            "registry_window_not_read_only",
            f"The registry in the container {self._container.name} is not read-only with the configuration"
            f" {self._config_file}: {reason}. Nothing was deleted; look at the container's command and entrypoint, and"
            " at what is behind the given address.",
            changed=True,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(error)

    def _leave(self, error: BaseException | None) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        try:
            close(self._container, self._config_file, self._start_timeout)
        finally:
            self.seconds = time.monotonic() - self._opened
            self._guardian.end()
            for handled, handler in self._handlers.items():
                signal.signal(handled, handler)  # type: ignore[arg-type]
        if isinstance(error, _Interrupted):
            raise DockyardError(
                "registry_window_interrupted",
                f"The work in the read-only window was interrupted by {error}; the registry in the container"
                f" {self._container.name} is back in read-write service. Run again.",
                changed=True,
            ) from error
        if isinstance(error, DockyardError) and self._exchanged:
            error.changed = True
