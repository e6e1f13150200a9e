# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed test hosts: containers that boot systemd and run their own Docker Engine.

    hosts.py up NAME [--suite trixie] [--flavour engine] [--alias HOSTNAME] [-- OPTION-OF-DOCKER-RUN ...]
    hosts.py down NAME [NAME ...]
    hosts.py clean                   removes this clone's test hosts, and their network; the demos' hosts stay
    hosts.py purge                   removes all hosts and images of this clone, and our own engine

Several clones of the repository can share an engine: the container of the host NAME is NAME-KEY, with a key
made of the clone's path, and each clone has a network of its own, on which the hosts resolve each other by
name and alias. An inventory names the container in ansible_docker_host, or in place of the host's name.
Not a security boundary: a host has every capability but one, which makes it root on the machine that
runs it. The commands expect an engine to answer (engine.py), and tests/environment/run to start them.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import commands
import engine
import images
import states

LABEL = "dockyard.test.host"  # with the key of the clone as its value
DEMO = "dockyard-demo"
DEMO_TOPOLOGY = "dockyard-demo-topology"
DEMO_DATABASES = "dockyard-demo-databases"
DEMO_STACK = tuple(f"dockyard-demo-stack-{number}" for number in (1, 2, 3))
DEMOS = (DEMO, DEMO_TOPOLOGY, DEMO_DATABASES, *DEMO_STACK)
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COMPILED = ROOT / ".cache" / "compiled_modules"
LOGS = ROOT / ".cache" / "logs"
CPU = "/sys/fs/cgroup/cpu.stat"
JOURNAL = "/var/log/journal"
SUITES = (*images.SUITES, *states.SCRIPTS)


def container(name: str) -> str:
    """Return the name of a host's container."""
    return f"{name}-{engine.clone()}"


def network() -> str:
    """Return the name of the network between this clone's hosts."""
    return f"dockyard-test-{engine.clone()}"


def run_docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)


