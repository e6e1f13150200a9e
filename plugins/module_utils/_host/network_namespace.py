# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module_utils is PRIVATE to the collection dockyard.ops: it may change without notice.
"""Open sockets in another network namespace without starting a process there."""

from __future__ import annotations

import concurrent.futures
import ctypes
import os
import sys
from typing import Callable, TypeVar

Result = TypeVar("Result")
_CLONE_NEWNET = 0x40000000


def set_network_namespace(descriptor: int) -> None:
    """Take the calling thread into a network namespace."""
    enter: Callable[[int, int], None] | None = getattr(os, "setns", None)
    if sys.version_info >= (3, 12) and enter is not None:
        enter(descriptor, _CLONE_NEWNET)
        return
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Visitor:
    """Opens sockets in other namespaces, in a thread of its own that never comes back from there.

    Nothing else of the process leaves its namespace, and nothing is started in the other one.
    """

    def __init__(self) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(1)

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._pool.shutdown()

    def do(self, descriptor: int, work: Callable[[], Result]) -> Result:
        """Return what work returns in another namespace. Raise OSError if it may not be entered.

        descriptor: an open file of that namespace.
        """

        def enter() -> Result:
            set_network_namespace(descriptor)
            return work()

        return self._pool.submit(enter).result()
