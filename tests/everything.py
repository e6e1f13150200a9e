# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check and every test: what `make test` runs.

    everything.py [--list] [--only "SCENARIO ..."] [--without "PART ..."] [--against FILE] [STEP ...]

A step is one nox session. Two run at a time, the longest first, and beside them what mostly waits, which keeps
two cores busy; who has nothing left of one kind goes on with the other. Before them come those that need the tree to
themselves. A step's output goes to
.cache/logs/STEP.log; of a step that failed, its end is printed. What took how long is printed at the end and written to
.cache/times.json, a copy of which can be named as FILE in another run. The last lines say what failed.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import contextlib
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import engine_watch
import failures
import parts_ahead
import times
from step import INTERRUPTED, LOGS, ROOT, Step

TIMES = ROOT / ".cache" / "times.json"
TAIL = 30  # lines of a failed step's log
FAILURES = 12  # of one step, at the end


def scenario(name: str, suite: str = "trixie", parts: tuple[str, ...] = ()) -> Step:
    return Step(f"scenario-{name}-{suite}", "scenario", (name, suite), parts)


# They read every file of the tree, and would take for one of the project's what another step writes in the meantime:
# reuse asks git only once, at its start, what is to be ignored.
ALONE = [Step(name, name) for name in ("license-check", "extra-checks")]
# Targets that mostly wait for servers to come up, and prove that they stay up.
OF_SERVERS = ("swarm_stack", "database_backup", "database_upgrade", "mysql_server", "redis_server")
TARGETS = sorted(
    folder.name
    for folder in (ROOT / "tests" / "integration" / "targets").iterdir()
    if not folder.name.startswith("setup_") and folder.name not in OF_SERVERS
)
# A good part of their time is that of engines that restart and hosts that boot.
WAITING = [
    Step("faults-daemon-trixie", "faults", ("daemon", "trixie", "--small")),
    Step("integration-engine29", "integration", ("docker_bridge", "docker_topology_info", "engine29"), ("engine29",)),
    Step("engines-29", "engines", ("engine29-upgraded", "engine29-nftables"), ("engine29",)),
    Step("integration-servers", "integration", OF_SERVERS),
]
TOGETHER = [
    scenario("registry"),
    Step("faults-harbor-trixie", "faults", ("harbor", "trixie", "--small")),
    scenario("registry_host"),
    scenario("docker_engine"),
    scenario("docker_daemon"),  # on all three suites at once
    scenario("swarm"),  # two suites
    scenario("traefik_stack"),
    scenario("docker_network"),  # the worker's suite is bookworm
    scenario("images"),
    scenario("opentofu_image", parts=("opentofu",)),
    scenario("redis"),
    scenario("mysql"),
    Step("integration", "integration", tuple(TARGETS)),
    scenario("harbor_upgrade"),
    scenario("harbor"),
    scenario("registry_mtls"),
    # Distribution 3 is built from its Go module on first use.
    scenario("registry_upgrade", parts=("distribution",)),
    scenario("registry_clients"),
    scenario("network_report"),
    Step("sanity", "sanity"),
    Step("unit", "unit"),
    Step("opentofu", "opentofu", parts=("opentofu",)),
    # The ends of both ranges whole: what is between them differs little.
    *(Step(f"core-{version}", "core", (version,)) for version in ("2.17", "2.21")),
    *(Step(f"core-{version}", "core", (version, "--small")) for version in ("2.18", "2.20")),
    # Those that a release of Debian has, and so every machine.
    Step("python-imports", "python", ("3.9", "3.11", "3.13", "3.14", "--imports")),
    *(Step(name, name) for name in ("galaxy_importer", "ansible_lint", "docs_lint", "docs", "types", "style", "words")),
    *(Step(name, name) for name in ("yamllint", "docs-check", "changelog", "roles")),
]
STEPS = [*ALONE, *WAITING, *TOGETHER]
AT_ONCE = 2


def say(text: str) -> None:
    print(f"{text}\n", end="", flush=True)


def run(step: Step) -> None:
    """Run one step and say how it ended; nothing that happens to it stops the others."""
    if INTERRUPTED.is_set():
        return
    try:
        step.run()
    except Exception as error:  # for instance a full disk, on which its log can't be opened
        step.failed_because.append(f"{type(error).__name__}: {error}")
    say(f"{'ok    ' if step.passed else 'FAILED'} {step.times.wall:6.0f} s  {step.name}")
    for reason in step.failed_because:
        say(f"    {reason}")
    if not step.passed and step.log.is_file():
        say(indented("\n".join(step.log.read_text(errors="replace").splitlines()[-TAIL:])))


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def say_why(step: Step) -> None:
    """Print what failed in a step: last, because what shows a run of continuous integration may keep but its end."""
    what = failures.found(step.log.read_text(errors="replace")) if step.log.is_file() else []
    say(f"\nWhat failed in {step.name}:")
    for failure in [*step.failed_because, *what[:FAILURES]] or ["Its log names nothing."]:
        say(indented(failure))
    if len(what) > FAILURES:
        say(f"    and {len(what) - FAILURES} more, in {step.log.relative_to(ROOT)}")