def docker(*arguments: str, check: bool = True) -> str:
    done = run_docker(*arguments)
    if check and done.returncode != 0:
        sys.exit(f"docker {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def up(name: str, suite: str, flavour: str, alias: str | None, options: list[str]) -> None:
    """Start a host and wait until systemd has started all its units. suite: of SUITES."""
    suite = states.asked_for(suite)
    image = images.ensure(states.suite_of(suite), flavour)
    with engine.alone():
        if network() not in docker("network", "ls", "--format", "{{.Name}}").split():
            docker("network", "create", network())
    down([name])
    command = (
        *("run", "--detach", "--name", container(name), "--hostname", alias or name),
        *("--label", f"{LABEL}={engine.clone()}", "--network", network()),
        *("--network-alias", name, "--network-alias", alias or name),
        *("--security-opt", "seccomp=unconfined", "--device-cgroup-rule", "a *:* rwm"),
        *("--device", "/dev/fuse", "--device", "/dev/net/tun", "--cgroupns", "private"),
        # A journal outside of /run outlives the host.
        *("--volume", JOURNAL),
        *("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec", "--cap-add", "ALL"),
    )
    # Everything that --privileged gives except CAP_SYS_RESOURCE, which some machines can't grant. There, an
    # older engine needs the option to leave it out; a newer one (25 and up) does so by itself, and refuses the option.
    options = [*compiled_modules(), *commands.options(container(name)), *options]
    done = run_docker(*command, "--cap-drop", "SYS_RESOURCE", *options, image)
    if "capability not supported" in done.stderr:
        done = run_docker(*command, *options, image)
    if done.returncode != 0:
        sys.exit(f"Starting the test host {name} failed: {done.stderr.strip()}")
    wait_for_systemd(name)
    if suite in states.SCRIPTS and flavour == "engine":
        docker("exec", container(name), "sh", "-c", states.SCRIPTS[suite])


def compiled_modules() -> list[str]:
    """Return the options that let a host keep what its Python compiles; none if the host is to be a plain one."""
    if os.environ.get("DOCKYARD_PLAIN"):
        return []
    COMPILED.mkdir(parents=True, exist_ok=True)
    packages = "/usr/lib/python3/dist-packages"
    mounts = [f"{HERE / name}:{packages}/{name}:ro" for name in ("compiled_modules.py", "compiled_modules.pth")]
    mounts.append(f"{COMPILED}:/var/cache/{COMPILED.name}")
    return [word for mount in mounts for word in ("--volume", mount)]


def wait_for_systemd(name: str, seconds: int = 60) -> None:
    """Wait until all units of a host are started. name: of the host."""
    deadline = time.monotonic() + seconds
    asked = container(name)
    state = ""
    while state not in ("running", "degraded"):
        if time.monotonic() > deadline:
            sys.exit(f"{name} is not up after {seconds} seconds: {state or docker('logs', asked, check=False)}")
        time.sleep(0.3)
        state = docker("exec", asked, "systemctl", "is-system-running", check=False)
    if state == "degraded":
        sys.exit(f"{name}: {docker('exec', asked, 'systemctl', '--failed', '--no-legend', check=False)}")


def down(names: list[str]) -> None:
    """Remove hosts with their volumes, and note how each of them ended; none of them has to exist."""
    for name in names:
        note_end(name)
    if names:
        docker("rm", "--force", "--volumes", *(container(name) for name in names), check=False)
    for name in names:
        commands.remove(container(name))


def processor(name: str) -> float:
    """Return the processor time of a host that runs, in seconds since it was started; of one that doesn't, nothing."""
    usage = re.search(r"usage_usec (\d+)", docker("exec", container(name), "cat", CPU, check=False))
    return int(usage.group(1)) / 1e6 if usage else 0.0


def note_end(name: str) -> None:
    """Note a host's processor time, or that it died, in the file that a step of everything.py names."""
    form = "{{.State.Running}} {{.State.ExitCode}}{{if .State.OOMKilled}}, for want of memory{{end}}"
    running, _space, code = docker("inspect", "--format", form, container(name), check=False).partition(" ")
    if not running:
        return
    noted: dict[str, str | float] = {"host": name}
    if running == "true":
        noted["seconds"] = processor(name)
    else:
        log = LOGS / f"host-{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        done = run_docker("logs", container(name))
        log.write_text(done.stdout + done.stderr + journal(name))
        noted["died"] = f"The test host {name} died (exit code {code}); its log is kept in {log.relative_to(ROOT)}."
        print(noted["died"], file=sys.stderr)
    if "DOCKYARD_HOSTS_FILE" in os.environ:
        with open(os.environ["DOCKYARD_HOSTS_FILE"], "a") as file:
            file.write(json.dumps(noted) + "\n")


def journal(name: str) -> str:
    """Return the end of the journal of a host that no longer runs; what its container says of itself is nothing."""
    image = docker("inspect", "--format", "{{.Config.Image}}", container(name), check=False)
    read = ("--volumes-from", container(name), "--entrypoint", "journalctl", image)
    done = run_docker("run", "--rm", *read, f"--directory={JOURNAL}", "--no-pager", "--lines=1000")
    return done.stdout + done.stderr


def containers(label: str) -> list[str]:
    """Return the names of all containers with a label."""
    return docker("ps", "--all", "--format", "{{.Names}}", "--filter", f"label={label}").split()


def clean(kept: tuple[str, ...] = DEMOS) -> None:
    """Remove this clone's hosts, except those that are to be kept, and their network."""
    stay = [container(name) for name in kept]
    gone = [name for name in containers(f"{LABEL}={engine.clone()}") if name not in stay]
    if gone:
        docker("rm", "--force", "--volumes", *gone, check=False)
    docker("network", "rm", network(), check=False)  # refused while a host uses it


def purge() -> str:
    """Remove everything of this clone, and our own engine unless another clone has hosts on it. Return what stays."""
    clean(kept=())
    ours = images.of_clone()
    if ours:
        docker("image", "rm", "--force", *ours, check=False)
    others = containers(LABEL)
    if others:
        return f"the engine, because other clones have hosts on it: {', '.join(sorted(others))}"
    engine.stop(remove=True)
    return ""


def parse(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return what the words of the command line mean, and the options of docker run among them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up")
    start.add_argument("name")
    start.add_argument("--suite", choices=SUITES, default="trixie")
    start.add_argument("--flavour", choices=images.FLAVOURS, default="engine")
    start.add_argument("--alias")
    end = commands.add_parser("down")
    end.add_argument("names", nargs="+")
    commands.add_parser("clean")
    commands.add_parser("purge")
    # By hand: argparse assigns what comes after "--" to a list only if nothing is between it and NAME.
    end_of_words = words.index("--") if "--" in words else len(words)
    options = words[end_of_words + 1 :]
    arguments = parser.parse_args(words[:end_of_words])
    if options and arguments.command != "up":
        parser.error("only up takes options of docker run")
    return arguments, options


def main() -> None:
    arguments, options = parse(sys.argv[1:])
    if arguments.command == "up":
        up(arguments.name, arguments.suite, arguments.flavour, arguments.alias, options)
    elif arguments.command == "down":
        down(arguments.names)
    elif arguments.command == "clean":
        clean()
    else:
        left = purge()
        if left:
            print(f"What stays is {left}.")


if __name__ == "__main__":
    main()
