# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the modules that change an engine in four steps on engines of several generations, and print the matrix.

    engines.py [SUITE ...]

The steps are check mode, run, run again, check again; after the run the engine is asked, with a container on docker0
before and after. One host is up at a time. What is on trial is whether a module works with an engine at all: what
each of its options does is the subject of its integration target.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "faults"), str(HERE / "hosts")]

import hosts  # noqa: E402  found through the path set above
from daemon.host import IMAGE  # noqa: E402
from managed_host import ManagedHost  # noqa: E402

_CONTAINER = "docker run --detach --init --name plain --restart always small:1 sleep 100000"
_RUNS = "test running = \"$(docker inspect --format '{{.State.Status}}' plain)\""
_ADDRESS = "ip -4 -oneline address show docker0 | grep -q 10.77.0.1/24"
_ICC = "docker network inspect --format '{{index .Options \"com.docker.network.bridge.enable_icc\"}}'"
# What a module is called with, and what must be true afterwards, beside the container that runs.
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "docker_daemon": (
        {"config": {"log-opts": {"max-size": "10m"}, "labels": ["site=test"]}, "on_running_containers": "proceed"},
        "docker info --format '{{.Labels}}' | grep -q site=test",
    ),
    "docker_bridge": (
        {"bip": "10.77.0.1/24", "icc": False, "on_running_containers": "proceed"},
        f'{_ADDRESS} && test false = "$({_ICC} bridge)"',
    ),
    "docker_networks": (
        {"networks": [{"name": "apart", "subnets": [{"subnet": "10.90.0.0/24"}], "icc": False}]},
        f'test false = "$({_ICC} apart)"',
    ),
    "docker_certs": (
        {"registry": "registry.test:5000", "ca_path": "/root/ca.pem"},
        "cmp /root/ca.pem /etc/docker/certs.d/registry.test:5000/ca.crt",
    ),
}
# The first certificate that the host trusts.
_CA = "sed '/END CERTIFICATE/q' /etc/ssl/certs/ca-certificates.crt > /root/ca.pem"


def try_module(host: ManagedHost, module: str) -> list[str]:
    """Return what is wrong with a module on a host, in sentences."""
    options, proof = CASES[module]
    wrong = []
    for step, check, changed in (("check", True, True), ("run", False, True), ("again", False, False)):
        answer = host.module(module, check, **options)
        if answer.get("failed") or answer.get("changed") is not changed:
            wrong.append(f"{step}: {answer.get('msg') or answer}")
    answer = host.module(module, True, **options)
    if answer.get("failed") or answer.get("changed"):
        wrong.append(f"check again: {answer.get('msg') or answer}")
    wrong += [f"afterwards this is not so: {script}" for script in (proof, _RUNS) if host.run(script).returncode != 0]
    return wrong


def try_suite(suite: str) -> bool:
    """Print a row of the matrix; return whether everything is as it should be."""
    host = ManagedHost(f"engines-{suite}")
    hosts.up(host.name, suite, "engine", None, [])
    try:
        host.must(f"{IMAGE}{_CONTAINER} >/dev/null\n{_CA}")
        asked = "{{.ServerVersion}} {{.Driver}} {{if .FirewallBackend}}{{.FirewallBackend.Driver}}{{end}}"
        # Older command lines know nothing of the last one, and end in the middle of their answer.
        version = "{{.ServerVersion}} {{.Driver}}"
        known = host.must(f"docker info --format '{asked}' 2>/dev/null || docker info --format '{version}'")
        about = known.splitlines()[-1]
        wrong = {module: try_module(host, module) for module in CASES}
    finally:
        hosts.down([host.name])
    cells = "  ".join(f"{module} {'FAILED' if wrong[module] else 'ok'}" for module in CASES)
    print(f"{suite:18} {about:28} {cells}", flush=True)
    for module, sentences in wrong.items():
        print("".join(f"    {module}: {sentence}\n" for sentence in sentences), end="", flush=True)
    return not any(wrong.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", choices=[[], *hosts.SUITES], metavar="SUITE")
    suites = parser.parse_args().suites or list(hosts.SUITES)
    held = [try_suite(suite) for suite in suites]
    print(f"{sum(held)} of {len(held)} engines held")
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
