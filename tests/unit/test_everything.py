# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs everything (tests/everything.py): steps that fail, hang, or lose their engine, and the times of all.

The steps are real processes, shell commands in place of nox sessions. The engine is a script with the name of one: it
imitates the pid file, the log, and that it dies.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest

TESTS = pathlib.Path(__file__).resolve().parent.parent
RUN = """
import pathlib, sys
sys.path.insert(0, {tests!r})
import engine_watch, everything, parts_ahead, step, times
class Shell(step.Step):
    def command(self):
        return ["sh", "-c", self.session]
folder = pathlib.Path({folder!r})
for module in (step, everything, times, engine_watch, parts_ahead):
    module.ROOT = folder
    module.LOGS = folder / "logs"
everything.TIMES = folder / "times.json"
everything.clear_hosts = lambda: None
step.Step.run.__defaults__ = ({limit},)
everything.ALONE[:] = [Shell("first", "echo in the tree alone")]
everything.WAITING[:] = []
everything.TOGETHER[:] = [Shell(*names) for names in {steps!r}]
everything.STEPS[:] = [*everything.ALONE, *everything.TOGETHER]
{more}
everything.main()
"""


def everything(
    folder: pathlib.Path, steps: list[tuple[str, str]], *arguments: str, more: str = "", limit: int = 90
) -> subprocess.CompletedProcess[str]:
    code = RUN.format(tests=str(TESTS), folder=str(folder), steps=steps, limit=limit, more=textwrap.dedent(more))
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def test_a_step_that_fails_stops_no_other(tmp_path: pathlib.Path) -> None:
    done = everything(tmp_path, [("broken", "echo the reason; exit 3"), ("fine", "true")])
    assert done.returncode == 1
    assert "FAILED" in done.stdout and "    the reason" in done.stdout
    assert "Failed: broken\n2 passed, 1 failed, 0 skipped" in done.stdout


LOG = """
TASK [Remove what is not there] ************************************************
fatal: [a]: FAILED! =>
    msg: nothing is there
...ignoring

TASK [first : Try it] **********************************************************
fatal: [a]: FAILED! =>
    msg: a mistake that is rescued

PLAY RECAP *********************************************************************
a    : ok=4    changed=0    unreachable=0    failed=0    skipped=0    rescued=1    ignored=1

=== first passed: 3 s
=== second on a-trixie

PLAY [Run an integration target] ***********************************************

TASK [second : Check each of them] *********************************************
ok: [a] => (item=one)
[ERROR]: Task failed: Action failed: two is not there
failed: [a] (item=two) =>
    a_long_one: |-
{long}
    msg: two is not there
ok: [a] => (item=three)

TASK [Clean up after it] *******************************************************
ok: [a]

PLAY RECAP *********************************************************************
b    : ok=4    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
a    : ok=4    changed=0    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0

=== second failed: 3 s
{cleanup}
1 passed, 1 failed
Failed: second
"""


def test_what_failed_is_said_last(tmp_path: pathlib.Path) -> None:
    log = LOG.format(long="        a line\n" * 40, cleanup="Removing it\n" * 100)
    (tmp_path / "log").write_text(log)
    rows = "held   trixie 1 s  a: b\nBROKEN trixie 1 s  a full disk: failed\n       it did not say so\nheld   trixie c"
    (tmp_path / "rows").write_text(rows)
    tests = "....F\nFAILED tests/unit/test_a.py::test_b - AssertionError\n" + "ERROR: plugins/a.py: not good\n" * 20
    (tmp_path / "tests").write_text(tests)
    killed = "TASK [Wait for it] ***\nfatal: [a]: UNREACHABLE! => \n    msg: it is gone\n"
    (tmp_path / "killed").write_text(killed)
    done = everything(tmp_path, [(n, f"cat {tmp_path / n}; exit 1") for n in ("log", "rows", "tests", "killed")])
    _label, _label, why = done.stdout.partition("What failed in log:\n")
    of_log, _label, more = why.partition("What failed in rows:\n")
    of_rows, _label, more = more.partition("What failed in tests:\n")
    of_tests, _label, more = more.partition("What failed in killed:\n")
    assert of_log.startswith("    second: second : Check each of them\n    failed: [a] (item=two) =>\n")
    assert "\n        msg: two is not there\n" in of_log and of_log.count("a line") == 10
    assert of_log.rstrip().endswith("    === second failed: 3 s\n    Failed: second")
    assert "rescued" not in of_log and "nothing is there" not in of_log
    assert of_rows.strip().splitlines() == ["BROKEN trixie 1 s  a full disk: failed", "           it did not say so"]
    assert of_tests.startswith("    FAILED tests/unit/test_a.py::test_b - AssertionError\n")
    assert of_tests.strip().endswith("    and 9 more, in logs/tests.log")
    assert more.startswith(
        "    Wait for it\n    fatal: [a]: UNREACHABLE! => \n        msg: it is gone\n\nFailed: log, "
    )
    assert more.endswith("Failed: log, rows, tests, killed\n1 passed, 4 failed, 0 skipped\n")


