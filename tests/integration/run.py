# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs integration targets on managed test hosts, one host for each generation asked for.

run.py [TARGET ...] [SUITE ...]        all targets on trixie, unless said otherwise
run.py docker_certs bookworm sid

DOCKYARD_HOST_NAME names the hosts of runs beside this one. How long each target took is printed after it.
"""

from __future__ import annotations

import os
import pathlib
import resource
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "hosts"))

import hosts  # noqa: E402  found through the path set above


def all_targets() -> list[str]:
    """Return every target but those that only prepare something for others."""
    return sorted(folder.name for folder in (HERE / "targets").iterdir() if not folder.name.startswith("setup_"))


def run(target: str, host: str) -> bool:
    print(f"=== {target} on {host}", flush=True)
    inventory = ["-i", f"{hosts.container(host)},", "-c", "community.docker.docker"]
    command = ["ansible-playbook", *inventory, str(HERE / "run.yml"), "-e", f"target={target}"]
    environment = {**os.environ, "ANSIBLE_ROLES_PATH": str(HERE / "targets")}
    before = times(host)
    passed = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode == 0
    wall, processor, on_host = (after - earlier for earlier, after in zip(before, times(host)))
    ended = "passed" if passed else "failed"
    print(f"=== {target} {ended}: {wall:.0f} s, {processor:.1f} s of processor, {on_host:.1f} s on {host}", flush=True)
    return passed


def times(host: str) -> tuple[float, float, float]:
    """Return the clock, the processor time of the processes started here, and the host's."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic(), usage.ru_utime + usage.ru_stime, hosts.processor(host)


def main() -> None:
    words = sys.argv[1:]
    suites = [word for word in words if word in hosts.SUITES] or ["trixie"]
    targets = [word for word in words if word not in hosts.SUITES] or all_targets()
    unknown = sorted(set(targets) - set(all_targets()))
    if unknown:
        sys.exit(f"There is no target {', '.join(unknown)}; there are {', '.join(all_targets())}.")
    failed = []
    for suite in suites:
        host = f"dockyard-{os.environ.get('DOCKYARD_HOST_NAME', 'integration')}-{suite}"
        hosts.up(host, suite, "engine", None, [])
        failed += [f"{target} ({suite})" for target in targets if not run(target, host)]
        hosts.down([host])
    print(f"{len(suites) * len(targets) - len(failed)} passed, {len(failed)} failed")
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
