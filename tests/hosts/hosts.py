# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed test hosts: containers that boot systemd and run their own Docker Engine.

    hosts.py up NAME [--suite trixie] [--flavour engine] [--alias HOSTNAME]
    hosts.py down NAME [NAME ...]
    hosts.py clean                   removes every test host, and the network between them; the demo's host stays
    hosts.py purge                   removes all hosts, images, and our own engine

A host's name is its container's name, for Ansible's connection community.docker.docker; the hosts
resolve each other by name and alias. Not a security boundary: a host has every capability but one,
which makes it root on the machine that runs it. The commands expect an engine to answer (engine.py).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import engine
import images

NETWORK = "dockyard-test"
LABEL = "dockyard.test.host"
DEMO = "dockyard-demo"


def run_docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)


def docker(*arguments: str, check: bool = True) -> str:
    done = run_docker(*arguments)
    if check and done.returncode != 0:
        sys.exit(f"docker {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def up(name: str, suite: str, flavour: str, alias: str | None, options: list[str]) -> None:
    """Starts a host and waits until systemd has started all its units."""
    image = images.ensure(suite, flavour)
    with engine.alone():
        if NETWORK not in docker("network", "ls", "--format", "{{.Name}}").split():
            docker("network", "create", NETWORK)
    down([name])
    command = (
        *("run", "--detach", "--name", name, "--hostname", alias or name, "--label", LABEL),
        *("--network", NETWORK, "--network-alias", alias or name),
        *("--security-opt", "seccomp=unconfined", "--device-cgroup-rule", "a *:* rwm"),
        *("--device", "/dev/fuse", "--device", "/dev/net/tun", "--cgroupns", "private"),
        *("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec", "--cap-add", "ALL"),
    )
    # Everything that --privileged gives except CAP_SYS_RESOURCE, which some machines can't grant. There, an
    # older engine must be told to leave it out; a newer one (25 and up) leaves it out by itself and won't be told.
    done = run_docker(*command, "--cap-drop", "SYS_RESOURCE", *options, image)
    if "capability not supported" in done.stderr:
        done = run_docker(*command, *options, image)
    if done.returncode != 0:
        sys.exit(f"Starting the test host {name} failed: {done.stderr.strip()}")
    wait_for_systemd(name)


def wait_for_systemd(name: str, seconds: int = 60) -> None:
    deadline = time.monotonic() + seconds
    state = ""
    while state not in ("running", "degraded"):
        if time.monotonic() > deadline:
            sys.exit(f"{name} is not up after {seconds} seconds: {state or docker('logs', name, check=False)}")
        time.sleep(0.3)
        state = docker("exec", name, "systemctl", "is-system-running", check=False)
    if state == "degraded":
        sys.exit(f"{name}: {docker('exec', name, 'systemctl', '--failed', '--no-legend', check=False)}")


def down(names: list[str]) -> None:
    if names:
        docker("rm", "--force", "--volumes", *names, check=False)


def clean(kept: tuple[str, ...] = (DEMO,)) -> None:
    listed = docker("ps", "--all", "--format", "{{.Names}}", "--filter", f"label={LABEL}").split()
    down([name for name in listed if name not in kept])
    docker("network", "rm", NETWORK, check=False)  # refused while a host uses it


def purge() -> None:
    clean(kept=())
    ours = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=dockyard-test/*")
    if ours:
        docker("image", "rm", "--force", *ours.split(), check=False)
    engine.stop(remove=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up")
    start.add_argument("name")
    start.add_argument("--suite", choices=images.SUITES, default="trixie")
    start.add_argument("--flavour", choices=images.FLAVOURS, default="engine")
    start.add_argument("--alias")
    start.add_argument("options", nargs="*", help="further options of docker run, after --")
    end = commands.add_parser("down")
    end.add_argument("names", nargs="+")
    commands.add_parser("clean")
    commands.add_parser("purge")
    arguments = parser.parse_args()
    if arguments.command == "up":
        up(arguments.name, arguments.suite, arguments.flavour, arguments.alias, arguments.options)
    elif arguments.command == "down":
        down(arguments.names)
    else:
        {"clean": clean, "purge": purge}[arguments.command]()


if __name__ == "__main__":
    main()
