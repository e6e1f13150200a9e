# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check and every test: what `make test` runs.

    everything.py [--list] [STEP ...]

A step is one nox session. Two run at a time, the longest first, and beside them what mostly waits, which keeps
two cores busy; before them come those that need the tree to themselves. A step's output goes to
.cache/logs/STEP.log; of a step that failed, its end is printed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "logs"
TAIL = 60  # lines of a failed step's log


@dataclasses.dataclass
class Step:
    name: str
    session: str
    arguments: tuple[str, ...] = ()
    seconds: float = 0.0
    passed: bool = False

    @property
    def log(self) -> pathlib.Path:
        return LOGS / f"{self.name}.log"

    def run(self) -> None:
        begin = time.monotonic()
        with self.log.open("wb") as log:
            command = ["nox", "--no-error-on-external-run", "-s", self.session, "--", *self.arguments]
            done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
        self.seconds = time.monotonic() - begin
        self.passed = done.returncode == 0


def scenario(name: str, suite: str = "trixie") -> Step:
    return Step(f"scenario-{name}-{suite}", "scenario", (name, suite))


# They read every file of the tree, and would take for one of the project's what another step writes meanwhile:
# reuse asks git only once, at its start, what is to be ignored.
ALONE = [Step(name, name) for name in ("license-check", "extra-checks")]
# A good part of their time is that of engines that restart and hosts that boot.
WAITING = [Step("faults-daemon-trixie", "faults", ("daemon", "trixie", "--small"))]
TOGETHER = [
    scenario("registry"),
    Step("faults-harbor-trixie", "faults", ("harbor", "trixie", "--small")),
    scenario("registry_host"),
    scenario("docker_engine"),
    scenario("docker_daemon"),  # on all three suites at once
    scenario("docker_network"),  # the worker's suite is bookworm
    scenario("images"),
    Step("integration", "integration"),
    scenario("harbor_upgrade"),
    scenario("harbor"),
    scenario("registry_mtls"),
    scenario("registry_clients"),
    Step("sanity", "sanity"),
    Step("unit", "unit"),
    *(Step(name, name) for name in ("galaxy_importer", "ansible_lint", "docs_lint", "docs", "types", "style")),
    *(Step(name, name) for name in ("yamllint", "docs-check", "changelog", "roles")),
]
STEPS = [*ALONE, *WAITING, *TOGETHER]
AT_ONCE = 2


def say(text: str) -> None:
    print(f"{text}\n", end="", flush=True)


def run(step: Step) -> None:
    step.run()
    say(f"{'ok    ' if step.passed else 'FAILED'} {step.seconds:6.0f} s  {step.name}")
    if not step.passed:
        lines = step.log.read_text(errors="replace").splitlines()
        say("\n".join(f"    {line}" for line in lines[-TAIL:]))


def run_all(steps: list[Step], at_once: int) -> None:
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        list(pool.map(run, steps))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="only show the steps")
    parser.add_argument("steps", nargs="*", metavar="STEP", help="only these (a beginning of the name will do)")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(step.name for step in STEPS))
        return
    wanted = tuple(arguments.steps)
    for name in wanted:
        if not any(step.name.startswith(name) for step in STEPS):
            parser.error(f"there is no step {name}; --list shows them")
    steps = [step for step in STEPS if not wanted or step.name.startswith(wanted)]
    LOGS.mkdir(parents=True, exist_ok=True)
    if not wanted:
        # What an earlier run left behind is rubbish: hosts in an unknown state, which use up the kernel's limits.
        command = [sys.executable, str(ROOT / "tests" / "hosts" / "hosts.py"), "clean"]
        subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
    begin = time.monotonic()
    run_all([step for step in steps if step in ALONE], 1)
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(run_all, [step for step in steps if step in WAITING], 1)
        run_all([step for step in steps if step in TOGETHER], AT_ONCE)
        waiting.result()
    failed = [step.name for step in steps if not step.passed]
    print(f"{time.monotonic() - begin:.0f} s in all; the steps' output is in {LOGS.relative_to(ROOT)}/")
    if failed:
        print(f"Failed: {', '.join(failed)}")
    print(f"{len(steps) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
