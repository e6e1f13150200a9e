# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wrapper's lock: another's is never touched, its own is released, or the command to do so is printed."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest
from gitlab_job import Job
from gitlab_state import State

ANOTHERS = {"ID": "11111111-2222-3333-4444-555555555555", "Who": "bob", "Created": "2026-11-29T10:00:00.000Z"}
# The first one takes its time, the second one comes after it.
SLOW = """
resource "terraform_data" "first" {{
  provisioner "local-exec" {{
    command = "{command}"
  }}
}}
resource "terraform_data" "second" {{
  depends_on = [terraform_data.first]
  provisioner "local-exec" {{
    command = "touch {folder}/second"
  }}
}}
"""


def write_slow(job: Job, first: str = "") -> pathlib.Path:
    """Write a configuration whose apply lasts until let_go(); return the file that exists while it does.

    first: what the command of the first resource begins with.
    """
    begun = job.folder / "begun"
    # An end of its own, after which the test has failed long since: nothing stays behind.
    wait = f"for i in $(seq 3000); do test -e {job.folder}/go && break; sleep 0.1; done"
    job.write(SLOW.format(folder=job.folder, command=f"{first}touch {begun}; {wait}"))
    return begun


def let_go(job: Job) -> None:
    """Let the first resource come to its end."""
    (job.folder / "go").touch()


def resources(job: Job) -> list[str]:
    newest = job.state().versions[max(job.state().versions)]
    return [f"{one['type']}.{one['name']}" for one in json.loads(newest)["resources"]]


