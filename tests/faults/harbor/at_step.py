# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a test host: waits until an upgrade of Harbor is at a step, and does something there and then.

    at_step.py STEP DELAY SECONDS COMMAND

DELAY: seconds from the beginning of the step. SECONDS: how long to wait for it. COMMAND: for the shell, or the word
"kill" for a kill -9 of the run, which takes no time that a short step could be over in. Prints the step that the
run was at when it was done; fails where it never came to this step, or where that was over before anybody saw it.
"""

from __future__ import annotations

import glob
import json
import os
import signal
import subprocess
import sys
import time
from typing import Any


def jobs() -> list[dict[str, Any]]:
    found = []
    for path in glob.glob("/var/lib/dockyard/harbor/*/job.json"):
        with open(path) as file:
            found.append(json.load(file))
    return found


def runs() -> list[int]:
    """Return the processes of the module, which go on when the task has ended."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if b"AnsiballZ_harbor_upgrade" in file.read() and int(name) != os.getpid():
                    found.append(int(name))
        except OSError:
            continue
    return found


def alive(pids: list[int]) -> bool:
    return bool(pids) and all(os.path.exists(f"/proc/{pid}") for pid in pids)


def kill(pids: list[int]) -> int:
    """Kill processes. Return how many of them were there to be killed."""
    killed = 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        killed += 1
    return killed


def main() -> None:
    step, delay, seconds, command = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    os.nice(-20)
    deadline = time.monotonic() + seconds
    pids: list[int] = []
    while time.monotonic() < deadline:
        for job in jobs():
            if job["doing"] == step and step not in job["done"] and job["outcome"] is None:
                time.sleep(delay)
                if command == "kill":
                    # At once those that are known, for a step can be short; then those that have been started since.
                    if not kill(pids) + kill(runs()):
                        sys.exit("it had ended before it could be killed")
                else:
                    subprocess.run(command, shell=True, check=True, stdout=sys.stderr)
                print(jobs()[0]["doing"])
                return
            if step in job["done"] or job["outcome"] is not None:
                sys.exit("it was over before it was seen")
        if command == "kill" and not alive(pids):
            pids = runs()
        time.sleep(0.0005)
    sys.exit("it was never at this step")


if __name__ == "__main__":
    main()
