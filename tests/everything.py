# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check and every test: what `make test` runs.

    everything.py [--list] [STEP ...]

A step is one nox session. Steps that need a test host run in one lane and those that need none in
another, one step at a time in each, which keeps two cores busy. A step's output goes to
.cache/logs/STEP.log; of a step that failed, its end is printed.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import subprocess
import sys
import threading
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


CHECKS = [
    *(Step(name, name) for name in ("style", "types", "yamllint", "license-check", "extra-checks", "docs-check")),
    *(Step(name, name) for name in ("changelog", "roles", "unit", "docs_lint", "ansible_lint", "sanity", "docs")),
    Step("galaxy_importer", "galaxy_importer"),
]
HOSTS = [
    Step("integration", "integration"),
    scenario("docker_engine"),
    scenario("images"),
    scenario("registry"),
    scenario("registry_mtls"),
    scenario("registry_host"),
    scenario("registry_clients"),
]
_print_lock = threading.Lock()


def say(text: str) -> None:
    with _print_lock:
        print(text, flush=True)


def run_lane(steps: list[Step]) -> None:
    for step in steps:
        step.run()
        say(f"{'ok    ' if step.passed else 'FAILED'} {step.seconds:6.0f} s  {step.name}")
        if not step.passed:
            lines = step.log.read_text(errors="replace").splitlines()
            say("\n".join(f"    {line}" for line in lines[-TAIL:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="only show the steps")
    parser.add_argument("steps", nargs="*", metavar="STEP", help="only these (a beginning of the name will do)")
    arguments = parser.parse_args()
    known = CHECKS + HOSTS
    if arguments.list:
        print("\n".join(step.name for step in known))
        return
    wanted = tuple(arguments.steps)
    for name in wanted:
        if not any(step.name.startswith(name) for step in known):
            parser.error(f"there is no step {name}; --list shows them")
    lanes = [[step for step in lane if not wanted or step.name.startswith(wanted)] for lane in (CHECKS, HOSTS)]
    LOGS.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    threads = [threading.Thread(target=run_lane, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    steps = lanes[0] + lanes[1]
    failed = [step.name for step in steps if not step.passed]
    print(f"{time.monotonic() - begin:.0f} s in all; the steps' output is in {LOGS.relative_to(ROOT)}/")
    if failed:
        print(f"Failed: {', '.join(failed)}")
    print(f"{len(steps) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