def children(process: subprocess.Popen[str]) -> dict[str, int]:
    """Return the identifiers of the wrapper's own children by what they run."""
    command = ["ps", "-o", "pid=,comm=", "--ppid", str(process.pid)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    return {name: int(pid) for pid, name in (line.split() for line in listed.stdout.splitlines())}


def test_the_lock_of_another_is_not_touched(job: Job) -> None:
    begun = write_slow(job)
    job.ok("plan")
    job.state().lock = dict(ANOTHERS)
    before = len(job.gitlab.requests)
    for command in ("plan", "apply", "destroy"):
        status, output = job.run(command)
        assert status == 1
        assert (
            f"is locked by bob since {ANOTHERS['Created']}, with the lock {ANOTHERS['ID']}. That lock is not touched"
            in output
        )
    assert job.state().lock == ANOTHERS
    assert not [request for request in job.gitlab.requests[before:] if request[0] == "DELETE"]
    assert not begun.exists()


def test_the_lock_of_another_is_waited_for(job: Job) -> None:
    write_slow(job)
    let_go(job)
    job.gitlab.states["default"] = State(lock=dict(ANOTHERS))
    for given, option in (({"GITLAB_TOFU_LOCK_TIMEOUT": "3"}, ()), ({}, ("-lock-timeout=3s",))):
        began = time.monotonic()
        status, output = job.run("plan", *option, **given)
        assert status == 1 and time.monotonic() - began >= 3 and "Waiting for the lock" in output
    process = job.start("apply", GITLAB_TOFU_LOCK_TIMEOUT="3m", GITLAB_TOFU_APPLY_NO_PLAN="true")
    while 409 not in job.gitlab.asked("POST", "/lock")[4:]:
        time.sleep(0.1)
    job.state().lock = None
    assert job.end(process)[0] == 0
    assert len(resources(job)) == 2 and job.state().lock is None


def test_a_run_that_waits_for_a_lock_can_be_ended(job: Job) -> None:
    write_slow(job)
    job.gitlab.states["default"] = State(lock=dict(ANOTHERS))
    process = job.start("apply", GITLAB_TOFU_LOCK_TIMEOUT="1h", GITLAB_TOFU_APPLY_NO_PLAN="true")
    while 409 not in job.gitlab.asked("POST", "/lock"):
        time.sleep(0.1)
    process.terminate()
    assert job.end(process)[0] != 0
    assert job.state().lock == ANOTHERS


@pytest.mark.parametrize(
    ("to", "number"), [("wrapper", signal.SIGTERM), ("wrapper", signal.SIGHUP), ("job", signal.SIGTERM)]
)
def test_term_in_the_middle_of_apply(job: Job, to: str, number: signal.Signals) -> None:
    """Let tofu finish what it has begun, with one signal and never two, write the state, and release the lock.

    to: whether the signal goes to the wrapper alone, or to all processes of the job in the order of GitLab's runner.
    """
    begun = write_slow(job, "trap '' TERM; ")
    process = job.start("apply", GITLAB_TOFU_APPLY_NO_PLAN="true", TF_LOG="INFO")
    job.wait_for(begun)
    tree = subprocess.run(["ps", "-o", "pid=", "--sid", str(process.pid)], capture_output=True, text=True, check=True)
    everyone = sorted(map(int, tree.stdout.split()), reverse=True)
    assert len(everyone) >= 3
    # Long enough for a second signal, if there is one, to find tofu at work.
    job.gitlab.upload_seconds = 4
    for pid in [process.pid] if to == "wrapper" else everyone:
        with contextlib.suppress(ProcessLookupError):  # a sleep that has ended
            os.kill(pid, number)
    # tofu says that it was interrupted before it holds back what comes next; that shows in its log alone.
    job.wait_until_printed(process, "waiting for graceful stop to complete")
    let_go(job)
    status, output = job.end(process)
    assert status != 0, output
    assert output.count("Interrupt received") == 1 and "Two interrupts" not in output, output
    assert resources(job) == ["terraform_data.first"] and not (job.folder / "second").exists()
    assert job.state().lock is None
    assert re.search(r"Released the lock [0-9a-f-]{36}\.", output)


def test_a_terminal_sends_its_interrupt_to_tofu_too(job: Job) -> None:
    begun = write_slow(job)
    process = job.start("apply", GITLAB_TOFU_APPLY_NO_PLAN="true")
    job.wait_for(begun)
    os.kill(children(process)["tofu"], signal.SIGINT)
    process.send_signal(signal.SIGINT)
    job.wait_until_printed(process, "Interrupt received")
    let_go(job)
    status, output = job.end(process)
    assert status != 0 and "Two interrupts" not in output and output.count("Interrupt received") == 1
    assert "terraform_data.first" in resources(job) and job.state().lock is None


def test_tofu_is_killed(job: Job) -> None:
    begun = write_slow(job)
    process = job.start("apply", GITLAB_TOFU_APPLY_NO_PLAN="true")
    job.wait_for(begun)
    os.kill(children(process)["tofu"], signal.SIGKILL)
    status, output = job.end(process)
    let_go(job)
    assert status == 137 and job.state().lock is None


def test_the_whole_job_is_killed(job: Job) -> None:
    """Then its log has the command, and after_script releases the lock; another's that came in its place stays."""
    begun = write_slow(job)
    process = job.start("apply", GITLAB_TOFU_APPLY_NO_PLAN="true")
    job.wait_for(begun)
    os.killpg(process.pid, signal.SIGKILL)
    _status, output = job.end(process)
    let_go(job)
    lock = (job.state().lock or {})["ID"]
    address = f"{job.environment['CI_API_V4_URL']}/projects/42/terraform/state/default/lock?ID={lock}"
    assert f"If this job is killed, release it with: curl --user USER --request DELETE '{address}'" in output
    left = job.folder / ".terraform" / "gitlab-tofu.lock"
    noted = left.read_text()
    job.ok("unlock")
    assert job.state().lock is None and not left.exists()
    assert "No lock of this job is left" in job.ok("unlock")
    # The folder came out of a cache, and the state is locked by another by now.
    left.write_text(noted)
    job.state().lock = dict(ANOTHERS)
    assert f"The lock {lock} is not this job's any more; what is there now was left." in job.ok("unlock")
    assert job.state().lock == ANOTHERS


def test_a_lock_that_can_not_be_released(job: Job) -> None:
    write_slow(job)
    let_go(job)
    job.gitlab.faults["DELETE /lock"] = [500, 502, 500]
    status, output = job.run("apply", GITLAB_TOFU_APPLY_NO_PLAN="true")
    lock = (job.state().lock or {})["ID"]
    assert status == 1
    assert re.search(
        rf"The lock {lock} could not be released \(HTTP 500\)\. Release it with: curl --user USER .*ID={lock}'", output
    )
    job.ok("unlock")
    assert job.state().lock is None


def test_answers_that_are_lost(job: Job) -> None:
    """GitLab has carried the request out, and the answer does not arrive."""
    write_slow(job)
    let_go(job)
    job.ok("init")
    answer = job.gitlab.answer

    def lose(*request: object) -> tuple[int, bytes]:
        done = answer(*request)  # type: ignore[arg-type]
        if request[1] == "POST" and str(request[2]).endswith("/lock") and not lost:
            lost.append(done[0])
            return 502, b""
        return done

    lost: list[int] = []
    job.gitlab.answer = lose  # type: ignore[method-assign, assignment]
    job.ok("apply", GITLAB_TOFU_APPLY_NO_PLAN="true")
    assert lost == [200] and len(resources(job)) == 2 and job.state().lock is None


def test_a_server_that_does_not_answer(job: Job) -> None:
    write_slow(job)
    let_go(job)
    job.ok("init")
    job.gitlab.faults["POST /lock"] = [0, 500, 0]
    status, output = job.run("plan", GITLAB_TOFU_IMPLICIT_INIT="false")
    assert status == 1 and "GitLab does not answer the request for a lock (HTTP 000" in output
    assert job.gitlab.states == {} or job.state().lock is None


def test_locking_left_to_tofu(job: Job) -> None:
    write_slow(job)
    let_go(job)
    job.ok("apply", GITLAB_TOFU_LOCK="tofu", GITLAB_TOFU_APPLY_NO_PLAN="true")
    assert job.gitlab.asked("POST", "/lock") == job.gitlab.asked("DELETE", "/lock") == [200]
    assert "Locked the state" not in job.output and len(resources(job)) == 2


def test_two_jobs_at_once(job: Job) -> None:
    """One of them gets the lock, the other waits: no state is lost."""
    write_slow(job, "sleep 1; ")
    let_go(job)
    apply = {"GITLAB_TOFU_APPLY_NO_PLAN": "true", "GITLAB_TOFU_LOCK_TIMEOUT": "3m"}
    both = [job.start("apply", TF_DATA_DIR=folder, **apply) for folder in (".one", ".two")]
    outcomes: list[tuple[int, str]] = []
    threads = [threading.Thread(target=lambda one=one: outcomes.append(job.end(one))) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _output in outcomes] == [0, 0], outcomes
    assert len(resources(job)) == 2 and job.state().lock is None