def run_streams(*streams: Sequence[collections.deque[Step]]) -> None:
    """Run steps in several streams at a time. A stream takes the first step that is left in the first of its queues."""

    def run_stream(queues: Sequence[collections.deque[Step]]) -> None:
        for queue in queues:
            with contextlib.suppress(IndexError):  # it is empty
                while True:
                    run(queue.popleft())

    with concurrent.futures.ThreadPoolExecutor(len(streams)) as pool:
        try:
            list(pool.map(run_stream, streams))
        except KeyboardInterrupt:
            INTERRUPTED.set()  # the pool waits for the steps that run, which end themselves then
            raise


def run_in_order(steps: list[Step]) -> None:
    """Run what needs the tree to itself, then the others."""
    alone, waiting, together = (
        collections.deque(step for step in steps if step in kind) for kind in (ALONE, WAITING, TOGETHER)
    )
    run_streams([alone])
    run_streams([waiting, together], *[[together, waiting]] * AT_ONCE)


def clear_hosts() -> None:
    """Remove what an earlier run of this clone left behind: hosts in an unknown state use up the kernel's limits."""
    command = [sys.executable, str(ROOT / "tests" / "hosts" / "hosts.py"), "clean"]
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        say("The test hosts of an earlier run could not be removed; the message is above. The run goes on.")


def words(text: str | None) -> list[str]:
    return (text or "").replace(",", " ").split()


def needing(part: str) -> list[Step]:
    """Return the steps that need a part, or are named by it."""
    return [step for step in STEPS if part in step.parts or part in step.name]


def chosen(steps: list[str], only: str | None, without: str | None) -> list[Step]:
    """Return the steps that are to run.

    only: of the scenarios, just these. without: parts whose steps are left out.
    """
    absent = words(without)
    names = None if only is None else tuple(f"scenario-{name}-" for name in words(only))
    for part in absent:
        if not needing(part):
            raise ValueError(f"no step needs {part}; --list shows them")
    for name in [*steps, *(names or ())]:
        if not any(step.name.startswith(name) for step in STEPS):
            raise ValueError(f"there is no step {name.rstrip('-')}; --list shows them")
    found = [
        step
        for step in STEPS
        if (not steps or step.name.startswith(tuple(steps))) and not any(step in needing(part) for part in absent)
    ]
    return [step for step in found if names is None or step.session != "scenario" or step.name.startswith(names)]


def summarise(
    steps: list[Step], seconds: float, before: dict[str, times.Times] | None, without: str | None = None
) -> bool:
    """Print what took how long, what failed and what was left out, and write the file. Return whether all passed."""
    left_out = [step.name for step in STEPS if step not in steps]
    times.write([step.times for step in steps], seconds, left_out, TIMES)
    failed = [step for step in steps if not step.passed]
    say(f"\n{times.table([step.times for step in steps], before)}")
    say(
        f"\n{seconds:.0f} s in all; the steps' output is in {LOGS.relative_to(ROOT)}/, their times in .cache/times.json"
    )
    if len(left_out) < len(STEPS) / 2:  # else it is easier to see what was run
        say(f"Left out: {', '.join(left_out) or 'nothing'}")
    for part in words(without):  # never silently, whatever else was left out
        say(f"Without {part}: {', '.join(step.name for step in needing(part))}")
    if failed:
        for step in failed:
            say_why(step)
        say(f"\nFailed: {', '.join(step.name for step in failed)}")
    say(f"{len(steps) - len(failed)} passed, {len(failed)} failed, {len(left_out)} skipped")
    return not failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="only show the steps")
    parser.add_argument("--only", metavar="SCENARIOS", help="of the scenarios, only these; everything else runs")
    parser.add_argument(
        "--without", metavar="PARTS", help="leave out the steps of these, such as engine29 or core-2.21"
    )
    parser.add_argument("--against", metavar="FILE", type=pathlib.Path, help="compare the times with those of a run")
    parser.add_argument("steps", nargs="*", metavar="STEP", help="only these (a beginning of the name will do)")
    arguments = parser.parse_args()
    try:
        steps = chosen(arguments.steps, arguments.only, arguments.without)
        before = times.read(arguments.against) if arguments.against else None
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if arguments.list:
        say("\n".join(step.name for step in steps))
        return
    LOGS.mkdir(parents=True, exist_ok=True)
    if not arguments.steps:
        clear_hosts()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    begin = time.monotonic()
    parts = dict.fromkeys(part for step in steps for part in step.parts)
    with parts_ahead.made(list(parts), say), engine_watch.watched(say):
        run_in_order(steps)
    sys.exit(0 if summarise(steps, time.monotonic() - begin, before, arguments.without) else 1)


if __name__ == "__main__":
    main()
