# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the parts that steps of everything.py need while the first of its steps run.

A step that comes to its part earlier waits for it (tests/parts/provide.py has a lock), and one whose part can't be had
fails with the sentence that says so. Here that sentence is only said as soon as it is known.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

from step import INTERRUPTED, LOGS, ROOT

PROVIDE = ROOT / "tests" / "parts" / "provide.py"
NICE = 5  # what the steps do comes first


def make(names: list[str], say: Callable[[str], None], running: list[subprocess.Popen[bytes]]) -> None:
    """Make one part after the other, each with a log; most of them are there already."""
    for name in names:
        log = LOGS / f"part-{name}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                ["nice", "-n", str(NICE), sys.executable, str(PROVIDE), "ensure", name],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
            running[:] = [process]
            code = process.wait()
        if INTERRUPTED.is_set():
            return
        if code != 0:
            said = log.read_text(errors="replace").strip().splitlines()
            say(said[-1] if said else f"Making the part {name} failed without a message.")


@contextlib.contextmanager
def made(names: list[str], say: Callable[[str], None]) -> Iterator[None]:
    """Make these parts in the background, and end that with what is inside."""
    running: list[subprocess.Popen[bytes]] = []
    maker = threading.Thread(target=make, args=(names, say, running))
    maker.start()
    try:
        yield
    except BaseException:
        INTERRUPTED.set()
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        maker.join()
