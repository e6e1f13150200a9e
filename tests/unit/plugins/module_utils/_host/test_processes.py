# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detach real processes, and recognize them later."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from ansible_collections.dockyard.ops.plugins.module_utils._host import processes

MODULE = "ansible_collections.dockyard.ops.plugins.module_utils._host.processes"

# What it finds itself to be, and then what happens to its parent.
PROGRAM = f"""
import json, os, signal, sys, time
from {MODULE} import detach

os.umask(0o077)

def work():
    if sys.argv[2] == "raises":
        raise RuntimeError("a defect")
    while not os.path.exists(sys.argv[1] + ".go"):
        time.sleep(0.01)
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
        terminal = True
    except OSError:
        terminal = False
    os.kill(os.getpid(), signal.SIGHUP)
    print("nobody hears this")
    found = {{
        "terminal": terminal,
        "files": [os.readlink(f"/proc/self/fd/{{number}}") for number in range(3)],
        "group": os.getpgrp(),
        "session": os.getsid(0),
        "parent": os.getppid(),
        "folder": os.getcwd(),
        "umask": os.umask(0),
        "pid": os.getpid(),
    }}
    with open(sys.argv[1] + ".new", "w") as file:
        json.dump(found, file)
    os.replace(sys.argv[1] + ".new", sys.argv[1])

detach(work)
print(f"detached {{os.getpid()}}", flush=True)
if sys.argv[2] == "stays":
    time.sleep(60)
"""


def started(path: pathlib.Path, how: str, **keywords: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path), how],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        **keywords,
    )


def awaited(path: pathlib.Path) -> dict[str, Any]:
    pathlib.Path(f"{path}.go").touch()
    deadline = time.monotonic() + 240
    while not path.exists():
        assert time.monotonic() < deadline, "the worker is gone"
        time.sleep(0.02)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize("how", ["ends", "stays"])
def test_it_goes_on_alone(tmp_path: pathlib.Path, how: str) -> None:
    # In a terminal, and a session that is ended as a whole, as a connection that is interrupted does.
    leader, terminal = os.openpty()
    with started(
        tmp_path / "found",
        how,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(terminal), os.O_RDWR)),
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == f"detached {first.pid}\n"
        if how == "stays":
            os.killpg(first.pid, signal.SIGKILL)
        # Its end is seen although the worker lives: it holds nothing of the connection.
        assert first.stdout.read() == ""
        first.wait(20)
    os.close(terminal)
    os.close(leader)
    found = awaited(tmp_path / "found")
    assert found["terminal"] is False
    assert found["files"] == ["/dev/null"] * 3
    assert found["parent"] != first.pid
    assert found["session"] == found["group"]
    assert found["session"] not in (first.pid, found["pid"], os.getsid(0)), "it leads no session, so gets no terminal"
    assert found["folder"] == "/"
    assert found["umask"] == 0o022


def test_whoever_starts_it_goes_on_at_once_and_leaves_no_zombie(tmp_path: pathlib.Path) -> None:
    with started(tmp_path / "found", "stays") as first:
        assert first.stdout is not None
        assert first.stdout.readline() == f"detached {first.pid}\n"
        assert pathlib.Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text() == ""
        assert not (tmp_path / "found").exists()
        awaited(tmp_path / "found")
        assert first.poll() is None
        first.kill()


def test_a_defect_in_the_work_does_not_run_on_in_the_caller_s_code(tmp_path: pathlib.Path) -> None:
    with started(tmp_path / "found", "raises") as first:
        assert first.communicate(timeout=20)[0] == f"detached {first.pid}\n"
        assert first.returncode == 0


def test_a_group_is_there_as_long_as_one_of_its_processes_is() -> None:
    command = ["sh", "-c", "sleep 60 & echo $!; read word"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as leader:
        assert leader.stdin is not None
        assert leader.stdout is not None
        member = int(leader.stdout.readline())
        start = processes.started_at(leader.pid)
        assert start is not None
        boot = processes.boot_id()
        assert processes.group_is_alive(leader.pid, start, boot)
        assert not processes.group_is_alive(leader.pid, start + 1, boot), "another process with its number"
        assert not processes.group_is_alive(leader.pid, start, "another boot")
        leader.stdin.write("\n")
        leader.stdin.flush()
        leader.wait()
        assert processes.started_at(leader.pid) is None
        assert processes.group_is_alive(leader.pid, start, boot), "its member still runs"
        os.kill(member, signal.SIGKILL)
        deadline = time.monotonic() + 240
        while processes.group_is_alive(leader.pid, start, boot):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_process_that_has_ended_and_was_not_waited_for_is_none() -> None:
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert processes.started_at(ended.pid) is None
