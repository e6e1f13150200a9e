# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps our own Docker Engine, on which the test hosts run, up for as long as everything.py runs."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
import threading
from collections.abc import Callable, Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "logs"
sys.path.insert(0, str(ROOT / "tests" / "hosts"))

import engine  # noqa: E402  found through the path set above

PAUSE = 5  # seconds between two looks


def keep_log(begin: int, number: int) -> pathlib.Path:
    """Copy what the engine has logged since a position in its log. Return the copy."""
    kept = LOGS / f"engine-died-{number}.log"
    with engine.LOG.open("rb") as log:
        log.seek(begin)
        kept.write_bytes(log.read())
    return kept


def restart(begin: int, number: int) -> str:
    """Start the engine that died, unless another clone has done so already. Return what happened."""
    kept = keep_log(begin, number)
    with engine.alone():
        engine.start()
    return (
        "The Docker Engine on which the test hosts run died, and the test hosts with it; it was started again. The"
        f" steps that had hosts on it fail. Its log is kept in {kept.relative_to(ROOT)}."
    )


def watch(say: Callable[[str], None], ended: threading.Event) -> None:
    """Look at the engine until the event is set."""
    begin, number = engine.LOG.stat().st_size, 0
    while not ended.wait(PAUSE):
        if engine.running_pid() is not None:
            continue
        number += 1
        try:
            say(restart(begin, number))
            begin = engine.LOG.stat().st_size
        except (OSError, SystemExit) as error:
            say(f"The Docker Engine on which the test hosts run died, and can't be started again: {error}")
            return


@contextlib.contextmanager
def watched(say: Callable[[str], None]) -> Iterator[None]:
    """Watch our own engine; one that belongs to the machine is none of our business."""
    if os.environ.get("DOCKER_HOST") != engine.SOCKET or engine.running_pid() is None:
        yield
        return
    ended = threading.Event()
    watcher = threading.Thread(target=watch, args=(say, ended))
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