def test_a_step_whose_log_names_nothing(tmp_path: pathlib.Path) -> None:
    done = everything(tmp_path, [("silent", "exit 1")])
    assert "What failed in silent:\n    Its log names nothing.\n\nFailed: silent\n" in done.stdout


def test_whoever_has_nothing_left_helps(tmp_path: pathlib.Path) -> None:
    look = f"for try in $(seq 1200); do test ! -e {tmp_path}/third || exit 0; sleep 0.1; done; exit 1"
    steps = [("a", look), ("b", look), ("c", f"touch {tmp_path}/third")]
    beside = "everything.WAITING[:] = [Shell('w', 'true')]; everything.STEPS.append(everything.WAITING[0])"
    assert everything(tmp_path, steps, more=beside, limit=240).returncode == 0
    (tmp_path / "third").unlink()
    of_waiting = "everything.WAITING[:] = everything.TOGETHER; everything.TOGETHER[:] = []"
    assert everything(tmp_path, steps, more=of_waiting, limit=240).returncode == 0


def test_a_step_that_hangs_is_killed_and_named(tmp_path: pathlib.Path) -> None:
    done = everything(tmp_path, [("hangs", "sleep 1000"), ("fine", "true")], limit=5)
    assert "It had not ended after 0 minutes, and was killed." in done.stdout
    assert "Failed: hangs\n2 passed, 1 failed" in done.stdout


def test_a_step_whose_log_cannot_be_written_fails_alone(tmp_path: pathlib.Path) -> None:
    (tmp_path / "logs" / "broken.log").mkdir(parents=True)
    done = everything(tmp_path, [("broken", "true"), ("fine", "true")])
    assert "    IsADirectoryError: " in done.stdout
    assert "Failed: broken\n2 passed, 1 failed" in done.stdout


def test_times_are_written_and_compared(tmp_path: pathlib.Path) -> None:
    burn = f"{sys.executable} -c 'while __import__(\"time\").process_time() < 1: pass'"
    hosts = 'echo \'{"host": "a", "seconds": 7}\' > $DOCKYARD_HOSTS_FILE'
    assert everything(tmp_path, [("burn", burn), ("hosts", hosts)]).returncode == 0
    document = json.loads((tmp_path / "times.json").read_text())
    steps = {step["name"]: step for step in document["steps"]}
    assert set(steps) == {"first", "burn", "hosts"} and document["left_out"] == []
    assert 1 <= steps["burn"]["processor"] <= steps["burn"]["wall"] + 0.1
    assert steps["hosts"]["hosts"] == 7 and steps["burn"]["hosts"] == 0
    before = tmp_path / "before.json"
    before.write_text((tmp_path / "times.json").read_text().replace('"hosts": 7.0', '"hosts": 9.0'))
    compared = everything(tmp_path, [("burn", burn), ("hosts", hosts), ("new", "true")], "--against", str(before))
    row = next(line for line in compared.stdout.splitlines() if line.startswith("hosts"))
    assert row.split()[-5:] == ["9", "s", "->", "7", "s"]
    assert next(line for line in compared.stdout.splitlines() if line.startswith("new")).split()[1] == "none"


def test_scenarios_can_be_left_out_and_are_named(tmp_path: pathlib.Path) -> None:
    steps = [("scenario-a-trixie", "true"), ("scenario-b-trixie", "true"), ("unit", "true")]
    more = """
    for step in everything.TOGETHER:
        if step.name.startswith("scenario"):
            step.command, step.session = (lambda: ["true"]), "scenario"
    """
    done = everything(tmp_path, steps, "--only", "b", more=more)
    assert "Left out: scenario-a-trixie\n3 passed, 0 failed, 1 skipped" in done.stdout
    without = everything(tmp_path, steps, "--without", "unit", more=more)
    assert "Left out: unit\nWithout unit: unit\n3 passed, 0 failed, 1 skipped" in without.stdout
    wrong = everything(tmp_path, steps, "--only", "c", more=more)
    assert wrong.returncode == 2 and "there is no step scenario-c; --list shows them" in wrong.stderr
    wrong = everything(tmp_path, steps, "--without", "engine30", more=more)
    assert wrong.returncode == 2 and "no step needs engine30; --list shows them" in wrong.stderr


# In place of tests/parts/provide.py: takes a second, or fails.
PROVIDE = """
import sys, time
if sys.argv[2] == "ship":
    sys.exit("The part ship 1.0 can't be built.")
time.sleep(1)
open(f"{folder}/made", "w").close()
"""
WITH_PARTS = """
parts_ahead.PROVIDE = folder / "provide.py"
for step in everything.TOGETHER:
    step.parts = {"needs-boat": ("boat",), "needs-ship": ("ship",)}.get(step.name, ())
"""


def test_parts_are_made_while_the_first_steps_run(tmp_path: pathlib.Path) -> None:
    (tmp_path / "provide.py").write_text(PROVIDE.replace("{folder}", str(tmp_path)))
    waits = f"for i in $(seq 100); do test -e {tmp_path}/made && exit; sleep 0.1; done; exit 1"
    done = everything(tmp_path, [("fine", waits), ("needs-boat", f"test -e {tmp_path}/made")], more=WITH_PARTS)
    # With one step before and one beside it, it comes after both.
    assert "ok" in next(line for line in done.stdout.splitlines() if line.endswith("fine"))
    assert (tmp_path / "logs" / "part-boat.log").exists()


def test_a_part_that_cannot_be_had_is_said_and_fails_its_steps(tmp_path: pathlib.Path) -> None:
    (tmp_path / "provide.py").write_text(PROVIDE.replace("{folder}", str(tmp_path)))
    ensure = f"{sys.executable} {tmp_path}/provide.py ensure ship"
    done = everything(tmp_path, [("needs-ship", ensure), ("fine", "true")], more=WITH_PARTS)
    assert done.returncode == 1
    assert "\nThe part ship 1.0 can't be built.\n" in f"\n{done.stdout}"
    assert "    The part ship 1.0 can't be built.\n" in done.stdout
    assert "Failed: needs-ship\n2 passed, 1 failed" in done.stdout


def test_without_a_part_it_is_not_made_and_its_steps_are_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "provide.py").write_text(PROVIDE.replace("{folder}", str(tmp_path)))
    steps = [("needs-ship", "false"), ("fine", "true"), ("other", "true")]
    done = everything(tmp_path, steps, "fine", "--without", "ship", more=WITH_PARTS)
    assert (done.returncode, (tmp_path / "logs" / "part-ship.log").exists()) == (0, False)
    assert "Without ship: needs-ship\n1 passed, 0 failed, 3 skipped" in done.stdout


def test_ci_leaves_nothing_out(tmp_path: pathlib.Path) -> None:
    (tmp_path / "make").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "make").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "ONLY": "images", "WITHOUT": "engine29"}
    script = TESTS.parent / ".ci" / "run"
    if not script.exists():
        pytest.skip("the artifact of the collection has no .ci")
    done = subprocess.run([script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "test STEP= ONLY= WITHOUT=\n"


def test_a_host_that_died_is_named(tmp_path: pathlib.Path) -> None:
    noted = json.dumps({"host": "a", "died": "The test host a died (exit code 137); its log is kept."})
    done = everything(tmp_path, [("loses-it", f"echo '{noted}' > $DOCKYARD_HOSTS_FILE; exit 1")])
    assert "    The test host a died (exit code 137); its log is kept.\n" in done.stdout


def test_interrupted_it_ends_its_steps(tmp_path: pathlib.Path) -> None:
    mark = tmp_path / "pid"
    steps = [("long", f"echo $$ > {mark}; exec sleep 1000")]
    code = RUN.format(tests=str(TESTS), folder=str(tmp_path), steps=steps, limit=90, more="")
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 240
    while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=240)
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_an_engine_that_dies_is_started_again(tmp_path: pathlib.Path) -> None:
    daemon = tmp_path / "dockerd"
    daemon.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/docker.pid\necho started\nsleep 1000 & wait\n")
    daemon.chmod(0o755)
    (tmp_path / "docker").write_text(f"#!/bin/sh\ntest -s {tmp_path}/docker.pid\n")
    (tmp_path / "docker").chmod(0o755)
    more = f"""
    import os
    engine, folder = engine_watch.engine, pathlib.Path({str(tmp_path)!r})
    os.environ["PATH"] = f"{{folder}}:{{os.environ['PATH']}}"
    os.environ["DOCKER_HOST"] = engine.SOCKET
    engine.RUN = engine.DATA = folder
    engine.PID_FILE, engine.LOG, engine.LOCK = folder / "docker.pid", folder / "engine.log", folder / "lock"
    engine_watch.PAUSE = 0.1
    engine.start()
    """
    kill = f"sleep 0.5; kill -9 $(cat {tmp_path}/docker.pid); sleep 2; kill -0 $(cat {tmp_path}/docker.pid)"
    try:
        done = everything(tmp_path, [("kills-it", kill), ("fine", "true")], more=more)
    finally:
        os.kill(int((tmp_path / "docker.pid").read_text()), signal.SIGKILL)
    assert "died, and the test hosts with it; it was started again." in done.stdout
    assert "Its log is kept in logs/engine-died-1.log." in done.stdout
    assert (tmp_path / "logs" / "engine-died-1.log").exists()
    assert "3 passed, 0 failed" in done.stdout
